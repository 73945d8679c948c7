//! Holds expressions against the catalog.

use plimsoll_model::{FamilyKind, Signal, catalog};
use promql_parser::parser::{self, Expr, VectorSelector};

/// The prefix of the service that pages about catalogs of one's own speak of.
const EXAMPLE: &str = "shop_";

/// What the labels of a target and of a histogram's buckets are called.
const ANY_LABEL: [&str; 3] = ["job", "instance", "le"];

/// Says so if a page's table names a series that nothing exports.
pub(crate) fn unknown_series(name: &str) -> Option<String> {
    let is_known = name.starts_with(EXAMPLE) || catalog::find_family(name).is_some();
    (!is_known).then(|| format!("`{name}` isn't in the catalog"))
}

/// Says whether a sample is one of the series in a page's own table.
pub(crate) fn is_exported_by(sample: &str, series: &[String]) -> bool {
    sample.starts_with(EXAMPLE)
        && series.iter().any(|name| {
            sample
                .strip_prefix(name.as_str())
                .is_some_and(|suffix| ["", "_bucket", "_count", "_sum"].contains(&suffix))
        })
}

/// Returns what is wrong with an expression.
pub(crate) fn faults(expression: &str, is_own: impl Fn(&str) -> bool) -> Vec<String> {
    let parsed = match parser::parse(expression) {
        Ok(parsed) => parsed,
        Err(reason) => return vec![format!("`{expression}` isn't PromQL: {reason}")],
    };
    let mut selectors = Vec::new();
    collect(&parsed, false, &mut selectors);
    selectors
        .iter()
        .filter_map(|(selector, is_rated)| {
            let name = selector.name.as_deref().unwrap_or_default();
            if is_own(name) {
                return None;
            }
            selector_fault(name, selector, *is_rated)
        })
        .map(|fault| format!("`{expression}`: {fault}"))
        .collect()
}

fn selector_fault(name: &str, selector: &VectorSelector, is_rated: bool) -> Option<String> {
    let Some((signal, is_cumulative)) = exported(name) else {
        return Some(format!("{name} isn't exported"));
    };
    if is_cumulative != is_rated {
        return Some(format!(
            "{name} is {} rate",
            if is_rated { "no counter: no" } else { "read by its" }
        ));
    }
    let has = |label: &str| signal.labels.contains(&label) || ANY_LABEL.contains(&label);
    let unknown = selector.matchers.matchers.iter().find(|matcher| !has(&matcher.name));
    unknown.map(|matcher| format!("{name} has no label {}", matcher.name))
}

/// Finds what exports a sample, and says whether it only adds up.
fn exported(sample: &str) -> Option<(&'static Signal, bool)> {
    catalog::ALL.iter().copied().find_map(|signal| {
        signal.families().iter().find_map(|(family, kind, _)| {
            let suffixes: &[&str] = match kind {
                FamilyKind::Counter => &["_total"],
                FamilyKind::Histogram => &["_bucket", "_count", "_sum"],
                FamilyKind::Gauge => &[""],
            };
            let is_it = suffixes.iter().any(|suffix| format!("{family}{suffix}") == sample);
            is_it.then_some((signal, *kind != FamilyKind::Gauge))
        })
    })
}

/// Collects the selectors, and whether a rate is taken of each.
fn collect(expr: &Expr, is_rated: bool, found: &mut Vec<(VectorSelector, bool)>) {
    match expr {
        Expr::VectorSelector(selector) => found.push((selector.clone(), is_rated)),
        Expr::MatrixSelector(range) => found.push((range.vs.clone(), is_rated)),
        Expr::Call(call) => {
            let is_rate = ["rate", "irate", "increase"].contains(&call.func.name);
            call.args.args.iter().for_each(|argument| collect(argument, is_rate, found));
        }
        Expr::Binary(binary) => {
            collect(&binary.lhs, false, found);
            collect(&binary.rhs, false, found);
        }
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, is_rated, found),
        Expr::Paren(paren) => collect(&paren.expr, is_rated, found),
        Expr::Unary(unary) => collect(&unary.expr, is_rated, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, is_rated, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

#[test]
fn each_fault_is_found() {
    for (expression, fault) in [
        ("sum(", "isn't PromQL"),
        ("concurrency_queue_dept", "concurrency_queue_dept isn't exported"),
        ("concurrency_backpressure_total", "is read by its rate"),
        ("rate(concurrency_queue_depth[5m])", "is no counter: no rate"),
        (r#"concurrency_queue_depth{lock="a"}"#, "has no label lock"),
        ("shop_carts", "shop_carts isn't exported"),
    ] {
        let found = faults(expression, |_| false).join("; ");
        assert!(found.contains(fault), "{expression}: {found:?} lacks {fault:?}");
    }
    assert!(is_exported_by("shop_age_seconds_bucket", &["shop_age_seconds".to_owned()]));
    assert_eq!(
        unknown_series("concurrency_x").as_deref(),
        Some("`concurrency_x` isn't in the catalog")
    );
}
