use crate::ProberError;
use crate::store::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::{fmt, io};

/// Where a store's server is, how it is let in, and whom it trusts.
///
/// It speaks TLS to PostgreSQL unless the address says `sslmode=disable` (or is a Unix socket), and to
/// Redis where the address begins with `rediss://`. A text is a server without anything else:
/// `PostgresTable::new("postgres://probe@db/shop", …)`.
#[derive(Clone)]
pub struct Server {
    pub(crate) url: String,
    password: Option<Read<String>>,
    roots: Option<Read<Vec<u8>>>,
    identity: Option<Read<Identity>>,
}

type Read<T> = Arc<dyn Fn() -> io::Result<T> + Send + Sync>;

/// A certificate and its key.
type Identity = (Vec<u8>, Vec<u8>);

/// Certificates and keys, as PEM.
pub(crate) struct Trust {
    /// Who may have signed the server's certificate; none is whom the system trusts.
    pub(crate) roots: Option<Vec<u8>>,
    /// The certificate that it shows itself, and its key.
    pub(crate) identity: Option<Identity>,
}

impl Server {
    /// Describes the server at `url`, as `postgres://user@host/database` or `redis://host:6379/0`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), password: None, roots: None, identity: None }
    }

    /// Asks `read` for the password at each connection, in place of one in the address: it may change.
    #[must_use]
    pub fn password(
        mut self,
        read: impl Fn() -> io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.password = Some(Arc::new(read));
        self
    }

    /// Asks `read` at each connection whom to trust, as PEM, in place of whom the system trusts.
    #[must_use]
    pub fn roots(mut self, read: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.roots = Some(Arc::new(read));
        self
    }

    /// Asks `read` at each connection for the certificate to show the server and its key, both as PEM.
    #[must_use]
    pub fn identity(
        mut self,
        read: impl Fn() -> io::Result<(Vec<u8>, Vec<u8>)> + Send + Sync + 'static,
    ) -> Self {
        self.identity = Some(Arc::new(read));
        self
    }

    /// Reads the password, if there is one beside the address.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read_password(&self) -> Result<Option<String>, StoreError> {
        let read = self.password.as_ref().map(|read| read());
        read.transpose().map_err(|error| {
            StoreError::Unreachable(format!("its password can't be read: {error}"))
        })
    }

    /// Makes what a TLS connection begins with.
    ///
    /// # Errors
    /// A file that can't be read or is no PEM, a key that isn't the certificate's, or a system that
    /// trusts nobody.
    pub fn tls(&self) -> Result<ClientConfig, StoreError> {
        let config = self.trust().and_then(|trust| trust.client_config());
        config.map_err(StoreError::Unreachable)
    }

    /// Looks at what it was given: whom the system trusts is asked for at each connection.
    ///
    /// # Errors
    /// What can't be read or is no PEM, or a key that isn't the certificate's.
    pub fn check_trust(&self) -> Result<(), ProberError> {
        match self.roots.is_some() || self.identity.is_some() {
            true => {
                let config = self.trust().and_then(|trust| trust.client_config());
                config.map(drop).map_err(|reason| self.fault(reason))
            }
            false => Ok(()),
        }
    }

    /// Reads the certificates as they are now.
    pub(crate) fn trust(&self) -> Result<Trust, String> {
        let unreadable = |error: io::Error| error.to_string();
        let roots = self.roots.as_ref().map(|read| read()).transpose().map_err(unreadable)?;
        let identity = self.identity.as_ref().map(|read| read()).transpose().map_err(unreadable)?;
        Ok(Trust { roots, identity })
    }

    /// Makes the fault of an address that can't be used.
    pub(crate) fn fault(&self, reason: impl fmt::Display) -> ProberError {
        ProberError::Address { address: self.shown(), reason: reason.to_string() }
    }

    /// Returns the address as it may be shown.
    pub(crate) fn shown(&self) -> String {
        let url = &self.url;
        match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(at)) if scheme + 3 < at => {
                format!("{}…{}", url.get(..scheme + 3).unwrap_or(""), url.get(at..).unwrap_or(""))
            }
            _ if url.contains("password") => "…".to_owned(),
            _ => url.clone(),
        }
    }
}

impl Trust {
    /// Makes what a TLS connection begins with.
    ///
    /// # Errors
    /// What is no PEM, a key that isn't the certificate's, or a system that trusts nobody.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(pem) => {
                for certificate in certificates(pem)? {
                    roots.add(certificate).map_err(|error| error.to_string())?;
                }
            }
            None => drop(
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            ),
        }
        if roots.is_empty() {
            let reason = match self.roots {
                Some(_) => "there is no certificate among the roots",
                None => "this system trusts nobody: give the roots",
            };
            return Err(reason.to_owned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| error.to_string())?;
        let config = builder.with_client_auth_cert(certificates(certificate)?, key);
        config.map_err(|error| error.to_string())
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.map_err(|error| error.to_string())
}

impl From<&str> for Server {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Server {
    fn from(url: &String) -> Self {
        Self::new(url.as_str())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server").field("url", &self.shown()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = |url| Server::new(url).shown();
        assert_eq!(shown("postgres://a:secret@host/b"), "postgres://…@host/b");
        assert_eq!(shown("host=a password=secret"), "…");
        assert_eq!(shown("postgres://host/b?password=secret"), "…");
        assert_eq!(shown("redis://host/0"), "redis://host/0");
        let server = Server::new("redis://:secret@host").password(|| Ok("hush".into()));
        assert!(!format!("{server:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let trust = Trust { roots: Some(b"no PEM".to_vec()), identity: None };
        let refused = trust.client_config().expect_err("there is no certificate");
        assert_eq!(refused, "there is no certificate among the roots");
    }
}
