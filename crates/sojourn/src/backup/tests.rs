//! Backups of worlds of a few files.

use super::*;
use crate::options::DataOptions;
use grid::NewPerson;
use model::{AssetId, Uuid};
use services::{Asset, AssetMetadata};

fn store(folder: &Path) -> StoreOptions {
    StoreOptions { data: DataOptions { data: folder.to_owned(), config: None }, database: None }
}

fn made(folder: &Path, data: &Path) -> BackupOptions {
    let assets = AssetOptions::default();
    BackupOptions { folder: folder.to_owned(), store: store(data), assets, with_assets: false }
}

fn brought(folder: &Path, data: &Path) -> RestoreOptions {
    RestoreOptions { folder: folder.to_owned(), store: store(data), assets: AssetOptions::default() }
}

async fn with_an_account(folder: &Path) {
    let opened = data::open(&StoreOptions::in_folder(folder)).await.unwrap();
    let person =
        NewPerson { first: "Ada".into(), last: "L".into(), email: String::new(), password: "x".into() };
    grid::provision_account(&opened.services(), [1; 32], 1, person).await.unwrap();
    opened.close().await;
}

#[tokio::test]
async fn everything_goes_there_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, backed_up, back) = (path("data"), path("backup"), path("back"));
    data::prepare(&data.join("assets/ab")).unwrap();
    let identity = data::identity(&data).unwrap();
    fs::write(data.join("assets/ab/cd"), [0, 1, 255]).unwrap();
    data::prepare(&data.join("baked-textures")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(data.join("control")).unwrap();
    with_an_account(&data).await;

    let options = || made(&backed_up, &data);
    backup(options()).await.unwrap();
    assert!(backup(options()).await.unwrap_err().to_string().contains("already"));
    let before = fs::read(backed_up.join(COPY)).unwrap();
    let options = |to: &Path| brought(&backed_up, to);
    restore(options(&back)).await.unwrap();
    assert_eq!(data::identity(&back).unwrap(), identity);
    assert_eq!(fs::read(back.join("assets/ab/cd")).unwrap(), [0, 1, 255]);
    let mut names: Vec<_> =
        fs::read_dir(&back).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with(COPY));
    names.sort();
    assert_eq!(names, ["assets", "identity"]);
    let opened = data::open(&StoreOptions::in_folder(&back)).await.unwrap();
    assert!(opened.services().accounts.by_name("Ada", "L").await.unwrap().is_some());
    opened.close().await;
    assert_eq!(fs::read(backed_up.join(COPY)).unwrap(), before, "the backup stays as it is");
    assert!(restore(options(&back)).await.unwrap_err().to_string().contains("empty folder"));
}

#[tokio::test]
async fn a_simulator_has_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backed_up) = (folder.path().join("data"), folder.path().join("backup"));
    data::prepare(&data).unwrap();
    data::identity(&data).unwrap();
    backup(made(&backed_up, &data)).await.unwrap();
    assert!(!backed_up.join(COPY).exists() && !data.join(COPY).exists());
    let back = folder.path().join("back");
    restore(brought(&backed_up, &back)).await.unwrap();
    assert_eq!(data::identity(&back).unwrap(), data::identity(&data).unwrap());
}

#[tokio::test]
async fn nothing_is_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let there = folder.path().join("backup");
    assert!(backup(made(&there, &nowhere)).await.unwrap_err().to_string().contains("nothing at"));
    assert!(restore(brought(folder.path(), &nowhere)).await.unwrap_err().to_string().contains("no backup"));
    assert!(!nowhere.exists());
}

/// A grid on SQLite whose assets are at this place, and what it has of them.
async fn with_assets(data: &Path, place: &AssetPlace, count: u128) {
    data::prepare(data).unwrap();
    let opened = data::open_with_assets(&StoreOptions::in_folder(data), place).await.unwrap();
    for n in 0..count {
        let metadata = AssetMetadata { id: AssetId(Uuid::from_u128(n + 1)), ..AssetMetadata::default() };
        let data = n.to_le_bytes().to_vec().into();
        opened.services().assets.store(&Asset { metadata, data }).await.unwrap();
    }
    opened.close().await;
}

async fn assert_assets(data: &Path, place: &AssetPlace, count: u128) {
    let opened = data::open_with_assets(&StoreOptions::in_folder(data), place).await.unwrap();
    for n in 0..count {
        let found = opened.services().assets.data(AssetId(Uuid::from_u128(n + 1))).await.unwrap();
        assert_eq!(found.as_deref(), Some(&n.to_le_bytes()[..]), "{n} in {place}");
    }
    opened.close().await;
}

#[tokio::test]
async fn assets_come_along_wherever_they_are_and_go_wherever_they_are_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (n, place) in ["data-0/assets", "elsewhere", "data-2/inside/deep", ""].into_iter().enumerate() {
        let (data, backed_up) = (path(&format!("data-{n}")), path(&format!("backup-{n}")));
        let at = |place: &str| match place {
            "" => AssetPlace::Database,
            place => AssetPlace::Folder(path(place)),
        };
        let from = at(place);
        with_assets(&data, &from, 20).await;
        let assets = AssetOptions { assets: Some(from) };
        backup(BackupOptions { assets, ..made(&backed_up, &data) }).await.unwrap();
        let files = walk(&backed_up.join(FILES));
        assert_eq!(files, if place.is_empty() { 0 } else { 20 }, "{place}: each once");
        for (m, other) in ["", "moved", "back/assets"].into_iter().enumerate() {
            let (back, other) =
                (path(&format!("back-{n}-{m}")), at(&other.replace("back", &format!("back-{n}-{m}"))));
            let assets = AssetOptions { assets: Some(other.clone()) };
            restore(RestoreOptions { assets, ..brought(&backed_up, &back) }).await.unwrap();
            assert_assets(&back, &other, 20).await;
        }
    }
}

/// How many files are in a folder and those in it.
fn walk(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |path: PathBuf| if path.is_dir() { walk(&path) } else { 1 };
    entries.map(|entry| count(entry.unwrap().path())).sum()
}

#[tokio::test]
async fn what_is_not_in_a_backup_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, elsewhere) = (path("data"), AssetPlace::Folder(path("elsewhere")));
    with_assets(&data, &elsewhere, 3).await;
    // Nobody says where they are: all else is there.
    let said = backup(made(&path("first"), &data)).await.unwrap_err().to_string();
    assert!(said.contains("3 contents of assets are not in this backup"), "{said}");
    let said = restore(brought(&path("first"), &path("back"))).await.unwrap_err().to_string();
    assert!(said.contains("neither in the backup nor in"), "{said}");
    // They are where they have been.
    let assets = AssetOptions { assets: Some(elsewhere.clone()) };
    restore(RestoreOptions { assets, ..brought(&path("first"), &path("again")) }).await.unwrap();
    assert_assets(&path("again"), &elsewhere, 3).await;
    // One of them is spoilt.
    let deep = fs::read_dir(path("elsewhere")).unwrap().next().unwrap().unwrap().path();
    let file = fs::read_dir(deep).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, "something else").unwrap();
    let assets = AssetOptions { assets: Some(elsewhere) };
    let said =
        backup(BackupOptions { assets, ..made(&path("second"), &data) }).await.unwrap_err().to_string();
    assert!(
        said.contains("1 contents") && said.contains(file.file_name().unwrap().to_str().unwrap()),
        "{said}"
    );
    assert_eq!(walk(&path("second").join(FILES)), 2);
}
