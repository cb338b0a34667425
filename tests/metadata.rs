//! The metadata as real tools read it: pkg-config, a C compiler and linker, make and ninja.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::emit::{Subject, emit};
use dragonfire::format::Format;
use dragonfire::protocol::request::{Metadata, Strategy};
use dragonfire::protocol::response::{Plugin, WorkspaceLibrary};

fn run(program: &str, args: &[&str], dir: &Utf8Path) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env(
            "PKG_CONFIG_PATH",
            format!("{dir}/lib/pkgconfig:{dir}/lib/plugins/pkgconfig:{dir}/my libs/pkgconfig"),
        )
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Splits what pkg-config says as a shell does.
fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {line}");
    let text = run("sh", &["-c", &script], Utf8Path::new("."));
    text.lines().map(str::to_owned).collect()
}

/// Static libraries in C that need each other as melded ones do: `one` and `two` need the workspace
/// library, which needs what both name; `two` alone needs `alone`.
fn libraries(dir: &Utf8Path) {
    let sources = [
        (
            "lib/plugins/libone.a",
            "int shared(void); int one(void) { return shared() + 1; }",
        ),
        (
            "lib/plugins/libtwo.a",
            "int shared(void); int alone(void); int two(void) { return shared() + alone(); }",
        ),
        (
            "lib/libws.a",
            "int ext(void); int native(void); int shared(void) { return ext() + native(); }",
        ),
        ("lib/libext.a", "int ext(void) { return 10; }"),
        ("lib/libnative.a", "int native(void) { return 100; }"),
        ("lib/libalone.a", "int alone(void) { return 1000; }"),
    ];
    std::fs::create_dir_all(dir.join("lib/plugins/pkgconfig")).expect("folders");
    std::fs::create_dir_all(dir.join("lib/pkgconfig")).expect("folders");
    for (library, source) in sources {
        std::fs::write(dir.join("x.c"), source).expect("source");
        run("cc", &["-c", "x.c", "-o", "x.o"], dir);
        run("ar", &["rcs", library, "x.o"], dir);
        std::fs::remove_file(dir.join("x.o")).expect("object");
    }
    std::fs::write(
        dir.join("lib/pkgconfig/ext.pc"),
        "libdir=${pcfiledir}/..\nName: ext\nDescription: ext\nVersion: 2\nLibs: -L${libdir} -lext\n",
    )
    .expect("ext.pc");
}

fn plugin(dir: &Utf8Path, name: &str, natives: &[&str]) -> Plugin {
    Plugin {
        library: name.to_owned(),
        plugin: name.to_owned(),
        path: Some(dir.join(format!("lib/plugins/lib{name}.a"))),
        native_static_libs: natives.iter().map(|n| (*n).to_owned()).collect(),
        pkg_config_requires: vec!["ext >= 1".to_owned()],
        ..Plugin::default()
    }
}

fn write(subject: &Subject<'_>, metadata: &Metadata) {
    for file in emit(subject, metadata).expect("metadata") {
        std::fs::write(&file.path, file.contents).expect("written");
    }
}

/// Links a program that calls `plugins` with what pkg-config says, and runs it.
fn program(dir: &Utf8Path, plugins: &[&str], options: &[&str]) -> i32 {
    let declarations: String = plugins.iter().map(|p| format!("int {p}(void);")).collect();
    let calls: String = plugins.iter().map(|p| format!(" + {p}()")).collect();
    let source =
        format!("#include <stdio.h>\n{declarations}int main(void) {{ printf(\"%d\", 0{calls}); }}");
    std::fs::write(dir.join("main.c"), source).expect("main.c");
    let mut args = options.to_vec();
    args.extend(plugins);
    let flags = words(&run("pkg-config", &args, dir));
    let mut args = vec!["main.c", "-o", "main"];
    args.extend(flags.iter().map(String::as_str));
    run("cc", &args, dir);
    run(dir.join("main").as_str(), &[], dir)
        .parse()
        .expect("a number")
}

fn every_subset_links(dir: &Utf8Path, options: &[&str]) {
    assert_eq!(program(dir, &["one"], options), 111);
    assert_eq!(program(dir, &["two"], options), 1110);
    assert_eq!(program(dir, &["one", "two"], options), 1221);
    assert_eq!(program(dir, &["two", "one"], options), 1221);
}

#[test]
fn programs_link_with_what_pkg_config_says() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
    let dir = root.join("first");
    libraries(&dir);
    // Natives are found through the compiler's own search in real life; here by -L.
    let lib = format!("-L{root}/moved/lib");
    let plugins = [
        plugin(&dir, "one", &[&lib, "-lnative"]),
        plugin(&dir, "two", &[&lib, "-lalone", "-lnative"]),
    ];
    let workspace = WorkspaceLibrary {
        library: "ws".to_owned(),
        path: dir.join("lib/libws.a"),
        ..WorkspaceLibrary::default()
    };
    let subject = Subject {
        strategy: Strategy::Meld,
        format: Format::Elf,
        target: None,
        plugins: &plugins,
        workspace_library: Some(&workspace),
        linker_args: &[],
        inputs: &[],
        dir: &dir,
    };
    write(
        &subject,
        &Metadata {
            pkg_config: true,
            pkg_config_dir: Some(dir.join("lib/plugins/pkgconfig")),
            workspace_pkg_config_dir: Some(dir.join("lib/pkgconfig")),
            ..Metadata::default()
        },
    );
    // The files must go with their libraries wherever those go.
    let moved = root.join("moved");
    std::fs::rename(&dir, &moved).expect("moved");
    every_subset_links(&moved, &["--libs"]);
    every_subset_links(&moved, &["--static", "--libs"]);
    assert_eq!(
        run("pkg-config", &["--modversion", "ws"], &moved).trim(),
        "0"
    );
}

#[test]
fn patched_files_link_statically() {
    let temporary = tempfile::tempdir().expect("a folder");
    let dir = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
    libraries(&dir);
    // What cargo-c writes, which then was moved to the plugins' folder.
    for (name, natives) in [
        ("one", "-lnative"),
        ("two", "-lalone -lnative -lwindows.0.52.0"),
    ] {
        std::fs::write(
            dir.join(format!("lib/plugins/pkgconfig/{name}.pc")),
            format!(
                "prefix=/nowhere\nexec_prefix=${{prefix}}\nlibdir=${{prefix}}/lib\n\nName: {name}\n\
                 Description: {name}\nVersion: 3.1\nLibs: -L${{libdir}}/plugins -l{name}\nCflags: \n\
                 Libs.private: -L{dir}/lib {natives}\nRequires.private: ext\n"
            ),
        )
        .expect("cargo-c's");
    }
    let plugins = ["one", "two"].map(|name| Plugin {
        pkg_config_requires: Vec::new(),
        ..plugin(&dir, name, &[])
    });
    let workspace = WorkspaceLibrary {
        library: "ws".to_owned(),
        path: dir.join("lib/libws.a"),
        ..WorkspaceLibrary::default()
    };
    let subject = Subject {
        strategy: Strategy::Dedup,
        format: Format::Elf,
        target: None,
        plugins: &plugins,
        workspace_library: Some(&workspace),
        linker_args: &[],
        inputs: &[],
        dir: &dir,
    };
    let pc = |name: &str| dir.join(format!("lib/plugins/pkgconfig/{name}.pc"));
    write(
        &subject,
        &Metadata {
            patch_pkg_config: vec![pc("one"), pc("two")],
            workspace_pkg_config_dir: Some(dir.join("lib/pkgconfig")),
            ..Metadata::default()
        },
    );
    every_subset_links(&dir, &["--static", "--libs"]);
    assert_eq!(
        run("pkg-config", &["--modversion", "ws"], &dir).trim(),
        "3.1"
    );
    let leaked = run("pkg-config", &["--static", "--libs", "two"], &dir);
    assert!(!leaked.contains("windows"), "{leaked}");
}

#[test]
fn folders_with_spaces() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
    let dir = root.join("first");
    std::fs::create_dir_all(dir.join("my libs/pkgconfig")).expect("folders");
    let mut one = plugin(&dir, "one", &["-lm"]);
    one.path = Some(dir.join("its own/libone.a"));
    one.pkg_config_requires.clear();
    let subject = Subject {
        strategy: Strategy::Prelink,
        format: Format::Elf,
        target: None,
        plugins: &[one],
        workspace_library: None,
        linker_args: &[],
        inputs: &[],
        dir: &dir,
    };
    write(
        &subject,
        &Metadata {
            pkg_config: true,
            pkg_config_dir: Some(dir.join("my libs/pkgconfig")),
            ..Metadata::default()
        },
    );
    let flags = run("pkg-config", &["--libs", "one"], &dir);
    let flags = words(&flags);
    let folder = flags
        .first()
        .and_then(|f| f.strip_prefix("-L"))
        .expect("-L");
    let way = format!("{dir}/my libs/pkgconfig/../../its own");
    assert_eq!(folder, way);
    assert_eq!(
        flags.get(1..),
        Some(&["-lone".to_owned(), "-lm".to_owned()][..])
    );
}

#[test]
fn make_and_ninja_read_the_depfile() {
    let temporary = tempfile::tempdir().expect("a folder");
    let dir = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).expect("UTF-8");
    let odd = "a b#c$d.rs";
    let inputs = [Utf8PathBuf::from(odd), Utf8PathBuf::from("plain.rs")];
    for input in &inputs {
        std::fs::write(dir.join(input), "").expect("input");
    }
    let subject = Subject {
        strategy: Strategy::Meld,
        format: Format::Elf,
        target: None,
        plugins: &[],
        workspace_library: None,
        linker_args: &[],
        inputs: &inputs,
        dir: &dir,
    };
    let metadata = Metadata {
        depfile: Some(dir.join("stamp.d")),
        depfile_targets: vec!["stamp".into()],
        ..Metadata::default()
    };
    write(&subject, &metadata);
    let text = std::fs::read_to_string(dir.join("stamp.d")).expect("the depfile");

    std::fs::write(
        dir.join("Makefile"),
        "stamp:\n\techo made >> log; touch stamp\n-include stamp.d\n",
    )
    .expect("Makefile");
    std::fs::write(
        dir.join("build.ninja"),
        "rule r\n  command = echo made >> log; touch stamp; cp kept.d stamp.d\n  depfile = stamp.d\n\
         build stamp: r\n",
    )
    .expect("build.ninja");
    std::fs::write(dir.join("kept.d"), &text).expect("kept.d");
    let made = || {
        let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        log.lines().count()
    };
    // Times are set, not waited for.
    let touch = |file: &str, when: &str| {
        run("touch", &["-d", when, file], &dir);
    };
    for tool in ["make", "ninja"] {
        let _ = std::fs::remove_file(dir.join("log"));
        let _ = std::fs::remove_file(dir.join("stamp"));
        for input in [odd, "plain.rs"] {
            touch(input, "2001-01-01");
        }
        run(tool, &["stamp"], &dir);
        assert_eq!(made(), 1, "{tool} made it");
        touch("stamp", "2002-01-01");
        run(tool, &["stamp"], &dir);
        let before = made();
        run(tool, &["stamp"], &dir);
        assert_eq!(made(), before, "{tool} has nothing to do");
        for input in [odd, "plain.rs"] {
            touch(input, "2100-01-01");
            let before = made();
            run(tool, &["stamp"], &dir);
            assert_eq!(made(), before + 1, "{tool} sees {input}");
            touch(input, "2001-01-01");
        }
        std::fs::remove_file(dir.join("plain.rs")).expect("removed");
        run(tool, &["stamp"], &dir);
        std::fs::write(dir.join("plain.rs"), "").expect("input");
    }
}
