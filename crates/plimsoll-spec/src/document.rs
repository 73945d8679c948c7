use crate::walk::walk;
use crate::{Fault, Faults, Place, Shape, View, tree};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A YAML text as a tree with places.
#[derive(Clone, Debug)]
pub struct Document {
    file: Arc<str>,
    root: crate::Node,
    /// What the tree itself left out, as doubled keys: told together with what the walk finds.
    left_out: Vec<Fault>,
}

impl Document {
    /// Reads a text into a tree; `file` is only what faults call it.
    ///
    /// # Errors
    /// The text isn't YAML, is empty, holds several documents, nests deeper than 32 levels, or is
    /// larger than 4 MiB.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let mut documents = Self::parse_all(file, text)?.into_iter();
        match (documents.next(), documents.next()) {
            (Some(document), None) => Ok(document),
            (_, Some(second)) => {
                Err(vec![second.fault("", "is a second document: split the file")])
            }
            (None, None) => Err(Vec::new()),
        }
    }

    /// Reads a text into its documents, one at least, of which `---` begins each.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_all(file: &str, text: &str) -> Result<Vec<Self>, Vec<Fault>> {
        let file: Arc<str> = file.into();
        let (roots, found) = tree::parse(text);
        let mut faults = Faults::new(Arc::clone(&file));
        for fault in found {
            faults.add_at(fault.place, &fault.key, &fault.value, fault.reason);
        }
        if roots.is_empty() && faults.is_empty() {
            faults.add_at(Place { line: 1, column: 1 }, "", "", "the file is empty");
        }
        let mut left_out = faults.into_sorted();
        if roots.is_empty() {
            return Err(left_out);
        }
        let mut documents: Vec<Self> = roots
            .into_iter()
            .map(|root| Self { file: Arc::clone(&file), root, left_out: Vec::new() })
            .collect();
        // A fault belongs to the last document that begins before it.
        for document in documents.iter_mut().skip(1).rev() {
            let begins = (document.root.place.line, document.root.place.column);
            let first = left_out.partition_point(|fault| (fault.line, fault.column) < begins);
            document.left_out = left_out.split_off(first);
        }
        if let Some(first) = documents.first_mut() {
            first.left_out = left_out;
        }
        Ok(documents)
    }

    /// Returns the root.
    pub fn root(&self) -> View<'_> {
        View::root(&self.root)
    }

    /// Walks the tree along `shape`, and deserialises it when there is no fault in it.
    ///
    /// # Errors
    /// Every fault of the document, in its order.
    pub fn read<T: DeserializeOwned>(&self, shape: &Shape) -> Result<T, Vec<Fault>> {
        let mut faults = Faults::new(Arc::clone(&self.file));
        faults.extend(&self.left_out);
        let value = walk(&self.root(), shape, &mut faults);
        if !faults.is_empty() {
            return Err(faults.into_sorted());
        }
        serde_yaml::from_value(value).map_err(|error| {
            // The shape let something pass that the type refuses: a slip of ours, still not a panic.
            faults.add(&self.root(), format!("can't be read: {error}"));
            faults.into_sorted()
        })
    }

    /// Makes a fault about the key at `path`, as `slos[1].name`, for what only shows once several
    /// files are known. A path that isn't there gives the place of its nearest ancestor.
    pub fn fault(&self, path: &str, reason: impl std::fmt::Display) -> Fault {
        let mut faults = Faults::new(Arc::clone(&self.file));
        let view = self.find(path);
        faults.add_at(view.node().place, path, &view.node().excerpt(), &reason);
        faults.into_sorted().swap_remove(0)
    }

    /// Makes a fault about a key of `view` that isn't there.
    pub(crate) fn fault_missing(&self, view: &View<'_>, key: &str, reason: &str) -> Fault {
        let mut faults = Faults::new(Arc::clone(&self.file));
        faults.add_missing(view, key, reason);
        faults.into_sorted().swap_remove(0)
    }

    /// Says whether there is a key at that path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.find(path).path() == path
    }

    fn find(&self, path: &str) -> View<'_> {
        let mut view = self.root();
        while let Some(next) = view.towards(path) {
            view = next;
        }
        view
    }
}
