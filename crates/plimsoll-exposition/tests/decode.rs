//! What a good body means, however it is reached.

#![allow(clippy::expect_used)] // a test stops at the first thing that is not as it must be

use plimsoll_exposition::Format::{self, OpenMetrics, Text};
use plimsoll_exposition::Interest;
use plimsoll_exposition::decode::{DecodeError, Decoder, Fault};
use plimsoll_model::{Refusal, RefusalReason, Sample, Scrape, SeriesIndex};
use proptest::prelude::*;
use std::sync::Arc;

/// A body as text: one line for each sample, `name{labels} value-bits @time`, and the refusals.
fn decoded(decoder: &mut Decoder, body: &[u8], format: Format) -> Result<Vec<String>, DecodeError> {
    let scrape = decoder.decode(body, format)?.clone();
    assert_eq!(scrape.samples.len(), decoder.series().count(), "each series is named");
    let lines = scrape.samples.iter().zip(decoder.series()).map(|(sample, series)| {
        assert_eq!(sample.series, series.index());
        let key = series.key().expect("good labels");
        format!("{}{} {:?} @{:?}", key.name, key.labels, sample.value, sample.at_ms)
    });
    Ok(lines.chain(scrape.refused.iter().map(|refusal| format!("{refusal:?}"))).collect())
}

fn fresh(body: &str, format: Format) -> Vec<String> {
    decoded(&mut Decoder::new(1_000), body.as_bytes(), format).expect("a good body")
}

#[test]
fn prometheus_text_is_read_by_its_description() {
    let body = "\n# HELP a_total Has \\\\ and \\n.\n# TYPE a_total counter\n\
        a_total{code=\"200\",path=\"C:\\\\DIR\\n\\\"x\\\"\"} 1027 1395066363000\n\
        \ta_total { code = \"400\" , } \t 3 \t -5 \n\
        # just a comment, ünïcode too\n\
        bare 12.47\nempty{} +Inf\nnothing{gone=\"\"} NaN\n-1 0\n";
    let (good, bad) = body.split_at(body.len() - "-1 0\n".len());
    assert!(Decoder::new(9).decode(bad.as_bytes(), Text).is_err());
    assert_eq!(
        fresh(good, Text),
        [
            r#"a_total{code="200",path="C:\\DIR\n\"x\""} 1027.0 @Some(1395066363000)"#,
            r#"a_total{code="400"} 3.0 @Some(-5)"#,
            "bare 12.47 @None",
            "empty inf @None",
            "nothing NaN @None",
        ]
    );
    assert_eq!(fresh("", Text), [""; 0]);
}

#[test]
fn openmetrics_is_read_by_its_specification() {
    let body = "# TYPE acme_http_router_request_seconds summary\n\
        # UNIT acme_http_router_request_seconds seconds\n\
        # HELP acme_http_router_request_seconds Latency of \\\"all\\\".\n\
        acme_http_router_request_seconds_sum{path=\"/api/v1\",method=\"GET\"} 9036.32 0.001\n\
        acme_http_router_request_seconds_count{path=\"/api/v1\",method=\"GET\"} 807283.0\n\
        acme_http_router_request_seconds_created{path=\"/api/v1\",method=\"GET\"} 1605281325.0\n\
        # TYPE foo histogram\n\
        foo_bucket{le=\"0.1\"} 8 # {} 0.054\n\
        foo_bucket{le=\"+Inf\"} 17 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879606\n\
        foo_count 17\nfoo_sum 324789.3\n\
        # TYPE go counter\ngo_total{kept=\"\\d\"} 2\n# EOF";
    let expected = [
        r#"acme_http_router_request_seconds_sum{method="GET",path="/api/v1"} 9036.32 @Some(1)"#,
        r#"acme_http_router_request_seconds_count{method="GET",path="/api/v1"} 807283.0 @None"#,
        r#"acme_http_router_request_seconds_created{method="GET",path="/api/v1"} 1605281325.0 @None"#,
        r#"foo_bucket{le="0.1"} 8.0 @None"#,
        r#"foo_bucket{le="+Inf"} 17.0 @Some(1520879607789)"#,
        "foo_count 17.0 @None",
        "foo_sum 324789.3 @None",
        r#"go_total{kept="\\d"} 2.0 @None"#,
    ];
    assert_eq!(fresh(body, OpenMetrics), expected);
    let mut warm = Decoder::new(1_000);
    for ending in ["", "\n", "\n", ""] {
        let body = format!("{body}{ending}");
        let found = decoded(&mut warm, body.as_bytes(), OpenMetrics).expect("good");
        assert_eq!(found, expected);
    }
}

#[test]
fn a_series_that_stands_twice_counts_once_in_every_body() {
    let mut decoder = Decoder::new(1_000);
    for first in ["1", "2", "3"] {
        let body =
            format!("a{{x=\"1\",y=\"2\"}} {first}\na{{y=\"2\", x=\"1\"}} 9\nb 4\nb 5\nb 6\n");
        let scrape = decoder.decode(body.as_bytes(), Text).expect("good");
        let values: Vec<f64> = scrape.samples.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [first.parse().expect("number"), 4.0]);
        let duplicates = Refusal { reason: RefusalReason::Duplicate, samples: 3 };
        assert_eq!(scrape.refused, [duplicates]);
    }
}

#[test]
fn what_exceeds_the_series_limit_is_counted_and_the_rest_is_taken() {
    let mut decoder = Decoder::new(2);
    for _ in 0..2 {
        let scrape = decoder.decode(b"a 1\na 2\nb 3\nc 4\nd 5\n", Text).expect("good");
        assert_eq!(scrape.samples.len(), 2);
        let duplicate = Refusal { reason: RefusalReason::Duplicate, samples: 1 };
        let over = Refusal { reason: RefusalReason::SeriesLimit, samples: 2 };
        assert_eq!(scrape.refused, [duplicate, over]);
    }
    // The limit is on one body: new series find room when old ones are gone.
    let scrape = decoder.decode(b"c 4\nd 5\n", Text).expect("good");
    assert_eq!((scrape.samples.len(), scrape.refused.len()), (2, 0));
}

#[test]
fn an_index_is_kept_while_exposed_and_never_given_to_another() {
    let mut decoder = Decoder::new(1_000);
    let mut given = std::collections::HashMap::new();
    let mut steady = None;
    for round in 0..100 {
        let body: String = (0..50).map(|pod| format!("up{{pod=\"{round}-{pod}\"}} 1\n")).collect();
        let body = format!("{body}steady {round}\n");
        // A bad body in between must neither leak its series nor disturb the others.
        let bad = format!("leak{{round=\"{round}\"}} 1\n{body}!\n");
        assert!(decoder.decode(bad.as_bytes(), Text).is_err());
        let samples = decoder.decode(body.as_bytes(), Text).expect("good").samples.clone();
        for series in decoder.series() {
            let key = series.key().expect("good labels");
            assert_eq!(*given.entry(series.index()).or_insert(key.clone()), key);
        }
        let last = samples.last().map(|sample| sample.series);
        assert_eq!(*steady.get_or_insert(last), last);
    }
    assert_eq!(given.len(), 100 * 50 + 1);
}

#[test]
fn a_series_that_comes_back_has_its_index_again() {
    let mut decoder = Decoder::new(1_000);
    let mut indices = |body: &str| -> Vec<u32> {
        let scrape = decoder.decode(body.as_bytes(), Text).expect("good");
        scrape.samples.iter().map(|sample| sample.series.0).collect()
    };
    assert_eq!(indices("a 1\nb 1\nc 1\n"), [0, 1, 2]);
    assert_eq!(indices("c 1\n"), [2]);
    assert_eq!(indices("c 1\nd 1\n"), [2, 3]);
    assert_eq!(indices("b 1\nc 1\na 1\n"), [1, 2, 0]);
    let from = |first| -> Vec<u32> {
        decoder.series_from(SeriesIndex(first)).map(|series| series.index().0).collect()
    };
    assert_eq!((from(1), from(3), from(4)), (vec![1, 2], vec![], vec![]));
}

#[test]
fn a_body_that_offsets_cannot_reach_is_refused() {
    // Its pages are never touched, so it takes no memory.
    let body = vec![0; 1 << 32];
    let error = Decoder::new(9).decode(&body, Text).expect_err("too long");
    assert_eq!((error.line, error.what), (1, Fault::TooLong));
}

#[test]
fn series_that_stay_keep_their_names_when_others_are_forgotten() {
    let mut decoder = Decoder::new(1_000);
    let pods = |name: &str, count| -> String {
        (0..count).map(|pod| format!("{name}{{pod=\"{pod}\"}} {pod}\n")).collect()
    };
    let (few, stay, many) = (pods("few", 10), pods("stay", 200), pods("many", 300));
    for body in [format!("{few}{stay}{many}"), stay.clone(), format!("new 1\n{stay}"), stay] {
        let found = decoded(&mut decoder, body.as_bytes(), Text).expect("good");
        assert_eq!(found, fresh(&body, Text));
    }
}

#[test]
fn the_same_bytes_are_judged_anew_in_another_format() {
    let mut decoder = Decoder::new(1_000);
    let body = b"# just a comment\na 1\n# EOF\n";
    assert!(decoder.decode(body, Text).is_ok());
    assert!(decoder.decode(body, OpenMetrics).is_err());
}

#[test]
fn an_exemplar_is_judged_although_the_line_is_known() {
    let mut decoder = Decoder::new(1_000);
    let body = |exemplar: &str| {
        format!("# TYPE a counter\na_total 1{exemplar}\n# TYPE b gauge\nb 1{exemplar}\n# EOF\n")
    };
    assert!(decoder.decode(body("").as_bytes(), OpenMetrics).is_ok());
    let error = decoder.decode(body(" # {x=\"y\"} 1").as_bytes(), OpenMetrics).expect_err("bad");
    assert_eq!((error.line, error.column, error.what), (4, 5, Fault::ExemplarPlace));
}

#[test]
fn a_refused_body_leaves_the_decoder_as_it_was() {
    let mut decoder = Decoder::new(1_000);
    let before = decoded(&mut decoder, b"a 1\nb 2\n", Text);
    assert!(decoder.decode(b"a 1\nb 2\nc\n", Text).is_err());
    assert!(decoder.decode(b"a x\n", Text).is_err());
    assert_eq!(decoded(&mut decoder, b"a 1\nb 2\n", Text), before);
}

/// Lines that meet, shadow and break each other in as many ways as the rules know.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just("# EOF".to_string()),
        "# (HELP|TYPE|UNIT) (a|b|a_seconds|a_total) ?(counter|histogram|summary|seconds|x)",
        "#? ?[a-z ]{0,4}",
        "(a|b|a_total|a_bucket|a_count) -?[0-9]{1,20}(\\.[0-9]{1,3})?( [0-9]{1,3})?",
        "(a|a_total|a_bucket)\\{(x=\"[01]\"|le=\"[01]\"|y=\"\",x=\"1\"|x=\"1\", y=\"2\")\\} [0-9]{1,3}",
        // Labels that are alike at first, in any order, twice, escaped, with bytes of all kinds.
        "(a|a_bucket)\\{(le=\"[a1]\",)?(long_label_x|long_label_y|xy|__a|0)=\"[ -~é]{0,10}\",(long_label_x|xy)=\"[01]{7,9}\"\\} [0-9.]{1,18}",
        "(a_total|a_bucket)\\{le=\"1\"\\} 1 # \\{t=\"[a-z]\"\\} 0.5",
        "(a|b) (NaN|\\+Inf|1e5|x| 1|1 )",
        "[ -~]{0,12}",
    ];
    proptest::collection::vec(line, 0..12)
}

/// Makes the next body: values move, lines are added, taken away, moved, doubled.
fn changed(lines: &[String], edits: &[(u8, usize, String)]) -> Vec<String> {
    let mut lines = lines.to_vec();
    for (edit, at, other) in edits {
        let at = at % (lines.len() + 1);
        match (edit % 5, lines.get(at).cloned()) {
            (0, Some(_)) => drop(lines.remove(at)),
            (1, Some(line)) => lines.push(line),
            (2, Some(line)) => lines[at] = line.replace(|digit: char| digit.is_ascii_digit(), "7"),
            (3, Some(_)) => {
                let line = lines.remove(at);
                lines.insert(0, line);
            }
            _ => lines.insert(at, other.clone()),
        }
    }
    lines
}

fn joined(lines: &[String], format: Format) -> String {
    let mut body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if format == OpenMetrics {
        body.push_str("# EOF\n");
    }
    body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_warm_decoder_reads_what_a_fresh_one_reads(
        first in lines(),
        edits in proptest::collection::vec(
            proptest::collection::vec((any::<u8>(), any::<usize>(), "(a|b) [0-9]"), 0..4), 1..4),
        open: bool,
        series_max in 1_usize..6,
    ) {
        let format = if open { OpenMetrics } else { Text };
        let mut warm = Decoder::new(series_max);
        let mut lines = first;
        for edits in &edits {
            let body = joined(&lines, format);
            let expected = decoded(&mut Decoder::new(series_max), body.as_bytes(), format);
            // Twice: the second time nothing but numbers is read.
            for _ in 0..2 {
                prop_assert_eq!(decoded(&mut warm, body.as_bytes(), format), expected.clone());
            }
            lines = changed(&lines, edits);
        }
    }

    /// A blank before a line means nothing, but keeps it from every short way.
    #[test]
    fn a_line_that_is_read_in_a_short_way_means_what_the_rules_say(
        lines in lines(),
        series_max in 1_usize..6,
    ) {
        let short = joined(&lines, Text);
        let full = joined(&lines.iter().map(|line| format!(" {line}")).collect::<Vec<_>>(), Text);
        let read = |body: &str| {
            decoded(&mut Decoder::new(series_max), body.as_bytes(), Text)
                .map_err(|error| (error.line, error.what))
        };
        prop_assert_eq!(read(&short), read(&full));
    }

    /// What nobody asked for is held to the rules, too.
    #[test]
    fn what_is_asked_for_is_read_as_if_it_were_all(
        first in lines(),
        edits in proptest::collection::vec((any::<u8>(), any::<usize>(), "(a|b) [0-9]"), 0..4),
        open: bool,
    ) {
        let format = if open { OpenMetrics } else { Text };
        let mut interest = Interest::new();
        interest.add("a");
        interest.add("a_bucket");
        let mut some = Decoder::new(1_000).only(Arc::new(interest.clone()));
        for lines in [changed(&first, &edits), first.clone(), first] {
            let body = joined(&lines, format);
            let mut all = Decoder::new(1_000);
            let expected = all.decode(body.as_bytes(), format).cloned();
            let found = some.decode(body.as_bytes(), format).cloned();
            let (Ok(expected), Ok(found)) = (&expected, &found) else {
                prop_assert_eq!(expected.err(), found.err());
                continue;
            };
            let names: Vec<&str> = all.series().map(|series| series.name()).collect();
            let wanted = expected.samples.iter().zip(&names).filter(|(_, name)| interest.wants(name));
            let value = |sample: &Sample| (sample.value.to_bits(), sample.at_ms);
            prop_assert_eq!(
                found.samples.iter().map(value).collect::<Vec<_>>(),
                wanted.map(|(sample, _)| value(sample)).collect::<Vec<_>>()
            );
            let refused = |scrape: &Scrape| scrape.refused.iter().map(|refusal| refusal.samples).sum::<u64>();
            let lines = |scrape: &Scrape| scrape.count() as u64 + refused(scrape);
            prop_assert_eq!(lines(found), lines(expected));
        }
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(
        first in proptest::collection::vec(any::<u8>(), 0..60),
        second in "[a-c0-9{}=\",# \\\\\n\u{e9}.+-]{0,60}",
        open: bool,
    ) {
        let format = if open { OpenMetrics } else { Text };
        let mut warm = Decoder::new(4);
        let _ = warm.decode(&first, format);
        for end in 0..=second.len() {
            let body = &second.as_bytes()[..end];
            let expected = decoded(&mut Decoder::new(4), body, format);
            prop_assert_eq!(decoded(&mut warm, body, format), expected);
        }
    }
}
