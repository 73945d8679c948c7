use super::text::{PromqlError, parsed, with_window};
use plimsoll_slo::{Query, QueryUnit};
use promql_parser::parser::Expr;
use promql_parser::util::{ExprVisitor, walk_expr};
use std::convert::Infallible;
use std::str::FromStr;

/// A query of which the window is left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryText(pub(crate) Query);

/// Why a text isn't such a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryTextError {
    #[error(transparent)]
    Promql(#[from] PromqlError),
    #[error("has no {{{{.window}}}}: write it where the range stands, as x_total[{{{{.window}}}}]")]
    NoWindow,
}

impl FromStr for QueryText {
    type Err = QueryTextError;

    fn from_str(text: &str) -> Result<Self, QueryTextError> {
        parsed(text)?;
        let query = with_window(text, Query::WINDOW);
        if query.contains(Query::WINDOW) {
            Ok(Self(Query(query)))
        } else {
            Err(QueryTextError::NoWindow)
        }
    }
}

/// Returns what queries count in: by the second if one of them uses `rate`; `None` if others use
/// `increase`.
pub(crate) fn unit_of(queries: &[&Query]) -> Option<QueryUnit> {
    let mut functions = Functions::default();
    for whole in queries.iter().filter_map(|query| parsed(&query.0).ok()) {
        let Ok(_) = walk_expr(&mut functions, &whole);
    }
    match functions {
        Functions { rate: true, increase: true } => None,
        Functions { rate: true, .. } => Some(QueryUnit::EventsPerSecond),
        Functions { .. } => Some(QueryUnit::Events),
    }
}

#[derive(Default)]
struct Functions {
    rate: bool,
    increase: bool,
}

impl ExprVisitor for Functions {
    type Error = Infallible;

    fn pre_visit(&mut self, part: &Expr) -> Result<bool, Infallible> {
        if let Expr::Call(call) = part {
            self.rate |= matches!(call.func.name, "rate" | "irate");
            self.increase |= call.func.name == "increase";
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_it_counts_in() {
        let query = |text: &str| text.parse::<QueryText>().map(|QueryText(query)| query);
        let rate = query("sum(rate(a[{{ .window }}]))").expect("a query");
        assert_eq!(rate.over(std::time::Duration::from_secs(5_400)), "sum(rate(a[1h30m]))");
        let increase = query("sum(increase(a[{{.window}}]))").expect("a query");
        assert_eq!(unit_of(&[&rate, &rate]), Some(QueryUnit::EventsPerSecond));
        assert_eq!(unit_of(&[&increase]), Some(QueryUnit::Events));
        assert_eq!(unit_of(&[&rate, &increase]), None);
        assert_eq!(query("sum(rate(a[5m]))"), Err(QueryTextError::NoWindow));
        assert!(query("sum(").is_err());
    }
}
