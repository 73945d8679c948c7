//! Servers that speak TLS: who is trusted, who isn't, and what the page says of each.

use crate::Watcher;
use plimsoll_tests::authority::Authority;
use plimsoll_tests::kafka::Kafka;
use plimsoll_tests::nats::Nats;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::rabbitmq::RabbitMq;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{free_port, scratch};
use std::path::{Path, PathBuf};

const PACE: &str = "interval: 2s, deadline: 2s";

/// Whom to trust: who signed, and somebody else.
struct Trust {
    authority: Authority,
    file: PathBuf,
    stranger: PathBuf,
    folder: tempfile::TempDir,
}

impl Trust {
    fn new() -> Self {
        let folder = scratch();
        let authority = Authority::new("authority");
        let file = authority.file(folder.path());
        let stranger = Authority::new("stranger").file(folder.path());
        Self { authority, file, stranger, folder }
    }

    /// Watches a server by its address, with `kind` and its address by host, and awaits what each trust
    /// comes to.
    async fn holds(&self, kind: &str, at: impl Fn(&str) -> String) {
        let password = password(kind);
        let one = |label: &str, host: &str, file: &Path| {
            format!(
                "- {{label: {label}, url: {:?}, {password}tls_config: {{ca_file: {file:?}}}, {PACE}}}\n",
                at(host)
            )
        };
        let watcher = Watcher::start(&format!(
            "{kind}:\n{}{}{}",
            one("good", "127.0.0.1", &self.file),
            one("stranger", "127.0.0.1", &self.stranger),
            // The certificate doesn't speak of it.
            one("name", "localhost", &self.file),
        ));
        watcher.until_up("good", true).await;
        watcher.until_up("stranger", false).await;
        watcher.until_up("name", false).await;
        let page = watcher.until_page(&["UnknownIssuer", "not valid for name"]).await;
        assert!(page.contains("with `ca_file`"), "{kind}: it says what to do: {page}");
        assert!(page.contains("a name that stands in its certificate"), "{kind}: {page}");
        watcher.stop().await;
    }

    /// Watches a server whose certificate has expired.
    async fn expired(&self, kind: &str, url: &str) {
        let (file, password) = (&self.file, password(kind));
        let watcher = Watcher::start(&format!(
            "{kind}: [{{label: expired, url: {url:?}, {password}tls_config: {{ca_file: {file:?}}}, {PACE}}}]\n"
        ));
        watcher.until_up("expired", false).await;
        watcher.until_page(&["certificate expired", "renew the server&#39;s certificate"]).await;
        watcher.stop().await;
    }
}

/// Who doesn't let everybody in.
fn password(kind: &str) -> &'static str {
    if kind == "rabbitmq" { "password: guest, " } else { "" }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_trusted_by_who_signed_it() {
    let (trust, server) = (Trust::new(), Postgres::start().await);
    let at = |host: &str| {
        server.url.replace("127.0.0.1", host).replace("sslmode=disable", "sslmode=require")
    };
    server.secure(&trust.authority.sign()).await;
    trust.holds("postgres", at).await;
    server.secure(&trust.authority.sign_expired()).await;
    trust.expired("postgres", &at("127.0.0.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_trusted_by_who_signed_it() {
    let (trust, server, port) = (Trust::new(), Redis::start().await, free_port());
    let at = |host: &str| format!("rediss://{host}:{port}");
    let folder = trust.folder.path();
    server.secure(port, &trust.authority.sign().write(&folder.join("good"))).await;
    trust.holds("redis", at).await;
    server.secure(port, &trust.authority.sign_expired().write(&folder.join("old"))).await;
    trust.expired("redis", &at("127.0.0.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_is_trusted_by_who_signed_it() {
    let trust = Trust::new();
    let told = |files: &plimsoll_tests::authority::Files| {
        format!("tls {{ cert_file: {:?}, key_file: {:?} }}", files.certificate, files.key)
    };
    let folder = trust.folder.path();
    let good = trust.authority.sign().write(&folder.join("good"));
    let Some(mut server) = Nats::start(&told(&good)).await else { return };
    let address = server.address.clone();
    let at = |host: &str| format!("tls://{}", address.replace("127.0.0.1", host));
    trust.holds("nats", at).await;
    let old = trust.authority.sign_expired().write(&folder.join("old"));
    server.restart(Some(&told(&old))).await;
    trust.expired("nats", &at("127.0.0.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_is_trusted_by_who_signed_it() {
    let trust = Trust::new();
    let files = trust.authority.sign().write(trust.folder.path());
    let (mut server, port) = RabbitMq::with_tls(&files).await;
    let at = |host: &str| format!("https://guest@{host}:{port}");
    trust.holds("rabbitmq", at).await;
    trust.authority.sign_expired().write(trust.folder.path());
    server.restart().await;
    trust.expired("rabbitmq", &at("127.0.0.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_is_trusted_by_who_signed_it() {
    let trust = Trust::new();
    let folder = trust.folder.path();
    let good = trust.authority.sign().write(&folder.join("good"));
    let old = trust.authority.sign_expired().write(&folder.join("old"));
    let Some((_kafka, ports)) = Kafka::with_tls(&[good, old]).await else { return };
    trust.holds("kafka", |host| format!("kafka+ssl://{host}:{}", ports[0])).await;
    trust.expired("kafka", &format!("kafka+ssl://127.0.0.1:{}", ports[1])).await;
}
