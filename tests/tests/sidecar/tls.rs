//! Servers that speak TLS: who is trusted, who isn't, and what the page says of each.

use crate::{PATIENCE, Watcher};
use plimsoll_tests::authority::{Authority, Files};
use plimsoll_tests::kafka::Kafka;
use plimsoll_tests::nats::Nats;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::process::Process;
use plimsoll_tests::rabbitmq::RabbitMq;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{free_port, scratch, wait, write};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::net::TcpStream;

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

/// Starts a server whose pages are on TLS, and waits until it listens.
async fn pages(command: &mut Command, port: u16, folder: &Path) -> Process {
    let server = Process::start("a server of pages", command, &folder.join("log"));
    wait::until("its port", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    server
}

/// An nginx that has its own page, one of metrics, and the same for whoever has the token `hush`.
async fn nginx(files: &Files, folder: &Path) -> (Process, u16) {
    let port = free_port();
    std::fs::create_dir_all(folder).expect("a folder");
    let root = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; default_type text/plain; client_body_temp_path {root}/b;\n\
         proxy_temp_path {root}/p; fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u;\n\
         scgi_temp_path {root}/s; server {{ listen 127.0.0.1:{port} ssl;\n\
         ssl_certificate {}; ssl_certificate_key {};\n\
         location = /stub_status {{ stub_status; }}\n\
         location = /metrics {{ return 200 \"go_goroutines 5\\n\"; }}\n\
         location = /guarded {{ if ($http_authorization != \"Bearer hush\") {{ return 401; }}\n\
         return 200 \"go_goroutines 5\\n\"; }} }} }}\n",
        files.certificate.display(),
        files.key.display()
    );
    let config = write(folder, "nginx.conf", &config);
    let mut command = Command::new("/usr/sbin/nginx");
    let server = pages(command.arg("-c").arg(config).arg("-p").arg(folder), port, folder).await;
    (server, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_and_pages_of_metrics_are_trusted_by_who_signed_them() {
    let trust = Trust::new();
    let folder = trust.folder.path();
    let good = trust.authority.sign().write(&folder.join("good"));
    let (_good, port) = nginx(&good, &folder.join("nginx")).await;
    trust.holds("nginx", |host| format!("https://{host}:{port}/stub_status")).await;
    trust.holds("amplify", |host| format!("https://{host}:{port}/metrics")).await;
    let old = trust.authority.sign_expired().write(&folder.join("old"));
    let (_old, expired) = nginx(&old, &folder.join("expired")).await;
    trust.expired("nginx", &format!("https://127.0.0.1:{expired}/stub_status")).await;
    trust.expired("amplify", &format!("https://127.0.0.1:{expired}/metrics")).await;
    // Who may read, by a token that is in a file.
    let token = write(folder, "token", "hush\n");
    let url = format!("https://127.0.0.1:{port}/guarded");
    let one = |label: &str, authorization: &str| {
        format!(
            "- {{label: {label}, url: {url:?}, tls_config: {{ca_file: {:?}}}, {authorization}{PACE}}}\n",
            trust.file
        )
    };
    let watcher = Watcher::start(&format!(
        "amplify:\n{}{}{}",
        one("bearer", &format!("authorization: {{credentials_file: {token:?}}}, ")),
        one("wrong", "authorization: {credentials: guess}, "),
        one("nobody", ""),
    ));
    watcher.until_up("bearer", true).await;
    watcher.until_up("wrong", false).await;
    watcher.until_up("nobody", false).await;
    let page = watcher.until_page(&["answers 401", "`authorization`"]).await;
    assert_eq!(page.matches("answers 401").count(), 2, "{page}");
    assert!(!page.contains("hush") && !page.contains("guess"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_trusted_by_who_signed_it() {
    let trust = Trust::new();
    let start = async |files: &Files, name: &str| {
        let (folder, port) = (trust.folder.path().join(name), free_port());
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
             frontend stats\n  bind 127.0.0.1:{port} ssl crt {}\n  stats enable\n  stats uri /stats\n",
            files.both.display()
        );
        let config = write(&folder, "haproxy.cfg", &config);
        let mut command = Command::new("/usr/sbin/haproxy");
        (pages(command.args(["-db", "-f"]).arg(config), port, &folder).await, port)
    };
    let folder = trust.folder.path();
    let (_good, port) = start(&trust.authority.sign().write(&folder.join("good")), "a").await;
    trust.holds("haproxy", |host| format!("https://{host}:{port}/stats;csv")).await;
    let old = trust.authority.sign_expired().write(&folder.join("old"));
    let (_old, port) = start(&old, "b").await;
    trust.expired("haproxy", &format!("https://127.0.0.1:{port}/stats;csv")).await;
}
