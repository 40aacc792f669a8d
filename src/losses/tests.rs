//! What only shows from inside: channels last, and the composed forms.

use super::*;
use crate::nn::backward;
use candle_core::{Device, Tensor, Var};

const EACH: [Loss; 12] = [
    Loss::Bce,
    Loss::Dice,
    Loss::BceDice,
    Loss::LogDice,
    Loss::BoundaryBceDice,
    Loss::Focal { gamma: 2.0 },
    Loss::Focal { gamma: 0.5 },
    Loss::Tversky { alpha: 0.7 },
    Loss::FocalTversky { alpha: 0.7, gamma: 0.75 },
    Loss::Lovasz,
    Loss::LovaszElu,
    Loss::LovaszSymmetric,
];

/// Logits and masks of two images with three classes, the last of them without a mask; channels first.
fn example() -> (Var, Tensor) {
    let (shape, pixels) = ((2, 3, 13, 17), 13 * 17);
    let xs: Vec<f32> = (0..6 * pixels).map(|i| ((i * 7919 % 1009) as f32 - 500.0) / 170.0).collect();
    let ts: Vec<f32> =
        (0..6 * pixels).map(|i| f32::from(u8::from(i / pixels % 3 != 2 && i / 40 % 3 == 0))).collect();
    let tensor = |values: Vec<f32>| Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
    (Var::from_tensor(&tensor(xs)).unwrap(), tensor(ts))
}

/// Value and gradient.
fn pass(loss: Result<Tensor, impl std::fmt::Debug>, xs: &Var) -> (f32, Tensor) {
    let loss = loss.unwrap();
    let value = loss.to_scalar().unwrap();
    (value, backward(loss).unwrap().get(xs).unwrap().clone())
}

fn floats(xs: &Tensor) -> Vec<f32> {
    xs.flatten_all().unwrap().to_vec1().unwrap()
}

fn close(what: &str, (value, grad): &(f32, Tensor), (expected, expected_grad): &(f32, Tensor)) {
    assert!((value - expected).abs() <= 1e-5 * expected.abs(), "{what}: {value} instead of {expected}");
    let (grad, expected) = (floats(grad), floats(expected_grad));
    let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    for (a, b) in grad.iter().zip(&expected) {
        assert!((a - b).abs() <= 2e-4 * largest, "gradient of {what}: {a} instead of {b}");
    }
}

#[test]
fn channels_last_gives_the_same() {
    let (xs, ts) = example();
    let last = |xs: &Tensor| xs.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let (xs_last, ts_last) = (Var::from_tensor(&last(&xs)).unwrap(), last(&ts));
    for loss in EACH {
        let first = pass(loss.compute(&xs, &ts), &xs);
        let (value, grad) = pass(loss.compute_in(Order::ChannelsLast, &xs_last, &ts_last), &xs_last);
        close(&loss.to_string(), &(value, grad.permute((0, 3, 1, 2)).unwrap().contiguous().unwrap()), &first);
    }
}

#[test]
fn composed_of_candle_they_are_the_same() {
    use super::lovasz::Hinge;
    use super::overlap::Curve;
    let (xs, ts) = example();
    let both = [xs.as_tensor(), &ts];
    let order = Order::ChannelsFirst;
    let composed = |loss: &Loss| match loss {
        Loss::Dice => Some(composed::overlap(both, order, 0.5, Curve::Power(1.0))),
        Loss::LogDice => Some(composed::overlap(both, order, 0.5, Curve::Log)),
        Loss::BoundaryBceDice => Some(composed::boundary(both, order)),
        Loss::Focal { gamma } => Some(composed::focal(both, *gamma)),
        Loss::Tversky { alpha } => Some(composed::overlap(both, order, *alpha, Curve::Power(1.0))),
        Loss::FocalTversky { alpha, gamma } => {
            Some(composed::overlap(both, order, *alpha, Curve::Power(*gamma)))
        }
        Loss::Lovasz => Some(composed::lovasz(both, order, Hinge::Relu)),
        Loss::LovaszElu => Some(composed::lovasz(both, order, Hinge::Elu)),
        Loss::LovaszSymmetric => Some(composed::lovasz(both, order, Hinge::Symmetric)),
        _ => None,
    };
    for loss in EACH {
        if let Some(composed) = composed(&loss) {
            close(&loss.to_string(), &pass(composed, &xs), &pass(loss.compute(&xs, &ts), &xs));
        }
    }
}

#[test]
fn an_image_without_a_mask_leaves_finite_gradients() {
    let (xs, ts) = example();
    for ts in [ts.zeros_like().unwrap(), ts.ones_like().unwrap()] {
        for loss in EACH {
            let (value, grad) = pass(loss.compute(&xs, &ts), &xs);
            assert!(value.is_finite() && value >= 0.0, "{loss}: {value}");
            assert!(floats(&grad).iter().all(|g| g.is_finite()), "{loss}");
        }
    }
}

#[test]
fn what_is_no_number_shows() {
    let (xs, ts) = example();
    let mut values = floats(&xs);
    values[100] = f32::NAN;
    let xs = Tensor::from_vec(values, xs.shape(), &Device::Cpu).unwrap();
    for ts in [ts.zeros_like().unwrap(), ts] {
        for loss in EACH {
            let value = loss.compute(&xs, &ts).unwrap().to_scalar::<f32>().unwrap();
            assert!(value.is_nan(), "{loss}: {value}");
        }
    }
}

#[test]
fn equal_errors_keep_their_order() {
    let zeros = Var::zeros((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let ts = Tensor::new(&[[[[0f32, 1.0], [1.0, 0.0]]]], &Device::Cpu).unwrap();
    let (value, grad) = pass(lovasz_hinge(&zeros, &ts), &zeros);
    assert_eq!(value, 1.0);
    // The Jaccard loss grows from 0 to 1/3, 2/3, 1 and 1.
    let expected = [1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0, 0.0];
    for (got, expected) in floats(&grad).into_iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} instead of {expected}");
    }
}

#[test]
fn shapes_and_numbers_out_of_range_are_refused() {
    let (xs, ts) = example();
    let flat = xs.flatten_all().unwrap();
    for loss in EACH {
        assert!(matches!(loss.compute(&xs, &flat), Err(crate::Error::Shape { .. })), "{loss}");
        let any = matches!(loss, Loss::Bce | Loss::Focal { .. });
        assert_eq!(loss.compute(&flat, &ts.flatten_all().unwrap()).is_ok(), any, "{loss}");
    }
    let sum = |weight| Loss::sum([(1.0, Loss::Dice), (weight, Loss::Bce)]);
    let wrong = [
        Loss::Focal { gamma: -1.0 },
        Loss::Tversky { alpha: 1.5 },
        Loss::FocalTversky { alpha: f64::NAN, gamma: 1.0 },
        Loss::FocalTversky { alpha: 0.7, gamma: 0.0 },
        Loss::sum([]),
        Loss::sum([(1.0, sum(f64::INFINITY))]),
        sum(-0.1),
    ];
    for loss in wrong {
        let error = loss.compute(&xs, &ts).unwrap_err();
        assert!(matches!(error, crate::Error::Config { .. }) && loss.check().is_err(), "{loss}: {error}");
    }
}

#[test]
fn sums_read_well_and_survive_json() {
    let loss = Loss::sum([(1.0, Loss::BceDice), (0.5, Loss::FocalTversky { alpha: 0.7, gamma: 0.75 })]);
    assert_eq!(loss.to_string(), "1 × (bce + dice) + 0.5 × focal tversky(alpha 0.7, gamma 0.75)");
    let text = serde_json::to_string(&loss).unwrap();
    assert_eq!(serde_json::from_str::<Loss>(&text).unwrap(), loss);
}

#[test]
fn nothing_at_all_is_no_reason_to_stop() {
    for shape in [(0, 1, 4, 4), (2, 0, 4, 4), (2, 1, 0, 4), (2, 1, 4, 0)] {
        let none = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        for loss in EACH {
            for order in [Order::ChannelsFirst, Order::ChannelsLast] {
                let value = loss.compute_in(order, &none, &none).unwrap().to_scalar::<f32>().unwrap();
                assert_eq!(value, 0.0, "{loss} of {shape:?}");
            }
        }
    }
}
