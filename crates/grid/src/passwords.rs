//! Passwords at rest: argon2id over the form that viewers send.
//!
//! Viewers send the MD5 digest of what was typed, which is as good as the password; so it is the digest that is
//! hashed, and a stolen database does not let anybody in. A hash costs [`HashCost::memory_kib`] of memory and some
//! 20 ms of a core, so at most [`AT_ONCE`] are computed side by side, on threads that may block; others wait.
//!
//! People log in again and again (crashes, region hops of bots), and grids get storms of logins. So a password that
//! was found right is remembered for [`REMEMBERED_S`] as SHA-256 over a random key of this process, the *stored hash*
//! and the digest. What that gives away: nothing on disk, and nothing to whoever asks (only right passwords are
//! remembered, so a quick answer says what the answer says). Somebody who can read the process's memory could try
//! passwords of recent logins faster than argon2id allows; such a reader sees the digests of logins pass by anyway.
//! A changed password has another stored hash (in whichever process it was changed), and is not remembered.
//!
//! Who comes from an OpenSimulator brings a salted MD5 digest over that digest. It is kept as it is until its owner logs
//! in, which it opens once: from what the viewer sent then, a hash of ours is made that takes its place. To try it takes
//! as long as to try one of ours, so that nobody learns who has not been here yet.

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use md5::Md5;
use services::{Result, ServiceError, ViewerPassword, hex, is_same_secret};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Hashes that are computed at once.
const AT_ONCE: usize = 2;
/// Seconds for which a right password is remembered.
const REMEMBERED_S: u64 = 300;
/// Forms of one password that are stored at most; whether somebody has fewer, or none, is not to be told by time.
pub(crate) const FORMS: usize = 2;
/// Right passwords remembered at most.
const REMEMBERED: usize = 1024;

/// Most memory that a stored hash may ask for, KiB.
const MOST_KIB: u32 = 256 * 1024;
/// From this many bytes on, glibc's allocator always maps memory and unmaps it again.
const ONE_PIECE: usize = 33 * 1024 * 1024;

/// What one hash costs. Stored with each hash, so it can be raised at any time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HashCost {
    /// Memory, KiB; at least 16.
    pub memory_kib: u32,
    /// Passes over it; at least 1.
    pub passes: u32,
}

impl Default for HashCost {
    /// What OWASP recommends for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

type Mark = [u8; 32];

/// What stands before the salt and the digest of a password that OpenSimulator kept.
const OPENSIM: &str = "$opensim-md5$";
/// Bytes of such a salt.
const OPENSIM_SALT: usize = 64;

/// The text to store for a password that OpenSimulator kept; `None` if it cannot have been one.
pub(crate) fn of_opensim(hash: &str, salt: &str) -> Option<String> {
    let hex = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sound = hex && salt.len() <= OPENSIM_SALT && !salt.contains(['$', '\0']);
    sound.then(|| format!("{OPENSIM}{salt}${}", hash.to_ascii_lowercase()))
}

/// Whether a stored text is of OpenSimulator.
pub(crate) fn is_of_opensim(stored: &str) -> bool {
    stored.starts_with(OPENSIM)
}

/// Whether OpenSimulator kept this for the password with this digest; `None` if it is not of OpenSimulator.
fn opensim_matches(stored: &str, digest: &[u8; 16]) -> Option<bool> {
    let (salt, hash) = stored.strip_prefix(OPENSIM)?.split_once('$')?;
    let made = hex(&Md5::digest(format!("{}:{salt}", hex(digest))));
    Some(is_same_secret(made.as_bytes(), hash.as_bytes()))
}

pub(crate) struct Passwords {
    cost: HashCost,
    key: [u8; 32],
    slots: Arc<Semaphore>,
    /// Until when each is remembered.
    remembered: Mutex<BTreeMap<Mark, u64>>,
    /// Compared with when there is nothing to compare with, so that it takes as long.
    nothing: Mutex<Option<String>>,
    /// Hashes that were computed, for tests.
    #[cfg(test)]
    computed: std::sync::atomic::AtomicUsize,
}

impl Passwords {
    pub(crate) fn new(cost: HashCost, key: [u8; 32]) -> Self {
        let (remembered, nothing) = (Mutex::default(), Mutex::default());
        Self {
            cost,
            key,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            remembered,
            nothing,
            #[cfg(test)]
            computed: Default::default(),
        }
    }

    /// The text to store for a password.
    pub(crate) async fn hash(&self, password: &ViewerPassword, salt: [u8; 16]) -> Result<String> {
        let (cost, digest) = (self.cost, *password.digest());
        self.blocking(move || hash(cost, digest, salt)).await?
    }

    /// Which of these texts was made from the password, if one was.
    pub(crate) async fn verify<'a>(
        &self,
        stored: &'a [String],
        password: &ViewerPassword,
        now_s: u64,
    ) -> Result<Option<&'a str>> {
        let marks: Vec<_> = stored.iter().map(|stored| self.mark(stored, password)).collect();
        if let Some(at) = marks.iter().position(|mark| self.remembers(mark, now_s)) {
            return Ok(Some(&stored[at]));
        }
        for (stored, mark) in stored.iter().zip(marks) {
            if let Some(matches) = opensim_matches(stored, password.digest()) {
                if matches {
                    return Ok(Some(stored));
                }
                self.match_nothing(password).await?;
            } else if self.matches(stored.clone(), password).await? {
                self.remember(mark, now_s);
                return Ok(Some(stored));
            }
        }
        for _ in stored.len()..FORMS {
            self.match_nothing(password).await?;
        }
        Ok(None)
    }

    /// Takes as long as to compare with a hash.
    async fn match_nothing(&self, password: &ViewerPassword) -> Result<()> {
        let nothing = self.nothing().await?;
        self.matches(nothing, password).await.map(drop)
    }

    async fn nothing(&self) -> Result<String> {
        let lock = || self.nothing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(nothing) = lock().clone() {
            return Ok(nothing);
        }
        let made = self.hash(&ViewerPassword::from_digest([0; 16]), [0; 16]).await?;
        *lock() = Some(made.clone());
        Ok(made)
    }

    async fn matches(&self, stored: String, password: &ViewerPassword) -> Result<bool> {
        let digest = *password.digest();
        self.blocking(move || is_of(&stored, digest)).await?
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        #[cfg(test)]
        self.computed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let slot = self.slots.clone().acquire_owned().await.map_err(ServiceError::unavailable)?;
        // A caller may give up; the hash is computed all the same, and has its slot until it is.
        let work = move || {
            let done = work();
            drop(slot);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(ServiceError::unavailable)
    }

    fn mark(&self, stored: &str, password: &ViewerPassword) -> Mark {
        let parts = [&self.key[..], password.digest(), stored.as_bytes()];
        parts.into_iter().fold(Sha256::new(), |sum, part| sum.chain_update(part)).finalize().into()
    }

    fn remembers(&self, mark: &Mark, now_s: u64) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(mark).is_some_and(|&until| now_s < until)
    }

    fn remember(&self, mark: Mark, now_s: u64) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, &mut until| now_s < until);
        }
        if remembered.len() < REMEMBERED {
            remembered.insert(mark, now_s.saturating_add(REMEMBERED_S));
        }
    }
}

fn hash(cost: HashCost, digest: [u8; 16], salt: [u8; 16]) -> Result<String> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(Params::DEFAULT_OUTPUT_LEN));
    let params = params.map_err(|why| ServiceError::Invalid(why.to_string()))?;
    let algorithm = Algorithm::Argon2id.ident();
    let version = Some(Version::V0x13.into());
    let salt = Salt::new(&salt).map_err(ServiceError::unavailable)?;
    let hash = Some(derive(&params, digest, &salt)?);
    let params = (&params).try_into().map_err(ServiceError::unavailable)?;
    Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash }.to_string())
}

fn is_of(stored: &str, digest: [u8; 16]) -> Result<bool> {
    let stored = PasswordHash::new(stored).map_err(ServiceError::unavailable)?;
    let odd = || ServiceError::Unavailable("a stored password is not as this program stores them".into());
    let known =
        stored.algorithm == Algorithm::Argon2id.ident() && stored.version == Some(Version::V0x13.into());
    let (true, Some(salt), Some(hash)) = (known, &stored.salt, &stored.hash) else { return Err(odd()) };
    let params = Params::try_from(&stored).map_err(ServiceError::unavailable)?;
    if params.m_cost() > MOST_KIB {
        return Err(odd());
    }
    // Compares in constant time.
    Ok(derive(&params, digest, salt)? == *hash)
}

fn derive(params: &Params, digest: [u8; 16], salt: &Salt) -> Result<Output> {
    // Memory is asked for in one piece that allocators fetch from the system and give back at once. Smaller ones they
    // keep: after some logins, hundreds of megabytes. What is not used of it costs no memory.
    let mut memory = Vec::with_capacity(params.block_count().max(ONE_PIECE / Block::SIZE));
    memory.resize(params.block_count(), Block::new());
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    argon
        .hash_password_into_with_memory(&digest, salt, &mut hash, &mut memory)
        .map_err(ServiceError::unavailable)?;
    Output::new(&hash).map_err(ServiceError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    const CHEAP: HashCost = HashCost { memory_kib: 32, passes: 1 };

    fn secret() -> ViewerPassword {
        ViewerPassword::from_plain("secret")
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        let stored = vec![passwords.hash(&secret(), [2; 16]).await.unwrap()];
        assert!(stored[0].starts_with("$argon2id$v=19$m=32,t=1,p=1$"), "{}", stored[0]);
        for _ in 0..2 {
            assert!(passwords.verify(&stored, &secret(), 0).await.unwrap().is_some());
            let wrong = ViewerPassword::from_plain("Secret");
            assert_eq!(passwords.verify(&stored, &wrong, 0).await.unwrap(), None);
        }
        assert_eq!(passwords.verify(&[], &secret(), 0).await.unwrap(), None);
    }

    /// Made by the reference implementation (argon2-cffi) of the 16 bytes of the MD5 digest of "secret".
    const MADE_ELSEWHERE: &str =
        "$argon2id$v=19$m=64,t=2,p=1$c2l4dGVlbmJ5dGVzYWx0IQ$Hmef2/aY4yRzBOoE9IzwzayrpF6AmQ+Yj7S2gdU7E7U";

    #[tokio::test]
    async fn a_hash_of_another_implementation_is_understood() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        assert!(passwords.verify(&[MADE_ELSEWHERE.into()], &secret(), 0).await.unwrap().is_some());
    }

    /// Worked out with md5sum: of "secret", then of that, a colon and the salt.
    const OF_OPENSIM: (&str, &str) = ("66aa8b2609672e6c70f510dd6c0eea33", "7c1a3b0e5d2f4a6c8e9b0d1f2a3c4e5f");

    #[tokio::test]
    async fn what_opensim_kept_is_understood() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        let (hash, salt) = OF_OPENSIM;
        let stored = [of_opensim(&hash.to_uppercase(), salt).unwrap()];
        assert!(is_of_opensim(&stored[0]));
        let opens = passwords.verify(&stored, &secret(), 0).await.unwrap();
        assert_eq!(opens, Some(stored[0].as_str()));
        let wrong = ViewerPassword::from_plain("Secret");
        assert_eq!(passwords.verify(&stored, &wrong, 0).await.unwrap(), None);
        // It is not remembered: it is replaced.
        assert!(passwords.remembered.lock().unwrap().is_empty());
        for (hash, salt) in [("", salt), ("x", salt), (hash, "a$b"), (&hash[..31], "")] {
            assert_eq!(of_opensim(hash, salt), None, "{hash} {salt}");
        }
    }

    #[tokio::test]
    async fn only_a_right_password_is_remembered_and_not_for_ever() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        let stored = vec![passwords.hash(&secret(), [2; 16]).await.unwrap()];
        let (right, wrong) = (secret(), ViewerPassword::from_plain("wrong"));
        passwords.verify(&stored, &wrong, 100).await.unwrap();
        passwords.verify(&stored, &right, 100).await.unwrap();
        assert!(passwords.remembers(&passwords.mark(&stored[0], &right), 100));
        assert!(!passwords.remembers(&passwords.mark(&stored[0], &wrong), 100));
        assert!(!passwords.remembers(&passwords.mark(&stored[0], &right), 100 + REMEMBERED_S));
        let changed = passwords.hash(&right, [3; 16]).await.unwrap();
        assert!(!passwords.remembers(&passwords.mark(&changed, &right), 100));
    }

    #[tokio::test]
    async fn what_is_wrong_costs_the_same_whoever_it_is() {
        let salts = [[1; 16], [2; 16]];
        for known in 0..=FORMS {
            let passwords = Passwords::new(CHEAP, [1; 32]);
            let mut stored = Vec::new();
            for salt in &salts[..known] {
                stored.push(passwords.hash(&secret(), *salt).await.unwrap());
            }
            let before = passwords.computed.load(Ordering::Relaxed);
            passwords.nothing().await.unwrap();
            let nothing = passwords.computed.load(Ordering::Relaxed) - before;
            passwords.verify(&stored, &ViewerPassword::from_plain("wrong"), 0).await.unwrap();
            let computed = passwords.computed.load(Ordering::Relaxed) - before - nothing;
            assert_eq!(computed, FORMS, "{known} stored");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        for n in 0..2 * REMEMBERED {
            passwords.remember(passwords.mark(&n.to_string(), &secret()), 0);
        }
        assert_eq!(passwords.remembered.lock().unwrap().len(), REMEMBERED);
        passwords.remember(passwords.mark("later", &secret()), REMEMBERED_S);
        assert_eq!(passwords.remembered.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_spoilt_hash_is_an_error_and_not_a_wrong_password() {
        let passwords = Passwords::new(CHEAP, [1; 32]);
        let hash = passwords.hash(&secret(), [2; 16]).await.unwrap();
        for spoilt in [
            "spoilt",
            &hash[..hash.len() - 1],
            &hash.replace("argon2id", "argon2i"),
            &hash.replace("m=32", "m=99999999"),
            &hash.replace("v=19", "v=16"),
        ] {
            assert!(passwords.verify(&[spoilt.into()], &secret(), 0).await.is_err(), "{spoilt}");
        }
    }

    #[tokio::test]
    async fn a_hash_that_nobody_waits_for_has_its_slot_until_it_is_done() {
        let passwords = Passwords::new(CHEAP, [0; 32]);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let work = passwords.blocking(move || wait.recv());
        assert!(tokio::time::timeout(std::time::Duration::ZERO, work).await.is_err(), "it is given up");
        assert_eq!(passwords.slots.available_permits(), AT_ONCE - 1);
        go.send(()).unwrap();
        while passwords.slots.available_permits() < AT_ONCE {
            tokio::task::yield_now().await;
        }
    }
}
