//! Every file of `good` reads with no more than the warnings beside it; every file of `bad` tells
//! exactly the faults beside it, all at once.

use plimsoll_slo::{
    EventsPart, InFlightAtLeast, LevelBound, Milli, Policy, Severity, Sli, WithinKind,
};
use plimsoll_spec::{Fault, read};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no file in {folder:?}");
    files
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn good_files_read() {
    for path in yaml_files("good") {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = match read(&name, &content(&path)) {
            Ok(file) => file,
            Err(faults) => panic!("{name} has faults:\n{}", lines(&faults)),
        };
        let expected = path.with_extension("expected");
        let expected = if expected.exists() { content(&expected) } else { String::new() };
        assert_eq!(lines(&file.warnings), expected, "{name}");
    }
}

#[test]
fn bad_files_tell_every_fault() {
    for path in yaml_files("bad") {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match read(&name, &content(&path)) {
            Ok(file) => panic!("{name} reads: {file:?}"),
            Err(faults) => {
                assert_eq!(lines(&faults), content(&path.with_extension("expected")), "{name}");
            }
        }
    }
}

#[test]
fn a_file_becomes_its_slos() {
    let path = yaml_files("good").into_iter().find(|path| path.ends_with("checkout.yaml"));
    let file = read("checkout.yaml", &content(&path.expect("there"))).expect("valid");
    let [auth, latency, not_full, short, lock, lag, fresh] = file.slos.as_slice() else {
        panic!("seven SLOs, not {}", file.slos.len());
    };

    assert_eq!((auth.service.as_str(), auth.name.as_str()), ("checkout", "auth-availability"));
    assert_eq!(auth.labels.to_string(), r#"{region="eu",team="payments"}"#);
    assert_eq!((auth.objective.ppm(), auth.period.to_string()), (999_000, "30d".into()));
    assert_eq!((auth.by.as_slice(), auth.max_groups), (["region".to_owned()].as_slice(), 50));
    let Sli::Events { total, part: EventsPart::Bad(bad) } = &auth.sli else { panic!("events") };
    assert_eq!(total.to_string(), r#"http_requests_total{job="auth"}"#);
    assert_eq!(bad.to_string(), r#"http_requests_total{job="auth",code=~"5.."}"#);
    assert_eq!(auth.alerting.policy, Policy::workbook());
    assert_eq!((auth.alerting.min_bad, auth.alerting.pending_for), (5, Duration::ZERO));
    assert_eq!(auth.alerting.no_data_after, Duration::from_secs(300));

    let within = |sli: &Sli| match sli {
        Sli::Within { of, within, when, .. } => Some((*of, within.as_millis(), when.clone())),
        _ => None,
    };
    assert_eq!(within(&latency.sli), Some((WithinKind::Latency, 250, None)));
    assert_eq!(within(&lock.sli), Some((WithinKind::Wait, 5, None)));
    let under_load = InFlightAtLeast { operation: "authorize".into(), at_least: 64 };
    assert_eq!(within(&fresh.sli), Some((WithinKind::Staleness, 300, Some(under_load))));

    let bound = |sli: &Sli| match sli {
        Sli::Level { bound, .. } => Some(*bound),
        _ => None,
    };
    assert_eq!(bound(&not_full.sli), Some(LevelBound::BelowLimit));
    assert_eq!(bound(&short.sli), Some(LevelBound::AtMost(100)));
    assert_eq!(not_full.alerting.policy.rows[0].burn, Milli(13_440), "28 days");
    assert_eq!(lock.alerting.policy.rows[0].long, Duration::from_secs(5), "one hour");

    assert!(matches!(&lag.sli, Sli::Lag { at_most, .. } if at_most.as_secs() == 10));
    assert_eq!((lag.alerting.policy.name.as_str(), lag.alerting.min_bad), ("gentle", 9));
    let ticket = lag.alerting.policy.rows[1];
    assert_eq!((ticket.severity, ticket.burn), (Severity::Ticket, Milli(2_500)));
    assert_eq!((ticket.long.as_secs(), ticket.short.as_secs()), (86_400, 7_200));
    assert_eq!(lag.alerting.pending_for, Duration::from_secs(60));
    assert_eq!(lag.alerting.no_data_after, Duration::from_secs(600));

    assert_eq!(fresh.labels.get("team"), Some("risk"), "its own before the file's");
    assert_eq!(fresh.alerting.page.labels.get("channel"), Some("oncall"));
    assert_eq!(fresh.alerting.ticket.labels.get("channel"), Some("backlog"));
    let runbook = fresh.alerting.runbook.as_deref();
    assert_eq!(runbook, Some("https://runbooks.example.org/fresh-under-load"));
}
