//! Several classes from masks to the submission: what is trained, predicted, scored and written for each.

use tgs_salt::prelude::*;

/// Images with a bright square, a dark one, both or none: the classes `bright` and `dark`.
fn squares(n: usize) -> Dataset {
    let side = 32;
    let sample = |i: usize| {
        let square = |class: usize| {
            let there = !(i / (1 + class)).is_multiple_of(3);
            let (top, left) = (3 + (i * 7 + class * 11) % 16, 2 + (i * 5 + class * 13) % 17);
            let inside =
                |p: usize| (top..top + 9).contains(&(p / side)) && (left..left + 9).contains(&(p % side));
            let pixels = (0..side * side).map(|p| u8::from(there && inside(p))).collect();
            Mask::new(side, side, pixels).unwrap()
        };
        let (bright, dark) = (square(0), square(1));
        let pixel = |p: usize| {
            let noise = ((p * 37 + i * 101) % 23) as f32 / 230.0;
            0.45 + noise + 0.4 * f32::from(bright.pixels()[p]) - 0.4 * f32::from(dark.pixels()[p])
        };
        let image = Image::new(side, side, (0..side * side).map(pixel).collect()).unwrap();
        let mask = Some(Mask::stack(&[bright, dark]).unwrap());
        Sample { id: format!("image_{i:03}"), z: None, image, mask }
    };
    let all = Dataset::from_samples((0..n).map(sample).collect()).unwrap();
    all.with_class_names(&["bright", "dark"]).unwrap()
}

fn network() -> Architecture {
    Unet::new(Encoder::Plain).depth(2).base_filters(6).classes(2).seed(3)
}

fn config(folder: &std::path::Path) -> TrainConfig {
    TrainConfig::default().epochs(8).batch_size(8).learning_rate(1e-2).run_folder(folder)
}

#[test]
fn each_class_is_learnt_predicted_scored_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = squares(96).split(0.25, 5).unwrap();
    let mut model = network().presence_head(true).build(&Device::Cpu).unwrap();
    let history = model.train(&train, &valid, &config(folder.path())).unwrap();
    let best = history.best().unwrap();
    assert!(best.iou > 0.6, "{history:?}");

    let probabilities = model.predict(&valid).unwrap();
    assert_eq!(probabilities.class_names(), ["bright", "dark"]);
    let masks = probabilities.threshold(0.5).unwrap();
    assert!((masks.mean_precision(&valid).unwrap() - best.mean_precision).abs() < 1e-12);

    // Each class by itself is a dataset, probabilities and masks of one class; the whole score is their mean.
    let mut sum = 0.0;
    for (class, name) in ["bright", "dark"].iter().enumerate() {
        let (truth, alone) = (valid.class(class).unwrap(), probabilities.class(class).unwrap());
        assert_eq!(
            (truth.class_names(), alone.class_names()),
            (&[name.to_string()][..], &[name.to_string()][..])
        );
        let cut = alone.threshold(0.5).unwrap();
        let id = &valid.ids()[3];
        assert_eq!(cut.get(id).unwrap(), masks.get(id).unwrap().class(class).unwrap());
        assert_eq!(masks.class(class).unwrap().get(id).unwrap(), cut.get(id).unwrap());
        sum += cut.mean_precision(&truth).unwrap();
        assert_eq!(alone.presence_head().unwrap().len(), valid.len());
    }
    assert!((sum / 2.0 - best.mean_precision).abs() < 1e-12);

    // One threshold for all, and a rule for each, which cannot be worse.
    let shared = probabilities.evaluate(&valid).unwrap();
    let rules = probabilities.choose_rules(&valid, &RuleSearch::default().min_size(true)).unwrap();
    let chosen = model.predict_masks(&valid, &Tta::none(), &rules.rules()).unwrap();
    let score = chosen.mean_precision(&valid).unwrap();
    let mean = rules.chosen.iter().map(|chosen| chosen.score.mean_precision).sum::<f64>() / 2.0;
    assert!((score - mean).abs() < 1e-12 && score >= shared.mean_precision, "{score} {mean} {shared:?}");
    assert_eq!(
        (rules.class_names.as_slice(), format!("{rules:?}").lines().count()),
        (valid.class_names(), 3)
    );

    let path = folder.path().join("submission.csv");
    assert_eq!(chosen.submit(&path).unwrap().rows, 2 * valid.len());
    let text = std::fs::read_to_string(&path).unwrap();
    let first = &valid.ids()[0];
    assert!(text.starts_with(&format!("Image_Label,EncodedPixels\n{first}_bright,")), "{text}");
    assert!(valid.with_masks(&chosen).unwrap().plot_classes().is_ok());
}

#[test]
fn means_joins_views_and_refinement_keep_the_classes() {
    let (few, more) = squares(20).split(0.5, 1).unwrap();
    let models: Vec<Model> = [1, 2].map(|seed| network().seed(seed).build(&Device::Cpu).unwrap()).into();
    let predict = |model: &Model, dataset: &Dataset| model.predict_tta(dataset, &Tta::flips()).unwrap();
    let mean = Probabilities::mean(&[predict(&models[0], &few), predict(&models[1], &few)]).unwrap();
    let joined = Probabilities::join(&[mean.clone(), predict(&models[0], &more)]).unwrap();
    let id = &few.ids()[4];
    let class =
        |probabilities: &Probabilities, class: usize| probabilities.class(class).unwrap().get(id).unwrap();
    for c in 0..2 {
        assert_eq!(class(&joined, c), class(&mean, c));
        assert_eq!(class(&joined.select(&[id]).unwrap(), c), class(&mean, c));
        let alone =
            Probabilities::mean(&[0, 1].map(|m| predict(&models[m], &few).class(c).unwrap())).unwrap();
        assert_eq!(alone.get(id).unwrap(), class(&mean, c));
        let refined = mean.refine(&few, &Crf::default()).unwrap();
        assert_eq!(class(&refined, c), alone.refine(&few, &Crf::default()).unwrap().get(id).unwrap());
    }
    assert_ne!(class(&mean, 0), class(&mean, 1));
    let ensemble = Ensemble::new(models).unwrap().predict_tta(&few, &Tta::flips()).unwrap();
    assert_eq!((class(&ensemble, 1), ensemble.class_names()), (class(&mean, 1), few.class_names()));
}

/// The text of a submission of these masks.
fn submission(masks: &Masks) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.csv");
    masks.submit(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn masks_are_the_same_without_keeping_probabilities() {
    let few = squares(37);
    let models: Vec<Model> =
        [7, 8].map(|seed| network().presence_head(true).seed(seed).build(&Device::Cpu).unwrap()).into();
    let tta = Tta::flips().mean(Mean::Geometric);
    // Untrained: each part of the rules lets about half of the masks through.
    let halves = |probabilities: &Probabilities| -> Vec<MaskRule> {
        let half = |class: usize| {
            let one = probabilities.class(class).unwrap();
            let middle = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            let each = || few.ids().into_iter().map(|id| one.get(&id).unwrap());
            let threshold = middle(each().flat_map(|map| map.pixels).map(f64::from).collect());
            let areas = each().map(|map| map.threshold(threshold).unwrap().area() as f64);
            let min_size = middle(areas.collect()) as usize;
            let gate = middle(one.presence().into_iter().map(f64::from).collect());
            match class {
                0 => MaskRule { threshold, min_size, gate: 0.0 },
                _ => MaskRule { threshold, min_size: 0, gate },
            }
        };
        (0..2).map(half).collect()
    };
    let check = |all: Probabilities, predict: &dyn Fn(&[MaskRule]) -> Result<Masks>| {
        let rules = halves(&all);
        let (expected, got) = (all.apply_each(&rules).unwrap(), predict(&rules).unwrap());
        assert_eq!((&got.ids, got.class_names()), (&expected.ids, few.class_names()));
        for id in &few.ids() {
            assert_eq!(got.get(id).unwrap(), expected.get(id).unwrap(), "{id} by {rules:?}");
        }
        assert_eq!(submission(&got), submission(&expected));
        for class in 0..2 {
            let share = got.class(class).unwrap().empty_share();
            assert!((0.2..0.8).contains(&share), "{share} of class {class} are empty");
            // Without the part behind the threshold it is another mask.
            let mut plain = rules.clone();
            plain[class] = MaskRule::default().threshold(rules[class].threshold);
            assert_ne!(submission(&predict(&plain).unwrap()), submission(&got));
        }
        for wrong in [vec![], rules[..1].to_vec(), vec![rules[0]; 3], vec![rules[0], rules[1].gate(2.0)]] {
            assert!(matches!(predict(&wrong), Err(Error::Config { .. })), "{wrong:?}");
        }
    };
    let one = &models[0];
    check(one.predict_tta(&few, &tta).unwrap(), &|rules| one.predict_masks(&few, &tta, rules));
    let ensemble = Ensemble::new(models).unwrap();
    check(ensemble.predict_tta(&few, &tta).unwrap(), &|rules| ensemble.predict_masks(&few, &tta, rules));
    let none = few.select(&[]).unwrap();
    assert!(ensemble.predict_masks(&none, &tta, &[MaskRule::default(); 2]).unwrap().is_empty());
}

#[test]
fn what_wants_one_class_says_so() {
    let (train, valid) = squares(12).split(0.5, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut single = network().classes(1).build(&Device::Cpu).unwrap();
    let line = single.train(&train, &valid, &config(folder.path())).unwrap_err().to_string();
    assert!(line.contains("1 classes") && line.contains("got 2"), "{line}");
    let probabilities = network().build(&Device::Cpu).unwrap().predict(&valid).unwrap();
    for line in [
        probabilities.get(&valid.ids()[0]).unwrap_err().to_string(),
        probabilities.plot_top_losses(&valid, 2).unwrap_err().to_string(),
        probabilities.show(&valid, 2).unwrap_err().to_string(),
    ] {
        assert!(line.contains("class(i)") && !line.contains('\n'), "{line}");
    }
    assert!(probabilities.class(2).is_err() && valid.class(2).is_err());
    let one = network().classes(1).build(&Device::Cpu).unwrap();
    assert!(Ensemble::new(vec![network().build(&Device::Cpu).unwrap(), one]).is_err());
}
