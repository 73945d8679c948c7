//! The board: a real Prometheus scrapes real sidecars that watch real things, each with the fault that a
//! panel is there for, and every expression of every panel has an answer.

use plimsoll_tests::kafka::Kafka;
use plimsoll_tests::nats::Nats;
use plimsoll_tests::panels::{await_no_complaints, expressions, substituted};
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::process::Process;
use plimsoll_tests::prometheus::Prometheus;
use plimsoll_tests::rabbitmq::RabbitMq;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, root, scratch, write};
use serde_json::json;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(120);

const PACE: &str = "interval: 500ms, deadline: 500ms";

/// What only brokers give: an expression with one of these needs them.
const OF_BROKERS: [&str; 5] = [
    "concurrency_nats_",
    "concurrency_kafka_",
    "concurrency_rabbitmq_",
    "concurrency_queue_depth_limit",
    "concurrency_queue_depth_saturated",
];

/// Returns the expressions of the board that brokers answer, or all others. Pages come from a daemon.
fn wanted(of_brokers: bool) -> Vec<String> {
    let all = expressions(&root().join("dashboards/sidecar.json"));
    let is_of_brokers = |text: &String| OF_BROKERS.iter().any(|name| text.contains(name));
    let all = all.iter().filter(|text| !text.contains("plimsoll_slo_"));
    let some: Vec<String> = all
        .filter(|text| is_of_brokers(text) == of_brokers)
        .map(|text| substituted(text))
        .collect();
    assert!(some.len() > 10, "{}", some.len());
    some
}

async fn scraped(sidecar: &Sidecar) -> Prometheus {
    let address = sidecar.url.trim_start_matches("http://");
    Prometheus::start(&[("sidecar", address)], &[]).await
}

/// Answers every request with a page of metrics, slowly where it is asked to, on a port that it returns.
async fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    loop {
        head.push(stream.read_u8().await?);
        if head.ends_with(b"\r\n\r\n") {
            if head.starts_with(b"GET /slow") {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let body = "# TYPE hikaricp_connections_active gauge\nhikaricp_connections_active 4\n\
                        # TYPE hikaricp_connections_max gauge\nhikaricp_connections_max 4\n";
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close"
            );
            stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await?;
            // What isn't asked for again is closed.
            return stream.shutdown().await;
        }
    }
}

/// Sends three requests at once, of which one is let in, garbage, and a request that it doesn't wait for,
/// again and again.
fn knock(port: u16) {
    const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n";
    tokio::spawn(async move {
        loop {
            for request in [SLOW, SLOW, SLOW, "rubbish\r\n\r\n"] {
                tokio::spawn(async move {
                    ask(port, request).await?.read_to_end(&mut Vec::new()).await
                });
            }
            tokio::time::sleep(Duration::from_millis(400)).await;
            let left = ask(port, SLOW).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(left);
        }
    });
}

async fn ask(port: u16, request: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Control groups of version 2 whose processes are throttled, as files that grow.
fn control_groups(folder: PathBuf) {
    write(&folder, "fs/cgroup/cgroup.controllers", "cpu io memory\n");
    tokio::spawn(async move {
        for tick in 0_u64.. {
            let (us, periods) = (tick * 20_000, tick * 2);
            let stalled = format!("some avg10=0.00 total={us}\nfull avg10=0.00 total={us}\n");
            for resource in ["cpu", "io", "memory"] {
                write(&folder, &format!("fs/cgroup/{resource}.pressure"), &stalled);
            }
            let stat = format!(
                "usage_usec {us}\nnr_periods {periods}\nnr_throttled {tick}\nthrottled_usec {us}\n"
            );
            write(&folder, "fs/cgroup/cpu.stat", &stat);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
}

/// Compiles the C program of the sidecar's own tests.
pub(crate) fn program(folder: &Path) -> PathBuf {
    let source = root().join("crates/plimsoll-sidecar/tests/programs/locks.c");
    let program = folder.join("waits");
    let mut compiler = Command::new("cc");
    compiler.arg("-O1").arg(source).args(["-lpthread", "-o"]).arg(&program);
    assert!(compiler.status().expect("a C compiler: install build-essential").success());
    program
}

/// Starts that program, whose first word names its log.
pub(crate) fn run(program: &Path, words: [&str; 2]) -> Process {
    let log = program.with_file_name(words[0]);
    Process::start("waits", Command::new(program).args(words), &log)
}

fn nginx(folder: &Path, port: u16) -> Process {
    let root = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr; events {{ }}\n\
         http {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;\n\
         fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ stub_status; }} }} }}\n"
    );
    let config = write(folder, "nginx.conf", &config);
    let mut command = Command::new("/usr/sbin/nginx");
    Process::start(
        "nginx",
        command.arg("-c").arg(config).arg("-p").arg(folder),
        &folder.join("log"),
    )
}

fn haproxy(folder: &Path, stats: u16, service: u16) -> Process {
    let port = free_port();
    let config = format!(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         frontend in\n  bind 127.0.0.1:{port}\n  maxconn 50\n  default_backend app\n\
         backend app\n  server one 127.0.0.1:{service} maxconn 2\n\
         frontend stats\n  bind 127.0.0.1:{stats}\n  stats enable\n  stats uri /stats\n"
    );
    let config = write(folder, "haproxy.cfg", &config);
    let mut command = Command::new("/usr/sbin/haproxy");
    Process::start("haproxy", command.args(["-db", "-f"]).arg(config), &folder.join("haproxy.log"))
}

fn pgbouncer(folder: &Path, port: u16, server: &Postgres) -> Process {
    let database: tokio_postgres::Config = server.url.parse().expect("its address");
    let to = database.get_ports()[0];
    let users = write(folder, "users.txt", "\"postgres\" \"\"\n");
    let config = format!(
        "[databases]\nshop = host=127.0.0.1 port={to} dbname=postgres user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {}\n\
         pool_mode = transaction\ndefault_pool_size = 2\nstats_users = postgres\nunix_socket_dir =\n",
        users.display()
    );
    let config = write(folder, "pgbouncer.ini", &config);
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, readable).expect("its folder");
    let mut command = Command::new("/usr/sbin/pgbouncer");
    // As root it wants to be told whom to become.
    if folder.metadata().expect("its owner").uid() == 0 {
        command.args(["-u", "postgres"]);
    }
    Process::start("pgbouncer", command.arg(config), &folder.join("pgbouncer.log"))
}

/// Runs one statement in a client of PgBouncer's, and stays.
async fn pooled(port: u16) -> tokio_postgres::Client {
    let url = format!("postgres://postgres@127.0.0.1:{port}/shop?sslmode=disable");
    let connect = || async { tokio_postgres::connect(&url, tokio_postgres::NoTls).await.ok() };
    let (client, connection) = plimsoll_tests::wait::until("PgBouncer", PATIENCE, connect).await;
    tokio::spawn(connection);
    client.batch_execute("SELECT 1").await.expect("it answers");
    client
}

/// A stream with an entry in hand, one that nobody was given, and a script that holds the server up.
async fn busy(redis: &Redis) {
    for words in [
        "CONFIG SET latency-monitor-threshold 20",
        "XGROUP CREATE s g 0 MKSTREAM",
        "XADD s * k v",
        "XADD s * k v",
        "XREADGROUP GROUP g c COUNT 1 STREAMS s >",
    ] {
        let _: redis::Value = redis.ask(&words.split(' ').collect::<Vec<_>>()).await;
    }
    let spin = "local begin = redis.call('TIME') local spent = 0 while spent < 80000 do \
                local now = redis.call('TIME') \
                spent = (now[1] - begin[1]) * 1000000 + now[2] - begin[2] end return spent";
    let _: u64 = redis.ask(&["EVAL", spin, "0"]).await;
}

const TABLES: &str = "CREATE TABLE t (v int); \
    CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL)";

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_of_processes_proxies_and_servers_has_data() {
    let folder = scratch();
    let (service, proxy) = (service().await, free_port());
    let (web, stats, pool) = (free_port(), free_port(), free_port());
    let server = Postgres::start().await;
    let replica = server.replica().await;
    let redis = Redis::start().await;
    let waits = program(folder.path());
    let _running = [
        run(&waits, ["hog", "8"]),
        nginx(folder.path(), web),
        haproxy(folder.path(), stats, service),
        pgbouncer(folder.path(), pool, &server),
    ];
    let listener = run(&waits, ["listen", "5"]);
    let _pooled = pooled(pool).await;
    busy(&redis).await;
    control_groups(folder.path().join("sys"));
    let (blocks, waits) = (server.connect().await, server.connect().await);
    // In one message the tables would be part of the transaction, and nobody else would see them.
    blocks.batch_execute(TABLES).await.expect("tables");
    blocks.batch_execute("BEGIN; LOCK t").await.expect("it has the lock");
    tokio::spawn(async move { waits.batch_execute("LOCK t").await });
    let config = format!(
        "proxy:\n- {{label: shop, listen: '127.0.0.1:{proxy}', target: 'http://127.0.0.1:{service}', limit: 1}}\n\
         amplify:\n- url: http://127.0.0.1:{service}/\n  gauges:\n  \
         - {{gauge: hikaricp_connections_active, limit: hikaricp_connections_max}}\n\
         process:\n- {{name: waits, {PACE}}}\n- {{label: listener, pid: {}, {PACE}}}\n\
         host:\n- {{{PACE}}}\n\
         postgres:\n- {{label: db, url: '{}', {PACE}}}\n- {{label: replica, url: '{}', {PACE}}}\n\
         pgbouncer:\n- {{label: pool, url: 'postgres://postgres@127.0.0.1:{pool}/pgbouncer?sslmode=disable', {PACE}}}\n\
         redis:\n- {{label: cache, url: '{}', {PACE}}}\n\
         nginx:\n- {{label: web, url: 'http://127.0.0.1:{web}/', {PACE}}}\n\
         haproxy:\n- {{label: lb, url: 'http://127.0.0.1:{stats}/stats;csv', {PACE}}}\n\
         probe:\n- name: shop\n  origin: {{postgres: {{url: '{}', table: plimsoll_heartbeat}}}}\n  \
         stores:\n  - {{name: replica, postgres: {{url: '{}', table: plimsoll_heartbeat}}}}\n",
        listener.id(),
        server.url,
        replica.url,
        redis.url,
        server.url,
        replica.url,
    );
    let config = write(folder.path(), "sidecar.yml", &config).display().to_string();
    let sys = folder.path().join("sys").display().to_string();
    let sidecar = Sidecar::start(&["--config", &config, "--sys-root", &sys]).await;
    knock(proxy);
    let prometheus = scraped(&sidecar).await;
    await_no_complaints(&prometheus, &wanted(false), PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_of_brokers_has_data() {
    let (Some(nats), Some(kafka)) = (Nats::start("").await, Kafka::start().await) else { return };
    let rabbit = RabbitMq::start().await;
    let bounded = json!({ "durable": true, "arguments": { "x-max-length": 100 } });
    rabbit.ask(reqwest::Method::PUT, "queues/%2f/jobs", bounded).await;
    let message = json!({
        "routing_key": "jobs", "payload": "x", "payload_encoding": "string", "properties": {},
    });
    rabbit.ask(reqwest::Method::POST, "exchanges/%2f/amq.default/publish", message).await;
    let _consumer = rabbit.consumer("jobs", 1);
    let mut client = kafka.client();
    // The records are older than what a broker keeps by itself.
    client.obey("topic orders 1 retention.ms=-1").await;
    client.obey("produce orders 0 none - 1700000000000 a b c").await;
    client.obey("consume billing orders 1").await;
    let jetstream = nats.client("all").await;
    let stream = async_nats::jetstream::stream::Config {
        name: "mails".into(),
        subjects: vec!["mails.>".into()],
        ..Default::default()
    };
    let stream = jetstream.create_stream(stream).await.expect("a stream");
    let consumer = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("sender".into()),
        max_ack_pending: 5,
        ..Default::default()
    };
    stream.create_consumer(consumer).await.expect("a consumer");
    let config = format!(
        "nats:\n- {{url: 'nats://{}', {PACE}}}\nkafka:\n- {{url: 'kafka://{}', {PACE}}}\n\
         rabbitmq:\n- {{url: 'http://guest@{}', password: guest, {PACE}}}\n",
        nats.address, kafka.address, rabbit.api
    );
    let folder = scratch();
    let config = write(folder.path(), "sidecar.yml", &config).display().to_string();
    let sidecar = Sidecar::start(&["--config", &config]).await;
    let prometheus = scraped(&sidecar).await;
    await_no_complaints(&prometheus, &wanted(true), PATIENCE).await;
}
