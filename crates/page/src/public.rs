//! What everybody sees: the page that viewers show while people log in, the map, and the form by which people sign up.

use crate::forms::Secret;
use crate::look::{self, Look};
use crate::map::{self, Map, Tiles};
use crate::overview::{GridData, Overviews};
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::{Html, IntoResponse as _};
use axum::routing::get;
use axum::{Extension, Form, Router};
use grid::{Allowance, GridStatistics, Kept, NewPerson, provision_account, subject_of};
use serde::Deserialize;
use services::ServiceError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Regions that the login page names.
const NAMED: usize = 12;
/// How long a map is kept.
const MAP_AGE: Duration = Duration::from_secs(5);
/// Bytes of a form.
const FORM: usize = 8 * 1024;
/// Characters of a password.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
/// The cookie that goes with the form.
const COOKIE: &str = "sojourn-signup";
/// Seconds for which a form that was shown can be sent.
const FORM_LIFETIME_S: u32 = 3600;
/// Forms from one address.
const BY_ADDRESS: Allowance = Allowance { burst: 8, each_s: 900 };
/// Forms from everybody together: each costs a password hash.
const BY_ALL: Allowance = Allowance { burst: 300, each_s: 10 };

/// What a grid says of itself on its pages.
#[derive(Clone, Debug)]
pub struct PublicConfig {
    /// Its name.
    pub grid_name: String,
    /// Where viewers log in.
    pub login_uri: String,
    /// It is closed, and this is why.
    pub closed: Option<String>,
    /// Whether people may make accounts for themselves.
    pub sign_up: bool,
}

struct Public {
    config: PublicConfig,
    look: Look,
    data: GridData,
    overviews: Overviews,
    /// The page of the map.
    map: Kept<Bytes>,
}

/// The routes: `GET /`, `/map`, and, if people may sign up, `/signup`. Addresses are taken from an extension of the request,
/// `ConnectInfo<SocketAddr>`.
pub fn public_pages(config: PublicConfig, data: GridData) -> Router {
    let mut router = Router::new().route("/", get(splash)).route("/map", get(world_map));
    if config.sign_up {
        router = router.route("/signup", get(form).post(sign_up));
    }
    let tiles = map::tiles("", data.services.map_tiles.clone());
    let look = Look::below("", &config.grid_name);
    let overviews = Overviews::new(data.clone());
    let map = Kept::new("the map", MAP_AGE);
    let state = Arc::new(Public { config, look, data, overviews, map });
    let pages = router.layer(DefaultBodyLimit::max(FORM)).with_state(state);
    look::guarded(pages.merge(tiles).merge(look::router("")))
}

#[derive(Template)]
#[template(path = "splash.html")]
struct Splash<'a> {
    look: &'a Look,
    here: &'static str,
    sign_up: bool,
    closed: Option<&'a str>,
    login_uri: &'a str,
    counted: GridStatistics,
    regions: Vec<(&'a str, u64)>,
    more: usize,
}

#[derive(Template)]
#[template(path = "public_map.html")]
struct PublicMap<'a> {
    look: &'a Look,
    here: &'static str,
    sign_up: bool,
    counted: GridStatistics,
    map: String,
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUp<'a> {
    look: &'a Look,
    here: &'static str,
    sign_up: bool,
    login_uri: &'a str,
    token: String,
    least: usize,
    made: Option<String>,
    refused: Option<&'a str>,
    first: &'a str,
    last: &'a str,
    email: &'a str,
}

/// The grid cannot be seen now. Why is logged already.
fn unseen() -> Response<Body> {
    (StatusCode::SERVICE_UNAVAILABLE, "The grid does not answer. Please try again in a moment.")
        .into_response()
}

async fn splash(State(public): State<Arc<Public>>) -> Response<Body> {
    let Ok(overview) = public.overviews.get().await else { return unseen() };
    let count = |id| overview.people.get(&id).copied().unwrap_or_default();
    let mut regions: Vec<_> =
        overview.regions.iter().map(|region| (region.name.as_str(), count(region.id))).collect();
    // The liveliest first; they are in the order of their names.
    regions.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let more = regions.len().saturating_sub(NAMED);
    regions.truncate(NAMED);
    let page = Splash {
        look: &public.look,
        here: "splash",
        sign_up: public.config.sign_up,
        closed: public.config.closed.as_deref(),
        login_uri: &public.config.login_uri,
        counted: overview.counted,
        regions,
        more,
    };
    look::page(StatusCode::OK, &page)
}

async fn world_map(State(public): State<Arc<Public>>) -> Response<Body> {
    match public.map.get(|| draw_map(public.clone())).await {
        Ok(page) => Html(Bytes::clone(&page)).into_response(),
        Err(_) => unseen(),
    }
}

/// The page of the map. That of a large grid takes its time and has megabytes, so it is drawn aside, and once for all.
async fn draw_map(public: Arc<Public>) -> services::Result<Bytes> {
    let overview = public.overviews.get().await?;
    let draw = move || {
        let map = Map::new(&overview.regions, &overview.people, &[], Tiles::Public).render()?;
        let (look, sign_up) = (&public.look, public.config.sign_up);
        PublicMap { look, here: "map", sign_up, counted: overview.counted, map }.render()
    };
    let drawn = tokio::task::spawn_blocking(draw).await.map_err(ServiceError::unavailable)?;
    drawn.map(Bytes::from).map_err(ServiceError::unavailable)
}

async fn form(State(public): State<Arc<Public>>, headers: HeaderMap) -> Response<Body> {
    let secret = Secret::read(&headers, COOKIE).unwrap_or_else(Secret::random);
    show(&public, &headers, &secret, StatusCode::OK, &Filled::default(), None, None)
}

/// The form as it was sent.
#[derive(Deserialize, Default)]
struct Filled {
    #[serde(default)]
    token: String,
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

fn show(
    public: &Public,
    asked: &HeaderMap,
    secret: &Secret,
    status: StatusCode,
    filled: &Filled,
    refused: Option<&str>,
    made: Option<String>,
) -> Response<Body> {
    let page = SignUp {
        look: &public.look,
        here: "signup",
        sign_up: true,
        login_uri: &public.config.login_uri,
        token: secret.token(),
        least: *PASSWORD.start(),
        made,
        refused,
        first: &filled.first,
        last: &filled.last,
        email: &filled.email,
    };
    let mut response = look::page(status, &page);
    let cookie = secret.cookie(asked, COOKIE, "/signup", FORM_LIFETIME_S);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

async fn sign_up(
    State(public): State<Arc<Public>>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    form: Result<Form<Filled>, axum::extract::rejection::FormRejection>,
) -> Response<Body> {
    let Ok(Form(filled)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let secret = Secret::read(&headers, COOKIE);
    let Some(secret) = secret.filter(|secret| secret.admits(&filled.token)) else {
        let why = "This form has expired, or your browser keeps no cookies. Please try once more.";
        return show(&public, &headers, &Secret::random(), StatusCode::FORBIDDEN, &filled, Some(why), None);
    };
    let refuse = |status, why: &str| show(&public, &headers, &secret, status, &filled, Some(why), None);
    if let Err(why) = sound(&filled) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, why);
    }
    match charge(&public, client.map(|Extension(ConnectInfo(address))| address)).await {
        Ok(Ok(())) => {}
        Ok(Err(wait_s)) => {
            let minutes = wait_s.div_ceil(60);
            let why = format!("That is too much for now. Please try again in {minutes} min.");
            return refuse(StatusCode::TOO_MANY_REQUESTS, &why);
        }
        Err(error) => return broken(&error),
    }
    let person = NewPerson {
        first: filled.first.trim().to_owned(),
        last: filled.last.trim().to_owned(),
        email: filled.email.trim().to_owned(),
        password: filled.password.clone(),
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match provision_account(&public.data.services, rand::random(), now_s, person).await {
        Ok(account) => {
            tracing::info!(agent = %account.id, "{} {} has signed up", account.first, account.last);
            let name = format!("{} {}", account.first, account.last);
            show(&public, &headers, &secret, StatusCode::CREATED, &Filled::default(), None, Some(name))
        }
        Err(ServiceError::Refused(why) | ServiceError::Invalid(why)) => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, &sentence(&why))
        }
        Err(error) => broken(&error),
    }
}

fn broken(error: &ServiceError) -> Response<Body> {
    tracing::error!(%error, "nobody can sign up");
    (StatusCode::SERVICE_UNAVAILABLE, "The grid does not answer. Please try again in a moment.")
        .into_response()
}

/// What the accounts' service does not look at, or says less well.
fn sound(filled: &Filled) -> Result<(), &'static str> {
    let letters = |name: &str| {
        let name = name.trim();
        !name.is_empty()
            && name.len() <= 31
            && name.chars().all(|c| c.is_alphanumeric() || "-_'.".contains(c))
    };
    if !letters(&filled.first) || !letters(&filled.last) {
        return Err("A name has a first and a last part, of at most 31 letters and digits each.");
    }
    if filled.email.len() > 254 || filled.email.chars().any(char::is_control) {
        return Err("That is no e-mail address.");
    }
    if !PASSWORD.contains(&filled.password.chars().count()) {
        return Err("A password has between 8 and 128 characters.");
    }
    if filled.password != filled.again {
        return Err("The two passwords are not the same.");
    }
    Ok(())
}

/// Whether one more may sign up now; `Err`: not within so many seconds. The count is the grid's, not this process's.
async fn charge(public: &Public, client: Option<SocketAddr>) -> services::Result<Result<(), u64>> {
    let records = &public.data.records;
    if let Some(client) = client
        && let Err(wait_s) = records.charge(&subject_of("sign-up", client.ip()), BY_ADDRESS).await?
    {
        return Ok(Err(wait_s));
    }
    records.charge("sign-up by all", BY_ALL).await
}

/// A reason as a sentence of its own.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
