//! The shell: one tokio task, one UDP socket for all regions, and an HTTP client around a [`Core`].
//!
//! Nothing is decided here. The task waits for a datagram, an HTTP reply, an order or the core's next wake-up, hands it
//! in, and carries out what the core wants. Several hundred viewers run in one process; they may share an HTTP client
//! ([`Options::client`]).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use model::{Moment, RegionHandle, Vec3};
use tokio::net::UdpSocket;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use crate::login::{self, Credentials, Identity, LoginError};
use crate::{
    Config, Core, HttpReply, HttpRequest, Loudness, MapBlock, Phase, RequestId, TeleportFailure, Unable,
    ViewerEvent,
};

/// Largest datagram that is received whole, bytes; the Linden viewer's buffer.
const DATAGRAM_AT_MOST: usize = 8192;
/// Largest HTTP answer that is read, bytes.
const ANSWER_AT_MOST: usize = 8 * 1024 * 1024;
/// Datagrams taken in a row before what they caused is sent.
const BATCH: usize = 32;
/// Events that wait for a slow reader; beyond it the oldest are lost to it.
const EVENTS_AT_MOST: usize = 1024;
/// Orders that wait for the task.
const ORDERS_AT_MOST: usize = 64;
/// A login call takes at most so long; the Linden viewer's default.
const LOGIN_PATIENCE: Duration = Duration::from_secs(90);
/// A login service may send the viewer on so many times.
const LOGIN_HOPS: usize = 4;
/// A search of the map is answered within this time, or not at all.
const MAP_PATIENCE: Duration = Duration::from_secs(10);

/// A clock that several viewers may share, so that their moments can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The present moment.
    pub fn now(self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn instant(self, at: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + Duration::from_micros(at.micros()))
    }
}

/// Sees every event as soon as it happens, on the viewer's task.
pub type Observer = Box<dyn FnMut(Moment, &Core, &ViewerEvent) + Send>;

/// All that may be chosen for a viewer on the network.
pub struct Options {
    /// How it behaves.
    pub config: Config,
    /// Its clock.
    pub clock: Clock,
    /// Its HTTP client; several viewers may share one.
    pub client: reqwest::Client,
    /// The local address its UDP socket is bound to.
    pub bind: IpAddr,
    /// Sees its events.
    pub observer: Option<Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: Config::default(),
            clock: Clock::start(),
            client: client(),
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            observer: None,
        }
    }
}

/// An HTTP client as viewers want it: straight to the simulator, whatever proxies the environment names.
///
/// # Panics
/// Never: without TLS there is nothing in it that can fail.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_secs(10))
        .build()
        .expect("a client without TLS needs nothing from the system")
}

/// The viewer's task has ended: the session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the session is over")]
pub struct Gone;

/// Why an order was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failed {
    /// The session is over.
    #[error("the session is over")]
    Gone,
    /// The core cannot.
    #[error(transparent)]
    Unable(#[from] Unable),
    /// The server says no.
    #[error("refused: {0}")]
    Refused(String),
    /// The viewer's patience ended.
    #[error("gave up waiting")]
    GaveUp,
    /// There is no region of this name.
    #[error("no region of this name")]
    NoSuchRegion,
}

impl From<Gone> for Failed {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Where a teleport ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrived {
    /// The region.
    pub region: RegionHandle,
    /// Metres from its south-west corner.
    pub position: Vec3,
    /// From the wish to the arrival.
    pub took: Duration,
}

type Order = Box<dyn FnOnce(&mut Core, Moment) + Send>;

/// A viewer in the world. When it is dropped, it logs out in the background.
pub struct Viewer {
    identity: Identity,
    clock: Clock,
    orders: mpsc::Sender<Order>,
    events: broadcast::Receiver<ViewerEvent>,
    task: JoinHandle<()>,
}

impl Viewer {
    /// Logs in and waits until the agent is in the world. `start` is `last`, `home` or `uri:Region Name&x&y&z`.
    ///
    /// # Errors
    /// The grid refuses, or cannot be reached, or the first region does not let the agent in.
    pub async fn login(
        uri: &str,
        first: &str,
        last: &str,
        password: &str,
        start: &str,
    ) -> Result<Self, LoginError> {
        let credentials = Credentials {
            first: first.to_string(),
            last: last.to_string(),
            password: password.to_string(),
            start: start.to_string(),
        };
        Self::login_with(uri, &credentials, Options::default()).await
    }

    /// The same, with everything chosen.
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub async fn login_with(
        uri: &str,
        credentials: &Credentials,
        options: Options,
    ) -> Result<Self, LoginError> {
        let identity = call_login(&options.client, uri, credentials).await?;
        let mut viewer = Self::enter(identity, options).await?;
        let arrived = |event: &ViewerEvent| {
            matches!(
                event,
                ViewerEvent::LoggedIn { .. } | ViewerEvent::Disconnected(_) | ViewerEvent::LoggedOut { .. }
            )
        };
        match viewer.wait_for(arrived).await {
            Ok(ViewerEvent::LoggedIn { .. }) => Ok(viewer),
            Ok(ViewerEvent::Disconnected(why)) => Err(LoginError::NotEntered(why)),
            Ok(_) | Err(Gone) => Err(LoginError::NotEntered(crate::Disconnect::ClosedByRegion)),
        }
    }

    /// Starts a viewer whose login call has been answered, and does not wait for anything.
    ///
    /// # Errors
    /// No socket can be had.
    pub async fn enter(identity: Identity, options: Options) -> Result<Self, LoginError> {
        let unreachable = |why: std::io::Error| LoginError::Unreachable(why.to_string());
        let socket = UdpSocket::bind(SocketAddr::new(options.bind, 0)).await.map_err(unreachable)?;
        let (orders, inbox) = mpsc::channel(ORDERS_AT_MOST);
        let (sender, events) = broadcast::channel(EVENTS_AT_MOST);
        let shell = Shell {
            core: Core::new(options.config, identity.clone(), options.clock.now()),
            clock: options.clock,
            socket,
            client: options.client,
            calls: JoinSet::new(),
            running: BTreeMap::new(),
            events: sender,
            observer: options.observer,
            datagram: Vec::new(),
        };
        let task = tokio::spawn(shell.run(inbox));
        Ok(Self { identity, clock: options.clock, orders, events, task })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Lets `act` look at, or act upon, the core; what it causes is carried out at once.
    ///
    /// # Errors
    /// The session is over.
    pub async fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Core, Moment) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (answer, result) = oneshot::channel();
        let order: Order = Box::new(move |core, now| {
            // Whoever asked may have gone.
            let _ = answer.send(act(core, now));
        });
        self.orders.send(order).await.map_err(|_| Gone)?;
        result.await.map_err(|_| Gone)
    }

    /// What happened next, since login or the last call. Whoever is slower than the world misses the oldest.
    ///
    /// # Errors
    /// The session is over, and all its events were seen.
    pub async fn next_event(&mut self) -> Result<ViewerEvent, Gone> {
        next(&mut self.events).await
    }

    /// The next event that `is_it`; those before it are passed over.
    ///
    /// # Errors
    /// The session is over, and no such event came.
    pub async fn wait_for(&mut self, is_it: impl FnMut(&ViewerEvent) -> bool) -> Result<ViewerEvent, Gone> {
        wait_for(&mut self.events, is_it).await
    }

    /// Teleports to a place, metres from the south-west corner of the region at `handle`.
    ///
    /// # Errors
    /// Refused, or the viewer gave up, or the session ended.
    pub async fn teleport(&self, handle: RegionHandle, position: Vec3) -> Result<Arrived, Failed> {
        let look_at = position + Vec3::X;
        self.travel(move |core, now| core.teleport(now, handle, position, look_at)).await
    }

    /// Finds a region by its name, and teleports there.
    ///
    /// # Errors
    /// As [`teleport`](Self::teleport), or there is no such region.
    pub async fn teleport_to(&self, name: &str, position: Vec3) -> Result<Arrived, Failed> {
        let handle = self.find_region(name).await?.handle;
        self.teleport(handle, position).await
    }

    /// Teleports home.
    ///
    /// # Errors
    /// As [`teleport`](Self::teleport).
    pub async fn teleport_home(&self) -> Result<Arrived, Failed> {
        self.travel(|core, now| core.teleport_home(now)).await
    }

    async fn travel(
        &self,
        ask: impl FnOnce(&mut Core, Moment) -> Result<(), Unable> + Send + 'static,
    ) -> Result<Arrived, Failed> {
        let mut events = self.events.resubscribe();
        let start = self.clock.now();
        let patience = self
            .with(|core, now| {
                let patience = core.config().teleport_terms().patience;
                ask(core, now).map(|()| patience)
            })
            .await??;
        let is_end = |event: &ViewerEvent| {
            matches!(
                event,
                ViewerEvent::Teleported { .. }
                    | ViewerEvent::TeleportedLocally { .. }
                    | ViewerEvent::TeleportFailed(_)
            )
        };
        // The core gives up by itself, except on a wish within the region, which the viewer forgets after a second.
        let end =
            tokio::time::timeout(patience + Duration::from_secs(1), wait_for(&mut events, is_end)).await;
        let took = || self.clock.now() - start;
        match end {
            Ok(Ok(ViewerEvent::Teleported { region, position })) => {
                Ok(Arrived { region, position, took: took() })
            }
            Ok(Ok(ViewerEvent::TeleportedLocally { position })) => {
                let took = took();
                let region = self.with(|core, _| core.region().map(|region| region.handle)).await?;
                Ok(Arrived { region: region.ok_or(Failed::Gone)?, position, took })
            }
            Ok(Ok(ViewerEvent::TeleportFailed(TeleportFailure::Refused { reason }))) => {
                Err(Failed::Refused(reason))
            }
            Ok(Ok(_)) | Err(_) => Err(Failed::GaveUp),
            Ok(Err(Gone)) => Err(Failed::Gone),
        }
    }

    /// Looks a region up on the map by its name, upper and lower case alike.
    ///
    /// # Errors
    /// There is none, or no answer.
    pub async fn find_region(&self, name: &str) -> Result<MapBlock, Failed> {
        let mut events = self.events.resubscribe();
        let wanted = name.to_string();
        self.with(move |core, now| core.map_name_request(now, &wanted)).await??;
        let mut found = None;
        let is_it = |event: &ViewerEvent| {
            let ViewerEvent::MapBlocks(blocks) = event else { return false };
            let same = |block: &&MapBlock| block.access != 255 && block.name.eq_ignore_ascii_case(name);
            found = found.take().or_else(|| blocks.iter().find(same).cloned());
            found.is_some() || blocks.iter().any(|block| block.access == 255)
        };
        match tokio::time::timeout(MAP_PATIENCE, wait_for(&mut events, is_it)).await {
            Ok(Ok(_)) => found.ok_or(Failed::NoSuchRegion),
            Ok(Err(Gone)) => Err(Failed::Gone),
            Err(_) => Err(Failed::GaveUp),
        }
    }

    /// Walks to a place, metres from the south-west corner of the agent's region; it may lie beyond its borders. Where
    /// the walk ended. Waits as long as it takes: whoever may be stopped by a wall sets a limit.
    ///
    /// # Errors
    /// The session is over.
    pub async fn walk_to(&self, place: Vec3) -> Result<Vec3, Gone> {
        let mut events = self.events.resubscribe();
        self.with(move |core, now| core.walk_to(now, place)).await?;
        let mut reached = Vec3::ZERO;
        let is_it = |event: &ViewerEvent| match event {
            ViewerEvent::Reached { position } => {
                reached = *position;
                true
            }
            _ => false,
        };
        wait_for(&mut events, is_it).await?;
        Ok(reached)
    }

    /// Says something, so that it is heard at 20 m.
    ///
    /// # Errors
    /// Too long, or the session is over.
    pub async fn say(&self, text: &str) -> Result<(), Failed> {
        let text = text.to_string();
        Ok(self.with(move |core, now| core.chat(now, &text, Loudness::Say, 0)).await??)
    }

    /// Logs out. Whether the server acknowledged it in time.
    ///
    /// # Errors
    /// The session was over before.
    pub async fn logout(self) -> Result<bool, Gone> {
        let mut events = self.events.resubscribe();
        self.with(|core, now| core.logout(now)).await?;
        let mut acknowledged = false;
        let is_it = |event: &ViewerEvent| match event {
            ViewerEvent::LoggedOut { acknowledged: answer } => {
                acknowledged = *answer;
                true
            }
            ViewerEvent::Disconnected(_) => true,
            _ => false,
        };
        wait_for(&mut events, is_it).await?;
        Ok(acknowledged)
    }

    /// Vanishes: nothing more is sent, not even a goodbye.
    pub fn vanish(self) {
        self.task.abort();
    }
}

async fn next(events: &mut broadcast::Receiver<ViewerEvent>) -> Result<ViewerEvent, Gone> {
    loop {
        match events.recv().await {
            Ok(event) => return Ok(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return Err(Gone),
        }
    }
}

async fn wait_for(
    events: &mut broadcast::Receiver<ViewerEvent>,
    mut is_it: impl FnMut(&ViewerEvent) -> bool,
) -> Result<ViewerEvent, Gone> {
    loop {
        let event = next(events).await?;
        if is_it(&event) {
            return Ok(event);
        }
    }
}

/// Makes the login call.
///
/// # Errors
/// As [`Viewer::login`], but for what comes after the call.
pub async fn call_login(
    client: &reqwest::Client,
    uri: &str,
    credentials: &Credentials,
) -> Result<Identity, LoginError> {
    let mut uri = uri.to_string();
    for _ in 0..LOGIN_HOPS {
        let call = post(client, &uri, "text/xml", login::request(credentials));
        let answer = tokio::time::timeout(LOGIN_PATIENCE, call).await;
        let (status, body) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => return Err(LoginError::Unreachable(why)),
            Err(_) => return Err(LoginError::Unreachable("time is up".to_string())),
        };
        if status != 200 {
            return Err(LoginError::Unreachable(format!("HTTP status {status}")));
        }
        match login::parse(&body) {
            Err(LoginError::Elsewhere { next_url }) if !next_url.is_empty() => uri = next_url,
            done => return done,
        }
    }
    Err(LoginError::Unreachable("sent on too many times".to_string()))
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    content_type: &'static str,
    body: impl Into<reqwest::Body>,
) -> Result<(u16, Vec<u8>), String> {
    let request = client.post(url).header("content-type", content_type).body(body);
    let mut response = request.send().await.map_err(|why| why.to_string())?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|why| why.to_string())? {
        if body.len() + chunk.len() > ANSWER_AT_MOST {
            return Err("the answer is too large".to_string());
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status().as_u16(), body))
}

struct Shell {
    core: Core,
    clock: Clock,
    socket: UdpSocket,
    client: reqwest::Client,
    calls: JoinSet<(RequestId, HttpReply)>,
    running: BTreeMap<RequestId, AbortHandle>,
    events: broadcast::Sender<ViewerEvent>,
    observer: Option<Observer>,
    datagram: Vec<u8>,
}

impl Shell {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut buffer = vec![0; DATAGRAM_AT_MOST];
        let mut ordered = true;
        loop {
            self.perform().await;
            let Some(wakeup) = self.core.next_wakeup() else { break };
            let wakeup = self.clock.instant(wakeup);
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => self.receive(received, &mut buffer),
                order = orders.recv(), if ordered => match order {
                    Some(order) => order(&mut self.core, self.clock.now()),
                    // The handle was dropped: nobody can want anything more.
                    None => {
                        ordered = false;
                        self.core.logout(self.clock.now());
                    }
                },
                Some(done) = self.calls.join_next(), if !self.calls.is_empty() => {
                    // An aborted call has no reply, and nobody waits for it.
                    if let Ok((id, reply)) = done {
                        self.running.remove(&id);
                        self.core.handle_http(self.clock.now(), id, reply);
                    }
                }
                () = tokio::time::sleep_until(wakeup) => self.core.handle_wakeup(self.clock.now()),
            }
        }
    }

    fn receive(&mut self, first: std::io::Result<(usize, SocketAddr)>, buffer: &mut [u8]) {
        let mut received = first;
        for _ in 0..BATCH {
            // An error here is a port that somebody else closed; the circuit's silence will tell.
            let Ok((length, from)) = received else { return };
            self.core.handle_datagram(self.clock.now(), from, &buffer[..length]);
            received = self.socket.try_recv_from(buffer);
        }
    }

    async fn perform(&mut self) {
        let now = self.clock.now();
        // Before anything leaves: an observer that notes when an AgentUpdate was sent must not be late.
        self.report(now);
        while let Some(to) = self.core.poll_transmit(now, &mut self.datagram) {
            // What cannot be sent is lost, as on any network.
            let _ = self.socket.send_to(&self.datagram, to).await;
        }
        while let Some(request) = self.core.poll_http() {
            let id = request.id;
            let call = self.calls.spawn(make_call(self.client.clone(), request));
            self.running.insert(id, call);
        }
        while let Some(id) = self.core.poll_cancel() {
            if let Some(call) = self.running.remove(&id) {
                call.abort();
            }
        }
        self.report(now);
        if self.core.phase() == Phase::Over && !self.running.is_empty() {
            self.running.clear();
            self.calls.abort_all();
        }
    }

    fn report(&mut self, now: Moment) {
        while let Some(event) = self.core.poll_event() {
            if let Some(observer) = &mut self.observer {
                observer(now, &self.core, &event);
            }
            // Nobody has to listen.
            let _ = self.events.send(event);
        }
    }
}

async fn make_call(client: reqwest::Client, request: HttpRequest) -> (RequestId, HttpReply) {
    let body = llsd::xml::write(&request.body);
    let reply = match post(&client, &request.url, "application/llsd+xml", body).await {
        Ok((status, body)) => HttpReply::Answer { status, body },
        Err(why) => {
            tracing::debug!(url = request.url, why, "a capability did not answer");
            HttpReply::Broken
        }
    };
    (request.id, reply)
}
