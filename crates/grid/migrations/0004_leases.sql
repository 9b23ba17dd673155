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
