//! Whatever a file holds, reading it ends, soon, and without a panic.

#![allow(clippy::disallowed_methods, reason = "a test measures how long reading lasts")]

use plimsoll_spec::{Document, SelectorText, read};
use proptest::prelude::*;
use std::time::Duration;

const GOOD: &str = include_str!("fixtures/plimsoll/good/checkout.yaml");

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = read("a.yaml", &text);
        let _ = text.parse::<SelectorText>();
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[-a:{}\\[\\]?|>&*!%@'\"#, \n\t]{0,80}") {
        let _ = Document::parse("a.yaml", &text);
    }

    #[test]
    fn a_damaged_file_is_read_or_told_with_its_place(
        at in 0..GOOD.len(),
        length in 0_usize..40,
        instead in "[-a-z0-9:{}\\[\\]'\"%, \n]{0,6}",
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{instead}{}", &GOOD[..at], &GOOD[end..]);
        let lines = text.lines().count();
        if let Err(faults) = read("a.yaml", &text) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                // What is missing at the end is told on the line after the last.
                prop_assert!((1..=lines + 1).contains(&fault.line), "{fault}");
                prop_assert!(!fault.reason.contains("can't be read"), "shape and type differ: {fault}");
                prop_assert_eq!(fault.to_string().lines().count(), 1);
            }
        }
    }
}

#[test]
fn many_keys_take_no_longer_than_their_number() {
    let keys: String = (0..50_000).map(|key| format!("  k{key}: v\n")).collect();
    let text = format!("apiVersion: plimsoll/v1\nservice: a\nlabels:\n{keys}slos: []\n");
    let faults = read("a.yaml", &text).map(drop).map_err(|faults| faults.len());
    assert_eq!(faults, Err(1), "only that there is no SLO");
    let twice = format!("service: a\n{}", "b: 1\n".repeat(50_000));
    assert!(read("a.yaml", &twice).is_err());
    let long_key = format!("{}: [{}]\n", "k".repeat(1 << 20), "1, ".repeat(50_000));
    assert!(read("a.yaml", &long_key).is_err());
}

/// Returns how long it takes to read a text, which has to be refused.
fn refused_within(text: &str) -> Duration {
    let began = std::time::Instant::now();
    assert!(read("a.yaml", text).is_err_and(|faults| !faults.is_empty()));
    began.elapsed()
}

#[test]
fn bombs_and_giants_are_refused_soon() {
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (one, other) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let many = vec![format!("*{one}"); 9].join(", ");
        laughs.push_str(&format!("{other}: &{other} [{many}]\n"));
    }
    let deep = format!("apiVersion: plimsoll/v1\nslos: {}", "[".repeat(1 << 20));
    let braces = "{a: ".repeat(1 << 20);
    let documents = "---\napiVersion: openslo/v1\nkind: SLO\n".repeat(20_000);
    for text in [laughs, deep, braces, documents] {
        let took = refused_within(&text);
        assert!(took < Duration::from_secs(20), "{took:?} for {:.30}", text);
    }
}

#[test]
fn a_file_of_a_hundred_megabytes_is_not_held() {
    let path = std::env::temp_dir().join(format!("plimsoll-spec-{}.yaml", std::process::id()));
    let grown = std::fs::File::create(&path).and_then(|file| file.set_len(100 << 20));
    let text = grown.and_then(|()| plimsoll_spec::load(&path)).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    assert!((4 << 20..5 << 20).contains(&text.len()), "{}", text.len());
    let faults = read("a.yaml", &text).map(drop).err().unwrap_or_default();
    assert!(faults.iter().any(|fault| fault.reason.contains("is larger than")), "{faults:?}");
}

#[test]
fn a_file_holds_so_many_slos_and_no_more() {
    let slo = |at: usize| {
        format!(
            "- {{name: s{at}, objective: 99%, window: 1d, sli: {{events: {{total: a, bad: b}}}}}}\n"
        )
    };
    let file = |slos: usize| {
        let slos: String = (0..slos).map(slo).collect();
        format!("apiVersion: plimsoll/v1\nservice: a\nslos:\n{slos}")
    };
    assert_eq!(read("a.yaml", &file(10_000)).map(|file| file.slos.len()), Ok(10_000));
    let faults = read("a.yaml", &file(10_001)).map(drop).expect_err("too many");
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let reason = "is one more than the 10000 SLOs that a file may hold: split it";
    assert_eq!(told, [format!("a.yaml:10004:10: slos[10000].name: s10000: {reason}")]);
}

#[test]
fn patterns_and_queries_that_cost_much_are_bounded() {
    let slo = |at: usize, query: &str| {
        format!(
            "  - name: s{at}\n    objective: 99%\n    window: 30d\n    sli: {{events: {{total: '{query}', bad: b}}}}\n"
        )
    };
    let head = "apiVersion: plimsoll/v1\nservice: a\nslos:\n";
    let patterns: String = (0..200).map(|at| slo(at, "a{b=~\"(x{90}){90}\"}")).collect();
    let chains: String = (0..200).map(|at| slo(at, &"-".repeat(250))).collect();
    for body in [patterns, chains] {
        let began = std::time::Instant::now();
        let _ = read("a.yaml", &format!("{head}{body}"));
        let took = began.elapsed();
        assert!(took < Duration::from_secs(60), "{took:?} for {:.90}", body);
    }
}

#[test]
fn any_damaged_file_of_another_dialect_is_read_or_told() {
    let files = [
        include_str!("fixtures/openslo/good/v1.yaml"),
        include_str!("fixtures/openslo/good/alpha.yaml"),
        include_str!("fixtures/sloth/good/file.yaml"),
        include_str!("fixtures/pyrra/good/four.yaml"),
    ];
    for text in files {
        let lines: Vec<&str> = text.lines().collect();
        for left_out in 0..lines.len() {
            let kept = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
            let damaged: String = kept.map(|(_, line)| format!("{line}\n")).collect();
            if let Err(faults) = read("a.yaml", &damaged) {
                assert!(!faults.is_empty());
                for fault in faults {
                    assert!(!fault.reason.contains("can't be read"), "shape and type: {fault}");
                }
            }
        }
    }
}
