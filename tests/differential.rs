//! What we keep of a library against what GNU `ld -r --gc-sections -u EXPORT` keeps of it: the same
//! allocated sections, or a rule says why not.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::analysis::identity::members::MemberClasses;
use dragonfire::analysis::{Analysis, Sharing};
use dragonfire::exports::NameRules;
use dragonfire::input::{self, Inputs};
use object::{Object, ObjectSection, SectionFlags};

/// Threads, panics, formatting, thread locals, collections: much of std lives.
const RUST: &str = r#"
use std::cell::RefCell;
use std::collections::HashMap;
thread_local! { static SEEN: RefCell<HashMap<String, i32>> = RefCell::default(); }
#[unsafe(no_mangle)]
pub extern "C" fn gst_plugin_a_register(x: i32) -> i32 {
    let caught = std::panic::catch_unwind(|| if x > 3 { panic!("{x}") } else { x });
    let handle = std::thread::spawn(move || format!("{x:?}").len() as i32);
    SEEN.with(|s| *s.borrow_mut().entry(format!("{x}")).or_insert(0) += 1);
    caught.unwrap_or(7) + handle.join().unwrap_or(1)
}
#[unsafe(no_mangle)]
pub extern "C" fn dead_weight() -> usize { std::env::args().count() + std::fs::read("x").map_or(0, |v| v.len()) }
"#;

/// Groups, constructors, weak functions, commons, merged strings, exceptions.
const CXX: &str = r#"
#include <stdexcept>
#include <string>
#include <vector>
int tally;
__attribute__((weak)) int mood() { return 1; }
struct Base { virtual ~Base() = default; virtual int kind() const { return 1; } };
struct Derived : Base { int kind() const override { return 2; } };
static std::string text("constructed");
template <class T> T twice(T x) { return x * 2; }
int unused(int x) { return twice<long>(x) + text.size(); }
extern "C" int gst_plugin_a_register(int x) {
    Derived d; const Base &b = d;
    try { if (x > 3) throw std::runtime_error("too much"); } catch (const std::exception &e) { return e.what()[0]; }
    std::vector<int> v(x); tally += mood();
    return b.kind() + twice(x) + (int)v.size() + tally;
}
"#;

const EXPORT: &[u8] = b"gst_plugin_a_register";

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Names of allocated sections that have contents, less those that both sides rebuild.
fn kept_by_ld(library: &Utf8Path, dir: &Utf8Path) -> BTreeSet<String> {
    let out = dir.join("ld.o");
    run(Command::new("ld")
        .args(["-r", "--gc-sections", "-u"])
        .arg(std::str::from_utf8(EXPORT).unwrap())
        .arg(library)
        .arg("-o")
        .arg(&out));
    let bytes = fs::read(&out).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    file.sections()
        .filter(|s| match s.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.0 & 2 != 0,
            _ => false,
        })
        .map(|s| s.name().unwrap().to_owned())
        .filter(|n| counts(n))
        .collect()
}

fn kept_by_us(library: &Utf8Path) -> BTreeSet<String> {
    let files = input::open_all(&[library.to_owned()]).unwrap();
    let inputs = Inputs::read(&files).unwrap();
    let members = MemberClasses::new(&inputs);
    let exports = vec![vec![EXPORT]];
    let rules = NameRules::default();
    let analysis = Analysis::new(&inputs, &members, &exports, &rules, Sharing::None).unwrap();
    // Names that are made to meet have root sets of their own.
    let all = analysis.reached.iter().flat_map(|r| &r.nodes);
    all.map(|n| {
        let atom = &analysis.graph.file(n.object).atoms[n.atom as usize];
        String::from_utf8_lossy(atom.section).into_owned()
    })
    .filter(|n| counts(n))
    .collect()
}

/// Rebuilt from scratch on both sides, or empty placeholders that every assembler emits.
fn counts(name: &str) -> bool {
    !matches!(
        name,
        ".eh_frame" | ".note.gnu.property" | ".text" | ".data" | ".bss" | ".comment"
    )
}

/// Why a section that one side keeps may be missing on the other.
fn explained(name: &str, ours_only: bool) -> Option<&'static str> {
    if ours_only {
        return None;
    }
    // `ld -r` keeps notes of members of which nothing else lives; and embedded bitcode, which is
    // allocated in some objects.
    [
        (".note", "note: of members of which nothing lives"),
        (".llvmbc", "embedded bitcode is dropped"),
        (".llvmcmd", "embedded bitcode is dropped"),
    ]
    .iter()
    .find(|(stem, _)| name.starts_with(stem))
    .map(|(_, why)| *why)
}

fn compare(library: &Utf8Path, dir: &Utf8Path) {
    let (ld, ours) = (kept_by_ld(library, dir), kept_by_us(library));
    assert!(ours.len() > 10, "something lives");
    let mut faults = Vec::new();
    for name in ours.difference(&ld) {
        if explained(name, true).is_none() {
            faults.push(format!("only we keep {name}"));
        }
    }
    for name in ld.difference(&ours) {
        if explained(name, false).is_none() {
            faults.push(format!("only ld keeps {name}"));
        }
    }
    println!("{library}: ld {} sections, we {}", ld.len(), ours.len());
    assert!(
        faults.is_empty(),
        "{} differences:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

#[test]
fn a_rust_library_with_its_std() {
    let (_keep, dir) = scratch();
    let source = dir.join("a.rs");
    fs::write(&source, RUST).unwrap();
    for (at, flags) in [&["-Copt-level=3"][..], &["-Copt-level=0"]]
        .iter()
        .enumerate()
    {
        let library = dir.join(format!("libgsta{at}.a"));
        run(Command::new("rustc")
            .args(["--edition=2024", "--crate-type=staticlib", "-o"])
            .arg(&library)
            .args(*flags)
            .arg(&source));
        compare(&library, &dir);
    }
}

#[test]
fn a_library_of_cxx() {
    let (_keep, dir) = scratch();
    let source = dir.join("a.cpp");
    fs::write(&source, CXX).unwrap();
    for (at, flags) in [&["-O0"][..], &["-O2"]].iter().enumerate() {
        let object = dir.join("a.o");
        run(Command::new("c++")
            .args([
                "-c",
                "-fPIC",
                "-ffunction-sections",
                "-fdata-sections",
                "-fcommon",
                "-o",
            ])
            .arg(&object)
            .args(*flags)
            .arg(&source));
        let library = dir.join(format!("libgsta{at}.a"));
        run(Command::new("ar").arg("rcs").arg(&library).arg(&object));
        compare(&library, &dir);
    }
}
