//! From samples to the tensors of one step.

mod channels;
mod loader;
mod panics;

#[cfg(test)]
mod tests;

use crate::nn::{crop_to, upload};
use crate::transform::{Border, Feature, Mixup, Normalize, Padding, Resize, mix};
use crate::types::{Image, Mask, Sample};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};

use panics::guarded;

pub(crate) use loader::{for_each_batch, for_each_read};

/// What a network wants its batches to look like.
#[derive(Clone, Debug)]
pub(crate) struct BatchLayout {
    pub(crate) batch_size: usize,
    pub(crate) in_channels: usize,
    /// What the channels behind the first are computed as; none: the image again.
    pub(crate) features: Vec<Feature>,
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

/// Some samples of one size, or brought to one, ready for a network.
pub(crate) struct Batch {
    pub(crate) ids: Vec<String>,
    /// `(N, in_channels, H, W)`, resized, mixed, normalised and padded.
    pub(crate) images: Tensor,
    /// One per sample, as it is in the sample, or none at all.
    pub(crate) masks: Vec<Mask>,
    /// What was done to the amplitudes of each.
    pub(crate) normalized: Vec<Normalize>,
    /// From the resized image to the network's.
    pub(crate) padding: Padding,
    /// With mixup, the share of each sample in what it was mixed to with the next one of the batch, the last with the first.
    pub(crate) shares: Vec<f32>,
    /// Height and width of each sample.
    sizes: Vec<(usize, usize)>,
    targets: Option<[Tensor; 2]>,
}

impl Batch {
    /// One batch of samples of one size, unless they are resized, each with its number in the epoch or in the dataset.
    fn new(samples: Vec<(usize, Sample)>, layout: &BatchLayout) -> Result<Batch> {
        let sizes: Vec<_> =
            samples.iter().map(|(_, sample)| (sample.image.height, sample.image.width)).collect();
        let (height, width) = layout.input_size.or(sizes.first().copied()).unwrap_or_default();
        let resizes: Vec<_> = sizes.iter().map(|&size| Resize::new(size, (height, width))).collect();
        let padding = Padding::to_multiple(height, width, layout.size_multiple).border(layout.padding);
        let shares: Vec<f32> = match layout.mixup {
            // One alone has none to be mixed with.
            Some(mixup) if samples.len() > 1 => samples.iter().map(|(i, _)| mixup.share(*i)).collect(),
            _ => vec![],
        };
        let mixed = |all: Vec<Vec<f32>>| if shares.is_empty() { all } else { mix(&all, &shares) };
        let planes = |((_, sample), resize): (&(usize, Sample), &Resize)| {
            guarded(&sample.id, || layout.planes(sample, resize))
        };
        // One after the other: workers are many, and must not wait for a pool of threads that may be waiting for them.
        let planes = samples.iter().zip(&resizes).map(planes);
        let (images, normalized) = layout.images(&mixed(planes.collect::<Result<_>>()?), &padding)?;
        let (ids, masks): (Vec<_>, Vec<_>) =
            samples.into_iter().map(|(_, sample)| (sample.id, sample.mask)).unzip();
        let masks: Vec<Mask> = masks.into_iter().flatten().collect();
        let targets = (!masks.is_empty()).then(|| {
            let classes = masks.first().map_or(1, Mask::classes);
            let pixels =
                mixed(masks.iter().zip(&resizes).map(|(mask, to)| channels_last(mask, to)).collect());
            let any = mixed(masks.iter().map(presence).collect());
            let shape = (ids.len(), height, width, classes);
            Ok([
                upload(pixels.concat(), shape, (&layout.device, DType::F32))?,
                upload(any.concat(), (ids.len(), 1, 1, classes), (&layout.device, DType::F32))?,
            ])
        });
        Ok(Batch { ids, images, masks, normalized, padding, shares, sizes, targets: targets.transpose()? })
    }

    /// The masks as targets of 0 and 1, with mixup between them: of each pixel `(N, height, width, classes)`, resized but unpadded, and
    /// of whether there are any of a class `(N, 1, 1, classes)`.
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

    /// One map for each sample and class, at the size of the sample, from what [`Batch::crop`] gives (probabilities).
    pub(crate) fn at_original_size(&self, ys: &Tensor) -> Result<Vec<Image>> {
        let values = ys.flatten_all().and_then(|values| values.to_vec1::<f32>());
        let values = values.map_err(Error::tensor("probabilities"))?;
        let (height, width) = self.padding.original();
        let back: Vec<_> = self.sizes.iter().map(|&size| Resize::new((height, width), size)).collect();
        let classes = ys.dims().last().copied().unwrap_or(1).max(1);
        let map = |((sample, back), class): ((&[f32], &Resize), usize)| {
            let plane: Vec<f32> = sample.iter().skip(class).step_by(classes).copied().collect();
            Image::new(back.to().0, back.to().1, back.bilinear(&plane))
        };
        let samples = values.chunks_exact((height * width * classes).max(1)).zip(&back);
        samples.flat_map(|sample| (0..classes).map(move |class| (sample, class))).map(map).collect()
    }
}

/// A mask as targets `(height, width, classes)`, resized.
fn channels_last(mask: &Mask, resize: &Resize) -> Vec<f32> {
    let (classes, (height, width)) = (mask.classes(), resize.to());
    let mut targets = vec![0.0; height * width * classes];
    for (class, plane) in mask.planes().enumerate() {
        let values = resize.nearest(plane);
        targets[class..].iter_mut().step_by(classes).zip(values).for_each(|(t, v)| *t = f32::from(v));
    }
    targets
}

/// 1 for each class of which there is a pixel.
fn presence(mask: &Mask) -> Vec<f32> {
    mask.planes().map(|plane| if plane.contains(&1) { 1.0 } else { 0.0 }).collect()
}

/// Batches of samples of one size, of any size where they are resized, and of the same classes.
fn of_one_size(samples: Vec<(usize, Sample)>, layout: &BatchLayout) -> Result<Vec<Batch>> {
    let mut runs: Vec<Vec<(usize, Sample)>> = Vec::new();
    let size = |(_, sample): &(usize, Sample)| {
        let own = (sample.image.height, sample.image.width);
        (layout.input_size.unwrap_or(own), sample.mask.as_ref().map(Mask::classes))
    };
    for sample in samples {
        match runs.last_mut() {
            Some(run) if run.last().map(size) == Some(size(&sample)) => run.push(sample),
            _ => runs.push(vec![sample]),
        }
    }
    runs.into_iter().map(|run| Batch::new(run, layout)).collect()
}
