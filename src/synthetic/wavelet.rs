//! The Ricker wavelet, and layers convolved with it.

use super::field::Dice;

/// Ricker's wavelet at `t` dominant wavelengths from its peak: the normalised second derivative of a Gaussian.
#[inline]
pub(super) fn ricker(t: f32) -> f32 {
    let a = (std::f32::consts::PI * t) * (std::f32::consts::PI * t);
    if a > 14.0 { 0.0 } else { (1.0 - 2.0 * a) * libm::expf(-a) }
}

/// Samples per pixel of stratigraphic depth.
const FINE: f32 = 2.0;
/// Ratio of the wavelengths of two neighbouring traces.
const RATIO: f32 = 1.5;
const LEVELS: usize = 7;
/// Stratigraphic depths that a trace covers, in pixels.
const ABOVE: f32 = 500.0;
const BELOW: f32 = 1300.0;

/// Layered reflectivity convolved with Ricker wavelets of seven wavelengths: a seismogram as a function of
/// stratigraphic depth, from which every pixel reads what the layers there send back.
pub(super) struct Seismogram {
    shortest: f32,
    levels: Vec<Vec<f32>>,
}

impl Seismogram {
    /// Convolves layers (see [`layers`]) that suit `wavelength`; unit root mean square.
    pub fn new(spikes: &[(f32, f32)], wavelength: f32) -> Seismogram {
        let shortest = (wavelength / (RATIO * RATIO)).max(2.0);
        let mut levels = Vec::with_capacity(LEVELS);
        let mut length = shortest;
        for _ in 0..LEVELS {
            levels.push(convolve(spikes, length));
            length *= RATIO;
        }
        let middle = &levels[2];
        let power = middle.iter().map(|v| v * v).sum::<f32>() / middle.len() as f32;
        let gain = 1.0 / power.sqrt().max(1e-6);
        levels.iter_mut().flatten().for_each(|v| *v *= gain);
        Seismogram { shortest, levels }
    }

    /// Which trace has a wavelength (in units of stratigraphic depth), as a fractional index.
    pub fn level(&self, wavelength: f32) -> f32 {
        (libm::logf(wavelength / self.shortest) / libm::logf(RATIO)).clamp(0.0, LEVELS as f32 - 1.01)
    }

    #[inline]
    pub fn at(&self, level: f32, u: f32) -> f32 {
        let p = ((u + ABOVE) * FINE).clamp(0.0, (ABOVE + BELOW) * FINE - 2.0);
        let (i, j) = (p as i32 as usize, level.max(0.0) as i32 as usize);
        let (t, s) = (p - i as f32, level - j as f32);
        let read = |level: &Vec<f32>| level[i] + t * (level[i + 1] - level[i]);
        let (long, short) =
            (read(&self.levels[(j + 1).min(LEVELS - 1)]), read(&self.levels[j.min(LEVELS - 1)]));
        short + s * (long - short)
    }
}

/// Adds one wavelet per spike: the convolution of a sparse reflectivity.
fn convolve(spikes: &[(f32, f32)], wavelength: f32) -> Vec<f32> {
    let samples = ((ABOVE + BELOW) * FINE) as usize;
    let half = (1.2 * wavelength * FINE) as usize + 1;
    let kernel: Vec<f32> =
        (0..=2 * half).map(|i| ricker((i as f32 - half as f32) / (wavelength * FINE))).collect();
    let mut trace = vec![0.0; samples + 2 * half];
    for &(u, r) in spikes {
        let at = ((u + ABOVE) * FINE) as usize;
        for (out, w) in trace[at.min(samples - 1)..].iter_mut().zip(&kernel) {
            *out += r * w;
        }
    }
    trace[half..half + samples].to_vec()
}

/// Interfaces from stratigraphic depth `first` down, as (depth, reflection coefficient).
///
/// Bed thickness is log-normal about a quarter of a wavelength. Beds come in packages of similar contrast, as calm
/// shale and sandy turbidites do, and a few marker beds stand out. A coefficient is `(I2 - I1) / (I2 + I1)`.
pub(super) fn layers(dice: &mut Dice, wavelength: f32, first: f32) -> Vec<(f32, f32)> {
    let mut spikes = Vec::new();
    let (mut u, mut left, mut contrast) = (first, 0.0, 0.1);
    let mut above = 1.0;
    while u < BELOW - 2.0 {
        if left <= 0.0 {
            left = dice.around(4.0 * wavelength, 0.7);
            contrast = dice.around(0.07, 0.5);
        }
        let marker = if dice.chance(0.05) { 1.8 } else { 1.0 };
        let below = (1.0 + marker * contrast * dice.normal()).clamp(0.3, 3.0);
        spikes.push((u, (below - above) / (below + above)));
        let thickness = dice.around(0.25 * wavelength, 0.8).max(0.5);
        (u, left, above) = (u + thickness, left - thickness, below);
    }
    spikes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ricker_has_its_peak_its_zeros_and_no_mean() {
        assert_eq!(ricker(0.0), 1.0);
        let zero = 1.0 / (std::f32::consts::PI * 2f32.sqrt());
        assert!(ricker(zero).abs() < 1e-6 && ricker(-zero * 1.1) < 0.0);
        let sum: f32 = (-200..=200).map(|i| ricker(i as f32 / 100.0)).sum();
        assert!(sum.abs() < 1e-2, "{sum}");
    }

    #[test]
    fn one_interface_gives_one_wavelet_of_the_asked_length() {
        let seismogram = Seismogram::new(&[(100.0, 0.2)], 18.0);
        let level = seismogram.level(18.0);
        let peak = seismogram.at(level, 100.0);
        for d in [-9.0, -4.0, 0.0, 4.0, 9.0] {
            let (got, want) = (seismogram.at(level, 100.0 + d) / peak, ricker(d / 18.0));
            assert!((got - want).abs() < 0.02, "at {d}: {got}, expected {want}");
        }
    }

    #[test]
    fn layers_go_down_and_reflect_less_than_everything() {
        let spikes = layers(&mut Dice::new(3, 0), 15.0, -500.0);
        assert!(spikes.len() > 150 && spikes.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(spikes.iter().all(|s| s.1.abs() < 1.0));
    }
}
