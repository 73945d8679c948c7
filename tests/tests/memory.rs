//! What is huge is refused or read within a bound, measured by the kernel.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

#[path = "../../crates/plimsoll-exposition/tests/remote_write/mod.rs"]
mod remote_write;

use plimsoll_tests::plimsoll::{Daemon, binary};
use plimsoll_tests::{http, scratch, write};
use prost::Message;
use remote_write::{Sample, TimeSeries, WriteRequest};
use std::fmt::Write as _;
use std::process::Command;

/// The address space that a check may take: far less than the file has bytes for.
const CHECK_KIB: u64 = 300 << 10;

/// What the largest bodies, as many at once as are taken, may add to the daemon.
const BODIES_KIB: u64 = 1_000 << 10;

#[test]
fn a_hundred_megabytes_of_yaml_are_refused_in_little_memory() {
    let folder = scratch();
    let (head, line) =
        ("apiVersion: plimsoll/v1\nservice: shop\nslos:\n", "  - {name: a, objective: 99%}\n");
    let text = head.to_owned() + &line.repeat((100 << 20) / line.len());
    let slos = write(folder.path(), "slos.yaml", &text);
    let config = write(folder.path(), "plimsoll.yml", "slo_files: [slos.yaml]\n");
    for file in [slos, config] {
        let limited = format!("ulimit -v {CHECK_KIB}; exec \"$0\" check \"$1\"");
        let mut command = Command::new("sh");
        let output = command.args(["-c", &limited]).arg(binary()).arg(&file).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("is larger than") && said.lines().count() == 1, "{said}");
    }
}

fn now_ms() -> i64 {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(now).expect("it fits")
}

/// A body as long as is allowed, each series of it of use.
fn body(bytes: usize) -> Vec<u8> {
    let mut request = WriteRequest { timeseries: Vec::new() };
    let (mut length, now, mut name) = (0, now_ms(), String::new());
    while length < bytes - 200 {
        name.clear();
        write!(name, "{:0>40}", request.timeseries.len()).expect("text");
        let labels = [("__name__", "requests_total"), ("job", "a"), ("path", &*name)];
        let series = TimeSeries::new(&labels, vec![Sample::new(1.0, now)]);
        length += series.encoded_len() + 3;
        request.timeseries.push(series);
    }
    request.encode_to_vec()
}

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_bodies_at_once_take_bounded_memory() {
    let folder = scratch();
    let slos = "apiVersion: plimsoll/v1\nservice: shop\nslos:\n  - {name: a, objective: 99%, window: 1h, \
                sli: {events: {total: requests_total, bad: failures_total}}}\n";
    write(folder.path(), "slo.yml", slos);
    write(folder.path(), "plimsoll.yml", "slo_files: [slo.yml]\n");
    let daemon = Daemon::serve(folder).await;
    let before = peak_kib(daemon.process.id());
    let packed = snap::raw::Encoder::new().compress_vec(&body(64 << 20)).expect("snappy");
    let send = || async {
        let post = http().post(format!("{}/api/v1/write", daemon.url)).body(packed.clone());
        let post = post.header("content-type", "application/x-protobuf");
        let answer = post.header("content-encoding", "snappy").send().await;
        // One that isn't taken may be hung up on before it is sent.
        answer.map_or(503, |answer| answer.status().as_u16())
    };
    let mut taken = 0;
    for _ in 0..3 {
        let statuses = tokio::join!(send(), send(), send(), send(), send(), send());
        for status in [statuses.0, statuses.1, statuses.2, statuses.3, statuses.4, statuses.5] {
            assert!(status == 204 || status == 503, "{status}");
            taken += u32::from(status == 204);
        }
    }
    assert!(taken > 0, "one is always taken");
    let added = peak_kib(daemon.process.id()) - before;
    assert!(added < BODIES_KIB, "{added} KiB");
    #[allow(clippy::print_stdout, reason = "the figure of the documentation")]
    {
        println!("{} bodies of 64 MiB: {} MiB more at the peak", taken, added >> 10);
    }
}
