//! Each recipe takes its first steps.

use super::few;
use tgs_salt::prelude::*;

#[test]
fn every_recipe_of_one_class_trains_and_predicts() {
    let (train, valid) = few(8);
    for recipe in Recipe::ALL {
        let folder = tempfile::tempdir().unwrap();
        let network = recipe.architecture().from_scratch();
        let config = recipe.training_for(1).batch_size(2).run_folder(folder.path());
        let mut model = network.build(&Device::Cpu).unwrap();
        if recipe == Recipe::CloudsNested {
            let message = model.train(&train, &valid, &config).unwrap_err().to_string();
            assert!(message.contains("classes = 4"), "{message}");
            continue;
        }
        let history = model.train(&train, &valid, &config).unwrap();
        assert!(history.epochs[0].train_loss.is_finite(), "{recipe}: {history:?}");
        let map = model.predict_tta(&valid, &recipe.tta()).unwrap().get(&valid.ids()[0]).unwrap();
        assert_eq!((map.height, map.width), (101, 101), "{recipe}");
        assert!(map.pixels.iter().all(|p| (0.0..=1.0).contains(p)), "{recipe}");
    }
}
