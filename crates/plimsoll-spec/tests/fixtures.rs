//! Files of every dialect. Each of `good` reads as the SLOs in the `.slos` beside it, with the
//! warnings in the `.expected`; each of `bad` tells exactly the faults in its `.expected`, all at
//! once. `UPDATE_FIXTURES=1` writes what is missing, for a person to check.

mod described;

use plimsoll_slo::{
    EventsPart, InFlightAtLeast, LevelBound, Milli, Policy, Severity, Sli, WithinKind,
};
use plimsoll_spec::{Fault, read};
use std::path::{Path, PathBuf};
use std::time::Duration;

const DIALECTS: [&str; 4] = ["openslo", "plimsoll", "pyrra", "sloth"];

/// The files of every dialect in the folder `good` or `bad`.
fn yaml_files(kind: &str) -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files = Vec::new();
    for folder in DIALECTS.map(|dialect| fixtures.join(dialect).join(kind)) {
        let entries = std::fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let before = files.len();
        files.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")));
        assert!(files.len() > before, "no file in {folder:?}");
    }
    files.sort();
    files
}

fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Holds what was found against the file beside the fixture; without a file, nothing is expected.
fn check(path: &Path, ending: &str, found: &str) {
    let beside = path.with_extension(ending);
    if std::env::var_os("UPDATE_FIXTURES").is_some() && !beside.exists() && !found.is_empty() {
        std::fs::write(&beside, found).unwrap_or_else(|error| panic!("{beside:?}: {error}"));
    }
    let expected = if beside.exists() { content(&beside) } else { String::new() };
    assert_eq!(found, expected, "{beside:?}");
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn good_files_read() {
    for path in yaml_files("good") {
        let file = match read(&name(&path), &content(&path)) {
            Ok(file) => file,
            Err(faults) => panic!("{path:?} has faults:\n{}", lines(&faults)),
        };
        check(&path, "expected", &lines(&file.warnings));
        check(&path, "slos", &file.slos.iter().map(described::slo).collect::<String>());
    }
}

#[test]
fn bad_files_tell_every_fault() {
    for path in yaml_files("bad") {
        match read(&name(&path), &content(&path)) {
            Ok(file) => panic!("{path:?} reads: {file:?}"),
            Err(faults) => check(&path, "expected", &lines(&faults)),
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
    let Sli::Events { total, part: EventsPart::Bad(bad), .. } = &auth.sli else { panic!("events") };
    assert_eq!(total.to_string(), r#"http_requests_total{job="auth"}"#);
    assert_eq!(bad.to_string(), r#"http_requests_total{job="auth",code=~"5.."}"#);
    assert_eq!(auth.alerting.policy, Policy::workbook());
    assert_eq!((auth.alerting.min_bad, auth.alerting.name.as_deref()), (5, None));
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
    assert_eq!(ticket.pending_for, Duration::from_secs(60));
    assert_eq!(lag.alerting.no_data_after, Duration::from_secs(600));

    assert_eq!(fresh.labels.get("team"), Some("risk"), "its own before the file's");
    assert_eq!(fresh.alerting.page.labels.get("channel"), Some("oncall"));
    assert_eq!(fresh.alerting.ticket.labels.get("channel"), Some("backlog"));
    let runbook = fresh.alerting.runbook.as_deref();
    assert_eq!(runbook, Some("https://runbooks.example.org/fresh-under-load"));
}
