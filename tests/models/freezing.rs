//! Layers that training leaves alone.

use super::{assert_all_learn, image, small, values};
use tgs_salt::models::checkpoint_tensors;
use tgs_salt::prelude::*;

fn names(model: &Model) -> Vec<String> {
    model.trainable().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_lowest_convolutions_are_frozen_in_the_order_of_the_image() {
    let network = small(Unet::new(Encoder::ResNet34));
    let model = network.clone().frozen(1 + 6 + 1).build(&Device::Cpu).unwrap();
    let names = names(&model);
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    assert!(!has("encoder.conv1") && !has("encoder.bn1") && !has("encoder.layer1."), "{names:?}");
    assert!(!has("encoder.layer2.0.conv1") && !has("encoder.layer2.0.bn1") && has("encoder.layer2.0.conv2"));
    assert!(has("decoder.blocks.0") && has("segmentation_head"));
    assert_all_learn(&model, &image((2, 1, 64, 64)));
    assert_eq!(model.parameter_count(), network.build(&Device::Cpu).unwrap().parameter_count());
}

#[test]
fn vgg19_is_frozen_but_for_its_last_four_convolutions() {
    let model = Unet::vgg19_transfer().build(&Device::Cpu).unwrap();
    let names = names(&model);
    let encoder: Vec<&str> =
        names.iter().filter(|name| name.starts_with("encoder.")).map(String::as_str).collect();
    let expected: Vec<String> = ["28", "30", "32", "34"]
        .iter()
        .flat_map(|place| ["bias", "weight"].map(|kind| format!("encoder.features.{place}.{kind}")))
        .collect();
    assert_eq!(encoder, expected);
}

#[test]
fn a_frozen_encoder_stays_as_it_is_and_thaws() {
    let folder = tempfile::tempdir().unwrap();
    let salt = Competition::sample().unwrap();
    let ids = salt.train.ids();
    let few: Vec<&str> = ids.iter().step_by(40).map(String::as_str).collect();
    let few = salt.train.select(&few).unwrap();
    let mut model = small(Unet::new(Encoder::ResNet34)).frozen(usize::MAX).build(&Device::Cpu).unwrap();
    let state = |model: &Model, start: &str| {
        let path = folder.path().join("state.safetensors");
        model.save(&path).unwrap();
        let mut tensors = checkpoint_tensors(&path).unwrap();
        tensors.retain(|(name, _)| name.starts_with(start));
        tensors
    };
    let (encoder, decoder) = (state(&model, "encoder."), state(&model, "decoder."));
    let config = TrainConfig::default().epochs(1).batch_size(5).run_folder(folder.path().join("run"));
    model.train(&few, &few, &config).unwrap();
    assert!(state(&model, "encoder.") == encoder, "running statistics too");
    assert!(state(&model, "decoder.") != decoder);

    let xs = image((1, 1, 64, 64));
    let before = values(&model.forward(&xs).unwrap());
    model.unfreeze().unwrap();
    assert_eq!(values(&model.forward(&xs).unwrap()), before, "the weights stay");
    model.train(&few, &few, &config).unwrap();
    assert!(state(&model, "encoder.") != encoder);
}
