//! What stands in front of a service: nginx, HAProxy and PgBouncer, whose waiters the test makes.

use crate::{PATIENCE, Watcher, now_s};
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::process::Process;
use plimsoll_tests::{free_port, scratch, wait, write};
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
         location = /guarded {{ stub_status; auth_basic ops; auth_basic_user_file {root}/users; }}\n\
         location / {{ proxy_pass http://{service}; }} }} }}\n"
    );
    let config = write(folder.path(), "nginx.conf", &config);
    write(folder.path(), "users", "ops:{PLAIN}hush\n");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(config).arg("-p").arg(folder.path());
    let mut nginx = Process::start("nginx", &mut command, &folder.path().join("log"));
    let url = format!("http://127.0.0.1:{port}/stub_status");
    let guarded = |user: &str| format!("http://{user}127.0.0.1:{port}/guarded");
    let (ops, nobody) = (guarded("ops@"), guarded(""));
    wait::until("nginx to listen", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    let watch = Watcher::start(&format!(
        "nginx:\n- {{label: web, url: {url:?}, {PACE}}}\n\
         - {{label: guarded, url: {ops:?}, password: hush, interval: 1h}}\n\
         - {{label: wrong, url: {ops:?}, password: guess, interval: 1h}}\n\
         - {{label: nobody, url: {nobody:?}, interval: 1h}}\n"
    ));
    watch.until_up("guarded", true).await;
    watch.until_up("wrong", false).await;
    watch.until_up("nobody", false).await;
    let page = watch.until_page(&["answers 401: a user is asked for"]).await;
    assert!(!page.contains("hush") && !page.contains("guess"), "{page}");
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
    let socket = folder.path().join("admin.sock");
    let config = format!(
        "global\n  stats socket {}\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  \
         timeout queue 60s\n\
         frontend in\n  bind 127.0.0.1:{port}\n  maxconn 50\n  default_backend app\n\
         backend app\n  server one {service} maxconn 2\n\
         frontend stats\n  bind 127.0.0.1:{stats}\n  stats enable\n  stats uri /stats\n",
        socket.display()
    );
    let config = write(folder.path(), "haproxy.cfg", &config);
    let mut command = Command::new("/usr/sbin/haproxy");
    command.args(["-db", "-f"]).arg(config);
    let _haproxy = Process::start("haproxy", &mut command, &folder.path().join("log"));
    let url = format!("http://127.0.0.1:{stats}/stats;csv");
    let html = format!("http://127.0.0.1:{stats}/stats");
    let watch = Watcher::start(&format!(
        "haproxy:\n- {{label: lb, url: {url:?}, {PACE}}}\n- {{label: html, url: {html:?}, {PACE}}}\n\
         - {{label: admin, url: 'unix:{}', {PACE}}}\n",
        socket.display()
    ));
    let calm = watch.until_up("lb", true).await;
    watch.until_up("admin", true).await;
    let queue = r#"concurrency_queue_depth{queue="app",server="lb"}"#;
    assert_eq!(calm[queue], 0.0);
    let _open = asking(port, 7).await;
    // Two are at the server, which answers nobody.
    let seen = watch.until("five that wait", |seen| seen.value(queue) == Some(5.0)).await;
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="app/one",server="lb"}"#], 2.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="app/one",server="lb"}"#], 2.0);
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="in/FRONTEND",server="lb"}"#], 7.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="in/FRONTEND",server="lb"}"#], 50.0);
    // The admin socket says the same.
    let same = watch.until("the socket's word", |seen| {
        seen.get("concurrency_queue_depth", &[("queue", "app"), ("server", "admin")]) == Some(5.0)
    });
    let by_socket = r#"concurrency_pool_in_use{pool="in/FRONTEND",server="admin"}"#;
    assert_eq!(same.await[by_socket], 7.0);
    // Nobody checks this server, which isn't the same as one that is down.
    let unchecked = r#"concurrency_haproxy_servers{backend="app",server="lb",state="unchecked"}"#;
    assert_eq!(seen[unchecked], 1.0);
    watch.until_up("html", false).await;
    watch.until_page(&["its path ends in ;csv"]).await;
}

/// A PgBouncer with a connection for each pool.
struct Pgbouncer {
    port: u16,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// Starts one before that server, with databases (what follows the name are settings) and the users
/// `postgres`, `stats` and `shopper`.
async fn pgbouncer(server: &Postgres, databases: &[&str], more: &str) -> Pgbouncer {
    let database: tokio_postgres::Config = server.url.parse().expect("its address");
    let to = database.get_ports()[0];
    let (port, folder) = (free_port(), scratch());
    let users = "\"postgres\" \"\"\n\"stats\" \"\"\n\"shopper\" \"\"\n";
    let users = write(folder.path(), "users.txt", users);
    let users = users.display();
    let databases = databases.iter().map(|name| {
        let (name, settings) = name.split_once(' ').unwrap_or((name, ""));
        format!("{name} = host=127.0.0.1 port={to} dbname=postgres {settings}\n")
    });
    let databases: String = databases.collect();
    let config = format!(
        "[databases]\n{databases}\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n\
         pool_mode = transaction\ndefault_pool_size = 1\nmax_client_conn = 77\n\
         stats_users = stats,postgres\n{more}\nunix_socket_dir =\n"
    );
    let config = write(folder.path(), "pgbouncer.ini", &config);
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("its folder");
    let mut command = Command::new("/usr/sbin/pgbouncer");
    // As root it wants to be told whom to become.
    if folder.path().metadata().expect("its owner").uid() == 0 {
        command.args(["-u", "postgres"]);
    }
    command.arg(config);
    let process = Process::start("pgbouncer", &mut command, &folder.path().join("log"));
    wait::until("PgBouncer to listen", PATIENCE, || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    Pgbouncer { port, _process: process, _folder: folder }
}

impl Pgbouncer {
    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    async fn connect(&self, user: &str, database: &str) -> tokio_postgres::Client {
        let url = self.url(user, database);
        let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("connected");
        tokio::spawn(connection);
        client
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_of_several_databases_and_users_are_told_apart_and_a_pause_is_said() {
    let server = Postgres::start().await;
    server.connect().await.batch_execute("CREATE ROLE shopper LOGIN").await.expect("a role");
    let pooled = pgbouncer(&server, &["shop", "stock pool_size=3"], "admin_users = postgres").await;
    // One who may look and change nothing, and one who may not even look.
    let watch = Watcher::start(&format!(
        "pgbouncer:\n- {{label: pool, url: {:?}, {PACE}}}\n- {{label: refused, url: {:?}, {PACE}}}\n",
        pooled.url("stats", "pgbouncer"),
        pooled.url("shopper", "pgbouncer"),
    ));
    watch.until_up("pool", true).await;
    watch.until_up("refused", false).await;
    watch.until_page(&["not allowed"]).await;
    let mut holders = Vec::new();
    for (user, database) in [("postgres", "shop"), ("shopper", "stock"), ("shopper", "stock")] {
        let holder = pooled.connect(user, database).await;
        holder.batch_execute("BEGIN").await.expect("it has a connection");
        holders.push(holder);
    }
    let of = |pool: &str, part: &str| {
        format!("concurrency_pool_in_use{part}{{pool={pool:?},server=\"pool\"}}")
    };
    let stock = of("stock/shopper", "");
    let seen = watch.until("two of three", |seen| seen.value(&stock) == Some(2.0)).await;
    assert_eq!(seen[&*of("stock/shopper", "_limit")], 3.0);
    assert_eq!(seen[&*of("shop/postgres", "")], 1.0);
    assert_eq!(seen[&*of("shop/postgres", "_limit")], 1.0);
    assert_eq!(seen.value(&of("shop/shopper", "")), None, "nobody has asked for it");
    assert!(!watch.get("/").await.contains("is paused"));
    // The console takes no other form of query than the simple one.
    holders[0].batch_execute("COMMIT").await.expect("it gives it back");
    let console = pooled.connect("postgres", "pgbouncer").await;
    console.simple_query("PAUSE shop").await.expect("paused");
    let waiter = pooled.connect("postgres", "shop").await;
    let waits = tokio::spawn(async move { waiter.batch_execute("SELECT 1").await });
    let queue = r#"concurrency_queue_depth{queue="shop/postgres",server="pool"}"#;
    let seen = watch.until("one that waits", |seen| seen.value(queue) == Some(1.0)).await;
    assert_eq!(seen[&*of("shop/postgres", "")], 0.0, "no connection is in use");
    assert_eq!(seen[&*stock], 2.0, "the others go on");
    watch.until_page(&["shop is paused: whoever asks for it waits until RESUME"]).await;
    console.simple_query("RESUME shop").await.expect("resumed");
    waits.await.expect("it ended").expect("it got its connection");
    watch.until("nobody to wait", |seen| seen.value(queue) == Some(0.0)).await;
    watch.next_round("pool").await;
    assert!(!watch.get("/").await.contains("is paused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_says_who_waits_for_a_connection_and_since_when() {
    let server = Postgres::start().await;
    let pooled = pgbouncer(&server, &["shop"], "admin_users = postgres").await;
    let port = pooled.port;
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
    let holder = connect().await;
    holder.batch_execute("BEGIN").await.expect("it has the one connection");
    let mut waits = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let waiter = connect().await;
        waits.spawn(async move { waiter.batch_execute("SELECT 1").await });
    }
    let since_s = now_s();
    let queue = r#"concurrency_queue_depth{queue="shop/postgres",server="pool"}"#;
    let age = r#"concurrency_queue_depth_oldest_age_seconds{queue="shop/postgres",server="pool"}"#;
    let seen = watch.until("three that wait", |seen| seen.value(queue) == Some(3.0)).await;
    assert_eq!(seen[r#"concurrency_pool_in_use{pool="shop/postgres",server="pool"}"#], 1.0);
    assert_eq!(seen[r#"concurrency_pool_in_use_limit{pool="shop/postgres",server="pool"}"#], 1.0);
    let later = watch.next_round("pool").await;
    assert!(later[age] > seen[age], "{} {}", later[age], seen[age]);
    let waited_s = now_s() - since_s;
    assert!(later[age] <= waited_s + 0.5, "{} {waited_s}", later[age]);
    holder.batch_execute("COMMIT").await.expect("it gives it back");
    while let Some(ended) = waits.join_next().await {
        ended.expect("it ended").expect("it got the connection");
    }
    let calm = watch.until("nobody to wait", |seen| seen.value(queue) == Some(0.0)).await;
    assert_eq!(calm[age], 0.0);
}

/// Answers every connection with the same, or goes on for ever.
async fn saying(what: &'static [u8], for_ever: bool) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let says = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { while stream.write_all(what).await.is_ok() && for_ever {} });
        }
    });
    (address, says)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_rubbish_cost_a_reason_each_and_nothing_else() {
    const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let (endless, _endless) = saying(ENDLESS, true).await;
    let (half, _half) = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nActive", false).await;
    let (other, _other) = saying(b"\x00\xff SSH-2.0\r\n", false).await;
    let (silent, _silent) = silent_service().await;
    let rubbish = [("endless", endless), ("half", half), ("other", other), ("silent", silent)];
    let one = |(label, at): (&str, SocketAddr)| {
        format!("- {{label: {label}, url: 'http://{at}/', interval: 1s, deadline: 1s}}\n")
    };
    let all: String = rubbish.into_iter().map(one).collect();
    let watch = Watcher::start(&format!("host: [{{interval: 500ms}}]\nnginx:\n{all}"));
    for (label, _) in rubbish {
        let seen = watch.until_up(label, false).await;
        assert_eq!(seen.all("concurrency_nginx_connections", &[]).count(), 0);
    }
    watch.until_up("host", true).await;
    watch.until_page(&["1 of 5 collectors are up"]).await;
}
