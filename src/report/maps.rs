//! The treemaps: libraries, in them crates, before and after.

use std::fmt::Write as _;

use super::colours::Colours;
use super::html::{self, escape, fitting, size};
use super::treemap::{Rect, squarify};
use super::{LibraryBytes, ReportData, total};

const WIDTH: f64 = 1160.0;
/// Crates drawn by themselves in a library; the others are one cell.
const CELLS: usize = 40;
/// Cells smaller than this many square units join the others.
const SMALLEST: f64 = 30.0;
const HEADER: f64 = 18.0;

/// Both treemaps and the legend.
pub fn section(out: &mut String, data: &ReportData, colours: &Colours) {
    let before = total(&data.before);
    let after = total(&data.after);
    if before == 0 && after == 0 {
        return;
    }
    html::section(
        out,
        "By library and crate",
        "Every area is as large as its bytes; a crate has one colour everywhere. Point at a cell for its \
         figures, at a name below for where it is.",
    );
    let _ = writeln!(out, "<div class=\"legend\">");
    for name in &colours.names {
        let _ = writeln!(
            out,
            "<span class=\"key\" data-k=\"{0}\"><i style=\"background:{1}\"></i>{0}</span>",
            escape(name),
            colours.of(name)
        );
    }
    let _ = writeln!(
        out,
        "<span class=\"key\"><i style=\"background:var(--rest)\"></i>others</span>\n</div>"
    );
    let height = 420.0;
    if before > 0 {
        let _ = writeln!(out, "<h3>Before: {}</h3>", size(before));
        treemap(out, &data.before, colours, height);
    }
    if after > 0 && before > 0 && after < before {
        // The same scale: a box of the same height, as wide as its share.
        let width = WIDTH * after as f64 / before as f64;
        let _ = writeln!(
            out,
            "<h3>After, at the same scale: {} ({:.1}% of it)</h3>",
            size(after),
            after as f64 * 100.0 / before as f64
        );
        let strip = 60.0;
        let _ = writeln!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {strip}\" role=\"img\">\
             <rect class=\"frame\" x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>\
             <rect class=\"bar\" x=\"0\" y=\"0\" width=\"{:.1}\" height=\"{strip}\" rx=\"3\"/></svg>",
            WIDTH - 1.0,
            strip - 1.0,
            width.max(1.0)
        );
    }
    if after > 0 {
        let _ = writeln!(out, "<h3>After, enlarged: {}</h3>", size(after));
        treemap(out, &data.after, colours, height);
    }
    let _ = writeln!(out, "</section>");
}

fn treemap(out: &mut String, libraries: &[LibraryBytes], colours: &Colours, height: f64) {
    let mut sorted: Vec<&LibraryBytes> = libraries.iter().filter(|l| l.bytes > 0).collect();
    sorted.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let values: Vec<u64> = sorted.iter().map(|l| l.bytes).collect();
    let space = Rect {
        x: 0.0,
        y: 0.0,
        width: WIDTH,
        height,
    };
    let _ = writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (library, outer) in sorted.iter().zip(squarify(&values, space)) {
        let outer = outer.inset(1.0, 0.0);
        let _ = writeln!(
            out,
            "<rect class=\"group\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
            outer.x, outer.y, outer.width, outer.height
        );
        let titled = outer.height > 3.0 * HEADER && outer.width > 70.0;
        if titled {
            let room = outer.width - 12.0;
            let figure = size(library.bytes);
            let figure_width = figure.len() as f64 * 6.7 + 10.0;
            if let Some(name) = fitting(&library.name, room - figure_width) {
                html::text(out, outer.x + 6.0, outer.y + 14.0, "name", &name);
                html::text(
                    out,
                    outer.x + outer.width - 6.0,
                    outer.y + 14.0,
                    "soft end small",
                    &figure,
                );
            } else if let Some(name) = fitting(&library.name, room) {
                html::text(out, outer.x + 6.0, outer.y + 14.0, "name", &name);
            }
        }
        let inner = outer.inset(2.0, if titled { HEADER - 2.0 } else { 0.0 });
        cells(out, library, inner, colours);
    }
    let _ = writeln!(out, "</svg>");
}

fn cells(out: &mut String, library: &LibraryBytes, space: Rect, colours: &Colours) {
    let area = space.width * space.height;
    let drawn = library
        .crates
        .iter()
        .take(CELLS)
        .take_while(|c| c.bytes as f64 / library.bytes.max(1) as f64 * area >= SMALLEST)
        .count();
    let rest = library.crates.get(drawn..).unwrap_or_default();
    let mut values: Vec<u64> = library.crates.iter().take(drawn).map(|c| c.bytes).collect();
    values.push(rest.iter().fold(0, |sum, c| sum + c.bytes));
    for (index, rect) in squarify(&values, space).into_iter().enumerate() {
        if rect.width < 0.3 || rect.height < 0.3 {
            continue;
        }
        let (name, tip) = match library.crates.get(index).filter(|_| index < drawn) {
            Some(krate) => {
                let mut tip = format!(
                    "{} in {}\n{} of {}",
                    krate.krate,
                    library.name,
                    size(krate.bytes),
                    size(library.bytes)
                );
                for (kind, bytes) in krate.kinds.columns() {
                    if bytes > 0 {
                        let _ = write!(tip, "\n{kind}: {}", size(bytes));
                    }
                }
                (krate.krate.as_str(), tip)
            }
            None => (
                "",
                format!(
                    "{} more crates in {}\n{}",
                    rest.len(),
                    library.name,
                    size(values.last().copied().unwrap_or(0))
                ),
            ),
        };
        let _ = writeln!(
            out,
            "<g data-t=\"{}\"><rect class=\"cell\" data-k=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" style=\"fill:{}\"/>",
            escape(&tip),
            escape(name),
            rect.x,
            rect.y,
            rect.width,
            rect.height,
            colours.of(name)
        );
        if rect.height > 15.0
            && let Some(label) = fitting(name, rect.width - 8.0)
        {
            html::text(out, rect.x + 4.0, rect.y + 13.0, "small", &label);
        }
        let _ = writeln!(out, "</g>");
    }
}
