//! Every rejection has a body and its message.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format::{OpenMetrics, Text};
use plimsoll_exposition::decode::Decoder;
use std::io::Write;
use std::process::{Command, Stdio};

/// Bad Prometheus text, where it is bad, and whether Prometheus's own strict parser refuses it
/// too; it takes a few that the format's description forbids.
const TEXT: &[(&str, &str, bool)] = &[
    ("a 1", "1:4: the body ends within a line", true),
    ("a 1\nb 2\nc", "3:2: the body ends within a line", true),
    ("<!DOCTYPE html>\n", "1:1: expected a metric name", true),
    ("1a 1\n", "1:1: expected a metric name", true),
    ("a\n", "1:2: expected a blank or `{` after the metric name", true),
    ("a-b 1\n", "1:2: expected a blank or `{` after the metric name", true),
    ("a \n", "1:3: expected a number", true),
    ("a one\n", "1:3: expected a number", true),
    ("a 1\r\n", "1:3: expected a number", true),
    ("a 0x1p3\n", "1:3: expected a number", true),
    ("a 1_000\n", "1:3: expected a number", true),
    ("a 1 1.5\n", "1:5: expected a timestamp", true),
    ("a 1 2 3\n", "1:7: unexpected text after the sample", true),
    ("a 1 # {x=\"y\"} 1\n", "1:5: expected a timestamp", true),
    ("a{1=\"x\"} 1\n", "1:3: expected a label name", true),
    ("a{,} 1\n", "1:3: expected a label name", true),
    ("a{b\"x\"} 1\n", "1:4: expected `=` after the label name", true),
    ("a{b=x} 1\n", "1:5: expected `\"` before the label value", true),
    ("a{b=\"x} 1\n", "1:5: the label value has no closing `\"`", true),
    ("a{b=\"\\t\"} 1\n", "1:6: unknown escape", true),
    ("a{b=\"x\" c=\"y\"} 1\n", "1:9: expected `,` or `}` after the label value", true),
    ("a{b=\"x\"\n", "1:8: expected `,` or `}` after the label value", true),
    ("a{b=\"x\",b=\"y\"} 1\n", "1:9: the label stands twice", true),
    ("a{__name__=\"x\"} 1\n", "1:3: the label `__name__` is reserved", true),
    ("# TYPE a meter\n", "1:10: unknown metric type", true),
    ("# TYPE a counter x\n", "1:18: unknown metric type", true),
    ("# TYPE a\n", "1:9: unknown metric type", false),
    ("# TYPE a counter\n# TYPE a gauge\n", "2:1: a second TYPE", true),
    ("a 1\n# TYPE a gauge\n", "2:1: this line must come before", true),
    ("# HELP a x\n# HELP a y\n", "2:1: a second HELP", true),
    ("# HELP a x\\y\n", "1:11: unknown escape", true),
    ("# HELP 1 x\n", "1:8: expected a metric name", true),
    ("# TYPE a histogram\na_bucket{le=\"x\"} 1\n", "2:1: this sample needs the label `le`", true),
    ("# TYPE a histogram\na_bucket 1\n", "2:1: this sample needs the label `le`", false),
    ("a_bucket 1\n# TYPE a histogram\na_bucket{b=\"c\"} 1\n", "3:1: this sample needs", false),
    ("# TYPE a summary\na{quantile=\"x\"} 1\n", "2:1: this sample needs the label `le`", true),
];

const OPEN: &[(&str, &str)] = &[
    ("", "1:1: `# EOF` is missing"),
    ("a 1\n", "2:1: `# EOF` is missing"),
    ("a 1\n# EO", "2:5: the body ends within a line"),
    ("a 1\n# EOF\na 2\n", "3:1: unexpected text after `# EOF`"),
    ("a 1\n\n# EOF\n", "2:1: OpenMetrics has no empty lines"),
    ("# a comment\n# EOF\n", "1:3: OpenMetrics has no comments"),
    ("#TYPE a gauge\n# EOF\n", "1:2: expected one space"),
    ("a  1\n# EOF\n", "1:3: expected a number"),
    ("a\t1\n# EOF\n", "1:2: expected a blank or `{`"),
    (" a 1\n# EOF\n", "1:1: expected a metric name"),
    ("a 1 \n# EOF\n", "1:5: expected a timestamp"),
    ("a 1 2 \n# EOF\n", "1:7: unexpected text after the sample"),
    ("a{b=\"c\"}1\n# EOF\n", "1:9: expected one space"),
    ("a{b=\"c\",} 1\n# EOF\n", "1:9: expected a label name"),
    ("a{b=\"c\" } 1\n# EOF\n", "1:8: expected `,` or `}`"),
    ("# TYPE a untyped\n# EOF\n", "1:10: unknown metric type"),
    ("# UNIT a seconds\n# EOF\n", "1:10: the family's name doesn't end in this unit"),
    ("# UNIT a_s s\n# UNIT a_s s\n# EOF\n", "2:1: a second UNIT"),
    ("# TYPE a gauge\na 1\n# HELP a x\n# EOF\n", "3:1: this line must come before"),
    ("a 1\nb 1\na{c=\"d\"} 1\n# EOF\n", "3:1: the lines of this family don't stand together"),
    ("a 1\n# TYPE b gauge\na{c=\"d\"} 1\n# EOF\n", "3:1: the lines of this family"),
    ("# TYPE a counter\na 1\n# EOF\n", "2:1: a sample of this type needs a suffix"),
    ("# TYPE a histogram\na_bucket 1\n# EOF\n", "2:1: this sample needs the label `le`"),
    ("# TYPE a gauge\na 1 # {x=\"y\"} 1\n# EOF\n", "2:5: an exemplar stands only on"),
    ("# TYPE a counter\na_total 1 # x\n# EOF\n", "2:13: expected an exemplar"),
    ("# TYPE a counter\na_total 1 # {x=\"y\"}\n# EOF\n", "2:20: expected one space"),
    ("# TYPE a counter\na_total 1 # {x=\"y\"} 1 2 3\n# EOF\n", "2:24: unexpected text after"),
];

fn fault(format: plimsoll_exposition::Format, body: &[u8]) -> String {
    let error = Decoder::new(100).decode(body, format).expect_err("a bad body");
    format!("{}:{}: {}", error.line, error.column, error.what)
}

/// Says whether the parser of Prometheus's client library, which `promtool` has in it, reads the
/// body.
fn promtool_reads(body: &str) -> bool {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("promtool is installed: apt-get install prometheus");
    promtool.stdin.take().expect("piped").write_all(body.as_bytes()).expect("written");
    let output = promtool.wait_with_output().expect("ended");
    !String::from_utf8_lossy(&output.stderr).contains("error while linting")
}

#[test]
fn bad_prometheus_text_is_refused_with_its_place() {
    for (body, expected, _) in TEXT {
        let found = fault(Text, body.as_bytes());
        assert!(found.starts_with(expected), "{body:?}: {found}");
    }
}

#[test]
fn what_prometheus_refuses_is_refused() {
    let wrong: Vec<_> =
        TEXT.iter().filter(|(body, _, refused)| promtool_reads(body) == *refused).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn bad_openmetrics_is_refused_with_its_place() {
    for (body, expected) in OPEN {
        let found = fault(OpenMetrics, body.as_bytes());
        assert!(found.starts_with(expected), "{body:?}: {found}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    for body in [&b"a{b=\"\xff\"} 1\n"[..], b"# HELP a \xc3\x28\n", b"# x \xf0\x28\x8c\xbc\n"] {
        assert!(fault(Text, body).contains("not UTF-8"));
    }
    assert_eq!(fault(Text, b"a{b=\"x\xff\"} 1\n"), "1:7: not UTF-8: the body isn't metrics text");
}

#[test]
fn an_exemplar_may_have_128_characters_and_no_more() {
    for (length, good) in [(127, true), (128, false)] {
        let value = "ü".repeat(length);
        let body = format!("# TYPE a counter\na_total 1 # {{x=\"{value}\"}} 1\n# EOF\n");
        assert_eq!(Decoder::new(9).decode(body.as_bytes(), OpenMetrics).is_ok(), good);
    }
}
