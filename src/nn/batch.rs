//! From samples to the tensors of one step, on a worker thread ahead of the step.

use crate::nn::{crop_to, upload};
use crate::transform::{Border, Mixup, Normalize, Padding, Resize, mix};
use crate::types::{Dataset, Image, Mask, Sample};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::sync::mpsc::sync_channel;

/// How many batches wait at most: enough to never wait for data, few enough to keep memory flat.
const AHEAD: usize = 2;

/// What a network wants its batches to look like.
#[derive(Clone, Debug)]
pub(crate) struct BatchLayout {
    pub(crate) batch_size: usize,
    pub(crate) in_channels: usize,
    /// Height and width that images are resized to first.
    pub(crate) input_size: Option<(usize, usize)>,
    /// Height and width are then padded to multiples of this.
    pub(crate) size_multiple: usize,
    pub(crate) padding: Border,
    pub(crate) normalize: Normalize,
    /// How the samples of a batch are mixed, in training.
    pub(crate) mixup: Option<Mixup>,
    pub(crate) device: Device,
    /// Of the images: f32 or bf16.
    pub(crate) dtype: DType,
}

/// Some samples of one size, ready for a network.
pub(crate) struct Batch {
    pub(crate) ids: Vec<String>,
    /// `(N, in_channels, H, W)`, resized, mixed, normalised and padded.
    pub(crate) images: Tensor,
    /// One per sample, as it is in the sample, or none at all.
    pub(crate) masks: Vec<Mask>,
    /// From the resized image to the network's.
    pub(crate) padding: Padding,
    /// With mixup, the share of each sample in what it was mixed to with the next one of the batch, the last with the first.
    pub(crate) shares: Vec<f32>,
    /// Height and width of the samples.
    size: (usize, usize),
    targets: Option<[Tensor; 2]>,
}

impl Batch {
    /// One batch of samples of one size, each with its index in the dataset.
    fn new(samples: Vec<(usize, Sample)>, layout: &BatchLayout) -> Result<Batch> {
        let size = samples.first().map_or((0, 0), |(_, sample)| (sample.image.height, sample.image.width));
        let resize = Resize::new(size, layout.input_size.unwrap_or(size));
        let (height, width) = resize.to();
        let padding = Padding::to_multiple(height, width, layout.size_multiple).border(layout.padding);
        let shares: Vec<f32> = match layout.mixup {
            // One alone has none to be mixed with.
            Some(mixup) if samples.len() > 1 => samples.iter().map(|(i, _)| mixup.share(*i)).collect(),
            _ => vec![],
        };
        let mixed = |all: Vec<Vec<f32>>| if shares.is_empty() { all } else { mix(&all, &shares) };
        let images = samples.iter().map(|(_, sample)| resize.bilinear(&sample.image.pixels)).collect();
        let images = layout.images(&mixed(images), &padding)?;
        let (ids, masks): (Vec<_>, Vec<_>) =
            samples.into_iter().map(|(_, sample)| (sample.id, sample.mask)).unzip();
        let masks: Vec<Mask> = masks.into_iter().flatten().collect();
        let targets = (!masks.is_empty()).then(|| {
            let numbers = |pixels: Vec<u8>| pixels.into_iter().map(f32::from).collect();
            let pixels = mixed(masks.iter().map(|mask| numbers(resize.nearest(mask.pixels()))).collect());
            let any = mixed(masks.iter().map(|mask| numbers(vec![u8::from(!mask.is_empty())])).collect());
            let shape = (ids.len(), height, width, 1);
            Ok([
                upload(pixels.concat(), shape, (&layout.device, DType::F32))?,
                upload(any.concat(), (ids.len(), 1, 1, 1), (&layout.device, DType::F32))?,
            ])
        });
        Ok(Batch { ids, images, masks, padding, shares, size, targets: targets.transpose()? })
    }

    /// The masks as targets of 0 and 1, with mixup between them: of each pixel `(N, height, width, 1)`, resized but unpadded, and
    /// of whether there are any `(N, 1, 1, 1)`.
    ///
    /// # Errors
    /// [`Error::Id`] when the samples have none.
    pub(crate) fn targets(&self) -> Result<[&Tensor; 2]> {
        self.targets.as_ref().map(|[pixels, any]| [pixels, any]).ok_or_else(|| Error::Id {
            id: self.ids.first().cloned().unwrap_or_default(),
            why: "has no mask to train on".into(),
        })
    }

    /// The part of a network's output `(N, H, W, C)` that lies on the resized images, as the targets do: `(N, height, width, C)`.
    pub(crate) fn crop(&self, ys: &Tensor) -> Result<Tensor> {
        let (height, width) = self.padding.original();
        crop_to(ys, height, width)
    }

    /// One map for each sample, at the size of the sample, from what [`Batch::crop`] gives of one class (probabilities).
    pub(crate) fn at_original_size(&self, ys: &Tensor) -> Result<Vec<Image>> {
        let values = ys.flatten_all().and_then(|values| values.to_vec1::<f32>());
        let values = values.map_err(Error::tensor("probabilities"))?;
        let (height, width) = self.padding.original();
        let back = Resize::new((height, width), self.size);
        let maps = values.chunks_exact((height * width).max(1)).map(|map| back.bilinear(map));
        maps.map(|map| Image::new(self.size.0, self.size.1, map)).collect()
    }
}

impl BatchLayout {
    /// Images as the network takes them. They are padded before they are normalised: zeros are amplitudes.
    fn images(&self, amplitudes: &[Vec<f32>], padding: &Padding) -> Result<Tensor> {
        let (height, width) = padding.padded();
        let mut pixels = Vec::with_capacity(amplitudes.len() * self.in_channels * height * width);
        for image in amplitudes {
            for channel in 0..self.in_channels {
                let normalize = |amplitude| self.normalize.apply(amplitude, channel, self.in_channels);
                pixels.extend_from_slice(&padding.pad(image, normalize));
            }
        }
        upload(pixels, (amplitudes.len(), self.in_channels, height, width), (&self.device, self.dtype))
    }
}

/// Calls `step` with the samples at `indices` of `dataset`, in order, batch by batch; a batch ends early where the
/// size of the images changes. `prepare` (augmentation) runs with the decoding on a worker thread ahead of `step`.
///
/// # Errors
/// The first error of decoding, preparing or stepping ends the pass.
pub(crate) fn for_each_batch(
    dataset: &Dataset,
    indices: &[usize],
    layout: &BatchLayout,
    prepare: impl Fn(usize, Sample) -> Result<Sample> + Send,
    mut step: impl FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for indices in indices.chunks(layout.batch_size.max(1)) {
                let samples = indices
                    .iter()
                    .map(|&i| Ok((i, prepare(i, dataset.get(i)?)?)))
                    .collect::<Result<Vec<_>>>();
                let batches = samples.and_then(|samples| of_one_size(samples, layout));
                let failed = batches.is_err();
                // The receiver is gone when a step has failed; its error is the one that counts.
                if sender.send(batches).is_err() || failed {
                    break;
                }
            }
        });
        for batches in receiver {
            for batch in batches? {
                step(batch)?;
            }
        }
        Ok(())
    })
}

fn of_one_size(samples: Vec<(usize, Sample)>, layout: &BatchLayout) -> Result<Vec<Batch>> {
    let mut runs: Vec<Vec<(usize, Sample)>> = Vec::new();
    let size =
        |(_, sample): &(usize, Sample)| (sample.image.height, sample.image.width, sample.mask.is_some());
    for sample in samples {
        match runs.last_mut() {
            Some(run) if run.last().map(size) == Some(size(&sample)) => run.push(sample),
            _ => runs.push(vec![sample]),
        }
    }
    runs.into_iter().map(|run| Batch::new(run, layout)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Augment;

    fn samples(n: usize, height: usize, width: usize) -> Vec<Sample> {
        let sample = |i: usize| {
            let pixels: Vec<f32> = (0..height * width).map(|p| ((p * (i + 3)) % 17) as f32 / 16.0).collect();
            let mask = pixels.iter().map(|&pixel| u8::from(i > 0 && pixel > 0.6)).collect();
            let image = Image::new(height, width, pixels).unwrap();
            Sample {
                id: format!("s{i}"),
                z: None,
                image,
                mask: Some(Mask::new(height, width, mask).unwrap()),
            }
        };
        (0..n).map(sample).collect()
    }

    fn layout() -> BatchLayout {
        BatchLayout {
            batch_size: 4,
            in_channels: 1,
            input_size: None,
            size_multiple: 8,
            padding: Border::Reflect,
            normalize: Normalize::default(),
            mixup: None,
            device: Device::Cpu,
            dtype: DType::F32,
        }
    }

    fn batch(samples: Vec<Sample>, layout: &BatchLayout) -> Batch {
        Batch::new((10..).zip(samples).collect(), layout).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn images_and_targets_are_mixed_with_the_same_neighbour_and_share() {
        let mixup = Augment::default().mixup(0.4).mixing(7, 3).unwrap();
        let plain = batch(samples(4, 5, 6), &layout());
        let mixed = batch(samples(4, 5, 6), &BatchLayout { mixup: Some(mixup), ..layout() });
        assert!(plain.shares.is_empty());
        assert_eq!(mixed.shares, [10, 11, 12, 13].map(|i| mixup.share(i)));
        let pairs = |of: fn(&Batch) -> &Tensor| [&plain, &mixed].map(|batch| values(of(batch)));
        for [before, after] in [
            pairs(|batch| &batch.images),
            pairs(|batch| batch.targets().unwrap()[0]),
            pairs(|batch| batch.targets().unwrap()[1]),
        ] {
            let len = before.len() / 4;
            for (at, value) in after.iter().enumerate() {
                let (share, other) = (mixed.shares[at / len], before[(at + len) % before.len()]);
                let expected = share * before[at] + (1.0 - share) * other;
                assert!((value - expected).abs() < 1e-5, "{at}: {value}, not {expected}");
            }
        }
        assert!(batch(samples(1, 5, 6), &BatchLayout { mixup: Some(mixup), ..layout() }).shares.is_empty());
    }

    #[test]
    fn without_a_size_and_mixup_images_are_reflected_and_normalised_as_ever() {
        // What the padding was before there were others.
        let reflect = |at: usize, offset: usize, size: usize| {
            let period = 2 * (size.max(2) - 1);
            let turn = (at + period * offset.div_ceil(period) - offset) % period;
            turn.min(period - turn).min(size - 1)
        };
        for (channels, normalize) in [(1, Normalize::default()), (3, Normalize::IMAGENET)] {
            let batch =
                batch(samples(2, 5, 13), &BatchLayout { in_channels: channels, normalize, ..layout() });
            let mut expected = vec![];
            for sample in samples(2, 5, 13) {
                for (channel, at) in (0..channels).flat_map(|c| (0..8 * 16).map(move |at| (c, at))) {
                    let from = reflect(at / 16, 1, 5) * 13 + reflect(at % 16, 1, 13);
                    expected.push(normalize.apply(sample.image.pixels[from], channel, channels));
                }
            }
            assert_eq!(values(&batch.images), expected);
            let targets: Vec<u8> = values(batch.targets().unwrap()[0]).iter().map(|&t| t as u8).collect();
            assert_eq!(targets, batch.masks.iter().flat_map(Mask::pixels).copied().collect::<Vec<_>>());
            assert_eq!(values(batch.targets().unwrap()[1]), [0.0, 1.0]);
        }
    }

    #[test]
    fn a_resized_batch_gives_maps_at_the_size_of_its_samples() {
        let small = batch(samples(3, 9, 14), &BatchLayout { input_size: Some((30, 21)), ..layout() });
        assert_eq!(small.images.dims(), [3, 1, 32, 24]);
        assert_eq!(small.targets().unwrap()[0].dims(), [3, 30, 21, 1]);
        assert_eq!(small.masks, samples(3, 9, 14).into_iter().filter_map(|s| s.mask).collect::<Vec<_>>());
        let targets = values(small.targets().unwrap()[0]);
        assert!(targets.iter().all(|&t| t == 0.0 || t == 1.0));
        let resized = small.masks[1].resize(30, 21).unwrap();
        assert_eq!(targets[630..1260], resized.pixels().iter().map(|&p| f32::from(p)).collect::<Vec<_>>());
        // Back from the image that the network sees, a smooth one is nearly as it was.
        let ramp = |p: usize| 0.2 + 0.03 * (p % 14) as f32 + 0.02 * (p / 14) as f32;
        let image = Image::new(9, 14, (0..9 * 14).map(ramp).collect()).unwrap();
        let smooth = Sample { id: "a".into(), z: None, image: image.clone(), mask: None };
        let batch = batch(vec![smooth], &BatchLayout { input_size: Some((36, 28)), ..layout() });
        let seen = batch.images.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
        let back = batch.at_original_size(&batch.crop(&seen).unwrap()).unwrap();
        for (back, pixel) in back[0].pixels.iter().zip(&image.pixels) {
            assert!((back * 0.25 + 0.5 - pixel).abs() < 0.03, "{back} {pixel}");
        }
    }
}
