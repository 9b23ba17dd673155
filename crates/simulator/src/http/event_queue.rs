//! EventQueueGet: a long poll. The request waits here, on the receiving end of a channel, until the region has
//! something to say; the region answers at once when it has.

use super::reply;
use super::routes::Shared;
use crate::directory::{Directory, Request, Undelivered};
use axum::body::Body;
use axum::http::{Response, StatusCode};
use llsd::Value;
use model::{CapsSecret, RegionId};
use region::Waiter;
use tokio::sync::oneshot;

/// Answers one poll.
pub(crate) async fn answer(shared: &Shared, secret: CapsSecret, body: &[u8]) -> Response<Body> {
    let gone = || reply::status(StatusCode::NOT_FOUND);
    let Some(entry) = shared.directory.caps(secret) else { return gone() };
    let Ok(poll @ Value::Map(_)) = llsd::xml::parse(body) else {
        return reply::status(StatusCode::BAD_REQUEST);
    };
    // The first poll's ack is undefined. Some clients say 0 for it; no batch has that number.
    let ack = (!poll["ack"].is_undefined()).then(|| poll["ack"].as_i32());
    let done = poll["done"].as_bool();

    let waiter = shared.directory.new_waiter();
    let (answer, answered) = oneshot::channel();
    match shared.directory.send(entry.region, Request::Poll { caps: secret, ack, done, waiter, answer }) {
        Ok(()) => {}
        Err(Undelivered::Unknown) => return gone(),
        Err(Undelivered::Overloaded) => return reply::status(StatusCode::SERVICE_UNAVAILABLE),
    }
    // When the client goes, this future is dropped wherever it stands, and the region gets to know.
    let mut connection =
        Connection { directory: &shared.directory, region: entry.region, caps: secret, waiter, broken: true };
    let body = answered.await;
    connection.broken = false;
    match body {
        Ok(Some(document)) => reply::llsd_text(document),
        // The queue has ended, or the region with it: viewers take 404 for final.
        Ok(None) | Err(_) => gone(),
    }
}

/// The HTTP connection of a waiting poll.
struct Connection<'a> {
    directory: &'a Directory,
    region: RegionId,
    caps: CapsSecret,
    waiter: Waiter,
    broken: bool,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if self.broken {
            let broken = Request::PollBroken { caps: self.caps, waiter: self.waiter };
            // An overloaded region finds out when it answers.
            let _ = self.directory.send(self.region, broken);
        }
    }
}
