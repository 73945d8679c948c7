//! The real binary whose file is changed while it works.

use crate::PATIENCE;
use crate::proxy::{Front, Service, hold_integral, load};
use plimsoll_tests::scrape::Scrape;
use plimsoll_tests::sidecar::Sidecar;
use plimsoll_tests::wait;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

const HOST: &str = "host: [{interval: 100ms}]\n";
const TAKEN: &str = "plimsoll_config_last_reload_successful";
const LIMIT: &str = r#"concurrency_limiter_limit{limiter="shop"}"#;

/// Configurations that the sidecar takes one after another.
const RELOADS: u32 = 50;

fn of_host(seen: &Scrape) -> bool {
    seen.0.keys().any(|name| name.contains("host"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_under_load_is_exact_while_other_collectors_come_and_go() {
    let (service, target) = Service::start().await;
    let front = Front::before(target, "").await;
    let under_load = async |times| {
        let is_over = AtomicBool::new(false);
        let load = async {
            // Each client holds that each of its answers is whole.
            let client_s = load(&front, times).await;
            is_over.store(true, Ordering::Relaxed);
            client_s
        };
        let others = async {
            let mut turns = 0;
            while !is_over.load(Ordering::Relaxed) {
                front.reload("", HOST);
                front.sidecar.until("the host", of_host).await;
                front.reload("", "");
                front.sidecar.until("no host", |seen| !of_host(seen)).await;
                turns += 1;
            }
            turns
        };
        let (client_s, turns) = tokio::join!(load, others);
        assert!(turns > 0, "nothing came or went under load");
        client_s
    };
    hold_integral(&front, &service, under_load).await;
    let said = front.sidecar.said();
    assert!(said.contains("the configuration was reloaded") && !said.contains("refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_faults_is_refused_and_the_old_one_goes_on() {
    let (_service, target) = Service::start().await;
    let front = Front::before(target, "limit: 7").await;
    front.until(TAKEN, 1.0).await;
    front.reload("limit: many", HOST);
    let seen = front.until(TAKEN, 0.0).await;
    assert_eq!((seen[LIMIT], of_host(&seen)), (7.0, false));
    let page = front.sidecar.until_page(&["the old configuration stays", "proxy[0].limit"]).await;
    assert!(page.contains("1 of 1 collectors are up"), "{page}");
    assert!(front.sidecar.said().contains("proxy[0].limit"), "{}", front.sidecar.said());
    // The flag stands above the file.
    front.reload("limit: 7", "listen: 127.0.0.1:1\n");
    front.until(TAKEN, 1.0).await;
    front.reload("limit: 7", "sys_root: /nowhere\n");
    front.sidecar.until_page(&["`sys_root`", "only a restart changes it"]).await;
    front.reload("limit: 8", HOST);
    let seen = front.until(TAKEN, 1.0).await;
    assert_eq!(seen[LIMIT], 8.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_flags_alone_has_nothing_to_read_and_lives_on() {
    let sidecar = Sidecar::start(&["--host"]).await;
    sidecar.process.signal("HUP");
    sidecar.until_page(&["there is no file to read", "--config"]).await;
    sidecar.next_round("host").await;
}

fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count()
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    resident.expect("its memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reloads_leave_no_descriptor_no_series_and_no_memory() {
    let (_service, target) = Service::start().await;
    let front = Front::before(target, "limit: 1").await;
    let pid = front.sidecar.process.id();
    let turn = async |limit: u32| {
        // Each time the proxy is another, and a collector comes or goes.
        let more = if limit.is_multiple_of(2) { HOST } else { "" };
        front.reload(&format!("limit: {limit}"), more);
        front.until(LIMIT, f64::from(limit)).await;
    };
    // A collector has all of its series once it has looked.
    let before = front.sidecar.until_up("shop", true).await;
    let files = open_files(pid);
    // Until nothing is met for the first time any more.
    for limit in 2..=RELOADS {
        turn(limit).await;
    }
    let warm_kib = resident_kib(pid);
    for limit in 2..=RELOADS {
        turn(limit).await;
    }
    turn(1).await;
    let after = front.sidecar.until_up("shop", true).await;
    let names = |seen: &Scrape| seen.0.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    wait::until("what the proxies before held to be closed", PATIENCE, || async {
        // Whoever scrapes may have a connection more than at first.
        (open_files(pid) <= files + 1).then_some(())
    })
    .await;
    let grown_kib = resident_kib(pid).saturating_sub(warm_kib);
    assert!(grown_kib <= 2_048, "{warm_kib} KiB grew by {grown_kib} KiB");
}
