-- By which simulators prove that they may use the private side. The keys themselves are nowhere; a key is so long that its
-- plain SHA-256 tells nothing. Times are seconds since 1970.
CREATE TABLE simulator_keys (
    name TEXT PRIMARY KEY NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    created BIGINT NOT NULL
);
