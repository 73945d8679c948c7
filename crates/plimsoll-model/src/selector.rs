use std::fmt;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends
    Matches,
    /// `!~`, anchored at both ends
    NotMatches,
}

/// One condition on a label; a label that isn't there has the value `""`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// How it compares.
    pub op: MatchOp,
    /// What it is compared with: text, or a regular expression for `=~` and `!~`.
    pub value: String,
}

/// A set of series by name and labels, as `http_requests_total{job="auth",code=~"5.."}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The metric's name.
    pub name: String,
    /// The conditions, all of which must hold.
    pub matchers: Vec<Matcher>,
}

impl Selector {
    /// Returns the same conditions on another metric, as `X_bucket` for the histogram `X`.
    pub fn renamed(&self, name: String) -> Self {
        Self { name, matchers: self.matchers.clone() }
    }
}

/// Writes the selector as PromQL.
impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)?;
        if self.matchers.is_empty() {
            return Ok(());
        }
        for (position, matcher) in self.matchers.iter().enumerate() {
            out.write_str(if position == 0 { "{" } else { "," })?;
            let op = match matcher.op {
                MatchOp::Equal => "=",
                MatchOp::NotEqual => "!=",
                MatchOp::Matches => "=~",
                MatchOp::NotMatches => "!~",
            };
            let value =
                matcher.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(out, "{}{op}\"{value}\"", matcher.label)?;
        }
        out.write_str("}")
    }
}
