//! The whole job in one call: open → split → train → evaluate → predict → submit.

use crate::Result;
use crate::inference::Tta;
use crate::io::Submission;
use crate::metrics::{ChosenRule, MaskRule, RuleSearch, Score};
use crate::models::{Architecture, Encoder, Unet};
use crate::nn::device;
use crate::plot::html::Card;
use crate::plot::text::{count, duration, percent};
use crate::training::{History, Recipe, TrainConfig};
use crate::types::{Competition, Dataset};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What [`run`] does.
///
/// | Name | Default | Meaning | Range |
/// |---|---|---|---|
/// | `architecture` | plain U-Net, depth 4, 16 base filters | the network | [`Architecture`] |
/// | `train` | 40 epochs | the training | [`TrainConfig`] |
/// | `tta` | none | the views of an image whose predictions are averaged | [`Tta`] |
/// | `rule` | threshold | what is chosen on the validation images of how probabilities become masks | [`RuleSearch`] |
/// | `valid_fraction` | 0.2 | share of the training images kept for validation | (0, 1) |
/// | `seed` | 42 | of the split | any |
/// | `submission` | `submission.csv` | the file to write | a path |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The network.
    pub architecture: Architecture,
    /// The training.
    pub train: TrainConfig,
    /// The views of an image whose predictions are averaged.
    #[serde(default = "Tta::none")]
    pub tta: Tta,
    /// What is chosen on the validation images of how probabilities become masks.
    #[serde(default)]
    pub rule: RuleSearch,
    /// Share of the training images kept for validation.
    pub valid_fraction: f64,
    /// Of the split.
    pub seed: u64,
    /// The file to write.
    pub submission: PathBuf,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            architecture: Unet::new(Encoder::Plain),
            train: TrainConfig::default(),
            tta: Tta::none(),
            rule: RuleSearch::default(),
            valid_fraction: 0.2,
            seed: 42,
            submission: "submission.csv".into(),
        }
    }
}

impl RunConfig {
    setters! {
        RunConfig,
        /// The network.
        architecture: Architecture,
        /// The training.
        train: TrainConfig,
        /// The views of an image whose predictions are averaged.
        tta: Tta,
        /// What is chosen on the validation images of how probabilities become masks.
        rule: RuleSearch,
        /// Share of the training images kept for validation.
        valid_fraction: f64,
        /// Of the split.
        seed: u64,
    }

    /// Network, training and prediction of a recipe.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let config = RunConfig::recipe(Recipe::Strong);
    /// assert_eq!(config.tta, Tta::default());
    /// ```
    pub fn recipe(recipe: Recipe) -> RunConfig {
        let config = RunConfig::default().architecture(recipe.architecture());
        config.train(recipe.training()).tta(recipe.tta())
    }

    /// The file to write.
    pub fn submission(mut self, path: impl AsRef<Path>) -> Self {
        self.submission = path.as_ref().into();
        self
    }
}

/// What [`run`] did.
#[derive(Clone)]
pub struct Report {
    /// On the validation images, by the rule that suits them best.
    pub score: Score,
    /// How probabilities became masks.
    pub rule: MaskRule,
    /// What a submission without any salt scores on the same images: the share of them that have none.
    pub all_empty: f64,
    /// The training, epoch by epoch.
    pub history: History,
    /// The file that was written.
    pub submission: Submission,
    /// Each step with its time in seconds.
    pub seconds: Vec<(String, f64)>,
}

/// Opens a competition folder, trains, and writes the submission, saying what it does.
///
/// ```no_run
/// let report = tgs_salt::run("../data/tgs-salt", &tgs_salt::RunConfig::default())?;
/// println!("{report:?}");
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// Whatever the steps give: see [`Competition::open`], [`Model::train`](crate::Model::train),
/// [`Masks::submit`](crate::Masks::submit).
pub fn run(folder: impl AsRef<Path>, config: &RunConfig) -> Result<Report> {
    let clock = Clock::start();
    run_on(Competition::open(folder)?, config, clock)
}

/// As [`run`], on the embedded sample survey: nothing to download.
///
/// # Errors
/// As [`run`].
pub fn run_sample(config: &RunConfig) -> Result<Report> {
    let clock = Clock::start();
    run_on(Competition::sample()?, config, clock)
}

fn run_on(competition: Competition, config: &RunConfig, mut clock: Clock) -> Result<Report> {
    clock.lap("open");
    let (train, valid) = competition.train.split(config.valid_fraction, config.seed)?;
    let all_empty = all_empty(&valid)?;
    clock.lap("split");
    let mut model = config.architecture.build(&device()?)?;
    let history = model.train(&train, &valid, &config.train)?;
    clock.lap("train");
    history.plot()?.save(history.run_folder.join("curves.png"))?;
    let ChosenRule { rule, score } =
        model.predict_tta(&valid, &config.tta)?.choose_rule(&valid, &config.rule)?;
    clock.lap("evaluate");
    let rules = vec![rule; config.architecture.classes];
    let masks = model.predict_masks(&competition.test, &config.tta, &rules)?;
    clock.lap("predict");
    let submission = masks.submit(&config.submission)?;
    clock.lap("submit");
    Ok(Report { score, rule, all_empty, history, submission, seconds: clock.seconds })
}

/// The score of empty masks.
fn all_empty(dataset: &Dataset) -> Result<f64> {
    let coverages = dataset.coverages()?;
    let empty = coverages.iter().filter(|coverage| **coverage == Some(0.0)).count();
    Ok(empty as f64 / coverages.len().max(1) as f64)
}

struct Clock {
    start: Instant,
    seconds: Vec<(String, f64)>,
}

impl Clock {
    fn start() -> Clock {
        Clock { start: Instant::now(), seconds: vec![] }
    }

    fn lap(&mut self, step: &str) {
        self.seconds.push((step.into(), self.start.elapsed().as_secs_f64()));
        self.start = Instant::now();
    }
}

impl Report {
    /// Shows a card in a cell of the notebook: the score, the file, the time of each step.
    pub fn evcxr_display(&self) {
        let Report { score, rule, all_empty, history, submission, .. } = self;
        let card = Card::new("Report")
            .row("mean precision", &[format!("{:.4}", score.mean_precision)])
            .row("of empty masks", &[format!("{all_empty:.4}")])
            .row("threshold", &[format!("{:.2}", rule.threshold)])
            .row("epochs", &[count(history.epochs.len())])
            .row("submission", &[submission.path.display().to_string()])
            .row("rows", &[count(submission.rows)])
            .row("rows without salt", &[percent(submission.empty_share)]);
        let chosen = [
            (rule.min_size > 0, "least size of a mask", format!("{} pixels", rule.min_size)),
            (rule.gate > 0.0, "least presence of salt", format!("{:.2}", rule.gate)),
        ];
        let card = chosen
            .into_iter()
            .filter(|(is_set, ..)| *is_set)
            .fold(card, |card, (_, label, value)| card.row(label, &[value]));
        let row = |card: Card, (step, seconds): &(String, f64)| {
            card.row(&format!("time to {step}"), &[duration(*seconds)])
        };
        self.seconds.iter().fold(card, row).display(self);
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        writeln!(f, "{:?} (all empty: {:.4})", self.score, self.all_empty)?;
        writeln!(f, "{:?}", self.rule)?;
        writeln!(f, "{:?}", self.history)?;
        writeln!(f, "{:?}", self.submission)?;
        let seconds = self.seconds.iter().map(|(step, seconds)| format!("{step} {seconds:.1} s"));
        write!(f, "{}", seconds.collect::<Vec<_>>().join(", "))
    }
}
