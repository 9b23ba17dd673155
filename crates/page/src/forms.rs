//! Forms that change something, and who may send them: only pages of ours know the token that goes with a browser's
//! cookie, and other sites can have a browser send neither.

use axum::http::{HeaderMap, HeaderValue, header};
use services::{hex, is_same_secret};
use sha2::{Digest as _, Sha256};

/// A secret in a cookie: 32 hexadecimal digits in pairs, from 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(hex(&rand::random::<[u8; 32]>()))
    }

    /// The one in a cookie of this name, if it looks like one of ours.
    pub(crate) fn read(headers: &HeaderMap, cookie: &str) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == cookie).map(|(_, value)| value);
        let value = values.next()?;
        let fits = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(value.to_owned()))
    }

    /// What stands for it in the database, which whoever reads that cannot turn back.
    pub(crate) fn mark(&self) -> String {
        self.derived("session")
    }

    /// What forms carry that are shown to whoever has it.
    pub(crate) fn token(&self) -> String {
        self.derived("form")
    }

    /// Whether a form carries that.
    pub(crate) fn admits(&self, token: &str) -> bool {
        is_same_secret(self.token().as_bytes(), token.as_bytes())
    }

    /// The cookie, for pages below this path, in answer to a request with these headers.
    pub(crate) fn cookie(&self, asked: &HeaderMap, name: &str, path: &str, lifetime_s: u32) -> HeaderValue {
        let secure = if is_encrypted(asked) { "; Secure" } else { "" };
        let text = format!(
            "{name}={}; Path={path}; Max-Age={lifetime_s}; HttpOnly; SameSite=Strict{secure}",
            self.0
        );
        HeaderValue::from_str(&text).expect("names, paths and hexadecimal digits are plain")
    }

    fn derived(&self, purpose: &str) -> String {
        hex(&Sha256::new().chain_update(purpose).chain_update([0]).chain_update(&self.0).finalize())
    }
}

/// Whether the browser has asked a proxy by HTTPS. What others than trusted proxies say of that does not get here.
fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Has the browser forget a cookie.
pub(crate) fn forget(name: &str, path: &str) -> HeaderValue {
    let text = format!("{name}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&text).expect("names and paths are plain")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(cookie: &str) -> HeaderMap {
        [(header::COOKIE, HeaderValue::from_str(cookie).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_secret_comes_back_in_its_cookie() {
        let secret = Secret::random();
        let line = secret.cookie(&HeaderMap::new(), "x", "/", 60);
        let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
        assert_eq!(attributes, " Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        assert!(Secret::read(&headers(&format!("a=b; {pair}; c")), "x") == Some(secret));
        assert!(Secret::read(&headers(pair), "y").is_none());
        for odd in ["x", "x=", "x=zz", &pair[..60], &format!("{pair}0")] {
            assert!(Secret::read(&headers(odd), "x").is_none(), "{odd}");
        }
    }

    #[test]
    fn a_cookie_from_https_stays_with_https() {
        for (proto, secure) in [("https", true), ("HTTPS", true), ("http", false), ("https, http", false)] {
            let asked = [(HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static(proto))];
            let line = Secret::random().cookie(&asked.into_iter().collect(), "x", "/", 60);
            assert_eq!(line.to_str().unwrap().ends_with("; Secure"), secure, "{proto}");
        }
    }

    #[test]
    fn only_its_own_token_is_admitted() {
        let (secret, other) = (Secret::random(), Secret::random());
        assert!(secret.admits(&secret.token()));
        assert_ne!(secret.token(), secret.mark());
        for wrong in ["", &secret.mark(), &other.token(), &secret.token()[1..]] {
            assert!(!secret.admits(wrong), "{wrong}");
        }
    }
}
