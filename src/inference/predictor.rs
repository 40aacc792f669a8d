//! Predicting a whole dataset.

use crate::inference::Probabilities;
use crate::models::Model;
use crate::nn::{Batch, BatchLayout, for_each_batch, sigmoid, without_gradients};
use crate::types::{Dataset, Image};
use crate::{Error, Result};

/// Pixels of a forward pass: sixteen padded images of the competition. More does not run faster on a CPU, and large images would
/// need more memory than there is.
const PIXELS: usize = 16 * 128 * 128;

/// As many images as their size allows.
fn images_per_pass(dataset: &Dataset) -> Result<usize> {
    if dataset.is_empty() {
        return Ok(1);
    }
    let Image { height, width, .. } = dataset.get(0)?.image;
    Ok((PIXELS / (height * width).max(1)).clamp(1, 32))
}

impl Model {
    /// The probability of salt for each pixel of each image, at the size of the image.
    ///
    /// Images are padded by reflection to what the network takes, and the result is cropped back.
    ///
    /// # Errors
    /// [`Error::Config`] for a model with several classes; otherwise whatever reading an image can give.
    pub fn predict(&self, dataset: &Dataset) -> Result<Probabilities> {
        self.check_one_class()?;
        let mut maps = Vec::with_capacity(dataset.len());
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let layout = self.batch_layout(images_per_pass(dataset)?);
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
        let probabilities = sigmoid(&batch.crop(&self.logits(&batch.images)?)?)?;
        let values = probabilities.flatten_all().and_then(|values| values.to_vec1::<f32>());
        let (height, width) = batch.padding.original();
        let values = values.map_err(Error::tensor("probabilities"))?;
        values
            .chunks_exact((height * width).max(1))
            .map(|map| Image::new(height, width, map.to_vec()))
            .collect()
    }

    pub(crate) fn batch_layout(&self, batch_size: usize) -> BatchLayout {
        let config = self.config();
        BatchLayout {
            batch_size,
            in_channels: config.in_channels,
            size_multiple: config.size_multiple(),
            normalize: config.normalize,
            device: self.device().clone(),
        }
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
