//! The processes of a grid, started from the binary under test: one grid, two simulators.

use connectors::GridAddress;
use model::{AgentId, GridCell, RegionHandle};
use services::Services;
use simulator::control::{self, Command as Order};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that is not ready by then is broken, and so is one that has not ended by then.
const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(20);

/// What a session has on a simulator and must leave, by its name in `/metrics`.
const GAUGES: [&str; 6] =
    ["circuits", "capability_seeds", "root_agents", "child_agents", "open_transfers", "grid_notices_waiting"];

/// A region's name and place.
pub(crate) type Plot = (&'static str, u32, u32);

/// The regions, by simulator.
pub(crate) const REGIONS: [[Plot; 2]; 2] =
    [[("A One", 1000, 1000), ("A Far", 1100, 1100)], [("B One", 1000, 1001), ("B Far", 1200, 1100)]];

/// The simulator that runs a region.
pub(crate) fn runs(region: &str) -> usize {
    let here = |regions: &[Plot; 2]| regions.iter().any(|(name, ..)| *name == region);
    REGIONS.iter().position(here).expect("a region of this world")
}

/// The name of the region at a place.
pub(crate) fn name_at(handle: RegionHandle) -> &'static str {
    let here = |(_, x, y): &&Plot| GridCell { x: *x, y: *y }.handle() == handle;
    REGIONS.as_flattened().iter().find(here).expect("a region of this world").0
}

/// One process, which can be started again.
struct Process {
    arguments: Vec<String>,
    folder: PathBuf,
    port: u16,
    runs: u32,
    child: Option<Child>,
}

/// All of them.
pub(crate) struct Processes {
    grid: Process,
    simulators: [Process; 2],
    pub(crate) login: String,
    pub(crate) services: Services,
}

impl Processes {
    pub(crate) fn start(folder: &Path, silence_s: u64) -> Self {
        let mut ports = Ports(10_000 + std::process::id() as u16 % 15_000);
        let (public, private) = (ports.next(), ports.next());
        let word = |text: &str| text.to_owned();
        let text = |path: PathBuf| path.to_str().expect("a plain path").to_owned();
        let grid = Process::new(
            folder.join("grid"),
            private,
            vec![
                word("grid"),
                word("--port"),
                public.to_string(),
                word("--private-port"),
                private.to_string(),
            ],
        );
        let (login, address) =
            (format!("http://127.0.0.1:{public}/"), format!("http://127.0.0.1:{private}/"));
        let simulators = [0, 1].map(|index: usize| {
            let world = folder.join(format!("world-{index}.toml"));
            let regions: String = REGIONS[index]
                .iter()
                .map(|(name, x, y)| {
                    let port = ports.next();
                    format!(
                        "[[region]]\nname = \"{name}\"\nat = [{x}, {y}]\nport = {port}\nmax_agents = 1000\n"
                    )
                })
                .collect();
            std::fs::write(&world, regions).expect("a world file");
            let port = ports.next();
            let mut arguments = vec![word("simulator"), word("--grid"), address.clone(), word("--login")];
            arguments.extend([login.clone(), word("--port"), port.to_string(), word("--world"), text(world)]);
            arguments.extend([word("--silence-timeout"), silence_s.to_string()]);
            Process::new(folder.join(["a", "b"][index]), port, arguments)
        });
        let reached = GridAddress { private: address, public: login.clone() };
        let services = connectors::connect(&reached, &connectors::Options::default()).expect("addresses");
        let mut processes = Self { grid, simulators, login, services };
        processes.grid.start();
        processes.start_what_is_missing();
        processes
    }

    pub(crate) fn start_what_is_missing(&mut self) {
        self.simulators.iter_mut().filter(|process| process.child.is_none()).for_each(Process::start);
    }

    /// Creates an account while the grid runs.
    pub(crate) fn account(&self, name: &str, password: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sojourn"));
        command.args(["user", "add", name, "--password-stdin", "--data"]).arg(&self.grid.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary");
        child.stdin.take().expect("a pipe").write_all(password.as_bytes()).expect("a reader");
        assert!(child.wait().expect("a child").success(), "no account for {name}");
    }

    /// Has the simulator of a region do something.
    pub(crate) async fn order(&self, region: &str, order: Order) {
        let process = &self.simulators[runs(region)];
        let done = control::ask(&process.folder, &order).await.expect("a simulator that listens");
        assert!(done.ok, "{order:?}: {}", done.text);
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, simulator: usize) {
        let mut child = self.simulators[simulator].child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it has ended");
    }

    /// SIGTERM; it ends in time and without complaint.
    pub(crate) async fn shut_down(&mut self, simulator: usize) {
        self.simulators[simulator].shut_down().await;
    }

    /// Resident kilobytes of the grid and the first simulator, which live from the beginning to the end.
    pub(crate) fn memory_kb(&self) -> [u64; 2] {
        [&self.grid, &self.simulators[0]].map(|process| {
            let pid = process.child.as_ref().expect("it runs").id();
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        })
    }

    /// What is left of sessions, by name: all of it zero once nobody is there.
    pub(crate) async fn left(&self, agents: &[AgentId]) -> BTreeMap<&'static str, u64> {
        let presences = self.services.presence.by_agents(agents).await.expect("a grid that answers");
        let mut left = BTreeMap::from([("presences", presences.len() as u64)]);
        for process in &self.simulators {
            let text = process.get("/metrics").await;
            for gauge in GAUGES {
                let samples =
                    text.lines().filter_map(|line| line.strip_prefix("sojourn_")?.strip_prefix(gauge));
                let values = samples.filter(|rest| rest.starts_with(['{', ' ']));
                let sum: f64 = values.map(|rest| rest.rsplit(' ').next().map_or(0.0, number)).sum();
                *left.entry(gauge).or_default() += sum as u64;
            }
            let view: serde_json::Value =
                serde_json::from_str(&process.get("/sessions").await).expect("a document");
            let here = view["sessions"].as_array().expect("a list").len() as u64;
            *left.entry("here").or_default() += here;
        }
        left
    }
}

fn number(text: &str) -> f64 {
    text.parse().expect("a sample")
}

impl Process {
    fn new(folder: PathBuf, port: u16, mut arguments: Vec<String>) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder");
        arguments.extend(["--data".to_owned(), folder.to_str().expect("a plain path").to_owned()]);
        Self { arguments, folder, port, runs: 0, child: None }
    }

    fn says(&self) -> PathBuf {
        self.folder.join(format!("says-{}.txt", self.runs))
    }

    fn start(&mut self) {
        self.runs += 1;
        let log = File::create(self.says()).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sojourn"));
        command.args(&self.arguments).stdin(Stdio::null()).stderr(log).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        // It says `ready URL`, maybe after other things, or ends and the pipe with it.
        let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        // Ended with the rest, whether it starts or not.
        self.child = Some(child);
        let ready = said.map_while(Result::ok).any(|line| line.starts_with("ready "));
        assert!(ready, "it did not start; see {}", self.says().display());
    }

    async fn shut_down(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it can be told");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("it does not end; see {}", self.says().display());
            }
            tokio::time::sleep(PAUSE).await;
        };
        assert!(status.success(), "{status}; see {}", self.says().display());
    }

    async fn get(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = viewer::net::client().get(url).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("a body")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if !std::thread::panicking() {
            let said = std::fs::read_to_string(self.says()).unwrap_or_default();
            let trouble = said.lines().find(|line| line.contains("panicked at") || line.contains(" ERROR "));
            assert_eq!(trouble, None, "in {}", self.says().display());
        }
    }
}

/// Ports that the system gives to nobody by itself, so that a process can come back to them.
struct Ports(u16);

impl Ports {
    fn next(&mut self) -> u16 {
        loop {
            self.0 += 1;
            let address = ("127.0.0.1", self.0);
            if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
                return self.0;
            }
        }
    }
}
