//! Databases of an OpenSimulator, as tables of texts.
//!
//! The same table may be in MySQL or in one of several SQLite files, with columns that came and went over the years and
//! values in whatever type a driver of the time thought best. So a table is asked which columns it has, and every value
//! is read as text; what it means is decided in [`crate::records`], once for both engines.

use crate::Unreadable;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the server may take to come up with a connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections.
const CONNECTIONS: u32 = 4;
/// SQLite files in one folder.
const MAX_FILES: usize = 64;
/// What a file of SQLite starts with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Where the data of an OpenSimulator is. It is only ever read from.
#[derive(Debug)]
pub struct Source {
    tables: BTreeMap<String, Table>,
}

/// Somewhere to ask.
#[derive(Clone, Debug)]
enum Engine {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
}

/// A table, wherever it is.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    engine: Engine,
    /// As the engine has it.
    name: String,
    /// In small letters.
    columns: Vec<String>,
}

/// Values by column, each as text; what is NULL or has no column is not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(BTreeMap<&'static str, String>);

/// Which rows, in which order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// Columns to be read; small letters.
    pub(crate) columns: &'static [&'static str],
    /// Only rows in which this column has this value.
    pub(crate) of: Option<(&'static str, &'a str)>,
    /// By this column.
    pub(crate) order: &'static str,
    /// Only rows after this value of it.
    pub(crate) after: &'a str,
    pub(crate) limit: usize,
}

impl Record {
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }
}

impl Source {
    /// Opens `mysql://USER:PASSWORD@HOST/DATABASE`, or `sqlite:PATH` (the same without `sqlite:`) for a file or a folder of
    /// files.
    ///
    /// # Errors
    /// It is not there, or lets nobody in, or has nothing in it that OpenSimulator would have.
    pub async fn open(url: &str) -> Result<Self, Unreadable> {
        let mysql = ["mysql://", "mariadb://"].iter().any(|scheme| url.starts_with(scheme));
        let tables = if mysql {
            mysql_tables(url).await?
        } else if let Some((scheme, _)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") {
            let why = "mysql://USER:PASSWORD@HOST/DATABASE, or the path of SQLite files, is wanted";
            return Err(Unreadable { path: format!("{scheme}://…"), why: why.into() });
        } else {
            let path = url.strip_prefix("sqlite:").unwrap_or(url);
            sqlite_tables(Path::new(path.strip_prefix("//").unwrap_or(path))).await?
        };
        let source = Self { tables };
        if source.table("useraccounts").is_none() && source.table("inventoryitems").is_none() {
            let why = "there are no tables of an OpenSimulator (UserAccounts, inventoryitems) in it".into();
            return Err(Unreadable { path: "the database".into(), why });
        }
        Ok(source)
    }

    /// A table, by its name in small letters.
    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// All tables, by their names in small letters.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Closes all connections.
    pub async fn close(self) {
        for table in self.tables.into_values() {
            match table.engine {
                Engine::Sqlite(pool) => pool.close().await,
                Engine::MySql(pool) => pool.close().await,
            }
        }
    }
}

fn broken(what: &str) -> impl Fn(sqlx::Error) -> Unreadable {
    let path = what.to_owned();
    move |error| {
        let why = match error {
            sqlx::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        Unreadable { path: path.clone(), why }
    }
}

async fn mysql_tables(url: &str) -> Result<BTreeMap<String, Table>, Unreadable> {
    let url = url.replacen("mariadb://", "mysql://", 1);
    // What is wrong with it may quote it, with its password.
    let bad = |_| Unreadable { path: "mysql://…".into(), why: "this is no URL of a database".into() };
    let options: MySqlConnectOptions = url.parse().map_err(bad)?;
    // A pool would try for as long as it may, and not say what was in the way.
    let once = tokio::time::timeout(PATIENCE, MySqlConnection::connect_with(&options)).await;
    let once = once.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
    let closed = async { once?.close().await };
    closed.await.map_err(broken("the MySQL server"))?;
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::Executor::execute(connection, "SET SESSION TRANSACTION READ ONLY").await.map(drop)
            })
        })
        .connect_with(options)
        .await
        .map_err(broken("the MySQL server"))?;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR) FROM information_schema.columns \
         WHERE table_schema = DATABASE()",
    )
    .fetch_all(&pool)
    .await
    .map_err(broken("the MySQL server"))?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (name, column) in columns {
        let table = tables.entry(name.to_lowercase()).or_insert_with(|| Table {
            engine: Engine::MySql(pool.clone()),
            name,
            columns: Vec::new(),
        });
        table.columns.push(column.to_lowercase());
    }
    Ok(tables)
}

async fn sqlite_tables(path: &Path) -> Result<BTreeMap<String, Table>, Unreadable> {
    let mut tables = BTreeMap::new();
    for file in sqlite_files(path)? {
        let name = file.display().to_string();
        let options = SqliteConnectOptions::new().filename(&file).read_only(true);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let pool = pool.connect_with(options).await.map_err(broken(&name))?;
        let found: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&pool)
            .await
            .map_err(broken(&name))?;
        for table in found {
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
                .bind(&table)
                .fetch_all(&pool)
                .await
                .map_err(broken(&name))?;
            let columns = columns.into_iter().map(|column| column.to_lowercase()).collect();
            let table = Table { engine: Engine::Sqlite(pool.clone()), name: table, columns };
            // Leftovers of older versions lie beside the files in use; what has rows is in use.
            let key = table.name.to_lowercase();
            if !tables.contains_key(&key) || table.count().await.unwrap_or(0) > 0 {
                tables.insert(key, table);
            }
        }
    }
    Ok(tables)
}

/// The file, or all files of SQLite in the folder, by their names.
fn sqlite_files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let listed = fs::read_dir(path).map_err(|why| Unreadable::new(path, why))?;
    let mut files: Vec<PathBuf> =
        listed.flatten().map(|entry| entry.path()).filter(|p| is_sqlite(p)).collect();
    if files.is_empty() {
        return Err(Unreadable::new(path, "there are no SQLite files in it"));
    }
    files.sort();
    files.truncate(MAX_FILES);
    Ok(files)
}

fn is_sqlite(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; SQLITE.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    path.is_file() && read.is_ok() && start == SQLITE
}

impl Table {
    /// Whether there is such a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known == column)
    }

    fn quoted(&self, name: &str) -> String {
        match self.engine {
            Engine::Sqlite(_) => format!("\"{}\"", name.replace('"', "\"\"")),
            Engine::MySql(_) => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// A column as a text.
    fn as_text(&self, column: &str) -> String {
        let column = self.quoted(column);
        match self.engine {
            Engine::Sqlite(_) => format!("CAST({column} AS TEXT)"),
            Engine::MySql(_) => format!("CONVERT(CAST({column} AS CHAR) USING utf8mb4)"),
        }
    }

    /// How many rows there are.
    pub(crate) async fn count(&self) -> Result<u64, Unreadable> {
        let text = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", self.quoted(&self.name)));
        let count: Result<i64, _> = match &self.engine {
            Engine::Sqlite(pool) => sqlx::query_scalar(text).fetch_one(pool).await,
            Engine::MySql(pool) => sqlx::query_scalar(text).fetch_one(pool).await,
        };
        count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(broken(&self.name))
    }

    /// Some rows.
    pub(crate) async fn rows(&self, wanted: Wanted<'_>) -> Result<Vec<Record>, Unreadable> {
        let columns: Vec<&'static str> =
            wanted.columns.iter().copied().filter(|column| self.has(column)).collect();
        if columns.is_empty() || !self.has(wanted.order) {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = columns.iter().map(|column| self.as_text(column)).collect();
        let (table, order) = (self.quoted(&self.name), self.quoted(wanted.order));
        let of = wanted.of.map(|(column, _)| format!("{} = ? AND ", self.quoted(column))).unwrap_or_default();
        let text = format!(
            "SELECT {} FROM {table} WHERE {of}{order} > ? ORDER BY {order} LIMIT {}",
            texts.join(", "),
            wanted.limit
        );
        let of = wanted.of.map(|(_, value)| value);
        match &self.engine {
            Engine::Sqlite(pool) => {
                let mut query = sqlx::query(AssertSqlSafe(text));
                for value in of.into_iter().chain([wanted.after]) {
                    query = query.bind(value);
                }
                let rows = query.fetch_all(pool).await.map_err(broken(&self.name))?;
                Ok(rows.iter().map(|row| sqlite_record(row, &columns)).collect())
            }
            Engine::MySql(pool) => {
                let mut query = sqlx::query(AssertSqlSafe(text));
                for value in of.into_iter().chain([wanted.after]) {
                    query = query.bind(value);
                }
                let rows = query.fetch_all(pool).await.map_err(broken(&self.name))?;
                Ok(rows.iter().map(|row| mysql_record(row, &columns)).collect())
            }
        }
    }

    /// The bytes in a column of the one row whose `key` has this value; `hex` says that the key is bytes and the value
    /// their hexadecimal form.
    pub(crate) async fn bytes(
        &self,
        column: &str,
        (key, value): (&str, &str),
        hex: bool,
    ) -> Result<Option<Vec<u8>>, Unreadable> {
        let (table, column, key) = (self.quoted(&self.name), self.quoted(column), self.quoted(key));
        let place = if hex { "UNHEX(?)" } else { "?" };
        let text = AssertSqlSafe(format!("SELECT {column} FROM {table} WHERE {key} = {place}"));
        let found: Result<Option<Option<Vec<u8>>>, _> = match &self.engine {
            Engine::Sqlite(pool) => sqlx::query_scalar(text).bind(value).fetch_optional(pool).await,
            Engine::MySql(pool) => sqlx::query_scalar(text).bind(value).fetch_optional(pool).await,
        };
        found.map(Option::flatten).map_err(broken(&self.name))
    }

    /// Bytes of a column in hexadecimal form, of rows after a key.
    pub(crate) async fn hex_of(
        &self,
        column: &str,
        (key, after): (&str, &str),
        limit: usize,
    ) -> Result<BTreeMap<String, String>, Unreadable> {
        let Engine::MySql(pool) = &self.engine else { return Ok(BTreeMap::new()) };
        let (table, key_text, order) = (self.quoted(&self.name), self.as_text(key), self.quoted(key));
        let column = self.quoted(column);
        let text = AssertSqlSafe(format!(
            "SELECT {key_text}, HEX({column}) FROM {table} WHERE {order} > ? ORDER BY {order} LIMIT {limit}"
        ));
        let rows: Vec<(String, String)> =
            sqlx::query_as(text).bind(after).fetch_all(pool).await.map_err(broken(&self.name))?;
        Ok(rows.into_iter().collect())
    }
}

fn sqlite_record(row: &SqliteRow, columns: &[&'static str]) -> Record {
    let values = columns.iter().enumerate();
    Record(
        values
            .filter_map(|(at, column)| Some((*column, row.try_get::<Option<String>, _>(at).ok()??)))
            .collect(),
    )
}

fn mysql_record(row: &MySqlRow, columns: &[&'static str]) -> Record {
    let values = columns.iter().enumerate();
    Record(
        values
            .filter_map(|(at, column)| Some((*column, row.try_get::<Option<String>, _>(at).ok()??)))
            .collect(),
    )
}
