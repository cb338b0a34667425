//! The report: one HTML page, complete in itself, of where the bytes were and where they are now.
//!
//! Strategies fill in [`ReportData`]; the page shows of it what there is.

mod colours;
pub mod gather;
mod html;
mod maps;
mod sets;
mod tables;
mod treemap;

use std::fmt::Write as _;

use crate::protocol::inspection::{CrateSizes, Kinds};
use crate::protocol::melded::{AtomSize, PluginCost, ReachSet};
use colours::Colours;
use html::{escape, size};

/// What a report shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportData {
    /// `dedup`, `prelink` or `meld`.
    pub strategy: String,
    /// In input order.
    pub plugins: Vec<String>,
    /// The libraries as they came, in input order.
    pub before: Vec<LibraryBytes>,
    /// The libraries as they were written: plugins in input order, then the workspace library.
    pub after: Vec<LibraryBytes>,
    pub overlap: Overlap,
    /// Largest first; empty for strategies without them.
    pub reach_sets: Vec<ReachSet>,
    /// In input order; empty for strategies without them.
    pub costs: Vec<PluginCost>,
    /// Largest first; empty for strategies without them.
    pub biggest: Vec<AtomSize>,
    /// Further sentences for the head of the page.
    pub notes: Vec<String>,
}

/// One library's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibraryBytes {
    pub name: String,
    /// What the plugins share.
    pub workspace: bool,
    /// Size of the file.
    pub bytes: u64,
    /// Largest first; they add up to `bytes`.
    pub crates: Vec<CrateSizes>,
}

/// Bytes that plugins share, two by two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlap {
    /// What is counted: `bytes of live atoms`, `bytes of equal members`.
    pub of: String,
    /// As many rows as plugins, as many columns. On the diagonal what the plugin has in all.
    pub bytes: Vec<Vec<u64>>,
}

impl Overlap {
    /// From sets of plugins with their bytes: two plugins share what is in sets with both.
    #[must_use]
    pub fn from_sets(of: &str, plugins: &[String], sets: &[ReachSet]) -> Self {
        let mut bytes = vec![vec![0_u64; plugins.len()]; plugins.len()];
        for set in sets {
            let members: Vec<usize> = set
                .plugins
                .iter()
                .filter_map(|name| plugins.iter().position(|p| p == name))
                .collect();
            for &a in &members {
                for &b in &members {
                    if let Some(cell) = bytes.get_mut(a).and_then(|row| row.get_mut(b)) {
                        *cell = cell.saturating_add(set.bytes);
                    }
                }
            }
        }
        Self {
            of: of.to_owned(),
            bytes,
        }
    }
}

/// The page. The same data give the same bytes.
#[must_use]
pub fn page(data: &ReportData) -> String {
    let colours = Colours::new(data);
    let mut body = String::new();
    head(&mut body, data);
    kinds(&mut body, data);
    maps::section(&mut body, data, &colours);
    sets::overlap(&mut body, data);
    sets::reach(&mut body, data);
    sets::costs(&mut body, data);
    tables::crates(&mut body, data, &colours);
    tables::biggest(&mut body, data);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\
         <footer>Made by dragonfire. This page needs nothing but itself.</footer>\n</main>\n\
         <div id=\"tip\"></div>\n<script>\n{script}</script>\n</body>\n</html>\n",
        title = escape(&title(data)),
        style = include_str!("style.css"),
        script = include_str!("script.js"),
    )
}

fn title(data: &ReportData) -> String {
    let done = match data.strategy.as_str() {
        "dedup" => "deduplicated",
        "prelink" => "prelinked",
        "meld" => "melded",
        other => other,
    };
    let plugins = match data.plugins.len() {
        1 => "1 plugin library".to_owned(),
        n => format!("{n} plugin libraries"),
    };
    format!("{plugins}, {done}")
}

fn total(libraries: &[LibraryBytes]) -> u64 {
    libraries
        .iter()
        .fold(0, |sum, l| u64::saturating_add(sum, l.bytes))
}

fn head(out: &mut String, data: &ReportData) {
    let before = total(&data.before);
    let after = total(&data.after);
    let _ = writeln!(out, "<h1>{}</h1>", escape(&title(data)));
    for note in &data.notes {
        let _ = writeln!(out, "<p>{}</p>", escape(note));
    }
    let _ = writeln!(out, "<div class=\"figures\">");
    let mut figure = |class: &str, value: &str, what: &str| {
        let _ = writeln!(
            out,
            "<div class=\"figure {class}\"><b>{}</b><span>{}</span></div>",
            escape(value),
            escape(what)
        );
    };
    figure("", &size(before), "before, all libraries");
    figure("", &size(after), "after, workspace library included");
    if after > 0 && before > 0 {
        let times = before as f64 / after as f64;
        let text = if times >= 9.95 {
            format!("{times:.0} times")
        } else {
            format!("{times:.1} times")
        };
        figure("good", &text, "smaller");
    }
    if let Some(workspace) = data.after.iter().find(|l| l.workspace) {
        figure(
            "",
            &size(workspace.bytes),
            "shared, in the workspace library",
        );
    }
    if !data.reach_sets.is_empty() {
        figure("", &data.reach_sets.len().to_string(), "reach sets");
    }
    let _ = writeln!(out, "</div>");
}

/// Both sides by kind, as bars.
fn kinds(out: &mut String, data: &ReportData) {
    let sum = |libraries: &[LibraryBytes]| {
        let mut kinds = Kinds::default();
        for krate in libraries.iter().flat_map(|l| &l.crates) {
            kinds += krate.kinds;
        }
        kinds
    };
    let sides = [("before", sum(&data.before)), ("after", sum(&data.after))];
    if sides.iter().all(|(_, kinds)| kinds.total() == 0) {
        return;
    }
    html::section(
        out,
        "By kind",
        "What the bytes are for, before and after, each bar as long as its share.",
    );
    let _ = writeln!(out, "<svg viewBox=\"0 0 1160 84\" role=\"img\">");
    for (row, (name, kinds)) in sides.iter().enumerate() {
        let y = row as f64 * 44.0;
        html::text(out, 0.0, y + 22.0, "name", name);
        html::text(out, 1160.0, y + 22.0, "end", &size(kinds.total()));
        let width = 960.0;
        let mut x = 80.0;
        for (index, (kind, bytes)) in kinds.columns().iter().enumerate() {
            let part = *bytes as f64 / kinds.total().max(1) as f64;
            let w = part * width;
            if w < 0.05 {
                continue;
            }
            let _ = writeln!(
                out,
                "<g data-t=\"{}\"><rect class=\"cell\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{w:.1}\" \
                 height=\"34\" rx=\"2\" style=\"fill:var(--c{})\"/>",
                escape(&format!(
                    "{kind}, {name}\n{} ({:.1}%)",
                    size(*bytes),
                    part * 100.0
                )),
                y + 1.0,
                index % colours::COUNT,
            );
            if w > kind.len() as f64 * 7.0 + 10.0 {
                html::text(out, x + w / 2.0, y + 22.0, "mid", kind);
            }
            let _ = writeln!(out, "</g>");
            x += w;
        }
    }
    let _ = writeln!(out, "</svg>");
    let _ = writeln!(out, "<div class=\"legend\">");
    for (index, (kind, _)) in Kinds::default().columns().iter().enumerate() {
        let (before, after) = (sides[0].1.columns()[index].1, sides[1].1.columns()[index].1);
        if before == 0 && after == 0 {
            continue;
        }
        let _ = writeln!(
            out,
            "<span class=\"key\"><i style=\"background:var(--c{})\"></i>{kind} {} → {}</span>",
            index % colours::COUNT,
            size(before),
            size(after)
        );
    }
    let _ = writeln!(out, "</div>\n</section>");
}

#[cfg(test)]
mod tests;
