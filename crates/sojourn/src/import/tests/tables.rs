//! Table definitions, written after the database fact sheet: SQLite's by file, MySQL's for one database.

/// `userprofiles.db`
pub(super) const SQLITE_ACCOUNTS: [&str; 2] = [
    MIGRATIONS,
    "CREATE TABLE UserAccounts (PrincipalID CHAR(36) PRIMARY KEY, \
     ScopeID CHAR(36) NOT NULL, FirstName VARCHAR(64) NOT NULL, LastName VARCHAR(64) NOT NULL, Email VARCHAR(64), \
     ServiceURLs TEXT, Created INT(11), UserLevel INTEGER NOT NULL DEFAULT 0, UserFlags INTEGER NOT NULL DEFAULT 0, \
     UserTitle VARCHAR(64) NOT NULL DEFAULT '')",
];
/// `auth.db`
pub(super) const SQLITE_AUTH: [&str; 2] = [
    "CREATE TABLE auth (UUID CHAR(36) NOT NULL PRIMARY KEY, passwordHash CHAR(32) NOT NULL DEFAULT '', passwordSalt \
     CHAR(32) NOT NULL DEFAULT '', webLoginKey VARCHAR(255) NOT NULL DEFAULT '', accountType VARCHAR(32) NOT NULL DEFAULT \
     'UserAccount')",
    "CREATE TABLE tokens (UUID CHAR(36) NOT NULL, token VARCHAR(255) NOT NULL, validity DATETIME NOT NULL)",
];
/// `griduser.db`
pub(super) const SQLITE_GRID_USER: [&str; 1] = [
    "CREATE TABLE GridUser (UserID VARCHAR(255) PRIMARY KEY, HomeRegionID \
     CHAR(36) NOT NULL, HomePosition CHAR(64) NOT NULL, HomeLookAt CHAR(64) NOT NULL, LastRegionID CHAR(36) NOT NULL, \
     LastPosition CHAR(64) NOT NULL, LastLookAt CHAR(64) NOT NULL, Online CHAR(5) NOT NULL, Login CHAR(16) NOT NULL, \
     Logout CHAR(16) NOT NULL)",
];
/// `friends.db`
pub(super) const SQLITE_FRIENDS: [&str; 1] =
    ["CREATE TABLE Friends (PrincipalID VARCHAR(255) NOT NULL, Friend \
     VARCHAR(255) NOT NULL, Flags VARCHAR(16) NOT NULL DEFAULT 0, Offered VARCHAR(32) NOT NULL DEFAULT 0, \
     PRIMARY KEY (PrincipalID, Friend))"];
/// `avatars.db`
pub(super) const SQLITE_AVATARS: [&str; 1] =
    ["CREATE TABLE Avatars (PrincipalID CHAR(36) NOT NULL, Name VARCHAR(32) NOT \
     NULL, Value TEXT NOT NULL, PRIMARY KEY (PrincipalID, Name))"];
/// `inventory.db`
pub(super) const SQLITE_INVENTORY: [&str; 2] = [
    "CREATE TABLE inventoryfolders (folderName VARCHAR(64), type INTEGER, version INTEGER, folderID VARCHAR(36) PRIMARY \
     KEY, agentID VARCHAR(36) NOT NULL, parentFolderID VARCHAR(36) NOT NULL)",
    "CREATE TABLE inventoryitems (assetID VARCHAR(36), assetType INTEGER, inventoryName VARCHAR(64), inventoryDescription \
     VARCHAR(64), inventoryNextPermissions INTEGER, inventoryCurrentPermissions INTEGER, invType INTEGER, creatorID \
     VARCHAR(128), inventoryBasePermissions INTEGER, inventoryEveryOnePermissions INTEGER, salePrice INTEGER DEFAULT 99, \
     saleType INTEGER DEFAULT 0, creationDate INTEGER DEFAULT 2000, groupID VARCHAR(36), groupOwned INTEGER DEFAULT 0, \
     flags INTEGER DEFAULT 0, inventoryID VARCHAR(36) PRIMARY KEY, parentFolderID VARCHAR(36), avatarID VARCHAR(36), \
     inventoryGroupPermissions INTEGER)",
];
/// `OpenSim.db`, and what is in files of their own at times.
pub(super) const SQLITE_OTHERS: [&str; 3] = [
    "CREATE TABLE AgentPrefs (PrincipalID CHAR(36) PRIMARY KEY, AccessPrefs CHAR(2) NOT NULL DEFAULT 'M', HoverHeight \
     DOUBLE(30,27) NOT NULL, Language CHAR(5) NOT NULL DEFAULT 'en-us', LanguageIsPublic BOOLEAN NOT NULL DEFAULT 1, \
     PermEveryone INT(6) NOT NULL, PermGroup INT(6) NOT NULL, PermNextOwner INT(6) NOT NULL DEFAULT 532480)",
    "CREATE TABLE MuteList (AgentID CHAR(36) NOT NULL, MuteID CHAR(36) NOT NULL, MuteName VARCHAR(64) NOT NULL, MuteType \
     INTEGER NOT NULL DEFAULT 1, MuteFlags INTEGER NOT NULL DEFAULT 0, Stamp INTEGER NOT NULL)",
    "CREATE TABLE estate_map (RegionID CHAR(36) NOT NULL PRIMARY KEY, EstateID INTEGER NOT NULL)",
];
/// `Asset.db`
pub(super) const SQLITE_ASSETS: [&str; 1] =
    ["CREATE TABLE assets (UUID NOT NULL PRIMARY KEY, Name, Description, Type, \
     Local, Temporary, asset_flags INTEGER NOT NULL DEFAULT 0, CreatorID VARCHAR(128) DEFAULT '', Data)"];

const MIGRATIONS: &str = "CREATE TABLE migrations (name VARCHAR(100), version INT)";

/// Everything but assets.
pub(super) const MYSQL: [&str; 11] = [
    MIGRATIONS,
    "CREATE TABLE UserAccounts (PrincipalID CHAR(36) NOT NULL, ScopeID CHAR(36) NOT NULL, FirstName VARCHAR(64) NOT NULL, \
     LastName VARCHAR(64) NOT NULL, Email VARCHAR(64), ServiceURLs TEXT, Created INT(11), UserLevel INT(11) NOT NULL \
     DEFAULT 0, UserFlags INT(11) NOT NULL DEFAULT 0, UserTitle VARCHAR(64) NOT NULL DEFAULT '', active INT NOT NULL \
     DEFAULT 1, UNIQUE KEY (PrincipalID))",
    "CREATE TABLE auth (UUID CHAR(36) NOT NULL, passwordHash CHAR(32) NOT NULL DEFAULT '', passwordSalt CHAR(32) NOT NULL \
     DEFAULT '', webLoginKey VARCHAR(255) NOT NULL DEFAULT '', accountType VARCHAR(32) NOT NULL DEFAULT 'UserAccount', \
     PRIMARY KEY (UUID))",
    "CREATE TABLE GridUser (UserID VARCHAR(255) NOT NULL, HomeRegionID CHAR(36) NOT NULL, HomePosition CHAR(64) NOT NULL, \
     HomeLookAt CHAR(64) NOT NULL, LastRegionID CHAR(36) NOT NULL, LastPosition CHAR(64) NOT NULL, LastLookAt CHAR(64) NOT \
     NULL, Online CHAR(5) NOT NULL, Login CHAR(16) NOT NULL, Logout CHAR(16) NOT NULL, PRIMARY KEY (UserID))",
    "CREATE TABLE Friends (PrincipalID VARCHAR(255) NOT NULL, Friend VARCHAR(255) NOT NULL, Flags VARCHAR(16) NOT NULL, \
     Offered VARCHAR(32) NOT NULL, PRIMARY KEY (PrincipalID(36), Friend(36)))",
    "CREATE TABLE Avatars (PrincipalID CHAR(36) NOT NULL, Name VARCHAR(32) NOT NULL, Value TEXT, PRIMARY KEY \
     (PrincipalID, Name))",
    "CREATE TABLE inventoryfolders (folderName VARCHAR(64), type SMALLINT(6) NOT NULL DEFAULT 0, version INT(11) NOT NULL \
     DEFAULT 0, folderID CHAR(36) NOT NULL, agentID CHAR(36), parentFolderID CHAR(36), PRIMARY KEY (folderID)) \
     DEFAULT CHARSET=utf8",
    "CREATE TABLE inventoryitems (assetID VARCHAR(36), assetType INT(11), inventoryName VARCHAR(64), inventoryDescription \
     VARCHAR(128), inventoryNextPermissions INT(10) UNSIGNED, inventoryCurrentPermissions INT(10), invType INT(11), \
     creatorID VARCHAR(255) NOT NULL, inventoryBasePermissions INT(10) UNSIGNED NOT NULL DEFAULT 0, \
     inventoryEveryOnePermissions INT(10) UNSIGNED NOT NULL DEFAULT 0, salePrice INT(11) NOT NULL DEFAULT 0, saleType \
     TINYINT(4) NOT NULL DEFAULT 0, creationDate INT(11) NOT NULL DEFAULT 0, groupID VARCHAR(36) NOT NULL, groupOwned \
     TINYINT(4) NOT NULL DEFAULT 0, flags INT(11) UNSIGNED NOT NULL DEFAULT 0, inventoryID CHAR(36) NOT NULL, avatarID \
     CHAR(36), parentFolderID CHAR(36), inventoryGroupPermissions INT(10) UNSIGNED NOT NULL DEFAULT 0, PRIMARY KEY \
     (inventoryID)) DEFAULT CHARSET=latin1",
    "CREATE TABLE AgentPrefs (PrincipalID CHAR(36) NOT NULL, AccessPrefs CHAR(2) NOT NULL DEFAULT 'M', HoverHeight \
     DOUBLE(30,27) NOT NULL, Language CHAR(5) NOT NULL DEFAULT 'en-us', LanguageIsPublic TINYINT(1) NOT NULL DEFAULT 1, \
     PermEveryone INT(6) NOT NULL, PermGroup INT(6) NOT NULL, PermNextOwner INT(6) NOT NULL DEFAULT 532480, UNIQUE KEY \
     (PrincipalID))",
    "CREATE TABLE MuteList (AgentID CHAR(36) NOT NULL, MuteID CHAR(36) NOT NULL, MuteName VARCHAR(64) NOT NULL, MuteType \
     INT NOT NULL DEFAULT 1, MuteFlags INT NOT NULL DEFAULT 0, Stamp INT NOT NULL, UNIQUE KEY (AgentID, MuteID, MuteName))",
    "CREATE TABLE estate_map (RegionID CHAR(36) NOT NULL, EstateID INT(11) NOT NULL, PRIMARY KEY (RegionID))",
];
/// Assets in one table.
pub(super) const MYSQL_ASSETS: [&str; 1] = [
    "CREATE TABLE assets (name VARCHAR(64) NOT NULL, description VARCHAR(64) NOT \
     NULL, assetType TINYINT(4) NOT NULL, local TINYINT(1) NOT NULL, temporary TINYINT(1) NOT NULL, data LONGBLOB NOT NULL, \
     id CHAR(36) NOT NULL, create_time INT(11) DEFAULT 0, access_time INT(11) DEFAULT 0, asset_flags INT(11) NOT NULL \
     DEFAULT 0, CreatorID VARCHAR(128) NOT NULL DEFAULT '', PRIMARY KEY (id))",
];
/// Assets with contents in a table of their own.
pub(super) const MYSQL_XASSETS: [&str; 2] = [
    "CREATE TABLE XAssetsMeta (ID CHAR(36) NOT NULL, Hash BINARY(32) NOT NULL, Name VARCHAR(64) NOT NULL, Description \
     VARCHAR(64) NOT NULL, AssetType TINYINT(4) NOT NULL, Local TINYINT(1) NOT NULL, Temporary TINYINT(1) NOT NULL, \
     CreateTime INT(11) NOT NULL, AccessTime INT(11) NOT NULL, AssetFlags INT(11) NOT NULL, CreatorID VARCHAR(128) NOT \
     NULL, PRIMARY KEY (ID))",
    "CREATE TABLE XAssetsData (Hash BINARY(32) NOT NULL, Data LONGBLOB NOT NULL, PRIMARY KEY (Hash))",
];
/// Assets with contents in files.
pub(super) const MYSQL_FSASSETS: [&str; 1] = [
    "CREATE TABLE fsassets (id CHAR(36) NOT NULL, name VARCHAR(64) NOT NULL \
     DEFAULT '', description VARCHAR(64) NOT NULL DEFAULT '', type INT(11) NOT NULL, hash CHAR(80) NOT NULL, create_time \
     INT(11) NOT NULL DEFAULT 0, access_time INT(11) NOT NULL DEFAULT 0, asset_flags INT(11) NOT NULL DEFAULT 0, PRIMARY \
     KEY (id))",
];
