//! The grid services on SQL, the login, and what viewers reach of them over HTTP.
//!
//! One store implements all traits of [`services`]. Its queries are one text in the subset that SQLite and PostgreSQL
//! share, and the files in `src/store` name no engine: they use `Db`, `open` and `begin` of the module named `engine`
//! beside which they are compiled. What is peculiar to an engine is in `src/engine`; a second one is a second
//! module there and five lines like `src/sqlite.rs`, which compile the same files once more against it.
//!
//! Clock and randomness are given to the store when it is opened. Memory is small on purpose: three connections with
//! half a megabyte of cache each.
//!
//! [`LoginService`] is the login without its encodings: it talks to [`Services`](services::Services) and to regions
//! ([`LoginDestination`](services::LoginDestination)), wherever these are. [`Reaper`] ends the sessions that simulators
//! do not renew. [`public_router`] puts the login, and what the grid says about itself, on HTTP; [`private_router`] puts
//! the services there, as ROBUST serves them to simulators.

mod clock;
mod engine;
mod http;
mod login;
mod operator;
mod passwords;
mod provision;
mod reaper;
mod sqlite;
mod statistics;

pub use clock::{Clock, SystemClock};
pub use engine::{Database, UnknownDatabase};
pub use http::{GridInfo, PrivateConfig, PublicState, private_router, public_router};
pub use login::{
    Allowance, LoginConfig, LoginFailure, LoginRecords, LoginRequest, LoginResponse, LoginService,
    LoginSuccess, StartLocation, subject_of,
};
pub use operator::OperatorRecords;
pub use passwords::HashCost;
pub use provision::{FirstAccount, NewPerson, create_first_account, new_password, provision_account};
pub use reaper::Reaper;
pub use sqlite::{Examined, SqlStore, Taken};
pub use statistics::{GridStatistics, Statistics};
