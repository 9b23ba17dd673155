//! Connections: accepted up to a number, with bounds on heads and on patience. What a connection asks goes to
//! a [`Face`].

use super::budget::Origin;
use super::intake::Intake;
use crate::metrics::Metrics;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

/// Connections at a time. A viewer keeps one long poll open for each region that it sees, and up to some 30 more
/// while it fetches.
pub const MAX_CONNECTIONS: usize = 8192;
/// Of these so many from one address: a few hundred viewers behind one router.
const MAX_OF_ONE: usize = MAX_CONNECTIONS / 2;
/// Longest request head, bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Header fields of a request.
const MAX_HEADERS: usize = 100;
/// How long a head may take, and how long a connection may be idle between two requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long answers that are under way may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// After accepting has failed, for want of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What answers on a port.
pub(crate) trait Face: Send + Sync + 'static {
    /// What happens to every request.
    fn intake(&self) -> &Intake;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Serves until told to stop, then ends what is under way.
pub(crate) async fn serve<F: Face>(listener: TcpListener, front: Arc<F>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    // From where each is. Only looked up.
    let mut origins = HashMap::<Id, Origin>::new();
    let mut counts = Counts::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next_with_id() => {
                let task = match &ended {
                    Ok((task, ())) => *task,
                    Err(error) => error.id(),
                };
                if let Some(origin) = origins.remove(&task) {
                    counts.forget(origin);
                }
                continue;
            }
            () = stopped(&mut stop) => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let origin = Origin::from(remote.ip());
        // A proxy asks for many.
        let most = if front.intake().proxies.contain(remote.ip()) { MAX_CONNECTIONS } else { MAX_OF_ONE };
        if connections.len() >= MAX_CONNECTIONS || !counts.enter(origin, most) {
            front.intake().metrics.connections_refused.inc();
            continue;
        }
        let (front, stop) = (front.clone(), stop.clone());
        let task = connections.spawn(async move {
            let _open = Open::count(&front.intake().metrics);
            connection(stream, remote, front.clone(), stop).await;
        });
        origins.insert(task.id(), origin);
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, ended).await.is_err() {
        tracing::debug!(open = connections.len(), "connections were cut");
    }
}

/// Connections of each caller. Only looked up; who has none is not in it.
#[derive(Debug, Default)]
struct Counts(HashMap<Origin, usize>);

impl Counts {
    /// Counts one more, unless there are too many.
    fn enter(&mut self, origin: Origin, most: usize) -> bool {
        let count = self.0.get(&origin).copied().unwrap_or_default();
        let room = count < most;
        if room {
            self.0.insert(origin, count + 1);
        }
        room
    }

    /// Counts one less.
    fn forget(&mut self, origin: Origin) {
        if let Some(count) = self.0.get_mut(&origin) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&origin);
            }
        }
    }
}

/// An open connection in the metrics, whichever end it takes.
struct Open<'a>(&'a Metrics);

impl<'a> Open<'a> {
    fn count(metrics: &'a Metrics) -> Self {
        metrics.connections.inc();
        Self(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Waits until the server is to end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could say so has gone: that is the end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection<F: Face>(
    stream: TcpStream,
    remote: SocketAddr,
    front: Arc<F>,
    mut stop: watch::Receiver<bool>,
) {
    // An event must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    platform::give_up_on_silent_readers(&stream);
    let service = service_fn(|request| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request, remote).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%remote, %error, "a connection ended badly");
        if error.is_parse() || error.is_parse_too_large() {
            front.intake().metrics.http_malformed.inc();
        }
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
    use tokio::net::TcpStream;

    /// Milliseconds for which the client may leave what was sent to it unacknowledged.
    const SILENCE_MS: u32 = 60_000;

    pub(super) fn give_up_on_silent_readers(stream: &TcpStream) {
        let _ = setsockopt(stream, TcpUserTimeout, &SILENCE_MS);
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    pub(super) fn give_up_on_silent_readers(_stream: &tokio::net::TcpStream) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn who_is_refused_or_has_gone_is_not_remembered() {
        let mut counts = Counts::default();
        let [full, other] =
            [[192, 0, 2, 1], [192, 0, 2, 2]].map(|ip| Origin::from(std::net::IpAddr::from(ip)));
        for _ in 0..MAX_OF_ONE {
            assert!(counts.enter(full, MAX_OF_ONE));
        }
        assert!(!counts.enter(full, MAX_OF_ONE) && counts.enter(other, MAX_OF_ONE));
        assert_eq!(counts.0.len(), 2);
        counts.forget(other);
        assert_eq!(counts.0.len(), 1);
        counts.forget(full);
        assert!(counts.enter(full, MAX_OF_ONE) && !counts.enter(full, MAX_OF_ONE));
    }

    #[test]
    fn a_connection_that_breaks_down_is_not_open_any_more() {
        let metrics = Metrics::new();
        let broken = catch_unwind(AssertUnwindSafe(|| {
            let _open = Open::count(&metrics);
            assert_eq!(metrics.connections.get(), 1);
            panic!("a handler breaks down");
        }));
        assert_eq!((broken.is_err(), metrics.connections.get()), (true, 0));
    }
}
