//! Predicting a whole dataset.

use crate::inference::Probabilities;
use crate::models::{Architecture, Model};
use crate::nn::{Batch, BatchLayout, for_each_batch, sigmoid, without_gradients};
use crate::types::{Dataset, Image};
use crate::{Error, Result};
use candle_core::Device;

/// Pixels of a forward pass: sixteen padded images of the competition. More does not run faster on a CPU, and large images would
/// need more memory than there is.
const PIXELS: usize = 16 * 128 * 128;

/// As many images as their size allows.
fn images_per_pass(dataset: &Dataset, input_size: Option<(usize, usize)>) -> Result<usize> {
    let (height, width) = match input_size {
        Some(size) => size,
        None if dataset.is_empty() => return Ok(1),
        None => {
            let Image { height, width, .. } = dataset.get(0)?.image;
            (height, width)
        }
    };
    Ok((PIXELS / (height * width).max(1)).clamp(1, 32))
}

impl Model {
    /// The probability of salt for each pixel of each image, at the size of the image.
    ///
    /// Images are resized and padded as the network's settings say, the result is cropped and resized back.
    ///
    /// # Errors
    /// [`Error::Config`] for a model with several classes; otherwise whatever reading an image can give.
    pub fn predict(&self, dataset: &Dataset) -> Result<Probabilities> {
        self.check_one_class()?;
        let mut maps = Vec::with_capacity(dataset.len());
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let layout = self.batch_layout(images_per_pass(dataset, self.config().input_size)?);
        let predict = |batch: Batch| {
            maps.extend(self.probabilities(&batch)?);
            Ok(())
        };
        // One scope over all batches: weights are folded and packed once.
        without_gradients(|| for_each_batch(dataset, &indices, &layout, |_, sample| Ok(sample), predict))?;
        Ok(Probabilities::new(dataset.ids(), maps, dataset.submission_order()))
    }

    /// The probabilities of each image of a batch, at the size of the image.
    fn probabilities(&self, batch: &Batch) -> Result<Vec<Image>> {
        batch.at_original_size(&sigmoid(&batch.crop(&self.logits(&batch.images)?)?)?)
    }

    pub(crate) fn batch_layout(&self, batch_size: usize) -> BatchLayout {
        self.config().batch_layout(batch_size, self.device())
    }

    pub(crate) fn check_one_class(&self) -> Result<()> {
        match self.config().classes {
            1 => Ok(()),
            classes => Err(Error::Config {
                field: "classes",
                got: classes.to_string(),
                expected: "1, since the masks of a dataset have one class".into(),
            }),
        }
    }
}

impl Architecture {
    /// What the network wants its batches to look like.
    pub(crate) fn batch_layout(&self, batch_size: usize, device: &Device) -> BatchLayout {
        BatchLayout {
            batch_size,
            in_channels: self.in_channels,
            input_size: self.input_size,
            size_multiple: self.size_multiple(),
            padding: self.padding,
            normalize: self.normalize,
            mixup: None,
            device: device.clone(),
        }
    }
}
