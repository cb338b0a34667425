//! What objects say of themselves, through whole links: build attributes against what `ld -r` makes of
//! them, dependent libraries, and intermediate code beside or in place of code.

use std::fs;
use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection};

const EXPORTED: &str = "int b_inner(int);\n\
    double scale(double x) { return x * 1.5; }\n\
    int a_reg(int x) { return b_inner(x) + (int)scale(x); }\n";
const INNER: &str = "int b_inner(int x) { return x + 7; }\n";

fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

/// Is the tool there? Where everything is installed, it must be.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output();
    let there = there.is_ok_and(|o| o.status.success());
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{tool} is not installed"
    );
    there
}

fn run(program: &str, arguments: &[&str], dir: &Utf8Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn compile(compiler: &str, flags: &[&str], source: &str, object: &str, dir: &Utf8Path) {
    let name = format!("{object}.c");
    fs::write(dir.join(&name), source).unwrap();
    let all = [flags, &["-c", name.as_str(), "-o", object]].concat();
    run(compiler, &all, dir);
}

fn dragonfire(arguments: &[&str], dir: &Utf8Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dragonfire"))
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap()
}

/// Combines `liba.a` of these objects into `out`.
fn combine(strategy: &str, objects: &[&str], dir: &Utf8Path) -> Result<String, String> {
    let library = dir.join("liba.a");
    let _ = fs::remove_file(&library);
    run("ar", &[&["rcs", "liba.a"], objects].concat(), dir);
    let output = dragonfire(
        &[strategy, "--out", "out", "--exports", "a_*", "--", "liba.a"],
        dir,
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

/// Sections of the members of a library: name and contents.
fn sections(library: &Utf8Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(library).unwrap();
    let archive = ArchiveFile::parse(&*bytes).unwrap();
    let mut all = Vec::new();
    for member in archive.members() {
        let data = member.unwrap().data(&*bytes).unwrap();
        let Ok(file) = object::File::parse(data) else {
            continue;
        };
        for section in file.sections() {
            let name = section.name().unwrap().to_owned();
            all.push((name, section.data().unwrap().to_vec()));
        }
    }
    all
}

fn has_section(library: &Utf8Path, stem: &str) -> bool {
    sections(library).iter().any(|(n, _)| n.starts_with(stem))
}

/// Attributes as readelf shows them.
fn shown(readelf: &str, file: &str, dir: &Utf8Path) -> Vec<String> {
    let text = run(readelf, &["-A", file], dir);
    let tags = text.lines().map(str::trim);
    let tags: Vec<String> = tags
        .filter(|l| l.starts_with("Tag_"))
        .map(str::to_owned)
        .collect();
    assert!(!tags.is_empty(), "{file}: no attributes: {text}");
    tags
}

/// Prelinks a library of two objects, and compares its attributes with what `ld -r` gives.
fn as_ld_does(prefix: &str, one: (&str, &[&str]), two: (&str, &[&str])) {
    let (_keep, dir) = scratch();
    compile(one.0, one.1, EXPORTED, "a.o", &dir);
    compile(two.0, two.1, INNER, "b.o", &dir);
    combine("prelink", &["a.o", "b.o"], &dir).unwrap();
    let linker = format!("{prefix}-ld");
    run(&linker, &["-r", "a.o", "b.o", "-o", "ld.o"], &dir);
    let readelf = format!("{prefix}-readelf");
    let mut ours = shown(&readelf, "out/liba.a", &dir);
    // Clang says 0 where GNU tools say nothing; `ld -r` leaves it out.
    ours.retain(|t| t != "Tag_ABI_PCS_R9_use: V6");
    let mut theirs = shown(&readelf, "ld.o", &dir);
    // It makes up a name where no object has one for the architecture of both.
    let names = |tags: &[String]| tags.iter().any(|t| t.starts_with("Tag_CPU_name"));
    if !names(&ours) {
        theirs.retain(|t| !t.starts_with("Tag_CPU_name"));
    }
    assert_eq!(ours, theirs, "{one:?} {two:?}");
}

#[test]
fn arm_attributes_are_those_of_ld() {
    const PREFIX: &str = "arm-linux-gnueabihf";
    let gcc = "arm-linux-gnueabihf-gcc";
    if !has(gcc) {
        return;
    }
    let kinds: [&[&str]; 9] = [
        &["-march=armv7-a", "-mfpu=vfpv3-d16", "-O0"],
        &["-march=armv7-a", "-mfpu=neon-vfpv4", "-mthumb", "-Os"],
        &["-march=armv7ve", "-mfpu=neon-vfpv3", "-marm", "-O2"],
        &["-march=armv8-a", "-mfpu=neon-fp-armv8", "-mthumb"],
        &["-march=armv6kz", "-mfpu=vfpv2", "-marm", "-O2"],
        &["-march=armv6t2", "-mfpu=vfpv2", "-mthumb"],
        &["-march=armv5te", "-mfpu=vfpv2", "-marm", "-fshort-enums"],
        &["-mcpu=cortex-a9", "-mfpu=neon-fp16", "-mfp16-format=ieee"],
        &[
            "-march=armv7-r+idiv",
            "-mfpu=vfpv3xd",
            "-mno-unaligned-access",
        ],
    ];
    for one in kinds {
        for two in kinds {
            // Application and real-time processors: both refuse.
            let profiles = |a: &[&str]| {
                (
                    a[0].contains("v7-r"),
                    !a[0].contains("v6") && !a[0].contains("v5"),
                )
            };
            if profiles(one).0 != profiles(two).0 && profiles(one).1 && profiles(two).1 {
                continue;
            }
            as_ld_does(PREFIX, (gcc, one), (gcc, two));
        }
    }
    if has("clang-19") {
        let clang: &[&str] = &["--target=armv7-linux-gnueabihf", "-O2"];
        as_ld_does(PREFIX, ("clang-19", clang), (gcc, kinds[3]));
        as_ld_does(PREFIX, (gcc, kinds[4]), ("clang-19", clang));
    }
}

#[test]
fn arm_objects_that_do_not_go_together() {
    let gcc = "arm-linux-gnueabihf-gcc";
    if !has(gcc) {
        return;
    }
    let (_keep, dir) = scratch();
    let hard = ["-march=armv7-a", "-mfpu=vfpv3-d16", "-mfloat-abi=hard"];
    let soft = ["-march=armv7-a", "-mfpu=vfpv3-d16", "-mfloat-abi=softfp"];
    compile(gcc, &hard, EXPORTED, "a.o", &dir);
    compile(gcc, &soft, INNER, "b.o", &dir);
    let said = combine("prelink", &["a.o", "b.o"], &dir).unwrap_err();
    assert!(said.contains("(mixed-formats)"), "{said}");
    assert!(said.contains("Tag_ABI_VFP_args"), "{said}");
    assert!(!dir.join("out/liba.a").exists());
    // Objects without floating point go with either: assembly says nothing.
    fs::write(
        dir.join("b.s"),
        ".globl b_inner\n.type b_inner,%function\nb_inner: add r0, r0, #7\nbx lr\n",
    )
    .unwrap();
    run(gcc, &["-c", "b.s", "-o", "b.o"], &dir);
    combine("prelink", &["a.o", "b.o"], &dir).unwrap();
}

#[test]
fn riscv_attributes_are_those_of_ld() {
    let gcc = "riscv64-linux-gnu-gcc";
    if !has(gcc) {
        return;
    }
    let kinds: [&[&str]; 4] = [
        &["-march=rv64gc", "-O2"],
        &["-march=rv64gc_zba_zbb"],
        &["-march=rv64imafd_zbc_zfh"],
        &["-march=rv64gc_svinval", "-mstrict-align"],
    ];
    for one in kinds {
        for two in kinds {
            as_ld_does("riscv64-linux-gnu", (gcc, one), (gcc, two));
        }
    }
}

#[test]
fn libraries_that_objects_ask_for() {
    if !has("clang-19") || !has("ld.lld-19") {
        return;
    }
    let (_keep, dir) = scratch();
    let flags = ["-O1", "-fPIC", "-fno-builtin"];
    compile(
        "clang-19",
        &flags,
        "#pragma comment(lib, \"m\")\n#pragma comment(lib, \"dl\")\n\
         double sin(double); int b_inner(int);\n\
         int a_reg(int x) { return (int)(100 * sin(x)) + b_inner(x); }\n",
        "a.o",
        &dir,
    );
    compile(
        "clang-19",
        &flags,
        "#pragma comment(lib, \"pthread\")\n#pragma comment(lib, \"m\")\n\
         int b_inner(int x) { return x; }\n",
        "b.o",
        &dir,
    );
    // Nothing of this one lives.
    compile(
        "clang-19",
        &flags,
        "#pragma comment(lib, \"nowhere\")\nint dead(void) { return 1; }\n",
        "c.o",
        &dir,
    );
    compile(
        "clang-19",
        &[],
        "#include <stdio.h>\nint a_reg(int); int main(int c, char **v) { printf(\"%d\\n\", a_reg(c)); }\n",
        "main.o",
        &dir,
    );
    let link = ["-fuse-ld=lld", "main.o"];
    for strategy in ["meld", "prelink"] {
        combine(strategy, &["a.o", "b.o", "c.o"], &dir).unwrap();
        let library = dir.join("out/liba.a");
        let named: Vec<Vec<u8>> = sections(&library)
            .into_iter()
            .filter(|(name, _)| name == ".deplibs")
            .map(|(_, contents)| contents)
            .collect();
        assert_eq!(named, [b"m\0dl\0pthread\0"], "{strategy}");
        let header = run("readelf", &["-SW", "out/liba.a"], &dir);
        let header = header.lines().find(|l| l.contains(".deplibs")).unwrap();
        // Entries of one byte; merge, strings.
        assert!(
            header.contains("fff4c04") && header.contains(" 01  MS "),
            "{header}"
        );
        run(
            "clang-19",
            &[&link[..], &["out/liba.a", "-o", "main"]].concat(),
            &dir,
        );
        assert_eq!(run("./main", &[], &dir), "85\n", "{strategy}");
    }
}

#[test]
fn slim_objects_of_gcc_are_intermediate_code() {
    let (_keep, dir) = scratch();
    let slim = ["-O2", "-flto", "-fno-fat-lto-objects", "-g", "-fcommon"];
    compile(
        "gcc",
        &slim,
        "int b_inner(int); int shared; int a_reg(int x) { return b_inner(x) + shared; }",
        "a.o",
        &dir,
    );
    compile("gcc", &slim, INNER, "b.o", &dir);
    for strategy in ["meld", "prelink"] {
        let said = combine(strategy, &["a.o", "b.o"], &dir).unwrap_err();
        assert!(said.contains("(bitcode-member)"), "{said}");
        assert!(said.contains("GCC's -flto intermediate code"), "{said}");
        assert!(said.contains("-ffat-lto-objects"), "{said}");
        assert!(said.contains("b.o"), "every one is named: {said}");
    }
    let said = combine("dedup", &["a.o", "b.o"], &dir).unwrap();
    assert!(said.contains("bitcode-member"), "{said}");
    let kept = fs::read(dir.join("a.o")).unwrap();
    let bytes = fs::read(dir.join("out/liba.a")).unwrap();
    let archive = ArchiveFile::parse(&*bytes).unwrap();
    let first = archive.members().next().unwrap().unwrap();
    assert_eq!(first.data(&*bytes).unwrap(), kept);
    // What the compiler's own archiver has put into the index is in the index.
    let index = |file: &str| run("nm", &["-s", file], &dir).contains("a_reg in a.o");
    assert_eq!(index("out/liba.a"), index("liba.a"));
    if index("liba.a") {
        compile(
            "gcc",
            &["-O1"],
            "int a_reg(int); int main(void) { return a_reg(1) - 8; }",
            "main.o",
            &dir,
        );
        run(
            "gcc",
            &["-flto", "main.o", "out/liba.a", "-o", "main"],
            &dir,
        );
        run("./main", &[], &dir);
    }
}

#[test]
fn fat_objects_are_objects() {
    let (_keep, dir) = scratch();
    compile(
        "gcc",
        &["-O1"],
        "int a_reg(int); int main(void) { return a_reg(2) - 12; }",
        "main.o",
        &dir,
    );
    // Also one that has nothing but a common.
    let fat = ["-O2", "-flto", "-ffat-lto-objects", "-fcommon"];
    compile("gcc", &fat, EXPORTED, "a.o", &dir);
    compile("gcc", &fat, INNER, "b.o", &dir);
    compile("gcc", &fat, "int only_a_common;", "c.o", &dir);
    for strategy in ["meld", "prelink"] {
        combine(strategy, &["a.o", "b.o", "c.o"], &dir).unwrap();
        assert!(has_section(&dir.join("liba.a"), ".gnu.lto_"));
        assert!(!has_section(&dir.join("out/liba.a"), ".gnu.lto_"));
        run("gcc", &["main.o", "out/liba.a", "-o", "main"], &dir);
        run("./main", &[], &dir);
    }
    if !has("clang-19") {
        return;
    }
    compile(
        "clang-19",
        &["-O2", "-flto", "-ffat-lto-objects"],
        EXPORTED,
        "a.o",
        &dir,
    );
    for strategy in ["meld", "prelink"] {
        combine(strategy, &["a.o", "b.o"], &dir).unwrap();
        assert!(has_section(&dir.join("liba.a"), ".llvm.lto"));
        assert!(!has_section(&dir.join("out/liba.a"), ".llvm.lto"));
        run("gcc", &["main.o", "out/liba.a", "-o", "main"], &dir);
        run("./main", &[], &dir);
    }
}
