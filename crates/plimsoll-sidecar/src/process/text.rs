//! The texts of `/proc`: every parser takes what it knows, ignores the rest and never panics, so
//! that a truncated line is an absent number and a new field none of our business.

/// What `schedstat` says of a thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sched {
    /// On a processor.
    pub(super) run_ns: u64,
    /// Ready to run, without a processor.
    pub(super) wait_ns: u64,
    /// How often it got a processor; 0 means that this kernel doesn't count.
    pub(super) slices: u64,
}

/// What `stat` says of a process or thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) state: char,
    pub(super) parent: u32,
    /// Processor time, in ticks.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u64,
    /// When it began, in ticks since boot: together with its number it names a process for good.
    pub(super) start_ticks: u64,
}

impl Stat {
    /// Says whether the process has ended, though its parent hasn't asked yet. One whose first thread
    /// alone has ended lives on.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

/// How often a thread gave up a processor: voluntary, involuntary.
pub(super) type Switches = [u64; 2];

/// What `status` says of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: char,
    pub(super) switches: Option<Switches>,
}

/// What `syscall` says of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// It runs, or is ready to.
    Running,
    /// It is off the processor, but in no call: a page fault, or stopped.
    Blocked { stack: u64 },
    /// It waits in a call.
    In { number: i64, arguments: [u64; 6], stack: u64 },
}

/// Reads `schedstat`.
pub(super) fn sched(text: &str) -> Option<Sched> {
    let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
    Some(Sched { run_ns: numbers.next()?, wait_ns: numbers.next()?, slices: numbers.next()? })
}

/// Reads `stat`. A name may hold blanks and brackets: it ends at the last bracket.
pub(super) fn stat(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    // The first word of `tail` is field 3 of proc_pid_stat(5).
    let field = |number: usize| tail.split_ascii_whitespace().nth(number - 3);
    let number = |at| field(at)?.parse::<u64>().ok();
    Some(Stat {
        name: name.to_string(),
        state: field(3)?.chars().next()?,
        parent: field(4)?.parse().ok()?,
        cpu_ticks: number(14)?.saturating_add(number(15)?),
        threads: number(20)?,
        start_ticks: number(22)?,
    })
}

/// Reads `status`.
pub(super) fn status(text: &str) -> Option<Status> {
    let state = text.lines().find_map(|line| line.strip_prefix("State:"))?;
    Some(Status { state: state.trim_start().chars().next()?, switches: switches(text) })
}

fn switches(text: &str) -> Option<Switches> {
    // They are its last lines, so that the search begins where they are.
    let tail = text.rfind("\nvoluntary_ctxt_switches").and_then(|at| text.get(at + 1..))?;
    let number = |key| line_number(tail, key);
    Some([number("voluntary_ctxt_switches")?, number("nonvoluntary_ctxt_switches")?])
}

/// Reads the number of a line as `key: 12` or `key 12`.
pub(super) fn line_number(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(key)?;
        let value = value.strip_prefix(':').or_else(|| value.strip_prefix(' '))?;
        value.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// Reads `syscall`.
pub(super) fn call(text: &str) -> Option<Call> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    if first == "running" {
        return Some(Call::Running);
    }
    let number: i64 = first.parse().ok()?;
    let mut values = words.map_while(hexadecimal);
    if number < 0 {
        return Some(Call::Blocked { stack: values.next()? });
    }
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = values.next()?;
    }
    Some(Call::In { number, arguments, stack: values.next()? })
}

fn hexadecimal(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Reads the soft limit of open files from `limits`; unlimited is none.
pub(super) fn files_limit(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 2 3 4 11 22 33 44 20 0 5 0 99 1 2";

    #[test]
    fn a_name_with_brackets_moves_no_field() {
        let stat = stat(STAT).unwrap();
        let said = (&*stat.name, stat.state, stat.parent, stat.cpu_ticks, stat.threads);
        assert_eq!(said, ("a) b (c", 'S', 7, 33, 5));
        assert_eq!(stat.start_ticks, 99);
    }

    #[test]
    fn no_text_makes_a_parser_panic() {
        let lines = "Name:\ta\nState:\tD (disk sleep)\nvoluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4\n";
        let line = "202 0x10 0x80 0x2 0x0 0x0 0x0 0x7ffe 0x7fff";
        let limits = "Limit Soft Hard Units\nMax open files            1024    4096   files\n";
        for text in [STAT, lines, line, limits, "running", "-1 0x1 0x2", "1 2 3", "é)(", ")("] {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                let part = &text[..end];
                let _ = (stat(part), sched(part), status(part), call(part), files_limit(part));
            }
        }
        assert_eq!(status(lines), Some(Status { state: 'D', switches: Some([3, 4]) }));
        assert_eq!(status("State:\tS"), Some(Status { state: 'S', switches: None }));
        assert_eq!(files_limit(limits), Some(1024));
        assert_eq!(sched("1 2 3\n"), Some(Sched { run_ns: 1, wait_ns: 2, slices: 3 }));
        assert_eq!(sched("1 2"), None);
        assert_eq!(call("running\n"), Some(Call::Running));
        assert_eq!(call("-1 0x1 0x2"), Some(Call::Blocked { stack: 1 }));
        let arguments = [0x10, 0x80, 2, 0, 0, 0];
        assert_eq!(call(line), Some(Call::In { number: 202, arguments, stack: 0x7ffe }));
    }

    #[test]
    fn a_limit_that_is_none_isnt_a_number() {
        assert_eq!(files_limit("Max open files   unlimited   unlimited  files"), None);
    }
}
