use super::*;
use clap::{Command, FromArgMatches};

/// The options that these words and this file give, whatever the environment says.
pub(super) fn by_both<O: Args + FromArgMatches>(words: &[&str], file: &str) -> Result<O> {
    let (file, problems) = ConfigFile::parse(file);
    if let Some(problem) = problems.first() {
        bail!("{problem}");
    }
    let command = file.under(O::augment_args(Command::new("test"))).no_binary_name(true);
    let command = command.mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
    Ok(O::from_arg_matches(&command.try_get_matches_from(words)?)?)
}

/// The options that this file gives.
pub(super) fn by_file<O: Args + FromArgMatches>(file: &str) -> Result<O> {
    by_both(&[], file)
}

/// The options that these words give.
fn by_words<O: Args + FromArgMatches>(words: &[&str]) -> Result<O> {
    by_both(words, "")
}

#[test]
fn the_command_line_is_over_the_file_and_the_file_over_defaults() {
    let over = "port = 1\ndata = 'f'\nbind = '::1'\noperator_from = ['192.0.2.1']";
    let decided = by_both::<StandaloneOptions>(&["--port", "2"], over).unwrap().decide().unwrap();
    assert_eq!((decided.port, decided.data, decided.process.host.as_str()), (2, "f".into(), "::1"));
    assert_eq!(decided.process.operators, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    let decided = by_words::<StandaloneOptions>(&[]).unwrap().decide().unwrap();
    assert_eq!(decided.process.url(decided.port), "http://127.0.0.1:9000/");
    assert_eq!(decided.data, PathBuf::from("sojourn-data"));
    assert_eq!(decided.regions.versions, VersionRange::ALL);
    let grid = by_words::<GridOptions>(&[]).unwrap().decide().unwrap();
    assert_eq!((grid.port, grid.private_port), (8002, 8003));
}

#[test]
fn all_that_is_wrong_with_a_file_is_said_with_its_place() {
    for (text, problems) in [
        ("prot = 9000", &["1:1: there is no option \"prot\"; did you mean \"port\"?"][..]),
        ("\n  privat_port = 1", &["2:3: there is no option \"privat_port\"; did you mean \"private_port\"?"]),
        ("answer = 3", &["1:1: there is no option \"answer\"; did you mean \"transfer.answer\"?"]),
        ("[transfers]\nanswer = 3", &["1:2: there is no option \"transfers\"; did you mean \"transfer\"?"]),
        ("[transfer]\nport = 1", &["2:1: there is no option \"transfer.port\"; did you mean \"port\"?"]),
        (
            "[voice]\nx = 1",
            &["1:2: there is no option \"voice\"; `sojourn config explain` lists all there are"],
        ),
        ("port = 99999", &["1:8: port is 99999; a port from 1 to 65535 is wanted"]),
        ("port = '9000'", &["1:8: port is \"9000\"; a port from 1 to 65535 is wanted"]),
        ("data = 5", &["1:8: data is 5; a path is wanted"]),
        ("closed = 1", &["1:10: closed is 1; true or false is wanted"]),
        ("port = {}", &["1:8: port is a table; a port from 1 to 65535 is wanted"]),
        ("port = [1]", &["1:8: port is a list; a port from 1 to 65535 is wanted"]),
        (
            "operator_from = ['x']\nlease = 3",
            &[
                "1:17: operator_from is a list; an address like 127.0.0.1 or :: is wanted",
                "2:9: lease is 3; a whole number of seconds from 21 to 600 is wanted",
            ],
        ),
    ] {
        let found: Vec<String> = ConfigFile::parse(text).1.iter().map(ToString::to_string).collect();
        assert_eq!(found, problems, "{text}");
    }
    assert!(ConfigFile::parse("port = ").1[0].to_string().starts_with("1:"));
    assert!(ConfigFile::parse("[transfer]\nanswer = 0x3").1.is_empty());
    assert!(ConfigFile::parse("transfer.answer = 2.5\noperator_from = '::1'").1.is_empty());
}

#[test]
fn an_option_has_one_name_everywhere() {
    for setting in settings() {
        let key = setting.key.as_str();
        for (command, arg) in &setting.of {
            let dashes = key.replace(['_', '.'], "-");
            assert_eq!(arg.get_long(), Some(dashes.as_str()), "{command} {key}");
            let environment = arg.get_env().expect(key).to_string_lossy();
            assert_eq!(environment, setting.environment(), "{command} {key}");
            assert!(!meaning(arg).is_empty(), "{command} {key}: what is it for?");
            assert!(setting.of[0].1.get_value_names() == arg.get_value_names(), "{command} {key}: the unit");
            match usual(arg) {
                // What holds by default can be said, too.
                Usual::Value(usual) => assert_eq!(setting.read(&usual), Ok(()), "{command} {key}"),
                Usual::Words(words) => assert!(!words.is_empty(), "{command} {key}: no default"),
            }
        }
        assert!(setting.wanted().contains("wanted"), "{key}: {}", setting.wanted());
    }
}

#[test]
fn what_viewers_cannot_reach_is_refused() {
    let bound = |words: &[&str]| {
        let words = [&["--bind", "0.0.0.0"], words].concat();
        by_words::<ProcessOptions>(&words)?.decide()
    };
    assert!(bound(&[]).unwrap_err().to_string().contains("--host"));
    assert!(bound(&["--host", "a b"]).is_err());
    assert!(bound(&["--host", ""]).is_err());
    let url = |host| bound(&["--host", host]).unwrap().url(9000);
    assert_eq!(url("world.example.org"), "http://world.example.org:9000/");
    assert_eq!(url("2001:db8::1"), "http://[2001:db8::1]:9000/");
}

#[test]
fn a_grid_keeps_its_data_where_it_is_told() {
    let store = |words: &[&str]| by_both::<StoreOptions>(words, "data = 'd'")?.decide();
    assert_eq!(store(&[]).unwrap().1, Database::File("d/grid.sqlite".into()));
    assert_eq!(store(&["--database", "sqlite:/x/y.db"]).unwrap().1, Database::File("/x/y.db".into()));
    let server = store(&["--database", "postgres://grid:secret@db/grid"]).unwrap().1;
    assert!(matches!(server, Database::Postgres(_)));
    for url in ["postgres://grid:secret@db:none/grid", "secret.db"] {
        let error = format!("{:#}", store(&["--database", url]).unwrap_err());
        assert!(error.contains("postgres://USER") && !error.contains("secret"), "{error}");
    }
    let lease = |words: &[&str]| by_both::<GridOptions>(words, "lease = 40")?.decide().map(|grid| grid.lease);
    assert_eq!(lease(&[]).unwrap(), Duration::from_secs(40));
    assert_eq!(lease(&["--lease", "30"]).unwrap(), Duration::from_secs(30));
    assert!(lease(&["--lease", "10"]).unwrap_err().to_string().contains("--lease"));
    let reached = |words: &[&str]| by_both::<GridOptions>(words, "port = 7")?.decide().map(|grid| grid.url);
    assert_eq!(reached(&[]).unwrap(), "http://127.0.0.1:7/");
    assert_eq!(reached(&["--url", "http://grid.example.org"]).unwrap(), "http://grid.example.org:80/");
    let same = by_words::<GridOptions>(&["--port", "8003"]).unwrap().decide();
    assert!(same.unwrap_err().to_string().contains("8003"));
}

#[test]
fn assets_are_beside_the_database_unless_they_are_told() {
    let place =
        |words: &[&str], over: &str| by_both::<GridOptions>(words, over)?.decide().map(|grid| grid.assets);
    let folder = |path: &str| AssetPlace::Folder(path.into());
    let server = ["--database", "postgres://db/x"];
    assert_eq!(place(&[], "data = 'd'").unwrap(), folder("d/assets"));
    assert_eq!(place(&server, "").unwrap(), AssetPlace::Database);
    assert_eq!(place(&server, "assets = '/srv'").unwrap(), folder("/srv"));
    assert_eq!(place(&["--assets", "database:"], "assets = '/srv'").unwrap(), AssetPlace::Database);
    assert!(place(&["--assets", "ftp://x"], "").unwrap_err().to_string().contains("s3://"));
    let alone = by_file::<StandaloneOptions>("data = 'd'").unwrap().decide().unwrap();
    assert_eq!(alone.assets, folder("d/assets"));
}

#[test]
fn keys_are_demanded_wherever_others_can_come() {
    let door =
        |words: &[&str], over: &str| by_both::<GridOptions>(words, over)?.decide().map(|grid| grid.door);
    let networks = |texts: &[&str]| Some(texts.iter().map(|text| text.parse().unwrap()).collect());
    let server = ["--database", "postgres://db/x"];
    assert_eq!(door(&[], "").unwrap(), None);
    assert_eq!(door(&["--bind", "::1"], "").unwrap(), None);
    assert_eq!(door(&["--bind", "192.0.2.1"], "").unwrap(), networks(&[]));
    assert_eq!(door(&server, "").unwrap(), networks(&[]));
    let two = "open_to = ['192.0.2.7', '198.51.100.0/24']";
    assert_eq!(door(&server, two).unwrap(), networks(&["192.0.2.7/32", "198.51.100.0/24"]));
    assert!(door(&[], two).unwrap_err().to_string().contains("--open-to"));
    assert!(door(&server, "open_to = ['everybody']").unwrap_err().to_string().contains("192.0.2.0/24"));
}

#[test]
fn a_simulator_knows_both_sides_of_its_grid() {
    let joined = |words: &[&str]| {
        let decided = by_words::<SimulatorOptions>(words)?.decide()?;
        anyhow::Ok((decided.grid, decided.login))
    };
    let both = |grid: &str, login: &str| Some((grid.to_owned(), login.to_owned()));
    let (a, public) = ("http://grid.example.org:8003/", "http://grid.example.org:8002/");
    assert_eq!(joined(&["--grid", "http://grid.example.org:8003"]).ok(), both(a, public));
    assert_eq!(joined(&["--grid", "http://grid.example.org/"]).ok(), both(a, public));
    let login = "http://login.example.org:80/";
    assert_eq!(joined(&["--grid", a, "--login", login]).ok(), both(a, login));
    // As users enter it, who come by a proxy.
    assert_eq!(joined(&["--grid", a, "--login", "http://login.example.org/"]).ok(), both(a, login));
    assert_eq!(joined(&["--grid", "http://[::1]:9"]).ok(), both("http://[::1]:9/", "http://[::1]:8002/"));
    let error = joined(&["--grid", "grid:8003"]).unwrap_err().to_string();
    assert!(error.contains("http://HOST:8003"), "{error}");
    assert!(joined(&[]).unwrap_err().to_string().contains("--grid"));
}

#[test]
fn behind_a_proxy_its_address_is_told() {
    let reached = |words: &[&str], over: &str| {
        let decided = by_both::<StandaloneOptions>(words, over)?.decide()?;
        anyhow::Ok(decided.regions.url(&decided.process, decided.port))
    };
    let own = "http://world.example.org:9000/";
    assert_eq!(reached(&[], "host = 'world.example.org'").unwrap(), own);
    let proxy = "http://proxy:81";
    assert_eq!(reached(&["--url", proxy], "url = 'http://other/'").unwrap(), "http://proxy:81/");
    assert_eq!(reached(&[], "url = 'http://other'").unwrap(), "http://other:80/");
    for url in ["proxy:81", "https://proxy/", "http://proxy/below"] {
        let error = reached(&["--url", url], "").unwrap_err().to_string();
        assert!(error.contains("--url") && error.contains("http://HOST"), "{url}: {error}");
    }
}

#[test]
fn versions_are_narrowed_and_nonsense_is_refused() {
    let regions = |words: &[&str]| by_words::<RegionOptions>(words)?.decide();
    assert_eq!(regions(&["--simulation-protocol", "0.1..0.2"]).unwrap().versions.to_string(), "0.1..0.2");
    let error = regions(&["--simulation-protocol", "0.9"]).unwrap_err().to_string();
    assert!(error.contains("LOW..HIGH"), "{error}");
    assert!(regions(&["--silence-timeout", "1"]).is_err());
    assert!(regions(&["--drain", "86401"]).is_err());
}
