//! The daemon's side of TLS.

use crate::config::WebTls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the daemon can't speak TLS.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", file.display())]
pub(crate) struct TlsError {
    file: PathBuf,
    reason: String,
}

impl TlsError {
    fn of<E: std::fmt::Display>(file: &Path) -> impl FnOnce(E) -> Self {
        let file = file.to_owned();
        move |error| Self { file, reason: error.to_string() }
    }
}

/// Makes what answers a handshake.
pub(super) fn server(tls: &WebTls) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&tls.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key_file).map_err(TlsError::of(&tls.key_file))?;
    let builder = match &tls.client_ca_file {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(file)? {
                roots.add(root).map_err(TlsError::of(file))?;
            }
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            let verifier = match tls.is_client_optional {
                true => verifier.allow_unauthenticated(),
                false => verifier,
            };
            let verifier = verifier.build().map_err(TlsError::of(file))?;
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::of(&tls.cert_file))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = CertificateDer::pem_file_iter(file).map_err(TlsError::of(file))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(TlsError::of(file))?;
    if all.is_empty() {
        return Err(TlsError { file: file.into(), reason: "holds no certificate".into() });
    }
    Ok(all)
}
