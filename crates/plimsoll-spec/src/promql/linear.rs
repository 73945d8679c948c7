use super::fraction::Fraction;
use super::text::{PromqlError, is_window, parsed, written};
use crate::scalar::check_regex;
use plimsoll_model::{MatchOp, Matcher, Selector};
use plimsoll_slo::{Linear, Term};
use promql_parser::label::{self, METRIC_NAME};
use promql_parser::parser::token::{T_ADD, T_DIV, T_LOR, T_MUL, T_SUB, T_SUM};
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, MatrixSelector, VectorSelector,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// A sum of counters, as an expression gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sum {
    /// The counters with their factors.
    pub(crate) linear: Linear,
    /// The labels that it is grouped by.
    pub(crate) by: Vec<String>,
    /// What it counts; `None` for an expression without any counter.
    pub(crate) range: Option<Range>,
}

/// What an expression counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// The counters themselves, without a function.
    Counter,
    /// `increase` or, if the flag is set, `rate` over the window.
    Window(bool),
    /// The same over a length of the expression's own.
    Fixed(Duration, bool),
}

/// Reads an expression as a sum of counters.
///
/// # Errors
/// The part that isn't linear in counters' increases, and why.
pub(crate) fn linear(text: &str) -> Result<Sum, PromqlError> {
    let whole = parsed(text)?;
    let Value::Vector(vector) = walk(&whole)? else {
        return Err(refused(&whole, "is a number, not a counter"));
    };
    let mut terms: Vec<(Fraction, Selector)> = Vec::new();
    for (factor, selector) in vector.terms {
        match terms.iter_mut().find(|(_, known)| *known == selector) {
            Some((sum, _)) => *sum = sum.plus(factor).ok_or_else(|| immoderate(&whole))?,
            None => terms.push((factor, selector)),
        }
    }
    terms.retain(|(factor, _)| !factor.is_zero());
    let linear = whole_numbers(terms).ok_or_else(|| immoderate(&whole))?;
    let by = match vector.grouping {
        Grouping::By(labels) => labels.into_iter().collect(),
        Grouping::Series | Grouping::Any => Vec::new(),
    };
    Ok(Sum { linear, by, range: vector.range })
}

/// Makes a sum of which a moderate number of units is one event; `None` if none is.
fn whole_numbers(terms: Vec<(Fraction, Selector)>) -> Option<Linear> {
    terms.iter().try_fold(1, |common, (factor, _)| factor.common_denominator(common))?;
    let term =
        |(factor, selector): (Fraction, Selector)| Some(Term { factor: factor.ratio()?, selector });
    terms.into_iter().map(term).collect::<Option<_>>().map(Linear)
}

/// What a part of an expression is.
enum Value {
    Scalar(Fraction),
    Vector(Vector),
}

struct Vector {
    terms: Vec<(Fraction, Selector)>,
    range: Option<Range>,
    grouping: Grouping,
}

/// Which series a vector has.
#[derive(Clone, PartialEq)]
enum Grouping {
    /// Those of the selector.
    Series,
    /// One for each set of those labels.
    By(BTreeSet<String>),
    /// Whatever it is added to has: it is zero.
    Any,
}

fn walk(part: &Expr) -> Result<Value, PromqlError> {
    match part {
        Expr::Paren(inner) => walk(&inner.expr),
        Expr::NumberLiteral(number) => {
            Fraction::of(number.val).map(Value::Scalar).ok_or_else(|| immoderate(part))
        }
        Expr::Unary(inner) => Ok(match walk(&inner.expr)? {
            Value::Scalar(number) => Value::Scalar(number.negated()),
            Value::Vector(vector) => Value::Vector(vector.negated()),
        }),
        Expr::Binary(binary) => walk_binary(part, binary),
        Expr::Aggregate(aggregate) => walk_aggregate(part, aggregate),
        Expr::Call(call) => walk_call(part, call),
        Expr::VectorSelector(selected) => Ok(Value::Vector(Vector {
            terms: vec![(Fraction::ONE, selector(part, selected)?)],
            range: Some(Range::Counter),
            grouping: Grouping::Series,
        })),
        Expr::MatrixSelector(_) => Err(refused(part, "needs rate() or increase() around it")),
        Expr::Subquery(_) => Err(refused(part, "is a subquery")),
        Expr::StringLiteral(_) | Expr::Extension(_) => Err(refused(part, "is no counter")),
    }
}

fn walk_binary(part: &Expr, binary: &BinaryExpr) -> Result<Value, PromqlError> {
    let (left, right) = (walk(&binary.lhs)?, walk(&binary.rhs)?);
    let op = binary.op.id();
    if op == T_LOR {
        return match (left, right) {
            // What isn't there counts zero anyway.
            (Value::Vector(left), Value::Vector(right)) if right.is_zero() => {
                Ok(Value::Vector(left))
            }
            _ => Err(refused(part, "is a choice, and only `or vector(0)` makes no difference")),
        };
    }
    let immoderate = || immoderate(part);
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Ok(Value::Scalar(
            match op {
                T_ADD => left.plus(right),
                T_SUB => left.plus(right.negated()),
                T_MUL => left.times(right),
                T_DIV => left.over(right),
                _ => return Err(refused(part, "is no +, -, * or /")),
            }
            .ok_or_else(immoderate)?,
        )),
        (Value::Vector(vector), Value::Scalar(factor))
        | (Value::Scalar(factor), Value::Vector(vector))
            if op == T_MUL =>
        {
            vector.times(factor).map(Value::Vector).ok_or_else(immoderate)
        }
        (Value::Vector(vector), Value::Scalar(divisor)) if op == T_DIV => {
            let factor = Fraction::ONE.over(divisor).ok_or_else(immoderate)?;
            vector.times(factor).map(Value::Vector).ok_or_else(immoderate)
        }
        (Value::Vector(left), Value::Vector(right)) if op == T_ADD || op == T_SUB => {
            if binary.modifier.as_ref().is_some_and(|modifier| modifier.matching.is_some()) {
                return Err(refused(
                    part,
                    "matches series by hand: sum each side by the same labels",
                ));
            }
            let right = if op == T_SUB { right.negated() } else { right };
            left.plus(right, part).map(Value::Vector)
        }
        _ => Err(refused(part, "is no sum of counters, and no counter times a number")),
    }
}

fn walk_aggregate(part: &Expr, aggregate: &AggregateExpr) -> Result<Value, PromqlError> {
    if aggregate.op.id() != T_SUM {
        return Err(refused(part, "aggregates otherwise than by sum"));
    }
    let by: BTreeSet<String> = match &aggregate.modifier {
        None => BTreeSet::new(),
        Some(LabelModifier::Include(labels)) => labels.labels.iter().cloned().collect(),
        Some(LabelModifier::Exclude(_)) => {
            return Err(refused(part, "says which labels go: say with `by` which stay"));
        }
    };
    let Value::Vector(inner) = walk(&aggregate.expr)? else {
        return Err(refused(part, "is the sum of a number"));
    };
    if let Grouping::By(kept) = &inner.grouping
        && !by.is_subset(kept)
    {
        return Err(refused(part, "groups by a label that the sum within it has dropped"));
    }
    Ok(Value::Vector(Vector { grouping: Grouping::By(by), ..inner }))
}

fn walk_call(part: &Expr, call: &Call) -> Result<Value, PromqlError> {
    let is_rate = match (call.func.name, call.args.args.first().map(|argument| &**argument)) {
        ("rate", _) => true,
        ("increase", _) => false,
        ("vector", Some(Expr::NumberLiteral(number))) if number.val == 0.0 => {
            let zero = Vector { terms: Vec::new(), range: None, grouping: Grouping::Any };
            return Ok(Value::Vector(zero));
        }
        _ => return Err(refused(part, "is neither rate() nor increase() of a counter")),
    };
    let Some(Expr::MatrixSelector(MatrixSelector { vs, range })) =
        call.args.args.first().map(|argument| &**argument)
    else {
        return Err(refused(part, "takes something else than a counter and a range"));
    };
    let range =
        if is_window(*range) { Range::Window(is_rate) } else { Range::Fixed(*range, is_rate) };
    Ok(Value::Vector(Vector {
        terms: vec![(Fraction::ONE, selector(part, vs)?)],
        range: Some(range),
        grouping: Grouping::Series,
    }))
}

impl Vector {
    fn is_zero(&self) -> bool {
        self.terms.iter().all(|(factor, _)| factor.is_zero())
    }

    fn negated(self) -> Self {
        let terms = self.terms.into_iter().map(|(factor, of)| (factor.negated(), of));
        Self { terms: terms.collect(), ..self }
    }

    fn times(self, by: Fraction) -> Option<Self> {
        let terms = self.terms.into_iter().map(|(factor, of)| Some((factor.times(by)?, of)));
        Some(Self { terms: terms.collect::<Option<_>>()?, ..self })
    }

    fn plus(mut self, other: Self, part: &Expr) -> Result<Self, PromqlError> {
        let grouping = match (self.grouping, other.grouping) {
            (Grouping::Any, grouping) | (grouping, Grouping::Any) => grouping,
            // Counters as they are name no grouping at all; functions of them keep every label.
            (Grouping::Series, _) | (_, Grouping::Series) if self.range != Some(Range::Counter) => {
                return Err(refused(part, "adds series one by one: take the sum() of each side"));
            }
            (left, right) if left != right => {
                return Err(refused(part, "adds sums that are grouped by different labels"));
            }
            (left, _) => left,
        };
        let range = self.range.or(other.range);
        if other.range.is_some_and(|other| Some(other) != range) {
            return Err(refused(part, "mixes rates, increases or ranges of different length"));
        }
        self.terms.extend(other.terms);
        Ok(Self { terms: self.terms, range, grouping })
    }
}

fn selector(part: &Expr, selected: &VectorSelector) -> Result<Selector, PromqlError> {
    if selected.offset.is_some() || selected.at.is_some() {
        return Err(refused(part, "looks at another time, by offset or @"));
    }
    if !selected.matchers.or_matchers.is_empty() {
        return Err(refused(part, "chooses with `or` between labels: write one counter for each"));
    }
    let mut name = selected.name.clone();
    let mut matchers = Vec::new();
    for matcher in &selected.matchers.matchers {
        let op = match matcher.op {
            label::MatchOp::Equal => MatchOp::Equal,
            label::MatchOp::NotEqual => MatchOp::NotEqual,
            label::MatchOp::Re(_) => MatchOp::Matches,
            label::MatchOp::NotRe(_) => MatchOp::NotMatches,
        };
        if matcher.name == METRIC_NAME {
            if op != MatchOp::Equal || name.replace(matcher.value.clone()).is_some() {
                return Err(refused(part, "needs one metric's name, not a pattern of names"));
            }
            continue;
        }
        if matches!(op, MatchOp::Matches | MatchOp::NotMatches) {
            check_regex(&matcher.name, &matcher.value)
                .map_err(|error| refused(part, &error.to_string()))?;
        }
        let (label, value) = (matcher.name.clone(), matcher.value.clone());
        matchers.push(Matcher { label, op, value });
    }
    match name {
        Some(name) => Ok(Selector { name, matchers }),
        None => Err(refused(part, "needs a metric's name")),
    }
}

fn refused(part: &Expr, reason: &str) -> PromqlError {
    PromqlError::NotLinear { part: written(part), reason: reason.to_owned() }
}

fn immoderate(part: &Expr) -> PromqlError {
    refused(part, "has a factor that is no fraction of moderate whole numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(text: &str) -> (String, String, Option<Range>) {
        let Sum { linear, by, range } =
            linear(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (linear.to_string(), by.join(","), range)
    }

    #[test]
    fn what_is_linear_becomes_counters_with_factors() {
        let window = Some(Range::Window(true));
        for (text, terms, by) in [
            ("sum(rate(a[{{.window}}]))", "a", ""),
            ("(sum(rate(a{c=~\"5..\"}[{{.window}}]) or vector(0)))", "a{c=~\"5..\"}", ""),
            ("sum(rate(a[{{.window}}])) or vector(0)", "a", ""),
            ("sum(rate(a[{{.window}}])) or 0 * sum(rate(b[{{.window}}]))", "a", ""),
            ("sum(rate(a[{{.window}}])) - sum(rate(b[{{.window}}]))", "a - b", ""),
            (
                "-2 * (sum(rate(a[{{.window}}])) - sum(rate(b[{{.window}}])) / 4)",
                "-2 * a + 1/2 * b",
                "",
            ),
            ("sum by (r, q) (rate(a[{{.window}}]) * 0.1)", "1/10 * a", "q,r"),
            ("sum by (q) (sum by (q, r) (rate(a[{{.window}}])))", "a", "q"),
            ("sum(rate(a[{{.window}}])) + sum(rate(a[{{.window}}]))", "2 * a", ""),
            (
                "sum(rate(l_count[{{.window}}])) - sum(rate(l_bucket{le=\"0.5\"}[{{.window}}]))",
                "l_count - l_bucket{le=\"0.5\"}",
                "",
            ),
            ("sum(rate({__name__=\"a\",b!=\"c\"}[{{.window}}]))", "a{b!=\"c\"}", ""),
        ] {
            assert_eq!(sum(text), (terms.into(), by.into(), window), "{text}");
        }
        assert_eq!(sum("a_total - 60 * 5 * b_total").0, "a_total - 300 * b_total");
        assert_eq!(
            sum("sum(increase(a[5m]))").2,
            Some(Range::Fixed(Duration::from_secs(300), false))
        );
        assert_eq!(sum("vector(0)"), (String::new(), String::new(), None));
    }

    #[test]
    fn what_is_not_linear_is_refused_with_its_part() {
        for (text, part, reason) in [
            ("sum(irate(a[1m]))", "irate(a[1m])", "neither rate"),
            ("histogram_quantile(0.9, sum(rate(a[1m])))", "histogram_quantile(", "neither rate"),
            ("max(rate(a[1m]))", "max(rate(a[1m]))", "otherwise than by sum"),
            ("sum without (x) (rate(a[1m]))", "sum without (x)", "say with `by`"),
            ("1 - sum(rate(a[1m]))", "1 - sum(rate(a[1m]))", "no sum of counters"),
            ("sum(rate(a[1m])) / sum(rate(b[1m]))", "sum(rate(a[1m])) / sum", "no sum of counters"),
            ("sum(rate(a[1m])) > 5", "sum(rate(a[1m])) > 5", "no sum of counters"),
            ("sum(rate(a[1m] offset 1h))", "rate(a[1m] offset 1h)", "another time"),
            ("sum(rate(a[1m]) + rate(b[1m]))", "rate(a[1m]) + rate(b[1m])", "one by one"),
            ("sum(rate(a[1m])) + on(x) sum(rate(b[1m]))", "sum(rate(a[1m])) + on", "by hand"),
            ("sum(rate(a[1m])) + sum(increase(b[1m]))", "sum(rate(a[1m])) + sum", "mixes"),
            ("sum(rate(a[1m])) + sum(rate(b[5m]))", "sum(rate(a[1m])) + sum", "mixes"),
            ("sum by (x) (rate(a[1m])) + sum(rate(b[1m]))", "sum by (x)", "different labels"),
            ("sum by (y) (sum by (x) (rate(a[1m])))", "sum by (y)", "has dropped"),
            ("sum(rate(a[1m])) or sum(rate(b[1m]))", "sum(rate(a[1m])) or", "a choice"),
            ("sum(rate({__name__=~\"a|b\"}[1m]))", "rate({", "one metric's name"),
            ("sum(rate(a[5m:1m]))", "rate(a[5m:1m])", "something else than a counter"),
            ("a[5m]", "a[5m]", "needs rate()"),
            ("5", "5", "is a number"),
            ("a / 0", "a / 0", "moderate"),
            ("a * 0.123456789", "0.123456789", "moderate"),
        ] {
            match linear(text) {
                Err(PromqlError::NotLinear { part: named, reason: said }) => {
                    assert!(named.starts_with(part), "{text}: named {named}");
                    assert!(said.contains(reason), "{text}: said {said}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
