//! An inspection for people: tables of text.

use std::fmt::Write as _;

use crate::protocol::inspection::{
    CrateSizes, Explanation, External, Inspection, Kinds, ProviderKind,
};
use crate::protocol::melded;

/// Crates listed before the rest is summed up.
const CRATES: usize = 20;
/// Symbols listed for a provider.
const SYMBOLS: usize = 8;
/// Reach sets and atoms listed.
const MELDED: usize = 15;
/// Width that running text is wrapped at.
const WIDTH: usize = 96;

/// The whole inspection.
#[must_use]
pub fn render(inspection: &Inspection) -> String {
    let mut out = String::new();
    if let Some(target) = &inspection.target {
        let _ = writeln!(
            out,
            "For {} on {} ({}).",
            target.environment.as_str(),
            target.machine,
            target.known_by
        );
    }
    if !inspection.explanations.is_empty() {
        explanations(&mut out, &inspection.explanations);
        return out;
    }
    if !inspection.libraries.is_empty() {
        libraries(&mut out, inspection);
        crates(&mut out, &inspection.crates);
        symbols(&mut out, inspection);
        externals(&mut out, &inspection.externals);
    }
    if let Some(melded) = &inspection.melded {
        self::melded(&mut out, melded);
    }
    out
}

fn libraries(out: &mut String, inspection: &Inspection) {
    let mut header = vec!["library"];
    header.extend(Kinds::default().columns().map(|(name, _)| name));
    header.extend(["total", "shared"]);
    let mut table = Table::new(&header);
    for library in &inspection.libraries {
        let mut row = vec![library.shown_name()];
        row.extend(library.kinds.columns().map(|(_, bytes)| size(bytes)));
        row.extend([
            size(library.kinds.total()),
            percent(library.shared_bytes, library.kinds.total()),
        ]);
        table.row(row);
    }
    if inspection.libraries.len() > 1 {
        let mut row = vec!["all".to_owned()];
        row.extend(inspection.kinds.columns().map(|(_, bytes)| size(bytes)));
        row.extend([
            size(inspection.kinds.total()),
            percent(inspection.sharing.shared_copies, inspection.kinds.total()),
        ]);
        table.rule();
        table.row(row);
    }
    table.write(out, "Bytes by kind");
    if inspection.libraries.len() > 1 {
        let sharing = &inspection.sharing;
        let _ = writeln!(
            out,
            "Members that several libraries hold: {} in all copies, {} stored once; {} in one library \
             alone.",
            size(sharing.shared_copies),
            size(sharing.shared_once),
            size(sharing.unique)
        );
    }
}

fn crates(out: &mut String, crates: &[CrateSizes]) {
    let several = crates.iter().any(|c| c.libraries > 1);
    // Kinds that nothing has are left out.
    let mut sum = Kinds::default();
    for krate in crates {
        sum += krate.kinds;
    }
    let used = sum.columns().map(|(_, bytes)| bytes > 0);
    let shown = |kinds: &Kinds| {
        let columns = kinds.columns().into_iter().zip(used);
        columns.filter(|(_, used)| *used).map(|(column, _)| column)
    };
    let mut header = vec!["crate"];
    header.extend(shown(&sum).map(|(name, _)| name));
    header.push("total");
    if several {
        header.push("libraries");
    }
    let mut table = Table::new(&header);
    let mut add = |name: String, kinds: &Kinds, libraries: Option<u32>| {
        let mut row = vec![name];
        row.extend(shown(kinds).map(|(_, bytes)| size(bytes)));
        row.push(size(kinds.total()));
        if several {
            row.push(libraries.map(|n| n.to_string()).unwrap_or_default());
        }
        table.row(row);
    };
    for krate in crates.iter().take(CRATES) {
        add(krate.krate.clone(), &krate.kinds, Some(krate.libraries));
    }
    let rest = crates.get(CRATES..).unwrap_or_default();
    if !rest.is_empty() {
        let mut sum = Kinds::default();
        for krate in rest {
            sum += krate.kinds;
        }
        add(format!("{} more", rest.len()), &sum, None);
    }
    table.write(out, "Bytes by crate");
}

fn symbols(out: &mut String, inspection: &Inspection) {
    let mut table = Table::new(&["library", "exports", "leaked", "externals", "leaks most"]);
    table.left(4);
    for library in &inspection.libraries {
        let most: Vec<String> = library
            .leaked
            .by_crate
            .iter()
            .take(3)
            .map(|by| format!("{} {}", by.krate, by.count))
            .collect();
        table.row(vec![
            library.shown_name(),
            library.exports.len().to_string(),
            library.leaked.count.to_string(),
            library.externals.len().to_string(),
            most.join(", "),
        ]);
    }
    table.write(out, "Symbols");
    let _ = writeln!(
        out,
        "Leaked: visible to programs and shared libraries that link the library, but no export."
    );
    for library in &inspection.libraries {
        let guessed = if library.exports_guessed {
            " (no pattern given)"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "{} exports{guessed}: {}",
            library.shown_name(),
            some(library.exports.iter().map(String::as_str), SYMBOLS)
        );
    }
}

fn externals(out: &mut String, externals: &[External]) {
    if externals.is_empty() {
        return;
    }
    // Those of one provider together, in the order of what people must act upon.
    let mut groups: Vec<(&External, Vec<&External>)> = Vec::new();
    for external in externals {
        let provider = &external.provider;
        let same = groups.iter_mut().find(|(first, _)| {
            first.provider.kind == provider.kind
                && first.provider.name == provider.name
                && first.provider.link == provider.link
        });
        match same {
            Some((_, group)) => group.push(external),
            None => groups.push((external, vec![external])),
        }
    }
    groups.sort_by(|a, b| {
        let key = |g: &(&External, Vec<&External>)| {
            (
                g.0.provider.kind == ProviderKind::Unknown,
                g.0.provider.kind.title(),
                std::cmp::Reverse(g.1.len()),
            )
        };
        key(a).cmp(&key(b))
    });
    let mut table = Table::new(&["provider", "what", "symbols", "link with", "such as"]);
    table.left(1);
    table.left(3);
    table.left(4);
    for (first, group) in groups {
        let provider = &first.provider;
        let names = group
            .iter()
            .map(|e| e.demangled.as_deref().unwrap_or(&e.symbol));
        table.row(vec![
            if provider.name.is_empty() {
                "?".to_owned()
            } else {
                provider.name.clone()
            },
            provider.kind.title().to_owned(),
            match group.iter().filter(|e| e.weak).count() {
                0 => group.len().to_string(),
                weak if weak == group.len() => format!("{weak} (weak)"),
                weak => format!("{} ({weak} weak)", group.len()),
            },
            provider.link.join(" "),
            some(names, 3),
        ]);
    }
    table.write(out, "Needed from elsewhere");
    if externals.iter().any(|e| e.weak) {
        let _ = writeln!(out, "Weak: the code does without where it is missing.");
    }
    let _ = writeln!(
        out,
        "`dragonfire inspect --symbol NAME LIB...` says why a symbol is needed and how to link it."
    );
}

fn explanations(out: &mut String, explanations: &[Explanation]) {
    let mut last = None;
    for explanation in explanations {
        if last != Some(&explanation.symbol) {
            let _ = writeln!(out, "\n{}", explanation.symbol);
            if let Some(demangled) = &explanation.demangled {
                let _ = writeln!(out, "  {demangled}");
            }
            for place in &explanation.places {
                let _ = writeln!(
                    out,
                    "  {} in {}({})",
                    place.how, place.library, place.member
                );
            }
            last = Some(&explanation.symbol);
        }
        let provider = &explanation.provider;
        let name = match provider.kind {
            ProviderKind::Unknown => "unknown".to_owned(),
            kind => format!("{} ({})", provider.name, kind.title()),
        };
        let _ = writeln!(out, "  {}: {name}", explanation.environment.as_str());
        if !provider.link.is_empty() {
            let _ = writeln!(out, "    link with: {}", provider.link.join(" "));
        }
        wrapped(out, "    ", &provider.why);
    }
}

/// What a meld would give.
fn melded(out: &mut String, melded: &melded::Melded) {
    let _ = writeln!(
        out,
        "\nMelded: {} live in {} atoms and {} reach sets.",
        size(melded.bytes),
        melded.atoms,
        melded.reach_sets.len()
    );
    let mut table = Table::new(&["plugin", "alone", "own", "shared"]);
    for plugin in &melded.plugins {
        table.row(vec![
            plugin.plugin.clone(),
            size(plugin.alone),
            size(plugin.own),
            percent(plugin.alone.saturating_sub(plugin.own), plugin.alone),
        ]);
    }
    table.write(out, "What each plugin costs");
    let _ = writeln!(
        out,
        "Alone: what a program with this plugin only links. Own: what leaving it out of the set saves."
    );
    let mut table = Table::new(&["bytes", "atoms", "plugins that reach them"]);
    table.left(2);
    for set in melded.reach_sets.iter().take(MELDED) {
        let names = if set.plugins.len() == melded.plugins.len() && set.plugins.len() > 1 {
            format!("all {}", set.plugins.len())
        } else {
            some(set.plugins.iter().map(String::as_str), SYMBOLS)
        };
        table.row(vec![size(set.bytes), set.atoms.to_string(), names]);
    }
    table.write(out, "Reach sets");
    more(out, melded.reach_sets.len(), MELDED);
    crates(out, &melded.crates);
    let mut table = Table::new(&["bytes", "crate", "plugins", "atom"]);
    table.left(1);
    table.left(3);
    for atom in melded.biggest.iter().take(MELDED) {
        table.row(vec![
            size(atom.bytes),
            atom.krate.clone(),
            atom.plugins.len().to_string(),
            shortened(&atom.name, 90),
        ]);
    }
    table.write(out, "Biggest atoms");
}

fn more(out: &mut String, all: usize, listed: usize) {
    if all > listed {
        let _ = writeln!(out, "... and {} more", all - listed);
    }
}

/// The first few, and how many more there are.
fn some<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let mut text = names
        .iter()
        .take(most)
        .map(|n| shortened(n, 60))
        .collect::<Vec<_>>()
        .join(", ");
    if names.is_empty() {
        text.push_str("none");
    } else if names.len() > most {
        let _ = write!(text, ", ... ({})", names.len());
    }
    text
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn wrapped(out: &mut String, indent: &str, text: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(out, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{indent}{line}");
}

/// Bytes for people: three figures that count.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return bytes.to_string();
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if value < 9.995 {
        format!("{value:.2} {unit}")
    } else if value < 99.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.0}%", part as f64 * 100.0 / whole as f64)
}

/// Columns of text, the first and those said to be are left-aligned.
struct Table {
    rows: Vec<Vec<String>>,
    left: Vec<usize>,
    rules: Vec<usize>,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|&h| h.to_owned()).collect()],
            left: vec![0],
            rules: vec![1],
        }
    }

    fn left(&mut self, column: usize) {
        self.left.push(column);
    }

    fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// A line before the next row.
    fn rule(&mut self) {
        self.rules.push(self.rows.len());
    }

    fn write(&self, out: &mut String, title: &str) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let _ = writeln!(out, "\n{title}");
        for (index, row) in self.rows.iter().enumerate() {
            if self.rules.contains(&index) {
                let lines: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
                let _ = writeln!(out, "  {}", lines.join("  "));
            }
            let mut line = String::from(" ");
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
                let cell = if self.left.contains(&column) {
                    format!(" {cell}{gap}")
                } else {
                    format!(" {gap}{cell}")
                };
                if column > 0 {
                    line.push(' ');
                }
                line.push_str(&cell);
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_figures() {
        assert_eq!(size(0), "0");
        assert_eq!(size(999), "999");
        assert_eq!(size(1000), "1.00 kB");
        assert_eq!(size(12_345), "12.3 kB");
        assert_eq!(size(999_600), "1.00 MB");
        assert_eq!(size(391_000_000), "391 MB");
    }

    #[test]
    fn tables_line_up() {
        let mut table = Table::new(&["name", "n"]);
        table.row(vec!["a".into(), "10".into()]);
        table.row(vec!["long".into(), "2".into()]);
        let mut out = String::new();
        table.write(&mut out, "T");
        assert_eq!(out, "\nT\n  name   n\n  ────  ──\n  a     10\n  long   2\n");
    }
}
