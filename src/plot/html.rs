//! Small HTML cards that look at home in light and dark notebooks: no style sheet, no script, nothing from the net.

/// Text as it may stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A card: a title, rows of values in one or more columns, perhaps bars, notes.
pub(crate) struct Card {
    title: String,
    rows: String,
    bars: String,
    notes: String,
}

/// Written at every cell: notebooks give tables a look of their own.
const CELL: &str =
    "background:transparent;border:0;padding:2px 28px 2px 0;vertical-align:top;white-space:nowrap;";

impl Card {
    pub(crate) fn new(title: &str) -> Card {
        Card { title: escape(title), rows: String::new(), bars: String::new(), notes: String::new() }
    }

    /// A row of column names above the values.
    pub(crate) fn columns(mut self, names: &[&str]) -> Card {
        let cell = |name: &&str| format!("<th style=\"{CELL}text-align:right\">{}</th>", escape(name));
        let cells: String = names.iter().map(cell).collect();
        self.rows += &format!("<tr style=\"background:transparent\"><td style=\"{CELL}\"></td>{cells}</tr>");
        self
    }

    /// A labelled value per column.
    pub(crate) fn row(mut self, label: &str, values: &[String]) -> Card {
        let cell = |value: &String| {
            format!(
                "<td style=\"{CELL}text-align:right;font-variant-numeric:tabular-nums\">{}</td>",
                escape(value)
            )
        };
        let cells: String = values.iter().map(cell).collect();
        let label = format!("<td style=\"{CELL}text-align:left;opacity:0.7\">{}</td>", escape(label));
        self.rows += &format!("<tr style=\"background:transparent\">{label}{cells}</tr>");
        self
    }

    /// Upright bars, one for each `(name, count)`, the count above and the name below.
    pub(crate) fn bars(mut self, title: &str, bars: &[(String, usize)]) -> Card {
        const STEP: usize = 44;
        const TALL: usize = 64;
        let most = bars.iter().map(|bar| bar.1).max().unwrap_or(0).max(1);
        let bar = |(i, (name, count)): (usize, &(String, usize))| {
            let height = (*count * TALL).div_ceil(most);
            let (x, top) = (i * STEP + STEP / 2, 16 + TALL - height);
            let text = |y: usize, faint: &str, text: &str| {
                format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\"{faint}>{}</text>", escape(text))
            };
            format!(
                "<rect x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"2\" fill=\"#2f8fce\"/>{}{}",
                i * STEP + 5,
                STEP - 10,
                text(top - 5, "", &crate::plot::text::count(*count)),
                text(16 + TALL + 15, " opacity=\"0.7\"", name),
            )
        };
        let drawn: String = bars.iter().enumerate().map(bar).collect();
        let (width, height) = (bars.len() * STEP, TALL + 36);
        self.bars += &format!(
            "<div style=\"margin-top:8px;opacity:0.7\">{}</div><svg width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-size=\"11\" fill=\"currentColor\" style=\"max-width:100%\" \
             role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">{drawn}</svg>",
            escape(title)
        );
        self
    }

    /// A line below, for what is missing or odd.
    pub(crate) fn note(mut self, note: &str) -> Card {
        self.notes += &format!("<div style=\"margin-top:4px\">⚠ {}</div>", escape(note));
        self
    }

    /// The finished HTML.
    pub(crate) fn html(&self) -> String {
        let Card { title, rows, bars, notes } = self;
        format!(
            "<div style=\"display:inline-block;max-width:100%;box-sizing:border-box;overflow-x:auto;\
             padding:10px 16px;border:1px solid rgba(128,128,128,0.35);border-radius:6px;color:inherit;\
             font-size:13px;line-height:1.45\"><div style=\"font-weight:600;font-size:14px;margin-bottom:4px\">\
             {title}</div><table style=\"border:0;border-collapse:collapse;margin:0;color:inherit;font-size:13px\">\
             {rows}</table>{bars}{notes}</div>"
        )
    }

    /// Shows the card in a cell of the notebook, with `plain` for those who see text only.
    pub(crate) fn display(&self, plain: &impl std::fmt::Debug) {
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(format!("{plain:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let nasty = "<script>\"a\" & 'b'</script>";
        let card = Card::new(nasty).columns(&[nasty]).row(nasty, &[nasty.into()]).note(nasty);
        let html = card.bars(nasty, &[(nasty.into(), 1)]).html();
        assert!(!html.contains("<script") && !html.contains("'b'"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;").count(), 7);
    }

    #[test]
    fn bars_are_as_tall_as_their_counts() {
        let bars: Vec<(String, usize)> = [("a", 100), ("b", 25), ("c", 0)].map(|(n, c)| (n.into(), c)).into();
        let html = Card::new("").bars("", &bars).html();
        for height in [64, 16, 0] {
            assert!(html.contains(&format!("height=\"{height}\" rx")), "{height} in {html}");
        }
        Card::new("").bars("nothing", &[]).html();
    }
}
