//! The sidecar's kinds, as their pages in `docs/sidecar` tell of them.

use plimsoll_model::Signal;
use std::path::Path;

/// Pages of the folder that are about no single kind.
const OTHERS: [&str; 6] = ["README", "beside", "demo", "deploy", "permissions", "slos"];

/// A kind and its page.
pub(crate) struct SidecarKind {
    name: String,
    text: String,
}

/// Reads the pages, by name.
pub(crate) fn kinds() -> Vec<SidecarKind> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sidecar");
    let files = std::fs::read_dir(folder).expect("docs/sidecar is there");
    let paths = files.map(|file| file.expect("an entry").path());
    let mut kinds: Vec<SidecarKind> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".md")?.to_owned();
            let text = std::fs::read_to_string(&path).expect("it can be read");
            (!OTHERS.contains(&&*name)).then_some(SidecarKind { name, text })
        })
        .collect();
    kinds.sort_by(|one, other| one.name.cmp(&other.name));
    kinds
}

impl SidecarKind {
    /// Says whether the page names the signal, in full or, if it is the kind's own, by its end: `…_total`.
    pub(crate) fn tells_of(&self, signal: &Signal) -> bool {
        let is_own = signal.name.starts_with(&format!("concurrency_{}_", self.name));
        let ends = signal.name.match_indices('_').filter(|_| is_own);
        let mut ends = ends.filter_map(|(at, _)| signal.name.get(at..));
        self.names(signal.name) || ends.any(|end| self.names(&format!("…{end}")))
    }

    /// Says whether `name` stands in the page and goes no further there, but for a counter's `_total`.
    fn names(&self, name: &str) -> bool {
        self.text.split(name).skip(1).any(|after| {
            let after = after.strip_prefix("_total").unwrap_or(after);
            !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
        })
    }

    pub(crate) fn link(&self) -> String {
        let name = &self.name;
        format!("[{name}](sidecar/{name}.md)")
    }
}
