//! One thread has a mutex of the standard library and sleeps; so many others wait for it.

use std::sync::Mutex;
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let _held = LOCK.lock();
    for _ in 0..count {
        thread::spawn(|| drop(LOCK.lock()));
    }
    println!("ready");
    loop {
        thread::park();
    }
}
