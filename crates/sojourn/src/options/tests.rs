use super::*;

fn file(text: &str) -> File {
    File::parse(text).unwrap()
}

#[test]
fn the_command_line_is_over_the_file_and_the_file_over_defaults() {
    let over = file("port = 1\ndata = 'f'\nbind = '::1'\noperator_from = ['192.0.2.1']");
    let options = StandaloneOptions { port: Some(2), ..StandaloneOptions::default() };
    let decided = options.over(&over).unwrap();
    assert_eq!((decided.port, decided.data, decided.process.host.as_str()), (2, "f".into(), "::1"));
    assert_eq!(decided.process.operators, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    let decided = StandaloneOptions::default().over(&File::default()).unwrap();
    assert_eq!(decided.process.url(decided.port), "http://127.0.0.1:9000/");
    assert_eq!(decided.data, PathBuf::from("sojourn-data"));
    assert_eq!(decided.regions.versions, VersionRange::ALL);
}

#[test]
fn an_unknown_key_is_refused_and_the_known_ones_are_named() {
    let error = File::parse("prot = 9000").unwrap_err().to_string();
    assert!(error.contains("prot") && error.contains("silence_timeout"), "{error}");
}

#[test]
fn what_viewers_cannot_reach_is_refused() {
    let bound = |host: Option<&str>| {
        let process = ProcessOptions {
            bind: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            host: host.map(Into::into),
            ..ProcessOptions::default()
        };
        process.over(&File::default())
    };
    assert!(bound(None).unwrap_err().to_string().contains("--host"));
    assert!(bound(Some("a b")).is_err());
    assert!(bound(Some("")).is_err());
    assert_eq!(bound(Some("world.example.org")).unwrap().url(9000), "http://world.example.org:9000/");
    assert_eq!(bound(Some("2001:db8::1")).unwrap().url(9000), "http://[2001:db8::1]:9000/");
}

#[test]
fn a_grid_keeps_its_data_where_it_is_told() {
    let store = |database: Option<&str>| {
        let store = StoreOptions { database: database.map(Into::into), ..StoreOptions::default() };
        store.over(&file("data = 'd'"))
    };
    assert_eq!(store(None).unwrap().1, Database::File("d/grid.sqlite".into()));
    assert_eq!(store(Some("sqlite:/x/y.db")).unwrap().1, Database::File("/x/y.db".into()));
    let error = store(Some("postgres://grid:secret@db/grid")).unwrap_err().to_string();
    assert!(error.contains("SQLite") && !error.contains("secret"), "{error}");
    assert!(store(Some("x.db")).is_err());
    let lease =
        |lease| GridOptions { lease: Some(lease), ..GridOptions::default() }.over(&file("lease = 40"));
    assert_eq!(lease(30).unwrap().lease, Duration::from_secs(30));
    assert!(lease(10).unwrap_err().to_string().contains("lease"));
    let same = GridOptions { port: Some(8003), ..GridOptions::default() };
    assert!(same.over(&File::default()).unwrap_err().to_string().contains("8003"));
}

#[test]
fn a_simulator_knows_both_sides_of_its_grid() {
    let joined = |grid: &str, login: Option<&str>| {
        let options = SimulatorOptions {
            grid: Some(grid.into()),
            login: login.map(Into::into),
            ..SimulatorOptions::default()
        };
        options.over(&File::default()).map(|decided| (decided.grid, decided.login))
    };
    let both = |grid: &str, login: &str| Some((grid.to_owned(), login.to_owned()));
    let a = "http://grid.example.org:8003/";
    assert_eq!(joined("http://grid.example.org:8003", None).ok(), both(a, "http://grid.example.org:8002/"));
    assert_eq!(joined("http://grid.example.org/", None).ok(), both(a, "http://grid.example.org:8002/"));
    assert_eq!(joined(a, Some("http://login.example.org:80/")).ok(), both(a, "http://login.example.org:80/"));
    assert_eq!(joined("http://[::1]:9", None).ok(), both("http://[::1]:9/", "http://[::1]:8002/"));
    assert_eq!(joined("http://[::1]", None).ok(), both("http://[::1]:8003/", "http://[::1]:8002/"));
    for grid in ["", "grid:8003", "https://grid:8003", "http://", "http://grid:x/", "http://grid/path"] {
        let error = format!("{:#}", joined(grid, None).unwrap_err());
        assert!(error.contains("http://HOST:8003"), "{grid}: {error}");
    }
    let nowhere = SimulatorOptions::default().over(&File::default()).unwrap_err();
    assert!(nowhere.to_string().contains("--grid"));
}

#[test]
fn behind_a_proxy_its_address_is_told() {
    let reached = |url: Option<&str>, over: &str| {
        let regions = RegionOptions { url: url.map(Into::into), ..RegionOptions::default() };
        let options = StandaloneOptions { regions, ..StandaloneOptions::default() };
        let decided = options.over(&file(over))?;
        anyhow::Ok(decided.regions.url(&decided.process, decided.port))
    };
    let own = "http://world.example.org:9000/";
    assert_eq!(reached(None, "host = 'world.example.org'").unwrap(), own);
    assert_eq!(reached(Some("http://proxy:81"), "url = 'http://other/'").unwrap(), "http://proxy:81/");
    assert_eq!(reached(None, "url = 'http://other'").unwrap(), "http://other:80/");
    for url in ["proxy:81", "https://proxy/", "http://proxy/below"] {
        let error = format!("{:#}", reached(Some(url), "").unwrap_err());
        assert!(error.contains("--url") && error.contains("http://HOST"), "{url}: {error}");
    }
}

#[test]
fn versions_are_narrowed_and_nonsense_is_refused() {
    let regions = |text: &str| {
        let options = RegionOptions { simulation_protocol: Some(text.into()), ..RegionOptions::default() };
        options.over(&File::default())
    };
    assert_eq!(regions("0.1..0.2").unwrap().versions.to_string(), "0.1..0.2");
    assert!(regions("0.9").unwrap_err().to_string().contains("LOW..HIGH"));
    let slow = RegionOptions { drain: Some(86_401), ..RegionOptions::default() };
    assert!(slow.over(&File::default()).is_err());
    let silent = RegionOptions { silence_timeout: Some(1), ..RegionOptions::default() };
    assert!(silent.over(&File::default()).is_err());
}
