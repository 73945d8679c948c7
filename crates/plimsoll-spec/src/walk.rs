use crate::tree::join;
use crate::{Entry, Faults, Key, MapShape, Node, NodeKind, Place, Shape};
use serde_yaml::value::{Tag, TaggedValue};
use serde_yaml::{Mapping, Value};

/// Letters of an unknown key for each one that may differ from a known key, to be taken for a slip.
const SLIP_LENGTH: usize = 3;

/// Letters past which no further slip is allowed.
const SLIP_NAME_MAX: usize = 12;

/// A node and the path to it.
#[derive(Clone, Debug)]
pub struct View<'t> {
    node: &'t Node,
    key: Option<&'t Entry>,
    path: String,
}

impl<'t> View<'t> {
    pub(crate) fn root(node: &'t Node) -> Self {
        Self { node, key: None, path: String::new() }
    }

    /// Returns the node.
    pub fn node(&self) -> &'t Node {
        self.node
    }

    /// Returns the key that it stands under, in a mapping.
    pub fn key(&self) -> Option<&'t str> {
        self.key.map(|entry| entry.key.as_str())
    }

    /// Returns where its key stands; where it begins itself, outside a mapping.
    pub(crate) fn key_place(&self) -> Place {
        self.key.map_or(self.node.place, |entry| entry.place)
    }

    /// Returns the path to it, `slos[1].sli`; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path of one of its keys, whether or not it is there.
    pub fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Returns the text of a scalar.
    pub fn text(&self) -> Option<&'t str> {
        match &self.node.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Returns what stands under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<View<'t>> {
        self.entries().find(|below| below.key() == Some(key))
    }

    /// Iterates over what stands under the keys of a mapping; over nothing otherwise.
    pub fn entries(&self) -> impl Iterator<Item = View<'t>> + use<'t> {
        let entries = match &self.node.kind {
            NodeKind::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        let path = self.path.clone();
        entries.iter().map(move |entry| View {
            node: &entry.value,
            key: Some(entry),
            path: join(&path, &entry.key),
        })
    }

    /// Iterates over the items of a list; over nothing otherwise.
    pub fn items(&self) -> impl Iterator<Item = View<'t>> + use<'t> {
        let items = match &self.node.kind {
            NodeKind::List(items) => items.as_slice(),
            _ => &[],
        };
        let path = self.path.clone();
        items.iter().enumerate().map(move |(at, node)| item(&path, at, node))
    }

    /// Returns what lies one step nearer to `path`, if there is such a key or item.
    pub(crate) fn towards(&self, path: &str) -> Option<View<'t>> {
        let rest = path.strip_prefix(&self.path)?;
        if let NodeKind::List(items) = &self.node.kind {
            // Of thousands of items only the one is looked at.
            let (at, _) = rest.strip_prefix('[')?.split_once(']')?;
            let at = at.parse().ok()?;
            return Some(item(&self.path, at, items.get(at)?));
        }
        let leads_to = |prefix: &str| {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| matches!(rest.chars().next(), None | Some('.' | '[')))
        };
        self.entries().find(|below| leads_to(below.path()))
    }
}

fn item<'t>(path: &str, at: usize, node: &'t Node) -> View<'t> {
    View { node, key: None, path: format!("{path}[{at}]") }
}

/// Holds what stands at `view` against `shape`; the value is worth something only when no fault
/// was found.
pub(crate) fn walk(view: &View<'_>, shape: &Shape, faults: &mut Faults) -> Value {
    if let Shape::Later(reason) = shape {
        faults.add_to_key(view, format!("isn't supported yet: {reason}"));
        return Value::Null;
    }
    if let Shape::Refused(reason) = shape {
        faults.add_to_key(view, format!("isn't read: {reason}"));
        return Value::Null;
    }
    if matches!(shape, Shape::Ignored) {
        return Value::Null;
    }
    if view.node.is_null() {
        faults.add_to_key(view, "has no value: give one or leave the key out");
        return Value::Null;
    }
    match (shape, &view.node.kind) {
        (Shape::Either(scalar, other), kind) => {
            let is_scalar = matches!(kind, NodeKind::Scalar { .. });
            walk(view, if is_scalar { scalar } else { other }, faults)
        }
        (Shape::Text(parse), NodeKind::Scalar { text, .. }) => {
            if let Err(reason) = parse(text) {
                faults.add(view, reason);
            }
            Value::String(text.clone())
        }
        (Shape::Integer(range), NodeKind::Scalar { text, .. }) => match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => Value::Number(number.into()),
            _ => {
                let (least, most) = (range.start(), range.end());
                faults.add(view, format!("must be a whole number from {least} to {most}"));
                Value::Null
            }
        },
        (Shape::Flag, NodeKind::Scalar { text, quoted: false })
            if matches!(text.as_str(), "true" | "false") =>
        {
            Value::Bool(text == "true")
        }
        (Shape::List(item), NodeKind::List(_)) => {
            Value::Sequence(view.items().map(|below| walk(&below, item, faults)).collect())
        }
        (Shape::Map(map), NodeKind::Map(_)) => walk_map(view, map, faults),
        (Shape::OneOf(keys), NodeKind::Map(_)) => walk_one_of(view, keys, faults),
        (Shape::Table(name, value), NodeKind::Map(_)) => walk_table(view, *name, value, faults),
        (shape, _) => {
            faults.add(view, format!("must be {}", wanted(shape)));
            Value::Null
        }
    }
}

fn walk_map(view: &View<'_>, map: &MapShape, faults: &mut Faults) -> Value {
    let value = walk_keys(view, map.keys, faults);
    for key in map.keys.iter().filter(|key| key.required) {
        if view.get(key.name).is_none() {
            faults.add_missing(view, key.name, "is required");
        }
    }
    if let Some(check) = map.check {
        check(view, faults);
    }
    value
}

/// The key that was chosen becomes the variant of an enum.
fn walk_one_of(view: &View<'_>, keys: &'static [Key], faults: &mut Faults) -> Value {
    let (mut given, mut unknown, mut chosen) = (0, 0, Value::Null);
    for below in view.entries() {
        let name = below.key().unwrap_or_default();
        match keys.iter().find(|key| key.name == name) {
            Some(key) => {
                given += 1;
                let value = walk(&below, &key.shape, faults);
                chosen = Value::Tagged(Box::new(TaggedValue { tag: Tag::new(name), value }));
            }
            None => {
                unknown += 1;
                faults.add_to_key(&below, unknown_key(name, keys));
            }
        }
    }
    // A slip in the one key was told already; that none is left needs no second fault.
    if given > 1 || (given == 0 && unknown == 0) {
        faults.add(view, format!("must have exactly one of {}", names(keys)));
    }
    chosen
}

fn walk_keys(view: &View<'_>, keys: &'static [Key], faults: &mut Faults) -> Value {
    let mut mapping = Mapping::new();
    for below in view.entries() {
        let name = below.key().unwrap_or_default();
        match keys.iter().find(|key| key.name == name) {
            Some(key) => {
                let value = walk(&below, &key.shape, faults);
                mapping.insert(Value::String(name.to_owned()), value);
            }
            None => faults.add_to_key(&below, unknown_key(name, keys)),
        }
    }
    Value::Mapping(mapping)
}

fn walk_table(
    view: &View<'_>,
    parse_name: fn(&str) -> Result<(), String>,
    shape: &Shape,
    faults: &mut Faults,
) -> Value {
    let mut mapping = Mapping::new();
    for below in view.entries() {
        let name = below.key().unwrap_or_default();
        if let Err(reason) = parse_name(name) {
            faults.add_to_key(&below, reason);
        }
        mapping.insert(Value::String(name.to_owned()), walk(&below, shape, faults));
    }
    Value::Mapping(mapping)
}

fn unknown_key(name: &str, keys: &'static [Key]) -> String {
    let distance = |key: &Key| strsim::damerau_levenshtein(name, key.name);
    let nearest = keys.iter().min_by_key(|key| distance(key));
    let slips_max = name.chars().count().min(SLIP_NAME_MAX) / SLIP_LENGTH;
    match nearest {
        Some(key) if distance(key) <= slips_max => {
            format!("unknown key, did you mean `{}`?", key.name)
        }
        _ => format!("unknown key; known are {}", names(keys)),
    }
}

fn names(keys: &'static [Key]) -> String {
    let supported = keys
        .iter()
        .filter(|key| !matches!(key.shape, Shape::Later(_) | Shape::Refused(_) | Shape::Ignored));
    supported.map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text(_) => "one value, not a list or a mapping",
        Shape::Integer(_) => "a whole number",
        Shape::Flag => "true or false",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Table(..) | Shape::OneOf(_) => "a mapping",
        Shape::Either(..) | Shape::Later(_) | Shape::Refused(_) | Shape::Ignored => {
            "something else"
        }
    }
}
