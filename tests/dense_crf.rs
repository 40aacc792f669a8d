//! The dense CRF against pydensecrf (`fixtures/crf/generate.py`), and its independence of the number of threads.

use serde_json::Value;
use tgs_salt::prelude::*;

/// 0 to 255.
fn noise(count: usize, seed: usize) -> Vec<i64> {
    let mut state = seed as u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 24)
    };
    (0..count).map(|_| next()).collect()
}

/// What `generate.py` refines: an image of 0 to 255, a mask, probabilities in thousandths.
struct Inputs {
    image: Image,
    mask: Mask,
    thousandths: Vec<i64>,
}

fn inputs(height: usize, width: usize, seed: usize) -> Inputs {
    let (h, w, s) = (height as i64, width as i64, seed as i64);
    let (first, second) = (noise(height * width, seed), noise(height * width, seed + 1000));
    let (cy, cx) = (h * (2 + s % 3) / 6, w * (1 + s % 4) / 5);
    let (mut pixels, mut mask, mut thousandths) = (vec![], vec![], vec![]);
    for at in 0..height * width {
        let (y, x) = (at as i64 / w, at as i64 % w);
        let dome = |dy: i64, dx: i64| {
            3 * (y - cy - dy) * (y - cy - dy) + 2 * (x - cx - dx) * (x - cx - dx) < h * w / (3 + s % 3)
        };
        let layers = (y * (5 + s % 4) + x * x / w) % 60;
        let value = match dome(0, 0) {
            true => 140 + first[at] * (s % 5) / 16,
            false => 30 + layers + first[at] * (s % 3) / 16,
        };
        pixels.push(value as f32 / 255.0);
        mask.push(u8::from(dome(3, -2) ^ (second[at] > 235)));
        thousandths.push(if dome(-2, 3) { 700 } else { 300 } + second[at] - 128);
    }
    let image = Image::new(height, width, pixels).unwrap();
    Inputs { image, mask: Mask::new(height, width, mask).unwrap(), thousandths }
}

impl Inputs {
    fn map(&self) -> Image {
        let pixels = self.thousandths.iter().map(|&t| t as f32 / 1000.0).collect();
        Image::new(self.image.height, self.image.width, pixels).unwrap()
    }

    /// Three classes, the third one where the mask is.
    fn unary(&self) -> Vec<f32> {
        let third = |i: usize| if self.mask.pixels()[i] == 1 { 0.5 } else { 0.125 };
        let salt = |i: usize| self.thousandths[i] as f64 / 1000.0;
        let class = |class: usize, i: usize| match class {
            0 => (1.0 - third(i)) * (1.0 - salt(i)),
            1 => (1.0 - third(i)) * salt(i),
            _ => third(i),
        };
        let pixels = self.thousandths.len();
        (0..3 * pixels).map(|at| -class(at / pixels, at % pixels).ln() as f32).collect()
    }

    /// Labels, and the probabilities of the second class.
    fn refine(&self, kind: &str, crf: Crf) -> (Vec<u8>, Vec<f32>) {
        match kind {
            "mask" => {
                let sure = |&salt: &u8| if salt == 1 { crf.gt_prob } else { 1.0 - crf.gt_prob } as f32;
                let map = self.mask.pixels().iter().map(sure).collect();
                let map = Image::new(self.image.height, self.image.width, map).unwrap();
                let labels = crf.refine_mask(&self.image, &self.mask).unwrap();
                (labels.pixels().to_vec(), crf.refine_probabilities(&self.image, &map).unwrap().pixels)
            }
            "probabilities" => {
                let refined = crf.refine_probabilities(&self.image, &self.map()).unwrap();
                (refined.threshold(0.5).unwrap().pixels().to_vec(), refined.pixels)
            }
            _ => {
                let q = crf.inference(&self.image, &self.unary(), 3).unwrap();
                let pixels = q.len() / 3;
                let best = |i: usize| {
                    let p = |class: usize| q[class * pixels + i];
                    (1..3).fold(0, |best, class| if p(class) > p(best) { class } else { best }) as u8
                };
                ((0..pixels).map(best).collect(), q[pixels..2 * pixels].to_vec())
            }
        }
    }
}

#[test]
fn labels_and_probabilities_are_those_of_pydensecrf() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("fixtures/crf/expected.json")).unwrap();
    assert!(cases.len() >= 20);
    for case in &cases {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let kind = case["kind"].as_str().unwrap();
        // What a case does not set is as in pydensecrf's example.
        let mut settings = serde_json::to_value(Crf::pydensecrf()).unwrap();
        let given = case["crf"].as_object().unwrap().clone();
        settings.as_object_mut().unwrap().extend(given);
        let crf: Crf = serde_json::from_value(settings).unwrap();
        let inputs = inputs(number("height"), number("width"), number("seed"));
        let (labels, q) = inputs.refine(kind, crf);
        let runs: Vec<(u8, usize)> = serde_json::from_value(case["runs"].clone()).unwrap();
        let expected: Vec<u8> = runs.iter().flat_map(|&(label, len)| vec![label; len]).collect();
        assert_eq!(labels.len(), expected.len());
        let same = labels.iter().zip(&expected).filter(|(a, b)| a == b).count() as f64 / labels.len() as f64;
        let some: Vec<f32> = serde_json::from_value(case["some"].clone()).unwrap();
        let off = q.iter().step_by(97).zip(&some).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!(
            "{kind:13} {:3}×{:3} {:6.2} % {off:.5} {}",
            number("height"),
            number("width"),
            100.0 * same,
            case["crf"]
        );
        assert!(same >= 0.999 && off < 1e-3, "{case}: {same} of the labels, off by {off}");
    }
}

#[test]
fn a_dataset_is_refined_alike_on_any_number_of_threads() {
    let sample = |seed: usize| {
        let inputs = inputs(40, if seed < 3 { 40 } else { 33 }, seed);
        Sample { id: format!("id{seed}"), z: None, image: inputs.image, mask: Some(inputs.mask) }
    };
    let dataset = Dataset::from_samples((0..7).map(sample).collect()).unwrap();
    let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu).unwrap();
    let probabilities = model.predict(&dataset).unwrap();
    let masks = probabilities.threshold(0.5).unwrap();
    let crf = Crf::pydensecrf();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (masks.refine(&dataset, &crf).unwrap(), probabilities.refine(&dataset, &crf).unwrap())
        })
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one.0.ids, masks.ids);
    for (i, id) in masks.ids.iter().enumerate() {
        let image = dataset.get(i).unwrap().image;
        let mask = crf.refine_mask(&image, &masks.get(id).unwrap()).unwrap();
        let map = crf.refine_probabilities(&image, &probabilities.get(id).unwrap()).unwrap();
        assert!(one.0.get(id).unwrap() == mask && three.0.get(id).unwrap() == mask);
        assert!(one.1.get(id).unwrap() == map && three.1.get(id).unwrap() == map);
    }
    let few = dataset.select(&["id1", "id3"]).unwrap();
    let line = masks.refine(&few, &crf).unwrap_err().to_string();
    assert!(line.starts_with("id `id0`"), "{line}");
    let line = masks.refine(&dataset, &crf.srgb(-1.0)).unwrap_err().to_string();
    assert!(line.starts_with("srgb = -1"), "{line}");
}

/// `cargo test --test dense_crf -- --ignored --nocapture`; `generate.py time` is pydensecrf's side.
#[test]
#[ignore = "takes the time of a 101×101 image"]
fn time() {
    let inputs: Vec<Inputs> = (0..10).map(|seed| inputs(101, 101, seed)).collect();
    for (name, crf) in [
        ("gaussian", Crf::pydensecrf().compat_bilateral(0.0)),
        ("bilateral", Crf::pydensecrf().compat_gaussian(0.0)),
        ("both", Crf::pydensecrf()),
    ] {
        let once = |inputs: &Inputs| {
            let start = std::time::Instant::now();
            crf.refine_mask(&inputs.image, &inputs.mask).unwrap();
            start.elapsed().as_secs_f64() * 1e3
        };
        let mut times: Vec<f64> = (0..5).flat_map(|_| inputs.iter().map(once).collect::<Vec<_>>()).collect();
        times.sort_by(f64::total_cmp);
        println!("{name:10} {:.2} ms per image (median of {})", times[times.len() / 2], times.len());
    }
}
