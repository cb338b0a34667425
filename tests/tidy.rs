//! The house rules that a reader would otherwise have to trust: formats stay in their folders, files
//! stay readable, nothing is called "utils", every file says what it is for.

use std::fs;
use std::path::{Path, PathBuf};

const FORMATS: [&str; 3] = ["src/format/elf", "src/format/coff", "src/format/macho"];

/// What only a format's own folder may say, in code (comments may cite the specifications).
const FORMAT_WORDS: [&str; 26] = [
    "object::elf",
    "object::pe",
    "object::coff",
    "object::macho",
    "read::elf",
    "read::coff",
    "read::macho",
    "write::elf",
    "write::coff",
    "write::macho",
    "SHT_",
    "SHF_",
    "SHN_",
    "STB_",
    "STT_",
    "STV_",
    "R_X86_64_",
    "R_AARCH64_",
    "R_ARM_",
    "R_386_",
    "R_RISCV_",
    "IMAGE_SCN_",
    "IMAGE_SYM_",
    "IMAGE_REL_",
    "MH_MAGIC",
    "LC_SEGMENT",
];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "sources not found");
    paths
        .into_iter()
        .map(|p| {
            let name = p.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&p).unwrap();
            (name, text)
        })
        .collect()
}

/// Code without comments, line by line.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or("")))
}

#[test]
fn formats_stay_in_their_folders() {
    let mut leaks = Vec::new();
    for (name, text) in all_sources() {
        if FORMATS.iter().any(|f| name.starts_with(f)) {
            continue;
        }
        for (line, code) in code(&text) {
            for word in FORMAT_WORDS {
                if code.contains(word) {
                    leaks.push(format!("{name}:{line}: {word}"));
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "format code outside its folder:\n{}",
        leaks.join("\n")
    );
}

#[test]
fn formats_do_not_know_each_other() {
    let mut leaks = Vec::new();
    for (name, text) in all_sources() {
        let Some(own) = FORMATS.iter().find(|f| name.starts_with(*f)) else {
            continue;
        };
        for other in FORMATS.iter().filter(|f| *f != own) {
            let module = other.rsplit('/').next().unwrap();
            for (line, code) in code(&text) {
                if code.contains(&format!("format::{module}")) {
                    leaks.push(format!("{name}:{line}: {module}"));
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "one format uses another:\n{}",
        leaks.join("\n")
    );
}

#[test]
fn every_file_says_its_job_and_stays_readable() {
    let mut faults = Vec::new();
    for (name, text) in all_sources() {
        if !text.starts_with("//!") {
            faults.push(format!("{name}: does not begin with //!"));
        }
        let lines = text.lines().count();
        if lines > 600 {
            faults.push(format!("{name}: {lines} lines"));
        }
        if name.contains("util") || name.contains("helper") {
            faults.push(format!("{name}: a name that says nothing"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_is_only_for_mapping_files() {
    let mut found = Vec::new();
    for (name, text) in all_sources() {
        for (line, code) in code(&text) {
            let mapping = ["Mmap::map", "unchecked_advise_range"].map(|call| code.contains(call));
            if code.contains("unsafe ") && !mapping.contains(&true) {
                found.push(format!("{name}:{line}: {code}"));
            }
        }
    }
    assert!(found.is_empty(), "unsafe code:\n{}", found.join("\n"));
}

/// The stages of lib.rs, in the order in which data goes through them. A stage may use itself and those
/// before it.
const STAGES: [&[&str]; 14] = [
    &["error", "nearest"],
    // Protocol, manifest and export patterns are one thought: what is asked and answered.
    &["protocol", "manifest", "exports"],
    &["workspace"],
    &["debuginfo"],
    &["format"],
    &["input"],
    &["analysis"],
    &["plan"],
    &["output"],
    &["verify"],
    &["inspect"],
    &["report"],
    &["emit"],
    &["operations"],
];

/// The stage of a source file or of a path behind `crate::`; the front end and lib.rs come last.
fn stage(module: &str) -> usize {
    let found = STAGES.iter().position(|stage| stage.contains(&module));
    found.unwrap_or(STAGES.len())
}

/// `src/plan/meld.rs` -> `plan`.
fn top_module(name: &str) -> &str {
    let inside = name.strip_prefix("src/").unwrap_or(name);
    let end = inside.find(['/', '.']).unwrap_or(inside.len());
    &inside[..end]
}

/// Modules behind every `crate::` of a source, with lines. `use crate::{a, b::c}` is not our style: it is
/// found as the module `{`.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, code) in code(text) {
        for (at, _) in code.match_indices("crate::") {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &code[at + "crate::".len()..];
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            found.push((line, rest[..end].to_owned()));
        }
    }
    found
}

/// Imports of `name`, a source with this text, that go against the order of the stages.
fn against_the_order(name: &str, text: &str) -> Vec<String> {
    let own = stage(top_module(name));
    imports(text)
        .into_iter()
        .filter(|(_, module)| stage(module) > own)
        .map(|(line, module)| format!("{name}:{line}: crate::{module}"))
        .collect()
}

#[test]
fn no_stage_imports_a_later_one() {
    let faults: Vec<String> = all_sources()
        .iter()
        .flat_map(|(name, text)| against_the_order(name, text))
        .collect();
    assert!(
        faults.is_empty(),
        "against the order of stages in lib.rs:\n{}",
        faults.join("\n")
    );
}

#[test]
fn an_import_against_the_order_is_found() {
    let made_up =
        "use crate::error::Result;\nuse crate::plan::OutputSet;\nfn f() { crate::cli::main(); }\n";
    let found = against_the_order("src/analysis/made_up.rs", made_up);
    assert_eq!(
        found,
        [
            "src/analysis/made_up.rs:2: crate::plan",
            "src/analysis/made_up.rs:3: crate::cli"
        ]
    );
    let grouped = against_the_order("src/plan/made_up.rs", "use crate::{error, plan};");
    assert_eq!(grouped, ["src/plan/made_up.rs:1: crate::"]);
    assert!(against_the_order("src/cli/made_up.rs", made_up).is_empty());
}

#[test]
fn lib_names_every_stage_in_order_and_few_rooms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut entries: Vec<String> = fs::read_dir(root.join("src"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    entries.sort();
    assert!(entries.len() <= 20, "{entries:?}");
    let lib = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let named: Vec<&str> = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    for entry in &entries {
        let module = top_module(entry);
        assert!(
            ["main", "lib"].contains(&module) || named.contains(&module),
            "{entry}: not in lib.rs"
        );
        assert!(
            ["main", "lib"].contains(&module) || lib.contains(&format!("[`{module}`]")),
            "{entry}: no stage in lib.rs's table"
        );
    }
    let stages: Vec<usize> = named.iter().map(|m| stage(m)).collect();
    assert!(stages.is_sorted(), "{named:?}");
}

/// Users of the crate get its sources and pages, and none of the tests.
#[test]
fn the_package_holds_what_its_users_need() {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let list = String::from_utf8(output.stdout).unwrap().replace('\\', "/");
    let files: Vec<&str> = list.lines().collect();
    for wanted in [
        "src/main.rs",
        "src/cli/cargo_main.rs",
        "schema/request.json",
        "docs/errors.md",
        "LICENSE-MIT",
    ] {
        assert!(files.contains(&wanted), "{wanted} is missing: {files:?}");
    }
    let known = ["src/", "schema/", "docs/"];
    let other: Vec<&&str> = files
        .iter()
        .filter(|f| f.contains('/') && !known.iter().any(|k| f.starts_with(k)))
        .collect();
    assert!(other.is_empty(), "{other:?}");
}
