//! The examples under `deploy/` do what they say: each command line is read as the program reads it, and what they name of
//! options, variables, paths and ports is there.

use crate::CommandLine;
use crate::options::settings;
use crate::{Command, world};
use clap::Parser as _;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use yaml_rust2::{Yaml, YamlLoader};

/// Seconds within which a process ends once everybody has been warned.
const FAREWELL_S: u64 = 15;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect(name)
}

fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&read(name)).expect(name)
}

/// Every file, with its name from `deploy/` on.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder().join(&inner)).unwrap() {
            let entry = entry.unwrap();
            let path = inner.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => files.push((path.display().to_string(), read(&path.display().to_string()))),
            }
        }
    }
    files
}

/// A command line, as the program understands it.
fn understood(of: &str, words: &[String]) -> CommandLine {
    let words = std::iter::once("sojourn").chain(words.iter().map(String::as_str));
    CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{of}: {error}"))
}

fn texts(list: &Yaml) -> Vec<String> {
    let of = |value: &Yaml| value.as_str().expect("command lines consist of texts").to_owned();
    list.as_vec().expect("a list").iter().map(of).collect()
}

/// Seconds of `--drain`.
fn drain_s(line: &CommandLine) -> u64 {
    match &line.command {
        Some(Command::Simulator(options)) => options.regions.drain,
        Some(Command::Standalone(options)) => options.regions.drain,
        _ => 0,
    }
}

#[test]
fn units_start_what_there_is() {
    for name in ["sojourn.service", "sojourn-grid.service", "sojourn-simulator@.service"] {
        let text = read(&format!("systemd/{name}")).replace("%i", "a");
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        let started: Vec<_> = text.lines().filter(|line| line.starts_with("ExecStart")).collect();
        assert_eq!(started.len(), 2, "{name}");
        for line in started {
            let (_, command) = line.split_once('=').unwrap();
            let words = words(command);
            assert_eq!(words[0], "/usr/local/bin/sojourn", "{name}");
            let understood = understood(name, &words[1..]);
            let patience: u64 = value("TimeoutStopSec").unwrap().parse().unwrap();
            assert!(patience > drain_s(&understood) + FAREWELL_S - 1, "{name}: {patience} s");
        }
        // What it may write to is what it is told to write to.
        let state = value("StateDirectory").unwrap();
        assert!(text.contains(&format!("--data /var/lib/{state}")), "{name}");
    }
}

#[test]
fn the_image_starts_what_there_is() {
    let text = read("Containerfile");
    let command: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("CMD "))
        .flat_map(|line| {
            line.trim_matches(['[', ']']).split(", ").map(|word| word.trim_matches('"').to_owned())
        })
        .collect();
    assert!(matches!(understood("Containerfile", &command).command, Some(Command::Standalone(_))));
    assert!(text.contains("ENV SOJOURN_DATA=/data\n") && text.contains("VOLUME /data\n"));
    let exposed: Vec<&str> =
        text.lines().find_map(|line| line.strip_prefix("EXPOSE ")).unwrap().split(' ').collect();
    let usual = ["standalone", "grid"].map(|command| understood("", &[command.to_owned()]).command);
    for command in usual.into_iter().flatten() {
        let ports = match command {
            Command::Standalone(options) => vec![options.port],
            Command::Grid(options) => vec![options.port, options.private_port],
            other => panic!("{other:?}"),
        };
        assert!(ports.iter().all(|port| exposed.contains(&port.to_string().as_str())), "{ports:?}");
    }
}

#[test]
fn compose_starts_a_grid_and_its_simulators() {
    let compose = &yaml("compose.yaml")[0];
    let services = compose["services"].as_hash().unwrap();
    let mut simulators = 0;
    for (name, service) in services {
        let name = name.as_str().unwrap();
        if name == "postgres" {
            continue;
        }
        let line = understood(name, &texts(&service["command"]));
        let grace =
            service["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse::<u64>().unwrap();
        assert!(grace >= drain_s(&line) + FAREWELL_S, "{name}: {grace} s");
        if let Some(Command::Simulator(options)) = line.command {
            simulators += 1;
            let mounted = format!("./world-{}.toml:/etc/world.toml:ro", name.rsplit('-').next().unwrap());
            assert!(texts(&service["volumes"]).contains(&mounted), "{name}: {mounted}");
            let grid = &services[&Yaml::String("grid".into())];
            let Some(Command::Grid(grid)) = understood("grid", &texts(&grid["command"])).command else {
                panic!("the service called grid is none");
            };
            assert_eq!(options.grid, Some(format!("http://127.0.0.1:{}/", grid.private_port)), "{name}");
        }
    }
    assert_eq!(simulators, 2);
}

#[test]
fn manifests_name_ports_and_probes_that_there_are() {
    for (name, kind) in [("kubernetes/grid.yaml", "Deployment"), ("kubernetes/simulator.yaml", "StatefulSet")]
    {
        let documents = yaml(name);
        let workload = documents.iter().find(|document| document["kind"].as_str() == Some(kind)).expect(name);
        let pod = &workload["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let line = understood(name, &texts(&container["args"]));
        let grace = pod["terminationGracePeriodSeconds"].as_i64().unwrap().unsigned_abs();
        assert!(grace >= drain_s(&line) + FAREWELL_S, "{name}: {grace} s");

        let ports = container["ports"].as_vec().unwrap();
        let of = |protocol: &str| -> BTreeSet<i64> {
            let is = |port: &&Yaml| port["protocol"].as_str().unwrap_or("TCP") == protocol;
            ports.iter().filter(is).map(|port| port["containerPort"].as_i64().unwrap()).collect()
        };
        let (tcp, udp): (Vec<u16>, Vec<u16>) = match &line.command {
            Some(Command::Grid(options)) => (vec![options.port, options.private_port], vec![]),
            Some(Command::Simulator(options)) => (vec![options.port], ports_of("world-a.toml")),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(of("TCP"), tcp.into_iter().map(i64::from).collect(), "{name}");
        assert_eq!(of("UDP"), udp.into_iter().map(i64::from).collect(), "{name}");

        let names: Vec<&str> = ports.iter().filter_map(|port| port["name"].as_str()).collect();
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let (http, tcp) = (&container[probe]["httpGet"], &container[probe]["tcpSocket"]);
            // Of a grid that waits for its database another process would wait, too.
            let is_grid = matches!(line.command, Some(Command::Grid(_)));
            let path = if is_grid && probe == "livenessProbe" { "/livez" } else { "/healthz" };
            assert!(http.is_badvalue() || http["path"].as_str() == Some(path), "{name}: {probe}");
            let port = http["port"].as_str().or(tcp["port"].as_str()).expect(probe);
            assert!(names.contains(&port), "{name}: {probe}");
        }
        assert_eq!(container["readinessProbe"]["httpGet"]["path"].as_str(), Some("/healthz"));
        for service in documents.iter().filter(|document| document["kind"].as_str() == Some("Service")) {
            for port in service["spec"]["ports"].as_vec().unwrap() {
                assert!(names.contains(&port["targetPort"].as_str().unwrap()), "{name}");
            }
        }
    }
}

fn ports_of(world: &str) -> Vec<u16> {
    let regions = world::read(&folder().join(world), model::Uuid::nil()).unwrap();
    regions.iter().map(|region| region.port).collect()
}

#[test]
fn worlds_of_one_grid_do_not_overlap() {
    let both = [read("world-a.toml"), read("world-b.toml")].concat();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), both).unwrap();
    assert_eq!(world::read(file.path(), model::Uuid::nil()).unwrap().len(), 3);
}

#[test]
fn variables_are_those_that_are_read() {
    let known: BTreeSet<String> = settings().iter().map(|setting| setting.environment()).collect();
    for (name, text) in files() {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("SOJOURN_") {
            rest = &rest[at..];
            let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(rest.len());
            assert!(known.contains(&rest[..end]), "{name}: {}", &rest[..end]);
            rest = &rest[end..];
        }
    }
}
