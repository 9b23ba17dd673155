//! The grid services on SQL, the login, and what viewers reach of them over HTTP.
//!
//! One store implements all traits of [`services`]. Its queries are one text in the subset that SQLite and PostgreSQL
//! share, and the files in `src/store` name no engine: they use `Db`, `open` and `begin` of the module named `engine`
//! beside which they are compiled. What is peculiar to an engine is in `src/engine`; `src/sqlite.rs` and
//! `src/postgres.rs` are five lines each, which compile the same files against one of them. [`SqlStore`] is whichever the
//! database asks for.
//!
//! Any number of processes may work on one database, as one grid: whatever must be known to all of them is in it. What a
//! process remembers for itself is that a password was right a moment ago ([`HashCost`]), and whom it lets wait.
//!
//! What assets consist of is kept in the database or, each content once under its hash, in [`Blobs`]: files or a bucket.
//! [`AssetKeeper`] moves it from the one to the other, and clears away what no asset has.
//!
//! Clock and randomness are given to the store when it is opened. Memory is small on purpose: on SQLite three connections
//! with half a megabyte of cache each.
//!
//! [`LoginService`] is the login without its encodings: it talks to [`Services`](services::Services) and to regions
//! ([`LoginDestination`](services::LoginDestination)), wherever these are. [`Reaper`] ends the sessions that simulators
//! do not renew. [`public_router`] puts the login, and what the grid says about itself, on HTTP; [`private_router`] puts
//! the services there, as ROBUST serves them to simulators; a
//! [`Door`] before it demands their keys.

mod asset_keeper;
mod blobs;
mod clock;
mod engine;
mod http;
mod kept;
mod login;
mod operator;
mod passwords;
mod postgres;
mod provision;
mod reaper;
mod sql_store;
mod sqlite;
mod statistics;

pub use asset_keeper::AssetKeeper;
pub use blobs::{AssetPlace, Blobs, Bucket, Carried, Hash, UnknownPlace};
pub use clock::{Clock, SystemClock};
pub use engine::{Database, PostgresUrl, UnknownDatabase};
pub use http::{Door, GridInfo, PrivateConfig, PublicState, private_router, public_router};
pub use kept::Kept;
pub use login::{
    Allowance, LoginConfig, LoginFailure, LoginRecords, LoginRequest, LoginResponse, LoginService,
    LoginSuccess, StartLocation, subject_of,
};
pub use operator::OperatorRecords;
pub use passwords::HashCost;
pub use provision::{FirstAccount, NewPerson, create_first_account, new_password, provision_account};
pub use reaper::Reaper;
pub use sql_store::{Copied, Examined, SimulatorKey, SqlStore, Taken};
pub use statistics::{GridStatistics, Statistics};
