//! What a run leaves in its folder.

use super::{config, network, trained};
use tgs_salt::prelude::*;

#[test]
fn a_run_comes_back_as_it_was_also_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("run"), folder.path().join("moved"));
    let config =
        config(&here).schedule(Schedule::CosineRestarts { cycles: 3 }).loss(Loss::Focal { gamma: 2.0 });
    let (history, _) = trained(&network(), &config);
    let run = Run::open(&here).unwrap();
    assert_eq!((&run.history, &run.config, &run.architecture), (&history, &config, &network()));
    assert!(format!("{run:?}").contains("focal(gamma 2)"), "{run:?}");
    std::fs::rename(&here, &there).unwrap();
    let run = Run::open(&there).unwrap();
    assert_eq!(run.history.epochs, history.epochs);
    assert!(run.model(&Device::Cpu).is_ok() && run.history.snapshots.iter().all(|path| path.exists()));
    assert!(matches!(Run::open(&here), Err(Error::Missing { .. })));
    std::fs::write(there.join("run.json"), "{").unwrap();
    assert!(matches!(Run::open(&there), Err(Error::Weights { .. })));
}

#[test]
fn measurements_are_there_as_csv_and_as_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = trained(&network(), &config(folder.path()));
    let csv = std::fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
    let mut rows = csv.lines();
    let columns: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(columns[..4], ["epoch", "train_loss", "valid_loss", "mean_precision"]);
    let at = columns.iter().position(|&name| name == "valid_loss").unwrap();
    let losses: Vec<f64> = rows.map(|row| row.split(',').nth(at).unwrap().parse().unwrap()).collect();
    assert_eq!(losses, history.epochs.iter().map(|epoch| epoch.valid_loss).collect::<Vec<_>>());
    let lines = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    let epochs: Vec<Epoch> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(epochs, history.epochs);
}
