//! What plugins share: the heat map of pairs, the reach sets, the costs.

use std::fmt::Write as _;

use super::ReportData;
use super::html::{self, escape, fitting, size};

const WIDTH: f64 = 1160.0;
/// Reach sets drawn.
const SETS: usize = 25;

/// Who shares how much with whom.
pub fn overlap(out: &mut String, data: &ReportData) {
    let count = data.plugins.len();
    if count < 2 || data.overlap.bytes.len() != count {
        return;
    }
    html::section(
        out,
        "Overlap",
        &format!(
            "Plugin by plugin, {}: how much of the row's plugin the column's plugin has too. On the \
             diagonal stands what the plugin has in all.",
            data.overlap.of
        ),
    );
    let left = label_width(&data.plugins).min(260.0);
    let room = WIDTH - left - 4.0;
    let cell = (room / count as f64).min(92.0);
    let row_height = cell.clamp(16.0, 40.0);
    // Names stand upright over narrow columns.
    let upright = cell < label_width(&data.plugins);
    let top = if upright {
        label_width(&data.plugins).min(150.0)
    } else {
        22.0
    };
    let height = top + row_height * count as f64 + 4.0;
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height:.1}\" role=\"img\">"
    );
    for (column, name) in data.plugins.iter().enumerate() {
        let x = left + (column as f64 + 0.5) * cell;
        let label = fitting(name, if upright { 150.0 } else { cell }).unwrap_or_default();
        if upright {
            let _ = writeln!(
                out,
                "<text transform=\"translate({:.1} {:.1}) rotate(-55)\">{}</text>",
                x + 2.0,
                top - 6.0,
                escape(&label)
            );
        } else {
            html::text(out, x, top - 7.0, "mid", &label);
        }
    }
    for (row, name) in data.plugins.iter().enumerate() {
        let y = top + row as f64 * row_height;
        let label = fitting(name, left - 8.0).unwrap_or_default();
        html::text(out, left - 8.0, y + row_height / 2.0 + 4.0, "end", &label);
        let bytes = |column: usize| {
            let line = data.overlap.bytes.get(row);
            line.and_then(|line| line.get(column)).copied().unwrap_or(0)
        };
        let own = bytes(row);
        for (column, other) in data.plugins.iter().enumerate() {
            let shared = bytes(column);
            let share = shared as f64 / own.max(1) as f64;
            let x = left + column as f64 * cell;
            let tip = if row == column {
                format!("{name}: {} in all", size(own))
            } else {
                format!(
                    "{name} and {other}: {} in both\n{:.0}% of {name}",
                    size(shared),
                    share * 100.0
                )
            };
            let fill = if row == column {
                "var(--page)".to_owned()
            } else {
                format!("rgba(var(--heat), {:.2})", 0.06 + 0.74 * share.min(1.0))
            };
            let _ = writeln!(
                out,
                "<g data-t=\"{}\"><rect class=\"cell\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\" rx=\"3\" style=\"fill:{fill}\"/>",
                escape(&tip),
                x + 1.0,
                y + 1.0,
                cell - 2.0,
                row_height - 2.0
            );
            let figure = size(shared);
            if cell > figure.len() as f64 * 6.4 + 6.0 && row_height > 15.0 {
                let class = if row == column { "mid name" } else { "mid" };
                let (x, y) = (x + cell / 2.0, y + row_height / 2.0 + 4.0);
                html::text(out, x, y, class, &figure);
            }
            let _ = writeln!(out, "</g>");
        }
    }
    let _ = writeln!(out, "</svg>\n</section>");
}

/// The largest reach sets: which plugins, how many bytes.
pub fn reach(out: &mut String, data: &ReportData) {
    if data.reach_sets.is_empty() {
        return;
    }
    let listed = data.reach_sets.len().min(SETS);
    let rest: u64 = data
        .reach_sets
        .iter()
        .skip(SETS)
        .fold(0, |sum, s| sum.saturating_add(s.bytes));
    let about = if data.reach_sets.len() > SETS {
        format!(
            "Each line is a set of plugins and the bytes that exactly these reach. The {} largest of {} \
             sets; the others hold {}.",
            SETS,
            data.reach_sets.len(),
            size(rest)
        )
    } else {
        "Each line is a set of plugins and the bytes that exactly these reach.".to_owned()
    };
    html::section(out, "Reach sets", &about);
    let count = data.plugins.len();
    let step = (420.0 / count.max(1) as f64).clamp(6.0, 26.0);
    let dots = step * count as f64;
    let radius = (step * 0.28).clamp(2.0, 6.0);
    let top = label_width(&data.plugins).min(130.0) * 0.82 + 14.0;
    let line = 24.0;
    let height = top + line * listed as f64 + 4.0;
    let bars = dots + 90.0;
    let bar_room = WIDTH - bars - 90.0;
    let largest = data.reach_sets.iter().map(|s| s.bytes).max().unwrap_or(1);
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height:.1}\" role=\"img\">"
    );
    if step >= 10.0 {
        for (index, name) in data.plugins.iter().enumerate() {
            let _ = writeln!(
                out,
                "<text class=\"small\" transform=\"translate({:.1} {:.1}) rotate(-55)\">{}</text>",
                (index as f64 + 0.5) * step + 3.0,
                top - 4.0,
                escape(&fitting(name, 130.0).unwrap_or_default())
            );
        }
    }
    for (index, set) in data.reach_sets.iter().take(SETS).enumerate() {
        let y = top + (index as f64 + 0.5) * line;
        let places: Vec<usize> = set
            .plugins
            .iter()
            .filter_map(|name| data.plugins.iter().position(|p| p == name))
            .collect();
        let names = if set.plugins.is_empty() {
            "no plugin".to_owned()
        } else {
            set.plugins.join(", ")
        };
        let tip = format!("{names}\n{} in {} atoms", size(set.bytes), set.atoms);
        let _ = writeln!(out, "<g data-t=\"{}\">", escape(&tip));
        let _ = writeln!(
            out,
            "<rect x=\"0\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{line}\" style=\"fill:transparent\"/>",
            y - line / 2.0
        );
        for plugin in 0..count {
            let class = if places.contains(&plugin) {
                "dot on"
            } else {
                "dot"
            };
            let _ = writeln!(
                out,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>",
                (plugin as f64 + 0.5) * step
            );
        }
        if let (Some(first), Some(last)) = (places.iter().min(), places.iter().max())
            && first != last
        {
            let _ = writeln!(
                out,
                "<line class=\"join\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>",
                (*first as f64 + 0.5) * step,
                (*last as f64 + 0.5) * step
            );
        }
        let who = match set.plugins.len() {
            n if n == count && n > 1 => format!("all {n}"),
            1 => "one".to_owned(),
            n => format!("{n} of {count}"),
        };
        html::text(out, dots + 14.0, y + 4.0, "soft", &who);
        let width = set.bytes as f64 / largest.max(1) as f64 * bar_room;
        let _ = writeln!(
            out,
            "<rect class=\"bar\" x=\"{bars:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>",
            y - 7.0,
            width.max(1.0)
        );
        html::text(
            out,
            bars + width.max(1.0) + 8.0,
            y + 4.0,
            "",
            &size(set.bytes),
        );
        let _ = writeln!(out, "</g>");
    }
    let _ = writeln!(out, "</svg>\n</section>");
}

/// What each plugin costs, alone and on top of the others.
pub fn costs(out: &mut String, data: &ReportData) {
    if data.costs.is_empty() {
        return;
    }
    html::section(
        out,
        "What a plugin costs",
        "The whole bar: what a program with this plugin alone links. The strong part: what only this \
         plugin reaches, and leaving it out saves.",
    );
    let names: Vec<String> = data.costs.iter().map(|c| c.plugin.clone()).collect();
    let left = label_width(&names).min(260.0);
    let line = 26.0;
    let height = line * data.costs.len() as f64 + 4.0;
    let room = WIDTH - left - 180.0;
    let largest = data.costs.iter().map(|c| c.alone).max().unwrap_or(1).max(1);
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height:.1}\" role=\"img\">"
    );
    for (index, cost) in data.costs.iter().enumerate() {
        let y = index as f64 * line;
        let alone = cost.alone as f64 / largest as f64 * room;
        let own = cost.own as f64 / largest as f64 * room;
        let tip = format!(
            "{}\nalone: {}\nonly its own: {}",
            cost.plugin,
            size(cost.alone),
            size(cost.own)
        );
        let _ = writeln!(out, "<g data-t=\"{}\">", escape(&tip));
        let label = fitting(&cost.plugin, left - 8.0).unwrap_or_default();
        html::text(out, left - 8.0, y + 17.0, "end", &label);
        for (class, width) in [("bar pale", alone), ("bar", own)] {
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" \
                 rx=\"2\"/>",
                y + 5.0
            );
        }
        let figures = format!("{}, own {}", size(cost.alone), size(cost.own));
        html::text(out, left + alone + 8.0, y + 17.0, "soft", &figures);
        let _ = writeln!(out, "</g>");
    }
    let _ = writeln!(out, "</svg>\n</section>");
}

/// Room that the longest name takes.
fn label_width(names: &[String]) -> f64 {
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    longest as f64 * 6.9 + 14.0
}
