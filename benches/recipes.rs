//! What each means of training and predicting is worth on the competition's data: a small network on the CPU, the same number of
//! epochs for each, several seeds, one table.
//!
//! `cargo bench --profile dev --bench recipes -- --epochs 12 --filters 8 --size 64 --seeds 2` (`--first 2 --seeds 1` for the second seed alone). The data is looked for in `TGS_SALT_DATA`, else
//! in `../shared/data/tgs-salt`. Each seed has a split, initial weights and an order of its own; within a seed all rows share them.

use std::path::PathBuf;
use tgs_salt::prelude::*;

const RATE: f64 = 2e-3;

struct Job {
    epochs: usize,
    filters: usize,
    size: usize,
    seed: u64,
    train: Dataset,
    valid: Dataset,
    folder: PathBuf,
}

impl Job {
    fn model(&self) -> Result<Model> {
        let network = Unet::new(Encoder::Plain).base_filters(self.filters).seed(self.seed);
        network.input_size(self.size, self.size).build(&Device::Cpu)
    }

    fn config(&self, name: &str) -> TrainConfig {
        let folder = self.folder.join(format!("{name}-{}", self.seed));
        let config = TrainConfig::default().learning_rate(RATE).seed(self.seed).run_folder(folder);
        config.epochs(self.epochs).patience(self.epochs)
    }

    fn run(&self, name: &str, change: impl Fn(TrainConfig) -> TrainConfig) -> Result<(Model, History)> {
        let mut model = self.model()?;
        let history = model.train(&self.train, &self.valid, &change(self.config(name)))?;
        Ok((model, history))
    }

    /// At threshold 0.5.
    fn score(&self, probabilities: &Probabilities) -> Result<f64> {
        self.score_on(&self.valid, probabilities, 0.5)
    }

    fn score_on(&self, valid: &Dataset, probabilities: &Probabilities, threshold: f64) -> Result<f64> {
        Ok(probabilities.evaluate_rule(valid, &MaskRule::default().threshold(threshold))?.mean_precision)
    }

    /// With a rule that was chosen on one half of the validation images and scored on the other, both ways.
    fn crossed(&self, probabilities: &Probabilities, search: &RuleSearch) -> Result<f64> {
        let (one, two) = self.valid.split(0.5, 1)?;
        let of = |part: &Dataset| {
            let ids = part.ids();
            probabilities.select(&ids.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let half = |choose: &Dataset, score: &Dataset| {
            let rule = of(choose)?.choose_rule(choose, search)?.rule;
            Ok::<f64, Error>(of(score)?.evaluate_rule(score, &rule)?.mean_precision * score.len() as f64)
        };
        Ok((half(&one, &two)? + half(&two, &one)?) / self.valid.len() as f64)
    }

    /// Rows of a name and a score, the first one what the others are compared with.
    fn rows(&self) -> Result<Vec<(&'static str, f64)>> {
        let mut rows = Vec::new();
        let (model, _) = self.run("bce", |config| config)?;
        let plain = model.predict(&self.valid)?;
        let flips = model.predict_tta(&self.valid, &Tta::default())?;
        rows.push(("cross-entropy, cosine, threshold 0.5", self.score(&plain)?));
        rows.push(("… flip TTA", self.score(&flips)?));
        let shifted = model.predict_tta(&self.valid, &Tta::default().shifts([8]))?;
        rows.push(("… flip and shift TTA", self.score(&shifted)?));
        rows.push(("… threshold chosen on the other half", self.crossed(&plain, &RuleSearch::default())?));
        let all = RuleSearch::default().min_size(true).gate(true);
        rows.push(("… threshold, minimal size and gate chosen there", self.crossed(&plain, &all)?));
        rows.push(("… flip TTA and threshold", self.crossed(&flips, &RuleSearch::default())?));
        rows.push(("cross-entropy, then Lovász, a cosine each", self.then_lovasz()?));
        let from = self.epochs * 2 / 3 + 1;
        let (model, _) = self.run("one", |config| config.loss_from(from, Loss::LovaszElu))?;
        rows.push(("cross-entropy, then Lovász, one cosine", self.score(&model.predict(&self.valid)?)?));
        let sum = Loss::sum([(0.5, Loss::Bce), (1.0, Loss::LovaszElu)]);
        let (model, _) = self.run("sum", |config| config.loss(sum.clone()))?;
        rows.push(("0.5 cross-entropy + Lovász", self.score(&model.predict(&self.valid)?)?));
        let (_, history) = self.run("swa", |config| config.schedule(Schedule::Constant).swa_from(from))?;
        let at_best = history.best().map_or(0.0, |best| best.mean_precision);
        rows.push(("constant rate", at_best));
        rows.push(("… its last third averaged (SWA)", history.averaged.map_or(0.0, |e| e.mean_precision)));
        let (model, history) =
            self.run("snapshots", |config| config.schedule(Schedule::CosineRestarts { cycles: 3 }))?;
        rows.push(("three cosine cycles, best epoch", self.score(&model.predict(&self.valid)?)?));
        let snapshots = history.ensemble(&Device::Cpu)?.predict(&self.valid)?;
        rows.push(("… their snapshots together", self.score(&snapshots)?));
        Ok(rows)
    }

    fn then_lovasz(&self) -> Result<f64> {
        let last = self.epochs / 3;
        let mut model = self.model()?;
        let first = self.config("first").epochs(self.epochs - last);
        model.train(&self.train, &self.valid, &first)?;
        let then = self.config("then").epochs(last).learning_rate(RATE / 4.0).loss(Loss::LovaszElu);
        model.train(&self.train, &self.valid, &then)?;
        self.score(&model.predict(&self.valid)?)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: usize| {
        let given = arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].parse());
        given.unwrap_or(Ok(default))
    };
    let (epochs, filters, seeds) = (value("--epochs", 12)?, value("--filters", 8)?, value("--seeds", 2)?);
    let data = std::env::var_os("TGS_SALT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tgs-salt"),
        PathBuf::from,
    );
    let folder = std::env::temp_dir().join("tgs_salt_recipes");
    let salt = Competition::open(data)?;
    let mut table: Vec<(&str, Vec<f64>)> = Vec::new();
    let size = value("--size", 64)?;
    let first = value("--first", 1)?;
    for seed in (first..first + seeds).map(|seed| seed as u64) {
        let (train, valid) = salt.train.split(0.2, seed)?;
        let job = Job { epochs, filters, size, seed, train, valid, folder: folder.clone() };
        for (i, (name, score)) in job.rows()?.into_iter().enumerate() {
            match table.get_mut(i) {
                Some(row) => row.1.push(score),
                None => table.push((name, vec![score])),
            }
        }
        print_table(&table);
    }
    Ok(())
}

fn print_table(table: &[(&str, Vec<f64>)]) {
    let Some((_, first)) = table.first() else { return };
    println!("\n| | mean precision, each seed | mean | over the first row |\n|---|---|---|---|");
    for (name, scores) in table {
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let each = scores.iter().map(|score| format!("{score:.4}")).collect::<Vec<_>>().join(", ");
        let (mean, gain) = (mean(scores), mean(scores) - mean(first));
        println!("| {name} | {each} | {mean:.4} | {gain:+.4} |");
    }
    println!();
}
