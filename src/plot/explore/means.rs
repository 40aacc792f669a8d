//! The mean image and the mean mask, overall and by depth.

use rayon::prelude::*;

use crate::plot::colormap::Colormap;
use crate::plot::explore::missing;
use crate::plot::explore::numbers::{DepthBins, ends};
use crate::plot::figure::Figure;
use crate::plot::gallery::Gallery;
use crate::plot::style::{Legend, Sign};
use crate::plot::text::{counted, feet, percent};
use crate::plot::tile::Tile;
use crate::plot::words::Words;
use crate::types::{Dataset, Image, Sample};
use crate::{Error, Result};

/// How many samples are summed at once: fixed, so that the number of threads changes no bit.
const CHUNK: usize = 512;
/// Bins of depth.
const BINS: usize = 3;

/// Sums over samples of one bin of depth.
#[derive(Clone, Default)]
struct Sums {
    /// Height and width, 0 before the first image.
    size: (usize, usize),
    /// The least and the greatest depth.
    depths: Option<(f32, f32)>,
    images: usize,
    amplitudes: Vec<f64>,
    masks: usize,
    salt: Vec<f64>,
}

impl Dataset {
    /// The mean image and the mean mask of all samples, and of those in each of three equally wide bins of depth. Grey goes
    /// from the least to the greatest mean amplitude, colour from no salt to the largest share of masks with salt at a pixel.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// assert_eq!(salt.train.plot_means()?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`] without any image; [`Error::Shape`] when images differ in size; as [`Dataset::get`].
    pub fn plot_means(&self) -> Result<Figure> {
        if self.is_empty() {
            return Err(missing("of means", "there is no image"));
        }
        let depths: Vec<f64> = self.depths().into_iter().flatten().map(f64::from).collect();
        let bins = (!depths.is_empty()).then(|| DepthBins::new(&depths, BINS));
        let by_bin = self.sums(bins.as_ref())?;
        let mut all = Sums::default();
        by_bin.iter().try_for_each(|sums| all.add(sums))?;
        // Images in one bin, or without depths, are shown once.
        let by_bin: Vec<Sums> = by_bin.into_iter().filter(|sums| sums.images > 0).collect();
        let parts =
            by_bin.into_iter().filter(|sums| sums.images < all.images).map(|sums| (sums.name(), sums));
        let parts: Vec<(String, Sums)> = parts.collect();
        let columns = [("all images".to_owned(), all)].into_iter().chain(parts).collect::<Vec<_>>();
        draw(&columns, &Words::of(self))
    }

    /// Sums of images and masks in each bin of depth; those without a depth are the last ones.
    fn sums(&self, bins: Option<&DepthBins>) -> Result<Vec<Sums>> {
        let chunk = |part: Dataset| {
            let mut sums = vec![Sums::default(); bins.map_or(0, DepthBins::len) + 1];
            let unknown = sums.len() - 1;
            for i in 0..part.len() {
                let sample = part.get(i)?;
                let bin = sample.z.and_then(|z| bins.map(|bins| bins.of(f64::from(z))));
                sums[bin.unwrap_or(unknown)].sample(&sample)?;
            }
            Ok(sums)
        };
        let parts: Vec<Dataset> = self.parts(CHUNK).collect();
        let chunks: Vec<Result<Vec<Sums>>> = parts.into_par_iter().map(chunk).collect();
        let mut total: Vec<Sums> = vec![];
        for chunk in chunks {
            let chunk = chunk?;
            total.resize(chunk.len(), Sums::default());
            total.iter_mut().zip(&chunk).try_for_each(|(total, sums)| total.add(sums))?;
        }
        Ok(total)
    }
}

impl Sums {
    fn sample(&mut self, sample: &Sample) -> Result<()> {
        self.fits((sample.image.height, sample.image.width))?;
        self.images += 1;
        self.reach(sample.z.map(|z| (z, z)));
        plus(&mut self.amplitudes, sample.image.pixels.iter().map(|&p| f64::from(p)));
        if let Some(mask) = &sample.mask {
            self.masks += 1;
            plus(&mut self.salt, mask.any().iter().map(|&p| f64::from(p)));
        }
        Ok(())
    }

    fn add(&mut self, other: &Sums) -> Result<()> {
        if other.images == 0 {
            return Ok(());
        }
        self.fits(other.size)?;
        self.reach(other.depths);
        self.images += other.images;
        self.masks += other.masks;
        plus(&mut self.amplitudes, other.amplitudes.iter().copied());
        plus(&mut self.salt, other.salt.iter().copied());
        Ok(())
    }

    fn fits(&mut self, size: (usize, usize)) -> Result<()> {
        if self.images == 0 || self.size == size {
            self.size = size;
            return Ok(());
        }
        Err(Error::Shape {
            what: "mean image".into(),
            expected: format!("{}×{} for all images", self.size.0, self.size.1),
            got: format!("{}×{}", size.0, size.1),
            hint: "select images of one size".into(),
        })
    }

    fn reach(&mut self, depths: Option<(f32, f32)>) {
        self.depths = match (self.depths, depths) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (one, other) => one.or(other),
        };
    }

    /// From which depth to which its images are.
    fn name(&self) -> String {
        match self.depths {
            Some((low, high)) if low < high => format!("{low:.0} to {high:.0} ft"),
            Some((z, _)) => feet(z),
            None => "depth unknown".into(),
        }
    }

    fn mean_image(&self) -> Vec<f64> {
        self.amplitudes.iter().map(|sum| sum / self.images as f64).collect()
    }

    fn mean_mask(&self) -> Vec<f64> {
        self.salt.iter().map(|sum| sum / self.masks as f64).collect()
    }
}

fn plus(sums: &mut Vec<f64>, values: impl ExactSizeIterator<Item = f64>) {
    if sums.is_empty() {
        sums.resize(values.len(), 0.0);
    }
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// The means of each column, images above masks.
fn draw(columns: &[(String, Sums)], words: &Words) -> Result<Figure> {
    let size = columns.first().map_or((0, 0), |(_, sums)| sums.size);
    let pictures: Vec<Vec<f64>> = columns.iter().map(|(_, sums)| sums.mean_image()).collect();
    let (low, high) = ends(pictures.iter().flatten().copied());
    let mut legend =
        vec![Legend::new(Sign::Map(Colormap::Grey), format!("mean amplitude {low:.2} to {high:.2}"))];
    let top = columns.iter().zip(&pictures).map(|((name, sums), means)| {
        let tile = scaled(means, (low, high), (size, Colormap::Grey));
        Tile { title: name.clone(), detail: counted(sums.images, "image"), ..tile }
    });
    let mut tiles: Vec<Tile> = top.collect();
    let masked: Vec<&(String, Sums)> = columns.iter().filter(|(_, sums)| sums.masks > 0).collect();
    if !masked.is_empty() {
        let masks: Vec<Vec<f64>> = masked.iter().map(|(_, sums)| sums.mean_mask()).collect();
        let (_, high) = ends(masks.iter().flatten().copied());
        let some = words.some();
        let label = match high > 0.0 {
            true => format!("masks with {some} there, 0 to {}", percent(high)),
            false => format!("no mask has {some}"),
        };
        legend.push(Legend::new(Sign::Map(Colormap::Probability), label));
        for ((name, sums), means) in masked.into_iter().zip(&masks) {
            let coverage = means.iter().sum::<f64>() / means.len() as f64;
            let tile = scaled(means, (0.0, high), (size, Colormap::Probability));
            let detail = format!("{}, {}", counted(sums.masks, "mask"), words.share(coverage));
            tiles.push(Tile { title: format!("{some}, {name}"), detail, ..tile });
        }
    }
    let group = if columns.len() == 1 { tiles.len() } else { columns.len() };
    let images = columns.first().map_or(0, |(_, sums)| sums.images);
    Gallery { title: format!("Means of {}", counted(images, "image")), legend, tiles, group }.draw()
}

/// A picture of values from `low` to `high`.
fn scaled(
    values: &[f64],
    (low, high): (f64, f64),
    ((height, width), colors): ((usize, usize), Colormap),
) -> Tile {
    let range = if high > low { high - low } else { 1.0 };
    let pixels = values.iter().map(|v| ((v - low) / range) as f32).collect();
    Tile {
        image: Image { height, width, pixels },
        colors,
        truth: None,
        prediction: None,
        title: String::new(),
        detail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Mask;

    fn sample(i: usize, width: usize) -> Sample {
        Sample {
            id: format!("{i:03}"),
            z: (!i.is_multiple_of(7)).then_some(i as f32),
            image: Image::new(2, width, (0..2 * width).map(|p| ((p + i) % 11) as f32 / 10.0).collect())
                .unwrap(),
            mask: (!i.is_multiple_of(3)).then(|| {
                Mask::new(2, width, (0..2 * width).map(|p| u8::from((p + i).is_multiple_of(4))).collect())
                    .unwrap()
            }),
        }
    }

    #[test]
    fn sums_are_those_of_a_plain_loop() {
        let samples: Vec<Sample> = (0..CHUNK + 60).map(|i| sample(i, 3)).collect();
        let depths: Vec<f64> = samples.iter().filter_map(|s| s.z.map(f64::from)).collect();
        let bins = DepthBins::new(&depths, BINS);
        let sums = Dataset::from_samples(samples.clone()).unwrap().sums(Some(&bins)).unwrap();
        for (bin, sums) in sums.iter().enumerate() {
            let here: Vec<&Sample> =
                samples.iter().filter(|s| s.z.map_or(BINS, |z| bins.of(f64::from(z))) == bin).collect();
            let masks: Vec<&Mask> = here.iter().filter_map(|s| s.mask.as_ref()).collect();
            assert_eq!((sums.images, sums.masks), (here.len(), masks.len()));
            for p in 0..6 {
                let image =
                    here.iter().map(|s| f64::from(s.image.pixels[p])).sum::<f64>() / here.len() as f64;
                let salt = masks.iter().map(|m| f64::from(m.pixels()[p])).sum::<f64>() / masks.len() as f64;
                assert!(
                    (sums.mean_image()[p] - image).abs() < 1e-12
                        && (sums.mean_mask()[p] - salt).abs() < 1e-12
                );
            }
        }
    }

    #[test]
    fn images_of_two_sizes_have_no_mean() {
        let samples = (0..4).map(|i| sample(i, if i == 3 { 4 } else { 3 })).collect();
        let error = Dataset::from_samples(samples).unwrap().plot_means().unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error}");
    }
}
