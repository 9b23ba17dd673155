-- What people have set up for themselves, whom they do not want to hear of, and what the ground looks like from above.

CREATE TABLE agent_prefs (
    agent UUID PRIMARY KEY NOT NULL,
    access TEXT NOT NULL,
    hover_height REAL NOT NULL,
    language TEXT NOT NULL,
    language_is_public BOOLEAN NOT NULL,
    everyone_mask BIGINT NOT NULL,
    group_mask BIGINT NOT NULL,
    next_owner_mask BIGINT NOT NULL
);

CREATE TABLE mutes (
    agent UUID NOT NULL,
    muted UUID NOT NULL,
    name TEXT NOT NULL,
    kind BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    PRIMARY KEY (agent, muted, name)
);

-- By grid cell, units of 256 m.
CREATE TABLE map_tiles (
    x BIGINT NOT NULL,
    y BIGINT NOT NULL,
    jpeg BYTEA NOT NULL,
    PRIMARY KEY (x, y)
);
