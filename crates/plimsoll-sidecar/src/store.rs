//! Where a store is, and how the sidecar is let in: the keys that every kind of store takes.

use crate::Reason;
use plimsoll_prober::Server;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

/// A server's address and what goes with it. Files are named and not their content, so that no secret
/// stands in a configuration.
#[derive(Clone, Deserialize)]
pub(crate) struct StoreConfig {
    pub(crate) url: String,
    /// The password, in place of one in the address; read at each connection.
    password_file: Option<PathBuf>,
    /// Whom to trust, in place of whom the system trusts.
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

impl StoreConfig {
    pub(crate) fn at(url: impl Into<String>) -> Self {
        let url = url.into();
        Self { url, password_file: None, ca_file: None, cert_file: None, key_file: None }
    }

    /// Reads the certificates.
    ///
    /// # Errors
    /// A file that can't be read.
    pub(crate) fn server(&self) -> Result<Server, Reason> {
        let mut server = Server::new(self.url.as_str());
        if let Some(file) = self.password_file.clone() {
            server = server.password(move || {
                fs::read_to_string(&file).map(|password| password.trim_end().to_owned())
            });
        }
        if let Some(file) = &self.ca_file {
            server = server.roots(read(file)?);
        }
        match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Ok(server.identity(read(certificate)?, read(key)?)),
            (None, None) => Ok(server),
            _ => Err(Reason::new("cert_file and key_file belong together: give both or none")),
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Reason> {
    let read = fs::read(file);
    read.map_err(|error| Reason::new(format_args!("{} can't be read: {error}", file.display())))
}

/// The address may hold a password, and isn't shown.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StoreConfig").finish_non_exhaustive()
    }
}
