//! Every encoder with every decoder.

use super::{assert_all_learn, both, image, small, values};
use tgs_salt::prelude::*;

/// The sizes that a test can afford; Inception needs 96 pixels.
const SIZE: (usize, usize) = (96, 128);

#[test]
fn every_parameter_learns_with_one_channel_and_three() {
    for encoder in Encoder::ALL {
        for (network, channels) in both(encoder).into_iter().zip([1, 3]) {
            let model = network.in_channels(channels).dropout(0.0).build(&Device::Cpu).unwrap();
            assert_all_learn(&model, &image((2, channels, SIZE.0, SIZE.1)));
        }
    }
}

/// Levels that nothing looks at would be drawn, averaged, stepped and saved for nothing.
#[test]
fn an_encoder_of_less_depth_has_only_what_it_uses() {
    for encoder in Encoder::ALL {
        for depth in 1..=4 {
            let network = small(Unet::new(encoder)).decoder_channels(&[16; 5][..depth]).depth(depth);
            let model = network.in_channels(1).dropout(0.0).build(&Device::Cpu).unwrap();
            assert_all_learn(&model, &image((2, 1, SIZE.0, SIZE.1)));
        }
    }
}

#[test]
fn logits_have_the_image_s_size_and_a_saved_model_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for encoder in Encoder::ALL {
        for network in both(encoder) {
            let model = network.classes(2).in_channels(3).build(&Device::Cpu).unwrap();
            let xs = image((1, 3, SIZE.0, SIZE.1));
            let logits = model.forward(&xs).unwrap();
            assert_eq!(logits.dims(), [1, 2, SIZE.0, SIZE.1], "{model:?}");
            model.save(&path).unwrap();
            let again = Model::load(&path, &Device::Cpu).unwrap();
            assert_eq!(again.config(), model.config());
            assert_eq!(values(&again.forward(&xs).unwrap()), values(&logits), "{model:?}");
        }
    }
}

#[test]
fn the_seed_decides_everything_and_prediction_changes_nothing() {
    for network in both(Encoder::ResNet34) {
        let xs = image((1, 1, 64, 64));
        let model = |seed| network.clone().seed(seed).build(&Device::Cpu).unwrap();
        let (first, second) = (model(1), model(1));
        let logits = values(&first.forward(&xs).unwrap());
        assert_eq!(logits, values(&first.forward(&xs).unwrap()));
        assert_eq!(logits, values(&second.forward(&xs).unwrap()));
        assert_ne!(logits, values(&model(2).forward(&xs).unwrap()));
    }
}

#[test]
fn a_wrong_size_or_channel_count_says_what_fits() {
    for encoder in Encoder::ALL {
        for network in both(encoder) {
            let model = network.build(&Device::Cpu).unwrap();
            for dims in [(1, 1, 101, 101), (1, 2, 128, 128), (1, 1, 0, 128)] {
                let xs = Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
                let error = model.forward(&xs).unwrap_err();
                let message = error.to_string();
                assert!(matches!(error, Error::Shape { .. }) && !message.contains('\n'), "{message}");
                assert!(message.contains("multiples of") && message.contains("Padding"), "{message}");
            }
        }
    }
}

#[test]
fn bf16_is_close_to_f32() {
    for encoder in Encoder::ALL {
        let mut model = both(encoder)[0].clone().in_channels(3).build(&Device::Cpu).unwrap();
        let xs = image((2, 3, SIZE.0, SIZE.1));
        let single = values(&model.forward(&xs).unwrap());
        model.set_precision(Precision::Bf16);
        let half = values(&model.forward(&xs).unwrap());
        let norm = |xs: &mut dyn Iterator<Item = f32>| xs.map(|x| x * x).sum::<f32>().sqrt();
        let apart =
            norm(&mut single.iter().zip(&half).map(|(s, h)| s - h)) / norm(&mut single.iter().copied());
        assert!(apart > 1e-5 && apart < 0.04, "{encoder}: {apart}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |network: Architecture, field: &str| {
        let message = network.build(&Device::Cpu).unwrap_err().to_string();
        assert!(message.starts_with(field) && !message.contains('\n'), "{message}");
    };
    refused(Unet::new(Encoder::Plain).in_channels(0), "in_channels");
    refused(Unet::new(Encoder::Plain).classes(0), "classes");
    refused(Unet::new(Encoder::Plain).depth(7), "depth");
    refused(Unet::new(Encoder::Vgg16).depth(6), "depth");
    refused(UnetPlusPlus::new(Encoder::ResNet34).depth(1), "depth");
    refused(Unet::new(Encoder::Plain).base_filters(0), "base_filters");
    refused(Unet::new(Encoder::ResNet34).decoder_channels(&[64, 32]), "decoder_channels");
    refused(Unet::new(Encoder::ResNet34).upsampling(Upsampling::Transposed { kernel: 5 }), "upsampling");
    refused(Unet::new(Encoder::ResNet34).batch_norm_momentum(0.0), "batch_norm_momentum");
    refused(Unet::new(Encoder::ResNet34).dropout(1.0), "dropout");
    refused(UnetPlusPlus::new(Encoder::Vgg16).center(Some(512)), "center");
    refused(Unet::xception_residual().batch_norm(false), "residual");
    refused(Unet::new(Encoder::Plain).attention(true).base_filters(8), "attention");
    refused(Unet::new(Encoder::Vgg16).stem_pooling(false), "stem_pooling");
    refused(Unet::new(Encoder::ResNet34).in_channels(3).coord_channels(true), "coord_channels");
    refused(Unet::new(Encoder::ResNet34).normalize(Normalize::grey(0.5, 0.0)), "normalize");
}
