//! Predicting a whole dataset.

use crate::inference::Probabilities;
use crate::models::Model;
use crate::nn::{Batch, BatchLayout, for_each_batch, sigmoid};
use crate::types::{Dataset, Image};
use crate::{Error, Result};

/// Images per forward pass. More does not run faster on a CPU, and needs more memory.
const BATCH_SIZE: usize = 16;

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
        for_each_batch(
            dataset,
            &indices,
            &self.batch_layout(BATCH_SIZE),
            |_, sample| Ok(sample),
            |batch| {
                maps.extend(self.probabilities(&batch)?);
                Ok(())
            },
        )?;
        Ok(Probabilities::new(dataset.ids(), maps, dataset.submission_order()))
    }

    fn probabilities(&self, batch: &Batch) -> Result<Vec<Image>> {
        let (height, width) = batch.padding.original();
        let maps = self.cropped_logits(batch)?.into_iter().map(|mut pixels| {
            sigmoid(&mut pixels);
            Image { height, width, pixels }
        });
        Ok(maps.collect())
    }

    /// The logits of each image of a batch, row by row, at the size of the image.
    pub(crate) fn cropped_logits(&self, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let logits = self.forward(&batch.images)?;
        let logits = logits.flatten_all().and_then(|logits| logits.to_vec1::<f32>());
        let logits = logits.map_err(Error::tensor("logits"))?;
        let (height, width) = batch.padding.padded();
        Ok(logits.chunks_exact((height * width).max(1)).map(|padded| batch.padding.crop(padded)).collect())
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
