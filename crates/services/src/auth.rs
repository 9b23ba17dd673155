use crate::Result;
use async_trait::async_trait;
use core::fmt;
use md5::{Digest as _, Md5};
use model::{AgentId, Uuid};

/// Viewers' password fields hold this many characters; some cut longer passwords there without a word.
const CUT_AT: usize = 16;

/// A password in the form in which viewers send it: the MD5 digest of what the person typed. As good as the
/// password itself, so it is neither stored nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ViewerPassword([u8; 16]);

impl ViewerPassword {
    /// From a digest.
    pub fn from_digest(digest: [u8; 16]) -> Self {
        Self(digest)
    }

    /// From what a person typed.
    pub fn from_plain(plain: &str) -> Self {
        Self(Md5::digest(plain.as_bytes()).into())
    }

    /// From the `passwd` field of a login: `$1$` and 32 hexadecimal digits, or anything else, which is then what
    /// the person typed (scripts send that). Login fact sheet, section 2.
    pub fn parse(field: &str) -> Self {
        let digest = field.strip_prefix("$1$").and_then(digest_from_hex);
        digest.map_or_else(|| Self::from_plain(field), Self)
    }

    /// All forms in which viewers may send this password: a long one also as cut off by those that do that.
    pub fn forms_of(plain: &str) -> Vec<Self> {
        let mut forms = vec![Self::from_plain(plain)];
        if let Some((end, _)) = plain.char_indices().nth(CUT_AT) {
            forms.push(Self::from_plain(&plain[..end]));
        }
        forms
    }

    /// The digest.
    pub fn digest(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ViewerPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewerPassword(…)")
    }
}

fn digest_from_hex(hex: &str) -> Option<[u8; 16]> {
    let hex = hex.as_bytes();
    if hex.len() != 32 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let mut digest = [0; 16];
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}

/// Who may log in.
#[async_trait]
pub trait AuthService: Send + Sync {
    /// From now on any of these opens the account, and nothing else, no token either. An empty list closes it.
    ///
    /// # Errors
    /// `Refused` if there is no such account.
    async fn set_password(&self, agent: AgentId, forms: &[ViewerPassword]) -> Result<()>;

    /// Whether this password opens the account. An unknown account takes as long as a wrong password.
    async fn verify(&self, agent: AgentId, password: &ViewerPassword) -> Result<bool>;

    /// A token for a password: for so many minutes, proof that its bearer knew it. `None` if the password does not open
    /// the account.
    async fn authenticate(
        &self,
        agent: AgentId,
        password: &ViewerPassword,
        lifetime_min: u32,
    ) -> Result<Option<Uuid>>;

    /// Whether a token is good; if so, it is good for so many minutes from now.
    async fn verify_token(&self, agent: AgentId, token: Uuid, lifetime_min: u32) -> Result<bool>;

    /// Ends a token. Whether it was good.
    async fn release_token(&self, agent: AgentId, token: Uuid) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_login_are_the_same_password() {
        let sent = ViewerPassword::parse("$1$5ebe2294ecd0e0f08eab7690d2a6ee69");
        assert_eq!(sent, ViewerPassword::parse("secret"));
        assert_eq!(sent, ViewerPassword::parse("$1$5EBE2294ECD0E0F08EAB7690D2A6EE69"));
    }

    #[test]
    fn what_only_looks_like_a_digest_is_typed_text() {
        for text in ["$1$", "$1$5ebe", "$1$5ebe2294ecd0e0f08eab7690d2a6ee6g", "", "$1$é"] {
            assert_eq!(ViewerPassword::parse(text), ViewerPassword::from_plain(text));
        }
    }

    #[test]
    fn long_passwords_have_a_second_form() {
        assert_eq!(ViewerPassword::forms_of("0123456789abcdef").len(), 1);
        let forms = ViewerPassword::forms_of("ünf456789abcdefghij");
        assert_eq!(forms[1], ViewerPassword::from_plain("ünf456789abcdefg"));
    }

    #[test]
    fn digests_do_not_reach_logs() {
        assert_eq!(format!("{:?}", ViewerPassword::from_plain("secret")), "ViewerPassword(…)");
    }
}
