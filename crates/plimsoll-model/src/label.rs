use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, OnceLock};

/// A label set: sorted by name, each name once, cheap to clone.
#[derive(Clone)]
pub struct Labels(Arc<Set>);

type Pairs = Box<[(Arc<str>, Arc<str>)]>;

struct Set {
    pairs: Pairs,
    /// As the text formats write it, once it was written.
    text: OnceLock<Box<str>>,
}

/// Why a label set was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// The name isn't `[a-zA-Z_][a-zA-Z0-9_]*`.
    Name(String),
    /// The name stands twice in one set.
    Twice(String),
}

impl fmt::Display for LabelError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(out, "label name {name:?} is not [a-zA-Z_][a-zA-Z0-9_]*"),
            Self::Twice(name) => write!(out, "label {name:?} is given twice"),
        }
    }
}

impl std::error::Error for LabelError {}

impl Labels {
    /// Builds a label set from pairs in any order.
    ///
    /// # Errors
    /// A name that Prometheus wouldn't accept, or one that is given twice.
    pub fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError>
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        pairs.sort();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !is_label_name(name)) {
            return Err(LabelError::Name(name.to_string()));
        }
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(LabelError::Twice(pair[0].0.to_string()));
        }
        Ok(Self::of(pairs.into()))
    }

    fn of(pairs: Pairs) -> Self {
        Self(Arc::new(Set { pairs, text: OnceLock::new() }))
    }

    /// Returns the set as the text formats write it, `{a="b",c="d"}`, or nothing for an empty one. It is
    /// kept as long as the set, so that what is exported again and again is written once.
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| self.to_string().into())
    }

    /// Returns the value of `name`, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let Set { pairs, .. } = &*self.0;
        pairs
            .binary_search_by(|(other, _)| (**other).cmp(name))
            .ok()
            .and_then(|at| pairs.get(at))
            .map(|(_, value)| &**value)
    }

    /// Iterates over names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns a set that also holds `name`; an existing value is replaced.
    ///
    /// # Errors
    /// A name that Prometheus wouldn't accept.
    pub fn with(&self, name: &str, value: &str) -> Result<Self, LabelError> {
        Self::new(
            self.iter().filter(|(other, _)| *other != name).chain(std::iter::once((name, value))),
        )
    }

    /// Returns the set of those names that `keep` accepts.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self::of(self.0.pairs.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// Returns how many labels there are.
    pub fn len(&self) -> usize {
        self.0.pairs.len()
    }

    /// Says whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.0.pairs.is_empty()
    }
}

impl Default for Labels {
    fn default() -> Self {
        static EMPTY: LazyLock<Labels> = LazyLock::new(|| Labels::of(Box::default()));
        EMPTY.clone()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.0.pairs == other.0.pairs
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.pairs.cmp(&other.0.pairs)
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.pairs.hash(state);
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Labels").field(&self.0.pairs).finish()
    }
}

fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Writes `{a="b",c="d"}` with Prometheus's escapes; nothing for an empty set.
impl fmt::Display for Labels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        for (position, (name, value)) in self.iter().enumerate() {
            out.write_str(if position == 0 { "{" } else { "," })?;
            out.write_str(name)?;
            out.write_str("=\"")?;
            let mut rest = value;
            // What needs no escape, which is nearly everything, is written at once.
            while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\\' | b'"' | b'\n'))
            {
                let (plain, from) = rest.split_at(at);
                out.write_str(plain)?;
                let (escaped, after) = from.split_at(1);
                out.write_str(match escaped {
                    "\\" => "\\\\",
                    "\"" => "\\\"",
                    _ => "\\n",
                })?;
                rest = after;
            }
            out.write_str(rest)?;
            out.write_str("\"")?;
        }
        out.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_escaped_and_free_of_doubles() {
        let labels = Labels::new([("b", "2\"\n\\"), ("a", "1")]).expect("valid");
        assert_eq!(labels.to_string(), r#"{a="1",b="2\"\n\\"}"#);
        assert_eq!((labels.text(), Labels::default().text()), (&*labels.to_string(), ""));
        assert_eq!(labels.get("a"), Some("1"));
        assert_eq!(labels.get("c"), None);
        assert_eq!(Labels::new([("a", "1"), ("a", "2")]), Err(LabelError::Twice("a".into())));
        assert_eq!(Labels::new([("1a", "1")]), Err(LabelError::Name("1a".into())));
    }
}
