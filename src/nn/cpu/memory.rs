//! Memory for results: neither returned to the system nor cleared in vain.
//!
//! A training step frees and asks for the same large blocks over and over. By default glibc returns each to the system, which then
//! clears every page anew: a third of the time of a step.

use std::mem::MaybeUninit;

/// A vector of `len` floats that `fill` writes. Clearing it first would be another pass over memory.
///
/// # Safety
/// `fill` has to write every element.
pub(crate) unsafe fn written<T>(len: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut values = Vec::with_capacity(len);
    fill(&mut values.spare_capacity_mut()[..len]);
    // SAFETY: `fill` has written the first `len` elements.
    unsafe { values.set_len(len) };
    values
}

/// A place that several threads write to, each its own part.
pub(crate) struct Shared<T>(*mut T);

// SAFETY: it is only a number; whoever writes through it sees to it that no other thread touches that part.
unsafe impl<T: Send> Send for Shared<T> {}
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(values: &mut [MaybeUninit<T>]) -> Shared<T> {
        Shared(values.as_mut_ptr().cast())
    }

    /// The place `offset` elements from the start.
    ///
    /// # Safety
    /// `offset` lies inside the slice that this was made of.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, offset: usize) -> *mut T {
        // SAFETY: the caller's.
        unsafe { self.0.add(offset) }
    }
}

/// Tells glibc to keep freed blocks, once per process; elsewhere nothing.
pub(crate) fn keep_freed_blocks() {
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
