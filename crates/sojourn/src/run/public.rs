//! What a grid shows everybody: logins, what it says about itself, the map.

use super::VERSION;
use crate::counted::CountedAuth;
use crate::options::Logins;
use axum::Router;
use grid::{GridInfo, LoginConfig, LoginService, PublicState, SqlStore, SystemClock};
use page::{GridData, PublicConfig};
use services::{LoginDestination, Services};
use simulator::Metrics;
use std::sync::Arc;

/// Where people sign up, below the address of the grid.
const SIGN_UP: &str = "signup";
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
    let pages = page::public_pages(
        PublicConfig {
            grid_name: grid_name.to_owned(),
            login_uri: url.to_owned(),
            closed: logins.closed.clone(),
            sign_up: logins.sign_up,
        },
        data(store),
    );
    let sign_up = logins.sign_up;
    let config = LoginConfig {
        welcome: logins.welcome.unwrap_or_else(|| format!("Welcome to {grid_name}, <USERNAME>!")),
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
    let mut info = GridInfo::new(url, grid_name, &nick).with("welcome", url).with("server", VERSION);
    if sign_up {
        info = info.with("register", &format!("{url}{SIGN_UP}"));
    }
    let public = grid::public_router(PublicState {
        login: Arc::new(login),
        info: Arc::new(info),
        statistics: Arc::new(store.clone()),
        map_tiles,
    });
    public.merge(pages)
}

/// What pages read.
pub(super) fn data(store: &SqlStore) -> GridData {
    let (statistics, records) = (Arc::new(store.clone()), Arc::new(store.clone()));
    GridData { services: store.services(), statistics, records }
}
