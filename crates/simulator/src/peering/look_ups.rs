//! Names of hosts, looked up by threads of the process: so many at a time, since a server of names that is silent keeps
//! each of them for half a minute, long after whoever asked has given up.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Threads that look names up.
const AT_ONCE: usize = 8;

type Look = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// Looks names up. Clones share its threads.
#[derive(Clone)]
pub struct LookUps {
    slots: Arc<Semaphore>,
    look: Arc<Look>,
}

impl Default for LookUps {
    /// By the system.
    fn default() -> Self {
        let ask = |host: &str| Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect());
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)), look: Arc::new(ask) }
    }
}

impl fmt::Debug for LookUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookUps")
    }
}

impl LookUps {
    /// The addresses of a host, once there is a thread to look. It is let go when it has looked, whoever waits.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn of(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let slot = self.slots.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (look, host) = (self.look.clone(), host.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let found = look(&host);
            drop(slot);
            found
        });
        looked.await.map_err(io::Error::other)?
    }
}

impl Resolve for LookUps {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = this.of(name.as_str()).await?;
            // The port is that of the URL.
            let found: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test]
    async fn look_ups_that_were_given_up_take_no_more_than_their_threads() {
        let (go, wait) = mpsc::channel::<()>();
        let (begun, began) = mpsc::channel();
        let wait = Mutex::new(wait);
        let look = move |host: &str| {
            let _ = begun.send(host.to_owned());
            let _ = wait.lock().unwrap().recv();
            Ok(vec![])
        };
        let look_ups = LookUps { look: Arc::new(look), ..LookUps::default() };
        for n in 0..AT_ONCE + 5 {
            let asked = tokio::time::timeout(Duration::ZERO, look_ups.of(&format!("silent{n}"))).await;
            assert!(asked.is_err(), "it is given up");
        }
        assert_eq!(look_ups.slots.available_permits(), 0);
        drop(go);
        while look_ups.slots.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
        assert_eq!(began.try_iter().count(), AT_ONCE, "nobody else was looked up");
        assert!(look_ups.of("x").await.is_ok());
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        assert!(LookUps::default().of("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
    }
}
