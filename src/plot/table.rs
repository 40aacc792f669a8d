//! Tables: a dataset as a polars DataFrame, and how a notebook shows one.

use polars::prelude::{AnyValue, Column, DataFrame, DataType};

use crate::plot::html::escape;
use crate::plot::text::count;
use crate::types::{Dataset, MaskStatistics, PixelStatistics, coverage_class};
use crate::{Error, Result};

impl Dataset {
    /// A polars DataFrame with a row per sample: `id`, `z` (depth in feet), `coverage` (share of salt, in `[0, 1]`) and
    /// `coverage_class` (0 to 10); `mean`, `min`, `max`, `std` of the pixels, amplitudes in `[0, 1]`; and whether the image is `black`
    /// (one value everywhere), its mask `vertical` ([`Mask::is_vertical`](crate::Mask::is_vertical)) or `tiny`
    /// ([`Mask::is_tiny`](crate::Mask::is_tiny)). Null where a depth or a mask is not known.
    ///
    /// ```
    /// use tgs_salt::types::{Dataset, Image, Mask, Sample};
    /// let image = Image::new(1, 2, vec![0.2, 0.8])?;
    /// let mask = Some(Mask::new(1, 2, vec![0, 1])?);
    /// let dataset = Dataset::from_samples(vec![Sample { id: "a".into(), z: None, image, mask }])?;
    /// let table = dataset.table()?;
    /// assert_eq!(table.shape(), (1, 11));
    /// assert_eq!(table.column("coverage_class").unwrap().u32().unwrap().get(0), Some(5));
    /// assert_eq!(table.column("z").unwrap().null_count(), 1);
    /// # Ok::<(), tgs_salt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::coverages`] and [`Dataset::statistics`].
    pub fn table(&self) -> Result<DataFrame> {
        let (masks, images) = (self.mask_statistics()?, self.statistics()?);
        let coverages: Vec<Option<f64>> = masks.iter().map(|mask| mask.map(|mask| mask.coverage)).collect();
        let classes: Vec<Option<u32>> =
            coverages.iter().map(|coverage| coverage.map(|c| coverage_class(c) as u32)).collect();
        let flag = |name: &str, of: fn(MaskStatistics) -> bool| {
            Column::new(name.into(), masks.iter().map(|mask| mask.map(of)).collect::<Vec<Option<bool>>>())
        };
        let pixels = |name: &str, of: fn(&PixelStatistics) -> f64| {
            Column::new(name.into(), images.iter().map(of).collect::<Vec<f64>>())
        };
        let black: Vec<bool> = images.iter().map(PixelStatistics::is_black).collect();
        frame(
            "table",
            vec![
                Column::new("id".into(), self.ids()),
                Column::new("z".into(), self.depths()),
                Column::new("coverage".into(), coverages),
                Column::new("coverage_class".into(), classes),
                pixels("mean", |image| image.mean),
                pixels("min", |image| image.min),
                pixels("max", |image| image.max),
                pixels("std", |image| image.std),
                Column::new("black".into(), black),
                flag("vertical", |mask| mask.vertical),
                flag("tiny", |mask| mask.tiny),
            ],
        )
    }
}

/// The columns, all of one length, as a DataFrame.
pub(crate) fn frame(what: &str, columns: Vec<Column>) -> Result<DataFrame> {
    let rows = columns.first().map_or(0, Column::len);
    DataFrame::new(rows, columns).map_err(|e| Error::Figure { what: what.into(), why: e.to_string() })
}

/// How many rows are shown at the start and at the end of a long table.
const ENDS: usize = 5;

/// Shows a polars DataFrame as an HTML table in a cell of the notebook: the first and the last five rows.
pub trait ShowTable {
    /// What the notebook calls for a cell's last value.
    fn evcxr_display(&self);
}

impl ShowTable for DataFrame {
    fn evcxr_display(&self) {
        evcxr_runtime::mime_type("text/html").text(html(self));
        evcxr_runtime::mime_type("text/plain").text(self.to_string());
    }
}

fn html(table: &DataFrame) -> String {
    let (rows, columns) = table.shape();
    let cells = |look: &str, text: &dyn Fn(&Column) -> String| {
        let cell = |column: &Column| {
            format!("<td style=\"{CELL}text-align:{};{look}\">{}</td>", side(column), escape(&text(column)))
        };
        let all: String = table.columns().iter().map(cell).collect();
        format!("<tr style=\"background:transparent\">{all}</tr>")
    };
    let row = |i: usize| cells(LINE, &|column| value(column, i));
    // A line that says "…" has to stand for more than one row: the eleven classes of coverage are all shown.
    let body: String = match rows > 2 * ENDS + 1 {
        false => (0..rows).map(row).collect(),
        true => {
            let (first, last) = ((0..ENDS).map(row), (rows - ENDS..rows).map(row));
            first.chain([cells(LINE, &|_| "…".into())]).chain(last).collect()
        }
    };
    let names = cells("font-weight:600", &|column| column.name().to_string());
    let types = cells("opacity:0.6;font-size:11px", &|column| column.dtype().to_string());
    format!(
        "<div style=\"max-width:100%;overflow-x:auto;color:inherit;font-size:13px;line-height:1.45\">\
         <div style=\"opacity:0.6;font-size:11px;margin:0 0 4px 10px\">shape: ({}, {columns})</div>\
         <table style=\"border:0;border-collapse:collapse;margin:0;color:inherit;font-size:13px\">\
         <thead>{names}{types}</thead><tbody>{body}</tbody></table></div>",
        count(rows)
    )
}

/// Written at every cell: notebooks give tables a look of their own.
const CELL: &str = "background:transparent;border:0;padding:2px 10px;white-space:nowrap;\
                    font-variant-numeric:tabular-nums;";
/// The line between rows.
const LINE: &str = "border-top:1px solid rgba(128,128,128,0.3)";

/// Numbers to the right, the rest to the left.
fn side(column: &Column) -> &'static str {
    if column.dtype().is_primitive_numeric() { "right" } else { "left" }
}

fn value(column: &Column, row: usize) -> String {
    match column.get(row) {
        Ok(AnyValue::String(text)) => text.to_owned(),
        Ok(AnyValue::Float32(v)) => number(f64::from(v)),
        Ok(AnyValue::Float64(v)) => number(v),
        Ok(value) if column.dtype() != &DataType::String => value.to_string(),
        Ok(value) => value.to_string().trim_matches('"').to_owned(),
        Err(_) => String::new(),
    }
}

/// Whole values without decimals beyond one, others with six.
fn number(v: f64) -> String {
    if v.fract() == 0.0 { format!("{v:.1}") } else { format!("{v:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::df;

    fn ids(n: usize) -> DataFrame {
        let all: Vec<String> = (0..n).map(|i| format!("<{i}>")).collect();
        df!["id" => all, "z" => (0..n as u32).collect::<Vec<_>>()].unwrap()
    }

    #[test]
    fn long_tables_show_their_ends() {
        let html = html(&ids(3200));
        assert!(html.contains("shape: (3,200, 2)"), "{html}");
        for shown in ["&lt;0&gt;", "&lt;4&gt;", "…", "&lt;3195&gt;", "&lt;3199&gt;", ">3199<"] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert!(
            !html.contains("&lt;5&gt;") && !html.contains("&lt;3194&gt;") && !html.contains("<0>"),
            "{html}"
        );
    }

    #[test]
    fn short_and_empty_tables_show_all() {
        assert_eq!(html(&ids(11)).matches("<tr ").count(), 2 + 11);
        assert_eq!(html(&ids(0)).matches("<tr ").count(), 2);
        html(&DataFrame::empty());
    }

    /// With `TGS_SALT_LOOK=folder` the table is saved there, to be looked at.
    #[test]
    fn nulls_and_numbers() {
        let table = df!["z" => [Some(906.0f32), None], "coverage" => [Some(0.2508f64), None]].unwrap();
        let html = html(&table);
        if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
            std::fs::write(format!("{folder}/table.html"), super::html(&ids(3200)) + &html).unwrap();
        }
        for shown in [">906.0<", ">0.250800<", ">null<", ">f32<", ">f64<"] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
    }
}
