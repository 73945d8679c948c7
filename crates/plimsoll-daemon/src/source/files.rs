//! Targets from files: read anew when they change, and a broken one keeps what it said before.

use super::found::Found;
use crate::config::{TargetGroup, read_groups};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The most files of one list of patterns; those past it are told of.
const FILES_MAX: usize = 1_000;

/// Files of target groups.
#[derive(Debug)]
pub(super) struct FileFinder {
    patterns: Vec<PathBuf>,
    /// Looks between two readings of files that didn't change.
    looks: u32,
    until_reading: u32,
    files: BTreeMap<PathBuf, Known>,
    surplus: usize,
}

/// One file and what it said last.
#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    groups: Vec<TargetGroup>,
    error: Option<String>,
}

impl FileFinder {
    /// Makes a finder that has looked once.
    pub(super) fn new(patterns: Vec<PathBuf>, refresh: Duration) -> Self {
        let looks = u32::try_from(refresh.as_secs() / LOOK.as_secs()).unwrap_or(u32::MAX).max(1);
        let files = BTreeMap::new();
        let mut finder = Self { patterns, looks, until_reading: looks, files, surplus: 0 };
        finder.look();
        finder
    }

    /// Returns what the files say as soon as it is news.
    pub(super) async fn next(&mut self) -> Found {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.look() {
                return self.found();
            }
        }
    }

    pub(super) fn found(&self) -> Found {
        let groups = self.files.values().flat_map(|file| file.groups.clone()).collect();
        let mut errors: Vec<String> =
            self.files.values().filter_map(|file| file.error.clone()).collect();
        if self.surplus > 0 {
            errors.push(format!("{} files more than {FILES_MAX} aren't read", self.surplus));
        }
        Found { groups, error: (!errors.is_empty()).then(|| errors.join("; ")) }
    }

    /// Looks at every file and says whether there is news.
    fn look(&mut self) -> bool {
        self.until_reading -= 1;
        let whole = self.until_reading == 0;
        if whole {
            self.until_reading = self.looks;
        }
        let mut paths = self.paths();
        let surplus = paths.len().saturating_sub(FILES_MAX);
        paths.truncate(FILES_MAX);
        let known = self.files.len();
        self.files.retain(|path, _| paths.contains(path));
        let mut is_news = self.files.len() != known || self.surplus != surplus;
        self.surplus = surplus;
        for path in paths {
            is_news |= self.files.entry(path.clone()).or_default().look(&path, whole);
        }
        is_news
    }

    /// A path without a wildcard is looked for in any case, so that its absence is told.
    fn paths(&self) -> Vec<PathBuf> {
        let matching = |pattern: &PathBuf| {
            let text = pattern.to_string_lossy();
            if !text.contains(['*', '?', '[']) {
                return vec![pattern.clone()];
            }
            let paths = glob::glob(&text).into_iter().flatten();
            paths.filter_map(Result::ok).collect()
        };
        let mut paths: Vec<PathBuf> = self.patterns.iter().flat_map(matching).collect();
        paths.sort();
        paths.dedup();
        paths
    }
}

impl Known {
    /// Reads the file if it changed, or anyway, and says whether there is news.
    fn look(&mut self, path: &Path, anyway: bool) -> bool {
        let meta = std::fs::metadata(path).ok();
        let stamp = meta.and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        if !anyway && stamp.is_some() && stamp == self.stamp {
            return false;
        }
        self.stamp = stamp;
        match read_groups(path) {
            Ok(groups) => {
                let is_news = self.groups != groups || self.error.is_some();
                (self.groups, self.error) = (groups, None);
                is_news
            }
            Err(error) => {
                let is_news = self.error.as_ref() != Some(&error);
                self.error = Some(error);
                is_news
            }
        }
    }
}
