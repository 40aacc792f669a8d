//! Changes of amplitudes, which leave the mask alone.

use super::Augment;
use super::draws::{Draws, Stream, normals};
use crate::types::Image;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

impl Augment {
    /// Brightness and contrast, gamma, noise, cutout. Each ends in `[0, 1]`.
    pub(super) fn change_amplitudes(&self, image: &mut Image, draws: &Draws) {
        let brightness = draws.signed(Stream::Brightness, self.brightness);
        let contrast = draws.signed(Stream::Contrast, self.contrast);
        if brightness.is_some() || contrast.is_some() {
            let (factor, mean) = (1.0 + contrast.unwrap_or_default() as f32, mean(&image.pixels));
            let offset = brightness.unwrap_or_default() as f32;
            map(image, |pixel| (pixel - mean) * factor + mean + offset);
        }
        if let Some(share) = draws.signed(Stream::Gamma, 1.0).filter(|_| self.gamma > 0.0) {
            let power = libm::pow(1.0 + self.gamma, share);
            raise(image, power);
        }
        if let Some(random) = draws.stream(Stream::Noise, self.noise > 0.0) {
            add_noise(image, random, self.noise);
        }
        if let Some(random) = draws.stream(Stream::Cutout, self.cutout > 0) {
            self.cut_out(image, random);
        }
    }

    /// Holes, each whole inside of the image.
    fn cut_out(&self, image: &mut Image, mut random: ChaCha8Rng) {
        let grey = mean(&image.pixels);
        let side = |size: usize| ((size as f64 * self.cutout_size).round() as usize).clamp(1, size);
        let (height, width) = (side(image.height), side(image.width));
        for _ in 0..random.random_range(1..=self.cutout as u64) {
            let mut place = |size: usize, side: usize| random.random_range(0..=(size - side) as u64) as usize;
            let (top, left) = (place(image.height, height), place(image.width, width));
            for line in image.pixels.chunks_exact_mut(image.width).skip(top).take(height) {
                line[left..left + width].fill(grey);
            }
        }
    }
}

fn map(image: &mut Image, change: impl Fn(f32) -> f32) {
    image.pixels.iter_mut().for_each(|pixel| *pixel = change(*pixel).clamp(0.0, 1.0));
}

fn mean(pixels: &[f32]) -> f32 {
    (pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len().max(1) as f64) as f32
}

/// Amplitudes to a power, from a table of four steps per grey level, linear in between: within 0.002 of the power.
fn raise(image: &mut Image, power: f64) {
    const STEPS: usize = 1020;
    let table: Vec<f32> =
        (0..=STEPS + 1).map(|i| libm::powf(i.min(STEPS) as f32 / STEPS as f32, power as f32)).collect();
    map(image, |pixel| {
        let at = pixel.clamp(0.0, 1.0) * STEPS as f32;
        let below = at as usize;
        table[below] + (at - below as f32) * (table[below + 1] - table[below])
    });
}

/// Gaussian noise of a standard deviation between 0 and `most`.
fn add_noise(image: &mut Image, mut random: ChaCha8Rng, most: f64) {
    let deviation = (most * random.random::<f64>()) as f32;
    for pixels in image.pixels.chunks_mut(2) {
        for (pixel, normal) in pixels.iter_mut().zip(normals(&mut random)) {
            *pixel = (*pixel + deviation * normal).clamp(0.0, 1.0);
        }
    }
}
