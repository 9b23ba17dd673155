//! Proofs of origin between processes of ours: an ed25519 signature over a request, made by the process in which the
//! region that sends it runs. The key is made when a process starts; its public half is served under [`KEY_PATH`] at
//! the address that the grid knows the region by, so whoever cannot answer there cannot sign.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use model::RegionId;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a process serves its public key, below its base URL.
pub(crate) const KEY_PATH: &str = "sojourn/key";

/// Where a simulator takes the grid's commands, below its base URL.
pub(crate) const COMMAND_PATH: &str = "sojourn/command";

/// Header: who sends.
pub(crate) const SOURCE: &str = "x-sojourn-source";
/// Header: when, milliseconds since 1970.
pub(crate) const TIME: &str = "x-sojourn-time";
/// Header: the signature, base64.
pub(crate) const PROOF: &str = "x-sojourn-proof";

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    /// The grid: its login service.
    Grid,
    /// A region.
    Region(RegionId),
}

impl Source {
    /// The null region stands for the grid.
    pub(crate) fn of(region: RegionId) -> Self {
        if region.is_null() { Self::Grid } else { Self::Region(region) }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "grid" => Some(Self::Grid),
            id if id.len() == 36 => Some(Self::Region(RegionId(id.parse().ok()?))),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grid => f.write_str("grid"),
            Self::Region(id) => id.fmt(f),
        }
    }
}

/// What is signed of a request, besides who sends it and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// Host and port of the base URL that is called.
    pub(crate) authority: &'a str,
    /// With the query.
    pub(crate) path: &'a str,
    /// As sent.
    pub(crate) body: &'a [u8],
}

impl Signed<'_> {
    fn text(&self, source: Source, time_ms: u64) -> Vec<u8> {
        let Self { method, authority, path, body } = self;
        let mut text =
            format!("sojourn 1\n{method}\n{authority}\n{path}\n{source}\n{time_ms}\n").into_bytes();
        text.extend_from_slice(&Sha256::digest(body));
        text
    }
}

/// The key of this process.
pub struct ProcessKey {
    secret: SigningKey,
    /// Of the last proof. Times rise strictly, so that no two proofs are the same.
    last_ms: AtomicU64,
}

impl ProcessKey {
    /// A new one.
    pub fn random() -> Self {
        Self::from_secret(&rand::random())
    }

    /// The one that several processes share, who speak as one.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self { secret: SigningKey::from_bytes(secret), last_ms: AtomicU64::new(0) }
    }

    /// What is served under [`KEY_PATH`].
    pub(crate) fn document(&self) -> String {
        serde_json::json!({ "key": STANDARD.encode(self.secret.verifying_key().as_bytes()) }).to_string()
    }

    /// A proof for a request that is sent now.
    pub(crate) fn prove(&self, source: Source, signed: &Signed<'_>) -> Proof {
        let now = unix_now_ms();
        let before = self.last_ms.fetch_max(now, Ordering::Relaxed);
        let time_ms = match before < now {
            true => now,
            false => self.last_ms.fetch_add(1, Ordering::Relaxed) + 1,
        };
        self.prove_at(source, time_ms, signed)
    }

    pub(crate) fn prove_at(&self, source: Source, time_ms: u64, signed: &Signed<'_>) -> Proof {
        let signature = self.secret.sign(&signed.text(source, time_ms));
        Proof { source, time_ms, signature }
    }
}

impl fmt::Debug for ProcessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessKey")
    }
}

/// The public half of another process's key, out of its document.
pub(crate) fn read_key(document: &[u8]) -> Option<VerifyingKey> {
    let document: serde_json::Value = serde_json::from_slice(document).ok()?;
    let bytes = STANDARD.decode(document.get("key")?.as_str()?).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

/// A proof as it travels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proof {
    pub(crate) source: Source,
    pub(crate) time_ms: u64,
    signature: Signature,
}

impl Proof {
    /// Its headers.
    pub(crate) fn headers(&self) -> [(&'static str, String); 3] {
        let signature = STANDARD.encode(self.signature.to_bytes());
        [(SOURCE, self.source.to_string()), (TIME, self.time_ms.to_string()), (PROOF, signature)]
    }

    /// The proof in a request; `None` where there is none at all.
    ///
    /// # Errors
    /// There is half of one, or one that cannot be read.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, &'static str> {
        let texts = [SOURCE, TIME, PROOF].map(|name| headers.get(name));
        if texts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [source, time, signature] = texts.map(|text| text.and_then(|text| text.to_str().ok()));
        let read = |source: &str, time: &str, signature: &str| {
            let bytes = STANDARD.decode(signature).ok()?;
            Some(Self {
                source: Source::read(source)?,
                time_ms: time.parse().ok()?,
                signature: Signature::from_bytes(&bytes.try_into().ok()?),
            })
        };
        let proof = source.zip(time).zip(signature);
        proof
            .and_then(|((source, time), signature)| read(source, time, signature))
            .map(Some)
            .ok_or("its proof of origin cannot be read")
    }

    /// Whether the owner of this key has signed this request.
    pub(crate) fn verify(&self, key: &VerifyingKey, signed: &Signed<'_>) -> bool {
        key.verify_strict(&signed.text(self.source, self.time_ms), &self.signature).is_ok()
    }

    /// What tells it from all others of its moment.
    pub(crate) fn mark(&self) -> u128 {
        u128::from_le_bytes(*self.signature.r_bytes().first_chunk().expect("R has 32 bytes"))
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    const SIGNED: Signed<'static> = Signed {
        method: "PUT",
        authority: "127.0.0.1:9000",
        path: "/agent/1/?x=2",
        body: b"{\"position\":\"<1, 2, 3>\"}",
    };

    fn source(n: u128) -> Source {
        Source::Region(RegionId(Uuid::from_u128(n)))
    }

    fn headers(proof: &Proof) -> HeaderMap {
        let headers = proof.headers();
        headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_proof_survives_its_headers_and_convinces() {
        let key = ProcessKey::random();
        let public = read_key(key.document().as_bytes()).unwrap();
        for source in [source(1), Source::Grid] {
            let proof = key.prove(source, &SIGNED);
            let read = Proof::read(&headers(&proof)).unwrap().unwrap();
            assert_eq!(read, proof);
            assert!(read.verify(&public, &SIGNED));
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let key = ProcessKey::random();
        let public = read_key(key.document().as_bytes()).unwrap();
        let proof = key.prove_at(source(1), 1_000_000, &SIGNED);
        for signed in [
            Signed { method: "POST", ..SIGNED },
            Signed { authority: "127.0.0.1:9001", ..SIGNED },
            Signed { path: "/agent/1/?x=3", ..SIGNED },
            Signed { body: b"{\"position\":\"<1, 2, 4>\"}", ..SIGNED },
        ] {
            assert!(!proof.verify(&public, &signed), "{signed:?}");
        }
        assert!(!Proof { source: source(2), ..proof.clone() }.verify(&public, &SIGNED));
        assert!(!Proof { time_ms: 1_000_001, ..proof.clone() }.verify(&public, &SIGNED));
        let other = read_key(ProcessKey::random().document().as_bytes()).unwrap();
        assert!(!proof.verify(&other, &SIGNED));
    }

    #[test]
    fn half_a_proof_and_rubbish_are_refused() {
        assert_eq!(Proof::read(&HeaderMap::new()), Ok(None));
        let whole = headers(&ProcessKey::random().prove(source(1), &SIGNED));
        for name in [SOURCE, TIME, PROOF] {
            let mut half = whole.clone();
            half.remove(name);
            assert!(Proof::read(&half).is_err(), "{name} is missing");
            for rubbish in ["", "x", "-1", "Grid", "AAAA"] {
                let mut bad = whole.clone();
                bad.insert(name, rubbish.parse().unwrap());
                assert!(Proof::read(&bad).is_err(), "{name}: {rubbish}");
            }
        }
        for document in ["", "{}", "{\"key\":5}", "{\"key\":\"AAAA\"}", "{\"key\":\"*\"}"] {
            assert!(read_key(document.as_bytes()).is_none(), "{document}");
        }
    }

    #[test]
    fn no_two_proofs_of_the_same_are_the_same() {
        let key = ProcessKey::random();
        let marks: std::collections::BTreeSet<_> =
            (0..1000).map(|_| key.prove(source(1), &SIGNED).mark()).collect();
        assert_eq!(marks.len(), 1000);
    }
}
