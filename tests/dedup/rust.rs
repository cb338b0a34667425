//! Rust plugins with allocators of their own, whose shared crates have thread locals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Bench, LINKERS, dedup, members, ok, written};

/// Has a thread local, which other crates reach by inlined code, and a name for C, so that it stays in
/// the plugins with what it allocates.
const INNER: &str = r#"
use std::cell::Cell;
thread_local! { pub static DEPTH: Cell<usize> = const { Cell::new(3) }; }
#[unsafe(no_mangle)]
pub extern "C" fn inner_name() -> usize { std::env::args().map(|a| a.len()).sum::<usize>().min(5) }
"#;

/// Uses it, under names that are Rust's alone: it moves.
const OUTER: &str = r#"
pub fn dive() -> usize {
    inner::DEPTH.with(|d| { d.set(d.get() + 1); d.get() }) + vec![0u8; inner::inner_name()].len()
}
"#;

fn plugin(name: &str) -> String {
    format!(
        r#"
use std::alloc::{{GlobalAlloc, Layout, System}};
use std::sync::atomic::{{AtomicUsize, Ordering}};
static COUNT: AtomicUsize = AtomicUsize::new(0);
struct Counting;
unsafe impl GlobalAlloc for Counting {{
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {{
        COUNT.fetch_add(1, Ordering::Relaxed);
        unsafe {{ System.alloc(layout) }}
    }}
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {{ unsafe {{ System.dealloc(at, layout) }} }}
}}
#[global_allocator]
static ALLOCATOR: Counting = Counting;
#[unsafe(no_mangle)]
pub extern "C" fn {name}_run() -> usize {{
    let before = COUNT.load(Ordering::Relaxed);
    let found = outer::dive() + "{name}".len();
    found * 10 + usize::from(COUNT.load(Ordering::Relaxed) > before)
}}
"#
    )
}

fn rustc(bench: &Bench, name: &str, kind: &str, source: &str) -> PathBuf {
    let folder = bench.path("rust");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.rs")), source).unwrap();
    ok(Command::new("rustc")
        .current_dir(&folder)
        .args([
            "--edition",
            "2024",
            "-O",
            "-C",
            "codegen-units=1",
            "-L",
            ".",
        ])
        .args(["--crate-type", kind, "--crate-name", name])
        .arg(format!("{name}.rs")));
    folder.join(format!(
        "lib{name}.{}",
        if kind == "rlib" { "rlib" } else { "a" }
    ))
}

#[test]
fn thread_locals_of_members_that_stay_are_found_by_members_that_moved() {
    let bench = Bench::new();
    rustc(&bench, "inner", "rlib", INNER);
    let outer = format!("extern crate inner;\n{OUTER}");
    rustc(&bench, "outer", "rlib", &outer);
    let before: Vec<PathBuf> = ["first", "second_one"]
        .iter()
        .map(|name| {
            rustc(
                &bench,
                name,
                "staticlib",
                &format!("extern crate outer;\n{}", plugin(name)),
            )
        })
        .collect();
    let after = written(&dedup(&before, &bench.path("out")));
    let has = |library: &Path, stem: &str| members(library).iter().any(|m| m.starts_with(stem));
    assert!(has(&after[0], "inner") && has(&after[2], "outer") && has(&after[2], "std"));
    let source = "#include <stdio.h>\nunsigned long first_run(void), second_one_run(void);\n\
        int main(void) { printf(\"%lu\\n\", RUN()); return 0; }";
    for (number, run) in [(0, "first_run"), (1, "second_one_run")] {
        let source = source.replace("RUN", run);
        for linker in LINKERS {
            let own = before[number].clone();
            let expected = bench.program(linker, &source, &[own]);
            let new = [after[number].clone(), after[2].clone()];
            assert_eq!(
                bench.program(linker, &source, &new),
                expected,
                "{linker} {run}"
            );
        }
    }
}
