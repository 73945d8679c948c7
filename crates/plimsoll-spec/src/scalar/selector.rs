use plimsoll_model::{MatchOp, Matcher, Selector};
use std::cell::RefCell;
use std::collections::HashSet;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

/// Bytes that a compiled pattern may take, so that no file can ask for a gigabyte.
const REGEX_BYTES_MAX: usize = 256 << 10;

/// A metric's name and conditions on its labels, as PromQL writes them:
/// `http_requests_total{job="auth",code=~"5.."}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorText(pub Selector);

/// Why a text isn't a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It doesn't begin with a metric's name.
    #[error("must begin with a metric's name, as http_requests_total{{job=\"auth\"}}")]
    Name,
    /// Something else stands where a label, an operator, a quote or an end has to.
    #[error("has {found} where {wanted} has to stand")]
    Syntax {
        /// What stands there.
        found: String,
        /// What has to.
        wanted: &'static str,
    },
    /// A pattern that isn't a regular expression.
    #[error("has a pattern for `{label}` that isn't a regular expression: {reason}")]
    Regex {
        /// The label.
        label: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FromStr for SelectorText {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut rest = text.trim().chars().peekable();
        let name = word(&mut rest, |character| character == ':');
        if name.is_empty() {
            return Err(SelectorError::Name);
        }
        let mut matchers = Vec::new();
        if take(&mut rest, '{') {
            while !take(&mut rest, '}') {
                matchers.push(matcher(&mut rest)?);
                if !take(&mut rest, ',') {
                    expect(&mut rest, '}', "`,` or `}`")?;
                    break;
                }
            }
        }
        skip_blanks(&mut rest);
        match rest.peek() {
            None => Ok(Self(Selector { name, matchers })),
            Some(_) => Err(syntax(&mut rest, "the end (a selector alone, no range or function)")),
        }
    }
}

fn matcher(rest: &mut Peekable<Chars<'_>>) -> Result<Matcher, SelectorError> {
    skip_blanks(rest);
    let label = word(rest, |_| false);
    if label.is_empty() {
        return Err(syntax(rest, "a label's name"));
    }
    let op = match (take(rest, '='), take(rest, '!')) {
        (true, false) if rest.next_if_eq(&'~').is_some() => MatchOp::Matches,
        (true, false) => MatchOp::Equal,
        (false, true) if rest.next_if_eq(&'~').is_some() => MatchOp::NotMatches,
        (false, true) if rest.next_if_eq(&'=').is_some() => MatchOp::NotEqual,
        _ => return Err(syntax(rest, "=, !=, =~ or !~")),
    };
    let value = quoted(rest)?;
    if matches!(op, MatchOp::Matches | MatchOp::NotMatches) {
        check_regex(&label, &value)?;
    }
    Ok(Matcher { label, op, value })
}

/// Reads a string in `"`, `'` or backticks, with the escapes that PromQL shares with Go.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, SelectorError> {
    skip_blanks(rest);
    let Some(quote) = rest.next_if(|character| matches!(character, '"' | '\'' | '`')) else {
        return Err(syntax(rest, "a value in quotes"));
    };
    let mut value = String::new();
    loop {
        match rest.next() {
            None => return Err(syntax(rest, "the closing quote")),
            Some(end) if end == quote => return Ok(value),
            Some('\\') if quote != '`' => value.push(match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(plain @ ('\\' | '"' | '\'')) => plain,
                Some(other) => {
                    let found = format!("`\\{other}`");
                    return Err(SelectorError::Syntax {
                        found,
                        wanted: "\\\\, \\\", \\n, \\r or \\t",
                    });
                }
                None => return Err(syntax(rest, "the closing quote")),
            }),
            Some(plain) => value.push(plain),
        }
    }
}

pub(crate) fn check_regex(label: &str, pattern: &str) -> Result<(), SelectorError> {
    if GOOD_PATTERNS.with_borrow(|good| good.contains(pattern)) {
        return Ok(());
    }
    let built =
        regex::RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_BYTES_MAX).build();
    built.map(drop).map_err(|error| SelectorError::Regex {
        label: label.to_owned(),
        // The library draws the pattern over several lines; its last line says what is wrong.
        reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })?;
    GOOD_PATTERNS.with_borrow_mut(|good| {
        if good.len() < GOOD_PATTERNS_MAX {
            good.insert(pattern.to_owned());
        }
    });
    Ok(())
}

/// How many patterns are remembered.
const GOOD_PATTERNS_MAX: usize = 1_000;

thread_local! {
    /// Patterns that were found good: thousands of SLOs share a few, and each takes a while.
    static GOOD_PATTERNS: RefCell<HashSet<String>> = RefCell::default();
}

fn word(rest: &mut Peekable<Chars<'_>>, also: fn(char) -> bool) -> String {
    let mut word = String::new();
    while let Some(next) = rest.next_if(|&character| {
        character.is_ascii_alphabetic()
            || character == '_'
            || also(character)
            || (!word.is_empty() && character.is_ascii_digit())
    }) {
        word.push(next);
    }
    word
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|character| character.is_whitespace()).is_some() {}
}

fn take(rest: &mut Peekable<Chars<'_>>, wanted: char) -> bool {
    skip_blanks(rest);
    rest.next_if_eq(&wanted).is_some()
}

fn expect(
    rest: &mut Peekable<Chars<'_>>,
    character: char,
    wanted: &'static str,
) -> Result<(), SelectorError> {
    if take(rest, character) { Ok(()) } else { Err(syntax(rest, wanted)) }
}

fn syntax(rest: &mut Peekable<Chars<'_>>, wanted: &'static str) -> SelectorError {
    let found = match rest.peek() {
        Some(character) => format!("`{character}`"),
        None => "the end".to_owned(),
    };
    SelectorError::Syntax { found, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Selector, SelectorError> {
        text.parse::<SelectorText>().map(|SelectorText(selector)| selector)
    }

    #[test]
    fn a_selector_is_read_and_written_alike() {
        for text in [
            "up",
            "job:errors:rate5m",
            r#"http_requests_total{job="auth",code=~"5..",path!="/health",method!~"HEAD|GET"}"#,
            r#"a{b="x\"y\\z\n"}"#,
        ] {
            assert_eq!(read(text).expect("valid").to_string(), text);
        }
        let spaced = read(" up { a = 'x' , b !~ `\\d` , } ").expect("valid");
        assert_eq!(spaced.to_string(), r#"up{a="x",b!~"\\d"}"#);
    }

    #[test]
    fn what_is_no_selector_is_refused_with_the_place_in_it() {
        for (text, message) in [
            ("", "must begin with a metric's name, as http_requests_total{job=\"auth\"}"),
            (
                "{__name__=\"up\"}",
                "must begin with a metric's name, as http_requests_total{job=\"auth\"}",
            ),
            (
                "rate(up[5m])",
                "has `(` where the end (a selector alone, no range or function) has to stand",
            ),
            (
                "up[5m]",
                "has `[` where the end (a selector alone, no range or function) has to stand",
            ),
            ("up{job=auth}", "has `a` where a value in quotes has to stand"),
            ("up{job=\"auth\"", "has the end where `,` or `}` has to stand"),
            ("up{job=\"auth}", "has the end where the closing quote has to stand"),
            ("up{job>\"1\"}", "has `>` where =, !=, =~ or !~ has to stand"),
            ("up{=\"1\"}", "has `=` where a label's name has to stand"),
            (
                "up{a=~\"(\"}",
                "has a pattern for `a` that isn't a regular expression: error: unclosed group",
            ),
        ] {
            assert_eq!(
                read(text).map_err(|error| error.to_string()),
                Err(message.into()),
                "{text}"
            );
        }
        assert!(read(r#"up{a=~"(x{1000}){1000}"}"#).is_err(), "a pattern of a gigabyte");
    }
}
