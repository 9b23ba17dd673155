-- Contents that perhaps no asset has: whoever takes a content from an asset, or is about to keep one outside of the
-- database, notes it here first. `since`: when, seconds since 1970. A day later somebody looks whether it is so.
CREATE TABLE loose_contents (
    hash BYTEA PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX loose_contents_by_time ON loose_contents (since);

INSERT INTO loose_contents (hash, since)
    SELECT hash, 0 FROM contents WHERE NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = contents.hash)
    UNION SELECT hash, 0 FROM blobs WHERE NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = blobs.hash);

-- When somebody began to clear it away; 0: nobody has. What is stored meanwhile is kept in the database.
ALTER TABLE blobs ADD COLUMN clearing BIGINT NOT NULL DEFAULT 0;
DROP INDEX blobs_by_time;
