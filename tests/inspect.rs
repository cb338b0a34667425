//! `inspect` asked of the program itself, about libraries that real compilers made.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

fn run(program: &str, args: &[&str], dir: &Utf8Path) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

const DRAGONFIRE: &str = env!("CARGO_BIN_EXE_dragonfire");

/// The whole response of `dragonfire inspect --json ARGS`.
fn response(args: &[&str], dir: &Utf8Path) -> Value {
    let args = [&["inspect", "--json"], args].concat();
    serde_json::from_str(&run(DRAGONFIRE, &args, dir)).expect("JSON")
}

fn inspect(args: &[&str], dir: &Utf8Path) -> Value {
    response(args, dir)["inspection"].take()
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("UTF-8");
    (dir, path)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// The kinds of a library, a crate or a set; less `bss`, which is in no file.
fn total(kinds: &Value) -> u64 {
    let kinds = kinds.as_object().expect("kinds");
    let counted = kinds.iter().filter(|(name, _)| *name != "bss");
    counted.map(|(_, bytes)| number(bytes)).sum()
}

fn texts(values: &Value) -> Vec<&str> {
    let values = values.as_array().expect("an array");
    values.iter().filter_map(Value::as_str).collect()
}

fn find<'v>(values: &'v Value, field: &str, text: &str) -> &'v Value {
    let values = values.as_array().expect("an array");
    values
        .iter()
        .find(|v| v[field] == text)
        .unwrap_or_else(|| panic!("no {text} among {values:#?}"))
}

/// Two static libraries of Rust: `one` allocates and unwinds, `two` needs something from outside.
fn rust_libraries(dir: &Utf8Path) {
    let one = "use std::collections::BTreeMap;
        #[unsafe(no_mangle)] pub extern \"C\" fn one_register(n: u32) -> usize {
            let map: BTreeMap<u32, String> = (0..n).map(|i| (i, format!(\"{i}\"))).collect();
            std::panic::catch_unwind(|| map.len()).unwrap_or(0)
        }";
    let two = "unsafe extern \"C\" { fn given_by_three() -> f64; fn pow(a: f64, b: f64) -> f64; }
        #[unsafe(no_mangle)] pub extern \"C\" fn two_register() -> String {
            format!(\"{}\", unsafe { pow(given_by_three(), 2.5) })
        }
        #[unsafe(no_mangle)] pub extern \"C\" fn two_helper() {}";
    for (name, source) in [("one", one), ("two", two)] {
        std::fs::write(dir.join(format!("{name}.rs")), source).expect("source");
        run(
            "rustc",
            &[
                "--edition=2024",
                "--crate-type=staticlib",
                "-Cdebuginfo=1",
                "-Ccodegen-units=1",
                "-Awarnings",
                &format!("{name}.rs"),
            ],
            dir,
        );
    }
    std::fs::write(
        dir.join("three.c"),
        "double given_by_three(void) { return 3; }",
    )
    .expect("source");
    run("cc", &["-c", "three.c"], dir);
    run("ar", &["rcs", "libthree.a", "three.o"], dir);
}

#[test]
fn libraries_of_rust() {
    let (_keep, dir) = folder();
    rust_libraries(&dir);
    let set = inspect(&["libone.a", "libtwo.a", "libthree.a"], &dir);

    // Every byte of every file is somebody's.
    for library in set["libraries"].as_array().expect("libraries") {
        let name = library["library"].as_str().expect("a name");
        let file = std::fs::metadata(dir.join(format!("lib{name}.a"))).expect("the file");
        assert_eq!(number(&library["bytes"]), file.len());
        assert_eq!(total(&library["kinds"]), file.len(), "{name}");
        let crates = library["crates"].as_array().expect("crates");
        let sum: u64 = crates.iter().map(|c| total(&c["kinds"])).sum();
        assert_eq!(sum, file.len(), "{name}");
        for krate in crates {
            assert_eq!(number(&krate["bytes"]), total(&krate["kinds"]));
        }
    }

    // The standard library is in both, and shared.
    let std = find(&set["crates"], "crate", "std");
    assert_eq!(number(&std["libraries"]), 2);
    assert!(number(&std["kinds"]["code"]) > 50_000, "{std}");
    assert!(number(&set["kinds"]["debug"]) > 100_000);
    assert!(number(&set["kinds"]["unwind"]) > 10_000);
    let sharing = &set["sharing"];
    assert!(number(&sharing["shared_copies"]) >= 2 * number(&sharing["shared_once"]));
    assert!(number(&sharing["shared_once"]) > 1_000_000, "{sharing}");

    // Without patterns the exports are what the library's own crate shows.
    let two = find(&set["libraries"], "library", "two");
    assert_eq!(texts(&two["exports"]), ["two_helper", "two_register"]);
    assert_eq!(two["exports_guessed"], true);
    assert!(number(&two["leaked"]["count"]) > 500, "{}", two["leaked"]);
    let patterns = inspect(
        &[
            "--exports",
            "[ot][nw][eo]_register",
            "--",
            "libone.a",
            "libtwo.a",
        ],
        &dir,
    );
    let two = find(&patterns["libraries"], "library", "two");
    assert_eq!(texts(&two["exports"]), ["two_register"]);
    assert_eq!(two["exports_guessed"], false);
    assert!(texts(&two["leaked"]["symbols"]).contains(&"two_helper"));

    // Who has what they need.
    let externals = &set["externals"];
    let given = &find(externals, "symbol", "given_by_three")["provider"];
    assert_eq!(given["kind"], "given-library");
    assert_eq!(given["name"], "three");
    assert_eq!(
        find(externals, "symbol", "pow")["provider"]["link"][0],
        "-lm"
    );
    assert_eq!(
        find(externals, "symbol", "memcpy")["provider"]["kind"],
        "libc"
    );
    let unwinder = find(externals, "symbol", "_Unwind_Resume");
    assert_eq!(unwinder["provider"]["kind"], "unwinder");
    let unknown: Vec<&Value> = externals
        .as_array()
        .expect("externals")
        .iter()
        .filter(|e| e["provider"]["kind"] == "unknown" && e["weak"] == false)
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");

    // One symbol only.
    let one = inspect(
        &["--symbol", "given_by_three", "libtwo.a", "libthree.a"],
        &dir,
    );
    let places = one["explanations"][0]["places"].as_array().expect("places");
    assert_eq!(places[0]["how"], "defined");
    assert_eq!(places[0]["library"], "three");
    assert_eq!(places[1]["how"], "needed");
    assert!(one.get("libraries").is_none());

    // For people.
    let text = run(DRAGONFIRE, &["inspect", "libone.a", "libtwo.a"], &dir);
    for part in [
        "Bytes by kind",
        "Bytes by crate",
        "Needed from elsewhere",
        "libm.so.6",
        "two_helper",
    ] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn what_a_meld_would_keep() {
    let (_keep, dir) = folder();
    rust_libraries(&dir);
    let args = [
        "--melded",
        "--exports",
        "*_register",
        "--",
        "libone.a",
        "libtwo.a",
    ];
    let melded = inspect(&args, &dir)["melded"].take();
    let cost = |plugin: &str| find(&melded["plugins"], "plugin", plugin).clone();
    let (one, two) = (cost("one"), cost("two"));
    let (alone, own) = (number(&one["alone"]), number(&one["own"]));
    assert!(alone > own && own > 0, "{melded:#}");
    // Each piece is once in the sum: both costs, less what they share.
    let shared = alone - own;
    assert_eq!(number(&two["alone"]) - number(&two["own"]), shared);
    let by_set: u64 = melded["reach_sets"]
        .as_array()
        .expect("reach sets")
        .iter()
        .map(|set| number(&set["bytes"]))
        .sum();
    assert_eq!(by_set, number(&melded["bytes"]));
    assert!(by_set >= number(&one["own"]) + number(&two["own"]) + shared);
    let crates = melded["crates"].as_array().expect("crates");
    let by_crate: u64 = crates.iter().map(|c| total(&c["kinds"])).sum();
    assert_eq!(by_crate, by_set);
    let biggest = number(&melded["biggest"][0]["bytes"]);
    assert!(
        biggest > 1000 && biggest < 100_000,
        "{}",
        melded["biggest"][0]
    );
    let text = run(DRAGONFIRE, &[&["inspect"][..], &args].concat(), &dir);
    assert!(text.contains("What each plugin costs"), "{text}");
}

#[test]
fn reports() {
    let (_keep, dir) = folder();
    rust_libraries(&dir);
    for strategy in ["dedup", "meld"] {
        let page = format!("{strategy}.html");
        run(
            DRAGONFIRE,
            &[
                strategy,
                "--exports",
                "*_register",
                "--report",
                &page,
                "--out",
                strategy,
                "--",
                "libone.a",
                "libtwo.a",
            ],
            &dir,
        );
        let page = std::fs::read_to_string(dir.join(page)).expect("the report");
        assert!(page.starts_with("<!DOCTYPE html>"));
        assert!(!page.contains("http:") && !page.contains("https:"));
        assert!(page.contains("<h2>By library and crate</h2>"));
        assert!(page.contains("<h2>Overlap</h2>"));
        assert_eq!(page.contains("<h2>Reach sets</h2>"), strategy == "meld");
        assert!(page.contains("one_shared"));
    }
}

#[test]
fn symbols_without_libraries() {
    let (_keep, dir) = folder();
    let explained = |args: &[&str]| inspect(args, &dir)["explanations"].take();
    let msvc = explained(&[
        "--for",
        "x86_64-pc-windows-msvc",
        "--symbol",
        "__CxxFrameHandler3",
    ]);
    assert_eq!(msvc[0]["environment"], "windows-msvc");
    assert_eq!(msvc[0]["provider"]["name"], "vcruntime140.dll");
    // Without a target: wherever it is at home.
    let everywhere = explained(&["--symbol", "dlsym"]);
    let environments: Vec<&str> = everywhere
        .as_array()
        .expect("explanations")
        .iter()
        .filter_map(|e| e["environment"].as_str())
        .collect();
    assert_eq!(
        environments,
        ["linux-glibc", "linux-musl", "android", "apple"]
    );
    let text = run(
        DRAGONFIRE,
        &[
            "inspect",
            "--for",
            "mingw",
            "--symbol",
            "___chkstk_ms",
            "--symbol",
            "_ZdlPv",
        ],
        &dir,
    );
    assert!(
        text.contains("-lgcc") && text.contains("-lstdc++"),
        "{text}"
    );
    let failed = Command::new(DRAGONFIRE)
        .args(["inspect", "--json", "--for", "toaster", "--symbol", "x"])
        .output()
        .expect("dragonfire runs");
    let response: Value = serde_json::from_slice(&failed.stdout).expect("JSON");
    assert_eq!(response["errors"][0]["code"], "request-invalid");
    assert_eq!(failed.status.code(), Some(2));
}

#[test]
fn a_member_that_cannot_be_read_is_a_warning() {
    let (_keep, dir) = folder();
    std::fs::write(dir.join("x.c"), "int x(void) { return 1; }").expect("source");
    run("cc", &["-c", "x.c", "-o", "x.o"], &dir);
    let mut object = std::fs::read(dir.join("x.o")).expect("the object");
    run("cp", &["x.o", "good.o"], &dir);
    // The section table is at the end: without it the header points nowhere.
    object.truncate(100);
    std::fs::write(dir.join("x.o"), &object).expect("the object");
    run("ar", &["rcS", "libx.a", "good.o", "x.o"], &dir);
    let response = response(&["libx.a"], &dir);
    assert_eq!(response["ok"], true);
    let warning = &response["warnings"][0];
    assert_eq!(warning["code"], "object-malformed", "{response:#}");
    assert_eq!(warning["member"], "x.o");
    let library = &response["inspection"]["libraries"][0];
    assert_eq!(total(&library["kinds"]), number(&library["bytes"]));
    assert_eq!(texts(&library["exports"]), [] as [&str; 0]);
}

/// Every format, as clang writes it: the kinds agree with what llvm-size says of the sections.
#[test]
fn every_format() {
    let Some(clang) = ["clang-19", "clang"].into_iter().find(|c| {
        let version = Command::new(c).arg("--version").output();
        version.is_ok_and(|o| o.status.success())
    }) else {
        assert!(std::env::var_os("CI").is_none(), "clang is not installed");
        return;
    };
    let (_keep, dir) = folder();
    let source = "
        extern int needed_from_elsewhere(int);
        int written = 7; int zeroed[1000];
        const char constants[512] = \"constant\";
        int first(int n) { return needed_from_elsewhere(n) + written; }
        int second(int n) { return first(n) * zeroed[n] + constants[n]; }";
    std::fs::write(dir.join("x.c"), source).expect("source");
    for (target, environment, bits64) in [
        ("x86_64-unknown-linux-gnu", "linux-glibc", true),
        ("armv7-unknown-linux-gnueabihf", "linux-glibc", false),
        ("riscv64-unknown-linux-gnu", "linux-glibc", true),
        ("x86_64-pc-windows-msvc", "windows-msvc", true),
        ("i686-pc-windows-gnu", "windows-gnu", false),
        ("aarch64-pc-windows-msvc", "windows-msvc", true),
        ("arm64-apple-macos11", "apple", true),
        ("x86_64-apple-macos11", "apple", true),
    ] {
        let object = format!("{target}.o");
        run(
            clang,
            &[
                &format!("--target={target}"),
                "-g",
                "-O1",
                "-c",
                "x.c",
                "-o",
                &object,
                "-funwind-tables",
            ],
            &dir,
        );
        let library = format!("lib{target}.a");
        run("ar", &["rcS", &library, &object], &dir);
        let args = ["--for", target, "--exports", "first", "--", &library];
        let inspection = inspect(&args, &dir);
        let library = &inspection["libraries"][0];
        let kinds = &library["kinds"];
        assert_eq!(inspection["target"]["environment"], environment, "{target}");
        assert_eq!(total(kinds), number(&library["bytes"]), "{target}");
        let at_least = |kind: &str, bytes: u64| {
            assert!(
                number(&kinds[kind]) >= bytes,
                "{target}: {kind} in {kinds:#}"
            );
        };
        at_least("code", 40);
        at_least("read_only", 512);
        at_least("data", 4);
        at_least("bss", 4000);
        at_least("unwind", if bits64 { 16 } else { 8 });
        at_least("debug", 500);
        at_least("symbols", 100);
        at_least("relocations", 16);
        assert!(number(&kinds["other"]) < 2500, "{target}: {kinds:#}");
        assert_eq!(texts(&library["exports"]), ["first"], "{target}");
        let leaked = texts(&library["leaked"]["symbols"]);
        for name in ["second", "written", "zeroed", "constants"] {
            assert!(leaked.contains(&name), "{target}: {name} not in {leaked:?}");
        }
        let needed = texts(&library["externals"]);
        assert!(
            needed.iter().any(|n| n.ends_with("needed_from_elsewhere")),
            "{target}: {needed:?}"
        );
    }
}

/// The tables against this machine's C library: what libm alone exports is never said to be libc's.
#[test]
fn the_tables_agree_with_the_c_library() {
    use dragonfire::inspect::providers::provider;
    use dragonfire::protocol::inspection::{Environment, ProviderKind};
    let (_keep, dir) = folder();
    let path = |name: &str| run("cc", &[&format!("-print-file-name={name}")], &dir);
    let exported = |name: &str| -> Vec<String> {
        run("nm", &["-D", "--defined-only", path(name).trim()], &dir)
            .lines()
            .filter_map(|line| line.split_whitespace().last())
            .filter(|symbol| !symbol.contains("GLIBC_PRIVATE"))
            .filter_map(|symbol| symbol.split_once("@@"))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let libc = exported("libc.so.6");
    let libm = exported("libm.so.6");
    assert!(libc.len() > 1500 && libm.len() > 300, "no glibc here");
    let mut known = 0;
    for symbol in libm.iter().filter(|s| !libc.contains(s)) {
        let found = provider(Environment::LinuxGlibc, symbol);
        if found.kind == ProviderKind::Unknown {
            continue;
        }
        known += 1;
        assert_eq!(found.kind, ProviderKind::Libm, "{symbol}: {found:?}");
    }
    assert!(known > 300);
    let of_libc = libc.iter().filter(|s| !libm.contains(s));
    let wrong: Vec<&String> = of_libc
        .filter(|s| provider(Environment::LinuxGlibc, s).kind == ProviderKind::Libm)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
