//! What is wrong with a PromQL expression, held against the catalog.

use plimsoll_model::{FamilyKind, Signal, catalog};
use promql_parser::parser::token::{T_DIV, T_GTR, T_LOR};
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorSelector,
};
use std::collections::BTreeSet;

/// Labels that a target gives every series, whoever exposes it.
const TARGET_LABELS: [&str; 4] = ["job", "instance", "service", "region"];

/// Functions that a counter makes sense in; all others read it as if it were a level.
const RATES: [&str; 5] = ["rate", "irate", "increase", "resets", "absent_over_time"];

/// Returns what is wrong with `expr`, in the order of its text. `recorded` are the names that
/// recording rules store.
pub(super) fn faults(expr: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let parsed = match parser::parse(expr) {
        Ok(parsed) => parsed,
        Err(reason) => return vec![format!("isn't PromQL: {reason}")],
    };
    let mut walk = Walk { recorded, faults: Vec::new() };
    walk.expression(&parsed, &Context::default());
    walk.faults
}

/// Returns every name that `expr` selects; none when it isn't PromQL.
pub(super) fn selectors(expr: &str) -> Vec<VectorSelector> {
    let mut found = Vec::new();
    if let Ok(parsed) = parser::parse(expr) {
        collect(&parsed, &mut found);
    }
    found
}

/// What stands around an expression.
#[derive(Clone, Default)]
struct Context {
    /// The function whose argument it is.
    function: Option<&'static str>,
    /// Whether a comparison drops what isn't a number.
    is_filtered: bool,
}

struct Walk<'a> {
    recorded: &'a BTreeSet<String>,
    faults: Vec<String>,
}

impl Walk<'_> {
    fn expression(&mut self, expr: &Expr, around: &Context) {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector, None),
            Expr::MatrixSelector(range) => self.selector(&range.vs, Some(around)),
            Expr::Call(call) => self.call(call, around),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, around),
            Expr::Paren(paren) => self.expression(&paren.expr, around),
            Expr::Unary(unary) => self.expression(&unary.expr, around),
            Expr::Subquery(subquery) => self.expression(&subquery.expr, around),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn selector(&mut self, selector: &VectorSelector, range: Option<&Context>) {
        let Some(name) = &selector.name else {
            return self.faults.push(format!("{selector} names no metric"));
        };
        if self.recorded.contains(name) {
            return;
        }
        let Some(sample) = Sample::find(name) else {
            return self.faults.push(format!("{name} isn't in the catalog"));
        };
        let function = range.and_then(|around| around.function);
        let is_rated = function.is_some_and(|function| RATES.contains(&function));
        if sample.is_cumulative && !is_rated {
            self.faults.push(format!("{name} only adds up: take its rate"));
        }
        if !sample.is_cumulative && is_rated && function != Some("absent_over_time") {
            self.faults.push(format!("{name} goes up and down: it has no rate"));
        }
        for matcher in &selector.matchers.matchers {
            if !sample.has_label(&matcher.name) {
                self.faults.push(format!("{name} has no label {}", matcher.name));
            }
        }
    }

    fn call(&mut self, call: &Call, around: &Context) {
        if call.func.name == "histogram_quantile" && !around.is_filtered {
            self.faults.push("the quantile of an idle histogram is NaN: compare it".into());
        }
        let inside = Context { function: Some(call.func.name), ..around.clone() };
        for argument in &call.args.args {
            self.expression(argument, &inside);
        }
    }

    fn binary(&mut self, binary: &BinaryExpr) {
        if binary.op.id() == T_DIV && !is_positive(&binary.rhs) {
            self.faults.push(format!("divides by {}, which may be zero", binary.rhs));
        }
        if binary.op.id() == T_LOR && is_call_of(&binary.rhs, "vector") {
            self.faults.push("`or vector()` makes a number of what isn't known".into());
        }
        let inside =
            Context { is_filtered: binary.op.is_comparison_operator(), ..Context::default() };
        self.expression(&binary.lhs, &inside);
        self.expression(&binary.rhs, &inside);
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr, around: &Context) {
        let mut inner = Vec::new();
        collect(&aggregate.expr, &mut inner);
        let samples: Option<Vec<Sample>> =
            inner.iter().map(|selector| Sample::find(selector.name.as_deref()?)).collect();
        if let (Some(samples), Some(LabelModifier::Include(by))) = (samples, &aggregate.modifier) {
            for label in &by.labels {
                if !samples.iter().any(|sample| sample.has_label(label)) {
                    self.faults.push(format!("nothing inside has the label {label}"));
                }
            }
        }
        self.expression(&aggregate.expr, around);
    }
}

fn collect(expr: &Expr, found: &mut Vec<VectorSelector>) {
    match expr {
        Expr::VectorSelector(selector) => found.push(selector.clone()),
        Expr::MatrixSelector(range) => found.push(range.vs.clone()),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, found)),
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, found),
        Expr::Paren(paren) => collect(&paren.expr, found),
        Expr::Unary(unary) => collect(&unary.expr, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn is_positive(divisor: &Expr) -> bool {
    match divisor {
        Expr::Paren(paren) => is_positive(&paren.expr),
        Expr::Binary(binary) => binary.op.id() == T_GTR,
        Expr::NumberLiteral(number) => number.val > 0.0,
        _ => false,
    }
}

fn is_call_of(expr: &Expr, function: &str) -> bool {
    match expr {
        Expr::Paren(paren) => is_call_of(&paren.expr, function),
        Expr::Call(call) => call.func.name == function,
        _ => false,
    }
}

/// What the catalog knows of one exposed name.
struct Sample {
    signal: &'static Signal,
    is_cumulative: bool,
    is_bucket: bool,
}

impl Sample {
    fn find(name: &str) -> Option<Self> {
        let signals = catalog::ALL.iter().copied().chain([&catalog::UP, &catalog::ALERTS]);
        signals.into_iter().find_map(|signal| {
            signal.families().iter().find_map(|(family, kind, _)| {
                let suffix = name.strip_prefix(family.as_str())?;
                let (is_cumulative, is_bucket) = match (kind, suffix) {
                    (FamilyKind::Counter, "_total") => (true, false),
                    (FamilyKind::Histogram, "_bucket") => (true, true),
                    (FamilyKind::Histogram, "_sum" | "_count") => (true, false),
                    (FamilyKind::Gauge, "") => (false, false),
                    _ => return None,
                };
                Some(Self { signal, is_cumulative, is_bucket })
            })
        })
    }

    fn has_label(&self, label: &str) -> bool {
        self.signal.labels.contains(&label)
            || TARGET_LABELS.contains(&label)
            || (label == "le" && self.is_bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_fault(expr: &str) -> String {
        let recorded = BTreeSet::from(["job:known:rate5m".to_owned()]);
        faults(expr, &recorded).join("; ")
    }

    #[test]
    fn a_sound_expression_has_no_fault() {
        for expr in [
            "rate(concurrency_backpressure_total[5m]) > 0",
            "job:known:rate5m > 0.1",
            "histogram_quantile(0.99, sum by (job, le, lock) \
             (rate(concurrency_lock_wait_seconds_bucket[5m]))) >= 0",
            "sum(concurrency_queue_depth) / (sum(concurrency_queue_depth_limit) > 0)",
            "max by (job) (up) == 0 or absent(up)",
        ] {
            assert_eq!(only_fault(expr), "", "{expr}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        for (expr, fault) in [
            ("rate(concurrency_backpressure[5m])", "concurrency_backpressure isn't in the catalog"),
            ("job:unknown:rate5m", "job:unknown:rate5m isn't in the catalog"),
            (
                "concurrency_backpressure_total > 0",
                "concurrency_backpressure_total only adds up: take its rate",
            ),
            (
                "rate(concurrency_queue_depth[5m])",
                "concurrency_queue_depth goes up and down: it has no rate",
            ),
            (r#"concurrency_queue_depth{pool="db"}"#, "concurrency_queue_depth has no label pool"),
            ("sum by (lock) (concurrency_queue_depth)", "nothing inside has the label lock"),
            (
                "concurrency_queue_depth / concurrency_queue_depth_limit",
                "divides by concurrency_queue_depth_limit, which may be zero",
            ),
            (
                "concurrency_queue_depth or vector(0)",
                "`or vector()` makes a number of what isn't known",
            ),
            (
                "histogram_quantile(0.5, rate(concurrency_lock_wait_seconds_bucket[5m]))",
                "the quantile of an idle histogram is NaN: compare it",
            ),
        ] {
            assert_eq!(only_fault(expr), fault, "{expr}");
        }
        assert!(only_fault("sum(").starts_with("isn't PromQL"));
    }
}
