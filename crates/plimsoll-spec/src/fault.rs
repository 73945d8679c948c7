use crate::{Place, View};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Characters of a value that a fault shows.
const VALUE_SHOWN: usize = 60;

/// One thing that is wrong in a file. Writes `file:line:column: key: value: reason`, or `file: reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name, as it was given.
    pub file: Arc<str>,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The path of the key: `slos[1].sli.latency.within`.
    pub key: String,
    /// What stands there, shortened to one short line.
    pub value: String,
    /// What is wrong with it, and what to do.
    pub reason: String,
}

impl Fault {
    /// Makes the fault of a file that can't be read at all.
    pub fn unreadable(file: &Path, error: impl fmt::Display) -> Self {
        Self {
            file: file.display().to_string().into(),
            line: 0,
            column: 0,
            key: String::new(),
            value: String::new(),
            reason: format!("can't be read: {error}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, key, value, reason } = self;
        if *line == 0 {
            return write!(out, "{file}: {reason}");
        }
        write!(out, "{file}:{line}:{column}: {key}: {value}: {reason}")
    }
}

impl std::error::Error for Fault {}

/// The faults of one file, while they are being collected.
#[derive(Debug)]
pub struct Faults {
    file: Arc<str>,
    found: Vec<Fault>,
}

impl Faults {
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self { file, found: Vec::new() }
    }

    /// Adds a fault about what stands at `view`.
    pub fn add(&mut self, view: &View<'_>, reason: impl fmt::Display) {
        self.add_at(view.node().place, view.path(), &view.node().excerpt(), reason);
    }

    /// Adds a fault about the key that `view` stands under.
    pub fn add_to_key(&mut self, view: &View<'_>, reason: impl fmt::Display) {
        self.add_at(view.key_place(), view.path(), &view.node().excerpt(), reason);
    }

    /// Adds a fault about a key of `view` that isn't there.
    pub fn add_missing(&mut self, view: &View<'_>, key: &str, reason: impl fmt::Display) {
        self.add_at(view.node().place, &view.path_of(key), "(missing)", reason);
    }

    pub(crate) fn add_at(
        &mut self,
        place: Place,
        key: &str,
        value: &str,
        reason: impl fmt::Display,
    ) {
        self.found.push(Fault {
            file: Arc::clone(&self.file),
            line: place.line,
            column: place.column,
            key: if key.is_empty() { "(document)".into() } else { one_line(key) },
            value: shortened(value),
            reason: one_line(&reason.to_string()),
        });
    }

    pub(crate) fn extend(&mut self, faults: &[Fault]) {
        self.found.extend_from_slice(faults);
    }

    /// Says whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns them in the order of the file.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        self.found
    }
}

fn shortened(value: &str) -> String {
    let mut characters = value.trim().chars();
    let mut shown = one_line(&characters.by_ref().take(VALUE_SHOWN).collect::<String>());
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A fault is one line of a log or a terminal, whatever the file holds.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
