//! The login: checks the password, ends what is left of an older session, finds a region that takes the agent, and
//! tells the viewer where it is.
//!
//! An account's logins are taken one after the other. An older session is ended *first* (its viewer is told why, its
//! region gets bounded time for it), so that the first try succeeds and the last place is known when it is asked for.
//! From the moment a session is in the presence service, whatever fails takes it out again.
//!
//! Encodings are not here: see [`LoginRequest::read`] and [`LoginResponse::to_value`].

mod guard;
mod places;
mod records;
mod request;
mod response;
mod start;
mod turns;

#[cfg(test)]
pub(crate) mod tests;

pub use guard::subject_of;
pub use records::{Allowance, LoginRecords};
pub use request::LoginRequest;
pub use response::{LoginFailure, LoginResponse, LoginSuccess};
pub use start::StartLocation;

use crate::Clock;
use guard::Try;
use model::{CapsSecret, CircuitCode, SecureSessionId, SessionId, TeleportFlags};
use places::{Candidate, Places};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use services::{
    Account, Friend, GridUser, InventoryFolder, InventoryItem, LoginAgent, LoginAppearance, LoginDestination,
    Prepared, Services, starter,
};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use turns::{Shared, Turns};

/// How long the region of an older session may take to end it.
const END_SESSION: Duration = Duration::from_secs(3);
/// How long one region may take to make an agent.
const CREATE_AGENT: Duration = Duration::from_secs(10);
/// How long a login waits for an earlier one of the same account. Viewers wait 60 s and more.
const TURN: Duration = Duration::from_secs(20);
/// Regions that are tried.
const TRIES: usize = 4;
/// From this level on, somebody is a god of the grid.
const GOD_LEVEL: i32 = 200;

/// What an operator decides about logins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoginConfig {
    /// Shown while a viewer starts; `<USERNAME>` becomes the person's name.
    pub welcome: String,
    /// Base URL of map tiles, with a slash.
    pub map_url: String,
    /// Accounts below this level may not log in.
    pub min_level: i32,
    /// Nobody but gods may log in, and others are told this.
    pub closed: Option<String>,
    /// What everybody has to agree to once, as text or as the address of a page.
    pub terms: Option<String>,
}

/// The login service.
pub struct LoginService {
    services: Services,
    records: Arc<dyn LoginRecords>,
    destination: Arc<dyn LoginDestination>,
    config: LoginConfig,
    clock: Arc<dyn Clock>,
    random: Mutex<StdRng>,
    turns: Turns,
}

impl std::fmt::Debug for LoginService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginService")
    }
}

/// What a new session is known by.
#[derive(Clone, Copy)]
struct Secrets {
    session: SessionId,
    secure_session: SecureSessionId,
    circuit_code: CircuitCode,
    caps: CapsSecret,
}

/// What somebody brings along.
struct Belongings {
    skeleton: Vec<InventoryFolder>,
    gestures: Vec<InventoryItem>,
    friends: Vec<Friend>,
    appearance: LoginAppearance,
    user: Option<GridUser>,
}

impl LoginService {
    /// A login service. `seed` is what sessions' secrets are made from: it must come from the operating system.
    pub fn new(
        services: Services,
        records: Arc<dyn LoginRecords>,
        destination: Arc<dyn LoginDestination>,
        config: LoginConfig,
        clock: Arc<dyn Clock>,
        seed: [u8; 32],
    ) -> Self {
        let random = Mutex::new(StdRng::from_seed(seed));
        Self { services, records, destination, config, clock, random, turns: Turns::default() }
    }

    /// Logs somebody in. Once begun it goes on, whether or not somebody still waits for the answer: otherwise half a
    /// session would be left, and the account's turn taken.
    pub async fn login(self: &Arc<Self>, request: LoginRequest, client_ip: Option<IpAddr>) -> LoginResponse {
        let this = self.clone();
        let login = tokio::spawn(async move { this.log_in(request, client_ip).await });
        login.await.unwrap_or_else(|error| LoginResponse::Failure(broken("login")(error)))
    }

    async fn log_in(&self, request: LoginRequest, client_ip: Option<IpAddr>) -> LoginResponse {
        let name = format!("{} {}", request.first, request.last);
        match self.try_login(request, client_ip).await {
            Ok(success) => {
                tracing::info!(
                    name,
                    region = success.region.name,
                    start = success.start_location,
                    "logged in"
                );
                LoginResponse::Success(Box::new(success))
            }
            Err(failure) => {
                tracing::info!(name, reason = failure.reason, why = failure.message, "login refused");
                LoginResponse::Failure(failure)
            }
        }
    }

    async fn try_login(
        &self,
        request: LoginRequest,
        client_ip: Option<IpAddr>,
    ) -> Result<LoginSuccess, LoginFailure> {
        let account = self.authenticate(&request, client_ip).await?;
        self.admit(&request, &account).await?;
        let turns = async {
            let turn = self.turns.wait(account.id).await;
            let holder = self.new_secrets().session.0;
            Shared::wait(self.records.as_ref(), account.id, holder).await.map(|shared| (turn, shared))
        };
        let turns = tokio::time::timeout(TURN, turns).await;
        let turns = turns.map_err(|_| LoginFailure::presence("Another login of yours is under way."))?;
        let (_turn, shared) = turns.map_err(broken("login records"))?;
        shared.during(self.begin_session(&request, client_ip, account)).await
    }

    /// Nobody else is logging this account in.
    async fn begin_session(
        &self,
        request: &LoginRequest,
        client_ip: Option<IpAddr>,
        account: Account,
    ) -> Result<LoginSuccess, LoginFailure> {
        self.end_older_session(&account).await?;
        let belongings = self.belongings(&account).await?;
        let secrets = self.new_secrets();
        self.services
            .presence
            .login(account.id, secrets.session, secrets.secure_session)
            .await
            .map_err(broken("presence"))?;
        let entered = self.enter(request, client_ip, account, belongings, secrets).await;
        if entered.is_err() {
            let _ = self.services.presence.logout(secrets.session).await.map_err(broken("presence"));
        }
        entered
    }

    /// Who it is.
    async fn authenticate(
        &self,
        request: &LoginRequest,
        client_ip: Option<IpAddr>,
    ) -> Result<Account, LoginFailure> {
        let account = self
            .services
            .accounts
            .by_name(&request.first, &request.last)
            .await
            .map_err(broken("accounts"))?;
        let id = account.as_ref().map(|account| account.id);
        let records = self.records.as_ref();
        let this = Try::new(&request.first, &request.last, client_ip);
        let begun = this.begin(records, id).await.map_err(broken("login records"))?;
        let charged = begun.map_err(LoginFailure::too_many_tries)?;
        // Verified for nobody too, so that time does not tell which names there are.
        let right = self.services.auth.verify(id.unwrap_or_default(), &request.password).await;
        let Some(account) = account.filter(|_| right.as_ref().is_ok_and(|&right| right)) else {
            return Err(right.map_or_else(broken("auth"), |_| LoginFailure::wrong_name_or_password()));
        };
        // Not worth a failure: the next login notes it.
        let _ = this.succeed(records, account.id, charged).await.map_err(broken("login records"));
        Ok(account)
    }

    /// Whether they may log in.
    async fn admit(&self, request: &LoginRequest, account: &Account) -> Result<(), LoginFailure> {
        if account.level < 0 {
            return Err(LoginFailure::suspended());
        }
        if account.level < self.config.min_level {
            return Err(LoginFailure::presence(
                "This account may not log in at the moment. Please ask those who run the grid.",
            ));
        }
        if let Some(message) = self.config.closed.as_ref().filter(|_| account.level < GOD_LEVEL) {
            return Err(LoginFailure::presence(message));
        }
        let Some(terms) = &self.config.terms else { return Ok(()) };
        let mark = guard::mark("terms", terms);
        let failed = broken("login records");
        if request.agrees {
            self.records.agrees(account.id, &mark).await.map_err(failed)
        } else if self.records.has_agreed(account.id, &mark).await.map_err(failed)? {
            Ok(())
        } else {
            Err(LoginFailure::terms(terms))
        }
    }

    async fn end_older_session(&self, account: &Account) -> Result<(), LoginFailure> {
        let presence = &self.services.presence;
        let older = presence.by_agents(&[account.id]).await.map_err(broken("presence"))?;
        for older in older {
            let region = self.services.grid.by_id(older.region).await.map_err(broken("grid"))?;
            if let Some(region) = region {
                let reason = "You have logged in from another viewer.";
                let end = self.destination.end_session(&region, account.id, older.session, reason);
                if tokio::time::timeout(END_SESSION, end).await.is_err() {
                    tracing::warn!(agent = %account.id, region = region.name, "an older session did not end in time");
                }
            }
            presence.logout(older.session).await.map_err(broken("presence"))?;
        }
        Ok(())
    }

    async fn belongings(&self, account: &Account) -> Result<Belongings, LoginFailure> {
        let Services { inventory, friends, avatars, grid_users, .. } = &self.services;
        let (skeleton, gestures, friends, avatar, user) = tokio::try_join!(
            inventory.skeleton(account.id),
            inventory.active_gestures(account.id),
            friends.list(account.id),
            avatars.get(account.id),
            grid_users.get(account.id),
        )
        .map_err(broken("belongings"))?;
        let skeleton = if is_complete(&skeleton) {
            skeleton
        } else {
            // Viewers hang without a root or a system folder.
            inventory.create_user_inventory(account.id).await.map_err(broken("inventory"))?;
            inventory.skeleton(account.id).await.map_err(broken("inventory"))?
        };
        let appearance = LoginAppearance::from_avatar(&avatar.unwrap_or_default());
        Ok(Belongings { skeleton, gestures, friends, appearance, user })
    }

    fn new_secrets(&self) -> Secrets {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = || uuid::Builder::from_random_bytes(random.random()).into_uuid();
        Secrets {
            session: SessionId(id()),
            secure_session: SecureSessionId(id()),
            caps: CapsSecret(id()),
            // XML-RPC integers are signed, and viewers take zero for none.
            circuit_code: CircuitCode((random.next_u32() >> 1).max(1)),
        }
    }

    /// From here on there is a session, and a failure ends it.
    async fn enter(
        &self,
        request: &LoginRequest,
        client_ip: Option<IpAddr>,
        account: Account,
        belongings: Belongings,
        secrets: Secrets,
    ) -> Result<LoginSuccess, LoginFailure> {
        let places = Places::find(&self.services, &request.start, belongings.user.as_ref(), TRIES)
            .await
            .map_err(broken("grid"))?;
        let agent = |candidate: &Candidate| LoginAgent {
            agent: account.id,
            session: secrets.session,
            secure_session: secrets.secure_session,
            circuit_code: secrets.circuit_code,
            first: account.first.clone(),
            last: account.last.clone(),
            position: candidate.position,
            look_at: candidate.look_at,
            flags: match account.level {
                level if level >= GOD_LEVEL => candidate.flags | TeleportFlags::GODLIKE,
                _ => candidate.flags,
            },
            viewer: request.viewer(),
            channel: request.channel.clone(),
            mac: request.mac.clone(),
            id0: request.id0.clone(),
            client_ip,
            appearance: belongings.appearance.clone(),
            caps: secrets.caps,
        };
        let (candidate, prepared, detour) = self.first_that_takes(&places, agent).await?;
        // The agent waits there now: who ends this session early has to know where. The region reports it again
        // when the agent arrives.
        let _ = self
            .services
            .presence
            .expect(secrets.session, candidate.region.id)
            .await
            .map_err(broken("presence"));
        self.services.grid_users.logged_in(account.id).await.map_err(broken("grid users"))?;
        let home = places.home_or(candidate);
        if belongings.user.is_none_or(|user| user.home.is_none()) {
            // Whoever has no home is at home where they come to first.
            self.services.grid_users.set_home(account.id, home.0).await.map_err(broken("grid users"))?;
        }
        let greeting =
            self.config.welcome.replace("<USERNAME>", &format!("{} {}", account.first, account.last));
        Ok(LoginSuccess {
            agent: account.id,
            session: secrets.session,
            secure_session: secrets.secure_session,
            circuit_code: secrets.circuit_code,
            prepared,
            look_at: candidate.look_at,
            start_location: candidate.answer,
            home,
            region: candidate.region.clone(),
            skeleton: belongings.skeleton,
            gestures: belongings.gestures,
            friends: belongings.friends,
            message: detour.map_or(greeting.clone(), |detour| format!("{greeting}\n{detour}")),
            map_url: self.config.map_url.clone(),
            now_s: self.clock.unix_s(),
            first: account.first,
            last: account.last,
        })
    }

    /// Tries the places in turn; with the one that takes the agent comes what is to be said if it is not the wanted one.
    async fn first_that_takes<'a>(
        &self,
        places: &'a Places,
        agent: impl Fn(&Candidate) -> LoginAgent,
    ) -> Result<(&'a Candidate, Prepared, Option<String>), LoginFailure> {
        let mut detour = places.detour.clone();
        for candidate in &places.candidates {
            let made = self.destination.create_agent(&candidate.region, agent(candidate));
            let why = match tokio::time::timeout(CREATE_AGENT, made).await {
                Ok(Ok(prepared)) => return Ok((candidate, prepared, detour)),
                Ok(Err(refusal)) => refusal.reason,
                Err(_) => "The region does not answer.".to_owned(),
            };
            tracing::info!(region = candidate.region.name, why, "a region did not take a login");
            detour.get_or_insert_with(|| format!("{} did not let you in: {why}", candidate.region.name));
        }
        let why = detour.unwrap_or_else(|| "No region of the grid is online.".to_owned());
        Err(LoginFailure::presence(why))
    }
}

/// Whether the skeleton has what viewers hang without, directly under its root.
fn is_complete(skeleton: &[InventoryFolder]) -> bool {
    let Some(root) = skeleton.first() else { return false };
    let has = |kind| skeleton.iter().any(|folder| folder.kind == kind && folder.parent == root.id);
    starter::is_system_folder(root.kind) && starter::FOLDERS.iter().all(|&(kind, _)| has(kind))
}

/// A service that failed is for operators; users are told to try again.
fn broken<E: std::fmt::Display>(service: &'static str) -> impl Fn(E) -> LoginFailure {
    move |error| {
        tracing::error!(service, %error, "a login failed for want of a service");
        LoginFailure::broken()
    }
}
