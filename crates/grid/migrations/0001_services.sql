-- One text for SQLite and PostgreSQL: UUID, BYTEA, BIGINT, REAL, BOOLEAN and TEXT mean the same to both.
-- Times are seconds since 1970. Masks and flags are unsigned and so need BIGINT. "…_key" is what names are compared by.

CREATE TABLE accounts (
    id UUID PRIMARY KEY NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    created BIGINT NOT NULL,
    level BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    title TEXT NOT NULL,
    country TEXT NOT NULL,
    service_urls TEXT NOT NULL
);
CREATE INDEX accounts_by_email ON accounts (email);

-- The forms in which viewers may send one password; each row opens the account.
CREATE TABLE passwords (
    agent UUID NOT NULL,
    form BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (agent, form)
);

CREATE TABLE regions (
    id UUID PRIMARY KEY NOT NULL,
    name_key TEXT NOT NULL,
    name TEXT NOT NULL,
    x_m BIGINT NOT NULL,
    y_m BIGINT NOT NULL,
    size_x_m BIGINT NOT NULL,
    size_y_m BIGINT NOT NULL,
    external_host TEXT NOT NULL,
    http_port BIGINT NOT NULL,
    udp_port BIGINT NOT NULL,
    server_uri TEXT NOT NULL,
    owner UUID NOT NULL,
    access BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    map_image UUID NOT NULL,
    parcel_image UUID NOT NULL,
    token TEXT NOT NULL,
    renewed BIGINT NOT NULL
);
CREATE INDEX regions_by_name ON regions (name_key);
CREATE INDEX regions_by_place ON regions (x_m, y_m);

CREATE TABLE presences (
    session UUID PRIMARY KEY NOT NULL,
    agent UUID NOT NULL,
    secure_session UUID NOT NULL,
    region UUID NOT NULL,
    renewed BIGINT NOT NULL
);
CREATE INDEX presences_by_agent ON presences (agent);
CREATE INDEX presences_by_region ON presences (region);

-- A null region: there is no such place.
CREATE TABLE grid_users (
    agent UUID PRIMARY KEY NOT NULL,
    home_region UUID NOT NULL,
    home_x REAL NOT NULL, home_y REAL NOT NULL, home_z REAL NOT NULL,
    home_look_x REAL NOT NULL, home_look_y REAL NOT NULL, home_look_z REAL NOT NULL,
    last_region UUID NOT NULL,
    last_x REAL NOT NULL, last_y REAL NOT NULL, last_z REAL NOT NULL,
    last_look_x REAL NOT NULL, last_look_y REAL NOT NULL, last_look_z REAL NOT NULL,
    online BOOLEAN NOT NULL,
    login BIGINT NOT NULL,
    logout BIGINT NOT NULL
);

CREATE TABLE friends (
    agent UUID NOT NULL,
    friend UUID NOT NULL,
    rights BIGINT NOT NULL,
    PRIMARY KEY (agent, friend)
);
CREATE INDEX friends_by_friend ON friends (friend);

CREATE TABLE avatars (
    agent UUID NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (agent, name)
);

CREATE TABLE inventory_folders (
    id UUID PRIMARY KEY NOT NULL,
    owner UUID NOT NULL,
    parent UUID NOT NULL,
    name TEXT NOT NULL,
    kind BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX inventory_folders_by_parent ON inventory_folders (owner, parent);

CREATE TABLE inventory_items (
    id UUID PRIMARY KEY NOT NULL,
    owner UUID NOT NULL,
    folder UUID NOT NULL,
    asset UUID NOT NULL,
    asset_type BIGINT NOT NULL,
    inventory_type BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    creator UUID NOT NULL,
    creator_data TEXT NOT NULL,
    created BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    base_mask BIGINT NOT NULL,
    current_mask BIGINT NOT NULL,
    group_mask BIGINT NOT NULL,
    everyone_mask BIGINT NOT NULL,
    next_mask BIGINT NOT NULL,
    sale_price BIGINT NOT NULL,
    sale_kind BIGINT NOT NULL,
    group_id UUID NOT NULL,
    group_owned BOOLEAN NOT NULL
);
CREATE INDEX inventory_items_by_folder ON inventory_items (owner, folder);
CREATE INDEX inventory_items_by_asset ON inventory_items (owner, asset);

-- Content is kept once however many assets have it; its key is its SHA-256.
CREATE TABLE contents (
    hash BYTEA PRIMARY KEY NOT NULL,
    data BYTEA NOT NULL
);

CREATE TABLE assets (
    id UUID PRIMARY KEY NOT NULL,
    kind BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    creator UUID NOT NULL,
    created BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX assets_by_hash ON assets (hash);
