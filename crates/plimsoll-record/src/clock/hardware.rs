//! Nothing but the time-stamp counter and `membarrier`.

/// Says whether the time-stamp counter runs at one rate in every state of the processor, and can be
/// read in order.
#[cfg(target_arch = "x86_64")]
pub(super) fn has_invariant_counter() -> bool {
    use std::arch::x86_64::__cpuid;
    const RDTSCP: u32 = 1 << 27;
    const INVARIANT: u32 = 1 << 8;
    // SAFETY: every x86_64 processor has `cpuid`; the leaves are asked for only when they exist.
    #[allow(unused_unsafe)] // It became safe in a later Rust than our least one.
    unsafe {
        __cpuid(0x8000_0000).eax >= 0x8000_0007
            && __cpuid(0x8000_0001).edx & RDTSCP != 0
            && __cpuid(0x8000_0007).edx & INVARIANT != 0
    }
}

/// Reads the counter once everything before it has been done.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn ticks_in_order() -> u64 {
    let mut processor = 0;
    // SAFETY: called only when `has_invariant_counter`, which asks for `rdtscp`.
    unsafe { std::arch::x86_64::__rdtscp(&raw mut processor) }
}

/// Reads the counter before anything after it is seen by others, since stores keep their order.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn ticks_early() -> u64 {
    // SAFETY: every x86_64 processor has `rdtsc`, and Linux lets every process use it unless that
    // process forbids it to itself.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ticks_early() -> u64 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn has_invariant_counter() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ticks_in_order() -> u64 {
    0
}

/// Asks the kernel for `membarrier` in this process; without it, owners pay for a fence.
#[cfg(target_os = "linux")]
pub(super) fn register_membarrier() -> bool {
    membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED as libc::c_int)
}

/// Makes every running thread of the process pass a full fence. Says whether the kernel did.
#[cfg(target_os = "linux")]
pub(super) fn process_fence() -> bool {
    membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED as libc::c_int)
}

#[cfg(target_os = "linux")]
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes three integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn register_membarrier() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(super) fn process_fence() -> bool {
    false
}
