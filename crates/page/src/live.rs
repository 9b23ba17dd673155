//! The living part of a page, sent again as often as it changes.

use crate::operator::{Desk, Fragment};
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// Pages that live at a time.
pub(crate) const STREAMS: usize = 64;
/// Between two changes of one page.
const PACE: Duration = Duration::from_millis(300);
/// A page that shows for how long something has lasted changes by itself.
const TICK: Duration = Duration::from_secs(2);

struct Stream {
    desk: Arc<Desk>,
    mark: String,
    fragment: Fragment,
    news: watch::Receiver<u64>,
    sent: String,
    first: bool,
    _room: OwnedSemaphorePermit,
}

/// Sends a fragment, now and whenever it is another one, as long as the session with this mark lives.
pub(crate) fn stream(desk: Arc<Desk>, mark: String, fragment: Fragment) -> Response<Body> {
    let Ok(room) = desk.streams.clone().try_acquire_owned() else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let news = desk.lookout.news();
    let stream = Stream { desk, mark, fragment, news, sent: String::new(), first: true, _room: room };
    let events = unfold(stream, async |mut stream| {
        let changed = stream.changed().await?;
        Some((Ok::<_, Infallible>(Event::default().data(changed)), stream))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

impl Stream {
    /// The fragment as it is once it is another one than was sent; `None` when nobody may see it any more.
    async fn changed(&mut self) -> Option<String> {
        loop {
            if !std::mem::take(&mut self.first) {
                tokio::time::sleep(PACE).await;
                // Whether there is anything new, the fragment says.
                let _ = tokio::time::timeout(TICK, self.news.changed()).await;
            }
            match self.desk.operators.is_operator_session(&self.mark).await {
                Ok(true) => {}
                Ok(false) => return None,
                // Nobody is shown anything until it is known whether they may see it.
                Err(_) => continue,
            }
            self.desk.lookout.keep_looking();
            match self.fragment.make(&self.desk).await {
                Some(made) if made != self.sent => {
                    self.sent.clone_from(&made);
                    return Some(made);
                }
                // What cannot be shown now stays as it was.
                _ => {}
            }
        }
    }
}
