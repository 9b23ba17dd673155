//! Many come and go, again and again, in all the ways in which a session can end, on a grid of three processes: at the
//! end nothing is left of any of them, and whatever ended the last session, the next login succeeds at the first try.
//!
//! `SOJOURN_CHURN=100x20` sets clients and rounds, `SOJOURN_SEED` the chance; with `--nocapture` it prints what it saw:
//!
//! ```sh
//! SOJOURN_CHURN=100x20 cargo test --release -p sojourn --test churn -- --nocapture
//! ```

mod processes;

use model::{AgentId, Vec3};
use processes::{Processes, REGIONS, name_at, runs};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use simulator::control::Command as Order;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use viewer::net::{Failed, Options, Viewer, client};
use viewer::{Config, Credentials, Disconnect, ViewerEvent};

/// A viewer that is silent for so long has gone, seconds.
const SILENCE_S: u64 = 5;
/// So many do something at a time.
const AT_ONCE: usize = 8;
/// What was not heard is told again for a while, and a lease lasts as long: by then all is quiet.
const QUIET: Duration = Duration::from_secs(120);
/// What a viewer is to be told comes within this time, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory may grow by so much after the first round; far more than a process does that keeps nothing.
const GROWTH_KB: u64 = 30_000;

/// How the session of one viewer ends, unless its simulator ends before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ending {
    LogOut,
    Vanish,
    Kick,
    NewerLogin,
    /// With its region, which restarts; half of them have crashed before.
    Restart,
    Shutdown,
    Crash,
}

/// What becomes of a simulator, or of a region, at the end of a round.
const FATES: [Option<Ending>; 4] = [None, Some(Ending::Shutdown), Some(Ending::Restart), Some(Ending::Crash)];
/// The simulator and the region that it becomes of.
const FATED: (usize, &str) = (1, "B Far");

struct Guest {
    number: usize,
    region: &'static str,
    viewer: Viewer,
}

struct Churn {
    processes: Processes,
    dice: StdRng,
    http: reqwest::Client,
    logins: Vec<Duration>,
    endings: BTreeMap<Ending, usize>,
    agents: BTreeMap<usize, AgentId>,
}

impl Churn {
    fn any_region(&mut self) -> &'static str {
        REGIONS.as_flattened().choose(&mut self.dice).expect("there are some").0
    }

    async fn come(&mut self, numbers: impl IntoIterator<Item = (usize, &'static str)>) -> Vec<Guest> {
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        let mut coming = JoinSet::new();
        for (number, region) in numbers {
            let (uri, http, gate) = (self.processes.login.clone(), self.http.clone(), gate.clone());
            let config = Config { seed: self.dice.random(), ..Config::default() };
            coming.spawn(async move {
                let _turn = gate.acquire_owned().await;
                let begun = Instant::now();
                let options = Options { config, client: http, ..Options::default() };
                let viewer = Viewer::login_with(&uri, &credentials(number, region), options).await;
                let viewer = viewer.unwrap_or_else(|why| panic!("Churn {number} into {region}: {why}"));
                let took = begun.elapsed();
                (Guest { number, region: place(&viewer).await, viewer }, took)
            });
        }
        let mut guests = Vec::new();
        while let Some(come) = coming.join_next().await {
            let (guest, took) = come.expect("it logs in");
            self.logins.push(took);
            self.agents.insert(guest.number, guest.viewer.identity().agent);
            guests.push(guest);
        }
        guests.sort_by_key(|guest| guest.number);
        guests
    }

    /// Everybody says something, and half of them go somewhere.
    async fn live(&mut self, guests: &mut [Guest]) {
        for guest in guests {
            guest.viewer.say("Here I am.").await.expect("it is in the world");
            let to = self.any_region();
            if self.dice.random_bool(0.5) && to != guest.region {
                let middle = Vec3::new(128.0, 128.0, 25.0);
                match guest.viewer.teleport_to(to, middle).await {
                    Ok(_) => {}
                    // It restarts, since the last round.
                    Err(Failed::Refused(why)) if to == FATED.1 => assert_eq!(why, "The region is closing."),
                    Err(why) => panic!("{} from {} to {to}: {why}", guest.number, guest.region),
                }
                guest.region = place(&guest.viewer).await;
            }
        }
    }

    async fn end(&mut self, guests: Vec<Guest>, fate: Option<Ending>) {
        let mut fated = Vec::new();
        for guest in guests {
            let there = match fate {
                Some(Ending::Restart) => guest.region == FATED.1,
                Some(_) => runs(guest.region) == FATED.0,
                None => false,
            };
            if there {
                fated.push(guest);
                continue;
            }
            let ways = [Ending::LogOut, Ending::Vanish, Ending::Kick, Ending::NewerLogin];
            let ending = *ways.choose(&mut self.dice).expect("there are some");
            self.end_one(guest, ending).await;
        }
        if let Some(fate) = fate {
            *self.endings.entry(fate).or_default() += fated.len();
            self.meet(fate, fated).await;
        }
    }

    async fn end_one(&mut self, mut guest: Guest, ending: Ending) {
        *self.endings.entry(ending).or_default() += 1;
        match ending {
            Ending::LogOut => assert_eq!(guest.viewer.logout().await, Ok(true), "acknowledged"),
            Ending::Kick => {
                let (agent, reason) = (format!("Churn {}", guest.number), "Enough.".to_owned());
                self.processes.order(guest.region, Order::Kick { agent, reason }).await;
                told_to_go(&mut guest.viewer).await;
                guest.viewer.vanish();
            }
            Ending::NewerLogin => {
                let to = self.any_region();
                let newer = self.come([(guest.number, to)]).await.pop().expect("one");
                told_to_go(&mut guest.viewer).await;
                guest.viewer.vanish();
                assert_eq!(newer.viewer.logout().await, Ok(true), "acknowledged");
            }
            _ => guest.viewer.vanish(),
        }
    }

    /// The end of a simulator or region, and of all who are there.
    async fn meet(&mut self, fate: Ending, guests: Vec<Guest>) {
        match fate {
            Ending::Shutdown => self.processes.shut_down(FATED.0).await,
            Ending::Crash => self.processes.kill(FATED.0),
            _ => {
                let (crashed, mut moved): (Vec<_>, Vec<_>) =
                    guests.into_iter().partition(|guest| guest.number.is_multiple_of(2));
                crashed.into_iter().for_each(|guest| guest.viewer.vanish());
                let (region, message) = (FATED.1.to_owned(), "Maintenance.".to_owned());
                self.processes.order(FATED.1, Order::RestartRegion { region, after_s: 0, message }).await;
                for guest in &mut moved {
                    let arrived = |event: &ViewerEvent| matches!(event, ViewerEvent::Teleported { .. });
                    wait_for(&mut guest.viewer, arrived, "it is moved").await;
                }
                for guest in moved {
                    assert_eq!(guest.viewer.logout().await, Ok(true), "acknowledged");
                }
                return;
            }
        }
        guests.into_iter().for_each(|guest| guest.viewer.vanish());
        self.processes.start_what_is_missing();
    }

    async fn quiet(&self) {
        let agents: Vec<_> = self.agents.values().copied().collect();
        let begun = Instant::now();
        loop {
            let left = self.processes.left(&agents).await;
            if left.values().all(|&count| count == 0) {
                println!("after {:.1} s nothing is left: {left:?}", begun.elapsed().as_secs_f64());
                return;
            }
            assert!(begun.elapsed() < QUIET, "left: {left:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

/// The region that a viewer is in.
async fn place(viewer: &Viewer) -> &'static str {
    let handle = viewer.with(|core, _| core.region().map(|region| region.handle)).await;
    name_at(handle.expect("it is in the world").expect("it is somewhere"))
}

/// KickUser has come, or the circuit was closed on it.
async fn told_to_go(viewer: &mut Viewer) {
    let is_it = |event: &ViewerEvent| {
        matches!(event, ViewerEvent::Kicked { .. } | ViewerEvent::Disconnected(Disconnect::ClosedByRegion))
    };
    wait_for(viewer, is_it, "it is told that it has to go").await;
}

async fn wait_for(viewer: &mut Viewer, is_it: impl FnMut(&ViewerEvent) -> bool, what: &str) {
    let (agent, heard) = (viewer.identity().agent, tokio::time::timeout(PATIENCE, viewer.wait_for(is_it)));
    match heard.await {
        Ok(event) => drop(event.unwrap_or_else(|why| panic!("{agent}: {what}: {why}"))),
        Err(_) => panic!("{agent}: {what}: not within {PATIENCE:?}"),
    }
}

fn credentials(number: usize, region: &str) -> Credentials {
    Credentials {
        first: "Churn".into(),
        last: number.to_string(),
        password: "secret".into(),
        start: format!("uri:{region}&128&128&25"),
    }
}

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_come_and_go_in_all_ways_and_nothing_is_left() {
    let size: String = from_environment("SOJOURN_CHURN").unwrap_or_else(|| "12x4".to_owned());
    let (clients, rounds) = size.split_once('x').expect("CLIENTSxROUNDS");
    let (clients, rounds): (usize, usize) = (clients.parse().unwrap(), rounds.parse().unwrap());
    let seed = from_environment("SOJOURN_SEED").unwrap_or(4);
    // Kept when something fails, with what the processes have said.
    let folder = tempfile::Builder::new().disable_cleanup(true).tempdir().unwrap();
    let processes = Processes::start(folder.path(), SILENCE_S);
    for number in 0..clients {
        processes.account(&format!("Churn {number}"), "secret");
    }
    let mut churn = Churn {
        processes,
        dice: StdRng::seed_from_u64(seed),
        http: client(),
        logins: Vec::new(),
        endings: BTreeMap::new(),
        agents: BTreeMap::new(),
    };
    let mut memory = Vec::new();
    for round in 0..rounds {
        let numbers: Vec<_> = (0..clients).map(|number| (number, churn.any_region())).collect();
        // Whatever ended the last session, and however short ago: the first try succeeds.
        let mut guests = churn.come(numbers).await;
        churn.live(&mut guests).await;
        churn.end(guests, FATES[round % FATES.len()]).await;
        memory.push(churn.processes.memory_kb());
    }
    churn.quiet().await;
    memory.push(churn.processes.memory_kb());
    churn.logins.sort();
    let quantile = |part: usize| churn.logins[(churn.logins.len() - 1) * part / 100].as_millis();
    println!("{clients} clients, {rounds} rounds, seed {seed}: {:?}", churn.endings);
    println!(
        "{} logins: median {} ms, 99 % within {} ms, worst {} ms",
        churn.logins.len(),
        quantile(50),
        quantile(99),
        quantile(100)
    );
    println!("resident KB of the grid and the simulator that lives on, by round: {memory:?}");
    for process in 0..2 {
        let (first, last) = (memory[0][process], memory[memory.len() - 1][process]);
        assert!(last < first + GROWTH_KB, "{memory:?}");
    }
    let last = churn.come((0..clients).map(|number| (number, "A One")).collect::<Vec<_>>()).await;
    for guest in last {
        assert_eq!(guest.viewer.logout().await, Ok(true), "acknowledged");
    }
    drop(churn);
    std::fs::remove_dir_all(folder.path()).unwrap();
}
