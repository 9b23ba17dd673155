//! How the operator comes in: by a password, and then by a cookie.

use crate::forms::{Secret, forget};
use crate::look::{self, Look};
use crate::operator::Desk;
use askama::Template;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use grid::{Allowance, subject_of};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where the pages are.
pub(crate) const BASE: &str = "/operate";
/// Below that, what keeps pages alive.
const LIVE: &str = "/operate/live/";
/// The cookie of a session.
const SESSION: &str = "sojourn-operator";
/// The cookie that goes with the form.
const FORM: &str = "sojourn-login";
/// Seconds for which a form that was shown can be sent.
const FORM_LIFETIME_S: u32 = 3600;
/// Seconds of a session: a working day.
const LIFETIME_S: u32 = 12 * 3600;
/// Wrong passwords from one address.
const BY_ADDRESS: Allowance = Allowance { burst: 6, each_s: 60 };
/// Wrong passwords from everywhere.
const BY_ALL: Allowance = Allowance { burst: 30, each_s: 20 };
/// Bytes of a password.
const PASSWORD: usize = 1024;

/// A session, as handlers are given it.
#[derive(Clone)]
pub(crate) struct Session(pub(crate) Secret);

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    look: &'a Look,
    token: String,
    refused: Option<&'a str>,
}

/// Whoever is not meant to see these pages does not hear that they are there.
pub(crate) async fn admit(
    State(desk): State<Arc<Desk>>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let from = client.map(|Extension(ConnectInfo(address))| address.ip());
    match from {
        Some(from) if (desk.admits)(request.headers(), from) => next.run(request).await,
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Lets pass who is logged in.
pub(crate) async fn require_session(
    State(desk): State<Arc<Desk>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let secret = Secret::read(request.headers(), SESSION);
    let lives = match &secret {
        Some(secret) => desk.operators.is_operator_session(&secret.mark()).await,
        None => Ok(false),
    };
    match (lives, secret) {
        (Ok(true), Some(secret)) => {
            request.extensions_mut().insert(Session(secret));
            next.run(request).await
        }
        // A page that lives is there already, and sees by this that it is over.
        (Ok(_), _) if request.uri().path().starts_with(LIVE) => StatusCode::UNAUTHORIZED.into_response(),
        (Ok(_), _) if request.method() == Method::GET => {
            Redirect::to(&format!("{BASE}/login")).into_response()
        }
        (Ok(_), _) => StatusCode::FORBIDDEN.into_response(),
        (Err(error), _) => {
            tracing::error!(%error, "nobody knows who is logged in as operator");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

pub(crate) async fn form(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response<Body> {
    let secret = Secret::read(&headers, FORM).unwrap_or_else(Secret::random);
    show(&desk, &headers, &secret, StatusCode::OK, None)
}

fn show(
    desk: &Desk,
    asked: &HeaderMap,
    secret: &Secret,
    status: StatusCode,
    refused: Option<&str>,
) -> Response<Body> {
    let mut response = look::page(status, &Login { look: &desk.look, token: secret.token(), refused });
    let cookie = secret.cookie(asked, FORM, BASE, FORM_LIFETIME_S);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

pub(crate) async fn log_in(
    State(desk): State<Arc<Desk>>,
    Extension(ConnectInfo(client)): Extension<ConnectInfo<SocketAddr>>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Response<Body> {
    let secret = Secret::read(&headers, FORM);
    let Some(secret) = secret.filter(|secret| secret.admits(&filled.token)) else {
        let why = "This form has expired, or your browser keeps no cookies. Please try once more.";
        return show(&desk, &headers, &Secret::random(), StatusCode::FORBIDDEN, Some(why));
    };
    match try_password(&desk, client, &filled.password).await {
        Ok(Tried::Right) => enter(&desk, &headers).await.unwrap_or_else(|error| broken(&error)),
        Ok(Tried::Wrong) => {
            tracing::warn!(from = %client.ip(), "a wrong operator password");
            show(&desk, &headers, &secret, StatusCode::FORBIDDEN, Some("That is not the password."))
        }
        Ok(Tried::TooOften(wait_s)) => {
            let why = format!("Too many wrong passwords. Please try again in {wait_s} s.");
            show(&desk, &headers, &secret, StatusCode::TOO_MANY_REQUESTS, Some(&why))
        }
        Err(error) => broken(&error),
    }
}

enum Tried {
    Right,
    Wrong,
    /// Not before so many seconds.
    TooOften(u64),
}

/// Each try is counted before it is known to be wrong, so that many at once are many.
async fn try_password(desk: &Desk, client: SocketAddr, password: &str) -> services::Result<Tried> {
    let records = &desk.data.records;
    let subjects =
        [(subject_of("operator", client.ip()), BY_ADDRESS), ("operator by all".to_owned(), BY_ALL)];
    for (subject, allowance) in &subjects {
        if let Err(wait_s) = records.charge(subject, *allowance).await? {
            return Ok(Tried::TooOften(wait_s));
        }
    }
    if password.len() > PASSWORD || !desk.operators.is_operator_password(password).await? {
        return Ok(Tried::Wrong);
    }
    for (subject, allowance) in &subjects {
        records.refund(subject, *allowance).await?;
    }
    Ok(Tried::Right)
}

async fn enter(desk: &Desk, asked: &HeaderMap) -> services::Result<Response<Body>> {
    let session = Secret::random();
    desk.operators.begin_operator_session(&session.mark(), LIFETIME_S).await?;
    let mut response = Redirect::to(BASE).into_response();
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, session.cookie(asked, SESSION, BASE, LIFETIME_S));
    headers.append(header::SET_COOKIE, forget(FORM, BASE));
    Ok(response)
}

/// A form that carries nothing but its token.
#[derive(Deserialize)]
pub(crate) struct Bare {
    #[serde(default)]
    token: String,
}

pub(crate) async fn log_out(
    State(desk): State<Arc<Desk>>,
    Extension(Session(secret)): Extension<Session>,
    Form(bare): Form<Bare>,
) -> Response<Body> {
    if !secret.admits(&bare.token) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if let Err(error) = desk.operators.end_operator_session(&secret.mark()).await {
        return broken(&error);
    }
    let mut response = Redirect::to(&format!("{BASE}/login")).into_response();
    response.headers_mut().append(header::SET_COOKIE, forget(SESSION, BASE));
    response
}

fn broken(error: &services::ServiceError) -> Response<Body> {
    tracing::error!(%error, "the operator cannot come in");
    (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer. Please try again in a moment.")
        .into_response()
}
