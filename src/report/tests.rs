//! Tests of the report page.

use super::*;

fn krate(name: &str, code: u64, debug: u64) -> CrateSizes {
    let kinds = Kinds {
        code,
        debug,
        ..Kinds::default()
    };
    CrateSizes {
        krate: name.to_owned(),
        bytes: kinds.total(),
        kinds,
        libraries: 1,
    }
}

fn library(name: &str, crates: Vec<CrateSizes>) -> LibraryBytes {
    LibraryBytes {
        name: name.to_owned(),
        workspace: name == "shared",
        bytes: crates.iter().map(|c| c.bytes).sum(),
        crates,
    }
}

fn set(plugins: &[&str], bytes: u64) -> ReachSet {
    ReachSet {
        plugins: plugins.iter().map(|&p| p.to_owned()).collect(),
        bytes,
        atoms: 1,
    }
}

fn data() -> ReportData {
    let plugins = vec!["one".to_owned(), "two".to_owned(), "th<r>ee".to_owned()];
    let reach_sets = vec![
        set(&["one", "two", "th<r>ee"], 5000),
        set(&["one"], 900),
        set(&["one", "th<r>ee"], 100),
    ];
    ReportData {
        strategy: "meld".to_owned(),
        before: plugins
            .iter()
            .map(|p| library(p, vec![krate("std", 4000, 90_000), krate("serde", 700, 10)]))
            .collect(),
        after: vec![
            library("one", vec![krate("serde", 700, 0)]),
            library("shared", vec![krate("std", 4000, 0)]),
        ],
        overlap: Overlap::from_sets("bytes of live atoms", &plugins, &reach_sets),
        reach_sets,
        costs: vec![PluginCost {
            plugin: "one".to_owned(),
            alone: 6000,
            own: 900,
        }],
        biggest: vec![AtomSize {
            name: "core::slice::<impl [T]>::sort".to_owned(),
            krate: "core".to_owned(),
            section: ".text".to_owned(),
            bytes: 777,
            plugins: vec!["one".to_owned()],
        }],
        plugins,
        notes: vec!["Debug information was removed: 270 kB & more.".to_owned()],
    }
}

#[test]
fn the_overlap_of_sets() {
    let overlap = data().overlap;
    assert_eq!(
        overlap.bytes,
        [[6000, 5000, 5100], [5000, 5000, 5000], [5100, 5000, 5100]]
    );
}

#[test]
fn the_page_stands_alone_and_is_escaped() {
    let page = page(&data());
    for part in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(!page.contains("th<r>ee"));
    assert!(page.contains("th&lt;r&gt;ee"));
    assert!(page.contains("270 kB &amp; more"));
    assert!(page.contains("&lt;impl [T]&gt;::sort"));
    for section in [
        "By kind",
        "Overlap",
        "Reach sets",
        "What a plugin costs",
        "Biggest pieces",
    ] {
        assert!(page.contains(&format!("<h2>{section}</h2>")), "{section}");
    }
    // Every element that is opened is closed.
    for tag in [
        "section", "svg", "g", "table", "div", "tr", "td", "main", "body",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        let closed = page.matches(&format!("</{tag}>")).count();
        assert_eq!(opened, closed, "{tag}");
    }
    assert_eq!(page, super::page(&data()));
}

#[test]
fn nothing_to_show_is_no_picture() {
    let page = page(&ReportData::default());
    assert!(!page.contains("<svg"));
    let mut dedup = data();
    dedup.reach_sets.clear();
    dedup.costs.clear();
    dedup.biggest.clear();
    let page = super::page(&dedup);
    assert!(!page.contains("Reach sets") && page.contains("<svg"));
}
