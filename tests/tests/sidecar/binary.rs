//! The real binary as an operator starts, misleads, stops and kills it.

use plimsoll_tests::redis::Redis;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, plimsoll, scratch, write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Every kind that asks a server, and what its address looks like before and after the port.
const KINDS: [(&str, &str, &str); 8] = [
    ("postgres", "postgres://u:hush@127.0.0.1:", "/db?sslmode=disable"),
    ("pgbouncer", "postgres://u:hush@127.0.0.1:", "/pgbouncer?sslmode=disable"),
    ("redis", "redis://u:hush@127.0.0.1:", ""),
    ("kafka", "kafka://u:hush@127.0.0.1:", ""),
    ("nats", "nats://u:hush@127.0.0.1:", ""),
    ("rabbitmq", "http://u:hush@127.0.0.1:", ""),
    ("nginx", "http://127.0.0.1:", "/stub_status"),
    ("haproxy", "http://127.0.0.1:", "/stats;csv"),
];

/// Answers whoever connects with bytes that no protocol has.
async fn garbage() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&b"\x00\xff<!garbage>\r\n\r\n".repeat(100)).await;
        }
    });
    port
}

/// Takes connections and says nothing, ever.
async fn silence() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    port
}

/// Runs the binary to its end.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(plimsoll::binary());
    command.arg("sidecar").args(arguments).output().expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_by_its_flag_says_of_a_server_that_is_absent_or_mad_what_is_wrong() {
    let (gone, mad) = (free_port(), garbage().await);
    let mut words = vec!["--host".to_owned()];
    for (kind, before, after) in KINDS {
        for port in [gone, mad] {
            words.extend([format!("--{kind}"), format!("{before}{port}{after}")]);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let sidecar = Sidecar::start(&words).await;
    let down = |seen: &plimsoll_tests::scrape::Scrape| {
        let up: Vec<f64> = seen.all("concurrency_collector_up", &[]).collect();
        up.len() == 2 * KINDS.len() + 1 && up.iter().sum::<f64>() == 1.0
    };
    let seen = sidecar.until("all but the host to be down", down).await;
    assert_eq!(seen["concurrency_collector_up{collector=\"host\"}"], 1.0);
    let page = sidecar.get("/").await;
    for row in page.split("<tr>").filter(|row| row.contains("class=down")) {
        let why = row.rsplit("<td>").next().unwrap_or_default();
        assert!(why.len() > 10 && !why.contains("panicked"), "no reason: {row}");
    }
    assert!(!page.contains("hush") && !sidecar.said().contains("hush"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_by_a_file_gives_up_on_a_silent_server_at_its_deadline() {
    let (port, folder) = (silence().await, scratch());
    let lists: String = KINDS
        .iter()
        .map(|(kind, before, after)| {
            // A file's addresses hold no password.
            let before = before.replace(":hush", "");
            format!(
                "{kind}:\n- {{label: {kind}-x, url: '{before}{port}{after}', interval: 300ms}}\n"
            )
        })
        .collect();
    let file = write(folder.path(), "sidecar.yml", &format!("host: [{{}}]\n{lists}"));
    let sidecar = Sidecar::start(&["--config", &file.display().to_string()]).await;
    for (kind, ..) in KINDS {
        let label = format!("{kind}-x");
        sidecar.until_up(&label, false).await;
        // A machine that stands still makes one round longer, and not each of them.
        let soon = |seen: &plimsoll_tests::scrape::Scrape| {
            let round = [("collector", &*label)];
            seen.get("concurrency_collector_round_seconds", &round).is_some_and(|took| took < 1.0)
        };
        sidecar.until(&format!("a round of {kind} that ends within a second"), soon).await;
    }
    assert_eq!(sidecar.scrape().await["concurrency_collector_up{collector=\"host\"}"], 1.0);
    let check = Command::new(plimsoll::binary()).arg("check").arg(&file).output().expect("it runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_put_right_and_a_server_that_is_back_need_no_restart() {
    let mut server = Redis::start().await;
    let folder = scratch();
    let password = write(folder.path(), "password", "wrong\n");
    let file = write(
        folder.path(),
        "sidecar.yml",
        &format!(
            "redis:\n- {{label: r, url: {:?}, password_file: {:?}, interval: 300ms}}\n\
             host:\n- {{interval: 300ms}}\n",
            server.url, password
        ),
    );
    let _: String = server.ask(&["CONFIG", "SET", "requirepass", "right"]).await;
    let sidecar = Sidecar::start(&["--config", &file.display().to_string()]).await;
    sidecar.until_up("r", false).await;
    sidecar.until_page(&["assword"]).await;
    std::fs::write(&password, "right\n").expect("written");
    let clients = "concurrency_pool_in_use{pool=\"r\"}";
    assert!(sidecar.until_up("r", true).await.value(clients).is_some());
    server.process.kill();
    let seen = sidecar.until_up("r", false).await;
    assert_eq!(seen.value(clients), None, "what a collector said before goes with it");
    assert_eq!(seen["concurrency_collector_up{collector=\"host\"}"], 1.0);
    // It is back, with another password.
    server.restart().await;
    let _: String = server.ask(&["CONFIG", "SET", "requirepass", "new"]).await;
    std::fs::write(&password, "new").expect("written");
    sidecar.until_up("r", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_said_once_and_a_killed_sidecar_leaves_nothing_behind() {
    let mut first = Sidecar::start(&["--host"]).await;
    let address = first.url.trim_start_matches("http://").to_owned();
    let second = run(&["--host", "--listen", &address]);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&address) && said.contains("choose another"), "{said}");
    assert_eq!(said.matches("in use").count(), 1, "{said}");
    first.process.kill();
    let again = Command::new(plimsoll::binary());
    let mut third = Sidecar::start_at(again, &["--host"], &address).await;
    third.until_up("host", true).await;
    third.process.signal("TERM");
    let ended = third.process.ended(Duration::from_secs(10)).await;
    assert_eq!(ended.code(), Some(0), "{}", third.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_into_a_process_says_so_and_shows_nothing_in_its_place() {
    if !Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
        #[allow(clippy::print_stdout, reason = "a test that is left out says so")]
        {
            println!("left out: only root may become another user");
        }
        return;
    }
    let server = Redis::start().await;
    // A copy that anybody may run, wherever the build is.
    let folder = scratch();
    let program = folder.path().join("plimsoll");
    std::fs::copy(plimsoll::binary(), &program).expect("copied");
    for path in [folder.path(), &program] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("opened");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    command.arg(program);
    let pid = server.process.id().to_string();
    let port = free_port();
    let arguments = ["--pid", &*pid, "--proc-root", "/proc"];
    let nobody = Sidecar::start_at(command, &arguments, &format!("127.0.0.1:{port}")).await;
    let name = format!("process:pid-{pid}");
    nobody.until_up(&name, true).await;
    let seen = nobody.next_round(&name).await;
    let state = |state: &str| {
        seen.all("concurrency_process_threads", &[&format!("state={state:?}")]).next()
    };
    assert!(state("sleeping") >= Some(1.0), "{seen:?}");
    for absent in ["lock", "idle", "io"] {
        assert_eq!(state(absent), None, "{absent} can't be known");
    }
    for absent in ["files", "wait_cycles", "accept_queue"] {
        let family = format!("concurrency_process_{absent}");
        assert_eq!(seen.all(&family, &[]).next(), None, "{absent} can't be known");
    }
    nobody.until_page(&["SYS_PTRACE", "task/*/syscall", "Permission denied"]).await;
    let root = Sidecar::start(&["--pid", &pid]).await;
    let seen = root.until_up(&name, true).await;
    assert!(seen.all("concurrency_process_files", &[]).next() > Some(0.0), "{seen:?}");
}
