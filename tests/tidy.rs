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
        if lines > 700 {
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
            if code.contains("unsafe ") && !code.contains("Mmap::map") {
                found.push(format!("{name}:{line}: {code}"));
            }
        }
    }
    assert!(found.is_empty(), "unsafe code:\n{}", found.join("\n"));
}
