use crate::{Faults, View};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// What a node of a document has to be. A table of shapes is data: it says which keys there are and
/// what each takes, and the walk does the rest.
#[derive(Debug)]
pub enum Shape {
    /// A scalar that the parser accepts; deserialised from its text.
    Text(fn(&str) -> Result<(), String>),
    /// A whole number within the range.
    Integer(RangeInclusive<u64>),
    /// `true` or `false`.
    Flag,
    /// A list whose items all have that shape.
    List(&'static Shape),
    /// A mapping whose keys are known.
    Map(&'static MapShape),
    /// A mapping with keys of the writer's choice that the parser accepts.
    Table(fn(&str) -> Result<(), String>, &'static Shape),
    /// A mapping with exactly one of those keys; deserialised as the enum's variant of that name.
    OneOf(&'static [Key]),
    /// One shape for a scalar, another for a list or mapping.
    Either(&'static Shape, &'static Shape),
    /// Known, but not supported yet: a fault that says so.
    Later(&'static str),
    /// Known, and never read: a fault that says why.
    Refused(&'static str),
    /// Whatever stands there says nothing that matters here.
    Ignored,
}

/// A mapping whose keys are known.
#[derive(Debug)]
pub struct MapShape {
    /// Its keys.
    pub keys: &'static [Key],
    /// What has to hold between them; called once the keys were looked at, whatever was found.
    pub check: Option<fn(&View<'_>, &mut Faults)>,
}

/// One key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it takes.
    pub shape: Shape,
}

/// Makes a key that must be there.
pub const fn required(name: &'static str, shape: Shape) -> Key {
    Key { name, required: true, shape }
}

/// Makes a key that may be left out.
pub const fn optional(name: &'static str, shape: Shape) -> Key {
    Key { name, required: false, shape }
}

/// Makes a key that is known but not supported yet; `reason` says what to do instead.
pub const fn later(name: &'static str, reason: &'static str) -> Key {
    Key { name, required: false, shape: Shape::Later(reason) }
}

/// Makes a key that is known but never read; `reason` says why and what to do instead.
pub(crate) const fn refused(name: &'static str, reason: &'static str) -> Key {
    Key { name, required: false, shape: Shape::Refused(reason) }
}

impl Shape {
    /// Any text that isn't empty.
    pub const TEXT: Self = Self::Text(not_empty);

    /// A mapping of label names to values.
    pub const LABELS: Self = Self::Table(label_name, &Self::Text(|_| Ok(())));

    /// Makes the shape of a scalar that `T` is read from.
    pub const fn parsed<T: FromStr<Err: Display>>() -> Self {
        Self::Text(|text| text.parse::<T>().map(drop).map_err(|error| error.to_string()))
    }
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("is empty".into()) } else { Ok(()) }
}

fn label_name(name: &str) -> Result<(), String> {
    plimsoll_model::Labels::new([(name, "")]).map(drop).map_err(|error| error.to_string())
}
