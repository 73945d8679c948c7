//! Where a server is, how it lets us in, and whom we trust.

use crate::Reason;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;
use url::Url;

/// A server's address with the user, and the password if there is one, in it.
///
/// What is shown of it is the user and the host, never the password.
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

/// A server as the configuration describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Server {
    #[serde(rename = "url")]
    pub(crate) address: Address,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
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

impl Server {
    /// Takes an address as it is given to a flag: trusts whom the system trusts.
    pub(crate) fn new(address: Address) -> Self {
        Self { address, password_file: None, ca_file: None }
    }

    /// Returns the password: what its file says now, or what stands in the address.
    pub(crate) fn password(&self) -> Result<Option<String>, Reason> {
        match &self.password_file {
            Some(file) => {
                let text =
                    std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
                Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            None => Ok(self.address.0.password().map(plain)),
        }
    }

    /// Makes what a TLS connection begins with.
    pub(crate) fn tls(&self) -> Result<ClientConfig, Reason> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(file) => {
                let certificates = CertificateDer::pem_file_iter(file);
                for certificate in certificates.map_err(|error| unreadable(file, error))? {
                    let certificate = certificate.map_err(|error| unreadable(file, error))?;
                    roots.add(certificate).map_err(|error| unreadable(file, error))?;
                }
            }
            None => drop(
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            ),
        }
        if roots.is_empty() {
            return Err(Reason::new("no authority is trusted here: name a file with `ca_file`"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(Reason::new)?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

fn unreadable(file: &Path, error: impl fmt::Display) -> Reason {
    Reason::new(format_args!("{} can't be read: {error}", file.display()))
}

/// Undoes the escapes of a URL.
fn plain(text: &str) -> String {
    // A pair without a value is its key, with the escapes undone; `+` is no space outside a query.
    let guarded = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let decoded = url::form_urlencoded::parse(guarded.as_bytes()).next();
    decoded.map(|(key, _)| key.into_owned()).unwrap_or_default()
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = self.user() {
            write!(out, "{user}@")?;
        }
        out.write_str(self.0.host_str().unwrap_or_default())?;
        match self.0.port_or_known_default() {
            Some(port) => write!(out, ":{port}"),
            None => Ok(()),
        }
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
    fn an_address_shows_no_password_and_its_escapes_are_undone() {
        let text = "nats://al%40ice:s%2Bec+ret%25@[::1]:4222";
        let address = Address::parse(text, &["nats"], "nats://host").unwrap();
        assert_eq!(address.to_string(), "al@ice@[::1]:4222");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert_eq!(address.host(), "::1");
        assert_eq!(address.bare().as_str(), "nats://[::1]:4222");
        let password = Server::new(address).password().unwrap();
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
