//! The grid that a simulator joins: its sides, its services, its clock.

use super::Finding;
use crate::grid_info;
use crate::run::VERSION;
use connectors::{GridAddress, Options, Patience, SimulatorKey};
use model::{AgentId, AssetId, GridCell, RegionId, SessionId, Uuid};
use services::{ServiceError, Services};
use std::time::Duration;

/// How long the grid may take: for its sides, and for each service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    side: Duration,
    service: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self { side: Duration::from_secs(5), service: Patience::default() }
    }
}

/// Seconds by which clocks may differ: proofs of origin have the time in them.
const APART_S: u64 = 5;
const MOST_APART_S: u64 = 20;

pub(super) async fn look(grid: &str, login: &str, key: Option<SimulatorKey>, limits: Limits) -> Vec<Finding> {
    let mut findings = vec![public(login, limits.side).await];
    let address = GridAddress { private: grid.to_owned(), public: login.to_owned() };
    let how = Options { key, patience: limits.service, ..Options::default() };
    let services = match connectors::connect(&address, &how) {
        Ok(services) => services,
        Err(error) => {
            findings.push(Finding::ill("grid", error.to_string(), "see --grid"));
            return findings;
        }
    };
    match private(grid, limits.side).await {
        Ok(finding) => {
            findings.push(finding);
            match locked_out(&services).await {
                Some(finding) => findings.push(finding),
                None => findings.extend(services_of(&services).await),
            }
        }
        Err(silent) => findings.push(silent),
    }
    findings
}

/// The public side says what the grid is called.
async fn public(login: &str, patience: Duration) -> Finding {
    let subject = "grid, public side";
    let info = match grid_info::ask(login, patience).await {
        Ok(Ok(info)) => info,
        Ok(Err(status)) => {
            return Finding::odd(subject, format!("{login}: HTTP status {status}"), "see --login");
        }
        Err(why) => {
            return Finding::ill(subject, format!("{login}: {why}"), "start the grid, or see --login");
        }
    };
    let name = info.name.unwrap_or_else(|| "a grid without a name".into());
    let server = info.server.unwrap_or_else(|| "another server than ours".into());
    let found = format!("{login}: {name}, on {server}");
    if server.starts_with("Sojourn") && server != VERSION {
        return Finding::odd(subject, found, format!("this is {VERSION}: update whichever is older"));
    }
    Finding::well(subject, found)
}

/// Ours says whether it is ready; others say at least something. Both tell the time.
async fn private(grid: &str, patience: Duration) -> Result<Finding, Finding> {
    let silent = |why: anyhow::Error| {
        Finding::ill("grid, private side", format!("{grid}: {why}"), "start it, or see --grid")
    };
    let answer = grid_info::fetch(&format!("{grid}healthz"), patience).await.map_err(silent)?;
    let kind = match answer.status {
        200 => "a grid of Sojourn, ready",
        503 => "a grid of Sojourn, not ready: it starts, or its database does not answer",
        _ => "a grid of another kind",
    };
    Ok(clock(&format!("{grid}: {kind}"), answer.apart_s))
}

fn clock(found: &str, apart_s: Option<u64>) -> Finding {
    let subject = "grid, private side";
    let remedy = "set both clocks by NTP: simulators prove who they are with the time in it";
    match apart_s {
        None => Finding::odd(
            subject,
            format!("{found}; it does not tell the time"),
            "see that clocks are set by NTP",
        ),
        Some(apart) if apart > MOST_APART_S => {
            Finding::ill(subject, format!("{found}; its clock and ours are {apart} s apart"), remedy)
        }
        Some(apart) if apart > APART_S => {
            Finding::odd(subject, format!("{found}; its clock and ours are {apart} s apart"), remedy)
        }
        Some(_) => Finding::well(subject, format!("{found}; clocks agree")),
    }
}

/// The grid lets us in only with a key.
async fn locked_out(services: &Services) -> Option<Finding> {
    let error = services.grid.by_id(RegionId(Uuid::max())).await.err().filter(connectors::wants_key)?;
    let why = error.to_string();
    let remedy = "`sojourn simulator-key add NAME` with the grid's --data or --database; what it prints is \
                  SOJOURN_SIMULATOR_KEY";
    Some(Finding::ill("grid, key", why, remedy))
}

/// Asks each service something harmless.
async fn services_of(services: &Services) -> Vec<Finding> {
    let nobody = AgentId(Uuid::max());
    let asked = [
        ("accounts", said(services.accounts.by_id(nobody).await)),
        ("regions", said(services.grid.by_id(RegionId(Uuid::max())).await)),
        ("presence", said(services.presence.by_session(SessionId(Uuid::max())).await)),
        ("grid users", said(services.grid_users.get(nobody).await)),
        ("friends", said(services.friends.list(nobody).await)),
        ("avatars", said(services.avatars.get(nobody).await)),
        ("inventory", said(services.inventory.root(nobody).await)),
        ("assets", said(services.assets.metadata(AssetId(Uuid::max())).await)),
        ("preferences", said(services.agent_prefs.get(nobody).await)),
        ("mute lists", said(services.mutes.list(nobody).await)),
        ("map tiles", said(services.map_tiles.get(GridCell { x: 0, y: 0 }).await)),
    ];
    let silent: Vec<_> = asked.iter().filter_map(|(name, why)| Some((*name, why.as_ref()?))).collect();
    let mut findings: Vec<Finding> = silent
        .iter()
        .map(|(name, why)| Finding::ill(format!("grid, {name}"), (*why).clone(), "see the grid's log"))
        .collect();
    let answering = asked.len() - silent.len();
    if answering > 0 {
        findings.push(Finding::well("grid, services", format!("{answering} of {} answer", asked.len())));
    }
    findings
}

/// Why there was no answer. A no is one.
fn said<T>(answer: services::Result<T>) -> Option<String> {
    match answer {
        Err(ServiceError::Unavailable(why)) => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn clocks() {
        for (apart, health) in
            [(Some(0), Health::Well), (Some(9), Health::Odd), (Some(60), Health::Ill), (None, Health::Odd)]
        {
            assert_eq!(clock("x", apart).health, health, "{apart:?}");
        }
    }

    #[tokio::test]
    async fn a_grid_that_runs_and_one_that_does_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let store = crate::data::open(&grid::Database::Memory).await.unwrap();
        let router = grid::private_router(store.services(), grid::PrivateConfig::default());
        let _serving = tokio::spawn(async move { axum::serve(listener, router).await });
        // A machine that has much else to do is slow, and no reason to find a grid ill.
        let hour = Duration::from_secs(3600);
        let limits =
            Limits { side: hour, service: Patience { connect: hour, call: hour, again: Duration::ZERO } };
        let findings = look(&address, &address, None, limits).await;
        let silent = look(&address.replace("127.0.0.1", "127.0.0.2"), &address, None, limits).await;
        let services = findings.iter().find(|finding| finding.subject == "grid, services").unwrap();
        assert!(services.found.starts_with("11 of 11"), "{findings:?}");
        let store = crate::data::open(&grid::Database::Memory).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let locked = format!("http://{}/", listener.local_addr().unwrap());
        let services = grid::private_router(store.services(), grid::PrivateConfig::default());
        let router = grid::Door::new(store, Vec::new()).before(services);
        let _serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let findings = look(&locked, &locked, None, Limits::default()).await;
        let key = findings.iter().find(|finding| finding.subject == "grid, key").unwrap();
        assert!(key.health == Health::Ill && key.found.contains("demands a key"), "{findings:?}");
        assert!(findings.iter().all(|finding| finding.subject != "grid, services"), "{findings:?}");
        // Nobody is asked where nobody is.
        assert_eq!(silent.iter().filter(|finding| finding.health == Health::Ill).count(), 1, "{silent:?}");
    }
}
