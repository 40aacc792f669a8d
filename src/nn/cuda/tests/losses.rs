use super::super::{bce, bce_backward};
use super::*;

#[test]
fn bce_agrees_with_plain_loops() {
    let Some(device) = device() else { return };
    for (dtype, dims) in
        TYPES.into_iter().flat_map(|dtype| [[2, 40, 33, 1], [1, 3, 5, 1]].map(|dims| (dtype, dims)))
    {
        let xs = random(&dims, dtype, device);
        let wide = upload(xs.host.iter().map(|x| x * 30.0).collect(), &dims, dtype, device);
        let ts =
            upload((0..xs.host.len()).map(|i| (i % 3) as f64 / 2.0).collect(), &dims, DType::F32, device);
        let start = upload(vec![-0.5], &[1], DType::F32, device);
        let pairs = || wide.host.iter().zip(&ts.host);
        let sum: f64 = pairs().map(|(x, t)| x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()).sum();
        let loss = with([&wide, &ts], |[xs, ts]| bce(xs, ts));
        assert_eq!(loss.dtype(), DType::F32);
        close("bce", &loss, &[sum / xs.host.len() as f64], 1e-6);
        let grad = with([&wide, &ts, &start], |[xs, ts, start]| bce_backward(xs, ts, start));
        let share = -0.5 / xs.host.len() as f64;
        let want: Vec<f64> = pairs().map(|(x, t)| (1.0 / (1.0 + (-x).exp()) - t) * share).collect();
        close("bce backward", &grad, &want, 1e-6);
    }
}
