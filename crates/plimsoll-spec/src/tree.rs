use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use std::collections::HashSet;

/// Levels that a document may nest, so that the walk's recursion is bounded.
const DEPTH_MAX: usize = 32;

/// Bytes that a document may have: a thousand SLOs fit in it.
pub(crate) const BYTES_MAX: usize = 4 << 20;

/// Characters that a key may have, so that paths stay short.
const KEY_CHARS_MAX: usize = 200;

/// Where something stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One value of a document, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A scalar, not yet a number or truth value: what it is follows from what is asked for.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stood in quotes or in a block.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file; each key once.
    Map(Vec<Entry>),
}

/// One key of a mapping and what stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Says whether it is empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, quoted: false }
            if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Returns what a fault shows of it.
    pub(crate) fn excerpt(&self) -> String {
        match &self.kind {
            NodeKind::Scalar { .. } if self.is_null() => "(empty)".into(),
            NodeKind::Scalar { text, .. } => text.clone(),
            NodeKind::List(items) => format!("(list of {})", items.len()),
            NodeKind::Map(entries) => {
                let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
                format!("{{{}}}", keys.join(", "))
            }
        }
    }
}

/// Why a text isn't one tree, or what its tree left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeFault {
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) reason: String,
}

/// Reads the documents of a text, those left out that hold nothing. Doubled keys and the like don't
/// end it: the first stands, and the rest are faults beside the trees. A text that isn't YAML, or
/// nests too deep, gives no tree.
pub(crate) fn parse(text: &str) -> (Vec<Node>, Vec<TreeFault>) {
    let mut builder = Builder { parser: Parser::new_from_str(text), text, faults: Vec::new() };
    if text.len() > BYTES_MAX {
        builder.fault(START, "", "", format!("the file is larger than {BYTES_MAX} bytes"));
        return (Vec::new(), builder.faults);
    }
    let roots = match builder.documents() {
        Ok(roots) => roots,
        Err(stop) => {
            builder.faults.push(stop);
            Vec::new()
        }
    };
    (roots, builder.faults)
}

const START: Place = Place { line: 1, column: 1 };

struct Builder<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    text: &'t str,
    faults: Vec<TreeFault>,
}

impl<'t> Builder<'t> {
    fn documents(&mut self) -> Result<Vec<Node>, TreeFault> {
        let mut roots = Vec::new();
        loop {
            let (event, place) = self.next("")?;
            match event {
                Event::StreamEnd => return Ok(roots),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) => {
                    let (event, place) = self.next("")?;
                    let root = self.node(event, place, "", 0)?;
                    if !root.is_null() {
                        roots.push(root);
                    }
                }
                _ => return Err(self.stop(place, "", "isn't a YAML document")),
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'t>,
        place: Place,
        path: &str,
        depth: usize,
    ) -> Result<Node, TreeFault> {
        if depth > DEPTH_MAX {
            return Err(self.stop(place, path, &format!("nests deeper than {DEPTH_MAX} levels")));
        }
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                (*anchor, tag.is_some())
            }
            _ => (0, false),
        };
        if anchor != 0 {
            self.fault(place, path, "", "anchors aren't read: write the value out");
        }
        if tag {
            self.fault(place, path, "", "tags aren't read: leave it out");
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => {
                NodeKind::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => NodeKind::List(self.list(path, depth)?),
            Event::MappingStart(..) => NodeKind::Map(self.map(path, depth)?),
            Event::Alias(_) => {
                self.fault(place, path, "", "aliases aren't read: write the value out");
                NodeKind::Scalar { text: String::new(), quoted: false }
            }
            _ => return Err(self.stop(place, path, "isn't a YAML value")),
        };
        Ok(Node { place, kind })
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Vec<Node>, TreeFault> {
        let mut items = Vec::new();
        loop {
            let (event, place) = self.next(path)?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, place, &format!("{path}[{}]", items.len()), depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Vec<Entry>, TreeFault> {
        let (mut entries, mut seen) = (Vec::new(), HashSet::new());
        loop {
            let (event, place) = self.next(path)?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = match self.node(event, place, path, depth + 1)?.kind {
                NodeKind::Scalar { text, .. } => text,
                _ => {
                    self.fault(place, path, "", "a key is one word, not a list or a mapping");
                    String::new()
                }
            };
            if key.chars().nth(KEY_CHARS_MAX).is_some() {
                let reason = format!("a key has at most {KEY_CHARS_MAX} characters");
                return Err(self.stop(place, path, &reason));
            }
            let (event, value_place) = self.next(path)?;
            let below = join(path, &key);
            let value = self.node(event, value_place, &below, depth + 1)?;
            if seen.insert(key.clone()) {
                entries.push(Entry { key, place, value });
            } else {
                self.fault(place, &below, &value.excerpt(), "the key is given twice");
            }
        }
    }

    fn next(&mut self, path: &str) -> Result<(Event<'t>, Place), TreeFault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place_of(&span.start))),
            Some(Err(error)) => Err(self.scan_fault(path, &error)),
            None => Ok((Event::StreamEnd, START)),
        }
    }

    fn scan_fault(&self, path: &str, error: &ScanError) -> TreeFault {
        self.stop(place_of(error.marker()), path, &format!("isn't YAML: {}", error.info()))
    }

    /// Makes the fault after which there is no tree; it shows the line that it stopped at.
    fn stop(&self, place: Place, path: &str, reason: &str) -> TreeFault {
        let value = self.text.lines().nth(place.line.saturating_sub(1)).unwrap_or("").to_owned();
        TreeFault { place, key: path.to_owned(), value, reason: reason.to_owned() }
    }

    fn fault(&mut self, place: Place, key: &str, value: &str, reason: impl Into<String>) {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.faults.push(TreeFault { place, key, value, reason: reason.into() });
    }
}

fn place_of(marker: &Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

/// Appends a key to a path.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
