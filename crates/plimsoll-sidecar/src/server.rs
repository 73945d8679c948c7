//! Where a server is, and how it lets us in.

use crate::Reason;
use plimsoll_prober::Server;
use plimsoll_servers::Access;
use rustls::ClientConfig;
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use thiserror::Error;
use url::Url;

/// A server's address with the user, and the password if there is one, in it.
///
/// What is shown of it is the host.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

/// A text is no address.
#[derive(Debug, Error)]
pub enum AddressError {
    /// It isn't a URL.
    #[error("isn't an address as {example}: {reason}")]
    Url {
        /// What it should look like.
        example: &'static str,
        /// What is wrong with it.
        reason: url::ParseError,
    },
    /// It is one of something else.
    #[error("isn't an address as {0}: its scheme or its host is another")]
    Other(&'static str),
}

impl From<AddressError> for String {
    fn from(error: AddressError) -> Self {
        error.to_string()
    }
}

/// A server as the configuration describes it: its address, and what goes with that.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ServerConfig<A = Address> {
    #[serde(rename = "url")]
    pub(crate) address: A,
    #[serde(flatten)]
    access: Access,
}

impl Address {
    /// Reads an address that has one of those schemes; `example` is shown when it isn't one.
    pub(crate) fn parse(
        text: &str,
        schemes: &[&str],
        example: &'static str,
    ) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|reason| AddressError::Url { example, reason })?;
        // Before an unknown scheme, a host may be anything: `nats://h` has one, `localhost:4222` hasn't.
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        if !has_host || !schemes.contains(&url.scheme()) {
            return Err(AddressError::Other(example));
        }
        Ok(Self(url))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn host(&self) -> String {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
    }

    pub(crate) fn user(&self) -> Option<String> {
        Some(plain(self.0.username())).filter(|user| !user.is_empty())
    }

    /// Returns the address without user, password, path and query.
    pub(crate) fn bare(&self) -> Url {
        let mut url = self.0.clone();
        let _ = (url.set_username(""), url.set_password(None));
        url.set_path("");
        url.set_query(None);
        url
    }
}

impl<A: AsRef<str>> ServerConfig<A> {
    /// Takes an address as it is given to a flag: trusts whom the system trusts.
    pub(crate) fn new(address: A) -> Self {
        Self { address, access: Access::default() }
    }

    /// Makes relative paths begin in `folder`.
    pub(crate) fn lies_in(&mut self, folder: &Path) {
        self.access.lies_in(folder);
    }

    /// Describes it to those who connect.
    pub(crate) fn server(&self) -> Server {
        self.access.server(self.address.as_ref())
    }
}

impl ServerConfig {
    /// Returns the password: the one that is given now, or what stands in the address.
    pub(crate) fn password(&self) -> Result<Option<String>, Reason> {
        let given = self.server().read_password().map_err(Reason::new)?;
        Ok(given.or_else(|| self.address.0.password().map(plain)))
    }

    /// Makes what a TLS connection begins with.
    pub(crate) fn tls(&self) -> Result<ClientConfig, Reason> {
        self.server().tls().map_err(Reason::new)
    }

    /// Looks at the certificates, if TLS is spoken: whom the system trusts is asked for at each connection.
    pub(crate) fn check(&self) -> Result<(), Reason> {
        self.server().check_trust().map_err(Reason::new)
    }
}

/// Undoes the escapes of a URL.
fn plain(text: &str) -> String {
    // A pair without a value is its key, with the escapes undone; `+` is no space outside a query.
    let guarded = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(guarded.as_bytes()).next();
    decoded.map(|(key, _)| key.into_owned()).unwrap_or_default()
}

/// Who looks isn't shown: a name before the host alone may be a token.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.host_str().unwrap_or_default())?;
        match self.0.port_or_known_default() {
            Some(port) => write!(out, ":{port}"),
            None => Ok(()),
        }
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl<'de> Deserialize<'de> for Address {
    /// The shape of its key has checked the scheme already.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Url::from_str(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_the_host_alone_and_its_escapes_are_undone() {
        let text = "nats://al%40ice:s%2Bec+ret%25@[::1]:4222";
        let address = Address::parse(text, &["nats"], "nats://host").unwrap();
        assert_eq!(address.to_string(), "[::1]:4222");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert_eq!(address.host(), "::1");
        assert_eq!(address.bare().as_str(), "nats://[::1]:4222");
        assert_eq!(address.user().as_deref(), Some("al@ice"));
        let password = ServerConfig::new(address).password().unwrap();
        assert_eq!(password.as_deref(), Some("s+ec+ret%"));
    }

    #[test]
    fn what_is_no_address_of_this_kind_is_told_how_one_looks() {
        for text in ["localhost:4222", "http://host", "nats://", "nats:", ""] {
            let error = Address::parse(text, &["nats"], "nats://host:4222").unwrap_err();
            assert!(error.to_string().contains("as nats://host:4222"), "{text}: {error}");
        }
    }
}
