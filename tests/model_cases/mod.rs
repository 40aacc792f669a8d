//! What both comparisons of whole networks with PyTorch share: our side of the cases of `tests/fixtures/models/cases.py`.

use candle_core::Tensor;
use serde_json::Value;
use tgs_salt::losses::bce;
use tgs_salt::models::Outputs;
use tgs_salt::{Architecture, Encoder, Unet, UnetPlusPlus};

pub fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("no text {key} in {case}"))
}

pub fn size(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {case}")) as usize
}

/// As in the tables: the architecture with what is set of it, and how its weights come.
pub fn name(case: &Value) -> String {
    let options = case["options"].as_object().unwrap().iter();
    let options: String = options.map(|(option, on)| format!(", {option} {on}")).collect();
    let weights = if case["alone"] == true { ", encoder of timm" } else { "" };
    format!("{} {}{options}{weights}", text(case, "architecture"), text(case, "encoder"))
}

/// The network of a case. Nothing is dropped, as chance has no counterpart, and nothing frozen.
pub fn architecture(case: &Value) -> Architecture {
    let encoder: Encoder = text(case, "encoder").parse().unwrap();
    let network = match text(case, "architecture") {
        "unet" => Unet::new(encoder),
        "unetplusplus" => UnetPlusPlus::new(encoder),
        "vgg16_transfer" => Unet::vgg16_transfer(0),
        "vgg19_transfer" => Unet::vgg19_transfer(),
        "xception_residual" => Unet::xception_residual(),
        other => panic!("no architecture {other}"),
    };
    assert_eq!(network.encoder, encoder);
    let network = network.in_channels(size(case, "in_channels")).classes(size(case, "classes"));
    case["options"].as_object().unwrap().iter().fold(network.dropout(0.0).frozen(0), |network, option| {
        let on = option.1.as_bool().unwrap();
        match option.0.as_str() {
            "attention" => network.attention(on),
            "hypercolumns" => network.hypercolumns(on),
            "deep_supervision" => network.deep_supervision(on),
            "presence_head" => network.presence_head(on),
            "stem_pooling" => network.stem_pooling(on),
            "coord_channels" => network.coord_channels(on),
            other => panic!("no option {other}"),
        }
    })
}

/// The mean over the heads; that of presence is added.
pub fn loss(outputs: &Outputs, target: &Tensor, presence_target: &Tensor) -> Tensor {
    let heads: Vec<&Tensor> = outputs.side.iter().chain([&outputs.logits]).collect();
    let sum = heads.iter().map(|head| bce(head, target).unwrap()).reduce(|a, b| (a + b).unwrap()).unwrap();
    let mean = (sum / heads.len() as f64).unwrap();
    match &outputs.presence {
        Some(presence) => (mean + bce(presence, presence_target).unwrap()).unwrap(),
        None => mean,
    }
}

pub fn floats(xs: &Tensor) -> Vec<f32> {
    xs.flatten_all().unwrap().to_vec1().unwrap()
}

/// Euclidean.
pub fn norm(xs: impl IntoIterator<Item = f64>) -> f64 {
    xs.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}
