-- What several processes of one grid share. Times are seconds since 1970.

-- Whose login is under way, by whom, and until when nobody else may begin one.
CREATE TABLE login_turns (
    agent UUID PRIMARY KEY NOT NULL,
    holder UUID NOT NULL,
    ends BIGINT NOT NULL
);

-- Keys that all processes sign with.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL,
    secret BYTEA NOT NULL
);

-- When a process took it upon itself to tell of the end; 0: none has.
ALTER TABLE ended_sessions ADD COLUMN taken BIGINT NOT NULL DEFAULT 0;
