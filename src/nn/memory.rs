//! Memory for results: neither returned to the system nor cleared in vain.
//!
//! A training step frees and asks for the same large blocks over and over. By default glibc returns each to the system, which then
//! clears every page anew: a third of the time of a step.

use std::mem::MaybeUninit;

/// A vector of `len` floats that `fill` writes. Clearing it first would be another pass over memory.
///
/// # Safety
/// `fill` has to write every element.
pub(super) unsafe fn written(len: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    fill(&mut values.spare_capacity_mut()[..len]);
    // SAFETY: `fill` has written the first `len` elements.
    unsafe { values.set_len(len) };
    values
}

/// Tells glibc to keep freed blocks, once per process; elsewhere nothing.
pub(super) fn keep_freed_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;
        use std::sync::Once;
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_MMAP_THRESHOLD: c_int = -3;
        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        static ONCE: Once = Once::new();
        // SAFETY: glibc's mallopt takes any two integers, refuses values that it does not like, and locks what it changes.
        ONCE.call_once(|| unsafe {
            mallopt(M_TRIM_THRESHOLD, c_int::MAX);
            mallopt(M_MMAP_THRESHOLD, 1 << 30);
        });
    }
}
