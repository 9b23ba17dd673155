"""What the end-to-end tests are made of: a world run by the release binary, and clients nobody here wrote.

`process`  the binary: start it, stop it, read what it says
`world`    a process with regions and accounts, and ways for clients to enter
`grid`     grid services and simulators as processes of their own
`balancer` what stands before several processes of one grid
`postgres` a database server of the tests' own
`bucket`   an S3-compatible server
`services` the grid's private side, asked by hand
`meddler`  a proxy between processes that loses, delays and garbles what they say to each other
`inbox`    everything a client received, in order, and waiting for what is still to come
`client`   what every client can do; `StockClient` is hippolyzer as it comes
`viewer`   hippolyzer's library driven in the order in which the Second Life viewer sends its messages
`people`   what clients say to each other and do with each other
`sessions` what is known of sessions, and all the ways to end one
`wire`     LLUDP and login by hand, for what no client would send
`terrain`  which patches of ground a client has been sent
"""
