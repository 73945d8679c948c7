use crate::scalar::check_regex;
use plimsoll_slo::Query;
use promql_parser::parser::{Expr, parse};

/// Bytes that an expression may have.
const BYTES_MAX: usize = 16 << 10;

/// Parentheses that an expression may nest, and parentheses and operators that it may have: both
/// bound the recursion over it.
const DEPTH_MAX: usize = 64;
const OPERATORS_MAX: usize = 256;

/// Characters of a pattern that a fault shows.
const PATTERN_SHOWN: usize = 40;

/// A range that nobody writes, which stands for the window's while the parser looks.
const STAND_IN: &str = "7y51w6d23h59m58s997ms";

/// Why an expression isn't read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PromqlError {
    #[error("isn't PromQL: {0}")]
    Syntax(String),
    #[error("has the pattern `{0}`, which is no regular expression, or one that is too large")]
    Pattern(String),
    #[error("is longer or deeper than an SLO needs: 16 KiB, 64 levels, 256 operators at most")]
    TooLarge,
    #[error(
        "isn't a sum of counters' increases, for `{part}`: {reason}; any PromQL can be asked of a \
         server with `sli: {{query: …}}` and `backend: prometheus`"
    )]
    NotLinear { part: String, reason: String },
}

/// Parses an expression in which `{{.window}}` may stand for a range.
pub(crate) fn parsed(text: &str) -> Result<Expr, PromqlError> {
    if text.len() > BYTES_MAX || !is_shallow(text) {
        return Err(PromqlError::TooLarge);
    }
    // The parser compiles patterns without such a bound.
    for pattern in patterns(text) {
        if check_regex("", &pattern).is_err() {
            return Err(PromqlError::Pattern(pattern.chars().take(PATTERN_SHOWN).collect()));
        }
    }
    let concrete = with_window(text, STAND_IN);
    parse(&concrete).map_err(|reason| PromqlError::Syntax(reason.replace(STAND_IN, Query::WINDOW)))
}

/// Puts `length` in place of `{{.window}}`, which may have blanks within.
pub(crate) fn with_window(text: &str, length: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        match after.split_once("}}") {
            Some((inner, after)) if inner.trim() == ".window" => {
                out.push_str(length);
                rest = after;
            }
            _ => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Says whether a range is the window's.
pub(crate) fn is_window(range: std::time::Duration) -> bool {
    STAND_IN.parse().is_ok_and(|crate::Length(stand_in)| stand_in == range)
}

/// Writes a part of an expression as it was given.
pub(crate) fn written(part: &Expr) -> String {
    let stand_in = STAND_IN.parse().map(|crate::Length(length)| length).unwrap_or_default();
    let shown = promql_parser::util::display_duration(&stand_in);
    part.to_string().replace(&shown, Query::WINDOW)
}

/// Returns what stands in quotes behind `=~` and `!~`.
fn patterns(text: &str) -> Vec<String> {
    let mut patterns = Vec::new();
    let (mut quote, mut before, mut pattern) = (None, ' ', String::new());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match quote {
            Some((open, is_pattern)) if open == character => {
                if is_pattern {
                    patterns.push(std::mem::take(&mut pattern));
                }
                (quote, before) = (None, character);
            }
            Some((open, _)) if open != '`' && character == '\\' => match characters.next() {
                Some(plain @ ('\\' | '"' | '\'')) => pattern.push(plain),
                // A line's end and the like, which a pattern writes the same way.
                other => pattern.extend(['\\'].into_iter().chain(other)),
            },
            Some(_) => pattern.push(character),
            None if matches!(character, '"' | '\'' | '`') => {
                pattern.clear();
                quote = Some((character, before == '~'));
            }
            None if character.is_whitespace() => {}
            None => before = character,
        }
    }
    patterns
}

/// Says whether the parser's tree can be walked: it is no deeper than what is counted here.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut deepest, mut operators) = (0_usize, 0, 0);
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('"' | '\''), '\\') => drop(characters.next()),
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '(') => (depth, operators) = (depth + 1, operators + 1),
            (None, ')') => depth = depth.saturating_sub(1),
            (None, '+' | '-' | '*' | '/' | '%' | '^' | '=' | '<' | '>') => operators += 1,
            (None, _) => {}
        }
        deepest = deepest.max(depth);
    }
    let words = text.split_whitespace().filter(|word| matches!(*word, "or" | "and" | "unless"));
    deepest <= DEPTH_MAX && operators + words.count() <= OPERATORS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_put_in_and_taken_out() {
        assert_eq!(with_window("x[{{.window}}] {{ .window }} {{y", "5m"), "x[5m] 5m {{y");
        let shown = parsed("sum(rate(x[{{ .window }}]))").map(|whole| written(&whole));
        assert_eq!(shown, Ok("sum(rate(x[{{.window}}]))".to_owned()));
    }

    #[test]
    fn patterns_are_found() {
        let found = patterns(r#"a{b=~"x\\(.*",c!~ 'y"\'',d="=~"} + e{f=~`z\d`}"#);
        assert_eq!(found, [r"x\(.*", "y\"'", r"z\d"]);
        assert!(parsed(r#"sum(a{b=~"x\\(y\\)"})"#).is_ok());
        assert!(parsed("a{b=~\"(x{1000}){1000}\"}").is_err());
    }

    #[test]
    fn a_hostile_expression_is_refused_unparsed() {
        for text in ["(".repeat(100), "-".repeat(300), "x or ".repeat(300), "x".repeat(20_000)] {
            assert_eq!(parsed(&text).err(), Some(PromqlError::TooLarge), "{:.9}", text);
        }
        assert!(matches!(parsed("sum("), Err(PromqlError::Syntax(_))));
        assert!(parsed("x{a=\"((((((-----\"}").is_ok(), "a quoted text is one");
    }
}
