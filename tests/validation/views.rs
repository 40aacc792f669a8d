//! Views of an image against the same done by hand to its pixels.

use crate::{assert_same, built, few, tiny};
use tgs_salt::prelude::*;

/// Samples of a size that needs no padding.
fn small() -> Dataset {
    let samples = few(8).samples().unwrap().into_iter().map(|sample| {
        let pixels = (0..16 * 24).map(|i| sample.image.pixels[(i / 24) * 101 + i % 24]).collect();
        Sample { image: Image::new(16, 24, pixels).unwrap(), mask: None, ..sample }
    });
    Dataset::from_samples(samples.collect()).unwrap()
}

/// From where a pixel of a row and column is read.
type Place = fn(usize, usize) -> (usize, usize);

/// Each image read at `source(row, column)`.
fn changed(dataset: &Dataset, source: impl Fn(usize, usize) -> (usize, usize)) -> Dataset {
    let samples = dataset.samples().unwrap().into_iter().map(|sample| {
        let image = read(&sample.image, &source);
        Sample { image, mask: None, ..sample }
    });
    Dataset::from_samples(samples.collect()).unwrap()
}

fn read(image: &Image, source: impl Fn(usize, usize) -> (usize, usize)) -> Image {
    let Image { height, width, pixels } = image;
    let at = |i: usize| {
        let (row, column) = source(i / width, i % width);
        pixels[row * width + column]
    };
    Image::new(*height, *width, (0..height * width).map(at).collect()).unwrap()
}

fn mean(maps: &[Image]) -> Vec<f32> {
    let sum = |i: usize| maps.iter().skip(1).fold(maps[0].pixels[i], |sum, map| sum + map.pixels[i]);
    (0..maps[0].pixels.len()).map(|i| sum(i) / maps.len() as f32).collect()
}

#[test]
fn without_views_it_is_predict() {
    let model = built(tiny(1).presence_head(true));
    let dataset = few(5);
    let plain = model.predict(&dataset).unwrap();
    assert_same(&model.predict_tta(&dataset, &Tta::none()).unwrap(), &plain);
    assert_same(&model.predict_tta(&dataset, &Tta::none().mean(Mean::Geometric)).unwrap(), &plain);
}

#[test]
fn flips_are_those_of_the_pixels() {
    let model = built(tiny(1).presence_head(true));
    let dataset = small();
    let flips: [Place; 4] = [|y, x| (y, x), |y, x| (y, 23 - x), |y, x| (15 - y, x), |y, x| (15 - y, 23 - x)];
    let views = flips.map(|flip| model.predict(&changed(&dataset, flip)).unwrap());
    let ours = model.predict_tta(&dataset, &Tta::flips()).unwrap();
    for (k, id) in dataset.ids().iter().enumerate() {
        let maps: Vec<Image> =
            views.iter().zip(flips).map(|(view, flip)| read(&view.get(id).unwrap(), flip)).collect();
        assert_eq!(ours.get(id).unwrap().pixels, mean(&maps));
        let said: Vec<f32> = views.iter().map(|view| view.presence_head().unwrap()[k]).collect();
        let sum = said.iter().skip(1).fold(said[0], |sum, p| sum + p);
        assert_eq!(ours.presence_head().unwrap()[k], sum / 4.0);
    }
    let two = model.predict_tta(&dataset, &Tta::default()).unwrap();
    let id = &dataset.ids()[0];
    let maps = [views[0].get(id).unwrap(), read(&views[1].get(id).unwrap(), flips[1])];
    assert_eq!(two.get(id).unwrap().pixels, mean(&maps));
}

#[test]
fn shifts_are_those_of_the_pixels() {
    let model = built(tiny(2));
    let dataset = small();
    let bounce = |at: isize, size: isize| {
        let at = at.abs();
        (if at < size { at } else { 2 * (size - 1) - at }) as usize
    };
    let plain = model.predict(&dataset).unwrap();
    let moves = [(3, 0), (-3, 0), (0, 3), (0, -3)];
    let views = moves.map(|(dy, dx)| {
        let source = |y: usize, x: usize| (bounce(y as isize + dy, 16), bounce(x as isize + dx, 24));
        model.predict(&changed(&dataset, source)).unwrap()
    });
    let ours = model.predict_tta(&dataset, &Tta::none().shifts([3])).unwrap();
    for id in dataset.ids() {
        let still = plain.get(&id).unwrap();
        let back = |(view, (dy, dx)): (&Probabilities, (isize, isize))| {
            let map = view.get(&id).unwrap();
            let at = |i: usize| {
                let (y, x) = ((i / 24) as isize - dy, (i % 24) as isize - dx);
                let is_seen = (0..16).contains(&y) && (0..24).contains(&x);
                if is_seen { map.pixels[(y * 24 + x) as usize] } else { still.pixels[i] }
            };
            Image::new(16, 24, (0..16 * 24).map(at).collect()).unwrap()
        };
        let maps: Vec<Image> =
            std::iter::once(still.clone()).chain(views.iter().zip(moves).map(back)).collect();
        assert_eq!(ours.get(&id).unwrap().pixels, mean(&maps));
    }
}

/// Kernels that are their own mirror images, pooling and transposed convolutions of 2×2: a network that cannot tell a mirrored
/// image from another. 101 is padded to 104, one before and two after.
#[test]
fn an_equivariant_network_says_the_same_with_and_without_flips() {
    let model = built(tiny(3).upsampling(Upsampling::Transposed { kernel: 2 }));
    let dataset = few(5);
    let apart = |model: &Model| {
        let plain = model.predict(&dataset).unwrap();
        let flips = model.predict_tta(&dataset, &Tta::flips()).unwrap();
        let maps = dataset.ids().into_iter().map(|id| (plain.get(&id).unwrap(), flips.get(&id).unwrap()));
        let pixels = maps.flat_map(|(a, b)| a.pixels.into_iter().zip(b.pixels));
        pixels.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(apart(&model) > 1e-3, "{}", apart(&model));
    for (_, var) in model.vars() {
        if var.rank() == 4 {
            let both = |xs: &Tensor, dim: usize| ((xs + xs.flip(&[dim]).unwrap()).unwrap() * 0.5).unwrap();
            var.set(&both(&both(var.as_tensor(), 2), 3)).unwrap();
        }
    }
    assert!(apart(&model) < 1e-5, "{}", apart(&model));
}

#[test]
fn presence_is_what_the_head_says() {
    let model = built(tiny(4).presence_head(true));
    let dataset = small();
    let said = model.predict(&dataset).unwrap().presence_head().unwrap();
    for (sample, said) in dataset.samples().unwrap().iter().zip(said) {
        let pixels = sample.image.pixels.iter().map(|p| (p - 0.5) / 0.25).collect::<Vec<f32>>();
        let xs = Tensor::from_vec(pixels, (1, 1, 16, 24), &Device::Cpu).unwrap();
        let logit = model.presence(&xs).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[0];
        assert!((said - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-5);
    }
}

#[test]
fn presence_in_bf16_is_near_that_in_f32() {
    let mut model = built(tiny(4).presence_head(true));
    let dataset = few(5);
    let fine = model.predict(&dataset).unwrap().presence_head().unwrap();
    model.set_precision(Precision::Bf16);
    let coarse = model.predict_tta(&dataset, &Tta::none()).unwrap().presence_head().unwrap();
    assert!(fine.iter().zip(&coarse).all(|(a, b)| (a - b).abs() < 0.02), "{fine:?} {coarse:?}");
}

#[test]
fn shifts_out_of_sight_are_refused() {
    let model = built(tiny(1));
    let refused = |shift: usize| model.predict_tta(&small(), &Tta::none().shifts([shift])).unwrap_err();
    assert!(refused(0).to_string().contains("at least 1 pixel"));
    assert!(refused(16).to_string().contains("shifts = 16"));
}
