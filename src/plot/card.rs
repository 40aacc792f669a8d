//! Cards: what a cell shows that ends with a value.

use crate::io::Submission;
use crate::metrics::Score;
use crate::models::{DecoderKind, Model};
use crate::plot::html::Card;
use crate::plot::text::{count, duration, feet, percent};
use crate::plot::words::Words;
use crate::training::History;
use crate::types::{Competition, Dataset, coverage_class};

impl Competition {
    /// Shows a card in a cell of the notebook: counts, sizes, depths, how much salt, what is missing or odd.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let (train, test) = (Facts::of(&self.train), Facts::of(&self.test));
        let both = |fact: fn(&Facts) -> String| [fact(&train), fact(&test)];
        let card =
            Card::new("Competition").columns(&["train", "test"]).row("images", &both(|f| count(f.images)));
        let card = card.row("size, pixels", &both(|f| f.size.clone()));
        let card = match [&train, &test].iter().any(|facts| facts.depth.is_some()) {
            true => card.row("depth", &both(|f| f.depth.clone().unwrap_or("unknown".into()))),
            false => card,
        };
        let notes = self.notes.lines();
        notes.iter().fold(train.salt(card), |card, note| card.note(note))
    }
}

impl Dataset {
    /// Shows a card in a cell of the notebook: counts, size, depths, how much salt, what is missing or odd.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let facts = Facts::of(self);
        let card = Card::new("Dataset").row("images", &[count(facts.images)]);
        let card = card.row("size, pixels", std::slice::from_ref(&facts.size));
        facts
            .salt(facts.depth.iter().fold(card, |card, depth| card.row("depth", std::slice::from_ref(depth))))
    }
}

impl Score {
    /// Shows a card in a cell of the notebook.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let value = |value: f64| [format!("{value:.4}")];
        Card::new("Score")
            .row("mean precision", &value(self.mean_precision))
            .row("IoU", &value(self.iou))
            .row("Dice", &value(self.dice))
            .row("threshold", &[format!("{:.2}", self.threshold)])
    }
}

impl History {
    /// Shows a card in a cell of the notebook.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let [seconds, waited] = self.seconds();
        let card = Card::new("History").row("epochs", &[count(self.epochs.len())]);
        let card = card.row("time", &[duration(seconds)]).row("waited for images", &[duration(waited)]);
        let card = match self.best() {
            Some(best) => card
                .row(&format!("best {}", self.monitor), &[format!("{:.4}", self.monitor.of(&best))])
                .row("in epoch", &[count(best.epoch)]),
            None => card,
        };
        let folder = self.run_folder.display().to_string();
        card.row("ended", std::slice::from_ref(&self.ended)).row("checkpoints", &[folder])
    }
}

impl Submission {
    /// Shows a card in a cell of the notebook.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        Card::new("Submission")
            .row("file", &[self.path.display().to_string()])
            .row("rows", &[count(self.rows)])
            .row("empty masks", &[percent(self.empty_share)])
    }
}

impl Model {
    /// Shows a card in a cell of the notebook.
    pub fn evcxr_display(&self) {
        self.card().display(self);
    }

    pub(crate) fn card(&self) -> Card {
        let config = self.config();
        let device = if self.device().is_cuda() { "CUDA" } else { "CPU" };
        let name = match config.decoder {
            DecoderKind::Unet => "U-Net",
            DecoderKind::UnetPlusPlus => "UNet++",
        };
        let card = Card::new(name)
            .row("encoder", &[config.encoder.to_string()])
            .row("depth", &[config.depth.to_string()])
            .row("channels", &[format!("{} → {}", config.in_channels, config.classes)])
            .row("decoder channels", &[list(&config.block_channels())])
            .row("parameters", &[count(self.parameter_count())]);
        let trained: usize = self.trainable().iter().map(|(_, var)| var.elem_count()).sum();
        let card = match self.parameter_count() - trained {
            0 => card,
            frozen => card.row("of them frozen", &[count(frozen)]),
        };
        card.row("device", &[device.into()])
    }
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// What a card says about a dataset.
struct Facts {
    images: usize,
    size: String,
    /// None where no image has a depth.
    depth: Option<String>,
    words: Words,
    coverages: Result<Vec<f64>, String>,
}

impl Facts {
    fn of(dataset: &Dataset) -> Facts {
        let size = match dataset.is_empty() {
            true => "–".to_owned(),
            false => match dataset.get(0) {
                Ok(sample) => format!("{}×{}", sample.image.height, sample.image.width),
                Err(_) => "unreadable".to_owned(),
            },
        };
        let coverages = dataset.coverages().map(|all| all.into_iter().flatten().collect());
        let coverages = coverages.map_err(|error| error.to_string());
        let words = Words::of(dataset);
        Facts { images: dataset.len(), size, depth: depth(&dataset.depths()), words, coverages }
    }

    /// The rows and bars about masks, where there are any.
    fn salt(&self, card: Card) -> Card {
        let coverages = match &self.coverages {
            Ok(coverages) if coverages.is_empty() => return card,
            Ok(coverages) => coverages,
            Err(why) => return card.note(why),
        };
        let all = coverages.len() as f64;
        let empty = coverages.iter().filter(|&&coverage| coverage == 0.0).count();
        let mut classes = [0usize; 11];
        for &coverage in coverages {
            if let Some(class) = classes.get_mut(coverage_class(coverage)) {
                *class += 1;
            }
        }
        let bars: Vec<(String, usize)> =
            (0..).zip(classes).map(|(i, n): (usize, usize)| (i.to_string(), n)).collect();
        card.row("masks", &[count(coverages.len())])
            .row("empty masks", &[percent(empty as f64 / all)])
            .row("mean coverage", &[percent(coverages.iter().sum::<f64>() / all)])
            .bars(
                &format!("images by coverage class: 0 {}, 1 up to 10 % … 10 over 90 %", self.words.none()),
                &bars,
            )
    }
}

/// From the least to the greatest depth, and how many have none.
fn depth(depths: &[Option<f32>]) -> Option<String> {
    let known = || depths.iter().flatten();
    let (low, high) = known().fold((f32::MAX, f32::MIN), |(low, high), &z| (low.min(z), high.max(z)));
    let without = depths.len() - known().count();
    match (low <= high, without) {
        (false, _) => None,
        (true, 0) => Some(format!("{low}–{}", feet(high))),
        (true, without) => Some(format!("{low}–{}, {} without", feet(high), count(without))),
    }
}
