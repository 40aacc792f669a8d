//! Products of bf16 matrices by AMX, in assembly since a stable compiler has no other way to its instructions.
//!
//! This file needs neither the rest of the crate nor `std`: `tests/amx_emulator` builds it into a program for an emulated processor.

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::marker::PhantomData;

/// Rows and columns of the sums that one product adds to: two tiles each way.
pub(crate) const SIDE: usize = 32;
/// Floats, pairs of bf16 in truth, of the weights that meet one [`Line`]: 16 pairs by [`SIDE`] columns.
pub(crate) const LINE_WEIGHTS: usize = 16 * SIDE;

/// As many bf16 as a row of a tile holds.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Line(pub [u16; 32]);

/// The sums, row by row.
#[repr(C, align(64))]
pub(crate) struct Sums(pub [[f32; SIDE]; SIDE]);

/// What LDTILECFG reads.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static WHOLE_TILES: Configuration = {
    let mut configuration =
        Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
    let mut tile = 0;
    while tile < 8 {
        configuration.row_bytes[tile] = 64;
        configuration.rows[tile] = 16;
        tile += 1;
    }
    configuration
};

/// The tiles of this thread, configured until this is dropped; there must not be two at a time.
pub(crate) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Configures the tiles.
    ///
    /// # Safety
    /// The processor has AMX with bf16, and the system lets this process use it.
    pub(crate) unsafe fn configure() -> Tiles {
        // SAFETY: the caller's; all tiles are as large as palette 1 has them.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE_TILES, options(nostack, readonly)) };
        Tiles(PhantomData)
    }

    /// Adds the product of [`SIDE`] rows of bf16, `pitch` lines apart, and of weights (pair of rows, column, row of the pair).
    pub(crate) fn add_product(&self, rows: &[Line], pitch: usize, weights: &[f32], sums: &mut Sums) {
        let lines = weights.len() / LINE_WEIGHTS;
        assert!(rows.len() >= (SIDE - 1) * pitch + lines, "the rows of a product are too short");
        if lines > 0 {
            // SAFETY: the tiles are configured as long as `self` lives; as the assertion has it, all lines lie in `rows`.
            unsafe { add_lines(rows.as_ptr(), pitch, weights.as_ptr(), lines, sums.0.as_mut_ptr()) };
        }
    }
}

/// Tiles 0 to 3 are the quarters of the sums; 4 and 5 are 16 rows each, 6 and 7 the weights of 16 columns each, line by line.
///
/// # Safety
/// The tiles are configured, `rows` are [`SIDE`] times `lines`, not zero, `pitch` lines apart, and `weights` are theirs.
unsafe fn add_lines(
    rows: *const Line,
    pitch: usize,
    weights: *const f32,
    lines: usize,
    sums: *mut [f32; SIDE],
) {
    // SAFETY: the caller's. The sums and the weights are `SIDE` times 4 bytes a row.
    unsafe {
        asm!(
            "tileloadd tmm0, [{sums} + {row}]; tileloadd tmm1, [{sums} + {row} + 64]",
            "tileloadd tmm2, [{lower_sums} + {row}]; tileloadd tmm3, [{lower_sums} + {row} + 64]",
            "2:",
            "tileloadd tmm4, [{rows} + {pitch}]; tileloadd tmm5, [{lower_rows} + {pitch}]",
            "tileloadd tmm6, [{weights} + {row}]; tileloadd tmm7, [{weights} + {row} + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6; tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6; tdpbf16ps tmm3, tmm5, tmm7",
            "add {rows}, 64; add {lower_rows}, 64; add {weights}, 2048",
            "dec {lines}; jnz 2b",
            "tilestored [{sums} + {row}], tmm0; tilestored [{sums} + {row} + 64], tmm1",
            "tilestored [{lower_sums} + {row}], tmm2; tilestored [{lower_sums} + {row} + 64], tmm3",
            sums = in(reg) sums,
            lower_sums = in(reg) sums.add(SIDE / 2),
            row = in(reg) SIDE * size_of::<f32>(),
            rows = inout(reg) rows => _,
            lower_rows = inout(reg) rows.add(SIDE / 2 * pitch) => _,
            pitch = in(reg) pitch * size_of::<Line>(),
            weights = inout(reg) weights => _,
            lines = inout(reg) lines => _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

impl Drop for Tiles {
    /// Empty tiles cost nothing when the system changes threads, and let the core sleep deeply.
    fn drop(&mut self) {
        // SAFETY: whoever configured them found AMX.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Whether the processor multiplies tiles of bf16 as large as these, and the system saves them when it changes threads.
pub(crate) fn processor_has_tiles() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AMX_BF16_AND_TILE: u32 = 1 << 22 | 1 << 24;
    // The state of SSE, AVX and AVX-512, and the tiles with their configuration.
    const SAVED: u32 = 0b110_0000_0000_1110_0110;
    let highest = __cpuid(0).eax;
    if highest < 0x1d
        || __cpuid(1).ecx & OSXSAVE == 0
        || __cpuid_count(7, 0).edx & AMX_BF16_AND_TILE != AMX_BF16_AND_TILE
    {
        return false;
    }
    let saved: u32;
    // SAFETY: OSXSAVE says that the instruction is there; 0 names the states that the system saves.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") saved, out("edx") _, options(nostack, nomem)) };
    let palette = __cpuid_count(0x1d, 1);
    let (tiles, row_bytes, rows) = (palette.ebx >> 16, palette.ebx & 0xffff, palette.ecx & 0xffff);
    saved & SAVED == SAVED && tiles >= 8 && row_bytes >= 64 && rows >= 16
}
