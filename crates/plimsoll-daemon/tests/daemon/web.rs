//! TLS, users and tokens, on the daemon's side and on its targets'.

use crate::world::{Folder, PATIENCE, Running, config, slos, slowed};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const TOKEN: &str = "a-long-and-random-token";

/// An authority and what it signs, as PEM.
struct Authority {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        Self { certificate, key }
    }

    /// Returns a certificate for this machine and its key.
    fn sign(&self) -> (String, String) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.certificate, &self.key).expect("signed");
        (signed.pem(), key.serialize_pem())
    }
}

fn install_provider() {
    drop(tokio_rustls::rustls::crypto::ring::default_provider().install_default());
}

fn client(authority: &Authority) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.certificate.pem().as_bytes());
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.tls_certs_only([root.expect("PEM")]).build().expect("a client")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_proves_who_they_are_comes_in_over_tls() {
    install_provider();
    let (folder, authority) = (Folder::new(), Authority::new());
    let write_certificate = |authority: &Authority| {
        let (certificate, key) = authority.sign();
        folder.write("cert.pem", &certificate);
        folder.write("key.pem", &key);
    };
    write_certificate(&authority);
    let password = bcrypt::hash("pass word", 4).expect("hashed");
    let token = hex(ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes()).as_ref());
    let web = format!(
        "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\n\
         basic_auth_users: {{ann: '{password}'}}\ntokens: {{ci: {token}}}\n"
    );
    folder.write("web.yml", &web);
    folder.write("slo.yml", &slos(&["checkout"]));
    folder.write(
        "plimsoll.yml",
        &config(&[], "web_config: web.yml\n").replace("scrape_configs:\n", ""),
    );
    let daemon = Running::start(folder.config());
    let url = |path: &str| format!("https://{}{path}", daemon.address);
    let https = client(&authority);
    let status = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("an answer").status().as_u16()
    };
    let slos = url("/api/v1/slos");
    assert_eq!(status(https.get(&slos)).await, 401);
    assert_eq!(status(https.get(&slos).basic_auth("ann", Some("wrong"))).await, 401);
    assert_eq!(status(https.get(&slos).basic_auth("bob", Some("pass word"))).await, 401);
    assert_eq!(status(https.get(&slos).bearer_auth("wrong")).await, 401);
    assert_eq!(status(https.get(&slos).basic_auth("ann", Some("pass word"))).await, 200);
    assert_eq!(status(https.get(&slos).bearer_auth(TOKEN)).await, 200);
    let reload = url("/-/reload");
    assert_eq!(status(https.post(&reload)).await, 401);
    assert_eq!(status(https.post(&reload).bearer_auth(TOKEN)).await, 200);
    let foreign = https.post(&reload).bearer_auth(TOKEN).header("origin", "https://evil.test");
    assert_eq!(status(foreign).await, 403);
    let refused = https.get(&slos).send().await.expect("an answer");
    assert!(refused.headers()["www-authenticate"].to_str().expect("text").starts_with("Basic"));

    // A new certificate, of another authority, is shown without a restart; a broken one isn't.
    let other = Authority::new();
    write_certificate(&other);
    let renewed = client(&other);
    let shown = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
        while renewed.get(&slos).bearer_auth(TOKEN).send().await.is_err() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("the new certificate is shown");
    folder.write("web.yml", "tls_server_config: 7\n");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(status(renewed.get(&slos).bearer_auth(TOKEN)).await, 200, "the old one stays");
    daemon.stop().await;
}

/// A TLS server that wants a client's certificate, notes each request and answers with counters.
async fn target(authority: &Authority) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (certificate, key) = authority.sign();
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).expect("a root");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
    let tls = ServerConfig::builder().with_client_cert_verifier(verifier);
    let acceptor = TlsAcceptor::from(Arc::new(tls.with_single_cert(chain, key).expect("a pair")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = requests.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            noted.lock().expect("unpoisoned").push(String::from_utf8_lossy(&head).into_owned());
            let body = "requests_total 1\n";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    (address, requests)
}

/// Returns the first target of a job.
fn of(list: &Value, job: &str) -> Value {
    let all = list["targets"].as_array().expect("targets").clone();
    all.into_iter().find(|target| target["job"] == job).expect("the target")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_behind_tls_is_asked_as_its_job_says() {
    install_provider();
    let (folder, authority) = (Folder::new(), Authority::new());
    let (address, requests) = target(&authority).await;
    let (certificate, key) = authority.sign();
    folder.write("ca.pem", &authority.certificate.pem());
    folder.write("other-ca.pem", &Authority::new().certificate.pem());
    folder.write("cert.pem", &certificate);
    folder.write("key.pem", &key);
    folder.write("token", &format!("{TOKEN}\n"));
    folder.write("slo.yml", &slos(&["basic"]));
    let tls = "tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}";
    let job = |name: &str, more: &str| {
        format!(
            "  - {{job_name: {name}, scheme: https, {more}, static_configs: [{{targets: ['{address}']}}]}}\n"
        )
    };
    let jobs = [
        job(
            "basic",
            &format!(
                "{tls}, metrics_path: /m, params: {{a: [b c]}}, basic_auth: {{username: u, password: p}}"
            ),
        ),
        job("bearer", &format!("{tls}, authorization: {{credentials_file: token}}")),
        job(
            "stranger",
            "tls_config: {ca_file: other-ca.pem, cert_file: cert.pem, key_file: key.pem}",
        ),
        job("nobody", "tls_config: {ca_file: ca.pem}"),
    ];
    let text = config(&[], "")
        .replace("scrape_configs:\n", &format!("scrape_configs:\n{}", jobs.concat()));
    folder.write("plimsoll.yml", &slowed(&text));
    let daemon = Running::start(folder.config());
    let settled = |list: &Value| {
        ["basic", "bearer"].iter().all(|job| of(list, job)["state"] == "up")
            && ["stranger", "nobody"].iter().all(|job| of(list, job)["state"] == "down")
    };
    let list = daemon.until("/api/v1/targets", settled).await;
    let reason = of(&list, "stranger")["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("invalid peer certificate"), "{reason}");
    let requests = requests.lock().expect("unpoisoned").clone();
    let asked = |words: &[&str]| {
        let has = |request: &&String| {
            let request = request.to_ascii_lowercase();
            words.iter().all(|word| request.contains(&word.to_ascii_lowercase()))
        };
        assert!(requests.iter().any(|request| has(&request)), "{words:?} not in {requests:#?}");
    };
    // `u:p` in Base64.
    asked(&["GET /m?a=b+c HTTP/1.1", "authorization: Basic dTpw"]);
    asked(&["GET /metrics HTTP/1.1", &format!("authorization: Bearer {TOKEN}")]);
    daemon.stop().await;
}
