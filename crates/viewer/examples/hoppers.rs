//! Viewers who teleport from region to region for a while, whatever happens to the grid meanwhile; then one line of JSON.
//!
//! usage: hoppers LOGIN_URI X:Y,X:Y,... [--viewers 100] [--seconds 300] [--pause-ms 1500] [--first Hopper] [--from 1]
//!                [--password secret]
//!
//! The places are regions by their grid coordinates (units of 256 m). Logs in as "Hopper 1", "Hopper 2" ..., accounts that
//! exist, with one password. A login that is refused or gets no answer is tried again for a minute. Each then hops to a
//! place by lot, waits about that long, and hops on. What ends a hop is the region's word: `arrived`, or `refused` with its
//! reason. `without_verdict` counts those in which the viewer lost patience, `lost` the sessions that ended although
//! nobody logged out; both are zero where all is well. Each says a word at the end, and must hear it.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;
use viewer::model::{GridCell, RegionHandle, Vec3};
use viewer::net::{Clock, Failed, Options, Viewer, client};
use viewer::{Config, Credentials, LoginError, ViewerEvent};

/// Between two tries of a login, and how many there are.
const LOGIN_PAUSE: Duration = Duration::from_secs(2);
const LOGIN_TRIES: u32 = 30;
/// How long one may wait to hear its own word.
const WORD_PATIENCE: Duration = Duration::from_secs(5);

struct Arguments {
    uri: String,
    places: Vec<RegionHandle>,
    viewers: u64,
    seconds: u64,
    pause: Duration,
    first: String,
    from: u64,
    password: String,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut words = std::env::args().skip(1);
        let usage = "usage: hoppers LOGIN_URI X:Y,X:Y,... [--viewers N] [--seconds N] [--pause-ms N] ...";
        let uri = words.next().ok_or(usage)?;
        let places = words.next().ok_or(usage)?.split(',').map(place).collect::<Result<_, _>>()?;
        let mut arguments = Self {
            uri,
            places,
            viewers: 100,
            seconds: 300,
            pause: Duration::from_millis(1500),
            first: "Hopper".to_string(),
            from: 1,
            password: "secret".to_string(),
        };
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} wants a value"))?;
            match option.as_str() {
                "--viewers" => arguments.viewers = value.parse()?,
                "--seconds" => arguments.seconds = value.parse()?,
                "--pause-ms" => arguments.pause = Duration::from_millis(value.parse()?),
                "--first" => arguments.first = value,
                "--from" => arguments.from = value.parse()?,
                "--password" => arguments.password = value,
                _ => return Err(format!("{option} is unknown").into()),
            }
        }
        Ok(arguments)
    }
}

fn place(text: &str) -> Result<RegionHandle, Box<dyn Error>> {
    let (x, y) = text.split_once(':').ok_or_else(|| format!("{text} is no place: X:Y"))?;
    Ok(GridCell { x: x.parse()?, y: y.parse()? }.handle())
}

/// What one viewer has seen.
#[derive(Default)]
struct Tally {
    logged_in: u64,
    arrived: Vec<Duration>,
    refused: BTreeMap<String, u64>,
    without_verdict: u64,
    lost: u64,
    unheard: u64,
    logged_out: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.logged_in += other.logged_in;
        self.arrived.extend(other.arrived);
        for (reason, times) in other.refused {
            *self.refused.entry(reason).or_default() += times;
        }
        self.without_verdict += other.without_verdict;
        self.lost += other.lost;
        self.unheard += other.unheard;
        self.logged_out += other.logged_out;
    }
}

/// A sequence of numbers that differs from seed to seed: which place is next is no secret.
struct Lot(u64);

impl Lot {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

async fn log_in(arguments: &Arguments, number: u64, client: reqwest::Client) -> Result<Viewer, LoginError> {
    let credentials = Credentials {
        first: arguments.first.clone(),
        last: (arguments.from + number).to_string(),
        password: arguments.password.clone(),
        start: "last".to_string(),
    };
    let mut tries_left = LOGIN_TRIES;
    loop {
        let options = Options {
            config: Config { seed: number, ..Config::default() },
            client: client.clone(),
            clock: Clock::start(),
            ..Options::default()
        };
        tries_left -= 1;
        match Viewer::login_with(&arguments.uri, &credentials, options).await {
            Err(_) if tries_left > 0 => tokio::time::sleep(LOGIN_PAUSE).await,
            done => return done,
        }
    }
}

async fn hop(arguments: &Arguments, number: u64, client: reqwest::Client) -> Tally {
    let mut tally = Tally::default();
    let mut viewer = match log_in(arguments, number, client).await {
        Ok(viewer) => viewer,
        Err(why) => {
            eprintln!("{} {}: {why}", arguments.first, arguments.from + number);
            return tally;
        }
    };
    tally.logged_in = 1;
    let end = tokio::time::Instant::now() + Duration::from_secs(arguments.seconds);
    let mut lot = Lot(number + 1);
    while tokio::time::Instant::now() < end {
        let to = arguments.places[lot.below(arguments.places.len() as u64) as usize];
        let position = Vec3::new(20.0 + lot.below(216) as f32, 20.0 + lot.below(216) as f32, 25.0);
        match viewer.teleport(to, position).await {
            Ok(arrived) => tally.arrived.push(arrived.took),
            Err(Failed::Refused(reason)) => *tally.refused.entry(reason).or_default() += 1,
            Err(Failed::Gone) => {
                eprintln!("{} {} has lost its session", arguments.first, arguments.from + number);
                tally.lost = 1;
                return tally;
            }
            // The screen of the last hop still shows: nothing was asked.
            Err(Failed::Unable(_)) => {}
            Err(_) => tally.without_verdict += 1,
        }
        let pause = arguments.pause.as_millis() as u64;
        tokio::time::sleep(Duration::from_millis(pause / 2 + lot.below(pause))).await;
    }
    let word = format!("here is {number}");
    let said = viewer.say(&word).await.is_ok();
    let own = |event: &ViewerEvent| matches!(event, ViewerEvent::Chat { text, .. } if *text == word);
    let heard = said && matches!(tokio::time::timeout(WORD_PATIENCE, viewer.wait_for(own)).await, Ok(Ok(_)));
    tally.unheard = u64::from(!heard);
    match viewer.logout().await {
        Ok(acknowledged) => tally.logged_out = u64::from(acknowledged),
        Err(_) => tally.lost = 1,
    }
    tally
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = std::sync::Arc::new(Arguments::parse()?);
    let client = client();
    let mut hoppers = JoinSet::new();
    for number in 0..arguments.viewers {
        let (arguments, client) = (arguments.clone(), client.clone());
        hoppers.spawn(async move { hop(&arguments, number, client).await });
    }
    let mut all = Tally::default();
    while let Some(done) = hoppers.join_next().await {
        all.add(done?);
    }
    all.arrived.sort();
    let ms = |part: f64| {
        let index = (all.arrived.len() as f64 * part) as usize;
        let took = all.arrived.get(index.min(all.arrived.len().saturating_sub(1)));
        took.map_or("null".to_string(), |took| format!("{:.1}", took.as_secs_f64() * 1e3))
    };
    let refused: Vec<_> = all.refused.iter().map(|(reason, times)| format!("{reason:?}: {times}")).collect();
    let fields = [
        ("viewers", arguments.viewers.to_string()),
        ("logged_in", all.logged_in.to_string()),
        ("arrived", all.arrived.len().to_string()),
        ("hop_ms_p50", ms(0.5)),
        ("hop_ms_p99", ms(0.99)),
        ("hop_ms_max", ms(1.0)),
        ("refused", format!("{{{}}}", refused.join(", "))),
        ("without_verdict", all.without_verdict.to_string()),
        ("lost", all.lost.to_string()),
        ("unheard", all.unheard.to_string()),
        ("logged_out", all.logged_out.to_string()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    println!("{{{}}}", fields.join(", "));
    Ok(())
}
