//! The training loop on a GPU beside the CPU; without a GPU by `tests/cuda_emulator/run.sh`.

mod cuda {
    use crate::nn::cuda::new_device;
    use crate::prelude::*;
    use std::path::Path;

    /// Images with and without salt. Batches of two and a last one.
    fn few() -> (Dataset, Dataset) {
        let salt = Competition::sample().unwrap();
        let ids = salt.train.ids();
        let ids: Vec<&str> = ids.iter().step_by(25).map(String::as_str).take(7).collect();
        let (train, valid) = ids.split_at(5);
        (salt.train.select(train).unwrap(), salt.train.select(valid).unwrap())
    }

    fn train(device: &Device, folder: &Path, learning_rate: f64) -> Result<History> {
        let (train, valid) = few();
        let config = TrainConfig::default().epochs(2).batch_size(2).run_folder(folder);
        let mut model = Unet::new(Encoder::Plain).depth(1).base_filters(2).seed(1).build(device)?;
        let history = model.train(&train, &valid, &config.learning_rate(learning_rate))?;
        assert_eq!(model.predict(&valid)?.ids.len(), valid.len());
        Ok(history)
    }

    #[test]
    fn training_on_the_device_goes_as_on_the_cpu() {
        let Ok(device) = new_device(0) else { return };
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let here = train(&Device::Cpu, folders[0].path(), 1e-3).unwrap();
        let there = train(&device, folders[1].path(), 1e-3).unwrap();
        for (here, there) in here.epochs.iter().zip(&there.epochs) {
            let near = |a: f64, b: f64| (a - b).abs() < 2e-3 * a.abs();
            let both = near(here.train_loss, there.train_loss) && near(here.valid_loss, there.valid_loss);
            assert!(both, "{here:?} is {there:?} on the device");
        }
    }

    #[test]
    fn a_loss_that_is_no_number_leaves_no_checkpoint() {
        let Ok(device) = new_device(0) else { return };
        let folder = tempfile::tempdir().unwrap();
        let error = train(&device, folder.path(), 1e30).unwrap_err();
        let Error::NotFinite { epoch: 1, ids, .. } = &error else { panic!("{error}") };
        assert_eq!(ids.len(), 2);
        assert!(
            !folder.path().join("last.safetensors").exists()
                && !folder.path().join("best.safetensors").exists()
        );
    }
}
