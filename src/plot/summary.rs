//! A network's layers in a cell of the notebook.

use crate::models::{Layer, Summary};
use crate::plot::html::escape;
use crate::plot::text::count;

/// Names that only hold others: a line of the folded table stands for what follows them.
const CONTAINERS: [&str; 8] =
    ["encoder", "decoder", "blocks", "stages", "model", "features", "side_heads", "classification_head"];

/// The columns of a line.
const GRID: &str = "display:inline-grid;grid-template-columns:23em 11em 8em 7em;column-gap:12px;\
                    font-variant-numeric:tabular-nums;white-space:nowrap;vertical-align:top";

impl Summary {
    /// Shows the table in a cell of the notebook: a line per block, which unfolds to its layers.
    pub fn evcxr_display(&self) {
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(self.to_string());
    }

    pub(crate) fn html(&self) -> String {
        let mut blocks: Vec<(&str, Vec<&Layer>)> = Vec::new();
        for layer in &self.layers {
            match blocks.last_mut() {
                Some((block, layers)) if *block == block_of(&layer.name) => layers.push(layer),
                _ => blocks.push((block_of(&layer.name), vec![layer])),
            }
        }
        let blocks: String = blocks.iter().map(|(block, layers)| details(block, layers)).collect();
        let rest = match self.parameters - self.trainable {
            0 => "all trained".to_owned(),
            frozen => format!("{} trained, {} frozen", count(self.trainable), count(frozen)),
        };
        format!(
            "<div style=\"display:inline-block;max-width:100%;box-sizing:border-box;overflow-x:auto;\
             padding:10px 16px;border:1px solid rgba(128,128,128,0.35);border-radius:6px;color:inherit;\
             font-size:13px;line-height:1.6\"><div style=\"font-weight:600;font-size:14px\">{} parameters, {rest}</div>\
             <div style=\"opacity:0.7;padding-left:1.1em\">{}</div>{blocks}</div>",
            count(self.parameters),
            line(&["layer", "output C × H × W", "parameters", "trained"].map(str::to_owned)),
        )
    }
}

/// `encoder.layer1` of `encoder.layer1.0.conv1`, `decoder.blocks.0` of `decoder.blocks.0.conv1.0`.
fn block_of(name: &str) -> &str {
    let mut end = 0;
    for part in name.split('.') {
        end += part.len() + 1;
        if !CONTAINERS.contains(&part) {
            break;
        }
    }
    &name[..(end - 1).min(name.len())]
}

fn details(block: &str, layers: &[&Layer]) -> String {
    let parameters = layers.iter().map(|layer| layer.parameters).sum();
    let trained = layers.iter().filter(|layer| layer.trainable).count();
    let trained = match trained {
        0 => "no",
        all if all == layers.len() => "yes",
        _ => "in part",
    };
    let output = layers.last().map_or([0; 3], |layer| layer.output);
    let head = line(&[block.to_owned(), shape(output), count(parameters), trained.to_owned()]);
    // Plain text: a network may have hundreds of layers, and a saved notebook keeps them all.
    let inside = |layer: &&Layer| {
        let name = layer.name.strip_prefix(block).unwrap_or(&layer.name).trim_start_matches('.');
        let name = if name.is_empty() { &layer.name } else { name };
        let trained = if layer.trainable { "yes" } else { "no" };
        let (shape, count) = (shape(layer.output), count(layer.parameters));
        escape(&format!("{name:<30}{shape:>18}{count:>13}  {trained}\n"))
    };
    let inside: String = layers.iter().map(inside).collect();
    format!(
        "<details><summary style=\"cursor:pointer\">{head}</summary><pre style=\"margin:0 0 4px 1.6em;padding:0;\
         background:transparent;color:inherit;opacity:0.75;font-size:12px;line-height:1.4\">{inside}</pre></details>"
    )
}

fn shape([channels, height, width]: [usize; 3]) -> String {
    format!("{channels} × {height} × {width}")
}

fn line(cells: &[String; 4]) -> String {
    let cell = |(i, text): (usize, &String)| {
        let side = if (1..3).contains(&i) { "text-align:right" } else { "text-align:left" };
        format!("<span style=\"{side}\">{}</span>", escape(text))
    };
    let cells: String = cells.iter().enumerate().map(cell).collect();
    format!("<span style=\"{GRID}\">{cells}</span>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Encoder, Unet};
    use candle_core::Device;

    #[test]
    fn blocks_are_named_by_what_is_in_them() {
        for (name, block) in [
            ("encoder.layer1.0.conv1", "encoder.layer1"),
            ("encoder.conv1", "encoder.conv1"),
            ("encoder.features.12", "encoder.features.12"),
            ("encoder.model.Mixed_5b.branch1x1.conv", "encoder.model.Mixed_5b"),
            ("decoder.blocks.x_0_1.conv1.0", "decoder.blocks.x_0_1"),
            ("segmentation_head.0", "segmentation_head"),
        ] {
            assert_eq!(block_of(name), block);
        }
    }

    /// With `TGS_SALT_LOOK=folder` the table is saved there, to be looked at.
    #[test]
    fn each_block_is_a_line_and_each_layer_another() {
        let model = Unet::new(Encoder::ResNet34).frozen(13).build(&Device::Cpu).unwrap();
        let summary = model.summary().unwrap();
        let html = summary.html();
        if let Ok(folder) = std::env::var("TGS_SALT_LOOK") {
            std::fs::write(format!("{folder}/summary.html"), html.replace("<details>", "<details open>"))
                .unwrap();
        }
        assert_eq!(html.matches("<details>").count(), 2 + 4 + 5 + 1);
        assert_eq!(html.matches("  yes\n").count() + html.matches("  no\n").count(), summary.layers.len());
        assert!(html.contains(">in part<") && html.contains("24,430,097 parameters"));
    }
}
