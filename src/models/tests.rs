//! What holds for every model.

use crate::models::{Encoder, Model, Unet, encoders};
use crate::nn::{Mode, Weights};
use crate::types::Image;
use candle_core::{Device, Tensor};

fn small(seed: u64) -> Model {
    Unet::new(Encoder::Plain).depth(2).base_filters(4).seed(seed).build(&Device::Cpu).unwrap()
}

fn logits(model: &Model) -> Vec<f32> {
    let image = Image::new(16, 24, (0..16 * 24).map(|i| (i % 13) as f32 / 13.0).collect()).unwrap();
    let xs = Tensor::from_vec(image.pixels, (1, 1, 16, 24), &Device::Cpu).unwrap();
    model.forward(&xs).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn the_seed_decides_the_weights() {
    assert_eq!(logits(&small(1)), logits(&small(1)));
    assert_ne!(logits(&small(1)), logits(&small(2)));
}

/// With momentum 1 the running statistics are those of the last batch, so that both modes agree on it (but for the
/// unbiased variance).
#[test]
fn inference_sees_the_statistics_of_training() {
    let config = Unet::new(Encoder::Plain).depth(2).base_filters(4).batch_norm_momentum(1.0);
    let model = config.build(&Device::Cpu).unwrap();
    let xs: Vec<f32> = (0..2 * 32 * 32).map(|i| ((i * 37 % 101) as f32) / 5.0 + 3.0).collect();
    let xs = Tensor::from_vec(xs, (2, 1, 32, 32), &Device::Cpu).unwrap();
    let values = |logits: Tensor| logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (train, eval) = (values(model.outputs(&xs).unwrap().logits), values(model.forward(&xs).unwrap()));
    let apart = train.iter().zip(&eval).map(|(t, e)| (t - e).abs()).fold(0.0, f32::max);
    let size = train.iter().map(|t| t.abs()).fold(0.0, f32::max);
    assert!(apart < 0.02 * size, "{apart} apart, logits up to {size}");
}

#[test]
fn saved_and_loaded_gives_the_same_bits() {
    let path = tempfile::tempdir().unwrap().keep().join("model.safetensors");
    let model = small(5);
    model.save(&path).unwrap();
    assert_eq!(logits(&Model::load(&path, &Device::Cpu).unwrap()), logits(&model));
    let mut other = small(6);
    assert_eq!(other.load_weights(&path).unwrap().loaded.len(), other.vars().len());
    assert_eq!(logits(&other), logits(&model));
}

#[test]
fn weights_of_another_model_change_nothing() {
    let path = tempfile::tempdir().unwrap().keep().join("model.safetensors");
    Unet::new(Encoder::Plain).depth(2).base_filters(8).build(&Device::Cpu).unwrap().save(&path).unwrap();
    let mut model = small(7);
    let before = logits(&model);
    let message = model.load_weights(&path).unwrap_err().to_string();
    assert!(message.contains("model.safetensors"), "{message}");
    assert_eq!(logits(&model), before);
}

#[test]
fn a_size_that_does_not_halve_is_a_shape_error() {
    let xs = Tensor::zeros((1, 1, 101, 101), candle_core::DType::F32, &Device::Cpu).unwrap();
    let message = small(1).forward(&xs).unwrap_err().to_string();
    assert!(message.contains("multiples of 4") && message.contains("101"), "{message}");
}

/// Strides and channels of each encoder's features, at sizes that are not square.
#[test]
fn features_have_the_strides_and_channels_that_decoders_are_built_for() {
    for encoder in Encoder::ALL {
        for depth in [2, 4, Unet::new(encoder).depth] {
            let config = Unet::new(encoder).depth(depth).in_channels(3);
            let weights = Weights::new(1, &Device::Cpu);
            let network = encoders::build(&config, weights.builder()).unwrap();
            let xs = Tensor::zeros((1, 96, 160, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
            let features = network.forward(&xs, Mode::Eval).unwrap();
            let channels = config.encoder_channels();
            assert_eq!(features.len(), depth + 1, "{encoder}");
            for (level, (map, channels)) in features.iter().zip(channels).enumerate() {
                let (_, height, width, got) = map.dims4().unwrap();
                // Inception does not pad: up to three pixels fewer at each level.
                let least = |size: usize| match encoder {
                    Encoder::InceptionV3 => (size >> level).saturating_sub(4).max(1),
                    _ => size >> level,
                };
                assert_eq!(got, channels, "{encoder} level {level}");
                assert!((least(96)..=96 >> level).contains(&height), "{encoder} level {level}: {height}");
                assert!((least(160)..=160 >> level).contains(&width), "{encoder} level {level}: {width}");
            }
        }
    }
}
