//! Files that are cut, torn, of a kernel to come, or gone between two reads: numbers are absent, nothing
//! else.

use super::{Kernel, members, named, stat, value};
use crate::blocking::BlockingCollector;
use std::fs;

/// Every file of a process, as kernels write it today.
const FILES: [(&str, &str); 9] = [
    ("stat", "10 (shop) S 1 1 1 0 -1 0 1 0 1 0 40 60 0 0 20 0 1 0 100 9 9\n"),
    ("limits", "Limit  Soft Limit  Hard Limit  Units\nMax open files  8  16  files\n"),
    ("cgroup", "4:memory:/x\n0::/shop\n"),
    ("net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 7 9\n"),
    (
        "net/tcp",
        "  sl  local_address\n  0: 00000000:07E8 00000000:0000 0A 00000000:00000005 00:00000000 \
         00000000  1000        0 1126 1 000000002e042d9f 100 0 0 10 0\n",
    ),
    ("task/10/schedstat", "1000 2000 3\n"),
    ("task/10/syscall", "202 0x7000 0x80 0x2 0x0 0x0 0x0 0x1 0x2"),
    (
        "task/10/status",
        "Name:\tx\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n",
    ),
    ("exe", "\x7fELF\x02\x01"),
];

fn kernel() -> Kernel {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    FILES.iter().for_each(|(file, text)| kernel.write(&format!("10/{file}"), text));
    kernel.link("10/fd/7", "socket:[1126]");
    kernel
}

#[test]
fn rubbish_in_every_file_costs_numbers_and_nothing_else() {
    let kernel = Kernel::new();
    kernel.process(10, "shop", (1, 100));
    for rubbish in ["", "\0", "-1", "99999999999999999999999 x", "() ( )) 0x 0x", "\u{fffd}:\t\n:"]
    {
        for file in ["limits", "task/10/schedstat", "task/10/syscall", "task/10/status"] {
            kernel.write(&format!("10/{file}"), rubbish);
        }
        kernel.write("11/stat", rubbish);
        assert_eq!(members(&kernel.group(named("shop")).look()), Some(1.0), "{rubbish:?}");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_costs_numbers_and_nothing_else() {
    let kernel = kernel();
    for (file, text) in FILES {
        for end in 0..text.len() {
            kernel.write(&format!("10/{file}"), &text[..end]);
            let outcome = kernel.group(named("shop")).look();
            if file == "stat" {
                continue; // without the start it is no process, which isn't a fault
            }
            assert_eq!(members(&outcome), Some(1.0), "{file} cut at {end}");
        }
        kernel.write(&format!("10/{file}"), text);
    }
}

#[test]
fn a_file_that_is_gone_costs_its_numbers() {
    for (file, _) in FILES {
        let kernel = kernel();
        let mut group = kernel.group(named("shop"));
        assert_eq!(members(&group.look()), Some(1.0));
        fs::remove_file(kernel.path().join("10").join(file)).unwrap();
        let outcome = group.look();
        match file {
            "stat" => {
                let reason = outcome.unwrap_err().to_string();
                assert!(reason.contains("no such process runs"), "{file}: {reason}");
            }
            _ => assert_eq!(members(&outcome), Some(1.0), "{file}"),
        }
    }
}

#[test]
fn what_a_newer_kernel_adds_is_ignored() {
    let kernel = kernel();
    let plain = |kernel: &Kernel| {
        let reading = kernel.group(named("shop")).look().unwrap();
        let families = reading.families().iter();
        families.map(|family| format!("{} {:?}", family.name, family.series)).collect::<Vec<_>>()
    };
    let before = plain(&kernel);
    assert!(before.iter().any(|family| family.starts_with("concurrency_process_accept_queue ")));
    for (file, text) in FILES {
        // More words at each line's end, and a line that nobody knows after the last.
        let lines = text.lines().map(|line| format!("{line} 0x77 new 9\n"));
        let more = lines.chain(["Brand_new:\t1 2 3\n".to_string()]).collect::<String>();
        kernel.write(&format!("10/{file}"), &more);
    }
    assert_eq!(plain(&kernel), before);
}

#[test]
fn a_process_that_ends_between_listing_and_look_is_parted_with() {
    let kernel = kernel();
    kernel.process(11, "shop", (1, 101));
    let mut group = kernel.group(named("shop"));
    assert_eq!(members(&group.look()), Some(2.0));
    // Its folder is still listed, and empty: as of one that is being taken apart.
    kernel.end(11);
    fs::create_dir(kernel.path().join("11")).unwrap();
    let reading = group.look().unwrap();
    assert_eq!(value(&reading, "concurrency_process_members", ""), Some(1.0));
    assert_eq!(value(&reading, "concurrency_process_cpu_seconds", ""), Some(2.0));
    // One that has ended and that nobody waits for is none.
    kernel.write("11/stat", &stat(11, "shop", (1, 102)).replace(") S", ") Z"));
    assert_eq!(members(&group.look()), Some(1.0));
}

#[test]
fn calls_of_a_32_bit_program_are_not_read() {
    let kernel = kernel();
    kernel.write("10/exe", "\x7fELF\x01\x01");
    let reading = kernel.group(named("shop")).look().unwrap();
    let threads = |state| value(&reading, "concurrency_process_threads", state);
    assert_eq!((threads("lock"), threads("sleeping")), (None, Some(1.0)));
    assert!(reading.notes().iter().any(|note| note.contains("32-bit")), "{:?}", reading.notes());
}
