//! From samples to the tensors of one step, on a worker thread ahead of the step.

use crate::nn::{crop_to, upload};
use crate::transform::{Normalize, Padding};
use crate::types::{Dataset, Mask, Sample};
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use std::sync::mpsc::sync_channel;

/// How many batches wait at most: enough to never wait for data, few enough to keep memory flat.
const AHEAD: usize = 2;

/// What a network wants its batches to look like.
#[derive(Clone, Debug)]
pub(crate) struct BatchLayout {
    pub(crate) batch_size: usize,
    pub(crate) in_channels: usize,
    /// Height and width are padded to multiples of this.
    pub(crate) size_multiple: usize,
    pub(crate) normalize: Normalize,
    pub(crate) device: Device,
}

/// Some samples of one size, ready for a network.
pub(crate) struct Batch {
    pub(crate) ids: Vec<String>,
    /// `(N, in_channels, H, W)`, normalised and padded.
    pub(crate) images: Tensor,
    /// One per sample, unpadded, or none at all.
    pub(crate) masks: Vec<Mask>,
    pub(crate) padding: Padding,
    targets: Option<[Tensor; 2]>,
}

impl Batch {
    /// One batch of samples of one size.
    fn new(samples: Vec<Sample>, layout: &BatchLayout) -> Result<Batch> {
        let size = samples.first().map_or((0, 0), |sample| (sample.image.height, sample.image.width));
        let padding = Padding::to_multiple(size.0, size.1, layout.size_multiple);
        let mut pixels = Vec::new();
        for sample in &samples {
            for channel in 0..layout.in_channels {
                let normalize = |amplitude| layout.normalize.apply(amplitude, channel, layout.in_channels);
                pixels.extend_from_slice(&padding.pad(&sample.image.pixels, normalize));
            }
        }
        let (height, width) = padding.padded();
        let shape = (samples.len(), layout.in_channels, height, width);
        let images = upload(pixels, shape, &layout.device)?;
        let (ids, masks): (Vec<_>, Vec<_>) =
            samples.into_iter().map(|sample| (sample.id, sample.mask)).unzip();
        let masks: Vec<Mask> = masks.into_iter().flatten().collect();
        let targets = (!masks.is_empty()).then(|| targets(&masks, size, &layout.device));
        Ok(Batch { ids, images, masks, padding, targets: targets.transpose()? })
    }

    /// The masks as targets of 0 and 1: of each pixel `(N, height, width, 1)`, unpadded, and of whether there are any
    /// `(N, 1, 1, 1)`.
    ///
    /// # Errors
    /// [`Error::Id`] when the samples have none.
    pub(crate) fn targets(&self) -> Result<[&Tensor; 2]> {
        self.targets.as_ref().map(|[pixels, any]| [pixels, any]).ok_or_else(|| Error::Id {
            id: self.ids.first().cloned().unwrap_or_default(),
            why: "has no mask to train on".into(),
        })
    }

    /// The part of a network's output `(N, H, W, C)` that lies on the images: `(N, height, width, C)`.
    pub(crate) fn crop(&self, ys: &Tensor) -> Result<Tensor> {
        let (height, width) = self.padding.original();
        crop_to(ys, height, width)
    }
}

fn targets(masks: &[Mask], (height, width): (usize, usize), device: &Device) -> Result<[Tensor; 2]> {
    let pixels = masks.iter().flat_map(|mask| mask.pixels()).map(|&pixel| f32::from(pixel)).collect();
    let any = masks.iter().map(|mask| f32::from(u8::from(!mask.is_empty()))).collect();
    let pixels = upload(pixels, (masks.len(), height, width, 1), device)?;
    Ok([pixels, upload(any, (masks.len(), 1, 1, 1), device)?])
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
                let samples =
                    indices.iter().map(|&i| prepare(i, dataset.get(i)?)).collect::<Result<Vec<_>>>();
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

fn of_one_size(samples: Vec<Sample>, layout: &BatchLayout) -> Result<Vec<Batch>> {
    let mut runs: Vec<Vec<Sample>> = Vec::new();
    for sample in samples {
        let size = |sample: &Sample| (sample.image.height, sample.image.width, sample.mask.is_some());
        match runs.last_mut() {
            Some(run) if run.last().map(size) == Some(size(&sample)) => run.push(sample),
            _ => runs.push(vec![sample]),
        }
    }
    runs.into_iter().map(|run| Batch::new(run, layout)).collect()
}
