//! Whether convolutions in bf16 may use AMX, the processor's tiles.

use super::lanes::{Width, limit, width};
use super::tile_product::processor_has_tiles;
use std::sync::OnceLock;

/// Whether this machine has AMX, lets this process use it, and `TGS_SALT_SIMD` does not forbid it.
pub(crate) fn has_tiles() -> bool {
    static TILES: OnceLock<bool> = OnceLock::new();
    // The width says what else the variable forbids, and that weights are packed in panels as wide as two tiles.
    *TILES.get_or_init(|| {
        width() == Width::Avx512 && limit() != "avx512" && processor_has_tiles() && is_permitted()
    })
}

/// Asks Linux for the tiles, which it grants to a whole process, and for good.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    use std::ffi::c_long;
    const ARCH_PRCTL: c_long = 158;
    const ARCH_REQ_XCOMP_PERM: c_long = 0x1023;
    const TILE_DATA: c_long = 18;
    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }
    // SAFETY: this call takes two numbers and touches no memory of the process.
    unsafe { syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 }
}

/// How other systems grant them has been tried nowhere.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}
