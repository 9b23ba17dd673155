//! The database: there, of this version, writable.

use super::Finding;
use grid::{Database, Examined, SqlStore};

const SUBJECT: &str = "database";

/// Seconds by which our clock and the database's may differ: leases end by ours.
const APART_S: u64 = 2;

pub(super) async fn look(database: &Database) -> Option<Finding> {
    // It is what it is.
    if *database == Database::Memory {
        return None;
    }
    let name = database.to_string();
    Some(match SqlStore::examine(database).await {
        Ok(examined) => judge(&name, &examined),
        Err(error) => {
            Finding::ill(SUBJECT, format!("{name}: {error}"), "see that it is there, and that we may use it")
        }
    })
}

fn judge(name: &str, examined: &Examined) -> Finding {
    let Examined { known, made, read_only, accounts, apart_s } = examined;
    if let Some(why) = read_only {
        let remedy = "give the user that runs sojourn the right to write to it";
        return Finding::ill(SUBJECT, format!("{name}: {why}"), remedy);
    }
    if let Some(apart) = apart_s.filter(|apart| *apart > APART_S) {
        let found = format!("{name}: its clock and ours are {apart} s apart");
        return Finding::ill(SUBJECT, found, "set both clocks by NTP: leases end by them");
    }
    match made {
        None => {
            Finding::well(SUBJECT, format!("{name}: empty; the first start makes its tables and one account"))
        }
        Some(made) if made > known => {
            let found = format!("{name}: its tables are of version {made}, this program knows {known}");
            Finding::ill(SUBJECT, found, "use the sojourn that made it, or a later one; there is no way back")
        }
        Some(made) if made < known => {
            let found = format!("{name}: its tables are of version {made} and will be brought to {known}");
            Finding::odd(SUBJECT, found, "`sojourn backup` first: there is no way back")
        }
        Some(made) => {
            let accounts = accounts.unwrap_or_default();
            Finding::well(SUBJECT, format!("{name}: version {made}, {accounts} accounts, can be written to"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;
    use crate::data;

    #[test]
    fn verdicts() {
        let examined = |made, read_only: Option<&str>| Examined {
            known: 5,
            made,
            read_only: read_only.map(Into::into),
            accounts: Some(3),
            apart_s: None,
        };
        let apart = |apart_s| Examined { apart_s: Some(apart_s), ..examined(Some(5), None) };
        for (examined, health, words) in [
            (examined(None, None), Health::Well, "empty"),
            (examined(Some(5), None), Health::Well, "3 accounts"),
            (examined(Some(4), None), Health::Odd, "backup"),
            (examined(Some(6), None), Health::Ill, "later"),
            (examined(Some(5), Some("no right")), Health::Ill, "no right"),
            (apart(1), Health::Well, "3 accounts"),
            (apart(30), Health::Ill, "30 s apart"),
        ] {
            let finding = judge("x", &examined);
            assert_eq!(finding.health, health, "{finding:?}");
            assert!(format!("{} {}", finding.found, finding.remedy).contains(words), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn looking_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.sqlite");
        let database = Database::File(path.clone());
        assert!(look(&database).await.unwrap().found.contains("empty"));
        assert!(!path.exists());
        data::open(&database).await.unwrap().close().await;
        let finding = look(&database).await.unwrap();
        assert!(finding.health == Health::Well && finding.found.contains("0 accounts"), "{finding:?}");
        std::fs::write(&path, "not a database at all, but long enough to be taken for one").unwrap();
        assert_eq!(look(&database).await.unwrap().health, Health::Ill);
    }
}
