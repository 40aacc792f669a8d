use super::*;

#[derive(Deserialize)]
struct Expected {
    epochs: usize,
    steps_per_epoch: usize,
    schedules: Vec<Known>,
    plateaus: Vec<Plateau>,
}

#[derive(Deserialize)]
struct Known {
    schedule: Schedule,
    warmup: usize,
    factors: Vec<f64>,
}

#[derive(Deserialize)]
struct Plateau {
    monitor: Metric,
    factor: f64,
    patience: usize,
    values: Vec<f64>,
    factors: Vec<f64>,
}

/// What `tests/fixtures/schedules/generate.py` wrote.
fn expected() -> Expected {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schedules/expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn worst(ours: impl Iterator<Item = f64>, theirs: &[f64]) -> f64 {
    ours.zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max)
}

#[test]
fn schedules_are_those_of_pytorch() {
    let Expected { epochs, steps_per_epoch, schedules, .. } = expected();
    assert_eq!(schedules.len(), 7);
    for Known { schedule, warmup, factors } in schedules {
        let place =
            |step| Place { step, steps_per_epoch, epochs, warmup, values: &[], monitor: Metric::ValidLoss };
        assert_eq!(factors.len(), epochs * steps_per_epoch);
        let apart = worst((0..factors.len()).map(|step| schedule.factor(place(step))), &factors);
        println!("| {schedule:?}, warm-up {warmup} | {apart:.1e} |");
        assert!(apart < 1e-12, "{schedule:?}: {apart}");
    }
}

#[test]
fn plateaus_are_those_of_pytorch() {
    for Plateau { monitor, factor, patience, values, factors } in expected().plateaus {
        let at = |epoch: usize| {
            let place = Place {
                step: epoch,
                steps_per_epoch: 1,
                epochs: values.len(),
                warmup: 0,
                values: &values[..epoch],
                monitor,
            };
            Schedule::ReduceOnPlateau { factor, patience }.factor(place)
        };
        let apart = worst((0..values.len()).map(at), &factors);
        println!("| plateau of {monitor}, factor {factor}, patience {patience} | {apart:.1e} |");
        assert!(apart < 1e-12, "{monitor}, {factor}, {patience}: {apart}");
        assert!(factors.last().is_some_and(|last| *last < 1.0), "the rate never falls");
    }
}

#[test]
fn warm_up_rises_to_the_full_rate_and_the_schedule_follows() {
    let place = |step| Place {
        step,
        steps_per_epoch: 4,
        epochs: 3,
        warmup: 1,
        values: &[],
        monitor: Metric::ValidLoss,
    };
    let factors: Vec<f64> = (0..5).map(|step| Schedule::Cosine.factor(place(step))).collect();
    assert_eq!(factors, [0.25, 0.5, 0.75, 1.0, 1.0]);
    assert!((Schedule::Cosine.factor(place(8)) - 0.5).abs() < 1e-12);
    assert!(Schedule::Cosine.factor(place(12)) < 1e-12);
}

#[test]
fn cycles_end_where_the_rate_restarts() {
    let schedule = Schedule::CosineRestarts { cycles: 3 };
    let ends: Vec<usize> = (1..=10).filter(|&epoch| schedule.ends_cycle(epoch, 10, 0)).collect();
    assert_eq!(ends, [4, 8, 10]);
    let ends: Vec<usize> = (1..=7).filter(|&epoch| schedule.ends_cycle(epoch, 7, 1)).collect();
    assert_eq!(ends, [3, 5, 7]);
    assert!(!Schedule::Cosine.ends_cycle(10, 10, 0));
    let factors = schedule.factors(10, 2).unwrap();
    let restarts: Vec<usize> = (1..20).filter(|&step| factors[step] > factors[step - 1]).collect();
    assert_eq!(restarts, [8, 16]);
}

#[test]
fn settings_out_of_range_are_refused_in_one_line() {
    let wrong = [
        Schedule::CosineRestarts { cycles: 0 },
        Schedule::Step { epochs: 0, factor: 0.1 },
        Schedule::Step { epochs: 5, factor: f64::NAN },
        Schedule::ReduceOnPlateau { factor: 1.0, patience: 2 },
        Schedule::Poly { power: 0.0 },
    ];
    for schedule in wrong {
        let message = schedule.check().unwrap_err().to_string();
        assert!(message.starts_with("schedule = ") && !message.contains('\n'), "{message}");
    }
    assert!(Schedule::ReduceOnPlateau { factor: 0.5, patience: 2 }.factors(3, 3).is_err());
}

#[test]
fn older_checkpoints_spell_schedules_so() {
    let read = |json| serde_json::from_str::<Schedule>(json).unwrap();
    assert_eq!([read("\"cosine\""), read("\"constant\"")], [Schedule::Cosine, Schedule::Constant]);
}
