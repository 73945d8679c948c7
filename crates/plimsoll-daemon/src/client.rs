//! The one way in which the daemon speaks HTTP to others: no redirect, no proxy, no compression.

use crate::config::{Access, Credentials, Tls};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Client, Identity, RequestBuilder, redirect};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a client can't be built, or a request not be signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    /// A file of certificates, keys or secrets.
    #[error("{}: {source}: make the file readable for the daemon", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    /// A file that isn't what it should be.
    #[error("{}: not a PEM file of certificates or keys: {reason}", file.display())]
    Pem { file: PathBuf, reason: String },
    /// A secret that no header can hold.
    #[error("the credentials hold a character that no HTTP header may hold")]
    Header,
    /// Anything else.
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// A client for one kind of server, and what its requests carry.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: Client,
    credentials: Credentials,
}

impl Caller {
    /// Builds a client whose every request ends within `timeout`, body included.
    pub(crate) fn new(
        access: &Access,
        timeout: Duration,
        https: bool,
    ) -> Result<Self, AccessError> {
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")));
        let client = trust(builder, &access.tls, https)?
            .build()
            .map_err(|error| AccessError::Client(deepest(&error)))?;
        Ok(Self { client, credentials: access.credentials.clone() })
    }

    /// Starts a request with the credentials on it.
    pub(crate) fn request(
        &self,
        method: reqwest::Method,
        url: reqwest::Url,
    ) -> Result<RequestBuilder, AccessError> {
        let request = self.client.request(method, url);
        match &self.credentials {
            Credentials::None => Ok(request),
            Credentials::Basic { username, password } => {
                Ok(request.basic_auth(username, Some(read_secret(password)?)))
            }
            Credentials::Header { scheme, credentials } => {
                let text = format!("{scheme} {}", read_secret(credentials)?);
                let mut value = HeaderValue::from_str(&text).map_err(|_| AccessError::Header)?;
                value.set_sensitive(true);
                Ok(request.header(AUTHORIZATION, value))
            }
        }
    }
}

fn read_secret(secret: &crate::config::Secret) -> Result<String, AccessError> {
    secret.read().map_err(|source| AccessError::Read { file: secret.file().into(), source })
}

/// Without https the store of roots stays empty, because reading the system's fails on a machine
/// that has none, and a plain target needs none.
fn trust(
    builder: reqwest::ClientBuilder,
    tls: &Tls,
    https: bool,
) -> Result<reqwest::ClientBuilder, AccessError> {
    if !https {
        return Ok(builder.tls_certs_only([]));
    }
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
    if let Some(file) = &tls.ca_file {
        let roots =
            Certificate::from_pem_bundle(&read(file)?).map_err(|error| pem(file, &error))?;
        builder = builder.tls_certs_only(roots);
    }
    if let Some(identity) = &tls.identity {
        let mut both = read(&identity.cert_file)?;
        both.push(b'\n');
        both.extend(read(&identity.key_file)?);
        let identity =
            Identity::from_pem(&both).map_err(|error| pem(&identity.cert_file, &error))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read(file: &Path) -> Result<Vec<u8>, AccessError> {
    std::fs::read(file).map_err(|source| AccessError::Read { file: file.into(), source })
}

fn pem(file: &Path, error: &reqwest::Error) -> AccessError {
    AccessError::Pem { file: file.into(), reason: deepest(error) }
}

/// Says in one clause why a request failed; the URL is known to whoever asks.
pub(crate) fn reason(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("no complete answer within {} ms", timeout.as_millis());
    }
    let cause = deepest(error);
    if error.is_connect() {
        format!("no connection: {cause}")
    } else if error.is_body() || error.is_decode() {
        format!("the body broke off: {cause}")
    } else {
        cause
    }
}

/// The outer errors of a chain only repeat that something failed; the innermost says what.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
