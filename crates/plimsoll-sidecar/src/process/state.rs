//! What a thread does, from the call that it waits in.

use super::text::Call;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Runs, or is ready to.
    Running,
    /// Waits for a lock that another thread has.
    Lock,
    /// Waits for something to do: a condition, an event, a timer, a connection, a child.
    Idle,
    /// Waits for data to come or go.
    Io,
    /// Waits for a device or the kernel, and can't be disturbed.
    Uninterruptible,
    /// Waits in another call, or is stopped.
    Other,
    /// Waits; for what can't be read.
    Sleeping,
}

impl State {
    pub(super) const ALL: [(Self, &'static str); 7] = [
        (Self::Running, "running"),
        (Self::Lock, "lock"),
        (Self::Idle, "idle"),
        (Self::Io, "io"),
        (Self::Uninterruptible, "uninterruptible"),
        (Self::Other, "other"),
        (Self::Sleeping, "sleeping"),
    ];

    /// Says what the state character of `stat` tells by itself.
    pub(super) fn of_character(character: char) -> Self {
        match character {
            'R' => Self::Running,
            'D' => Self::Uninterruptible,
            'S' | 'I' => Self::Sleeping,
            _ => Self::Other,
        }
    }

    /// Says what a call tells by itself. A wait in one that reads or writes may be uninterruptible,
    /// which only the state character tells.
    pub(super) fn of_call(call: &Call) -> Self {
        match call {
            Call::Running => Self::Running,
            Call::Blocked { .. } => Self::Other,
            Call::In { number, arguments, .. } => match *number {
                libc::SYS_futex if LockWait::of(arguments).is_some() => Self::Lock,
                number if number == libc::SYS_flock || number == libc::SYS_fcntl => Self::Lock,
                number if IDLE.contains(&number) => Self::Idle,
                number if IO.contains(&number) => Self::Io,
                _ => Self::Other,
            },
        }
    }

    /// Says whether a thread in this state may be uninterruptible, so that its state character has to
    /// be asked for.
    pub(super) fn may_be_uninterruptible(self) -> bool {
        matches!(self, Self::Io | Self::Other)
    }
}

/// A wait for a contended lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LockWait {
    /// Where the lock's word is.
    pub(super) address: u64,
    /// What the word was when the wait began.
    pub(super) value: u32,
    /// Whether the kernel hands the lock on, and its word holds the owner.
    pub(super) inherits: bool,
}

const WAIT: u64 = 0;
const LOCK_PI: u64 = 6;
const WAIT_BITSET: u64 = 9;
const LOCK_PI2: u64 = 13;
/// Bits that say for whom and by which clock.
const FLAGS: u64 = 128 | 256;

/// The bit of a word that holds its owner, which says that somebody waits.
const WAITERS: u32 = 0x8000_0000;

impl LockWait {
    /// Finds the wait for a lock among what a futex call was given. A contended mutex of glibc, musl,
    /// Rust's standard library and Go's runtime waits while its word is 2; a robust one while it is
    /// its owner. Everything else is a condition: 0xffffffff a parked thread of Rust, 1 one of
    /// `parking_lot` or tokio, any other a sequence number.
    pub(super) fn of(arguments: &[u64; 6]) -> Option<Self> {
        let [address, operation, value, ..] = *arguments;
        let value = (value & 0xffff_ffff) as u32;
        let inherits = match operation & !FLAGS {
            LOCK_PI | LOCK_PI2 => true,
            WAIT | WAIT_BITSET if value == 2 || is_owned(value) => false,
            _ => return None,
        };
        Some(Self { address, value, inherits })
    }

    /// Returns the owner that the word itself names.
    pub(super) fn named_owner(self) -> Option<u32> {
        is_owned(self.value).then_some(self.value & !WAITERS)
    }
}

/// Thread numbers end at 2²², so that what is above is no owner.
fn is_owned(value: u32) -> bool {
    value & WAITERS != 0 && (1..1 << 22).contains(&(value & !WAITERS))
}

const IDLE: &[i64] = &[
    libc::SYS_futex,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_io_getevents,
    libc::SYS_io_uring_enter,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_msgrcv,
    libc::SYS_mq_timedreceive,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
];

const IO: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_copy_file_range,
    libc::SYS_sync,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_connect,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_openat,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_told_from_a_condition() {
        let wait = |operation, value| LockWait::of(&[16, operation, value, 0, 0, 0]);
        assert!(wait(128, 2).is_some() && wait(128 | 9 | 256, 2).is_some());
        assert!(wait(6, 0).is_some_and(|wait| wait.inherits));
        // Parked threads, conditions and wakes.
        for (operation, value) in [(128, 1), (137, 0xffff_ffff), (128, 0), (128, 44), (129, 2)] {
            assert_eq!(wait(operation, value), None, "{operation} {value}");
        }
        let robust = wait(128, 0x8000_0000 | 4_711).unwrap();
        assert_eq!(robust.named_owner(), Some(4_711));
        // The kernel shows a 32-bit argument with whatever the upper half held.
        assert!(wait(128, 0xdead_beef_0000_0002).is_some());
    }

    #[test]
    fn a_call_says_what_a_thread_waits_for() {
        let state = |number| State::of_call(&Call::In { number, arguments: [0; 6], stack: 0 });
        assert_eq!(state(libc::SYS_futex), State::Idle);
        assert_eq!(state(libc::SYS_read), State::Io);
        assert_eq!(state(libc::SYS_flock), State::Lock);
        assert_eq!(state(libc::SYS_munmap), State::Other);
        assert_eq!(State::of_call(&Call::Running), State::Running);
    }
}
