//! Responses for people: tables of text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::exports::found;
use crate::inspect::render::render as inspection_text;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::response::{Link, Plugin, Response, Totals};
use crate::protocol::sharing::{Apart, ApartReason, SharingGroups};

/// The response as text; empty where there is nothing to show.
#[must_use]
pub fn render(response: &Response) -> String {
    if let Some(inspection) = &response.inspection {
        return inspection_text(inspection);
    }
    if !response.sets.is_empty() {
        return of_several(response);
    }
    if let Some(capabilities) = &response.capabilities {
        return can(capabilities);
    }
    match response.operation.as_str() {
        "discover" => discovered(response),
        "build" => built(response),
        "why" => why(response),
        "verify" => format!(
            "{} verified\n",
            count(response.plugins.len() as u64, "library", "libraries")
        ),
        _ if response.totals.is_some() => combined(response),
        _ => String::new(),
    }
}

/// `dragonfire --version` in its first line, then what there is to know about that version.
fn can(capabilities: &Capabilities) -> String {
    let versions = |list: &[u32]| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        list.join(", ")
    };
    let operations: Vec<&str> = capabilities
        .operations
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    let mut text = format!("dragonfire {}\n", capabilities.version);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("protocol", &versions(&capabilities.protocols));
    line("manifest", &versions(&capabilities.manifests));
    line("operations", &operations.join(" "));
    for support in &capabilities.formats {
        let read: Vec<&str> = support.read.iter().map(String::as_str).collect();
        line(
            &support.format,
            &format!(
                "{} read; {} written",
                read.join(" "),
                support.written.join(" ")
            ),
        );
    }
    line("archives", &capabilities.archives.join(" "));
    line("features", &capabilities.features.join(" "));
    text
}

/// Each set of libraries under its name.
fn of_several(response: &Response) -> String {
    let mut text = String::new();
    for set in &response.sets {
        let one = Response {
            plugins: set.plugins.clone(),
            workspace_library: set.workspace_library.clone(),
            totals: set.totals.clone(),
            sharing: set.sharing.clone(),
            ..Response::new(&response.operation)
        };
        let _ = writeln!(text, "{}\n{}", set.name, render(&one));
    }
    text + also_written(response).trim_start()
}

/// What a program's link line needs, on one line; for several sets of libraries a line each.
#[must_use]
pub fn link_line(response: &Response) -> String {
    let sets = response.sets.iter().filter_map(|s| s.link.as_ref());
    let links = response.link.iter().chain(sets);
    links.map(one_line).collect()
}

fn one_line(link: &Link) -> String {
    let libraries = link.libraries.iter().map(|p| p.as_str());
    let natives = link.native_static_libs.iter().map(String::as_str);
    let further = link.linker_args.iter().map(String::as_str);
    let words: Vec<String> = libraries
        .chain(natives)
        .chain(further)
        .map(quoted)
        .collect();
    words.join(" ") + "\n"
}

/// As a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Bytes in the largest decimal unit that leaves at least one digit before the point.
#[must_use]
pub fn bytes(n: u64) -> String {
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        // What would round to 1000 goes to the next unit.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Rows of equal columns: the first to the left, the others to the right.
struct Table {
    rows: Vec<Vec<String>>,
    left: usize,
}

impl Table {
    /// The first `left` columns are words and stand to the left.
    fn new(left: usize, head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|h| (*h).to_owned()).collect()],
            left,
        }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Drops columns in which no row but the first has anything.
    fn without_empty_columns(mut self) -> Self {
        let columns = self.rows.first().map_or(0, Vec::len);
        let used: Vec<bool> = (0..columns)
            .map(|c| {
                let mut cells = self.rows.iter().skip(1).filter_map(|row| row.get(c));
                cells.any(|cell| !cell.is_empty())
            })
            .collect();
        for row in &mut self.rows {
            let mut column = used.iter();
            row.retain(|_| column.next().copied().unwrap_or(true));
        }
        self
    }

    fn render(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (i, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(i) {
                    Some(w) => *w = (*w).max(width),
                    None => widths.push(width),
                }
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if i > 0 {
                    line.push_str("  ");
                }
                if i < self.left {
                    let _ = write!(line, "{cell:<width$}");
                } else {
                    let _ = write!(line, "{cell:>width$}");
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Each library before and after, and the sums.
fn combined(response: &Response) -> String {
    let mut table = Table::new(
        1,
        &[
            "library",
            "before",
            "after",
            "members",
            "kept",
            "moved",
            "debug info before",
            "debug info",
        ],
    );
    let some = |n: u64, text: String| if n == 0 { String::new() } else { text };
    for p in &response.plugins {
        table.row([
            p.library.clone(),
            bytes(p.bytes_before),
            bytes(p.bytes_after),
            p.members_before.to_string(),
            p.members_kept.to_string(),
            some(p.members_moved, p.members_moved.to_string()),
            some(p.debug_bytes_removed, bytes(p.debug_bytes_removed)),
            some(p.debug_bytes, bytes(p.debug_bytes)),
        ]);
    }
    if let Some(w) = &response.workspace_library {
        table.row([
            w.library.clone(),
            String::new(),
            bytes(w.bytes),
            String::new(),
            w.members.to_string(),
            String::new(),
            String::new(),
            some(w.debug_bytes, bytes(w.debug_bytes)),
        ]);
    }
    let totals = response.totals.clone().unwrap_or_default();
    let sum = |f: fn(&Plugin) -> u64| response.plugins.iter().map(f).sum::<u64>();
    let moved = sum(|p| p.members_moved);
    let shared = response.workspace_library.as_ref().map_or(0, |w| w.members);
    table.row([
        "total".to_owned(),
        bytes(totals.bytes_before),
        bytes(totals.bytes_after),
        sum(|p| p.members_before).to_string(),
        (sum(|p| p.members_kept) + shared).to_string(),
        some(moved, moved.to_string()),
        some(
            totals.debug_bytes_removed,
            bytes(totals.debug_bytes_removed),
        ),
        some(totals.debug_bytes, bytes(totals.debug_bytes)),
    ]);
    let mut text = table.without_empty_columns().render();
    if totals.bytes_before > 0 && totals.bytes_after > 0 {
        let _ = writeln!(
            text,
            "\n{} of what it was, 1/{:.1}",
            percent(totals.bytes_after, totals.bytes_before),
            totals.bytes_before as f64 / totals.bytes_after as f64,
        );
    }
    let found = found(&response.plugins);
    if !found.is_empty() {
        let _ = write!(text, "\n{found}");
    }
    if let Some(sets) = totals.reach_sets {
        let _ = writeln!(text, "{}", count(sets, "reach set", "reach sets"));
    }
    let sharing = response
        .sharing
        .as_ref()
        .map_or_else(String::new, who_shares);
    text + &debug_crates(&totals) + &sharing + &also_written(response)
}

/// Libraries of a group named by themselves.
const NAMED: usize = 8;

/// Who shares with whom, then a line for each library that something sets apart.
fn who_shares(sharing: &SharingGroups) -> String {
    let mut text = String::from("\nnot all libraries share:\n");
    let nothing = |apart: &&Apart| apart.reason == ApartReason::NothingInCommon;
    let empty: BTreeSet<&String> = sharing
        .apart
        .iter()
        .filter(nothing)
        .map(|a| &a.library)
        .collect();
    for group in &sharing.groups {
        let sharers: Vec<&String> = group.iter().filter(|l| !empty.contains(l)).collect();
        if sharers.len() < 2 {
            continue;
        }
        let named = sharers.iter().take(NAMED).map(|l| (*l).clone());
        let mut names: Vec<String> = named.collect();
        let rest = sharers.len() - names.len();
        if rest > 0 {
            names.push(format!("{rest} more"));
        }
        let _ = writeln!(text, "  {} share with each other", names.join(", "));
    }
    for apart in sharing.apart.chunk_by(|a, b| a.library == b.library) {
        let reasons: Vec<&str> = apart.iter().map(|a| a.message.as_str()).collect();
        let library = apart.first().map_or("", |a| a.library.as_str());
        let _ = writeln!(text, "  {library}: {}", reasons.join("; "));
    }
    text
}

/// Crates named by themselves.
const CRATES: usize = 8;

/// Whose functions the debug information is of.
fn debug_crates(totals: &Totals) -> String {
    let all = &totals.debug_crates;
    if all.is_empty() {
        return String::new();
    }
    let mut parts: Vec<String> = all
        .iter()
        .take(CRATES)
        .map(|c| format!("{} {}", c.krate, bytes(c.bytes)))
        .collect();
    let rest = all.get(CRATES..).unwrap_or_default();
    if !rest.is_empty() {
        let sum = rest.iter().map(|c| c.bytes).sum();
        let crates = count(rest.len() as u64, "crate", "crates");
        parts.push(format!("{crates} more {}", bytes(sum)));
    }
    format!("debug info by crate: {}\n", parts.join(", "))
}

fn also_written(response: &Response) -> String {
    if response.files.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nalso written:\n");
    for file in &response.files {
        let _ = writeln!(text, "  {}", file.path);
    }
    text
}

fn percent(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole as f64;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn discovered(response: &Response) -> String {
    let mut table = Table::new(4, &["plugin", "package", "version", "library"]);
    for p in &response.plugins {
        table.row([
            p.plugin.clone(),
            p.package.clone().unwrap_or_default(),
            p.version.clone().unwrap_or_default(),
            p.file_name.clone(),
        ]);
    }
    table.render()
}

fn built(response: &Response) -> String {
    let mut table = Table::new(1, &["plugin", "bytes", "library"]);
    for p in &response.plugins {
        let path = p.path.as_ref().map_or(p.file_name.as_str(), |p| p.as_str());
        table.row([p.plugin.clone(), bytes(p.bytes_before), path.to_owned()]);
    }
    let mut text = table.render();
    for p in &response.plugins {
        if !p.native_static_libs.is_empty() {
            let _ = writeln!(
                text,
                "{} needs {}",
                p.plugin,
                p.native_static_libs.join(" ")
            );
        }
    }
    text
}

fn why(response: &Response) -> String {
    let mut text = String::new();
    for (depth, step) in response.why.iter().enumerate() {
        let indent = "  ".repeat(depth);
        if step.member.is_empty() {
            let _ = writeln!(text, "{indent}{}: {}", step.by, step.name);
            continue;
        }
        let _ = writeln!(
            text,
            "{indent}{}: {}\n{indent}  {}({}) {}",
            step.by, step.name, step.library, step.member, step.section
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bytes, link_line, render};
    use crate::protocol::response::{
        CrateBytes, FileKind, Link, Plugin, Response, TargetSet, Totals, WorkspaceLibrary,
        WrittenFile,
    };

    #[test]
    fn humanised_bytes() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9994, "9.99 kB"),
            (9995, "10.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (390_947_112, "391 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (n, text) in cases {
            assert_eq!(bytes(n), text, "{n}");
        }
    }

    fn response() -> Response {
        let plugin = |library: &str, before, after, removed| Plugin {
            library: library.to_owned(),
            bytes_before: before,
            bytes_after: after,
            members_before: 40,
            members_kept: 10,
            members_moved: 30,
            debug_bytes_removed: removed,
            ..Plugin::default()
        };
        Response {
            plugins: vec![
                plugin("gstjson", 48_900_000, 1_200_000, 0),
                plugin("gstregex", 51_000_000, 2_400_000, 0),
            ],
            workspace_library: Some(WorkspaceLibrary {
                library: "gstrsworkspace".to_owned(),
                bytes: 40_000_000,
                members: 30,
                ..WorkspaceLibrary::default()
            }),
            totals: Some(Totals {
                bytes_before: 99_900_000,
                bytes_after: 43_600_000,
                ..Totals::default()
            }),
            ..Response::new("dedup")
        }
    }

    #[test]
    fn before_and_after() {
        assert_eq!(
            render(&response()),
            "library          before    after  members  kept  moved
gstjson         48.9 MB  1.20 MB       40    10     30
gstregex        51.0 MB  2.40 MB       40    10     30
gstrsworkspace           40.0 MB             30
total           99.9 MB  43.6 MB       80    50     60

44 % of what it was, 1/2.3
"
        );
    }

    #[test]
    fn debug_column_only_where_some_went() {
        let mut response = response();
        response.plugins[1].debug_bytes_removed = 3_000_000;
        let totals = response.totals.as_mut().unwrap();
        totals.debug_bytes_removed = 3_000_000;
        totals.reach_sets = Some(1);
        let text = render(&response);
        assert!(text.starts_with(
            "library          before    after  members  kept  moved  debug info before\n"
        ));
        assert!(
            text.contains("\ngstjson         48.9 MB  1.20 MB       40    10     30\n"),
            "{text}"
        );
        assert!(text.contains("     3.00 MB\n"));
        assert!(text.ends_with("\n1 reach set\n"));
    }

    #[test]
    fn debug_information_by_crate() {
        let mut response = response();
        let totals = response.totals.as_mut().unwrap();
        totals.debug_crates = (0..10)
            .map(|i| CrateBytes {
                krate: format!("c{i}"),
                bytes: 10_000 - i,
            })
            .collect();
        let text = render(&response);
        assert!(
            text.ends_with("c6 9.99 kB, c7 9.99 kB, 2 crates more 20.0 kB\n"),
            "{text}"
        );
        assert!(text.contains("\ndebug info by crate: c0 10.0 kB, c1 10.0 kB, "));
    }

    #[test]
    fn link_line_is_quoted_for_a_shell() {
        let mut response = response();
        response.link = Some(Link {
            libraries: vec!["/o/my lib.a".into(), "C:\\x.lib".into()],
            native_static_libs: vec!["-lm".to_owned()],
            linker_args: vec!["it's".to_owned()],
        });
        assert_eq!(
            link_line(&response),
            "'/o/my lib.a' 'C:\\x.lib' -lm 'it'\\''s'\n"
        );
    }

    #[test]
    fn each_set_stands_under_its_name() {
        let one = response();
        let set = |name: &str| TargetSet {
            name: name.to_owned(),
            plugins: one.plugins.clone(),
            totals: one.totals.clone(),
            link: Some(Link {
                libraries: vec![format!("{name}/a.a").into()],
                ..Link::default()
            }),
            ..TargetSet::default()
        };
        let several = Response {
            sets: vec![set("ios-arm64"), set("aarch64-linux-android")],
            totals: one.totals.clone(),
            files: vec![WrittenFile {
                kind: FileKind::Xcframework,
                path: "a.xcframework".into(),
            }],
            ..Response::new("meld")
        };
        let text = render(&several);
        assert!(text.starts_with("ios-arm64\nlibrary "), "{text}");
        assert!(
            text.contains("\n\naarch64-linux-android\nlibrary "),
            "{text}"
        );
        assert!(
            text.ends_with("\n\nalso written:\n  a.xcframework\n"),
            "{text}"
        );
        assert_eq!(
            link_line(&several),
            "ios-arm64/a.a\naarch64-linux-android/a.a\n"
        );
    }
}
