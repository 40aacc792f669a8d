//! `model.show_batch(…)`: what a network sees of its training set. `augment.show(…)`: one sample, drawn again and again.

use candle_core::Tensor;

use crate::models::{Architecture, Model};
use crate::nn::Batch;
use crate::plot::colormap::Colormap;
use crate::plot::figure::Figure;
use crate::plot::gallery::Gallery;
use crate::plot::style::{self, Legend, Sign};
use crate::plot::tile::Tile;
use crate::plot::words::Words;
use crate::training::TrainConfig;
use crate::transform::{Augment, Padding};
use crate::types::{Dataset, Image, Mask, Sample};
use crate::{Error, Result};

/// The most pictures of a batch: those of the usual one.
const MOST: usize = 18;
/// Draws of one sample.
const DRAWS: usize = 12;
/// How much of its contrast the padding keeps.
const FADED: f32 = 0.45;

impl Model {
    /// What the network sees: the first batch that training on `dataset` with `config` would begin with, at most 18 images,
    /// each augmented, resized, mixed, normalised and padded. The padding is shown paler. Outlined is the target; below the
    /// name stands which values the network gets.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let model = Unet::new(Encoder::Plain).depth(4).base_filters(4).build(&Device::Cpu)?;
    /// let config = TrainConfig::default().augment(Augment::strong());
    /// let figure = model.show_batch(&Competition::sample()?.train, &config)?;
    /// assert_eq!(figure.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] for a setting out of its range; [`Error::Figure`] when the dataset is empty; as [`Dataset::get`].
    pub fn show_batch(&self, dataset: &Dataset, config: &TrainConfig) -> Result<Figure> {
        self.config().show_batch(dataset, config)
    }
}

impl Architecture {
    /// As [`Model::show_batch`], before the network is built.
    ///
    /// # Errors
    /// As [`Model::show_batch`].
    pub fn show_batch(&self, dataset: &Dataset, config: &TrainConfig) -> Result<Figure> {
        let batches = self.first_batch(dataset, config)?;
        let (mut tiles, words) = (Vec::new(), Words::of(dataset));
        for batch in &batches {
            tiles.extend(batch_tiles(batch, &words)?);
        }
        let mut sizes: Vec<String> = batches
            .iter()
            .map(|batch| {
                let (height, width) = batch.padding.padded();
                format!("{height}×{width}")
            })
            .collect();
        sizes.dedup();
        let is_mixed = batches.iter().any(|batch| !batch.shares.is_empty());
        let has_masks = tiles.iter().any(|tile| tile.truth.is_some());
        let images = tiles.len();
        tiles.truncate(MOST);
        let title = format!("What the network sees: {images} images of {}, epoch 1", sizes.join(" and "));
        Gallery { title, legend: legend(has_masks, is_mixed, &words), tiles, group: 1 }.draw()
    }
}

fn legend(has_masks: bool, is_mixed: bool, words: &Words) -> Vec<Legend> {
    if has_masks && words.classes() > 1 {
        return words.legend(Colormap::Grey);
    }
    let truth = Sign::Line(style::truth(Colormap::Grey));
    let entries = match is_mixed {
        true => {
            vec![
                Legend::new(truth, "target above ½"),
                Legend::new(Sign::Line(style::PREDICTION), "target above 0"),
            ]
        }
        false => vec![Legend::new(truth, "target")],
    };
    entries.into_iter().filter(|_| has_masks).collect()
}

fn batch_tiles(batch: &Batch, words: &Words) -> Result<Vec<Tile>> {
    let (_, channels, height, width) = batch.images.dims4().map_err(Error::tensor("batch"))?;
    let values = numbers(&batch.images)?;
    let targets = batch.targets().ok().map(|[pixels, _]| numbers(pixels)).transpose()?;
    let inner = batch.padding.original();
    let classes = batch.masks.first().map_or(1, Mask::classes);
    let mut tiles = Vec::with_capacity(batch.ids.len());
    for (i, (id, normalize)) in batch.ids.iter().zip(&batch.normalized).enumerate() {
        // All channels are of one grey image.
        let seen = values.chunks_exact(channels * height * width).nth(i).unwrap_or_default();
        let first = &seen[..height * width];
        let amplitudes = first.iter().map(|&value| normalize.invert(value, 0, channels)).collect();
        let target = targets.as_ref().and_then(|all| all.chunks_exact(inner.0 * inner.1 * classes).nth(i));
        let above =
            |least: f32| target.map(|target| framed((target, classes), &batch.padding, least)).transpose();
        let mixed = batch.shares.get(i).map(|&share| {
            let next = &batch.ids[(i + 1) % batch.ids.len()];
            format!("{:.0} % + {:.0} % {next}", 100.0 * share, 100.0 * (1.0 - share))
        });
        let (truth, any) = (above(0.5)?, above(0.0)?);
        tiles.push(Tile {
            image: faded(Image::new(height, width, amplitudes)?, &batch.padding),
            colors: Colormap::Grey,
            // Where the two outlines are one, it is the first; those of several classes have the same colours.
            prediction: any.filter(|any| classes == 1 && truth.as_ref() != Some(any)),
            truth,
            title: id.clone(),
            detail: mixed.unwrap_or_else(|| described(target, seen, words)),
        });
    }
    Ok(tiles)
}

/// How much of the target is salt, and from where to where the values go. Of several classes the colours tell which are there.
fn described(target: Option<&[f32]>, seen: &[f32], words: &Words) -> String {
    let salt = target.and_then(|target| match words.classes() {
        1 => Some(words.share(f64::from(target.iter().sum::<f32>() / target.len().max(1) as f32))),
        _ => target.iter().all(|&value| value == 0.0).then(|| words.none()),
    });
    let (low, high) = seen.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    // A minus as wide as a plus.
    let signed = |value: f32| format!("{value:.1}").replace('-', "−");
    let values = format!("{} to {}", signed(low), signed(high));
    salt.into_iter().chain([values]).collect::<Vec<_>>().join(" · ")
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all().and_then(|values| values.to_vec1()).map_err(Error::tensor("batch"))
}

/// Where the target is above `least`, at the size of the padded image.
fn framed((target, classes): (&[f32], usize), padding: &Padding, least: f32) -> Result<Mask> {
    let (height, width) = padding.padded();
    let inside = inside(padding);
    let plane = |class: usize| {
        let mut pixels = vec![0; height * width];
        let places = (0..height * width).filter(|&at| inside(at));
        for (at, &value) in places.zip(target.iter().skip(class).step_by(classes)) {
            pixels[at] = u8::from(value > least);
        }
        Mask::new(height, width, pixels)
    };
    Mask::stack(&(0..classes).map(plane).collect::<Result<Vec<_>>>()?)
}

/// The image with its padding paler.
fn faded(mut image: Image, padding: &Padding) -> Image {
    let inside = inside(padding);
    for (at, pixel) in image.pixels.iter_mut().enumerate() {
        if !inside(at) {
            *pixel = 1.0 - FADED * (1.0 - *pixel);
        }
    }
    image
}

/// Whether a place of the padded image is one of the image itself.
fn inside(padding: &Padding) -> impl Fn(usize) -> bool {
    let ((top, left), (height, width)) = (padding.offset(), padding.original());
    let (_, line) = padding.padded();
    move |at| (top..top + height).contains(&(at / line)) && (left..left + width).contains(&(at % line))
}

impl Augment {
    /// One sample as it is, and as twelve epochs of training would see it, without mixup.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let sample = Competition::sample()?.train.get(3)?;
    /// assert_eq!(Augment::strong().show(&sample)?.width(), 1900);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Augment::apply`].
    pub fn show(&self, sample: &Sample) -> Result<Figure> {
        let words = Words::of_sample(sample);
        let tile = |sample: Sample, title: String| {
            // Of several classes the colours tell which are there.
            let one = sample.mask.as_ref().filter(|_| words.classes() == 1);
            let salt = one.map(|mask| words.share(mask.coverage()));
            Tile {
                image: sample.image,
                colors: Colormap::Grey,
                truth: sample.mask,
                prediction: None,
                title,
                detail: salt.unwrap_or_default(),
            }
        };
        let mut tiles = vec![tile(sample.clone(), "as it is".into())];
        for epoch in 1..=DRAWS {
            tiles.push(tile(self.apply(sample.clone(), 42, epoch, 0)?, format!("epoch {epoch}")));
        }
        Gallery {
            title: format!("{} and {DRAWS} draws of its augmentation", sample.id),
            legend: if sample.mask.is_some() { words.legend(Colormap::Grey) } else { vec![] },
            tiles,
            group: 1,
        }
        .draw()
    }
}
