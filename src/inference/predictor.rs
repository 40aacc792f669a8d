//! Predicting a whole dataset.

use crate::inference::mean::Sum;
use crate::inference::{Probabilities, Tta};
use crate::models::{Architecture, Model};
use crate::nn::{Batch, BatchLayout, for_each_batch, sigmoid, without_gradients};
use crate::types::{Dataset, Image, numbered};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};

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
    /// The probability of salt, or of each of the network's classes, for each pixel of each image, at the size of the image.
    ///
    /// Images are resized and padded as the network's settings say, the result is cropped and resized back.
    ///
    /// # Errors
    /// Whatever reading an image can give.
    pub fn predict(&self, dataset: &Dataset) -> Result<Probabilities> {
        self.predict_tta(dataset, &Tta::none())
    }

    /// As [`Model::predict`], the mean over several views of each image. An image is decoded once for all of them; they are of
    /// the padded image, so what is mirrored or moved is what the network sees.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.02, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let score = model.predict_tta(&valid, &Tta::default())?.evaluate(&valid)?;
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::predict`]; [`Error::Config`] for a shift that is not below the size of the images.
    pub fn predict_tta(&self, dataset: &Dataset, tta: &Tta) -> Result<Probabilities> {
        tta.check()?;
        let mut maps = Vec::with_capacity(dataset.len());
        let mut presence = Some(vec![]);
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let layout = self.batch_layout(images_per_pass(dataset, self.config().input_size)?);
        let predict = |batch: Batch| {
            let (of_batch, presence_of_batch) = self.mean_of_views(&batch, tta)?;
            maps.extend(of_batch);
            presence = presence.take().zip(presence_of_batch).map(|(mut all, batch)| {
                all.extend(batch);
                all
            });
            Ok(())
        };
        // One scope over all batches: weights are folded and packed once.
        without_gradients(|| for_each_batch(dataset, &indices, &layout, |_, sample| Ok(sample), predict))?;
        let all = Probabilities::new(dataset.ids(), maps, dataset.submission_order());
        Ok(all.with_class_names(&self.class_names(dataset)).with_presence(presence))
    }

    /// The mean over the views of a batch, and what the presence head says, if there is one.
    fn mean_of_views(&self, batch: &Batch, tta: &Tta) -> Result<(Vec<Image>, Option<Vec<f32>>)> {
        let mut sum = Sum::new(tta.mean);
        let add = |logits: &Tensor, presence: Option<Tensor>| {
            let presence = presence.map(|presence| values(&sigmoid(&presence)?)).transpose()?;
            sum.add(&batch.at_original_size(&sigmoid(&batch.crop(logits)?)?)?, presence.as_deref())
        };
        tta.for_each_view(
            &batch.images,
            &self.config().features,
            |view| self.logits_and_presence(view),
            add,
        )?;
        Ok(sum.finish())
    }

    pub(crate) fn batch_layout(&self, batch_size: usize) -> BatchLayout {
        self.config().batch_layout(batch_size, self.device())
    }

    /// What the dataset calls the classes, where it has as many.
    pub(super) fn class_names(&self, dataset: &Dataset) -> Vec<String> {
        match dataset.class_names() {
            names if names.len() == self.config().classes => names.to_vec(),
            _ => numbered(self.config().classes),
        }
    }
}

impl Architecture {
    /// What the network wants its batches to look like.
    pub(crate) fn batch_layout(&self, batch_size: usize, device: &Device) -> BatchLayout {
        BatchLayout {
            batch_size,
            in_channels: self.in_channels,
            features: self.features.clone(),
            input_size: self.input_size,
            size_multiple: self.size_multiple(),
            padding: self.padding,
            normalize: self.normalize,
            mixup: None,
            device: device.clone(),
            dtype: DType::F32,
        }
    }
}

fn values(probabilities: &Tensor) -> Result<Vec<f32>> {
    let values = probabilities.flatten_all().and_then(|values| values.to_vec1::<f32>());
    values.map_err(Error::tensor("probabilities"))
}
