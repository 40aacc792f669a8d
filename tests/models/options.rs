//! What can be added to a network.

use super::{assert_all_learn, image, small, values};
use tgs_salt::prelude::*;

const CHANNELS: [usize; 5] = [64; 5];

/// Each option over an encoder with nearest upsampling and one with transposed convolutions.
fn networks() -> [Architecture; 4] {
    let plain = Unet::new(Encoder::Plain).depth(3).base_filters(16);
    [
        Unet::new(Encoder::ResNet34).decoder_channels(&CHANNELS),
        UnetPlusPlus::new(Encoder::ResNet34).decoder_channels(&CHANNELS),
        plain,
        UnetPlusPlus::new(Encoder::Plain).depth(3).base_filters(16).dropout(0.0),
    ]
}

#[test]
fn every_option_learns_with_both_decoders() {
    let xs = image((2, 1, 64, 96));
    for network in networks() {
        let all = network.clone().attention(true).hypercolumns(true).deep_supervision(true);
        let model = all.presence_head(true).coord_channels(true).build(&Device::Cpu).unwrap();
        // Few as they are, all units of a gate may start out closed.
        for (_, bias) in model.vars().into_iter().filter(|(name, _)| name.ends_with("cSE.1.bias")) {
            bias.set(&Tensor::full(9f32, bias.shape(), &Device::Cpu).unwrap()).unwrap();
        }
        assert_all_learn(&model, &xs);
        assert_eq!(model.forward(&xs).unwrap().dims(), [2, 1, 64, 96]);
    }
}

#[test]
fn the_walkthroughs_learn() {
    let xs = image((2, 3, 64, 64));
    let clouds = UnetPlusPlus::new(Encoder::Plain).classes(4).deep_supervision(true).base_filters(8);
    for network in
        [Unet::vgg16_transfer(4), Unet::vgg19_transfer(), Unet::xception_residual(), clouds.depth(3)]
    {
        let model = network.in_channels(3).build(&Device::Cpu).unwrap();
        assert_all_learn(&model, &xs);
    }
}

#[test]
fn deep_supervision_gives_a_mask_per_level_and_prediction_only_the_finest() {
    let xs = image((1, 1, 64, 64));
    for (network, levels) in networks().into_iter().zip([4, 3, 2, 2]) {
        let model = network.deep_supervision(true).classes(3).build(&Device::Cpu).unwrap();
        let side = model.forward_train(&xs).unwrap().side;
        assert!(side.len() == levels && side.iter().all(|side| side.dims() == [1, 3, 64, 64]), "{model:?}");
    }
}

#[test]
fn presence_is_one_logit_per_class() {
    let xs = image((2, 1, 64, 64));
    let network = small(Unet::new(Encoder::ResNet34)).classes(3);
    let model = network.clone().presence_head(true).build(&Device::Cpu).unwrap();
    assert_eq!(model.presence(&xs).unwrap().dims(), [2, 3]);
    assert_eq!(model.forward_train(&xs).unwrap().presence.unwrap().dims(), [2, 3]);
    let message = network.build(&Device::Cpu).unwrap().presence(&xs).unwrap_err().to_string();
    assert!(message.contains("presence_head"), "{message}");
}

#[test]
fn without_stem_pooling_half_the_multiple_is_enough() {
    let model = small(Unet::new(Encoder::ResNet34)).stem_pooling(false).build(&Device::Cpu).unwrap();
    assert_eq!(model.forward(&image((1, 1, 48, 80))).unwrap().dims(), [1, 1, 48, 80]);
    assert_all_learn(&model, &image((2, 1, 48, 80)));
}

#[test]
fn depth_channels_tell_top_from_bottom() {
    // Of a constant image a convolution makes the same everywhere but at the edges.
    let xs = Tensor::ones((1, 1, 64, 64), DType::F32, &Device::Cpu).unwrap();
    let rows = |coord: bool| {
        let network = Unet::new(Encoder::Plain).depth(1).base_filters(16).coord_channels(coord);
        let logits = network.build(&Device::Cpu).unwrap().forward(&xs).unwrap();
        [20, 40].map(|row| values(&logits.narrow(2, row, 1).unwrap().narrow(3, 32, 1).unwrap())[0])
    };
    let ([above, below], [plain_above, plain_below]) = (rows(true), rows(false));
    assert!(above != below && plain_above == plain_below, "{above} {below} {plain_above} {plain_below}");
}

#[test]
fn dropout_is_of_training_only() {
    let xs = image((1, 1, 32, 32));
    for network in networks() {
        let model = network.depth(2).decoder_channels(&[32, 16]).dropout(0.5).build(&Device::Cpu).unwrap();
        assert_eq!(values(&model.forward(&xs).unwrap()), values(&model.forward(&xs).unwrap()));
        let trained = || values(&model.forward_train(&xs).unwrap().logits);
        assert_ne!(trained(), trained(), "each step drops others");
    }
}
