//! Predicting a whole dataset.

use crate::inference::collect::{self, Part, Take};
use crate::inference::mean::Sum;
use crate::inference::{Masks, Probabilities, Tta};
use crate::metrics::MaskRule;
use crate::models::{Architecture, Model};
use crate::nn::{Batch, BatchLayout, for_each_batch, sigmoid, without_gradients};
use crate::types::{Dataset, numbered};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};

/// Pixels of a forward pass: sixteen padded images of the competition. More does not run faster on a CPU, and large images would
/// need more memory than there is.
const PIXELS: usize = 16 * 128 * 128;

/// As many images as the size of the largest allows.
fn images_per_pass(dataset: &Dataset, input_size: Option<(usize, usize)>) -> usize {
    let pixels = match input_size {
        Some((height, width)) => height * width,
        None => dataset.largest(),
    };
    (PIXELS / pixels.max(1)).clamp(1, 32)
}

impl Model {
    /// The probability of salt, or of each of the network's classes, for each pixel of each image, at the size of the image.
    ///
    /// Images are resized and padded as the network's settings say, the result is cropped and resized back. One call uses all
    /// cores; several at a time belong on threads of their own, see [`Model::train`].
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
        let predict = |take: Take| self.for_each_part(dataset, tta, take);
        collect::probabilities(dataset, &self.class_names(dataset), predict)
    }

    /// The masks that rules, one for each class, make of what [`Model::predict_tta`] says: those of
    /// [`Probabilities::apply_each`], bit for bit, by the same [`Probabilities::presence`].
    ///
    /// Probabilities are dropped batch by batch. Those of the 3,698 test images of "Understanding Clouds" at 350×525 pixels, four
    /// classes each, would be 10.9 GB.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, valid) = Competition::sample()?.train.split(0.02, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let rule = MaskRule::default().threshold(0.4).min_size(30).gate(0.2);
    /// let masks = model.predict_masks(&valid, &Tta::default(), &[rule])?;
    /// assert_eq!(masks.get(&masks.ids[0])?, model.predict_tta(&valid, &Tta::default())?.apply(&rule)?.get(&masks.ids[0])?);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::predict_tta`]; [`Error::Config`] for a rule out of range, or when there is not one for each class.
    pub fn predict_masks(&self, dataset: &Dataset, tta: &Tta, rules: &[MaskRule]) -> Result<Masks> {
        let predict = |take: Take| self.for_each_part(dataset, tta, take);
        collect::masks(dataset, &self.class_names(dataset), rules, predict)
    }

    /// Predicts batch by batch.
    pub(super) fn for_each_part(&self, dataset: &Dataset, tta: &Tta, take: Take) -> Result<()> {
        tta.check()?;
        let indices: Vec<usize> = (0..dataset.len()).collect();
        let layout = self.batch_layout(images_per_pass(dataset, self.config().input_size));
        let predict = |batch: Batch| take(self.mean_of_views(&batch, tta)?);
        // One scope over all batches: weights are folded and packed once.
        without_gradients(|| for_each_batch(dataset, &indices, &layout, |_, sample| Ok(sample), predict))?;
        Ok(())
    }

    /// The mean over the views of a batch, and what the presence head says, if there is one.
    fn mean_of_views(&self, batch: &Batch, tta: &Tta) -> Result<Part> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::parts;
    use crate::models::{Encoder, Unet};
    use crate::types::{Entry, Image, ImageSource, MaskSource, Sample};
    use std::path::Path;

    fn dataset(sizes: &[(usize, usize)]) -> Dataset {
        let sample = |(i, &(height, width)): (usize, &(usize, usize))| {
            let image = Image::new(height, width, vec![0.5; height * width]).unwrap();
            Sample { id: format!("s{i:03}"), z: None, image, mask: None }
        };
        Dataset::from_samples(sizes.iter().enumerate().map(sample).collect()).unwrap()
    }

    #[test]
    fn the_largest_image_says_how_many_fit() {
        let mut sizes = vec![(64, 64); 300];
        let small = dataset(&sizes);
        assert_eq!(images_per_pass(&small, None), 32);
        assert_eq!(parts(&small, 1).map(|part| part.len()).collect::<Vec<_>>(), [256, 44]);
        sizes[200] = (1400, 2100);
        let mixed = dataset(&sizes);
        assert_eq!(images_per_pass(&mixed, None), 1);
        assert_eq!(images_per_pass(&mixed, Some((128, 128))), 16);
        assert_eq!(parts(&mixed, 1).map(|part| part.len()).max(), Some(5));
        assert_eq!(parts(&mixed, 4).map(|part| part.len()).max(), Some(1));
        assert_eq!(images_per_pass(&dataset(&[]), None), 32);
    }

    #[test]
    fn the_first_image_in_order_that_cannot_be_read_is_named() {
        let missing = |id: &str| {
            let image = ImageSource::Picture(Path::new("no such folder").into(), ".png");
            Entry::new(id.into(), None, image, MaskSource::None)
        };
        let entries = ["a", "b", "c"].map(missing).into();
        let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu).unwrap();
        let error = model.predict(&Dataset::from_entries(entries).unwrap()).err().unwrap().to_string();
        assert!(error.contains("a.png"), "{error}");
    }
}
