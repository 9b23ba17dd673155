-- Seconds since 1970 at which a session ends if nobody renews it; 0: never, until somebody says so.
ALTER TABLE presences ADD COLUMN ends BIGINT NOT NULL DEFAULT 0;
CREATE INDEX presences_by_end ON presences (ends);

-- Sessions that the grid has ended by itself, until those who want to know of it have been told.
CREATE TABLE ended_sessions (
    session UUID PRIMARY KEY NOT NULL,
    agent UUID NOT NULL,
    secure_session UUID NOT NULL,
    region UUID NOT NULL,
    renewed BIGINT NOT NULL
);

-- Wrong passwords, by what they count against: a name or an address, as a hash. Seconds since 1970 at which all of
-- them are forgotten.
CREATE TABLE login_failures (
    subject TEXT PRIMARY KEY NOT NULL,
    forgotten BIGINT NOT NULL
);
CREATE INDEX login_failures_by_end ON login_failures (forgotten);

-- From where people have logged in before: addresses, as a hash.
CREATE TABLE login_addresses (
    agent UUID NOT NULL,
    address TEXT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (agent, address)
);

-- Who has agreed to which terms: the last text, as a hash.
CREATE TABLE agreements (
    agent UUID PRIMARY KEY NOT NULL,
    terms TEXT NOT NULL
);
