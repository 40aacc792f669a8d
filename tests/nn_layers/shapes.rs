//! Changes of order and size.

use crate::gradients::{check, doubles, floats, random};
use candle_core::Var;
use tgs_salt::nn::{concat, crop_to, pad_to, to_channels_first, to_channels_last};

#[test]
fn channels_move_last_and_back() {
    let xs = random(&[2, 3, 70, 5], 1);
    let last = to_channels_last(&xs).unwrap();
    assert_eq!(floats(&last), floats(&xs.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap()));
    assert_eq!(floats(&to_channels_first(&last).unwrap()), floats(&xs));
    assert!(last.is_contiguous());
}

#[test]
fn channel_orders_have_their_gradients() {
    let xs = Var::from_tensor(&random(&[2, 3, 4, 5], 1)).unwrap();
    let place = |i: usize| (i / 60, i / 20 % 3, i % 20);
    let last = |v: &[Vec<f64>]| {
        let mut ys = vec![0.0; 120];
        for (i, x) in v[0].iter().enumerate() {
            let (n, c, pixel) = place(i);
            ys[(n * 20 + pixel) * 3 + c] = *x;
        }
        ys
    };
    check("last", std::slice::from_ref(&xs), || to_channels_last(&xs).unwrap(), last);
    check(
        "last and first",
        std::slice::from_ref(&xs),
        || to_channels_first(&to_channels_last(&xs).unwrap()).unwrap(),
        |v| v[0].clone(),
    );
}

#[test]
fn concat_joins_channels_with_its_gradients() {
    let a = Var::from_tensor(&random(&[2, 3, 2, 3], 1)).unwrap();
    let b = Var::from_tensor(&random(&[2, 3, 2, 2], 2)).unwrap();
    let join = |v: &[Vec<f64>]| {
        let pixels = v[0].chunks(3).zip(v[1].chunks(2));
        pixels.flat_map(|(a, b)| a.iter().chain(b).copied().collect::<Vec<f64>>()).collect()
    };
    check("concat", &[a.clone(), b.clone()], || concat(&a, &b).unwrap(), join);
    let error = concat(&a, &random(&[2, 3, 3, 2], 1)).unwrap_err().to_string();
    assert!(concat(&a, &random(&[2, 3, 2, 0], 1)).is_err());
    assert!(error.contains("(2, 3, 2, C)") && error.contains("[2, 3, 3, 2]"), "{error}");
}

#[test]
fn padding_puts_the_smaller_half_first_and_crop_undoes_it() {
    let xs = Var::from_tensor(&random(&[2, 3, 4, 2], 1)).unwrap();
    // 3 rows become 6: one above, two below. 4 columns become 5: none left, one right.
    let padded = |v: &[Vec<f64>]| {
        let mut ys = vec![0.0; 2 * 6 * 5 * 2];
        for (i, x) in v[0].iter().enumerate() {
            let (n, y, x_c) = (i / 24, i / 8 % 3, i % 8);
            ys[(n * 6 + y + 1) * 10 + x_c] = *x;
        }
        ys
    };
    check("pad", std::slice::from_ref(&xs), || pad_to(&xs, 6, 5).unwrap(), padded);
    check(
        "pad and crop",
        std::slice::from_ref(&xs),
        || crop_to(&pad_to(&xs, 6, 5).unwrap(), 3, 4).unwrap(),
        |v| v[0].clone(),
    );
    assert_eq!(doubles(&crop_to(&xs, 3, 4).unwrap()), doubles(&xs));
    assert!(pad_to(&xs, 2, 9).is_err() && crop_to(&xs, 2, 9).is_err());
}
