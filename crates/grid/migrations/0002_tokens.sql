-- What a login may be proved with for a while. Times are seconds since 1970.

CREATE TABLE tokens (
    agent UUID NOT NULL,
    token UUID NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (agent, token)
);
CREATE INDEX tokens_by_end ON tokens (expires);
