//! Whatever a file holds, reading it ends, soon, and without a panic.

use plimsoll_spec::{Document, SelectorText, read};
use proptest::prelude::*;

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
