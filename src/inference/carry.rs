//! Predicted masks that agree with what is known of their neighbours.

use crate::inference::{Masks, evaluate, seam_choice};
use crate::postprocess::{Mosaics, SeamRules};
use crate::types::{Dataset, Label, Mask};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;

/// Rules for seams and the score they reach.
#[derive(Clone, PartialEq)]
pub struct ChosenSeamRules {
    /// What was chosen; none where nothing was better.
    pub rules: SeamRules,
    /// The competition's score of the masks as they were.
    pub before: f64,
    /// The competition's score by these rules.
    pub mean_precision: f64,
    /// What each rule gives by itself, in the order of [`SeamRules::NAMES`].
    pub alone: Vec<SeamRuleScore>,
}

/// What one rule gives by itself.
#[derive(Clone, PartialEq)]
pub struct SeamRuleScore {
    /// The rule.
    pub name: &'static str,
    /// The competition's score of all masks.
    pub mean_precision: f64,
    /// How many masks it changes.
    pub changed: usize,
    /// How many of these score more than before.
    pub better: usize,
    /// How many of these score less than before.
    pub worse: usize,
}

impl Masks {
    /// Masks as the known ones above and below ask for: each one whose neighbours have masks in `known` as
    /// [`SeamRules::mask`] makes it, the others as they are. `known` are the images that were trained on: nothing is known of
    /// what is predicted.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let mosaics = Mosaics::find(&salt.train.join(&salt.test)?, &MosaicSearch::default())?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&salt.test)?.threshold(0.5)?;
    /// let carried = masks.carry(&mosaics, &salt.train, &SeamRules::default())?;
    /// assert_eq!(carried.ids, masks.ids);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when an image is predicted and known, when the mosaics do not know it, or when a neighbour in `known` has
    /// no mask; [`Error::Shape`] when neighbours differ in size; [`Error::Config`] for a reach of 0; as [`Dataset::get`].
    pub fn carry(&self, mosaics: &Mosaics, known: &Dataset, rules: &SeamRules) -> Result<Masks> {
        let seams = self.seams(mosaics, known, rules.reach)?;
        let carried = |(mask, seams): (Mask, &Seams)| Ok(Label::of(&seams.carried(&mask, rules)?));
        Ok(self.with_labels(self.masks().zip(&seams).map(carried).collect::<Result<_>>()?))
    }

    /// The rules by which [`Masks::carry`] makes the best of these masks, of all sets of rules; of equally good ones the
    /// smallest, so that where no rule helps none is chosen. The masks of `known` are used, those of `valid` only to score.
    ///
    /// Few images have a known neighbour: look at how many masks a rule changes before its gain is believed. The split has to be
    /// an ordinary one, in which validation images have neighbours among the training images as test images do: with
    /// [`Dataset::split_together`] they have none.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let salt = Competition::sample()?;
    /// let (train, valid) = salt.train.split(0.2, 42)?;
    /// let mosaics = Mosaics::find(&salt.train, &MosaicSearch::default())?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let masks = model.predict(&valid)?.threshold(0.5)?;
    /// let chosen = masks.choose_seam_rules(&mosaics, &train, &valid)?;
    /// let carried = masks.carry(&mosaics, &train, &chosen.rules)?;
    /// assert_eq!(carried.mean_precision(&valid)?, chosen.mean_precision);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Masks::carry`] and [`Masks::mean_precision`].
    pub fn choose_seam_rules(
        &self,
        mosaics: &Mosaics,
        known: &Dataset,
        valid: &Dataset,
    ) -> Result<ChosenSeamRules> {
        self.check_unedited()?;
        let truths = evaluate::truths(&self.ids, valid)?;
        let seams = self.seams(mosaics, known, SeamRules::default().reach)?;
        seam_choice::choose(&truths, &self.masks().collect::<Vec<_>>(), &seams)
    }

    /// What is known around each image.
    fn seams(&self, mosaics: &Mosaics, known: &Dataset, reach: usize) -> Result<Vec<Seams>> {
        self.check_unedited()?;
        if reach == 0 {
            let expected = "1 tile or more".into();
            return Err(Error::Config { field: "reach", got: "0".into(), expected });
        }
        let ids = known.ids();
        let places: HashMap<&str, usize> = ids.iter().map(String::as_str).zip(0..).collect();
        if let Some(id) = self.ids.iter().find(|id| places.contains_key(id.as_str())) {
            let why = "is predicted and among the known ones; give as known the images that were trained on";
            return Err(Error::Id { id: id.clone(), why: why.into() });
        }
        let mask = |id: &String| match places.get(id.as_str()).map(|&at| known.get(at)).transpose()? {
            Some(sample) if sample.mask.is_none() => {
                let why = "is among the known images but has no mask; give a part of `train`";
                Err(Error::Id { id: id.clone(), why: why.into() })
            }
            sample => Ok(sample.and_then(|sample| sample.mask)),
        };
        // Collected first, so that of several errors it is always the first one in order.
        let seams: Vec<Result<Seams>> =
            self.ids.par_iter().map(|id| Seams::of(id, mosaics, reach, mask)).collect();
        seams.into_iter().collect()
    }
}

/// The known masks around an image.
pub(super) struct Seams {
    /// The nearest one above, and how many tiles away.
    above: Option<(Mask, usize)>,
    below: Option<Mask>,
}

impl Seams {
    fn of(
        id: &str,
        mosaics: &Mosaics,
        reach: usize,
        known: impl Fn(&String) -> Result<Option<Mask>>,
    ) -> Result<Seams> {
        let mut seams = Seams { above: None, below: None };
        let Some(section) = mosaics.section_of(id)? else { return Ok(seams) };
        let Some(tile) = section.tiles().iter().find(|tile| tile.id == id) else { return Ok(seams) };
        let at = |row: usize| section.tile(row, tile.column).map_or(Ok(None), |tile| known(&tile.id));
        for away in 1..=reach.min(tile.row) {
            if let Some(mask) = at(tile.row - away)? {
                seams.above = Some((mask, away));
                break;
            }
        }
        seams.below = at(tile.row + 1)?;
        Ok(seams)
    }

    /// True where nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.above.is_none() && self.below.is_none()
    }

    pub(super) fn carried(&self, mask: &Mask, rules: &SeamRules) -> Result<Mask> {
        let above = self.above.as_ref().filter(|(_, away)| *away <= rules.reach);
        let is_next = above.is_some_and(|(_, away)| *away == 1);
        let rules = rules.part_above(rules.part_above && is_next);
        rules.mask(mask, above.map(|(mask, _)| mask), self.below.as_ref())
    }
}

impl std::fmt::Debug for ChosenSeamRules {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let ChosenSeamRules { rules, before, mean_precision, alone } = self;
        write!(f, "{rules:?}; mean_precision {mean_precision:.4}, {before:.4} before; alone")?;
        for (i, rule) in alone.iter().enumerate() {
            let (comma, gain) = (if i > 0 { "," } else { "" }, rule.mean_precision - before);
            write!(f, "{comma} {} {gain:+.4} ({} masks)", rule.name, rule.changed)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for SeamRuleScore {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let SeamRuleScore { name, mean_precision, changed, better, worse } = self;
        write!(
            f,
            "{name}: mean_precision {mean_precision:.4}, {changed} changed, {better} better, {worse} worse"
        )
    }
}

#[cfg(test)]
#[path = "carry_tests.rs"]
mod tests;
