//! What something takes besides time, counted by a tool under which this program runs again. Counts are
//! the same in every run, whatever else the machine does.

use std::process::{Command, Stdio};

/// How often it is done first: logs find their size.
const BEFORE: u64 = 20_000;

/// How often it is done and counted.
const COUNTED: u64 = 100_000;

/// A tool, and how to read what it says.
pub(crate) struct Tool {
    command: &'static [&'static str],
    /// The line with the count, and its place among the words that are numbers.
    line: &'static str,
    place: usize,
}

/// `==7== Collected : 2712345`.
pub(crate) const INSTRUCTIONS: Tool = Tool {
    command: &["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"],
    line: "Collected :",
    place: 0,
};

/// `==7==   total heap usage: 2,712 allocs, 2,700 frees, 345,000 bytes allocated`.
pub(crate) const ALLOCATIONS: Tool =
    Tool { command: &["valgrind"], line: "total heap usage:", place: 0 };

/// `100.00    0.002712          27       345         3 total`.
pub(crate) const SYSTEM_CALLS: Tool =
    Tool { command: &["strace", "-f", "-c"], line: " total", place: 3 };

impl Tool {
    /// Returns how many it takes to do once what this program does under `words`; none without the tool.
    pub(crate) fn of(&self, words: &[&str]) -> Option<f64> {
        let (before, all) = (self.run(words, BEFORE)?, self.run(words, BEFORE + COUNTED)?);
        Some((all - before) / COUNTED as f64)
    }

    fn run(&self, words: &[&str], times: u64) -> Option<f64> {
        let (tool, arguments) = self.command.split_first()?;
        let output = Command::new(tool)
            .args(arguments)
            .arg(std::env::current_exe().ok()?)
            .args(words)
            .arg(times.to_string())
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr).replace(',', "");
        let line = said.lines().find(|line| line.contains(self.line))?;
        // What valgrind says begins with the process's number.
        let line = line.rsplit_once("== ").map_or(line, |(_, line)| line);
        line.split_whitespace().filter_map(|word| word.parse().ok()).nth(self.place)
    }
}
