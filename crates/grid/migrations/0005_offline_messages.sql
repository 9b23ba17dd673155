-- What was said to people who were not online. Bodies are LLSD in its binary form.
CREATE TABLE offline_messages (
    agent UUID NOT NULL,
    number BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (agent, number)
);

-- The last number that was given to a message for somebody: none is given twice.
CREATE TABLE mailboxes (
    agent UUID PRIMARY KEY NOT NULL,
    last BIGINT NOT NULL
);
