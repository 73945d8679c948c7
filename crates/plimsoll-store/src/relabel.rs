//! Rules by which label sets are kept, dropped and renamed, as Prometheus's `relabel_config` does.

use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The label that stands for a series' name while it is relabelled.
pub(crate) const NAME: &str = "__name__";

/// Bytes that a compiled pattern may take, so that no configuration can ask for a gigabyte.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A label set that is being relabelled. An empty value is the same as no such label.
pub type LabelMap = BTreeMap<String, String>;

/// One rule: what it looks at, and what it does when that matches.
#[derive(Clone, Debug)]
pub struct RelabelRule {
    source: Vec<String>,
    separator: String,
    pattern: Regex,
    action: RelabelAction,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelabelAction {
    /// Drops label sets whose source doesn't match.
    Keep,
    /// Drops label sets whose source matches.
    Drop,
    /// Sets `target` to `replacement`, both with the groups of the match, where the source matches.
    Replace {
        /// The label that is set; removed by an empty replacement.
        target: String,
        /// Its value.
        replacement: String,
    },
    /// Copies each label whose name matches to the name that `replacement` gives.
    LabelMap {
        /// The new name.
        replacement: String,
    },
    /// Removes the labels whose names match.
    LabelDrop,
    /// Removes the labels whose names don't match.
    LabelKeep,
}

impl RelabelRule {
    /// Makes a rule; the pattern is anchored at both ends, and `.` is any character.
    ///
    /// # Errors
    /// The pattern is no regular expression, or a huge one.
    pub fn new(
        source: Vec<String>,
        separator: String,
        pattern: &str,
        action: RelabelAction,
    ) -> Result<Self, regex::Error> {
        let pattern = RegexBuilder::new(&format!("^(?s:{pattern})$"))
            .size_limit(PATTERN_BYTES_MAX)
            .build()?;
        Ok(Self { source, separator, pattern, action })
    }

    /// Says whether the label set is kept.
    fn apply(&self, labels: &mut LabelMap) -> bool {
        match &self.action {
            RelabelAction::Keep => self.pattern.is_match(&self.read(labels)),
            RelabelAction::Drop => !self.pattern.is_match(&self.read(labels)),
            RelabelAction::Replace { target, replacement } => {
                self.replace(labels, target, replacement);
                true
            }
            RelabelAction::LabelMap { replacement } => {
                self.map(labels, replacement);
                true
            }
            RelabelAction::LabelDrop => {
                labels.retain(|name, _| !self.pattern.is_match(name));
                true
            }
            RelabelAction::LabelKeep => {
                labels.retain(|name, _| self.pattern.is_match(name));
                true
            }
        }
    }

    fn read(&self, labels: &LabelMap) -> String {
        let value = |name: &String| labels.get(name).map_or("", String::as_str);
        self.source.iter().map(value).collect::<Vec<_>>().join(&self.separator)
    }

    fn replace(&self, labels: &mut LabelMap, target: &str, replacement: &str) {
        let source = self.read(labels);
        let Some(found) = self.pattern.captures(&source) else { return };
        let (mut name, mut value) = (String::new(), String::new());
        found.expand(target, &mut name);
        found.expand(replacement, &mut value);
        if !is_label_name(&name) {
            return;
        }
        if value.is_empty() {
            labels.remove(&name);
        } else {
            labels.insert(name, value);
        }
    }

    fn map(&self, labels: &mut LabelMap, replacement: &str) {
        let renamed = |(name, value): (&String, &String)| {
            let mut new = String::new();
            self.pattern.captures(name)?.expand(replacement, &mut new);
            is_label_name(&new).then(|| (new, value.clone()))
        };
        let new: Vec<_> = labels.iter().filter_map(renamed).collect();
        labels.extend(new);
    }
}

impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
            && self.separator == other.separator
            && self.pattern.as_str() == other.pattern.as_str()
            && self.action == other.action
    }
}

impl Eq for RelabelRule {}

/// Rules that are applied in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relabeling(Arc<[RelabelRule]>);

impl Relabeling {
    /// Makes the rules of one configuration.
    pub fn new(rules: Vec<RelabelRule>) -> Self {
        Self(rules.into())
    }

    /// Says whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether a series may come out with another name than it went in with.
    pub fn renames(&self) -> bool {
        self.0.iter().any(|rule| match &rule.action {
            // A group of the match may stand in the name of what is set.
            RelabelAction::Replace { target, .. } => target == NAME || target.contains('$'),
            RelabelAction::LabelMap { .. } => true,
            RelabelAction::Keep
            | RelabelAction::Drop
            | RelabelAction::LabelDrop
            | RelabelAction::LabelKeep => false,
        })
    }

    /// Relabels `labels` and says whether they are kept.
    pub fn apply(&self, labels: &mut LabelMap) -> bool {
        let is_kept = self.0.iter().all(|rule| rule.apply(labels));
        labels.retain(|_, value| !value.is_empty());
        is_kept && !labels.is_empty()
    }

    /// Returns `seed` changed by every rule: another relabelling gives another number, none gives
    /// the seed.
    pub(crate) fn fingerprint(&self, seed: u64) -> u64 {
        if self.is_empty() {
            return seed;
        }
        let mut text = String::new();
        for rule in self.0.iter() {
            let (source, pattern) = (&rule.source, rule.pattern.as_str());
            // Writing to a string can't fail.
            let _ = writeln!(text, "{source:?} {:?} {pattern} {:?}", rule.separator, rule.action);
        }
        let mut hasher = DefaultHasher::new();
        (seed, text).hash(&mut hasher);
        hasher.finish()
    }
}

fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use RelabelAction::{Drop, Keep, LabelDrop, LabelKeep, LabelMap as Map, Replace};

    fn rule(source: &[&str], pattern: &str, action: RelabelAction) -> RelabelRule {
        let source = source.iter().map(|name| (*name).to_owned()).collect();
        RelabelRule::new(source, ";".into(), pattern, action).expect("a pattern")
    }

    fn replace(target: &str, replacement: &str) -> RelabelAction {
        Replace { target: target.into(), replacement: replacement.into() }
    }

    /// What becomes of `{a="foo",b="bar",c="baz"}`; `None` when it is dropped.
    fn relabelled(rules: Vec<RelabelRule>) -> Option<String> {
        let pairs = [("a", "foo"), ("b", "bar"), ("c", "baz")];
        let mut labels: LabelMap =
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let kept = Relabeling::new(rules).apply(&mut labels);
        let written = labels.iter().map(|(name, value)| format!("{name}={value}"));
        kept.then(|| written.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn what_may_rename_a_series_is_known_from_what_cannot() {
        let to_name = replace("__name__", "x");
        let to_group = replace("${1}", "x");
        for (action, renames) in [
            (Keep, false),
            (Drop, false),
            (LabelDrop, false),
            (LabelKeep, false),
            (replace("a", "x"), false),
            (to_name, true),
            (to_group, true),
            (Map { replacement: "$1".into() }, true),
        ] {
            let rules = Relabeling::new(vec![rule(&["a"], "(.*)", action.clone())]);
            assert_eq!(rules.renames(), renames, "{action:?}");
        }
    }

    #[test]
    fn each_action_means_what_it_means_in_prometheus() {
        let map = |to: &str| Map { replacement: to.into() };
        for (rules, expected) in [
            (
                vec![rule(&["a"], "f(.*)", replace("d", "ch${1}-ch${1}"))],
                "a=foo,b=bar,c=baz,d=choo-choo",
            ),
            (vec![rule(&["a", "b"], "f(.*);(.*)r", replace("a", "b$1$2m"))], "a=boo,b=bar,c=baz"),
            (vec![rule(&["a"], "o", replace("d", "x"))], "a=foo,b=bar,c=baz"),
            (vec![rule(&["a"], "foo", replace("b", ""))], "a=foo,c=baz"),
            (vec![rule(&["a"], "(f).*", replace("${1}_x", "y"))], "a=foo,b=bar,c=baz,f_x=y"),
            (vec![rule(&["a"], ".*", replace("no name", "y"))], "a=foo,b=bar,c=baz"),
            (vec![rule(&["z"], "", replace("d", "none"))], "a=foo,b=bar,c=baz,d=none"),
            (vec![rule(&[], "(b|c)", map("x_$1"))], "a=foo,b=bar,c=baz,x_b=bar,x_c=baz"),
            (vec![rule(&[], "[bc]", LabelDrop)], "a=foo"),
            (vec![rule(&[], "[bc]", LabelKeep)], "b=bar,c=baz"),
            (vec![rule(&["a"], "fo+", Keep), rule(&["b"], "fo+", Drop)], "a=foo,b=bar,c=baz"),
        ] {
            assert_eq!(relabelled(rules.clone()).as_deref(), Some(expected), "{rules:?}");
        }
        assert_eq!(relabelled(vec![rule(&["a"], "f", Keep)]), None, "a pattern is anchored");
        assert_eq!(relabelled(vec![rule(&["a", "c"], "foo;baz", Drop)]), None);
        assert_eq!(relabelled(vec![rule(&[], ".*", LabelDrop)]), None, "nothing is left");
    }

    #[test]
    fn a_line_feed_is_any_character_too() {
        let mut labels = LabelMap::from([("a".into(), "x\ny".into())]);
        let rules = vec![rule(&["a"], "x.y", replace("b", "1"))];
        assert!(Relabeling::new(rules).apply(&mut labels));
        assert_eq!(labels.get("b").map(String::as_str), Some("1"));
    }

    #[test]
    fn another_relabelling_has_another_fingerprint() {
        let one = Relabeling::new(vec![rule(&["a"], "f", Keep)]);
        let other = Relabeling::new(vec![rule(&["a"], "g", Keep)]);
        assert_eq!(Relabeling::default().fingerprint(7), 7);
        assert_ne!(one.fingerprint(7), other.fingerprint(7));
    }
}
