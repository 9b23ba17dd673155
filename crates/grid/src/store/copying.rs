//! The whole database into one SQLite file, and back from there into a database of any engine.
//!
//! Rows are copied one by one, so the file is the same whichever engine it comes from, and a grid moves from one to the
//! other by way of it. What is copied is a snapshot: whatever is written meanwhile is in it whole or not at all, and
//! nobody who writes has to wait. The tables and their columns are those that the migrations make; the file has them, so
//! no engine's catalogue is asked. Memory: a row at a time into the file, and some hundred out of it.

use super::engine::{self, Db};
use super::{SqlStore, broken};
use crate::engine::sqlite;
use crate::{Copied, Database, Hash};
use futures_util::TryStreamExt as _;
use model::Uuid;
use services::{Result, ServiceError};
use sqlx::{AssertSqlSafe, Pool, Row as _, SqlSafeStr as _, SqlStr, Sqlite, Transaction};
use std::path::Path;
use std::time::Duration;

/// What assets consist of and the database does not have.
const OUTSIDE: &str = "SELECT DISTINCT hash FROM assets \
     WHERE NOT EXISTS (SELECT 1 FROM contents WHERE contents.hash = assets.hash) ORDER BY hash";
/// Values in one statement, and bytes of text and content after which no more are added.
const VALUES: usize = 2_000;
const BYTES: usize = 1 << 20;

/// A table, and its columns with their types.
struct Table {
    name: String,
    columns: Vec<(String, Type)>,
}

/// Types that the migrations use. They mean the same to all engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Type {
    Uuid,
    Bytes,
    Whole,
    Real,
    Truth,
    Text,
}

/// One value.
enum Cell {
    Uuid(Option<Uuid>),
    Bytes(Option<Vec<u8>>),
    Whole(Option<i64>),
    Real(Option<f32>),
    Truth(Option<bool>),
    Text(Option<String>),
}

impl Type {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "UUID" => Self::Uuid,
            "BYTEA" => Self::Bytes,
            "BIGINT" => Self::Whole,
            "REAL" => Self::Real,
            "BOOLEAN" => Self::Truth,
            "TEXT" => Self::Text,
            _ => return None,
        })
    }
}

/// The value at a place of a row, of either driver.
macro_rules! cell {
    ($row:expr, $at:expr, $type:expr) => {
        match $type {
            Type::Uuid => $row.try_get($at).map(Cell::Uuid),
            Type::Bytes => $row.try_get($at).map(Cell::Bytes),
            Type::Whole => $row.try_get($at).map(Cell::Whole),
            Type::Real => $row.try_get($at).map(Cell::Real),
            Type::Truth => $row.try_get($at).map(Cell::Truth),
            Type::Text => $row.try_get($at).map(Cell::Text),
        }
    };
}

/// A query with one more value, of either driver.
macro_rules! with {
    ($query:expr, $cell:expr) => {
        match $cell {
            Cell::Uuid(value) => $query.bind(value),
            Cell::Bytes(value) => $query.bind(value),
            Cell::Whole(value) => $query.bind(value),
            Cell::Real(value) => $query.bind(value),
            Cell::Truth(value) => $query.bind(value),
            Cell::Text(value) => $query.bind(value),
        }
    };
}

impl Table {
    fn select(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("SELECT {} FROM {}", self.names(), self.name))
    }

    /// A statement that inserts so many rows.
    fn insert(&self, rows: usize) -> SqlStr {
        let width = self.columns.len();
        let row = |at: usize| {
            let places: Vec<String> = (1..=width).map(|n| format!("${}", at * width + n)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        AssertSqlSafe(format!("INSERT INTO {} ({}) VALUES {}", self.name, self.names(), rows.join(", ")))
            .into_sql_str()
    }

    /// Rows that one statement inserts.
    fn rows_at_once(&self) -> usize {
        (VALUES / self.columns.len().max(1)).max(1)
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Rows that are to be inserted.
#[derive(Default)]
struct Waiting {
    cells: Vec<Cell>,
    rows: usize,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, cell: Cell) {
        let cell = match cell {
            // What SQLite has kept in former times PostgreSQL refuses.
            Cell::Text(Some(text)) => Cell::Text(Some(text.replace('\0', ""))),
            other => other,
        };
        self.bytes += match &cell {
            Cell::Text(Some(text)) => text.len(),
            Cell::Bytes(Some(bytes)) => bytes.len(),
            _ => 0,
        };
        self.cells.push(cell);
    }

    /// Inserts them. How many.
    async fn put(&mut self, table: &Table, change: &mut Transaction<'static, Db>) -> Result<u64> {
        let Self { cells, rows, .. } = std::mem::take(self);
        if rows == 0 {
            return Ok(0);
        }
        // Full ones come again and again; others do not.
        let mut query = sqlx::query::<Db>(table.insert(rows)).persistent(rows == table.rows_at_once());
        for cell in cells {
            query = with!(query, cell);
        }
        query.execute(&mut **change).await.map_err(broken)?;
        Ok(rows as u64)
    }
}

/// The tables of a file that the migrations have made.
async fn tables_of(file: &Pool<Sqlite>) -> Result<Vec<Table>> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .fetch_all(file)
    .await
    .map_err(broken)?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let found: Vec<(String, String)> =
            sqlx::query_as("SELECT name, type FROM pragma_table_info($1) ORDER BY cid")
                .bind(&name)
                .fetch_all(file)
                .await
                .map_err(broken)?;
        let columns = found.into_iter().map(|(column, declared)| match Type::named(&declared) {
            Some(known) => Ok((column, known)),
            None => Err(ServiceError::Unavailable(format!("{name}.{column} is of the type {declared}"))),
        });
        let columns = columns.collect::<Result<_>>()?;
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

/// A file with the tables that this program knows; one that is there is brought up to date.
async fn open(file: &Path) -> Result<sqlite::Pools> {
    let pools = sqlite::open(&Database::File(file.to_owned()), Duration::ZERO).await.map_err(broken)?;
    sqlite::migrate(&pools.write).await.map_err(ServiceError::unavailable)?;
    Ok(pools)
}

/// One file, and nothing beside it.
async fn close(file: sqlite::Pools) -> Result<()> {
    file.read.close().await;
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&file.write).await.map_err(broken)?;
    file.write.close().await;
    Ok(())
}

impl SqlStore {
    pub(crate) async fn copy_into(&self, file: &Path) -> Result<Copied> {
        if file.exists() {
            return Err(ServiceError::Refused(format!("{} is there already", file.display())));
        }
        let target = open(file).await?;
        let tables = tables_of(&target.read).await?;
        let mut snapshot = engine::snapshot(self.read()).await.map_err(broken)?;
        let mut change = target.write.begin().await.map_err(broken)?;
        let mut copied = 0;
        for table in &tables {
            // Migrations may have put something into it.
            let clear = AssertSqlSafe(format!("DELETE FROM {}", table.name));
            sqlx::query(clear).execute(&mut *change).await.map_err(broken)?;
            let insert = table.insert(1);
            let mut rows = sqlx::query::<Db>(table.select()).fetch(&mut *snapshot);
            while let Some(row) = rows.try_next().await.map_err(broken)? {
                let mut query = sqlx::query::<Sqlite>(insert.clone());
                for (at, &(_, of)) in table.columns.iter().enumerate() {
                    let cell = cell!(row, at, of).map_err(broken)?;
                    query = with!(query, cell);
                }
                query.execute(&mut *change).await.map_err(broken)?;
                copied += 1;
            }
        }
        change.commit().await.map_err(broken)?;
        snapshot.rollback().await.map_err(broken)?;
        let outside: Vec<Vec<u8>> =
            sqlx::query_scalar(OUTSIDE).fetch_all(&target.read).await.map_err(broken)?;
        let outside = outside.iter().filter_map(|hash| Hash::try_from(&hash[..]).ok()).collect();
        close(target).await?;
        Ok(Copied { rows: copied, outside })
    }

    pub(crate) async fn copy_from(&self, file: &Path) -> Result<u64> {
        let source = open(file).await?;
        let tables = tables_of(&source.read).await?;
        let mut change = self.write().begin().await.map_err(broken)?;
        let mut copied = 0;
        for table in &tables {
            if table.name == "accounts" {
                let people: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM accounts")
                    .fetch_one(&mut *change)
                    .await
                    .map_err(broken)?;
                if people > 0 {
                    let why = format!("there are {people} accounts in the database already");
                    return Err(ServiceError::Refused(why));
                }
            }
            let clear = AssertSqlSafe(format!("DELETE FROM {}", table.name));
            sqlx::query(clear).execute(&mut *change).await.map_err(broken)?;
            let mut rows = sqlx::query::<Sqlite>(table.select()).fetch(&source.read);
            let mut waiting = Waiting::default();
            while let Some(row) = rows.try_next().await.map_err(broken)? {
                for (at, &(_, of)) in table.columns.iter().enumerate() {
                    waiting.add(cell!(row, at, of).map_err(broken)?);
                }
                waiting.rows += 1;
                if waiting.rows >= table.rows_at_once() || waiting.bytes >= BYTES {
                    copied += waiting.put(table, &mut change).await?;
                }
            }
            copied += waiting.put(table, &mut change).await?;
        }
        change.commit().await.map_err(broken)?;
        close(source).await?;
        Ok(copied)
    }
}
