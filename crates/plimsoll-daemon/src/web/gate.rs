//! Who may come in: users by password, programs by token.

use super::{Rules, Web};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Passwords that are checked at once: each costs a good part of a second of one core.
const CHECKS: usize = 2;

/// Good passwords that are remembered, by a hash with everything that they were good for.
const KNOWN_MAX: usize = 1_000;

/// Checked for a name that nobody has, so that the time tells nobody which names there are.
const NOBODY: &str = "$2y$10$abcdefghijklmnopqrstuuNq1pHk1pAqSeLfzLEjCq1mYH8zP9Qy6";

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nobody is asked who they are.
    Open,
    /// They said who they are, and proved it.
    Known,
    /// They didn't, or not well enough.
    Refused,
}

/// Checks who comes in.
#[derive(Debug)]
pub(crate) struct Gate {
    web: Arc<Web>,
    known: Mutex<HashSet<Vec<u8>>>,
    checks: Semaphore,
}

impl Gate {
    pub(crate) fn new(web: Arc<Web>) -> Self {
        Self { web, known: Mutex::default(), checks: Semaphore::new(CHECKS) }
    }

    /// Says how a request with these headers comes in.
    pub(crate) async fn enter(&self, headers: &HeaderMap) -> Entry {
        let rules = self.web.rules();
        if rules.config.users.is_empty() && rules.config.tokens.is_empty() {
            return Entry::Open;
        }
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, credentials)) = given.and_then(|given| given.split_once(' ')) else {
            return Entry::Refused;
        };
        let is_good = match scheme.to_ascii_lowercase().as_str() {
            "bearer" => is_token(&rules, credentials.trim()),
            "basic" => self.is_password(&rules, credentials.trim()).await,
            _ => false,
        };
        if is_good { Entry::Known } else { Entry::Refused }
    }

    async fn is_password(&self, rules: &Rules, credentials: &str) -> bool {
        let Some((name, password)) = unbasic(credentials) else { return false };
        let hash = rules.config.users.get(&name);
        let proof = format!("{name}\n{}\n{password}", hash.map_or("", String::as_str));
        let proof = digest(&SHA256, proof.as_bytes()).as_ref().to_vec();
        if self.known().contains(&proof) {
            return true;
        }
        let Ok(_permit) = self.checks.acquire().await else { return false };
        let is_there = hash.is_some();
        let hash = hash.cloned().unwrap_or_else(|| NOBODY.to_owned());
        let check = move || bcrypt::verify(&password, &hash).unwrap_or(false);
        let is_good = tokio::task::spawn_blocking(check).await.unwrap_or(false) && is_there;
        if is_good {
            let mut known = self.known();
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(proof);
        }
        is_good
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<Vec<u8>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token is long and random, so that its plain hash gives nothing away.
fn is_token(rules: &Rules, token: &str) -> bool {
    let hash = digest(&SHA256, token.as_bytes());
    let same = |known: &Vec<u8>| {
        // Every byte is looked at, however many are right.
        let differ =
            known.iter().zip(hash.as_ref()).fold(0, |all, (one, other)| all | (one ^ other));
        differ == 0
    };
    rules.config.tokens.values().filter(|known| same(known)).count() > 0
}

fn unbasic(credentials: &str) -> Option<(String, String)> {
    let plain = String::from_utf8(unbase64(credentials)?).ok()?;
    let (name, password) = plain.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Reads standard Base64 (RFC 4648, section 4).
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, plain) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(unbase64(text).as_deref(), Some(plain.as_bytes()), "{text}");
        }
        assert_eq!(unbase64("Zm9v!"), None);
        assert_eq!(unbasic("YW5uOmE6Yg=="), Some(("ann".into(), "a:b".into())));
    }
}
