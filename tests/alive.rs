//! What lives by being there, through whole links: probes, tables that describe code, elements that the
//! manifest keeps, and commons of the large code model.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
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

/// Compiles or assembles sources, by their names, into objects beside them.
fn compile(flags: &[&str], sources: &[(&str, &str)], dir: &Utf8Path) {
    for (name, text) in sources {
        fs::write(dir.join(name), text).unwrap();
        run("cc", &[flags, &["-O1", "-c", name]].concat(), dir);
    }
}

/// Combines `liba.a` of these objects into `out`.
fn combine(strategy: &str, objects: &[&str], more: &[&str], dir: &Utf8Path) {
    let _ = fs::remove_file(dir.join("liba.a"));
    run("ar", &[&["rcs", "liba.a"], objects].concat(), dir);
    let arguments = [
        &[strategy, "--out", "out"],
        more,
        &["--exports", "a_*", "--", "liba.a"],
    ]
    .concat();
    run(env!("CARGO_BIN_EXE_dragonfire"), &arguments, dir);
}

/// One line for each of readelf's that has some of the words.
fn lines_with(option: &str, file: &str, words: &[&str], dir: &Utf8Path) -> Vec<String> {
    let all = run("readelf", &[option, "-W", file], dir);
    all.lines()
        .filter(|l| words.iter().any(|w| l.contains(w)))
        .map(|l| l.trim().to_owned())
        .collect()
}

const MAIN: (&str, &str) = (
    "main.c",
    "int a_reg(void); int main(void) { return a_reg(); }\n",
);

/// A function with a probe that has a semaphore.
fn probed(name: &str) -> String {
    format!(
        ".section .text.{name},\"ax\",@progbits\n.globl {name}\n.type {name}, @function\n{name}:\n\
         990: nop\n xor %eax, %eax\n ret\n.size {name}, . - {name}\n\
         .section .note.stapsdt,\"\",@note\n.balign 4\n.4byte 992f - 991f, 994f - 993f, 3\n\
         991: .asciz \"stapsdt\"\n992: .balign 4\n\
         993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte {name}_semaphore\n\
         .asciz \"mine\"\n.asciz \"{name}\"\n.asciz \"\"\n994: .balign 4\n\
         .section .probes.{name},\"aw\",@progbits\n{name}_semaphore: .2byte 0\n"
    )
}

const BASE: &str = ".section .stapsdt.base,\"aG\",@progbits,.stapsdt.base,comdat\n\
    .weak _.stapsdt.base\n.hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n\
    .size _.stapsdt.base, 1\n.section .note.GNU-stack,\"\",@progbits\n";

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn probes_live_with_their_code() {
    let (_guard, dir) = scratch();
    let both = [probed("a_reg"), probed("unused"), BASE.to_owned()].concat();
    let of_main = [probed("other"), BASE.to_owned()].concat();
    compile(&[], &[("a.s", &both), ("other.s", &of_main), MAIN], &dir);
    for strategy in ["prelink", "meld"] {
        combine(strategy, &["a.o"], &[], &dir);
        run(
            "cc",
            &["main.o", "other.o", "out/liba.a", "-o", "program"],
            &dir,
        );
        let names = lines_with("--notes", "program", &["Name:"], &dir);
        assert_eq!(names, ["Name: other", "Name: a_reg"], "{strategy}");
        // Each says where its code is and where the one base is.
        let places = lines_with("--notes", "program", &["Location:"], &dir);
        let symbols = run("nm", &["program"], &dir);
        let address = |name: &str| {
            let found = symbols.lines().find(|l| l.ends_with(&format!(" {name}")));
            found.map(|l| l[..16].to_owned()).unwrap()
        };
        for (line, name) in places.iter().zip(["other", "a_reg"]) {
            assert!(line.contains(&address(name)), "{line}");
            assert!(line.contains(&address("_.stapsdt.base")), "{line}");
            assert!(
                line.contains(&address(&format!("{name}_semaphore"))),
                "{line}"
            );
        }
        let base = lines_with("-S", "program", &[".stapsdt.base"], &dir);
        assert!(base.len() == 1 && base[0].contains(" 000001 "), "{base:?}");
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn many_probes_take_no_time() {
    const MANY: usize = 100_000;
    let (_guard, dir) = scratch();
    let mut text = String::from(".text\n.globl a_reg\na_reg:\n");
    for _ in 0..MANY {
        text.push_str("nop\n");
    }
    text.push_str("ret\n.section .note.stapsdt,\"\",@note\n");
    for at in 0..MANY {
        write!(
            text,
            ".4byte 8, 30, 3\n.asciz \"stapsdt\"\n.8byte a_reg + {at}, 0, 0\n.asciz \"a\"\n\
             .asciz \"b\"\n.asciz \"\"\n.balign 4\n"
        )
        .unwrap();
    }
    text.push_str(".section .note.GNU-stack,\"\",@progbits\n");
    compile(&[], &[("a.s", &text)], &dir);
    let begun = std::time::Instant::now();
    combine("meld", &["a.o"], &[], &dir);
    // A debug build takes a second or two; anything quadratic takes hours.
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    let sections = lines_with("-S", "out/liba.a", &[" .note.stapsdt"], &dir);
    assert_eq!(sections.len(), 1);
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn the_manifest_keeps_what_nobody_refers_to() {
    let (_guard, dir) = scratch();
    let entries = "struct entry { const char *name; };\n\
        static int says(void) { return 7; }\n\
        int nobody_calls(void) { return says(); }\n\
        __attribute__((used, section(\".data.table.b\"))) static struct entry table_b = { \"kept entry\" };\n\
        int helper(void) { return 0; }\n";
    let a = "int helper(void); int a_reg(void) { return helper(); }\n";
    compile(
        &["-ffunction-sections"],
        &[("a.c", a), ("b.c", entries), MAIN],
        &dir,
    );
    let manifest = |keep: &str| {
        let text = format!(
            "{{\"schema\": 1, \"workspace_library\": \"ws\", \"exports\": [\"a_reg\"], \
             \"plugins\": [{{\"package\": \"a\", \"plugin\": \"a\"}}], \"keep\": [{keep}]}}"
        );
        fs::write(dir.join("manifest.json"), text).unwrap();
    };
    for strategy in ["prelink", "meld"] {
        for (keep, kept) in [
            ("", 0),
            ("\".data.table.*\"", 1),
            ("\".data.table.*\", \"nobody_*\"", 2),
        ] {
            manifest(keep);
            combine(
                strategy,
                &["a.o", "b.o"],
                &["--manifest", "manifest.json"],
                &dir,
            );
            run("cc", &["main.o", "out/liba.a", "-o", "program"], &dir);
            let found = lines_with("-s", "program", &["table_b", "nobody_calls"], &dir).len();
            assert_eq!(found, kept, "{strategy} {keep}");
        }
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn metadata_goes_with_its_code_and_groups_stay() {
    let (_guard, dir) = scratch();
    // Counters in a group of their own, sizes tied by order, and a table with neither.
    let function = |name: &str| {
        format!(
            ".section .text.{name},\"ax\",@progbits\n.globl {name}\n{name}: incq .Lcount_{name}(%rip)\n\
             xor %eax, %eax\n ret\n\
             .section __llvm_prf_cnts,\"aGw\",@progbits,count_{name}\n.balign 8\n.Lcount_{name}: .quad 0\n\
             .section __llvm_prf_data,\"aGw\",@progbits,count_{name}\n.balign 8\n.quad .Lcount_{name}\n\
             .section .stack_sizes,\"o\",@progbits,.text.{name}\n.quad {name}\n.byte 8\n\
             .section __llvm_covfun,\"R\",@progbits\n.quad 1\n"
        )
    };
    let end = ".section .note.GNU-stack,\"\",@progbits\n";
    let text = [&function("a_reg"), &function("unused"), end].concat();
    compile(&[], &[("a.s", &text), MAIN], &dir);
    for strategy in ["prelink", "meld"] {
        combine(strategy, &["a.o"], &[], &dir);
        for flag in ["-Wl,--no-gc-sections", "-Wl,--gc-sections"] {
            run("cc", &[flag, "main.o", "out/liba.a", "-o", "program"], &dir);
            for (section, size) in [
                ("__llvm_prf_cnts", "000008"),
                ("__llvm_prf_data", "000008"),
                (".stack_sizes", "000009"),
                // Part of a report, called or not.
                ("__llvm_covfun", "000010"),
            ] {
                let found = lines_with("-S", "program", &[section], &dir);
                let right = found.len() == 1 && found[0].contains(&format!(" {size} "));
                assert!(right, "{strategy} {flag} {section}: {found:?}");
            }
        }
        let groups = lines_with("-g", "out/liba.a", &["group section"], &dir);
        assert_eq!(groups.len(), 1, "{groups:?}");
        assert!(!groups[0].contains("COMDAT"), "{groups:?}");
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn large_commons_stay_large() {
    let (_guard, dir) = scratch();
    let flags = [
        "-mcmodel=medium",
        "-mlarge-data-threshold=100",
        "-fcommon",
        "-fno-pic",
    ];
    let a = "char far_one[1000], near_there[1000]; char b(void);\n\
        int a_reg(void) { return far_one[1] + near_there[2] + b(); }\n";
    compile(&flags, &[("a.c", a)], &dir);
    let b = "char near_there[10]; char b(void) { return near_there[1]; }\n";
    compile(&["-fcommon"], &[("b.c", b)], &dir);
    for strategy in ["prelink", "meld"] {
        combine(strategy, &["a.o", "b.o"], &[], &dir);
        let common = lines_with("-s", "out/liba.a", &["far_one", "near_there"], &dir);
        assert_eq!(common.len(), 2);
        for line in common {
            let far = line.contains("LARGE_COM");
            // One member reaches no further: it is near for all.
            assert_eq!(far, line.contains("far_one"), "{line}");
            assert!(line.contains(" 1000 OBJECT"), "{line}");
        }
    }
}
