//! What members that stay are made to ask for, and what stays since asking would not do: each breaks a
//! link, or changes what a program does, where members only move.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Bench, LINKERS, RUST_NAMES, dedup, members, ok, written};

/// Libraries before and after, for programs to be linked with both.
struct Both {
    bench: Bench,
    before: Vec<PathBuf>,
    after: Vec<PathBuf>,
    response: Value,
}

impl Both {
    fn new(libraries: &[(&str, &[(&str, &str)])]) -> Self {
        let bench = Bench::new();
        let before: Vec<PathBuf> = libraries
            .iter()
            .map(|(name, members)| bench.library("in", &format!("gst{name}"), members))
            .collect();
        let response = dedup(&before, &bench.path("out"));
        let after = written(&response);
        Self {
            bench,
            before,
            after,
            response,
        }
    }

    /// Links and runs with libraries in this order: the same output, which is given.
    #[track_caller]
    fn same(&self, order: &[usize], source: &str) -> String {
        let old: Vec<PathBuf> = order.iter().map(|i| self.before[*i].clone()).collect();
        let mut new: Vec<PathBuf> = order.iter().map(|i| self.after[*i].clone()).collect();
        new.extend(self.after.last().cloned());
        let mut last = String::new();
        for linker in LINKERS {
            last = self.bench.program(linker, source, &old);
            let got = self.bench.program(linker, source, &new);
            assert_eq!(got, last, "{linker} {order:?}");
        }
        last
    }

    fn holds(&self, library: usize, member: &str) -> bool {
        members(&self.after[library]).contains(&member.to_owned())
    }

    /// Messages of warnings that members are not shared.
    fn reasons(&self) -> String {
        let warnings = self.response["warnings"].as_array().unwrap();
        let own = warnings.iter().filter(|w| w["code"] == "member-not-shared");
        own.map(|w| w["message"].as_str().unwrap().to_owned() + "\n")
            .collect()
    }
}

fn rust(source: &str) -> String {
    format!("{RUST_NAMES}{source}")
}

/// The lines of `readelf -sW` that speak of a symbol in a member.
fn symbol(bench: &Bench, library: &std::path::Path, member: &str, name: &str) -> String {
    let folder = bench.path("taken");
    std::fs::create_dir_all(&folder).unwrap();
    ok(Command::new("ar")
        .current_dir(&folder)
        .arg("x")
        .arg(library)
        .arg(member));
    let output = ok(Command::new("readelf").arg("-sW").arg(folder.join(member)));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|l| l.ends_with(&format!(" {name}")));
    lines.map(|l| format!("{l}\n")).collect()
}

const CALL: &str = "#include <stdio.h>\nint one(void), two(void);\n\
    int main(void) { printf(\"%d %d\\n\", one(), two()); return 0; }";

#[test]
fn asks_have_the_type_and_visibility_of_the_definition() {
    // Each library has its own state: a thread local, an indirect function, a hidden variable.
    let state = |value: i32| {
        format!(
            "__thread int counter = {value}; \
             int table[3] = {{ {value}, 1, 2 }}; \
             __attribute__((visibility(\"hidden\"))) int secret = {value}; \
             static int chosen(void) {{ return {value}; }} \
             static void *choose(void) {{ return chosen; }} \
             int indirect(void) __attribute__((ifunc(\"choose\"))); \
             int plain(void) {{ return {value}; }}"
        )
    };
    let deep = rust(
        "extern __thread int counter; extern int table[], secret; int indirect(void), plain(void);\n\
         int shared(int x) { return x + counter + table[0] + secret + indirect() + plain(); }",
    );
    let entry = |name: &str| rust(&format!("int {name}(void) {{ return shared(1); }}"));
    let (first, second) = (entry("one"), entry("two"));
    let (a, b) = (state(10), state(20));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("shared.o", &deep), ("state.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("shared.o", &deep), ("state.o", &b)],
        ),
    ]);
    assert!(!both.holds(0, "shared.o"), "{}", both.reasons());
    assert_eq!(both.same(&[0, 1], CALL), "51 51\n");
    assert_eq!(both.same(&[1, 0], CALL), "101 101\n");
    for (name, kind, visibility) in [
        ("counter", "TLS", "DEFAULT"),
        ("table", "OBJECT", "DEFAULT"),
        ("secret", "OBJECT", "HIDDEN"),
        ("indirect", "FUNC", "DEFAULT"),
        ("plain", "FUNC", "DEFAULT"),
    ] {
        let line = symbol(&both.bench, &both.after[0], "entry.o", name);
        let wanted = format!("{kind:<7} GLOBAL {visibility:<8} UND {name}");
        assert!(line.contains(&wanted), "{line} lacks {wanted}");
    }
}

#[test]
fn definers_that_disagree_on_being_thread_local_keep_their_users() {
    let deep = rust("extern __thread int state; int shared(int x) { return x + state; }");
    let other = rust("int two(void) { return 2; }");
    let entry = rust("int one(void) { return shared(1); }");
    let both = Both::new(&[
        (
            "one",
            &[
                ("entry.o", &entry),
                ("shared.o", &deep),
                ("state.o", "__thread int state = 4;"),
            ],
        ),
        (
            "two",
            &[
                ("entry.o", &other),
                ("shared.o", &deep),
                ("state.o", "int state = 5;"),
            ],
        ),
    ]);
    assert!(both.holds(0, "shared.o"));
    assert_eq!(both.same(&[0, 1], CALL), "5 2\n");
}

#[test]
fn what_programs_may_ask_for_or_replace_stays_with_what_it_needs() {
    // The name has a user in each library, and the program asks for it all the same.
    let public = "int hook(void); int piece(void) { return hook(); }";
    let entry = |name: &str| format!("int piece(void); int {name}(void) {{ return piece(); }}");
    let hook = |value: i32| {
        format!(
            "int absent_{value}(void); int hook(void) {{ return {value}; }} \
                 int unused_{value}(void) {{ return absent_{value}(); }}"
        )
    };
    let hook_of = |value: i32| format!("int hook(void) {{ return {value}; }}");
    let (first, second) = (entry("one"), entry("two"));
    let (a, b) = (hook_of(10), hook_of(20));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("piece.o", public), ("hook.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("piece.o", public), ("hook.o", &b)],
        ),
    ]);
    let asks = "#include <stdio.h>\nint piece(void);\n\
        int main(void) { printf(\"%d\\n\", piece()); return 0; }";
    assert_eq!(both.same(&[0], asks), "10\n");
    assert_eq!(both.same(&[1, 0], asks), "20\n");
    assert!(both.reasons().contains("only plugin libraries define"));

    // A program that brings `piece` itself needs no hook, whose needs nobody meets.
    let (a, b) = (hook(10), hook(20));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("piece.o", public), ("hook.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("piece.o", public), ("hook.o", &b)],
        ),
    ]);
    let brings = "#include <stdio.h>\nint one(void); int piece(void) { return 7; }\n\
        int main(void) { printf(\"%d\\n\", one()); return 0; }";
    assert_eq!(both.same(&[0], brings), "7\n");
}

#[test]
fn a_user_without_the_member_does_not_ask() {
    // `one` calls what it has not; the library of `two` comes later and has its own hook. Asked early,
    // the hook would come from `one`.
    let deep = rust("int hook(void); int shared(int x) { return x + hook(); }");
    let user = rust("int one(void) { return shared(1); }");
    let unrelated = "int hook(void) { return 10; }";
    let second = rust("int two(void) { return shared(2); }");
    let third = rust("int three(void) { return shared(3); }");
    let both = Both::new(&[
        ("one", &[("entry.o", &user), ("hook.o", unrelated)]),
        (
            "two",
            &[
                ("entry.o", &second),
                ("shared.o", &deep),
                ("hook.o", "int hook(void) { return 20; }"),
            ],
        ),
        (
            "three",
            &[
                ("entry.o", &third),
                ("shared.o", &deep),
                ("hook.o", "int hook(void) { return 30; }"),
            ],
        ),
    ]);
    both.same(&[0, 1], CALL);
    both.same(&[0, 2, 1], CALL);
    assert!(both.holds(1, "shared.o"));
}

#[test]
fn constructors_run_in_their_order() {
    let noisy = |name: &str, symbol: &str| {
        format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void begin(void) \
             {{ printf(\"{name} \"); }} int {symbol}(void) {{ return 1; }}"
        )
    };
    let shared = noisy("shared", "common_part");
    let entry = |name: &str| {
        format!(
            "int common_part(void); int own_{name}(void); \
                 int {name}(void) {{ return common_part() + own_{name}(); }}"
        )
    };
    let (first, second) = (entry("one"), entry("two"));
    let (a, b) = (noisy("one", "own_one"), noisy("two", "own_two"));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("shared.o", &shared), ("own.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("shared.o", &shared), ("own.o", &b)],
        ),
    ]);
    let told = both.same(&[0, 1], CALL);
    assert!(told.contains("shared") && told.contains("two"), "{told}");
    both.same(&[1, 0], CALL);
    assert!(both.reasons().contains(".init_array"), "{}", both.reasons());

    // With a priority of its own, nobody can tell.
    let early = shared.replace("(constructor)", "(constructor(200))");
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("shared.o", &early), ("own.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("shared.o", &early), ("own.o", &b)],
        ),
    ]);
    both.same(&[0, 1], CALL);
    assert!(!both.holds(0, "shared.o"));
}

#[test]
fn tables_with_bounds_keep_their_order() {
    let row = |value: i32, symbol: &str| {
        format!(
            "__attribute__((section(\"rows\"), used)) static int row = {value}; \
             int {symbol}(void) {{ return {value}; }}"
        )
    };
    let entry = |name: &str| {
        format!(
            "int part(void), own_{name}(void); int {name}(void) {{ return part() + own_{name}(); }}"
        )
    };
    let (first, second) = (entry("one"), entry("two"));
    let (a, b, shared) = (row(1, "own_one"), row(2, "own_two"), row(3, "part"));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("part.o", &shared), ("own.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("part.o", &shared), ("own.o", &b)],
        ),
    ]);
    let source = "#include <stdio.h>\nint one(void), two(void); extern int __start_rows[], __stop_rows[];\n\
        int main(void) { printf(\"%d %d:\", one(), two()); \
        for (int *r = __start_rows; r < __stop_rows; r++) printf(\" %d\", *r); return 0; }";
    both.same(&[0, 1], source);
    assert!(both.holds(0, "part.o"));
}

#[test]
fn weak_definitions_that_nobody_looks_for_keep_their_order() {
    // Each member uses its own weak `mode`; the first that is linked sets it for all.
    let with = |value: i32, symbol: &str| {
        format!("__attribute__((weak)) int mode = {value}; int {symbol}(void) {{ return mode; }}")
    };
    let entry = |name: &str| {
        format!(
            "int part(void), own_{name}(void); \
                 int {name}(void) {{ return 10 * part() + own_{name}(); }}"
        )
    };
    let (first, second) = (entry("one"), entry("two"));
    let (a, b, shared) = (with(1, "own_one"), with(2, "own_two"), with(3, "part"));
    let both = Both::new(&[
        (
            "one",
            &[("entry.o", &first), ("part.o", &shared), ("own.o", &a)],
        ),
        (
            "two",
            &[("entry.o", &second), ("part.o", &shared), ("own.o", &b)],
        ),
    ]);
    both.same(&[0, 1], CALL);
    both.same(&[1, 0], CALL);
    assert!(both.reasons().contains("define the same symbols"));
}

#[test]
fn commons_and_the_definitions_they_meet_stay() {
    let both = Both::new(&[
        (
            "one",
            &[
                (
                    "entry.o",
                    "int part(void); int one(void) { return part(); }",
                ),
                (
                    "part.o",
                    "int buffer[2] __attribute__((common)); int part(void) { return buffer[0]; }",
                ),
            ],
        ),
        (
            "two",
            &[
                (
                    "entry.o",
                    "int part(void), fill(void); int two(void) { return part() + fill(); }",
                ),
                (
                    "part.o",
                    "int buffer[2] __attribute__((common)); int part(void) { return buffer[0]; }",
                ),
                (
                    "fill.o",
                    "int buffer[4] = { 5, 6, 7, 8 }; int fill(void) { return buffer[3]; }",
                ),
            ],
        ),
    ]);
    both.same(&[0, 1], CALL);
    both.same(&[1, 0], CALL);
    assert!(both.holds(0, "part.o"));
}

#[test]
fn a_weak_reference_to_what_is_asked_for_becomes_strong() {
    let deep = rust("int hook(void); int shared(int x) { return x + hook(); }");
    let entry = |name: &str| {
        rust(&format!(
            "__attribute__((weak)) int hook(void); \
             int {name}(void) {{ return shared(hook ? 100 : 200); }}"
        ))
    };
    let (first, second) = (entry("one"), entry("two"));
    let both = Both::new(&[
        (
            "one",
            &[
                ("entry.o", &first),
                ("shared.o", &deep),
                ("hook.o", "int hook(void) { return 1; }"),
            ],
        ),
        (
            "two",
            &[
                ("entry.o", &second),
                ("shared.o", &deep),
                ("hook.o", "int hook(void) { return 2; }"),
            ],
        ),
    ]);
    assert!(!both.holds(0, "shared.o"), "{}", both.reasons());
    assert_eq!(both.same(&[0, 1], CALL), "101 101\n");
}

#[test]
fn symbols_with_versions_stay() {
    let versioned = "int real(void) { return 3; } __asm__(\".symver real,part@@V1\");";
    let entry = |name: &str| format!("int part(void); int {name}(void) {{ return part(); }}");
    let (first, second) = (entry("one"), entry("two"));
    let both = Both::new(&[
        ("one", &[("entry.o", &first), ("part.o", versioned)]),
        ("two", &[("entry.o", &second), ("part.o", versioned)]),
    ]);
    assert!(both.holds(0, "part.o"));
    assert!(both.reasons().contains("versions"));
}

#[test]
fn members_and_asks_by_the_thousands_take_no_long_time() {
    // A chain of shared members, all of which are entered by members that stay, each with a hook of
    // the plugin's. Each ask for itself would be the square of their number.
    const MEMBERS: usize = 3000;
    let bench = Bench::new();
    let mut libraries = Vec::new();
    for (number, name) in [(1, "one"), (2, "two")] {
        let library = bench.path(&format!("libgst{name}.a"));
        let mut builder = ar::Builder::new(std::fs::File::create(&library).unwrap());
        let mut add = |member: &str, at: usize, defines: &str, needs: &[&str]| {
            let data = object(defines, needs, number, at);
            let header = ar::Header::new(member.as_bytes().to_vec(), data.len() as u64);
            builder.append(&header, &data[..]).unwrap();
        };
        for at in 0..MEMBERS {
            let piece = |n: usize| format!("_RNvCs1_5piece1p{n}");
            let hook = format!("hook{at}");
            add("p.o", at, &piece(at), &[&piece(at + 1), &hook]);
            add("h.o", at, &hook, &[]);
            add("e.o", at, &format!("{name}{at}"), &[&piece(at)]);
        }
        drop(builder);
        libraries.push(library);
    }
    let start = std::time::Instant::now();
    let response = dedup(&libraries, &bench.path("out"));
    let took = start.elapsed();
    println!(
        "{took:?}, {} members moved",
        response["workspace_library"]["members"]
    );
    assert!(took.as_secs() < 20, "{took:?}");
}

/// An object that defines and needs symbols; those of a piece are the same in all libraries. No two
/// of a kind have the same shape.
fn object(defines: &str, needs: &[&str], number: u8, at: usize) -> Vec<u8> {
    use object::write::{Object, Symbol, SymbolSection};
    use object::{SymbolFlags, SymbolKind, SymbolScope};
    let mut out = Object::new(
        object::BinaryFormat::Elf,
        object::Architecture::X86_64,
        object::Endianness::Little,
    );
    let text = out.section_id(object::write::StandardSection::Text);
    let byte = if defines.starts_with('_') { 0 } else { number };
    out.append_section_data(text, &vec![byte; at], 1);
    let names = needs.iter().map(|n| (*n, SymbolSection::Undefined));
    for (name, section) in names.chain([(defines, SymbolSection::Section(text))]) {
        out.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section,
            flags: SymbolFlags::None,
        });
    }
    out.write().unwrap()
}
