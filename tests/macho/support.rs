//! Compiles Mach-O objects, and what holds of every object that was read.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::format::model::{Definition, EdgeKind, EdgeTarget, ObjectFile};
use dragonfire::format::{self, Format, MemberKind};

pub const ARM64: &str = "arm64-apple-macos11";
pub const X86_64: &str = "x86_64-apple-macos11";
pub const I386: &str = "i386-apple-macos10.6";

/// Unwinding, weak definitions, thread locals, constructors, strings.
pub const CXX: &str = r#"
extern "C" int printf(const char *, ...);
struct Noisy { ~Noisy(); int x; };
inline int shared(int x) { static int calls = 3; return x + ++calls; }
thread_local int own = 4;
__attribute__((constructor)) static void begin() { own = 5; }
extern "C" int helper(int);
extern "C" int gst_plugin_a_register(int x) {
    Noisy n{x};
    try { return helper(x) + shared(x) + own; } catch (int y) { printf("%d\n", y); return n.x; }
}
extern "C" int helper(int x) { if (x > 7) throw x; return x * 2; }
Noisy::~Noisy() { printf("gone %d\n", x); }
"#;

/// Tables, commons, pointers with addends, a switch.
pub const C: &str = r#"
extern int printf(const char *, ...);
extern int ext[];
extern int absent(void) __attribute__((weak_import));
static int loc[4] = {1, 2, 3, 4};
int glob = 4;
int comm[7];
int *p = &loc[2];
int *q = ext + 3;
__attribute__((used)) static int kept_by_hand(int x) { return x; }
__attribute__((visibility("hidden"))) int hidden(void) { return 1; }
__attribute__((noinline)) static int helper(int x) { return x * loc[x & 3]; }
int tab(int x) {
    switch (x) {
        case 0: return printf("a%d", x);
        case 1: return printf("b");
        case 2: return helper(x) + 5;
        case 3: return ext[x];
        case 4: return comm[x] * 3;
        case 5: return glob;
        case 6: return absent ? absent() : hidden();
        default: return 1;
    }
}
"#;

pub fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

/// Runs a program that must succeed; gives its standard output.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().unwrap();
    assert!(
        out.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Compiles a source (`suffix`: c, cpp, s) for a target.
pub fn compile(target: &str, suffix: &str, source: &str, flags: &[&str]) -> Vec<u8> {
    let (_keep, dir) = scratch();
    let from = dir.join(format!("a.{suffix}"));
    let to = dir.join("a.o");
    fs::write(&from, source).unwrap();
    let target = format!("--target={target}");
    let mut arguments = vec![target.as_str(), "-c", "-O1", "-w"];
    arguments.extend(flags);
    arguments.extend([from.as_str(), "-o", to.as_str()]);
    run("clang-19", &arguments);
    fs::read(&to).unwrap()
}

pub fn read(data: &[u8]) -> ObjectFile<'_> {
    let kind = format::classify(data);
    assert!(matches!(kind, MemberKind::Object(Format::MachO, _)));
    format::read_object(kind, data).unwrap()
}

/// Contents, size and relocations of each section, as llvm-readobj sees them.
pub struct Sections(Vec<(String, String, u64, u64)>);

impl Sections {
    /// Bytes of some sections.
    pub fn sum(&self, wanted: impl Fn(&str, &str) -> bool) -> u64 {
        let of = self
            .0
            .iter()
            .filter(|(segment, name, ..)| wanted(segment, name));
        of.map(|(_, _, size, _)| size).sum()
    }

    pub fn of(object: &Utf8Path) -> Self {
        let text = run("llvm-readobj-19", &["--sections", object.as_str()]);
        let field = |section: &str, key: &str| -> String {
            let line = section
                .lines()
                .find_map(|l| l.trim().strip_prefix(key)?.strip_prefix(": "));
            let value = line.unwrap_or_default();
            value.split(" (").next().unwrap_or_default().to_owned()
        };
        let number = |text: String| {
            let hex = text.strip_prefix("0x").map(|h| u64::from_str_radix(h, 16));
            hex.unwrap_or_else(|| text.parse()).unwrap()
        };
        Self(
            text.split("Section {")
                .skip(1)
                .map(|s| {
                    (
                        field(s, "Segment"),
                        field(s, "Name"),
                        number(field(s, "Size")),
                        number(field(s, "RelocationCount")),
                    )
                })
                .collect(),
        )
    }
}

/// What must hold of every object: atoms fill their sections, edges stay inside, no relocation of a
/// section that we take apart is lost.
pub fn check(data: &[u8], object: &ObjectFile<'_>) {
    let (_keep, dir) = scratch();
    let path = dir.join("a.o");
    fs::write(&path, data).unwrap();
    let sections = Sections::of(&path);
    for (segment, name, size, relocations) in &sections.0 {
        let apart = !matches!(segment.as_str(), "__DWARF" | "__LD" | "__LLVM")
            && !matches!(name.as_str(), "__eh_frame" | "__objc_imageinfo");
        let of_section: Vec<u32> = (0..object.atoms.len() as u32)
            .filter(|&a| {
                let atom = &object.atoms[a as usize];
                atom.section == name.as_bytes() && atom.segment == segment.as_bytes()
            })
            .collect();
        if !apart {
            assert!(of_section.is_empty(), "{segment},{name}");
            continue;
        }
        let sum: u64 = of_section
            .iter()
            .map(|&a| object.atoms[a as usize].size)
            .sum();
        let edges = of_section
            .iter()
            .flat_map(|&a| object.edges_of(a))
            .filter(|e| matches!(e.kind, EdgeKind::Relocation(_)))
            .count() as u64;
        if name == "__common" {
            continue;
        }
        assert_eq!(sum, *size, "{segment},{name}");
        assert!(
            edges <= *relocations || name.starts_with("__nl_") || name == "__pointers",
            "{segment},{name}: {edges} of {relocations}"
        );
        // ADDEND is the addend of the next one, and no edge of its own.
        assert!(
            edges > 0 || *relocations == 0,
            "{segment},{name}: {edges} of {relocations}"
        );
    }
    for (index, atom) in object.atoms.iter().enumerate() {
        assert!(atom.align.is_power_of_two());
        assert!(atom.zero_fill || atom.data.len() as u64 == atom.size);
        for edge in object.edges_of(index as u32) {
            assert!(edge.offset <= atom.size);
            inside(object, edge.to);
        }
    }
    for entry in &object.unwind {
        assert!((entry.atom as usize) < object.atoms.len());
        assert!((entry.header as usize) < object.unwind_headers.len());
        let header = &object.unwind_headers[entry.header as usize];
        for edge in entry.edges.iter().chain(&header.edges) {
            inside(object, edge.to);
        }
    }
    for symbol in &object.symbols {
        if let Definition::Atom { atom, offset } = symbol.definition {
            assert!(offset <= object.atoms[atom as usize].size);
        }
    }
}

fn inside(object: &ObjectFile<'_>, to: EdgeTarget) {
    match to {
        EdgeTarget::Symbol(s) => assert!((s as usize) < object.symbols.len()),
        EdgeTarget::Atom(a) => assert!((a as usize) < object.atoms.len()),
    }
}

/// The atom that defines a symbol, and where.
pub fn defined(object: &ObjectFile<'_>, name: &str) -> (u32, u64) {
    let symbol = object.symbols.iter().find(|s| s.name == name.as_bytes());
    match symbol.unwrap_or_else(|| panic!("no {name}")).definition {
        Definition::Atom { atom, offset } => (atom, offset),
        other => panic!("{name}: {other:?}"),
    }
}

/// What an edge of an atom leads to: symbols by name, atoms by their contents' section.
pub fn targets(object: &ObjectFile<'_>, atom: u32) -> Vec<(String, i64)> {
    object
        .edges_of(atom)
        .iter()
        .map(|e| {
            let to = match e.to {
                EdgeTarget::Symbol(s) => object.symbols[s as usize].name,
                EdgeTarget::Atom(a) => match object.symbols_of(a).next() {
                    Some((_, symbol)) => symbol.name,
                    None => object.atoms[a as usize].section,
                },
            };
            (String::from_utf8_lossy(to).into_owned(), e.addend)
        })
        .collect()
}
