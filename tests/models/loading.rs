//! Weights of other files.

use super::{image, small, values};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tgs_salt::candle_core::safetensors;
use tgs_salt::prelude::*;

type Tensors = HashMap<String, Tensor>;

fn write(tensors: &Tensors, folder: &Path) -> PathBuf {
    let path = folder.join("weights.safetensors");
    safetensors::save(tensors, &path).unwrap();
    path
}

fn tensors(model: &Model) -> Tensors {
    model.vars().into_iter().map(|(name, var)| (name, var.as_tensor().clone())).collect()
}

/// An encoder alone, as its classifier's library names it.
fn encoder_alone(model: &Model) -> Tensors {
    let names =
        |name: &str| name.strip_prefix("encoder.").map(|name| name.trim_start_matches("model.").to_owned());
    let mut tensors: Tensors =
        tensors(model).into_iter().filter_map(|(name, tensor)| Some((names(&name)?, tensor))).collect();
    tensors.insert("fc.weight".into(), Tensor::zeros((10, 4), DType::F32, &Device::Cpu).unwrap());
    tensors
}

fn model(encoder: Encoder, channels: usize, seed: u64) -> Model {
    small(Unet::new(encoder)).in_channels(channels).seed(seed).build(&Device::Cpu).unwrap()
}

#[test]
fn an_encoder_alone_is_taken_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    for encoder in Encoder::ALL {
        let (mut ours, theirs) = (model(encoder, 3, 1), model(encoder, 3, 2));
        let path = write(&encoder_alone(&theirs), folder.path());
        let before = tensors(&ours);
        let before: HashMap<&str, Vec<f32>> =
            before.iter().map(|(name, t)| (name.as_str(), values(t))).collect();
        let report = ours.load_weights(&path).unwrap();
        assert_eq!(report.unexpected, ["fc.weight"], "{encoder}");
        assert!(
            report.missing.iter().all(|name| !name.starts_with("encoder.")) && report.mismatched.is_empty()
        );
        let theirs = tensors(&theirs);
        for (name, tensor) in tensors(&ours) {
            let expected = match name.starts_with("encoder.") {
                true => values(&theirs[&name]),
                false => before[name.as_str()].clone(),
            };
            assert_eq!(values(&tensor), expected, "{encoder} {name}");
        }
    }
}

/// Neither timm's files nor networks of segmentation_models.pytorch know how deep an encoder is looked into: they have every level.
#[test]
fn an_encoder_of_less_depth_takes_what_it_uses_of_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    for encoder in [Encoder::Vgg16, Encoder::ResNet34, Encoder::InceptionV3, Encoder::Xception] {
        let shallow = |seed| {
            let network = Unet::new(encoder).depth(3).decoder_channels(&[32, 16, 16]);
            network.in_channels(3).seed(seed).build(&Device::Cpu).unwrap()
        };
        let whole = model(encoder, 3, 2);
        let report = shallow(1).load_weights(write(&encoder_alone(&whole), folder.path())).unwrap();
        assert!(report.unexpected.len() > 1 && report.mismatched.is_empty(), "{encoder}: {report:?}");
        assert!(report.missing.iter().all(|name| !name.starts_with("encoder.")), "{encoder}: {report:?}");

        let theirs = shallow(3);
        let mut kept = tensors(&whole);
        kept.retain(|name, _| name.starts_with("encoder."));
        kept.extend(tensors(&theirs));
        let mut ours = shallow(4);
        let report = ours.load_weights(write(&kept, folder.path())).unwrap();
        assert_eq!((report.missing.len(), report.loaded.len()), (0, theirs.vars().len()), "{encoder}");
        assert_eq!(report.unexpected.len(), kept.len() - report.loaded.len(), "{encoder}");
        let xs = image((1, 3, 96, 96));
        assert_eq!(values(&ours.forward(&xs).unwrap()), values(&theirs.forward(&xs).unwrap()), "{encoder}");
    }
}

#[test]
fn a_network_of_one_channel_sees_a_grey_image_as_that_of_three_does() {
    let folder = tempfile::tempdir().unwrap();
    let grey = image((1, 1, 96, 96));
    let three = Tensor::cat(&[&grey, &grey, &grey], 1).unwrap();
    for encoder in Encoder::ALL {
        let theirs = model(encoder, 3, 2);
        let mut ours = model(encoder, 1, 2);
        ours.load_weights(write(&encoder_alone(&theirs), folder.path())).unwrap();
        let (ours, theirs) =
            (values(&ours.forward(&grey).unwrap()), values(&theirs.forward(&three).unwrap()));
        let size = theirs.iter().fold(0f32, |size, value| size.max(value.abs()));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * size, "{encoder}: {ours} {theirs}");
        }
    }
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = model(Encoder::ResNet34, 3, 1);
    let xs = image((1, 3, 64, 64));
    let before = values(&ours.forward(&xs).unwrap());
    let mut refused = |tensors: &Tensors, word: &str| {
        let path = write(tensors, folder.path());
        let message = ours.load_weights(&path).unwrap_err().to_string();
        assert!(message.contains(word) && message.contains("weights.safetensors"), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert_eq!(values(&ours.forward(&xs).unwrap()), before);
    };
    let whole = tensors(&model(Encoder::ResNet34, 3, 2));
    let mut fewer = whole.clone();
    fewer.remove("encoder.layer1.0.conv1.weight");
    refused(&fewer, "encoder.layer1.0.conv1.weight");
    let mut more = whole.clone();
    more.insert("decoder.blocks.7.conv1.0.weight".into(), whole["encoder.bn1.weight"].clone());
    refused(&more, "decoder.blocks.7.conv1.0.weight");
    let mut other = whole.clone();
    other.insert("encoder.bn1.weight".into(), whole["encoder.layer2.0.bn1.weight"].clone());
    refused(&other, "encoder.bn1.weight");
    refused(&encoder_alone(&model(Encoder::Vgg16, 3, 2)), "features.0.weight");
    refused(&encoder_alone(&model(Encoder::ResNet50, 3, 2)), "more of other shapes");
}

#[test]
fn a_file_is_looked_at_without_loading_it() {
    let folder = tempfile::tempdir().unwrap();
    let ours = model(Encoder::ResNet34, 3, 1);
    let path = write(&encoder_alone(&model(Encoder::ResNet50, 3, 2)), folder.path());
    let report = ours.check_weights(&path).unwrap();
    assert!(!report.mismatched.is_empty() && report.unexpected.len() > 1 && !report.missing.is_empty());
}

#[test]
fn a_model_starts_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = model(Encoder::Xception, 3, 2);
    let path = write(&encoder_alone(&theirs), folder.path());
    let ours = small(Unet::new(Encoder::Xception)).in_channels(3).weights(&path).build(&Device::Cpu).unwrap();
    assert_eq!(ours.config().normalize, Normalize::grey(0.5, 0.5), "what Xception was trained with");
    let name = "encoder.block3.rep.1.pointwise.weight";
    assert_eq!(values(&tensors(&ours)[name]), values(&tensors(&theirs)[name]));
}
