//! The whole job in one call: open → split → train → evaluate → predict → submit.

use crate::Result;
use crate::inference::{ChosenRules, Tta};
use crate::io::{Submission, is_clouds};
use crate::metrics::{RuleSearch, Score};
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
/// | `rule` | threshold | what is chosen on the validation images, class by class, of how probabilities become masks | [`RuleSearch`] |
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

    /// Network, training and prediction of a recipe; of the clouds' the rules too, with least sizes and by the Dice that is scored.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let config = RunConfig::recipe(Recipe::Strong);
    /// assert_eq!(config.tta, Tta::default());
    /// ```
    pub fn recipe(recipe: Recipe) -> RunConfig {
        let clouds = recipe == Recipe::CloudsNested;
        let rule = RuleSearch::default().min_size(clouds).dice(clouds);
        let config = RunConfig::default().architecture(recipe.architecture()).rule(rule);
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
    /// On the validation images, by the rules that suit them best: the mean over the classes, at the threshold of the first.
    pub score: Score,
    /// How probabilities became masks, class by class.
    pub rules: ChosenRules,
    /// What a submission of empty masks scores on the same images: the share of masks that are empty.
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
/// A folder with `train_images` or `test_images` is that of the clouds competition, for [`Recipe::CloudsNested`] or a network of as
/// many classes; any other that of the salt competition.
///
/// ```no_run
/// let report = tgs_salt::run("../data/tgs-salt", &tgs_salt::RunConfig::default())?;
/// println!("{report:?}");
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// Whatever the steps give: see [`Competition::open`], [`Competition::clouds`], [`Model::train`](crate::Model::train),
/// [`Masks::submit`](crate::Masks::submit).
pub fn run(folder: impl AsRef<Path>, config: &RunConfig) -> Result<Report> {
    let clock = Clock::start();
    let folder = folder.as_ref();
    let open = if is_clouds(folder) { Competition::clouds } else { Competition::open };
    run_on(open(folder)?, config, clock)
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
    let rules = model.predict_tta(&valid, &config.tta)?.choose_rules(&valid, &config.rule)?;
    clock.lap("evaluate");
    let masks = model.predict_masks(&competition.test, &config.tta, &rules.rules())?;
    clock.lap("predict");
    let submission = masks.submit(&config.submission)?;
    clock.lap("submit");
    Ok(Report { score: rules.score(), rules, all_empty, history, submission, seconds: clock.seconds })
}

/// The score of empty masks, by mean precision as by Dice.
fn all_empty(dataset: &Dataset) -> Result<f64> {
    let areas: Vec<usize> = dataset.class_areas()?.into_iter().flatten().flatten().collect();
    let empty = areas.iter().filter(|area| **area == 0).count();
    Ok(empty as f64 / areas.len().max(1) as f64)
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
        let Report { score, rules, all_empty, history, submission, .. } = self;
        let one = rules.chosen.len() == 1;
        let card = Card::new("Report").row("mean precision", &[format!("{:.4}", score.mean_precision)]);
        let card = if one { card } else { card.row("Dice", &[format!("{:.4}", score.dice)]) };
        let card = card.row("of empty masks", &[format!("{all_empty:.4}")]);
        let classes = rules.class_names.iter().zip(rules.rules());
        let card = classes.fold(card, |card, (name, rule)| {
            let of = |what: &str| if one { what.into() } else { format!("{what} of {name}") };
            let rows = [
                (true, of("threshold"), format!("{:.2}", rule.threshold)),
                (rule.min_size > 0, of("least size of a mask"), format!("{} pixels", rule.min_size)),
                (rule.gate > 0.0, of("least presence"), format!("{:.2}", rule.gate)),
            ];
            let chosen = rows.into_iter().filter(|(is_set, ..)| *is_set);
            chosen.fold(card, |card, (_, label, value)| card.row(&label, &[value]))
        });
        let card = card
            .row("epochs", &[count(history.epochs.len())])
            .row("submission", &[submission.path.display().to_string()])
            .row("rows", &[count(submission.rows)])
            .row(if one { "rows without salt" } else { "empty rows" }, &[percent(submission.empty_share)]);
        let row = |card: Card, (step, seconds): &(String, f64)| {
            card.row(&format!("time to {step}"), &[duration(*seconds)])
        };
        self.seconds.iter().fold(card, row).display(self);
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        writeln!(f, "{:?} (all empty: {:.4})", self.score, self.all_empty)?;
        match self.rules.chosen.as_slice() {
            [one] => writeln!(f, "{:?}", one.rule)?,
            _ => writeln!(f, "{:?}", self.rules)?,
        }
        writeln!(f, "{:?}", self.history)?;
        writeln!(f, "{:?}", self.submission)?;
        let seconds = self.seconds.iter().map(|(step, seconds)| format!("{step} {seconds:.1} s"));
        write!(f, "{}", seconds.collect::<Vec<_>>().join(", "))
    }
}
