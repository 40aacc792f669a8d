//! Made-up satellite images of shallow clouds, in four patterns.
//!
//! The ocean is dark; people drew a box around each pattern that they saw. The patterns are those of Stevens et al. (2020),
//! and each is a function of the plane here: Sugar is fine dust (noise above a threshold), Gravel is granules and pieces of
//! rings (distances to scattered points, after Worley 1996), Flower is bright round sheets with dark gaps between them, Fish
//! a skeleton of bands with ribs (where noise stretched along them is near 0).
//!
//! - Stevens, B. et al. (2020). Sugar, gravel, fish and flowers: mesoscale cloud patterns in the trade winds. *Quarterly
//!   Journal of the Royal Meteorological Society* 146(726), 141–152.
//! - Worley, S. (1996). A cellular texture basis function. *SIGGRAPH '96*, 291–294.

use rayon::prelude::*;

use super::field::{Dice, Noise, ramp};
use crate::Result;
use crate::types::{Image, Mask, Sample};

/// The classes, in the order of the masks.
pub(super) const NAMES: [&str; 4] = ["Fish", "Flower", "Gravel", "Sugar"];
/// In how many of the competition's images each is, as shares.
const SHARES: [f32; 4] = [0.50, 0.43, 0.53, 0.68];
/// The shares of images with one class, two and three; the rest have all four.
const COUNTS: [f32; 3] = [0.25, 0.40, 0.27];
const HEIGHT: usize = 140;
const WIDTH: usize = 210;

/// `train` samples with masks of four classes and `test` samples without.
pub(super) fn clouds(seed: u64, train: usize, test: usize) -> Result<(Vec<Sample>, Vec<Sample>)> {
    let one = |i: usize| sample(&mut Dice::new(seed, i as u64), i < train);
    let mut samples = (0..train + test).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
    let test = samples.split_off(train);
    Ok((samples, test))
}

fn sample(dice: &mut Dice, labelled: bool) -> Result<Sample> {
    let id = format!("{:07x}.jpg", dice.bits() >> 36);
    let noise = Noise::new(dice);
    let regions = regions(dice);
    let labels: Vec<Area> = regions.iter().map(|region| region.area.redrawn(dice)).collect();
    let sky = Sky::new(dice);
    let pixel = |i: usize| sky.at(&noise, &regions, (i % WIDTH) as f32, (i / WIDTH) as f32);
    let image = Image::new(HEIGHT, WIDTH, (0..HEIGHT * WIDTH).map(pixel).collect())?;
    let class = |class: usize| {
        let boxes: Vec<Area> = regions
            .iter()
            .zip(&labels)
            .filter(|(region, _)| region.class == class)
            .map(|(_, l)| *l)
            .collect();
        let inside = |i: usize| {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            u8::from(boxes.iter().any(|area| area.depth(x, y) >= 0.0))
        };
        Mask::new(HEIGHT, WIDTH, (0..HEIGHT * WIDTH).map(inside).collect())
    };
    let mask = labelled.then(|| (0..NAMES.len()).map(class).collect::<Result<Vec<_>>>());
    let mask = mask.transpose()?.map(|planes| Mask::stack(&planes)).transpose()?;
    Ok(Sample { id, z: None, image, mask })
}

/// A box, in pixels.
#[derive(Clone, Copy)]
struct Area {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl Area {
    fn draw(dice: &mut Dice) -> Area {
        let (width, height) =
            (WIDTH as f32 * dice.uniform(0.36, 0.72), HEIGHT as f32 * dice.uniform(0.4, 0.85));
        // Some reach beyond the image.
        let left = dice.uniform(-0.1 * width, WIDTH as f32 - 0.9 * width);
        let top = dice.uniform(-0.1 * height, HEIGHT as f32 - 0.9 * height);
        Area { left, top, right: left + width, bottom: top + height }
    }

    /// How far a point is inside, in pixels; negative outside.
    fn depth(&self, x: f32, y: f32) -> f32 {
        (x - self.left).min(self.right - x).min(y - self.top).min(self.bottom - y)
    }

    fn overlap(&self, other: &Area) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// As a person would draw it.
    fn redrawn(&self, dice: &mut Dice) -> Area {
        let mut side = |at: f32| at + 3.0 * dice.normal();
        Area {
            left: side(self.left),
            top: side(self.top),
            right: side(self.right),
            bottom: side(self.bottom),
        }
    }
}

/// Where one pattern is.
struct Region {
    class: usize,
    area: Area,
    pattern: Pattern,
}

/// Different classes, a second region of some, where there is most room.
fn regions(dice: &mut Dice) -> Vec<Region> {
    let draw = dice.uniform(0.0, 1.0);
    let mut cumulated = 0.0;
    let count = 1 + COUNTS
        .iter()
        .filter(|&&share| {
            cumulated += share;
            draw >= cumulated
        })
        .count();
    let mut left: Vec<usize> = (0..NAMES.len()).collect();
    let mut regions: Vec<Region> = Vec::new();
    for _ in 0..count {
        let mut at = dice.uniform(0.0, left.iter().map(|&class| SHARES[class]).sum());
        let chosen = left.iter().position(|&class| {
            at -= SHARES[class];
            at < 0.0
        });
        let class = left.remove(chosen.unwrap_or(0));
        for _ in 0..1 + usize::from(dice.chance(0.15)) {
            let crowd = |area: &Area| regions.iter().map(|region| region.area.overlap(area)).sum::<f32>();
            let candidates: Vec<Area> = (0..8).map(|_| Area::draw(dice)).collect();
            let Some(area) = candidates.into_iter().min_by(|a, b| crowd(a).total_cmp(&crowd(b))) else {
                continue;
            };
            regions.push(Region { class, area, pattern: Pattern::new(class, dice) });
        }
    }
    regions
}

/// What is not of a pattern: the ocean, its glint, thin haze.
struct Sky {
    ocean: f32,
    glint: f32,
    haze: f32,
    at: (f32, f32),
}

impl Sky {
    fn new(dice: &mut Dice) -> Sky {
        Sky {
            ocean: dice.uniform(0.14, 0.24),
            glint: dice.uniform(-0.06, 0.08),
            haze: dice.uniform(0.0, 0.25),
            at: (dice.uniform(0.0, 100.0), dice.uniform(0.0, 100.0)),
        }
    }

    fn at(&self, noise: &Noise, regions: &[Region], x: f32, y: f32) -> f32 {
        let (u, v) = (x + self.at.0, y + self.at.1);
        let ocean = self.ocean + self.glint * (x / WIDTH as f32 - 0.5) + 0.02 * noise.at(u / 45.0, v / 45.0);
        let billows =
            noise.at(u / 7.3, v / 7.3) + 0.6 * noise.at(v / 3.4, u / 3.4) + 0.4 * noise.at(u / 1.7, v / 1.7);
        let veil = ramp(0.5 * noise.at(u / 33.0, v / 20.0) - 0.1 + 0.08 * billows) * self.haze;
        let scraps = ramp(0.5 * (noise.at(u / 9.1, v / 8.2) + 0.8 * billows - 2.8)) * 0.7;
        // Patterns fray out at their boxes' sides.
        let fray = 6.0 * noise.at(u / 13.0, v / 13.0);
        let cloud = regions.iter().fold(veil.max(scraps), |most, region| {
            let weight = ramp((region.area.depth(x, y) + fray) / 12.0 + 0.4);
            if weight > 0.0 { most.max(weight * region.pattern.at(noise, billows, x, y)) } else { most }
        });
        let grain = 0.012 * noise.at(u * 0.93, v * 0.93);
        (ocean + (0.97 - ocean) * cloud.clamp(0.0, 1.0) + grain).clamp(0.0, 1.0)
    }
}

/// One of the four patterns, as it is in one region.
struct Pattern {
    class: usize,
    /// Where in the noise.
    at: (f32, f32),
    /// How bright, and how dense.
    strength: f32,
    cells: Cells,
    /// Cosine and sine of the direction of bands.
    along: (f32, f32),
}

impl Pattern {
    fn new(class: usize, dice: &mut Dice) -> Pattern {
        let spacing =
            if NAMES[class] == "Flower" { dice.uniform(26.0, 36.0) } else { dice.uniform(6.5, 9.0) };
        let angle = dice.uniform(-0.7, 0.7);
        Pattern {
            class,
            at: (dice.uniform(0.0, 900.0), dice.uniform(0.0, 900.0)),
            strength: dice.uniform(0.8, 1.1),
            cells: Cells::new(dice, spacing),
            along: (libm::cosf(angle), libm::sinf(angle)),
        }
    }

    /// Cloud at a point, from 0 to about 1; `billows` is noise of many sizes.
    fn at(&self, noise: &Noise, billows: f32, x: f32, y: f32) -> f32 {
        let n = |size: f32| noise.at((x + self.at.0) / size, (y + self.at.1) / size);
        let density = match NAMES[self.class] {
            "Fish" => self.fish(noise, x + 6.0 * n(24.0) + 2.0 * n(7.0), y + 6.0 * n(21.0) + 2.0 * n(6.0)),
            "Flower" => {
                let (near, _, size) = self.cells.near(x + 3.0 * n(9.0), y + 3.0 * n(10.0));
                let rim = 0.44 * size * (1.0 + 0.18 * n(13.0) + 0.22 * billows);
                ramp((rim - near) / 0.26)
            }
            "Gravel" => {
                let (near, next, size) = self.cells.near(x + 1.6 * n(4.0), y + 1.6 * n(4.6));
                let granule = ramp((0.66 * size - near) / 0.6);
                let ring = ramp(1.0 - (next - near) / 0.4) * ramp(0.6 * n(11.0));
                granule.max(0.5 * ring) * ramp(0.9 + 0.5 * n(26.0))
            }
            _ => 0.66 * ramp(0.36 * (n(1.5) + 0.6 * n(3.3) + 0.75)) * ramp(0.95 + 0.4 * n(24.0)),
        };
        let cloud = (1.02 * density - 0.1 + 0.17 * billows * (0.3 + density)).clamp(0.0, 1.0);
        self.strength * (0.3 * ramp(cloud) + 0.62 * cloud)
    }

    /// Bands where noise that is long along them is near 0, and ribs aslant on them.
    fn fish(&self, noise: &Noise, x: f32, y: f32) -> f32 {
        let (cos, sin) = self.along;
        let (u, v) = (cos * x + sin * y + self.at.0, cos * y - sin * x + self.at.1);
        let spine = noise.at(u / 54.0, v / 16.0).abs();
        let rib = noise.at((u + 0.8 * v) / 9.0, (v - 0.5 * u) / 22.0).abs();
        let ribs = ramp((0.55 - rib) / 0.6) * ramp((1.0 - spine) / 0.8);
        ramp((0.36 - spine) / 0.36).max(0.8 * ribs)
    }
}

/// Points scattered over the image, one in each square of a grid.
struct Cells {
    spacing: f32,
    columns: usize,
    /// Place within the square, and size.
    points: Vec<[f32; 3]>,
}

impl Cells {
    fn new(dice: &mut Dice, spacing: f32) -> Cells {
        // Two squares on every side, since a point looks at its neighbours and places are displaced.
        let squares = |length: usize| (length as f32 / spacing) as usize + 6;
        let (columns, rows) = (squares(WIDTH), squares(HEIGHT));
        let mut point = || [dice.uniform(0.1, 0.9), dice.uniform(0.1, 0.9), dice.uniform(0.6, 1.25)];
        Cells { spacing, columns, points: (0..columns * rows).map(|_| point()).collect() }
    }

    /// Distances to the nearest point and the next one, in spacings, and the size of the nearest.
    fn near(&self, x: f32, y: f32) -> (f32, f32, f32) {
        let (x, y) = ((x / self.spacing + 2.5).max(1.0), (y / self.spacing + 2.5).max(1.0));
        let (column, row) = (x as usize, y as usize);
        let (mut near, mut next, mut size) = (f32::MAX, f32::MAX, 0.0);
        for r in row - 1..row + 2 {
            let line = self.points.get(r * self.columns + column - 1..).unwrap_or_default();
            for (c, point) in (column - 1..).zip(line.iter().take(3)) {
                let (dx, dy) = (c as f32 + point[0] - x, r as f32 + point[1] - y);
                let distance = (dx * dx + dy * dy).sqrt();
                if distance < near {
                    (next, near, size) = (near, distance, point[2]);
                } else {
                    next = next.min(distance);
                }
            }
        }
        (near, next, size)
    }
}
