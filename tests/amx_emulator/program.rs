//! Runs the tile products of the crate on an emulated processor without a system, beside plain loops; see run.sh.
#![no_std]
#![no_main]

#[path = "../../src/nn/cpu/tile_product.rs"]
mod tile_product;

use core::arch::asm;
use core::fmt::Write;
use tile_product::{LINE_WEIGHTS, Line, SIDE, Sums, Tiles, processor_has_tiles};

/// Where mapped memory ends: `start.s` leaves a hole after each.
const ROWS_END: usize = 6 << 20;
const WEIGHTS_END: usize = 10 << 20;
const SUMS_END: usize = 14 << 20;
/// Bytes before the sums that have to stay as they are.
const MARGIN: usize = 4096;

/// # Safety
/// Whatever listens at the port does with the byte.
unsafe fn out(port: u16, byte: u8) {
    // SAFETY: the caller's.
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nostack, nomem)) };
}

/// # Safety
/// Whatever listens at the port does when it is read.
unsafe fn input(port: u16) -> u8 {
    let byte;
    // SAFETY: the caller's.
    unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nostack, nomem)) };
    byte
}

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            // SAFETY: bit 5 of the line's state says that the last byte is through.
            unsafe {
                while input(0x3fd) & 0x20 == 0 {}
                out(0x3f8, byte);
            }
        }
        Ok(())
    }
}

fn say(what: core::fmt::Arguments) {
    let _ = writeln!(Serial, "{what}");
}

/// Ends the emulator, once the serial line has taken the last bytes.
fn end() -> ! {
    // SAFETY: reading the line's state changes nothing.
    while unsafe { input(0x3fd) } & 0x40 == 0 {}
    loop {
        // SAFETY: this port is for ending.
        b"Shutdown".iter().for_each(|&byte| unsafe { out(0x8900, byte) });
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    say(format_args!("FAILED: {info}"));
    end()
}

/// Lets the system's part be done: OSXSAVE, then the states that XSAVE has.
fn save_states(states: u32) {
    // SAFETY: nobody else runs on this processor, which has these states.
    unsafe {
        asm!("mov {0}, cr4", "or {0}, 0x40000", "mov cr4, {0}", out(reg) _, options(nostack));
        asm!("xsetbv", in("ecx") 0, in("eax") states, in("edx") 0, options(nostack));
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// bf16: a whole number of -4..=4, which sums hold exactly, or a number of 8 bits around one.
    fn half(&mut self, whole: bool) -> u16 {
        let value = (self.next() % 9) as f32 - 4.0;
        match whole {
            true => (value.to_bits() >> 16) as u16,
            false => (0x3f00 + self.next() % 0x100 + (self.next() % 2 << 15)) as u16,
        }
    }
}

fn float(half: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(half) << 16))
}

/// One sum as it should be, and the sum of all its parts' sizes, which a rounding error is measured by.
fn plain_sum(rows: &[Line], weights: &[f32], at: usize, column: usize, start: f32) -> (f64, f64) {
    let (mut sum, mut size) = (f64::from(start), f64::from(start).abs());
    for (line, weights) in weights.chunks_exact(LINE_WEIGHTS).enumerate() {
        for pair in 0..16 {
            let weight = weights[pair * SIDE + column].to_bits();
            for (half, weight) in [weight as u16, (weight >> 16) as u16].into_iter().enumerate() {
                let product = float(rows[at + line].0[2 * pair + half]) * float(weight);
                sum += product;
                size += product.abs();
            }
        }
    }
    (sum, size)
}

/// What a product reads and writes, each at the end of mapped memory, and the bytes before the sums.
struct Memory {
    rows: &'static mut [Line],
    weights: &'static mut [f32],
    sums: &'static mut Sums,
    margin: &'static mut [u8],
}

/// Made anew for each product, when the last one's is gone.
fn memory(pitch: usize, lines: usize, whole: bool) -> Memory {
    use core::slice::from_raw_parts_mut as slice;
    let (rows, weights) = ((SIDE - 1) * pitch + lines, lines * LINE_WEIGHTS);
    let sums = SUMS_END - size_of::<Sums>();
    // SAFETY: nothing else lies in these pages, and all bits are values of these types.
    let memory = unsafe {
        Memory {
            rows: slice((ROWS_END - rows * size_of::<Line>()) as *mut Line, rows),
            weights: slice((WEIGHTS_END - weights * size_of::<f32>()) as *mut f32, weights),
            sums: &mut *(sums as *mut Sums),
            margin: slice((sums - MARGIN) as *mut u8, MARGIN),
        }
    };
    let mut random = Random((pitch * 1000 + lines) as u64);
    memory.rows.iter_mut().flat_map(|row| &mut row.0).for_each(|value| *value = random.half(whole));
    for weight in memory.weights.iter_mut() {
        let pair = [random.half(whole), random.half(whole)].map(u32::from);
        *weight = f32::from_bits(pair[0] | pair[1] << 16);
    }
    for (row, sums) in memory.sums.0.iter_mut().enumerate() {
        sums.iter_mut().enumerate().for_each(|(column, sum)| *sum = start(row, column));
    }
    memory.margin.fill(0x5a);
    memory
}

/// What the sums begin with.
fn start(row: usize, column: usize) -> f32 {
    (row * SIDE + column) as f32 - 300.0
}

/// One product.
fn check(tiles: &Tiles, pitch: usize, lines: usize, whole: bool) {
    let Memory { rows, weights, sums, margin } = memory(pitch, lines, whole);
    tiles.add_product(rows, pitch, weights, sums);
    let mut worst = 0f64;
    for (row, sums) in sums.0.iter().enumerate() {
        for (column, &sum) in sums.iter().enumerate() {
            let (plain, size) = plain_sum(rows, weights, row * pitch, column, start(row, column));
            let error = (f64::from(sum) - plain).abs();
            let allowed = if whole { 0.0 } else { 1e-6 * size };
            assert!(error <= allowed, "({row}, {column}): {sum}, expected {plain}");
            worst = worst.max(error / size.max(1.0));
        }
    }
    assert!(margin.iter().all(|&byte| byte == 0x5a), "something before the sums was written");
    let numbers = if whole { "whole numbers" } else { "fractions" };
    say(format_args!("rows of {lines} lines, {pitch} apart, {numbers}: worst error {worst:e}"));
}

/// Whether tiles are configured: whether their state is one that a system would have to save.
fn is_configured() -> bool {
    let used: u32;
    // SAFETY: OSXSAVE is on.
    unsafe { asm!("xgetbv", in("ecx") 1, out("eax") used, out("edx") _, options(nostack, nomem)) };
    used & 0x20000 != 0
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    // SAFETY: this makes the line's bytes 8 bits long.
    unsafe { out(0x3fb, 3) };
    assert!(!processor_has_tiles(), "tiles without OSXSAVE");
    save_states(0xe7);
    assert!(!processor_has_tiles(), "tiles that nobody saves");
    save_states(0x600e7);
    assert!(processor_has_tiles(), "no tiles");
    for whole in [true, false] {
        // SAFETY: just looked.
        let tiles = unsafe { Tiles::configure() };
        assert!(is_configured(), "no tiles are configured");
        for (pitch, lines) in [(1, 1), (2, 1), (3, 2), (10, 9), (19, 18), (145, 144), (145, 16), (5, 0)] {
            check(&tiles, pitch, lines, whole);
        }
        drop(tiles);
        assert!(!is_configured(), "the tiles are not released");
    }
    say(format_args!("all products hold"));
    end()
}

/// What the compiler calls for copies; `rep` keeps it from calling this for them again.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") len => _) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") len => _) };
    to
}
