//! What the pixels are like, by depth and by how much salt there is.

use crate::Result;
use crate::plot::chart::{Axis, Layer, Panel, Plot, Sheet};
use crate::plot::explore::missing;
use crate::plot::explore::numbers::{binned, pearson, written};
use crate::plot::figure::Figure;
use crate::plot::style::{BLUE, VERMILLION};
use crate::plot::text::counted;
use crate::types::{Dataset, PixelStatistics};

/// A statistic by name.
type Statistic = (&'static str, fn(&PixelStatistics) -> f64);

const STATISTICS: [Statistic; 4] = [
    ("Mean", |image| image.mean),
    ("Minimum", |image| image.min),
    ("Maximum", |image| image.max),
    ("Standard deviation", |image| image.std),
];

impl Dataset {
    /// Mean, least, greatest amplitude and standard deviation of every image against its depth and, where there are
    /// masks, against its coverage; with Pearson's correlation r and the mean in 12 bins.
    ///
    /// ```
    /// let salt = tgs_salt::Competition::sample()?;
    /// let (two_rows, one_row) = (salt.train.plot_pixel_statistics()?, salt.test.plot_pixel_statistics()?);
    /// assert!(two_rows.height() > one_row.height());
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Figure`](crate::Error::Figure) when no image has a depth or a mask; as [`Dataset::statistics`] and
    /// [`Dataset::coverages`].
    pub fn plot_pixel_statistics(&self) -> Result<Figure> {
        let what = "of pixel statistics";
        let coverages = self.coverages()?.into_iter().map(|coverage| coverage.map(|c| 100.0 * c));
        let rows: [(Axis, Vec<Option<f64>>); 2] = [
            (Axis::new("depth, ft"), self.depths().into_iter().map(|z| z.map(f64::from)).collect()),
            (Axis::new("coverage, % of the image").over((-3.0, 103.0)), coverages.collect()),
        ];
        let rows: Vec<_> = rows.into_iter().filter(|(_, xs)| xs.iter().any(Option::is_some)).collect();
        if rows.is_empty() {
            return Err(missing(what, "no image has a depth or a mask; expected a depths.csv, or masks"));
        }
        let statistics = self.statistics()?;
        let panels: Vec<Plot> =
            rows.iter().flat_map(|row| STATISTICS.map(|one| panel(row, one, &statistics).into())).collect();
        let title =
            format!("Amplitudes of {}; the line is the mean in 12 bins", counted(statistics.len(), "image"));
        Sheet { what, title, columns: STATISTICS.len(), height: 520 }.draw(&panels)
    }
}

fn panel(row: &(Axis, Vec<Option<f64>>), (name, of): Statistic, statistics: &[PixelStatistics]) -> Panel {
    let points: Vec<(f64, f64)> =
        row.1.iter().zip(statistics).filter_map(|(x, image)| Some(((*x)?, of(image)))).collect();
    let title = format!("{name}, r = {}", written(pearson(&points)));
    let means = binned(&points, 12).iter().map(|bin| (bin.x, bin.mean)).collect();
    Panel::new(title, row.0.clone(), Axis::new("amplitude, 0 to 1"))
        .layer(Layer::points("", BLUE, points))
        .layer(Layer::line("", VERMILLION, means))
}
