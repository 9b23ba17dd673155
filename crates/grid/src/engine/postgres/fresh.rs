//! Empty databases for tests, on a server that SOJOURN_TEST_POSTGRES names, or on one of our own.

use super::super::Database;
use sqlx::{Connection as _, Executor as _};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A server that ends with this process: its standard input is a pipe from here.
struct Server {
    url: String,
    _process: Option<Child>,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("SOJOURN_TEST_POSTGRES") {
        Ok(url) => Server { url, _process: None },
        Err(_) => start(),
    })
}

fn start() -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/postgres");
    let mut process = Command::new(script)
        .args(["-c", "fsync=off"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash runs the script");
    let mut url = String::new();
    let said = process.stdout.take().expect("it is a pipe");
    BufReader::new(said).read_line(&mut url).unwrap();
    let url = url.trim().to_owned();
    assert!(
        !url.is_empty(),
        "no PostgreSQL to test on (its words are above): install it, or name a server in SOJOURN_TEST_POSTGRES, or leave \
         these tests out: cargo test -- --skip postgres::"
    );
    Server { url, _process: Some(process) }
}

/// An empty database: a schema of its own.
pub(crate) async fn fresh() -> (Database, ()) {
    let url = &server().url;
    let name = format!("test_{:032x}", rand::random::<u128>());
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
    connection.close().await.unwrap();
    let more = if url.contains('?') { '&' } else { '?' };
    (format!("{url}{more}options=-c%20search_path%3D{name}").parse().unwrap(), ())
}

/// The same: others can always use it too.
pub(crate) async fn fresh_for_several() -> (Database, ()) {
    fresh().await
}

#[tokio::test]
async fn migrations_may_take_their_time_and_nothing_else_may() {
    let (database, ()) = fresh().await;
    let pools = super::open(&database, std::time::Duration::ZERO).await.unwrap();
    let shown = async |connection: &mut sqlx::PgConnection, bound: &str| -> String {
        let show = sqlx::AssertSqlSafe(format!("SHOW {bound}"));
        sqlx::query_scalar(show).fetch_one(connection).await.unwrap()
    };
    let mut unbounded = super::unbounded(&pools.write).await.unwrap();
    for (bound, _) in super::BOUNDS {
        assert_eq!(shown(&mut unbounded, bound).await, "0", "{bound}");
    }
    drop(unbounded);
    let mut all = Vec::new();
    for _ in 0..super::CONNECTIONS {
        let mut connection = pools.write.acquire().await.unwrap();
        for (bound, most) in super::BOUNDS {
            assert_eq!(shown(&mut connection, bound).await, most);
        }
        all.push(connection);
    }
}
