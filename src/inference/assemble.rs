//! Predictions of tiles put together, and one prediction in the place of another.

use crate::inference::Probabilities;
use crate::inference::joined::{names_of_all, of_images};
use crate::types::{Dataset, Image, Tile};
use crate::{Error, Result};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

impl Probabilities {
    /// Of the predictions of [`tiles`](Dataset::tiles) those of the images that were cut, the mean where tiles overlap. A presence head's
    /// probability is the highest of the tiles.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.01, 42)?;
    /// let model = Unet::new(Encoder::Plain).depth(1).base_filters(2).build(&Device::Cpu)?;
    /// let whole = model.predict(&few.tiles(2, 2)?)?.assemble(&few)?;
    /// assert_eq!((whole.len(), whole.get(&few.ids()[0])?.width), (few.len(), 101));
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when the tiles of an image are not there; [`Error::Shape`] when they are of another size.
    pub fn assemble(&self, whole: &Dataset) -> Result<Probabilities> {
        let classes = self.class_names().len();
        self.check_unedited()?;
        let places: HashMap<&str, usize> = self.ids.iter().map(String::as_str).zip(0..).collect();
        let tiles = |id: &str| {
            let at = |row, column| places.get(Tile::name(id, (row, column)).as_str()).copied();
            let columns = (0..).take_while(|&column| at(0, column).is_some()).count();
            let rows = (0..).take_while(|&row| at(row, 0).is_some()).count();
            let found = Tile::all((rows, columns)).map(|tile| Some((tile, at(tile.at.0, tile.at.1)?)));
            found.collect::<Option<Vec<_>>>().filter(|tiles| !tiles.is_empty()).ok_or_else(|| Error::Id {
                id: id.into(),
                why: "has not all its tiles among these; predict `tiles(rows, columns)` of this dataset"
                    .into(),
            })
        };
        let ids = whole.ids();
        let one = |i: usize| {
            let (tiles, size) = (tiles(&ids[i])?, whole.size(i)?);
            (0..classes).map(|class| self.put_together(&ids[i], &tiles, size, class)).collect()
        };
        let made: Vec<Vec<(Image, Option<f32>)>> =
            (0..ids.len()).into_par_iter().map(one).collect::<Result<_>>()?;
        let (maps, heads): (Vec<Image>, Vec<Option<f32>>) = made.into_iter().flatten().unzip();
        let all = Probabilities::new(ids, maps).with_submission_format(whole.submission_format());
        Ok(all.with_class_names(self.class_names()).with_presence(heads.into_iter().collect()))
    }

    /// One class of one image.
    fn put_together(
        &self,
        id: &str,
        tiles: &[(Tile, usize)],
        size: (usize, usize),
        class: usize,
    ) -> Result<(Image, Option<f32>)> {
        let (mut sum, mut count) = (vec![0.0; size.0 * size.1], vec![0.0; size.0 * size.1]);
        let map_of = |at: usize| at * self.class_names().len() + class;
        for &(tile, at) in tiles {
            let (map, (height, width), (top, left)) =
                (&self.maps()[map_of(at)], tile.size(size), tile.start(size));
            if (map.height, map.width) != (height, width) {
                return Err(Error::Shape {
                    what: format!("tiles of {id}"),
                    expected: format!("{height}×{width}"),
                    got: format!("{}×{}", map.height, map.width),
                    hint: "give the dataset whose tiles were predicted, at its size".into(),
                });
            }
            for (row, values) in map.pixels.chunks_exact(width).enumerate() {
                let from = (top + row) * size.1 + left;
                let places = sum[from..from + width].iter_mut().zip(&mut count[from..from + width]);
                places
                    .zip(values)
                    .for_each(|((sum, count), value)| (*sum, *count) = (*sum + value, *count + 1.0));
            }
        }
        let mean = sum.iter().zip(&count).map(|(sum, count)| sum / count).collect();
        let head = |head: &[f32]| tiles.iter().map(|&(_, at)| head[map_of(at)]).fold(0.0, f32::max);
        Ok((Image::new(size.0, size.1, mean)?, self.head().map(head)))
    }

    /// The same images, those that `other` has as it has them: a model for some kinds of images beside one for all.
    ///
    /// ```
    /// use tgs_salt::prelude::*;
    /// let (_, few) = Competition::sample()?.train.split(0.02, 42)?;
    /// let model = |seed| Unet::new(Encoder::Plain).depth(1).base_filters(2).seed(seed).build(&Device::Cpu);
    /// let (general, special) = (model(1)?.predict(&few)?, model(2)?.predict(&few.with_salt()?)?);
    /// let both = general.replace(&special)?;
    /// assert_eq!(both.get(&special.ids[0])?, special.get(&special.ids[0])?);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Id`] when `other` has an image that is not among these; [`Error::Shape`] when they have other classes.
    pub fn replace(&self, other: &Probabilities) -> Result<Probabilities> {
        let theirs: HashSet<&String> = other.ids.iter().collect();
        let own: Vec<usize> = (0..self.len()).filter(|&at| !theirs.contains(&self.ids[at])).collect();
        if own.len() + other.len() != self.len() {
            let known: HashSet<&String> = self.ids.iter().collect();
            let id = other.ids.iter().find(|id| !known.contains(id)).cloned().unwrap_or_default();
            return Err(Error::Id {
                id,
                why: "is not among the predictions that these are to replace".into(),
            });
        }
        let names = [self, other].into_iter().map(Probabilities::class_names);
        let names = names_of_all("probabilities and what replaces them", names)?;
        let own = own.into_iter().map(|at| (self, at));
        let both = of_images(&names, own.chain((0..other.len()).map(|at| (other, at))).collect())?;
        Ok(both.with_submission_format(self.submission_format()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Sample;

    fn dataset() -> Dataset {
        let image = |i: usize| (0..35).map(|p| (p * (i + 3) % 35) as f32 / 35.0).collect();
        let sample = |i: usize| {
            let image = Image::new(5, 7, image(i)).unwrap();
            let mask = Some(image.threshold(0.5).unwrap());
            Sample { id: format!("id{i}"), z: Some(i as f32), image, mask }
        };
        Dataset::from_samples((0..3).map(sample).collect()).unwrap()
    }

    /// Predictions that are the images themselves.
    fn mirror(dataset: &Dataset) -> Probabilities {
        let maps = (0..dataset.len()).map(|i| dataset.get(i).unwrap().image).collect();
        let presence = (0..dataset.len()).map(|i| i as f32).collect();
        Probabilities::new(dataset.ids(), maps).with_presence(Some(presence))
    }

    #[test]
    fn assembled_tiles_are_the_images_that_were_cut() {
        let whole = dataset();
        for (rows, columns) in [(1, 1), (2, 2), (2, 3), (5, 7)] {
            let tiles = whole.tiles(rows, columns).unwrap();
            let again = mirror(&tiles).assemble(&whole).unwrap();
            assert_eq!(again.ids, whole.ids());
            for i in 0..3 {
                assert_eq!(again.maps()[i], whole.get(i).unwrap().image, "{rows}×{columns}");
            }
            let last = |i: usize| ((i + 1) * rows * columns - 1) as f32;
            assert_eq!(again.presence_head().unwrap(), [last(0), last(1), last(2)]);
        }
    }

    #[test]
    fn masks_are_cut_as_their_images() {
        let tiles = dataset().tiles(2, 2).unwrap();
        for i in 0..12 {
            let Sample { image, mask, .. } = tiles.get(i).unwrap();
            assert_eq!((image.height, image.width), (3, 4));
            assert_eq!(mask, Some(image.threshold(0.5).unwrap()));
        }
        assert_eq!(tiles.ids()[4..8], ["id1_r0c0", "id1_r0c1", "id1_r1c0", "id1_r1c1"]);
        let small = tiles.resized(2, 2).unwrap().get(3).unwrap();
        assert_eq!((small.image.height, small.mask.unwrap().width()), (2, 2));
        let areas = tiles.class(0).unwrap().class_areas().unwrap();
        assert_eq!(areas[5], Some(vec![tiles.get(5).unwrap().mask.unwrap().area()]));
    }

    #[test]
    fn what_does_not_fit_is_one_line() {
        let whole = dataset();
        let tiles = mirror(&whole.tiles(2, 2).unwrap());
        let part = tiles.select(&["id0_r0c0", "id0_r0c1", "id0_r1c0"]).unwrap();
        assert!(matches!(part.assemble(&whole), Err(Error::Id { id, .. }) if id == "id0"));
        assert!(matches!(mirror(&whole).assemble(&whole), Err(Error::Id { .. })));
        let other = whole.resized(9, 9).unwrap();
        let line = tiles.assemble(&other).unwrap_err().to_string();
        assert!(line.starts_with("tiles of id0: expected 5×5, got 3×4"), "{line}");
        assert!(matches!(whole.tiles(0, 2), Err(Error::Config { .. })));
    }

    #[test]
    fn replaced_predictions_are_the_others() {
        let (whole, flat) = (dataset(), Image::new(5, 7, vec![0.5; 35]).unwrap());
        let other = Probabilities::new(vec!["id1".into()], vec![flat.clone()]);
        let both = mirror(&whole).replace(&other).unwrap();
        assert_eq!((both.ids.clone(), both.get("id1").unwrap()), (whole.ids(), flat));
        assert_eq!(both.get("id2").unwrap(), whole.get(2).unwrap().image);
        let stranger = Probabilities::new(vec!["x".into()], vec![Image::new(5, 7, vec![0.5; 35]).unwrap()]);
        assert!(matches!(both.replace(&stranger), Err(Error::Id { id, .. }) if id == "x"));
    }
}
