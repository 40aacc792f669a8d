//! Charts of made-up numbers: every kind of layer, and what has no numbers.

use super::look;
use crate::plot::chart::{
    Axis, Heatmap, Layer, Mark, Panel, Plot, Scale, Sheet, Ticks, density, histogram, side_by_side,
};
use crate::plot::style::{self, BLUE, BLUISH_GREEN, FAINT_INK, VERMILLION};

/// Numbers without a pattern, in `[0, 1)`.
fn noise(i: usize) -> f64 {
    (i as f64 * 12.9898).sin().abs() * 43758.5453 % 1.0
}

fn distribution() -> Panel {
    let values: Vec<f64> =
        (0..4000).map(|i| 100.0 * (noise(i) + noise(i + 7) + 2.0 * noise(3 * i))).collect();
    let bars = histogram(&values, (0.0, 400.0), 40);
    let scale = 4000.0 * 10.0;
    let curve = density(&values, (0.0, 400.0), 200).into_iter().map(|(x, y)| (x, scale * y)).collect();
    Panel::new("Depth (n = 4,000)", Axis::new("depth, ft"), Axis::new("images"))
        .layer(Layer::bars("images", style::lighter(BLUE), bars))
        .layer(Layer::line("density", BLUE, curve))
        .layer(Layer::vertical("mean", FAINT_INK, 200.0))
}

fn classes() -> Panel {
    let names = ["none", "≤ 10 %", "≤ 20 %", "more"].map(String::from).to_vec();
    Panel::new("Classes of coverage", Axis::new("class").ticks(Ticks::Names(names)), Axis::new("share, %"))
        .layer(Layer::group("train", BLUE, &[39.0, 12.0, 9.5, 39.5], (0, 2)))
        .layer(Layer::group("valid", VERMILLION, &[39.2, 11.0, 10.5, 39.3], (1, 2)))
}

fn scatter(n: usize) -> Panel {
    let points: Vec<(f64, f64)> = (0..n).map(|i| (noise(i), noise(i) * noise(i + 1))).collect();
    let band = (0..=20).map(|i| [i as f64 / 20.0, i as f64 / 60.0, i as f64 / 30.0]).collect();
    Panel::new(
        "Coverage by depth, a title that is much too long to fit",
        Axis::new("share"),
        Axis::new("coverage"),
    )
    .layer(Layer::points("images", BLUE, points))
    .layer(Layer::area("quartiles", VERMILLION, band))
    .layer(Layer::dashes("equal", BLUISH_GREEN, vec![(0.0, 0.0), (0.5, 0.2), (1.0, 1.0)]))
    .marks([Mark { label: "best".into(), color: VERMILLION, at: (0.4, 0.7) }])
}

fn matrix(n: usize) -> Heatmap {
    let cells = (0..n * n).map(|i| (noise(i), format!("{}", (noise(i) * 500.0) as usize))).collect();
    let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    Heatmap {
        title: "Confusion of classes of coverage".into(),
        columns: ("predicted class".into(), names.clone()),
        rows: ("true class".into(), names),
        cells,
        scale: Scale { title: "share of the row".into(), ends: ["0 %".into(), "100 %".into()] },
    }
}

#[test]
fn charts() {
    look(&side_by_side("layers", vec![distribution(), classes(), scatter(18_000)]).unwrap(), "chart_layers");
    look(&side_by_side("scatter", vec![scatter(300)]).unwrap(), "chart_scatter");
    let counts = Axis::new("salt pixels").ticks(Ticks::Counts).over((0.0, 4.1));
    let log = Panel::new("Sizes", counts, Axis::new("images")).layer(Layer::bars(
        "",
        BLUE,
        histogram(&(0..900).map(|i| 4.0 * noise(i)).collect::<Vec<_>>(), (0.0, 4.1), 41),
    ));
    let empty = Panel::new("Nothing", Axis::new("x"), Axis::new("y"));
    let odd = Panel::new("Odd", Axis::new("x"), Axis::new("y"))
        .layer(Layer::points("points", BLUE, vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, 0.0)]))
        .layer(Layer::bars("bars", BLUE, vec![[0.0, 1.0, f64::NAN], [1.0, 2.0, 3.0]]))
        .layer(Layer::area("area", BLUE, vec![[0.0, 0.0, 1.0], [1.0, f64::NAN, 2.0], [2.0, 1.0, 1.0]]))
        .layer(Layer::vertical("nowhere", BLUE, f64::NAN));
    let plots = [matrix(11).into(), matrix(2).into(), Plot::Panel(log), empty.into(), odd.into()];
    let sheet = Sheet { what: "sheet", title: "Several plots, 3,200 images".into(), columns: 2, height: 640 };
    look(&sheet.draw(&plots).unwrap(), "chart_sheet");
    sheet.draw(&[]).unwrap();
}
