//! Constructors and variables that are missing, too many, or written twice.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::error::Code;
use dragonfire::input::LibraryId;
use dragonfire::plan::MadeObject;

use crate::elf::{Elf, info};
use crate::{Case, run};

/// The entry that pulls what lives by a rule alone becomes weak, which pulls nothing.
fn not_pulled(elf: &mut Elf<'_>) -> Option<()> {
    elf.symbol(|n| n.ends_with("_register"))?;
    let (_, at) = elf
        .symbols()
        .into_iter()
        .skip(1)
        .find(|(name, at)| elf.word(at + 6, 2) == 0 && name.contains('.'))?;
    info(elf, at, |i| 0x20 | i & 15)
}

#[test]
fn a_constructor_that_nobody_pulls_is_found() {
    const LATE: &str = "int ran; __attribute__((constructor)) static void late(void) { ran = 1; }\n\
                        int dead(void) { return ran; }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let object = |name: &str, source: &str| {
        let (path, out) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.o")));
        fs::write(&path, source).unwrap();
        let mut cc = Command::new("cc");
        run(cc
            .args(["-c", "-O1", "-fPIC", "-ffunction-sections"])
            .arg(&path)
            .arg("-o")
            .arg(&out));
        out
    };
    let late = object("late", LATE);
    let inputs = ["a", "b"].map(|name| {
        let number = name.len() + usize::from(name == "b");
        let source = format!(
            "int dead(void); int unused(void) {{ return dead(); }} int {name}_register(void) {{ return {number}; }}"
        );
        let own = object(name, &source);
        let library = dir.join(format!("lib{name}.a"));
        run(Command::new("ar").arg("rcs").arg(&library).args([&own, &late]));
        library
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.verdict(None).unwrap();
    let said = case.verdict(Some(not_pulled)).unwrap_err();
    assert_eq!(said.code(), Code::VerifyFailed);
    let what = "does not bring along a constructor";
    assert!(said.to_string().contains(what), "{said}");
}

/// A reference to something outside becomes one to what stands beside a weak definition, with its constructor.
fn brings_too_much(elf: &mut Elf<'_>) -> Option<()> {
    elf.symbol(|n| n == "a_register")?;
    let at = elf.0.windows(16).position(|w| w == b"outside_number_\0")?;
    elf.put(at, b"beside_register\0");
    Some(())
}

#[test]
fn a_constructor_that_an_export_brings_too_many_is_found() {
    const BESIDE: &str = "int ran; __attribute__((constructor)) static void late(void) { ran += 1; }\n\
                          __attribute__((weak)) int hook(void) { return 1; }\n\
                          int beside_register(void) { return ran; }";
    const OWN: &str = "int hook(void), helper(void); extern int outside_number_;\n\
                       int a_register(void) { return hook() + helper() + outside_number_; }";
    const THIRD: &str = "int helper(void); int c_register(void) { return helper(); }";
    const HELPER: &str = "static int calls; int helper(void) { return ++calls; }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let object = |name: &str, source: &str| {
        let (path, out) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.o")));
        fs::write(&path, source).unwrap();
        let mut cc = Command::new("cc");
        run(cc
            .args(["-c", "-O1", "-fPIC"])
            .arg(&path)
            .arg("-o")
            .arg(&out));
        out
    };
    let helper = object("helper", HELPER);
    let members = [
        ("a", [("own", OWN), ("beside", BESIDE)].as_slice()),
        ("c", [("third", THIRD)].as_slice()),
    ];
    let inputs = members.map(|(library, sources)| {
        let own = sources.iter().map(|(name, source)| object(name, source));
        let library = dir.join(format!("lib{library}.a"));
        run(Command::new("ar")
            .arg("rcs")
            .arg(&library)
            .args(own)
            .arg(&helper));
        library
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.verdict(None).unwrap();
    let said = case.verdict(Some(brings_too_much)).unwrap_err().to_string();
    let what = "an export brings along a constructor that it does not pull as built";
    assert!(said.contains(what), "{said}");
}

/// Something for the workspace library.
const SHARED: (&str, &str) = (
    "shared",
    r#"extern "C" int shared(int x) { return x * 3; }"#,
);

/// A library of these members of C++, and another that has [`SHARED`] in common with it.
fn libraries_of(dir: &Utf8Path, members: &[(&str, &str)]) -> Vec<Utf8PathBuf> {
    const OTHER: &str =
        r#"extern "C" int shared(int); extern "C" int other_register() { return shared(7); }"#;
    let one = [members, &[SHARED]].concat();
    let other = [("other", OTHER), SHARED];
    let libraries = [("libone.a", one.as_slice()), ("libother.a", &other)];
    let libraries = libraries.map(|(library, members)| {
        let library = dir.join(library);
        let objects = members.iter().map(|(name, source)| {
            let path = dir.join(format!("{name}.cc"));
            let out = path.with_extension("o");
            fs::write(&path, source).unwrap();
            let mut cxx = Command::new("c++");
            let cxx = cxx.args(["-std=c++17", "-c", "-O1", "-fPIC"]);
            run(cxx.arg(&path).arg("-o").arg(&out));
            out
        });
        let objects: Vec<Utf8PathBuf> = objects.collect();
        run(Command::new("ar").arg("rcs").arg(&library).args(objects));
        library
    });
    libraries.to_vec()
}

#[test]
fn what_is_written_twice_is_found() {
    const STATE: &str = r#"static int calls; extern "C" int step() { return ++calls; }"#;
    const FIRST: &str = r#"extern "C" int step(), shared(int); extern "C" int first_register() { return shared(step()); }"#;
    const SECOND: &str =
        r#"extern "C" int step(); extern "C" int second_register() { return step() + 1; }"#;
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let members = [("state", STATE), ("first", FIRST), ("second", SECOND)];
    let inputs = libraries_of(&dir, &members);
    let case = Case { inputs, dir };
    case.verdict(None).unwrap();
    let said = case.judged(|set| {
        let members = &mut set.libraries[0].members;
        let ours = |made: &&MadeObject| made.library == Some(LibraryId(0));
        let mut again: Vec<MadeObject> = set.made.iter().filter(ours).cloned().collect();
        for made in &mut again {
            let mut copy = members[made.member].clone();
            let mut bytes = copy.data.to_vec();
            let mut elf = Elf(&mut bytes);
            // A name that is defined twice is found before.
            while let Some(at) = elf.symbol(|name| name.ends_with("_register")) {
                elf.put(at, &[0; 4]);
            }
            copy.data = bytes.into();
            made.member = members.len();
            members.push(copy);
        }
        set.made.extend(again);
    });
    let said = said.unwrap_err().to_string();
    let what = "a variable or a constructor was written twice for one library";
    assert!(said.contains(what), "{said}");
}

#[test]
fn the_first_object_that_defines_a_template_is_looked_at() {
    const FIRST: &str = "static int ran; extern \"C\" int shared(int); static struct Begin { Begin() { ran = 1; } } begin;\n\
                         extern \"C\" __attribute__((noipa)) inline int both_register() { return 3; }\n\
                         extern \"C\" int first_register() { return ran + shared(both_register()); }";
    const SECOND: &str = "extern \"C\" __attribute__((noipa)) inline int both_register() { return 3; }\n\
                          extern \"C\" int second_register() { return 1 + both_register(); }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let inputs = libraries_of(&dir, &[("first", FIRST), ("second", SECOND)]);
    let case = Case { inputs, dir };
    case.verdict(None).unwrap();
    let said = case.judged(|set| {
        let members = &mut set.libraries[0].members;
        members.reverse();
        for made in set
            .made
            .iter_mut()
            .filter(|made| made.library == Some(LibraryId(0)))
        {
            made.member = members.len() - 1 - made.member;
        }
    });
    let said = said.unwrap_err().to_string();
    let what = "does not bring along a constructor";
    assert!(said.contains(what), "{said}");
}

/// One function, two addresses: its copies say the same, and are laid out otherwise.
#[test]
fn copies_that_no_name_leads_to_are_found() {
    const FIRST: &str = "extern \"C\" int shared(int); __attribute__((noipa)) inline int seven(int x) { return x * 7; }\n\
                         extern \"C\" int first_register() { return shared(seven(2)); }";
    const SECOND: &str = "static int ran; static struct Begin { Begin() { ran = 1; } } begin;\n\
                          __attribute__((noipa, aligned(64))) inline int seven(int x) { return x * 7; }\n\
                          extern \"C\" int second_register() { return ran + seven(3); }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let inputs = libraries_of(&dir, &[("first", FIRST), ("second", SECOND)]);
    let case = Case { inputs, dir };
    case.verdict(None).unwrap();
    let said = case.judged_as(|_| (), |partition| partition.grouped.fill(false));
    let said = said.unwrap_err().to_string();
    let what = "what is one by this name became several for one library";
    assert!(said.contains(what), "{said}");
}
