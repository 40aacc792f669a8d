//! Each recipe takes its first steps.

use super::few;
use tgs_salt::prelude::*;

/// The same images with four classes: the salt of each quarter of the columns.
fn quartered(dataset: Dataset) -> Dataset {
    let quarter = |mask: &Mask, class: usize| {
        let inside = |at: usize| at % mask.width() * 4 / mask.width() == class;
        let pixels = mask.pixels().iter().enumerate().map(|(at, &salt)| salt * u8::from(inside(at)));
        Mask::new(mask.height(), mask.width(), pixels.collect()).unwrap()
    };
    let sample = |mut sample: Sample| {
        let mask = sample.mask.take().unwrap();
        Sample {
            mask: Some(Mask::stack(&[0, 1, 2, 3].map(|class| quarter(&mask, class))).unwrap()),
            ..sample
        }
    };
    Dataset::from_samples(dataset.samples().unwrap().into_iter().map(sample).collect()).unwrap()
}

#[test]
fn every_recipe_trains_and_predicts() {
    for recipe in Recipe::ALL {
        let (mut train, mut valid) = few(8);
        let folder = tempfile::tempdir().unwrap();
        let mut network = recipe.architecture().from_scratch();
        if recipe == Recipe::CloudsNested {
            // At its own size a step takes minutes.
            (train, valid) = (quartered(train), quartered(valid));
            network = network.input_size(32, 48);
        }
        let config = recipe.training_for(1).batch_size(2).run_folder(folder.path());
        let mut model = network.build(&Device::Cpu).unwrap();
        let history = model.train(&train, &valid, &config).unwrap();
        assert!(history.epochs[0].train_loss.is_finite(), "{recipe}: {history:?}");
        let seen = model.predict_tta(&valid, &recipe.tta()).unwrap();
        assert_eq!(seen.class_names().len(), model.config().classes);
        let map = seen.class(0).unwrap().get(&valid.ids()[0]).unwrap();
        assert_eq!((map.height, map.width), (101, 101), "{recipe}");
        assert!(map.pixels.iter().all(|p| (0.0..=1.0).contains(p)), "{recipe}");
    }
}
