//! The tables: crates before and after, the biggest atoms.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ReportData;
use super::colours::Colours;
use super::html::{self, escape, size};

/// Crates and atoms listed.
const CRATES: usize = 60;
const ATOMS: usize = 60;

/// All crates, with what is left of them.
pub fn crates(out: &mut String, data: &ReportData, colours: &Colours) {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for (libraries, after) in [(&data.before, false), (&data.after, true)] {
        for krate in libraries.iter().flat_map(|l| &l.crates) {
            let sum = sums.entry(&krate.krate).or_default();
            if after {
                sum.after = sum.after.saturating_add(krate.bytes);
            } else {
                sum.before = sum.before.saturating_add(krate.bytes);
                sum.libraries += 1;
            }
        }
    }
    if sums.is_empty() {
        return;
    }
    let mut rows: Vec<(&str, Sum)> = sums.into_iter().collect();
    rows.sort_by(|a, b| {
        (b.1.after, b.1.before)
            .cmp(&(a.1.after, a.1.before))
            .then(a.0.cmp(b.0))
    });
    let about = if rows.len() > CRATES {
        format!(
            "The {CRATES} largest of {}, by what is left of them.",
            rows.len()
        )
    } else {
        "By what is left of them.".to_owned()
    };
    html::section(out, "Crates", &about);
    let _ = writeln!(
        out,
        "<div class=\"scroll\"><table><thead><tr><th class=\"left\" data-sort=\"\">crate</th>\
         <th data-sort=\"\">libraries</th><th data-sort=\"\">before</th><th data-sort=\"down\">after</th>\
         <th data-sort=\"\">left</th><th></th></tr></thead><tbody>"
    );
    let largest = rows.iter().map(|(_, s)| s.after).max().unwrap_or(1).max(1);
    for (name, sum) in rows.iter().take(CRATES) {
        let left = sum.after as f64 * 100.0 / sum.before.max(1) as f64;
        let left_text = if sum.before == 0 {
            "new".to_owned()
        } else {
            format!("{left:.1}%")
        };
        let _ = writeln!(
            out,
            "<tr><td class=\"left\"><span class=\"key\"><i style=\"background:{}\"></i>{}</span></td>\
             <td data-v=\"{}\">{}</td><td data-v=\"{}\">{}</td><td data-v=\"{}\">{}</td>\
             <td data-v=\"{left:.3}\">{left_text}</td>\
             <td><span class=\"track\"><i style=\"width:{:.1}%\"></i></span></td></tr>",
            colours.of(name),
            escape(name),
            sum.libraries,
            sum.libraries,
            sum.before,
            size(sum.before),
            sum.after,
            size(sum.after),
            sum.after as f64 * 100.0 / largest as f64
        );
    }
    let _ = writeln!(out, "</tbody></table></div>\n</section>");
}

#[derive(Default)]
struct Sum {
    before: u64,
    after: u64,
    libraries: u32,
}

/// The largest pieces that are kept.
pub fn biggest(out: &mut String, data: &ReportData) {
    if data.biggest.is_empty() {
        return;
    }
    html::section(
        out,
        "Biggest pieces",
        "The largest functions and data that the plugins reach. `dragonfire why` says what keeps one.",
    );
    let _ = writeln!(
        out,
        "<div class=\"scroll\"><table><thead><tr><th data-sort=\"down\">bytes</th>\
         <th class=\"left\" data-sort=\"\">crate</th><th data-sort=\"\">plugins</th>\
         <th class=\"left\" data-sort=\"\">what</th></tr></thead><tbody>"
    );
    for atom in data.biggest.iter().take(ATOMS) {
        let _ = writeln!(
            out,
            "<tr><td data-v=\"{}\">{}</td><td class=\"left\">{}</td>\
             <td data-v=\"{}\" data-t=\"{}\">{}</td><td class=\"wide\"><code>{}</code></td></tr>",
            atom.bytes,
            size(atom.bytes),
            escape(&atom.krate),
            atom.plugins.len(),
            escape(&atom.plugins.join(", ")),
            atom.plugins.len(),
            escape(&atom.name)
        );
    }
    let _ = writeln!(out, "</tbody></table></div>\n</section>");
}
