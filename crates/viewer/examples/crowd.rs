//! A crowd in one region: viewers who stand and viewers who walk in circles, for a while; then one line of JSON.
//!
//! usage: crowd LOGIN_URI [--standing 200] [--walking 50] [--seconds 60] [--observers 25] [--first Crowd] [--from 1]
//!              [--password secret] [--start last] [--within SECONDS] [--pid PID-OF-THE-SERVER]
//!
//! Logs in as "Crowd 1", "Crowd 2" ...; create these accounts before, all with the same password:
//!
//!     for i in $(seq 250); do printf secret | sojourn user add "Crowd $i" --password-stdin; done
//!
//! With `--within` they do not come eight at a time but as a storm: each at its moment, spread evenly over these seconds,
//! however long those before it take.
//!
//! The relay latency is from the moment a walker's AgentUpdate is composed until an observer, one of those who stand, has
//! read the terse update that first shows its heading; all in this process, so on one clock. Each AgentUpdate of a walker
//! turns by a 64th of a circle, which tells one update from the next (but not from that of 6.4 s before). Needs some three descriptors a viewer: see
//! `ulimit -n`.

use std::collections::BTreeMap;
use std::error::Error;
use std::f32::consts::TAU;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use viewer::model::{AgentId, Moment};
use viewer::net::{Clock, Options, Viewer, client};
use viewer::{Config, Core, Credentials, Phase, ViewerEvent};

const STEPS: usize = 64;
/// Logins under way at a time.
const LOGINS: usize = 8;
/// Width of a class of the histogram, and their number; the last holds all that is slower.
const CLASS: Duration = Duration::from_micros(100);
const CLASSES: usize = 20_000;
/// Linux counts a process's time in ticks of 10 ms.
const TICKS_PER_SECOND: f64 = 100.0;

struct Arguments {
    uri: String,
    standing: usize,
    walking: usize,
    seconds: u64,
    observers: usize,
    first: String,
    from: usize,
    password: String,
    start: String,
    within: Option<f64>,
    pid: Option<u32>,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut words = std::env::args().skip(1);
        let mut arguments = Self {
            uri: words
                .next()
                .ok_or("usage: crowd LOGIN_URI [--standing N] [--walking N] [--seconds N] ...")?,
            standing: 200,
            walking: 50,
            seconds: 60,
            observers: 25,
            first: "Crowd".to_string(),
            from: 1,
            password: "secret".to_string(),
            start: "last".to_string(),
            within: None,
            pid: None,
        };
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} wants a value"))?;
            match option.as_str() {
                "--standing" => arguments.standing = value.parse()?,
                "--walking" => arguments.walking = value.parse()?,
                "--seconds" => arguments.seconds = value.parse()?,
                "--observers" => arguments.observers = value.parse()?,
                "--first" => arguments.first = value,
                "--from" => arguments.from = value.parse()?,
                "--password" => arguments.password = value,
                "--start" => arguments.start = value,
                "--within" => arguments.within = Some(value.parse()?),
                "--pid" => arguments.pid = Some(value.parse()?),
                _ => return Err(format!("{option} is unknown").into()),
            }
        }
        Ok(arguments)
    }
}

/// What the walkers sent when, for the observers to compare with.
struct Board {
    walkers: OnceLock<BTreeMap<AgentId, usize>>,
    /// Microseconds, by walker and step of the circle; 0: not yet.
    sent: Vec<[AtomicU64; STEPS]>,
}

struct Histogram {
    classes: Vec<u32>,
    count: u64,
    greatest: Duration,
}

impl Histogram {
    fn new() -> Self {
        Self { classes: vec![0; CLASSES], count: 0, greatest: Duration::ZERO }
    }

    fn add(&mut self, latency: Duration) {
        let class = (latency.as_micros() / CLASS.as_micros()) as usize;
        self.classes[class.min(CLASSES - 1)] += 1;
        self.count += 1;
        self.greatest = self.greatest.max(latency);
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            *mine += theirs;
        }
        self.count += other.count;
        self.greatest = self.greatest.max(other.greatest);
    }

    /// Milliseconds that this part of the latencies does not exceed.
    fn quantile_ms(&self, part: f64) -> f64 {
        let rank = (self.count as f64 * part).ceil() as u64;
        let mut below = 0;
        for (class, count) in self.classes.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return (class + 1) as f64 * CLASS.as_secs_f64() * 1e3;
            }
        }
        0.0
    }
}

fn step_of(heading: f32) -> usize {
    (heading / TAU * STEPS as f32).round() as usize % STEPS
}

/// Notes when a walker's updates leave.
fn walker(board: Arc<Board>, walker: usize) -> viewer::net::Observer {
    Box::new(move |now: Moment, _: &Core, event: &ViewerEvent| {
        if let ViewerEvent::UpdateSent { heading } = event {
            board.sent[walker][step_of(*heading)].store(now.micros(), Ordering::Relaxed);
        }
    })
}

/// Measures when they come.
fn observer(board: Arc<Board>, histogram: Arc<Mutex<Histogram>>) -> viewer::net::Observer {
    let mut last = BTreeMap::new();
    Box::new(move |now: Moment, _: &Core, event: &ViewerEvent| {
        let ViewerEvent::AvatarMoved { agent, heading, .. } = event else { return };
        let Some(walker) = board.walkers.get().and_then(|walkers| walkers.get(agent)) else { return };
        let step = step_of(*heading);
        let sent = board.sent[*walker][step].load(Ordering::Relaxed);
        if last.insert(*walker, step) != Some(step) && sent != 0 {
            let latency = now.since(Moment(sent));
            histogram.lock().expect("no observer panics").add(latency);
        }
    })
}

/// Seconds of processor time a process has used, and its resident memory in MB.
fn usage(pid: u32) -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kb: f64 = resident.trim().trim_end_matches(" kB").parse().ok()?;
    Some((ticks / TICKS_PER_SECOND, resident_kb / 1024.0))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse()?;
    let total = arguments.standing + arguments.walking;
    let clock = Clock::start();
    let client = client();
    let board = Arc::new(Board {
        walkers: OnceLock::new(),
        sent: (0..arguments.walking).map(|_| [const { AtomicU64::new(0) }; STEPS]).collect(),
    });
    let mut histograms = Vec::new();

    // Those who walk come first, so that their numbers are 0..walking.
    let gate = Arc::new(Semaphore::new(arguments.within.map_or(LOGINS, |_| total)));
    let (storm, before_storm) = (tokio::time::Instant::now(), arguments.pid.and_then(usage));
    let mut logins = JoinSet::new();
    for number in 0..total {
        let walks = number < arguments.walking;
        let observes = !walks && number - arguments.walking < arguments.observers;
        let config = Config {
            report_movement: observes,
            report_updates: walks,
            seed: number as u64,
            ..Config::default()
        };
        let observer = if walks {
            Some(walker(Arc::clone(&board), number))
        } else if observes {
            let histogram = Arc::new(Mutex::new(Histogram::new()));
            histograms.push(Arc::clone(&histogram));
            Some(observer(Arc::clone(&board), histogram))
        } else {
            None
        };
        let options = Options { config, clock, client: client.clone(), observer, ..Options::default() };
        let credentials = Credentials {
            first: arguments.first.clone(),
            last: (arguments.from + number).to_string(),
            password: arguments.password.clone(),
            start: arguments.start.clone(),
        };
        let (uri, gate) = (arguments.uri.clone(), Arc::clone(&gate));
        let pause = arguments.within.unwrap_or_default() * number as f64 / total as f64;
        logins.spawn(async move {
            tokio::time::sleep_until(storm + Duration::from_secs_f64(pause)).await;
            let _turn = gate.acquire_owned().await;
            let begin = clock.now();
            let login = Viewer::login_with(&uri, &credentials, options).await;
            (number, login, clock.now() - begin)
        });
    }
    let mut viewers = BTreeMap::new();
    let mut login_times = Vec::new();
    while let Some(done) = logins.join_next().await {
        let (number, login, took) = done?;
        match login {
            Ok(viewer) => {
                viewers.insert(number, viewer);
                login_times.push(took);
            }
            Err(why) => eprintln!("{} {}: {why}", arguments.first, arguments.from + number),
        }
    }
    login_times.sort();
    let (logged_in, all_in) = (viewers.len(), storm.elapsed().as_secs_f64());
    let after_storm = arguments.pid.and_then(usage);

    let walkers = viewers.range(..arguments.walking);
    let walkers = walkers.map(|(number, viewer)| (viewer.identity().agent, *number)).collect();
    board.walkers.set(walkers).expect("set here alone");
    for viewer in viewers.range(..arguments.walking).map(|(_, viewer)| viewer) {
        // One that is gone already is counted below.
        let _ = viewer.with(|core, now| core.circle(now, TAU / STEPS as f32)).await;
    }
    // The first second is getting under way, and does not count.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for histogram in &histograms {
        *histogram.lock().expect("no observer panics") = Histogram::new();
    }
    let before = arguments.pid.and_then(usage);
    let own_before = usage(std::process::id());
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let after = arguments.pid.and_then(usage);
    let own_after = usage(std::process::id());
    let mut relay = Histogram::new();
    for histogram in &histograms {
        relay.merge(&histogram.lock().expect("no observer panics"));
    }

    let mut dropped = total - logged_in;
    let (mut datagrams, mut movements, mut updates) = (0, 0, 0);
    let mut logouts = JoinSet::new();
    for viewer in viewers.into_values() {
        match viewer.with(|core, _| (core.phase() == Phase::InWorld, core.counts())).await {
            Ok((true, counts)) => {
                datagrams += counts.datagrams;
                movements += counts.movements;
                updates += counts.agent_updates;
                logouts.spawn(viewer.logout());
            }
            _ => dropped += 1,
        }
    }
    let mut logged_out = 0;
    while let Some(done) = logouts.join_next().await {
        logged_out += usize::from(done? == Ok(true));
    }

    let seconds = arguments.seconds as f64;
    let percent = |before: Option<(f64, f64)>, after: Option<(f64, f64)>| {
        before.zip(after).map(|(before, after)| (after.0 - before.0) / seconds * 100.0)
    };
    let number = |value: Option<f64>| value.map_or("null".to_string(), |value| format!("{value:.3}"));
    let server = percent(before, after);
    let login_ms = |part: f64| {
        let index = (login_times.len() as f64 * part) as usize;
        login_times.get(index.min(login_times.len().saturating_sub(1))).map(|took| took.as_secs_f64() * 1e3)
    };
    let fields = [
        ("standing", arguments.standing.to_string()),
        ("walking", arguments.walking.to_string()),
        ("seconds", arguments.seconds.to_string()),
        ("logged_in", logged_in.to_string()),
        ("dropped", dropped.to_string()),
        ("logged_out", logged_out.to_string()),
        ("login_ms_p50", number(login_ms(0.5))),
        ("login_ms_p99", number(login_ms(0.99))),
        ("login_ms_max", number(login_ms(1.0))),
        ("all_in_s", number(Some(all_in))),
        ("login_cpu_s", number(before_storm.zip(after_storm).map(|(before, after)| after.0 - before.0))),
        ("relayed", relay.count.to_string()),
        ("relay_ms_p50", number(Some(relay.quantile_ms(0.5)))),
        ("relay_ms_p99", number(Some(relay.quantile_ms(0.99)))),
        ("relay_ms_max", number(Some(relay.greatest.as_secs_f64() * 1e3))),
        ("agent_updates", updates.to_string()),
        ("movements_seen", movements.to_string()),
        ("datagrams_received", datagrams.to_string()),
        ("server_cpu_percent", number(server)),
        ("server_cpu_percent_per_agent", number(server.map(|percent| percent / logged_in.max(1) as f64))),
        ("server_resident_mb", number(after.map(|after| after.1))),
        ("crowd_cpu_percent", number(percent(own_before, own_after))),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    println!("{{{}}}", fields.join(", "));
    Ok(())
}
