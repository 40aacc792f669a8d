use super::*;

#[test]
fn an_older_checkpoint_has_the_defaults_of_what_it_does_not_know() {
    let config = TrainConfig::default().loss(Loss::sum([(0.5, Loss::Dice), (1.0, Loss::Lovasz)])).ema(0.99);
    let mut json = serde_json::to_value(&config).unwrap();
    assert_eq!(serde_json::from_value::<TrainConfig>(json.clone()).unwrap(), config);
    for newer in ["loss", "optimizer", "ema", "monitor", "sampling"] {
        json.as_object_mut().unwrap().remove(newer);
    }
    assert_eq!(serde_json::from_value::<TrainConfig>(json).unwrap(), TrainConfig::default());
}

#[test]
fn each_setting_out_of_range_is_named() {
    let config = TrainConfig::default;
    let wrong = [
        ("accumulate", config().accumulate(0)),
        ("warmup", config().warmup(40)),
        ("unfreeze_at", config().unfreeze_at(0)),
        ("loss_from", config().loss_from(0, Loss::Dice)),
        ("loss weight", config().loss_from(2, Loss::sum([(-1.0, Loss::Dice)]))),
        ("swa_from", config().swa_from(0)),
        ("swa_from", config().swa_from(41)),
        ("clip_norm", config().clip_norm(0.0)),
        ("weight_decay", config().weight_decay(-1.0)),
        ("encoder_rate", config().encoder_rate(f64::INFINITY)),
        ("side_weight", config().side_weight(f64::NAN)),
        ("ema", config().ema(1.0)),
        ("schedule", config().schedule(Schedule::CosineRestarts { cycles: 0 })),
    ];
    assert!(config().check().is_ok());
    for (name, config) in wrong {
        let message = config.check().unwrap_err().to_string();
        assert!(message.starts_with(&format!("{name} = ")), "{message}");
    }
}
