//! What stands in front of a service: nginx, HAProxy and PgBouncer, whose waiters the test makes.

use crate::Watcher;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::process::Process;
use plimsoll_tests::{free_port, scratch, write};
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

const PACE: &str = "interval: 500ms, deadline: 500ms";

/// Opens connections that ask for something and hold on.
async fn asking(port: u16, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        open.push(stream);
    }
    open
}

/// Takes connections and never answers, until it is dropped.
async fn silent_service() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (address, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_says_how_many_requests_it_holds() {
    let (service, _held) = silent_service().await;
    let (port, folder) = (free_port(), scratch());
    let root = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {root}/pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;\n\
         fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n\
         server {{ listen 127.0.0.1:{port}; location = /stub_status {{ stub_status; }}\n\
         location / {{ proxy_pass http://{service}; }} }} }}\n"
    );
    let config = write(folder.path(), "nginx.conf", &config);
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(config).arg("-p").arg(folder.path());
    let mut nginx = Process::start("nginx", &mut command, &folder.path().join("log"));
    let url = format!("http://127.0.0.1:{port}/stub_status");
    let watch = Watcher::start(&format!("nginx:\n- {{label: web, url: {url:?}, {PACE}}}\n"));
    watch.until_up("web", true).await;
    let writing = r#"concurrency_nginx_connections{server="web",state="writing"}"#;
    assert_eq!(watch.next_round("web").await[writing], 1.0, "the look itself");
    let open = asking(port, 5).await;
    let seen = watch.until("five requests", |seen| seen.value(writing) == Some(6.0)).await;
    assert_eq!(seen[r#"concurrency_backpressure_total{reason="full",source="web"}"#], 0.0);
    assert!(seen[r#"concurrency_nginx_accepted_total{server="web"}"#] >= 6.0);
    drop(open);
    nginx.kill();
    watch.until_up("web", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_says_who_waits_for_a_server() {
    let (service, _held) = silent_service().await;
    let (port, stats, folder) = (free_port(), free_port(), scratch());
    let config = format!(
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
         timeout queue 60s\n\
         frontend in\n  bind 127.0.0.1:{port}\n  maxconn 50\n  default_backend app\n\
         backend app\n  server one {service} maxconn 2\n\
         frontend stats\n  bind 127.0.0.1:{stats}\n  stats enable\n  stats uri /stats\n"
    );
    let config = write(folder.path(), "haproxy.cfg", &config);
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f"]).arg(config);
    let _haproxy = Process::start("haproxy", &mut command, &folder.path().join("log"));
    let url = format!("http://127.0.0.1:{stats}/stats;csv");
    let html = format!("http://127.0.0.1:{stats}/stats");
    let watch = Watcher::start(&format!(
        "haproxy:\n- {{label: lb, url: {url:?}, {PACE}}}\n- {{label: html, url: {html:?}, {PACE}}}\n"
    ));
    let calm = watch.until_up("lb", true).await;
    let queue = r#"concurrency_queue_depth{queue="app",server="lb"}"#;
    assert_eq!(calm[queue], 0.0);
    let _open = asking(port, 7).await;
    // Two are at the server, which answers nobody.
    let seen = watch.until("five that wait", |seen| seen.value(queue) == Some(5.0)).await;
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="app/one",server="lb"}"#], 2.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="app/one",server="lb"}"#], 2.0);
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="in/FRONTEND",server="lb"}"#], 7.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="in/FRONTEND",server="lb"}"#], 50.0);
    // Nobody checks this server, which isn't the same as one that is down.
    let unchecked = r#"concurrency_haproxy_servers{backend="app",server="lb",state="unchecked"}"#;
    assert_eq!(seen[unchecked], 1.0);
    watch.until_up("html", false).await;
    assert!(watch.get("/").await.contains("its path ends in ;csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_says_who_waits_for_a_connection_and_since_when() {
    let server = Postgres::start().await;
    let database: tokio_postgres::Config = server.url.parse().expect("its address");
    let to = database.get_ports()[0];
    let (port, folder) = (free_port(), scratch());
    let users = write(folder.path(), "users.txt", "\"postgres\" \"\"\n");
    let users = users.display();
    let config = format!(
        "[databases]\nshop = host=127.0.0.1 port={to} dbname=postgres user=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n\
         pool_mode = transaction\ndefault_pool_size = 1\nmax_client_conn = 77\n\
         stats_users = postgres\nadmin_users = postgres\nunix_socket_dir =\n"
    );
    let config = write(folder.path(), "pgbouncer.ini", &config);
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its folder");
    let mut command = Command::new("/usr/sbin/pgbouncer");
    // As root it wants to be told whom to become.
    if folder.path().metadata().expect("its owner").uid() == 0 {
        command.args(["-u", "postgres"]);
    }
    command.arg(config);
    let _pgbouncer = Process::start("pgbouncer", &mut command, &folder.path().join("log"));
    let at =
        |database: &str| format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable");
    let watch = Watcher::start(&format!(
        "pgbouncer:\n- {{label: pool, url: {:?}, {PACE}}}\n",
        at("pgbouncer")
    ));
    let seen = watch.until_up("pool", true).await;
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="pool"}"#], 77.0);
    let connect = async || {
        let connected = tokio_postgres::connect(&at("shop"), tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("connected");
        tokio::spawn(connection);
        client
    };
    let (holder, waiter) = (connect().await, connect().await);
    holder.batch_execute("BEGIN").await.expect("it has the one connection");
    let waits = tokio::spawn(async move { waiter.batch_execute("SELECT 1").await });
    let queue = r#"concurrency_queue_depth{queue="shop/postgres",server="pool"}"#;
    let age = r#"concurrency_queue_depth_oldest_age_seconds{queue="shop/postgres",server="pool"}"#;
    let seen = watch.until("one that waits", |seen| seen.value(queue) == Some(1.0)).await;
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="shop/postgres",server="pool"}"#], 1.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="shop/postgres",server="pool"}"#], 1.0);
    let later = watch.next_round("pool").await;
    assert!(later[age] > seen[age], "{} {}", later[age], seen[age]);
    holder.batch_execute("COMMIT").await.expect("it gives it back");
    waits.await.expect("it ended").expect("it got the connection");
    let calm = watch.until("nobody to wait", |seen| seen.value(queue) == Some(0.0)).await;
    assert_eq!(calm[age], 0.0);
}
