-- What assets consist of, where that is kept outside of the database; by SHA-256. `stored`: it is there for certain.
-- `wanted`: when somebody last stored an asset of it, seconds since 1970; for a while after that it is not cleared away,
-- whether or not an asset has it.
CREATE TABLE blobs (
    hash BYTEA PRIMARY KEY NOT NULL,
    bytes BIGINT NOT NULL,
    stored BOOLEAN NOT NULL,
    wanted BIGINT NOT NULL
);
CREATE INDEX blobs_by_time ON blobs (wanted);
