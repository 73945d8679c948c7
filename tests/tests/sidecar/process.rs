//! Processes of other languages, whose threads they count themselves, and the real binary as another user.

use crate::Watcher;
use plimsoll_tests::process::Process;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::{free_port, peers, plimsoll, root, scratch, wait};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a program and returns the number that it says before it is ready.
async fn started(command: &mut Command, folder: &Path) -> (Process, f64) {
    let log = folder.join("log");
    let process = Process::start("the program", command, &log);
    let said = wait::until("the program to be ready", PATIENCE, || async {
        let said = std::fs::read_to_string(&log).ok()?;
        said.contains("ready").then_some(said)
    })
    .await;
    (process, said.lines().next().expect("a line").parse().expect("a number"))
}

fn threads(state: &str) -> String {
    format!("concurrency_process_threads{{process=\"it\",state=\"{state}\"}}")
}

fn watch(process: &Process) -> Watcher {
    Watcher::start(&format!("process: [{{label: it, pid: {}, interval: 200ms}}]", process.id()))
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_of_python_are_as_many_as_it_says() {
    let folder = scratch();
    let program = root().join("tests/programs/threads.py");
    let (process, count) = started(Command::new("python3").arg(program), folder.path()).await;
    let watcher = watch(&process);
    // A lock of Python is a semaphore: its waiters and the one that sleeps are idle.
    let is_it = |seen: &plimsoll_tests::scrape::Scrape| {
        let [io, idle, lock] = ["io", "idle", "lock"].map(|state| seen.value(&threads(state)));
        (io, idle, lock) == (Some(10.0), Some(count - 10.0), Some(0.0))
    };
    let seen = watcher.until("every thread where it waits", is_it).await;
    assert_eq!(seen.all("concurrency_process_threads", &[]).sum::<f64>(), count);
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_of_go_that_are_in_a_call_are_as_many_as_it_made() {
    let Some(go) = peers::go() else { return };
    let folder = scratch();
    let program = folder.path().join("threads");
    let mut build = Command::new(go);
    build.args(["build", "-o"]).arg(&program).arg(root().join("tests/programs/threads.go"));
    assert!(build.env("GOCACHE", folder.path().join("cache")).status().unwrap().success());
    let (process, readers) = started(&mut Command::new(&program), folder.path()).await;
    let watcher = watch(&process);
    let seen =
        watcher.until("every reader", |seen| seen.value(&threads("io")) == Some(readers)).await;
    // Its runtime has some of its own, all of which wait for work.
    assert_eq!(seen.value(&threads("lock")), Some(0.0));
    assert!(seen[&*threads("idle")] >= 1.0);
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_of_java_that_read_are_as_many_as_it_made() {
    let Some(java) = peers::java() else { return };
    let folder = scratch();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open both ways, so that no open waits for the other end.
    let _both = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let mut command = Command::new(java);
    command.arg(root().join("tests/programs/Threads.java")).arg(&pipe);
    let (process, known) = started(&mut command, folder.path()).await;
    let watcher = watch(&process);
    let seen = watcher.until("every reader", |seen| seen.value(&threads("io")) == Some(20.0)).await;
    // A monitor is a condition to the kernel; the machine itself has threads that Java doesn't count.
    assert!(seen[&*threads("idle")] >= 10.0, "{seen:?}");
    assert!(seen.all("concurrency_process_threads", &[]).sum::<f64>() >= known);
    watcher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_sidecar_says_what_it_may_not_see() {
    let folder = scratch();
    let program = root().join("tests/programs/threads.py");
    let (process, count) = started(Command::new("python3").arg(program), folder.path()).await;
    let config = plimsoll_tests::write(
        folder.path(),
        "sidecar.yml",
        &format!("process: [{{label: it, pid: {}}}]\n", process.id()),
    );
    let arguments = ["--config", &config.display().to_string()];
    let address = format!("127.0.0.1:{}", free_port());
    let sidecar = Sidecar::start_at(as_nobody(folder.path()), &arguments, &address).await;
    let seen = sidecar.until_up("it", true).await;
    // What the kernel shows to everybody.
    assert_eq!(seen["concurrency_process_members{process=\"it\"}"], 1.0);
    assert_eq!(seen[&*threads("sleeping")], count);
    assert!(seen.value("concurrency_process_cpu_seconds_total{process=\"it\"}").is_some());
    assert!(seen.all("concurrency_process_context_switches_total", &[]).sum::<f64>() > 0.0);
    // What it doesn't.
    for state in ["lock", "idle", "io"] {
        assert_eq!(seen.value(&threads(state)), None, "{state}");
    }
    for family in ["wait_cycles", "files", "files_used_ratio", "convoys"] {
        let name = format!("concurrency_process_{family}{{process=\"it\"}}");
        assert_eq!(seen.value(&name), None, "{name}");
    }
    sidecar
        .until_page(&["without open files", "without what threads of any process", "SYS_PTRACE"])
        .await;
}

/// Returns a command that is the binary as somebody else runs it.
fn as_nobody(folder: &Path) -> Command {
    // It has to be where everybody may read.
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let binary = folder.join("plimsoll");
    std::fs::copy(plimsoll::binary(), &binary).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
    command
}
