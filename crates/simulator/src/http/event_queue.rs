//! EventQueueGet: a long poll. The request waits here, on the receiving end of a channel, until the region has
//! something to say; the region answers at once when it has.

use super::intake::Whole;
use super::reply;
use crate::directory::{Directory, Request, Undelivered};
use axum::body::Body;
use axum::http::{Response, StatusCode};
use llsd::Value;
use model::{CapsSecret, RegionId};
use region::Waiter;
use tokio::sync::oneshot;

/// Answers one poll.
pub(crate) async fn answer(directory: &Directory, secret: CapsSecret, request: &Whole) -> Response<Body> {
    let gone = || reply::status(StatusCode::NOT_FOUND);
    let Some(entry) = directory.caps(secret) else { return gone() };
    let Some(poll @ Value::Map(_)) = super::body::llsd(&request.head.headers, &request.body) else {
        return reply::status(StatusCode::BAD_REQUEST);
    };
    // The first poll's ack is undefined. Some clients say 0 for it; no batch has that number.
    let ack = (!poll["ack"].is_undefined()).then(|| poll["ack"].as_i32());
    let done = poll["done"].as_bool();

    let from = request.remote.ip();
    let waiter = directory.new_waiter();
    let (answer, answered) = oneshot::channel();
    match directory.send(entry.region, Request::Poll { caps: secret, ack, done, waiter, from, answer }) {
        Ok(()) => {}
        Err(Undelivered::Unknown) => return gone(),
        Err(Undelivered::Overloaded) => return reply::status(StatusCode::SERVICE_UNAVAILABLE),
    }
    // When the client goes, this future is dropped wherever it stands, and the region gets to know.
    let mut connection = Connection { directory, region: entry.region, caps: secret, waiter, broken: true };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{CapsEntry, INBOX};
    use crate::tests::{ADA, region};
    use llsd::map;
    use model::{SessionId, Uuid};
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use tokio::sync::mpsc;

    const SECRET: CapsSecret = CapsSecret(Uuid::from_u128(5));

    fn directory() -> (Directory, mpsc::Receiver<Request>) {
        let directory = Directory::default();
        let (inbox, requests) = mpsc::channel(INBOX);
        let info = Arc::new(region(1).info());
        let entry = CapsEntry { agent: ADA, session: SessionId::default(), region: info.id };
        directory.add(info, inbox);
        directory.open_caps(SECRET, entry);
        (directory, requests)
    }

    fn poll(ack: Option<i32>) -> Whole {
        let body = llsd::xml::write(&map! { "ack" => ack, "done" => false });
        let (head, ()) = axum::http::Request::post("/").body(()).unwrap().into_parts();
        Whole { head, body: body.into(), remote: ([127, 0, 0, 1], 5000).into(), share: None }
    }

    #[tokio::test]
    async fn what_the_region_says_is_said() {
        let (directory, mut requests) = directory();
        let request = poll(Some(7));
        let region = async {
            let Some(Request::Poll { ack, done, answer, .. }) = requests.recv().await else {
                panic!("no poll")
            };
            assert_eq!((ack, done), (Some(7), false));
            answer.send(Some("<llsd/>".into())).unwrap();
        };
        let (answer, ()) = tokio::join!(answer(&directory, SECRET, &request), region);
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(requests.try_recv().is_err(), "nothing has broken");
    }

    #[tokio::test]
    async fn a_client_that_goes_is_noticed_even_if_its_answer_was_on_the_way() {
        let (directory, mut requests) = directory();
        let request = poll(None);
        for answered in [false, true] {
            let mut poll = Box::pin(answer(&directory, SECRET, &request));
            let (asked, waits) = tokio::select! {
                _ = &mut poll => panic!("nobody has answered"),
                Some(Request::Poll { waiter, answer, .. }) = requests.recv() => (waiter, answer),
            };
            if answered {
                waits.send(Some("<llsd/>".into())).unwrap();
            }
            drop(poll);
            let broken = requests.try_recv();
            assert!(matches!(broken, Ok(Request::PollBroken { caps: SECRET, waiter }) if waiter == asked));
        }
    }

    #[tokio::test]
    async fn an_overloaded_region_is_asked_later() {
        let (directory, _requests) = directory();
        let here = directory.regions()[0].id;
        while directory
            .send(here, Request::SeedFetched { caps: SECRET, from: Ipv4Addr::LOCALHOST.into() })
            .is_ok()
        {}
        let answer = answer(&directory, SECRET, &poll(None)).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
