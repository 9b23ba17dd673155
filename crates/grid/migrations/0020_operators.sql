-- Who operates the grid, with a password as argon2id has it; the page knows one.
CREATE TABLE operators (
    name TEXT PRIMARY KEY NOT NULL,
    password TEXT NOT NULL
);

-- Where the operator is logged in: cookies, as a hash. Seconds since 1970 at which each ends.
CREATE TABLE operator_sessions (
    mark TEXT PRIMARY KEY NOT NULL,
    ends BIGINT NOT NULL
);
