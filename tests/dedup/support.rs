//! Folders with small libraries, compiled by the machine's C compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Linkers that every program is linked with: GNU ld and gold read archives once, the others do not.
pub const LINKERS: &[&str] = &["bfd", "gold", "lld", "mold"];

/// Declares `shared` and `deep` with names of Rust's, which programs neither ask for nor define.
pub const RUST_NAMES: &str = "int shared(int) __asm__(\"_RNvCs1_5piece6shared\");\n\
    int deep(int) __asm__(\"_RNvCs1_5piece4deep\");\n";

/// A temporary folder of objects, libraries and programs.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Compiles C to `name`.
    pub fn object(&self, name: &str, source: &str) -> PathBuf {
        let c = self.path(&format!("{name}.c"));
        fs::create_dir_all(c.parent().unwrap()).unwrap();
        fs::write(&c, source).unwrap();
        let object = self.path(name);
        // The source's folder must not get into what ought to be the same object.
        ok(Command::new("cc")
            .args(["-c", "-O1", "-fPIC", "-o"])
            .arg(&object)
            .arg(c.file_name().unwrap())
            .current_dir(c.parent().unwrap()));
        object
    }

    /// Makes `lib<name>.a` in `folder` of members, each a name and its C.
    pub fn library(&self, folder: &str, name: &str, members: &[(&str, &str)]) -> PathBuf {
        let library = self.path(&format!("{folder}/lib{name}.a"));
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        let mut objects = Vec::new();
        for (member, source) in members {
            objects.push(self.object(&format!("objects/{name}/{member}"), source));
        }
        ok(Command::new("ar").arg("rcsD").arg(&library).args(objects));
        library
    }

    /// Links a C program with `libraries` in this order, runs it, gives what it prints.
    pub fn program(&self, linker: &str, source: &str, libraries: &[PathBuf]) -> String {
        let c = self.path("program.c");
        fs::write(&c, source).unwrap();
        let program = self.path(&format!("program-{linker}"));
        ok(link(linker).arg("-o").arg(&program).arg(c).args(libraries));
        let output = ok(&mut Command::new(program));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A command that links with this linker.
pub fn link(linker: &str) -> Command {
    let mut command = Command::new("cc");
    // Debian keeps `ld.lld` in LLVM's own folder.
    command
        .arg(format!("-fuse-ld={linker}"))
        .arg("-B/usr/lib/llvm-19/bin");
    command
}

/// Runs a command that must succeed.
#[track_caller]
pub fn ok(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The program itself.
pub fn dragonfire() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dragonfire"))
}

/// Runs `dragonfire … --json`, gives the response.
#[track_caller]
pub fn response(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Dedups into a folder; gives the response, which must be a success.
#[track_caller]
pub fn dedup(libraries: &[PathBuf], out: &Path) -> Value {
    let response = try_dedup(libraries, out);
    assert_eq!(response["ok"], json!(true), "{response:#}");
    response
}

pub fn try_dedup(libraries: &[PathBuf], out: &Path) -> Value {
    response(
        dragonfire()
            .args(["dedup", "--json", "--out"])
            .arg(out)
            .args(libraries),
    )
}

/// The original's command line: over the libraries, in the folder they are in.
pub fn in_place(folder: &Path, libraries: &[&str]) -> Output {
    dragonfire()
        .args(["-o", "libgstrsworkspace.a", "-f", "gnu"])
        .args(libraries)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The written libraries, in link order.
pub fn written(response: &Value) -> Vec<PathBuf> {
    let libraries = response["link"]["libraries"].as_array().unwrap();
    libraries
        .iter()
        .map(|l| PathBuf::from(l.as_str().unwrap()))
        .collect()
}

/// The code of the first error of a response that is a failure.
#[track_caller]
pub fn code(response: &Value) -> &str {
    assert_eq!(response["ok"], json!(false), "{response:#}");
    response["errors"][0]["code"].as_str().unwrap()
}

/// Names of the members of an archive, by llvm-ar.
pub fn members(archive: &Path) -> Vec<String> {
    let output = ok(Command::new("llvm-ar-19").arg("t").arg(archive));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Every file below a folder, with its contents.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.insert(path.clone(), Vec::new());
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path, bytes);
            }
        }
    }
    files
}

/// Every subset of `0..n` but the empty one.
pub fn subsets(n: usize) -> impl Iterator<Item = Vec<usize>> {
    (1..1usize << n).map(move |bits| (0..n).filter(|i| bits >> i & 1 == 1).collect())
}
