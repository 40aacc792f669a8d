//! Networks and trainings that have proved themselves.

use crate::inference::Tta;
use crate::losses::Loss;
use crate::models::{Architecture, Encoder, Unet, UnetPlusPlus};
use crate::nn::Optimizer;
use crate::training::{Metric, Sampling, Schedule, TrainConfig};
use crate::transform::{Augment, Border, Normalize};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A network with its training: those of five published notebooks of the salt and cloud competitions, and one that puts
/// together what the winners found. What a notebook did not need to get wrong is right here: masks stay binary, flips are made
/// after the split, the score is the competition's.
///
/// | Recipe | Network | Training |
/// |---|---|---|
/// | `UdacityInception` | U-Net on Inception v3, images resized to 224×224 | cross-entropy, Adam, batches of 8, 30 epochs, stops after 5 without a better validation loss |
/// | `TransferVgg16` | U-Net on ImageNet's VGG-16, the first two blocks frozen, padded with zeros | cross-entropy, Adam, the rate falls to a fifth on a plateau, flips at prediction |
/// | `Vgg19Lovasz` | U-Net on ImageNet's VGG-19, frozen but for the last four convolutions | 0.7 Lovász + 0.15 cross-entropy + 0.15 Dice; flips, brightness, zoom |
/// | `XceptionSwa` | U-Net on ImageNet's Xception with a residual decoder | normalised-gradient SGD, cosine snapshots, their weights averaged |
/// | `CloudsNested` | UNet++ of four classes on images resized to 256×384, each standardised by itself | cross-entropy + Dice, Adam, weight decay 1e-4, each class equally often |
/// | `Strong` | U-Net on ResNet-34 with scSE gates, hypercolumns and a presence head, images at twice their size | cross-entropy, Lovász for the last third, AdamW, one cycle, strong augmentation, a moving average of the weights, flips at prediction |
///
/// ```
/// use tgs_salt::prelude::*;
/// let network = Recipe::Strong.architecture();
/// let training = Recipe::Strong.training_for(20);
/// assert_eq!((network.encoder, training.loss_from), (Encoder::ResNet34, Some((14, Loss::LovaszElu))));
/// assert_eq!("vgg19_lovasz".parse::<Recipe>()?, Recipe::Vgg19Lovasz);
/// # Ok::<(), tgs_salt::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipe {
    /// Walkthrough 1: a first U-Net over an encoder.
    UdacityInception,
    /// Walkthrough 2: transfer learning.
    TransferVgg16,
    /// Walkthrough 3: a loss that is near to the score.
    Vgg19Lovasz,
    /// Walkthrough 5: averages of weights.
    XceptionSwa,
    /// Walkthrough 4: nested paths, four classes of clouds.
    CloudsNested,
    /// What the winners found, together.
    Strong,
}

impl Recipe {
    /// All of them.
    pub const ALL: [Recipe; 6] = [
        Recipe::UdacityInception,
        Recipe::TransferVgg16,
        Recipe::Vgg19Lovasz,
        Recipe::XceptionSwa,
        Recipe::CloudsNested,
        Recipe::Strong,
    ];

    /// The network. Those on ImageNet's weights fetch them when they are built;
    /// [`from_scratch`](Architecture::from_scratch) goes without.
    pub fn architecture(self) -> Architecture {
        match self {
            Recipe::UdacityInception => Unet::new(Encoder::InceptionV3).input_size(224, 224),
            Recipe::TransferVgg16 => {
                Unet::vgg16_transfer(4).in_channels(3).pretrained().padding(Border::Zero)
            }
            Recipe::Vgg19Lovasz => Unet::vgg19_transfer().in_channels(3).pretrained(),
            Recipe::XceptionSwa => Unet::xception_residual().in_channels(3).pretrained(),
            // The notebook's dropout of 0.5 behind each convolution doubles the values with every layer: its first loss is above a
            // thousand.
            Recipe::CloudsNested => UnetPlusPlus::new(Encoder::Plain)
                .classes(4)
                .input_size(256, 384)
                .normalize(Normalize::PER_IMAGE)
                .batch_norm(true)
                .dropout(0.1),
            Recipe::Strong => Unet::new(Encoder::ResNet34)
                .attention(true)
                .hypercolumns(true)
                .presence_head(true)
                .input_size(202, 202),
        }
    }

    /// The training, over as many epochs as it takes.
    pub fn training(self) -> TrainConfig {
        self.training_for(match self {
            Recipe::UdacityInception => 30,
            Recipe::XceptionSwa => 50,
            Recipe::TransferVgg16 | Recipe::Strong => 60,
            Recipe::Vgg19Lovasz | Recipe::CloudsNested => 40,
        })
    }

    /// The training over so many epochs, with what happens on the way at its share of them.
    pub fn training_for(self, epochs: usize) -> TrainConfig {
        let config = TrainConfig::default().epochs(epochs).patience(epochs.max(1));
        match self {
            Recipe::UdacityInception => config
                .schedule(Schedule::Constant)
                .batch_size(8)
                .patience(5)
                .monitor(Metric::ValidLoss)
                .augment(Augment::none()),
            Recipe::TransferVgg16 => config
                .schedule(Schedule::ReduceOnPlateau { factor: 0.2, patience: 5 })
                .batch_size(32)
                .learning_rate(1e-4)
                .patience(15),
            Recipe::Vgg19Lovasz => config
                .loss(Loss::sum([(0.7, Loss::Lovasz), (0.15, Loss::Bce), (0.15, Loss::Dice)]))
                .learning_rate(1e-4)
                .augment(Augment::default().brightness(0.1).scale(0.1)),
            Recipe::XceptionSwa => config
                .optimizer(Optimizer::normalized_sgd())
                .learning_rate(0.01)
                .schedule(Schedule::CosineRestarts { cycles: 5 })
                .swa_from(epochs / 5 + 1)
                .loss(Loss::BceDice),
            Recipe::CloudsNested => config
                .loss(Loss::BceDice)
                .sampling(Sampling::Balanced)
                .weight_decay(1e-4)
                .learning_rate(1e-4)
                .batch_size(8)
                .monitor(Metric::Dice),
            Recipe::Strong => strong(config),
        }
    }

    /// The views of an image whose predictions are averaged.
    pub fn tta(self) -> Tta {
        match self {
            Recipe::UdacityInception | Recipe::CloudsNested => Tta::none(),
            _ => Tta::default(),
        }
    }
}

fn strong(config: TrainConfig) -> TrainConfig {
    let epochs = config.epochs;
    config
        // From scratch Lovász alone, or as a large part of a sum, can end in empty masks; after cross-entropy it gains.
        .loss_from((epochs - epochs / 3).max(1), Loss::LovaszElu)
        .optimizer(Optimizer::adamw())
        .weight_decay(0.01)
        .schedule(Schedule::OneCycle)
        .clip_norm(1.0)
        .ema(0.998)
        .augment(Augment::strong())
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Recipe::UdacityInception => "udacity_inception",
            Recipe::TransferVgg16 => "transfer_vgg16",
            Recipe::Vgg19Lovasz => "vgg19_lovasz",
            Recipe::XceptionSwa => "xception_swa",
            Recipe::CloudsNested => "clouds_nested",
            Recipe::Strong => "strong",
        })
    }
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(name: &str) -> Result<Recipe> {
        Recipe::ALL.into_iter().find(|recipe| recipe.to_string() == name).ok_or_else(|| Error::Config {
            field: "recipe",
            got: name.into(),
            expected: format!("one of {}", Recipe::ALL.map(|recipe| recipe.to_string()).join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_can_be_built_trained_and_named() {
        for recipe in Recipe::ALL {
            recipe.training().check().unwrap();
            recipe.architecture().check().unwrap();
            assert_eq!(recipe.to_string().parse::<Recipe>().unwrap(), recipe);
            let json = serde_json::to_string(&recipe).unwrap();
            assert_eq!(json, format!("\"{recipe}\""));
        }
        assert!("best".parse::<Recipe>().unwrap_err().to_string().contains("udacity_inception"));
    }
}
