//! An authority that signs certificates, those that it has signed, and one that has signed itself.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Signs certificates; nobody trusts it who wasn't told to.
pub struct Authority {
    name: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// A certificate and its key, as PEM.
pub struct Identity {
    certificate: String,
    key: String,
}

/// The files of an identity, which the owner of their folder alone may read.
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Both in one.
    pub both: PathBuf,
}

impl Authority {
    /// Makes one by that name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        Self { name: name.to_owned(), certificate, key }
    }

    /// Writes its certificate to a file, for who is to trust it.
    pub fn file(&self, folder: &Path) -> PathBuf {
        crate::write(folder, &format!("{}.pem", self.name), &self.certificate.pem())
    }

    /// Signs a certificate for the address 127.0.0.1, which `localhost` isn't.
    pub fn sign(&self) -> Identity {
        self.signed(|_| {})
    }

    /// Signs one that has expired since.
    pub fn sign_expired(&self) -> Identity {
        self.signed(|params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.certificate, &self.key).expect("signed");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Identity {
    /// Makes one for the address 127.0.0.1 that nobody else has signed.
    pub fn self_signed() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("signed");
        Self { certificate: made.cert.pem(), key: made.key_pair.serialize_pem() }
    }

    /// Returns the certificate, for who is to trust it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Writes it to a folder, over what was there.
    pub fn write(&self, folder: &Path) -> Files {
        std::fs::create_dir_all(folder).expect("a folder");
        let owner = std::fs::metadata(folder).expect("a folder");
        let both = format!("{}{}", self.key, self.certificate);
        let pems = [("tls.crt", &self.certificate), ("tls.key", &self.key), ("tls.pem", &both)];
        let [certificate, key, both] = pems.map(|(name, pem)| {
            let path = crate::write(folder, name, pem);
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("its mode");
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("its owner");
            path
        });
        Files { certificate, key, both }
    }
}
