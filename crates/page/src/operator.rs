//! What the operator sees, and the switches.

mod fragment;
mod switches;

use crate::door::{self, BASE, Session};
use crate::live::{self, STREAMS};
use crate::look::{self, Look};
use crate::lookout::Lookout;
use crate::map;
use crate::overview::{GridData, Overviews};
use askama::Template;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Extension, Router};
pub(crate) use fragment::Fragment;
use fragment::{Asked, Filter};
use grid::OperatorRecords;
use std::net::IpAddr;
use std::sync::Arc;
pub use switches::{Switch, Switches};
use tokio::sync::Semaphore;

/// Bytes of a form.
const FORM: usize = 16 * 1024;

/// Who is shown these pages at all, by headers and address of a request.
pub type Admits = Arc<dyn Fn(&HeaderMap, IpAddr) -> bool + Send + Sync>;

/// What the operator's pages work on.
pub struct OperatorConfig {
    /// Name of the grid.
    pub grid_name: String,
    /// Its data.
    pub data: GridData,
    /// Its operator.
    pub operators: Arc<dyn OperatorRecords>,
    /// What goes on; [`Lookout::keep`] has to run.
    pub lookout: Arc<Lookout>,
    /// What the operator can do.
    pub switches: Arc<dyn Switches>,
    /// Who is let in as far as the form.
    pub admits: Admits,
}

/// What handlers work on.
pub(crate) struct Desk {
    pub(crate) look: Look,
    pub(crate) data: GridData,
    pub(crate) overviews: Overviews,
    pub(crate) operators: Arc<dyn OperatorRecords>,
    pub(crate) lookout: Arc<Lookout>,
    pub(crate) switches: Arc<dyn Switches>,
    pub(crate) admits: Admits,
    pub(crate) streams: Arc<Semaphore>,
}

/// The routes, all of them under `/operate`. Addresses are taken from an extension of the request,
/// `ConnectInfo<SocketAddr>`; without one nobody is admitted.
pub fn operator_pages(config: OperatorConfig) -> Router {
    let OperatorConfig { grid_name, data, operators, lookout, switches, admits } = config;
    let desk = Arc::new(Desk {
        look: Look::below(BASE, &grid_name),
        overviews: Overviews::new(data.clone()),
        data,
        operators,
        lookout,
        switches,
        admits,
        streams: Arc::new(Semaphore::new(STREAMS)),
    });
    let inside = Router::new()
        .route(BASE, get(world))
        .route(&format!("{BASE}/{{page}}"), get(page))
        .route(&format!("{BASE}/transfers/{{key}}"), get(transfer))
        .route(&format!("{BASE}/live/{{page}}"), get(live_page))
        .route(&format!("{BASE}/live/transfers/{{key}}"), get(live_transfer))
        .route(&format!("{BASE}/logout"), post(door::log_out))
        .route(&format!("{BASE}/switches"), get(switches::form).post(switches::change));
    let tiles = map::tiles(BASE, desk.data.services.map_tiles.clone());
    let inside = inside.merge(tiles).layer(from_fn_with_state(desk.clone(), door::require_session));
    let door = Router::new().route(&format!("{BASE}/login"), get(door::form).post(door::log_in));
    let pages = inside
        .merge(door)
        .layer(DefaultBodyLimit::max(FORM))
        .with_state(desk.clone())
        .merge(look::router(BASE))
        .layer(from_fn_with_state(desk, door::admit));
    look::guarded(pages)
}

/// A page around its living part.
#[derive(Template)]
#[template(path = "operator.html")]
pub(crate) struct Frame<'a> {
    look: &'a Look,
    /// Of this session.
    token: String,
    here: &'static str,
    title: String,
    /// What stands above the living part, as HTML.
    above: String,
    /// Where the living part comes from; empty if it does not live.
    live: String,
    fragment: String,
}

/// A page of these parts.
pub(crate) fn framed(
    desk: &Desk,
    session: &Session,
    here: &'static str,
    title: &str,
    above: String,
    living: (String, String),
) -> Response<Body> {
    let (live, fragment) = living;
    let token = session.0.token();
    let title = title.to_owned();
    look::page(StatusCode::OK, &Frame { look: &desk.look, token, here, title, above, live, fragment })
}

async fn show(desk: &Desk, session: &Session, fragment: Fragment) -> Response<Body> {
    desk.lookout.look().await;
    let Some(made) = fragment.make(desk).await else {
        return match fragment {
            Fragment::Transfer(_) => (StatusCode::NOT_FOUND, "It is not known, or not any more."),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "The grid does not answer. Please try again in a moment."),
        }
        .into_response();
    };
    let live = format!("{BASE}/live/{}", fragment.address());
    framed(desk, session, fragment.tab(), &fragment.title(), fragment.above(), (live, made))
}

async fn world(State(desk): State<Arc<Desk>>, Extension(session): Extension<Session>) -> Response<Body> {
    show(&desk, &session, Fragment::Map).await
}

async fn page(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Path(page): Path<String>,
    Query(asked): Query<Asked>,
) -> Response<Body> {
    match Fragment::of(&page, Filter::of(&asked)) {
        Some(fragment) => show(&desk, &session, fragment).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn transfer(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Path(key): Path<String>,
) -> Response<Body> {
    match key.parse() {
        Ok(key) => show(&desk, &session, Fragment::Transfer(key)).await,
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn live_page(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Path(page): Path<String>,
    Query(asked): Query<Asked>,
) -> Response<Body> {
    match Fragment::of(&page, Filter::of(&asked)) {
        Some(fragment) => live::stream(desk, session.0.mark(), fragment),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn live_transfer(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Path(key): Path<String>,
) -> Response<Body> {
    match key.parse() {
        Ok(key) => live::stream(desk, session.0.mark(), Fragment::Transfer(key)),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
