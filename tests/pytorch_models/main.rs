//! Every network beside PyTorch: segmentation_models.pytorch's where it has one, else one written by hand.
//!
//! Weights, image and target come from `tests/fixtures/models/generate.py`, which computes in double precision on the spot; the
//! weights are read from its state_dict. The table goes to `target/pytorch_models.md`.

#[path = "../model_cases/mod.rs"]
mod model_cases;
#[path = "../python/mod.rs"]
mod python;
mod reference;

use candle_core::{Device, Tensor};
use model_cases::{architecture, loss, name, size};
use python::python;
use reference::{Reference, Values};
use serde_json::Value;
use tgs_salt::{Model, nn};

/// What may be off, relative: logits, a gradient and the running statistics.
const LOGITS: f64 = 1e-4;
const GRADIENT: f64 = 1e-3;
const STATISTICS: f64 = 1e-5;
/// A gradient is compared over this part of the largest one where it is smaller: some are zero but for rounding, such as that of
/// a shift before a batch norm.
const FLOOR: f64 = 1e-4;
/// Rounding may bring one value of a deep layer to the other side of a kink, or another pixel to the top of a window of max
/// pooling. This changes gradients by up to a hundredth, in few draws of the weights; a mistake shows in each of them.
const DRAWS: usize = 5;
/// Where PyTorch's own gradients in single precision are further off its exact ones than that, ours may be so many times as far.
/// VGG, without batch norm, is such a network.
const AS_PYTORCH: f64 = 3.0;
/// More is no kink.
const KINK: f64 = 0.05;

struct Row {
    logits: f64,
    /// Of the loss or a gradient, the one that is furthest off, with its name.
    gradient: (f64, String),
    /// How far off PyTorch's own gradients in single precision are.
    own: f64,
    /// None where there is no batch norm.
    statistics: Option<f64>,
}

impl Row {
    fn gradients_agree(&self) -> bool {
        self.gradient.0 <= GRADIENT.max(AS_PYTORCH * self.own)
    }
}

fn text(case: &Value, row: &Row) -> String {
    let (size, parameters) = (&case["size"], &case["parameters"]);
    let channels = format!("{} → {}", case["in_channels"], case["classes"]);
    let size = format!("{}×{}×{}", case["batch"], size[0], size[1]);
    let line = format!("| {} | {channels} | {size} | {parameters} | {:.1e} |", name(case), row.logits);
    let gradient = match case["alone"] == true {
        true => "– | –".into(),
        false => format!("{:.1e} ({}) | {:.1e}", row.gradient.0, row.gradient.1, row.own),
    };
    let statistics = row.statistics.map_or("–".into(), |apart| format!("{apart:.1e}"));
    format!("{line} {gradient} | {statistics} |")
}

/// The model with the weights of PyTorch's.
fn model(case: &Value, reference: &Reference) -> Model {
    let mut model = architecture(case).build(&Device::Cpu).unwrap();
    assert_eq!(model.parameter_count(), size(case, "parameters"), "{}: parameters", name(case));
    let report = model.load_weights(reference.path("weights.safetensors")).unwrap();
    assert_eq!((&report.missing, &report.unexpected), (&vec![], &vec![]), "{}", name(case));
    assert_eq!(report.loaded.len(), model.vars().len());
    if case["alone"] == true {
        let report = model.load_weights(reference.path("encoder.safetensors")).unwrap();
        let encoder = |names: &[String]| names.iter().filter(|name| name.starts_with("encoder.")).count();
        assert_eq!(encoder(&report.loaded), report.loaded.len(), "{report:?}");
        assert_eq!(encoder(&report.missing), 0, "{report:?}");
        assert!(!report.unexpected.is_empty(), "timm's classifier is not reported");
    }
    model
}

fn compare(case: &Value, reference: &Reference) -> Row {
    let (model, values) = (model(case, reference), reference.values());
    let logits = model.forward(values.get("input")).unwrap();
    assert_eq!(logits.dims(), values.get("logits").dims(), "{}", name(case));
    let logits = values.deviation("logits", &logits, 0.0);
    let mut row = Row { logits, gradient: (0.0, String::new()), own: 0.0, statistics: None };
    if case["alone"] != true {
        train(&model, &values, &mut row);
    }
    row
}

/// One step without the update.
fn train(model: &Model, values: &Values, row: &mut Row) {
    let outputs = model.forward_train(values.get("input")).unwrap();
    if let Some(presence) = &outputs.presence {
        row.logits = row.logits.max(values.deviation("presence", presence, 0.0));
    }
    let loss = loss(&outputs, values.get("target"), values.get("presence_target"));
    row.own = f64::from(model_cases::floats(values.get("own"))[0]);
    row.gradient = (values.deviation("loss", &loss, 0.0), "loss".into());
    let (trainable, gradients) = (model.trainable(), nn::backward(loss).unwrap());
    let names: Vec<String> = trainable.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, values.named("grad."), "other weights than PyTorch's have gradients");
    let largest = names.iter().map(|name| values.norm(&format!("grad.{name}"))).fold(0.0, f64::max);
    for (name, var) in &trainable {
        let gradient = gradients.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let apart = values.deviation(&format!("grad.{name}"), gradient, FLOOR * largest);
        if apart > row.gradient.0 {
            row.gradient = (apart, name.clone());
        }
    }
    let statistics: Vec<(String, _)> =
        model.vars().into_iter().filter(|(name, _)| name.contains("running_")).collect();
    assert_eq!(trainable.len() + statistics.len(), model.vars().len());
    for (name, var) in statistics {
        let ours: &Tensor = &var;
        let apart = values.deviation(&format!("after.{name}"), ours, 0.0);
        row.statistics = Some(row.statistics.unwrap_or(0.0).max(apart));
    }
}

/// The row of the first draw in which the gradients agree, or of the last.
fn settle(case: &mut Value, reference: &mut Reference) -> Row {
    for draw in 1.. {
        let row = compare(case, reference);
        if row.gradients_agree() || row.gradient.0 > KINK || draw == DRAWS {
            return row;
        }
        println!("{} once more: {:.1e} in {}", name(case), row.gradient.0, row.gradient.1);
        reference.proceed(true);
        *case = reference.case().unwrap();
    }
    unreachable!()
}

#[test]
fn networks_equal_pytorch() {
    let Some(python) = python("torch, safetensors, segmentation_models_pytorch, timm") else {
        assert!(
            std::env::var("CI").is_err(),
            "no Python with PyTorch's models, which CI has to have: bash tests/reference.sh --models"
        );
        println!("no Python with PyTorch's models: skipped. `bash tests/reference.sh --models` sets one up");
        return;
    };
    let mut reference = Reference::start(&python);
    let mut lines = vec![
        "| architecture | channels | size | parameters | logits | worst gradient | PyTorch's own | statistics |".into(),
        "|---|---|---|---|---|---|---|---|".into(),
    ];
    let mut off = vec![];
    while let Some(mut case) = reference.case() {
        let row = settle(&mut case, &mut reference);
        let line = text(&case, &row);
        println!("{line}");
        if row.logits > LOGITS || !row.gradients_agree() || row.statistics > Some(STATISTICS) {
            off.push(line.clone());
        }
        lines.push(line);
        reference.proceed(false);
    }
    std::fs::create_dir_all("target").unwrap();
    std::fs::write("target/pytorch_models.md", lines.join("\n") + "\n").unwrap();
    assert!(lines.len() > 50, "only {} rows", lines.len());
    assert!(off.is_empty(), "off:\n{}", off.join("\n"));
}
