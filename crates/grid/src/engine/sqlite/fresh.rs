//! Empty databases for tests.

use super::super::Database;
use tempfile::TempDir;

/// An empty database, for one store.
pub(crate) async fn fresh() -> (Database, ()) {
    (Database::Memory, ())
}

/// An empty database that several stores can open, and what it is gone with.
pub(crate) async fn fresh_for_several() -> (Database, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Database::File(folder.path().join("deep").join("grid.db")), folder)
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (database, folder) = fresh_for_several().await;
    let pools = super::open(&database, std::time::Duration::ZERO).await.unwrap();
    sqlx::query("CREATE TABLE things (id BIGINT)").execute(&pools.write).await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder.path().join("deep")).unwrap() {
        let rights = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(rights & 0o077, 0);
        files += 1;
    }
    assert!(files > 0);
}
