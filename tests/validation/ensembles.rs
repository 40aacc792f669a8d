//! Ensembles against the mean of their models.

use crate::{assert_same, built, few, tiny};
use tgs_salt::prelude::*;

#[test]
fn an_ensemble_is_the_mean_of_its_models() {
    // More images than are predicted at a time.
    let dataset = few(400);
    let one = |seed: u64| Unet::new(Encoder::Plain).depth(1).base_filters(1).presence_head(true).seed(seed);
    let (a, b) = (built(one(1)), built(one(2)));
    let both = [a.predict(&dataset).unwrap(), b.predict(&dataset).unwrap()];
    let ensemble = Ensemble::new(vec![a, b]).unwrap();
    assert_same(&ensemble.predict(&dataset).unwrap(), &Probabilities::mean(&both).unwrap());
    let geometric = ensemble.predict_tta(&dataset, &Tta::none().mean(Mean::Geometric)).unwrap();
    assert_same(&geometric, &Probabilities::geometric_mean(&both).unwrap());
    assert_eq!(
        ensemble.evaluate(&dataset).unwrap(),
        Probabilities::mean(&both).unwrap().evaluate(&dataset).unwrap()
    );
}

#[test]
fn an_ensemble_of_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let models = [built(tiny(1)), built(tiny(2))];
    let paths = [1, 2].map(|i| folder.path().join(format!("{i}.safetensors")));
    models.iter().zip(&paths).for_each(|(model, path)| model.save(path).unwrap());
    let loaded = Ensemble::load(&paths, &Device::Cpu).unwrap();
    let dataset = few(5);
    let ours = Ensemble::new(models.into()).unwrap().predict_tta(&dataset, &Tta::default()).unwrap();
    assert_same(&loaded.predict_tta(&dataset, &Tta::default()).unwrap(), &ours);
    assert!(format!("{loaded:?}").starts_with("Ensemble of 2 models, the first Unet(plain"), "{loaded:?}");
}

#[test]
fn no_models_and_models_of_other_classes_are_refused() {
    assert!(Ensemble::new(vec![]).unwrap_err().to_string().contains("models = 0"));
    let line = Ensemble::new(vec![built(tiny(1)), built(tiny(1).classes(2))]).unwrap_err().to_string();
    assert!(line.contains("classes = 2") && line.contains("1 as of the first"), "{line}");
    assert!(Ensemble::new(vec![built(tiny(1).classes(2)), built(tiny(2).classes(2))]).is_ok());
}
