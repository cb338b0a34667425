//! `verify` turned loose on results that are wrong on purpose: each kind of fault that a writer or a plan
//! could make is made in the written bytes, and found.

mod brings;
mod elf;
mod faults;
mod imports;

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::analysis::exports::defined_names;
use dragonfire::analysis::identity::members::MemberClasses;
use dragonfire::analysis::{Analysis, Sharing};
use dragonfire::error::{Code, Result};
use dragonfire::exports::NameRules;
use dragonfire::format::output::DebugOptions;
use dragonfire::input::archive::ArchiveKind;
use dragonfire::input::{self, Inputs};
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::debug::DebugLines;
use dragonfire::plan::objects::Objects;
use dragonfire::plan::partition::Partition;
use dragonfire::plan::{self, OutputSet};
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{Debug, Granularity, Symbols};
use dragonfire::verify::proof::Proof;
use dragonfire::verify::{Promise, Promises, verify};

use elf::{Elf, Spoil};
use faults::FAULTS;

/// Everything that a reference can be wrong about.
const PLUGIN: &str = r#"
extern "C" int shared_helper(int);
extern "C" int member_helper(int);
extern "C" __attribute__((weak)) int hook(void) { return 1; }
inline int counter = 3;
thread_local int own = 4;
extern "C" int chosen(void);
extern "C" int level[];
static int (*const table[])(int) = {shared_helper, member_helper};
static int first, second;
__attribute__((constructor)) static void begin() { first = 1; }
__attribute__((constructor)) static void middle() { second = first; }
extern "C" int NAME(int x) {
    try { return table[x & 1](x) + hook() + counter++ + own + chosen() + level[0] + second; }
    catch (int y) { return y; }
}
"#;
const HELPER: &str = r#"
extern "C" int shared_helper(int x) { if (x > 90) throw x; return x + 1; }
static int impl(void) { return 5; }
extern "C" { static int (*resolve(void))(void) { return impl; } }
extern "C" int chosen(void) __attribute__((ifunc("resolve")));
"#;
const MEMBER: &str = r#"
int level[16];
extern int second_level[8];
int second_level[8];
int member_helper(int x) { return level[x & 15] + second_level[1]; }
"#;

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// The plugins' libraries.
fn libraries(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let object = |name: &str, source: &str, cxx: bool, defines: &[&str]| {
        let path = dir.join(if cxx {
            format!("{name}.cc")
        } else {
            format!("{name}.c")
        });
        fs::write(&path, source).unwrap();
        let out = dir.join(format!("{name}.o"));
        let mut command = Command::new(if cxx { "c++" } else { "cc" });
        command.args([
            "-c",
            "-O1",
            "-g",
            "-fPIC",
            "-ffunction-sections",
            "-fdata-sections",
        ]);
        command.args(if cxx { "-std=c++17" } else { "-fcommon" }.split(' '));
        run(command.args(defines).arg(&path).arg("-o").arg(&out));
        out
    };
    let helper = object("helper", HELPER, true, &[]);
    let member = object("member", MEMBER, false, &[]);
    ["a", "b"]
        .iter()
        .map(|name| {
            let own = object(name, PLUGIN, true, &[&format!("-DNAME={name}_register")]);
            let library = dir.join(format!("lib{name}.a"));
            run(Command::new("ar")
                .arg("rcs")
                .arg(&library)
                .args([&own, &helper, &member]));
            library
        })
        .collect()
}

struct Case {
    inputs: Vec<Utf8PathBuf>,
    dir: Utf8PathBuf,
}

impl Case {
    /// What verify says of the result, spoiled.
    fn verdict(&self, spoil: Option<Spoil>) -> Result<()> {
        self.judged(|set| {
            if let Some(spoil) = spoil {
                assert!(spoiled(set, spoil), "there is nothing to spoil");
            }
        })
    }

    /// What it says of a changed result.
    fn judged(&self, change: impl FnOnce(&mut OutputSet<'_>)) -> Result<()> {
        self.judged_as(change, |_| ())
    }

    /// What it says of a changed result where something else had been decided, too.
    fn judged_as(
        &self,
        change: impl FnOnce(&mut OutputSet<'_>),
        decide: impl FnOnce(&mut Partition),
    ) -> Result<()> {
        let files = input::open_all(&self.inputs)?;
        let inputs = Inputs::read(&files)?;
        let members = MemberClasses::new(&inputs);
        let exports: Vec<Vec<&[u8]>> = defined_names(&inputs)?
            .into_iter()
            .map(|names| {
                names
                    .into_iter()
                    .filter(|n| n.ends_with(b"_register"))
                    .collect()
            })
            .collect();
        let rules = NameRules::default();
        let analysis = Analysis::new(&inputs, &members, &exports, &rules, Sharing::Universe)?;
        let mut partition = Partition::new(&analysis, Granularity::Plugin);
        let debug = DebugLines::new(&inputs, &analysis, &partition, Some(Debug::Lines));
        let options = DebugOptions::default();
        let objects = Objects::new(
            &analysis,
            &partition,
            Symbols::Keep,
            &inputs,
            "shared",
            (&debug, options),
        );
        let mut set = plan::meld::plan(&inputs, &objects, &Silent)?;
        change(&mut set);
        decide(&mut partition);
        let mut order: Vec<Utf8PathBuf> = Vec::new();
        for library in set.libraries.iter().chain([&set.workspace]) {
            let path = self.dir.join(format!("out-{}.a", library.name));
            let archive = ArchiveWriter::new(ArchiveKind::Gnu, &library.members)?;
            archive
                .write(&mut fs::File::create(&path).unwrap())
                .unwrap();
            order.push(path);
        }
        let files = input::open_all(&order)?;
        let written = Inputs::read(&files)?;
        let promises = Promises {
            libraries: set
                .libraries
                .iter()
                .map(|library| Promise {
                    exports: library.exports.iter().map(|e| e.as_slice()).collect(),
                    externals: Some(library.externals.iter().map(|e| e.as_slice()).collect()),
                    defined: Vec::new(),
                })
                .collect(),
            met: set.met.iter().map(|n| n.as_slice()).collect(),
            hidden: set.hidden.iter().map(|n| n.as_slice()).collect(),
        };
        let proof = Proof {
            inputs: &inputs,
            analysis: &analysis,
            partition: &partition,
            made: &set.made,
            debug: &debug,
        };
        let order: Vec<&Utf8Path> = order.iter().map(|p| p.as_path()).collect();
        verify(&written, &order, &promises, true, Some(&proof))
    }
}

fn spoiled(set: &mut OutputSet<'_>, spoil: Spoil) -> bool {
    let libraries = set.libraries.iter_mut().chain([&mut set.workspace]);
    libraries.flat_map(|l| &mut l.members).any(|member| {
        let mut bytes = member.data.to_vec();
        let done = spoil(&mut Elf(&mut bytes)).is_some();
        if done {
            member.data = bytes.into();
        }
        done
    })
}

#[test]
fn wrong_results_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    fs::create_dir_all(&dir).unwrap();
    let case = Case {
        inputs: libraries(&dir),
        dir,
    };
    case.verdict(None).unwrap();
    let mut missed = Vec::new();
    for (what, spoil) in FAULTS {
        match case.verdict(Some(*spoil)) {
            Ok(()) => missed.push(*what),
            Err(e) => assert!(
                matches!(e.code(), Code::VerifyFailed | Code::ObjectMalformed),
                "{what}: {e}"
            ),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
