//! The edges of all images, extrapolated outward and z-scored.

use rayon::prelude::*;

use super::MosaicSearch;
use crate::types::{Dataset, Image};
use crate::{Error, Result};

/// A side of an image, and of an [`AllEdges`].
#[derive(Clone, Copy)]
pub(super) enum Side {
    Up,
    Down,
    Left,
    Right,
}

const SIDES: [Side; 4] = [Side::Up, Side::Down, Side::Left, Side::Right];

/// The same edge of each image, z-scored.
pub(super) struct Edges {
    /// Pixels of an edge.
    pub(super) length: usize,
    /// The images that have one, ascending: blank ones have none, nor has a constant edge on a scale of its own.
    pub(super) images: Vec<u32>,
    /// `images.len() × length`.
    pub(super) values: Vec<f32>,
}

impl Edges {
    pub(super) fn of(&self, row: usize) -> &[f32] {
        &self.values[row * self.length..][..self.length]
    }

    /// The edge of an image, if it has one.
    pub(super) fn of_image(&self, image: u32) -> Option<&[f32]> {
        self.images.binary_search(&image).ok().map(|row| self.of(row))
    }
}

/// All edges of a dataset.
pub(super) struct AllEdges {
    /// Height and width of each image.
    pub(super) size: (usize, usize),
    /// How many images are of one grey all over.
    pub(super) blank: usize,
    sides: [Edges; 4],
}

impl AllEdges {
    /// # Errors
    /// Those of [`Dataset::get`]; [`Error::Shape`] when images differ in size; [`Error::Image`] for an amplitude at an edge that
    /// is not finite; [`Error::Config`] without an image.
    pub(super) fn read(dataset: &Dataset, search: &MosaicSearch) -> Result<AllEdges> {
        let one = |i: usize| dataset.get(i).and_then(|sample| Outline::of(&sample.id, &sample.image, search));
        let outlines: Vec<Result<Outline>> = (0..dataset.len()).into_par_iter().map(one).collect();
        let outlines: Vec<Outline> = outlines.into_iter().collect::<Result<_>>()?;
        let Some(first) = outlines.first() else {
            let expected = "at least 1 image to find neighbours of".into();
            return Err(Error::Config { field: "images", got: "0".into(), expected });
        };
        let size = first.size;
        if let Some((other, id)) =
            outlines.iter().zip(dataset.ids()).find(|(outline, _)| outline.size != size)
        {
            return Err(Error::Shape {
                what: format!("image {id}"),
                expected: format!("{}×{} as the first image", size.0, size.1),
                got: format!("{}×{}", other.size.0, other.size.1),
                hint: "mosaics are of patches of one size; select those of one size".into(),
            });
        }
        let blank = outlines.iter().filter(|outline| outline.is_blank).count();
        let sides = SIDES.map(|side| match search.own_scale {
            true => by_themselves(&outlines, side),
            false => together(&outlines, side),
        });
        Ok(AllEdges { size, blank, sides })
    }

    pub(super) fn side(&self, side: Side) -> &Edges {
        &self.sides[side as usize]
    }
}

/// The four extrapolated edges of one image.
struct Outline {
    size: (usize, usize),
    is_blank: bool,
    edges: [Vec<f32>; 4],
}

impl Outline {
    fn of(id: &str, image: &Image, search: &MosaicSearch) -> Result<Outline> {
        let (height, width) = (image.height, image.width);
        let reach = search.extrapolate as f32;
        // An image of one row has nothing inside of its edge.
        let (below, beside) = (1.min(height - 1), 1.min(width - 1));
        let outward = |edge: f32, inside: f32| edge + reach * (edge - inside);
        let at = |y: usize, x: usize| image.pixels[y * width + x];
        let row = |y: usize, inside: usize| (0..width).map(|x| outward(at(y, x), at(inside, x))).collect();
        let column =
            |x: usize, inside: usize| (0..height).map(|y| outward(at(y, x), at(y, inside))).collect();
        let edges: [Vec<f32>; 4] = [
            row(0, below),
            row(height - 1, height - 1 - below),
            column(0, beside),
            column(width - 1, width - 1 - beside),
        ];
        if edges.iter().flatten().any(|value| !value.is_finite()) {
            let why = "has an amplitude at its edge that is infinite or not a number".into();
            return Err(Error::Image { id: id.into(), why });
        }
        let is_blank = image.pixels.iter().all(|&pixel| pixel == image.pixels[0]);
        Ok(Outline { size: (height, width), is_blank, edges })
    }
}

/// Each edge by its own mean and standard deviation; a constant one is left out.
fn by_themselves(outlines: &[Outline], side: Side) -> Edges {
    let mut edges = Edges { length: length(outlines, side), images: vec![], values: vec![] };
    for (image, outline) in (0..).zip(outlines).filter(|(_, outline)| !outline.is_blank) {
        let edge = &outline.edges[side as usize];
        let (mean, sd) = mean_and_sd(edge.iter());
        if sd > 0.0 {
            edges.images.push(image);
            edges.values.extend(edge.iter().map(|&value| ((f64::from(value) - mean) / sd) as f32));
        }
    }
    edges
}

/// All by the mean and standard deviation of all, those of blank images among them as in the notebook. To z-score the images
/// first, as it does, changes nothing: what an edge is z-scored to does not depend on scale and origin.
fn together(outlines: &[Outline], side: Side) -> Edges {
    let mut edges = Edges { length: length(outlines, side), images: vec![], values: vec![] };
    let (mean, sd) = mean_and_sd(outlines.iter().flat_map(|outline| &outline.edges[side as usize]));
    for (image, outline) in (0..).zip(outlines).filter(|(_, outline)| !outline.is_blank && sd > 0.0) {
        let edge = &outline.edges[side as usize];
        edges.images.push(image);
        edges.values.extend(edge.iter().map(|&value| ((f64::from(value) - mean) / sd) as f32));
    }
    edges
}

fn length(outlines: &[Outline], side: Side) -> usize {
    outlines.first().map_or(0, |outline| outline.edges[side as usize].len())
}

/// The mean, and the standard deviation (divided by the number of values); 0 exactly where all values are equal.
fn mean_and_sd<'a>(values: impl Iterator<Item = &'a f32> + Clone) -> (f64, f64) {
    let Some(&first) = values.clone().next() else { return (0.0, 0.0) };
    let shifted = || values.clone().map(|&value| f64::from(value) - f64::from(first));
    let (count, sum) = shifted().fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    let mean = sum / count;
    let squares: f64 = shifted().map(|value| (value - mean) * (value - mean)).sum();
    (f64::from(first) + mean, (squares / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Sample;

    #[test]
    fn edges_are_extrapolated_and_scored() {
        // Down a column 1, 2, 4: outward by half a row 0.5 above and 5 below.
        let image = |factor: f32| {
            let pixels = [1.0, 3.0, 2.0, 1.0, 4.0, 0.0].map(|value: f32| factor * value / 8.0).to_vec();
            Image::new(3, 2, pixels).unwrap()
        };
        let sample =
            |id: &str, factor: f32| Sample { id: id.into(), z: None, image: image(factor), mask: None };
        let samples = vec![sample("a", 1.0), sample("b", 0.5)];
        let dataset = Dataset::from_samples(samples).unwrap();
        let edges = AllEdges::read(&dataset, &MosaicSearch::default()).unwrap();
        // Above 0.5 and 4, below 5 and −0.5: of two values the lesser is −1, the greater 1, whatever the scale.
        assert_eq!(edges.side(Side::Up).values, [-1.0, 1.0, -1.0, 1.0]);
        assert_eq!(edges.side(Side::Down).values, [1.0, -1.0, 1.0, -1.0]);
        // Left by one pixel −1, 3, 8 of 8, of the second half of that; together their mean is 5/2, their variance 55/6.
        let edges = AllEdges::read(&dataset, &MosaicSearch::kernel()).unwrap();
        let expected =
            [-1.0, 3.0, 8.0, -0.5, 1.5, 4.0].map(|value: f64| (value - 2.5) / (55.0f64 / 6.0).sqrt());
        for (value, expected) in edges.side(Side::Left).values.iter().zip(expected) {
            assert!((f64::from(*value) - expected).abs() < 1e-6, "{value} {expected}");
        }
    }
}
