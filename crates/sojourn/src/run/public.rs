//! What a grid shows everybody: logins, what it says about itself, the map.

use super::VERSION;
use crate::counted::CountedAuth;
use crate::options::Logins;
use axum::Router;
use grid::{GridInfo, LoginConfig, LoginService, PublicState, SqlStore, SystemClock};
use services::{LoginDestination, Services};
use simulator::Metrics;
use std::sync::Arc;

/// Letters of the key under which viewers keep the grid.
const MAX_NICK: usize = 32;

/// The routes, for a grid that is reached at this address.
pub(super) fn router(
    url: &str,
    grid_name: &str,
    logins: Logins,
    store: &SqlStore,
    destination: Arc<dyn LoginDestination>,
    metrics: Arc<Metrics>,
) -> Router {
    let services = store.services();
    let map_tiles = services.map_tiles.clone();
    let auth = Arc::new(CountedAuth { inner: services.auth.clone(), metrics });
    let config = LoginConfig {
        welcome: format!("Welcome to {grid_name}, <USERNAME>!"),
        map_url: url.to_owned(),
        min_level: 0,
        closed: logins.closed,
        terms: logins.terms,
    };
    let services = Services { auth, ..services };
    let login = LoginService::new(
        services,
        Arc::new(store.clone()),
        destination,
        config,
        Arc::new(SystemClock),
        rand::random(),
    );
    let nick: String =
        grid_name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(MAX_NICK).collect();
    let nick = if nick.is_empty() { "sojourn".to_owned() } else { nick };
    grid::public_router(PublicState {
        login: Arc::new(login),
        info: Arc::new(GridInfo::new(url, grid_name, &nick).with("server", VERSION)),
        statistics: Arc::new(store.clone()),
        map_tiles,
    })
}
