//! The loss of one image's probabilities.

use crate::Result;
use crate::metrics::overlap::{check_map, not_a_probability};
use crate::types::{Image, Mask};

/// What a probability of 0 counts as where it should be 1: e⁻¹⁰⁰.
const LEAST: f64 = 3.720075976020836e-44;

/// The mean over the pixels of `−ln p` where salt is and of `−ln(1 − p)` where none is, 0 or more; the logarithms are at least
/// −100, as in PyTorch's `binary_cross_entropy`.
///
/// ```
/// use tgs_salt::{metrics::binary_cross_entropy, types::{Image, Mask}};
/// let truth = Mask::new(1, 2, vec![0, 1])?;
/// let loss = binary_cross_entropy(&truth, &Image::new(1, 2, vec![0.5, 0.5])?)?;
/// assert!((loss - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) when the sizes differ or the truth has several
/// classes; [`Error::Image`](crate::Error::Image) when a probability is not a number in `[0, 1]`.
pub fn binary_cross_entropy(truth: &Mask, probabilities: &Image) -> Result<f64> {
    check_map(truth, probabilities)?;
    let pixels = &probabilities.pixels;
    if let Some(&p) = pixels.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(not_a_probability(0, p));
    }
    let likely = |(&salt, &p): (&u8, &f32)| {
        let p = f64::from(p);
        (if salt == 1 { p } else { 1.0 - p }).max(LEAST)
    };
    // The product of seven numbers of e⁻¹⁰⁰ or more is not yet 0: one logarithm is enough for them.
    let groups = truth.pixels().chunks(7).zip(pixels.chunks(7));
    let logs = groups.map(|(salt, p)| libm::log(salt.iter().zip(p).map(likely).product()));
    Ok(0.0 - logs.sum::<f64>() / pixels.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// PyTorch 2.15: `F.binary_cross_entropy(torch.tensor(p), torch.tensor(t))` in double precision, p being floats.
    #[test]
    fn it_is_that_of_pytorch() {
        let sure: Vec<f32> = (0..14).map(|i| if i % 2 == 0 { 0.0 } else { 1.0 }).collect();
        let right: Vec<u8> = (0..14).map(|i| i % 2).collect();
        let wrong: Vec<u8> = (0..14).map(|i| 1 - i % 2).collect();
        let some = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 0.0, 1e-30, 1e-45];
        let salt = vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1];
        for (p, t, loss) in [(sure.clone(), right, 0.0), (sure, wrong, 100.0), (some, salt, PYTORCH)] {
            let (truth, map) = (Mask::new(1, t.len(), t).unwrap(), Image::new(1, p.len(), p).unwrap());
            let got = binary_cross_entropy(&truth, &map).unwrap();
            assert!((got - loss).abs() <= 1e-13 * loss && got.is_sign_positive(), "{got} instead of {loss}");
        }
    }

    const PYTORCH: f64 = 21.30761467689276;

    #[test]
    fn what_is_no_probability_is_refused() {
        let truth = Mask::new(1, 2, vec![0, 1]).unwrap();
        for p in [f32::NAN, 1.5, -0.1] {
            let error = binary_cross_entropy(&truth, &Image::new(1, 2, vec![0.5, p]).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Image { .. }), "{error}");
        }
        let wide = Image::new(1, 3, vec![0.5; 3]).unwrap();
        assert!(matches!(binary_cross_entropy(&truth, &wide), Err(Error::Shape { .. })));
    }
}
