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

    fn config(folder: &Path) -> TrainConfig {
        TrainConfig::default().epochs(2).batch_size(2).run_folder(folder)
    }

    fn train(device: &Device, config: &TrainConfig) -> Result<History> {
        let (train, valid) = few();
        let mut model = Unet::new(Encoder::Plain).depth(1).base_filters(2).seed(1).build(device)?;
        let history = model.train(&train, &valid, config)?;
        assert_eq!(model.predict(&valid)?.ids.len(), valid.len());
        Ok(history)
    }

    /// What differs between the losses on the CPU and on the device, at most, relative.
    fn apart(device: &Device, change: impl Fn(TrainConfig) -> TrainConfig) -> f64 {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let cpu = change(config(folders[0].path())).precision(Precision::F32);
        let here = train(&Device::Cpu, &cpu).unwrap();
        let there = train(device, &change(config(folders[1].path()))).unwrap();
        let apart = |a: f64, b: f64| (a - b).abs() / a.abs();
        let all = here.epochs.iter().zip(&there.epochs).chain(here.averaged.iter().zip(&there.averaged));
        let each = all.flat_map(|(here, there)| {
            [apart(here.train_loss, there.train_loss), apart(here.valid_loss, there.valid_loss)]
        });
        each.fold(0.0, f64::max)
    }

    #[test]
    fn training_on_the_device_goes_as_on_the_cpu() {
        let Ok(device) = new_device(0) else { return };
        let plain = apart(&device, |config| config);
        assert!(plain < 2e-3, "{plain}");
        let averaged = apart(&device, |config| config.ema(0.5).swa_from(1).clip_norm(0.5).weight_decay(0.1));
        assert!(averaged < 2e-3, "with averages: {averaged}");
        let accumulated = apart(&device, |config| config.accumulate(2).optimizer(Optimizer::nadam()));
        assert!(accumulated < 2e-3, "with accumulation: {accumulated}");
    }

    #[test]
    fn training_in_bf16_goes_nearly_as_in_f32() {
        let Ok(device) = new_device(0) else { return };
        let apart = apart(&device, |config| config.precision(Precision::Bf16));
        assert!(apart > 0.0 && apart < 0.03, "{apart}");
    }

    #[test]
    fn a_loss_that_is_no_number_leaves_no_checkpoint() {
        let Ok(device) = new_device(0) else { return };
        let folder = tempfile::tempdir().unwrap();
        let error = train(&device, &config(folder.path()).learning_rate(1e30)).unwrap_err();
        let Error::NotFinite { epoch: 1, ids, .. } = &error else { panic!("{error}") };
        assert_eq!(ids.len(), 2);
        assert!(
            !folder.path().join("last.safetensors").exists()
                && !folder.path().join("best.safetensors").exists()
        );
    }
}
