//! What the reader makes of objects that compilers and assemblers made.

use std::fs;

use dragonfire::error::Code;
use dragonfire::format::model::{
    Binding, Definition, EdgeKind, EdgeTarget, KeepRule, SymbolKind, Visibility,
};
use dragonfire::format::{self, Format, MemberKind};
use dragonfire::input::archive::read::Archive;

use crate::support::{ARM64, C, CXX, I386, X86_64, check, compile, defined, read, targets};

#[test]
fn compilers_objects_are_atoms() {
    for target in [ARM64, X86_64] {
        for flags in [
            &[][..],
            &["-g"],
            &["-fPIC", "-fno-asynchronous-unwind-tables"],
            &["-Os"],
        ] {
            let data = compile(target, "cpp", CXX, flags);
            let object = read(&data);
            check(&data, &object);
            assert_eq!(
                object.debug_bytes > 0,
                flags.contains(&"-g"),
                "{target} {flags:?}"
            );
            assert!(!object.traits.macho.platforms.is_empty());
        }
        let data = compile(target, "c", C, &[]);
        check(&data, &read(&data));
    }
    for flags in [&[][..], &["-static"], &["-fno-pic", "-g"]] {
        let data = compile(I386, "c", C, flags);
        check(&data, &read(&data));
    }
}

#[test]
fn functions_bring_their_unwind_data() {
    for target in [ARM64, X86_64] {
        let data = compile(target, "cpp", CXX, &[]);
        let object = read(&data);
        let (atom, offset) = defined(&object, "_gst_plugin_a_register");
        assert_eq!(offset, 0);
        let entries = object.unwind_of(atom);
        assert!(!entries.is_empty(), "{target}");
        for entry in entries {
            let header = &object.unwind_headers[entry.header as usize];
            let to: Vec<EdgeTarget> = entry
                .edges
                .iter()
                .chain(&header.edges)
                .map(|e| e.to)
                .collect();
            let (table, _) = defined(&object, "GCC_except_table1");
            assert!(to.contains(&EdgeTarget::Atom(atom)), "the function");
            assert!(to.contains(&EdgeTarget::Atom(table)), "its data: {to:?}");
            let personality = to.iter().any(|t| {
                matches!(t, EdgeTarget::Symbol(s)
                    if object.symbols[*s as usize].name == b"___gxx_personality_v0")
            });
            assert!(personality, "{target}");
        }
        for (index, atom) in object.atoms.iter().enumerate() {
            if atom.code {
                assert!(!object.unwind_of(index as u32).is_empty(), "{target}");
            }
        }
    }
}

#[test]
fn symbols_say_what_they_are() {
    let data = compile(ARM64, "cpp", CXX, &[]);
    let object = read(&data);
    let symbol = |name: &str| {
        object
            .symbols
            .iter()
            .find(|s| s.name == name.as_bytes())
            .unwrap()
    };
    assert_eq!(symbol("_own").kind, SymbolKind::Tls);
    assert_eq!(symbol("_helper").kind, SymbolKind::Function);
    let weak = symbol("__ZZ6sharediE5calls");
    assert_eq!(weak.binding, Binding::Weak);
    let (atom, _) = defined(&object, "__ZZ6sharediE5calls");
    let group = object.atoms[atom as usize].group.unwrap();
    assert_eq!(object.groups[group as usize].signature, weak.name);
    assert!(object.groups[group as usize].comdat);
    let init = object
        .atoms
        .iter()
        .find(|a| a.section == b"__mod_init_func")
        .unwrap();
    assert_eq!(init.keep, Some(KeepRule::InitArray));

    let data = compile(ARM64, "c", C, &["-fcommon"]);
    let object = read(&data);
    let symbol = |name: &str| {
        *object
            .symbols
            .iter()
            .find(|s| s.name == name.as_bytes())
            .unwrap()
    };
    assert_eq!(symbol("_comm").definition, Definition::Common { align: 4 });
    assert_eq!(symbol("_comm").size, 28);
    assert_eq!(symbol("_hidden").visibility, Visibility::Hidden);
    assert_eq!(symbol("_hidden").binding, Binding::Global);
    assert_eq!(symbol("_absent").binding, Binding::Weak);
    assert_eq!(symbol("_absent").definition, Definition::Undefined);
    let (atom, _) = defined(&object, "_kept_by_hand");
    assert!(object.kept.contains(&atom));
    assert_eq!(object.atoms[atom as usize].keep, Some(KeepRule::Retained));
}

#[test]
fn pointers_lead_to_atoms_with_their_addends() {
    for (target, pointer) in [(ARM64, 8), (X86_64, 8), (I386, 4)] {
        let data = compile(target, "c", C, &[]);
        let object = read(&data);
        let (p, _) = defined(&object, "_p");
        let (q, _) = defined(&object, "_q");
        let expected = [("_loc".to_owned(), 8)];
        assert_eq!(targets(&object, p), expected, "{target}");
        assert_eq!(targets(&object, q), [("_ext".to_owned(), 12)], "{target}");
        // The contents do not say it again.
        let atom = &object.atoms[p as usize];
        assert_eq!(&atom.data[..pointer], vec![0; pointer], "{target}");
        let (tab, _) = defined(&object, "_tab");
        let to = targets(&object, tab);
        // On i386 what is elsewhere is reached through pointers.
        let pointers = object.atoms.iter().zip(0..);
        let ext = if target == I386 {
            let of = |a: u32| targets(&object, a) == [("_ext".to_owned(), 0)];
            let found = pointers
                .filter(|(a, i)| a.section == b"__pointers" && of(*i))
                .count();
            assert_eq!(found, 1);
            "__pointers"
        } else {
            "_ext"
        };
        for name in ["_printf", "_helper", ext, "_comm", "_absent"] {
            assert!(
                to.iter().any(|(t, _)| t == name),
                "{target}: {name} of {to:?}"
            );
        }
    }
}

/// Every kind of symbol and section that is special.
const SPECIAL: &str = r#"
    .section __TEXT,__text,regular,pure_instructions
    .globl _first
    .p2align 4
_first:
    nop
    nop
    .globl _second_entry
    .alt_entry _second_entry
_second_entry:
    nop
    .globl _next
_next:
    nop
    .section __DATA,__data
    .p2align 3
_distance:
    .quad _far - _distance + 16
_far:
    .quad _first + 4
    .section __DATA,__live,regular,live_support
_witness:
    .quad _first
    .section __DATA,__keepme,regular,no_dead_strip
_never_stripped:
    .quad 7
    .section __DATA,mytable
_row:
    .quad 1
    .section __TEXT,__literal8,8byte_literals
    .quad 1
    .quad 2
    .section __TEXT,__cstring,cstring_literals
    .asciz "one"
    .asciz "two"
    .section __DATA,__bss
    .zerofill __DATA,__bss,_zeroes,1000,4
    .subsections_via_symbols
    .linker_option "-framework", "CoreFoundation"
    .linker_option "-lz"
"#;

#[test]
fn alternate_entries_differences_and_keep_rules() {
    for target in [ARM64, X86_64] {
        let data = compile(target, "s", SPECIAL, &[]);
        let object = read(&data);
        check(&data, &object);
        let (first, _) = defined(&object, "_first");
        let (second, offset) = defined(&object, "_second_entry");
        assert_eq!(first, second);
        assert!(offset > 0);
        assert_ne!(first, defined(&object, "_next").0);

        let (distance, _) = defined(&object, "_distance");
        assert_eq!(
            targets(&object, distance),
            [("_distance".to_owned(), 0), ("_far".to_owned(), 16)]
        );
        let (far, _) = defined(&object, "_far");
        assert_eq!(targets(&object, far), [("_first".to_owned(), 4)]);

        let (witness, _) = defined(&object, "_witness");
        assert!(object.edges_of(first).iter().any(|e| {
            e.to == EdgeTarget::Atom(witness) && e.kind == EdgeKind::Rule(KeepRule::LiveSupport)
        }));
        let (stay, _) = defined(&object, "_never_stripped");
        assert_eq!(object.atoms[stay as usize].keep, Some(KeepRule::Retained));
        let (row, _) = defined(&object, "_row");
        assert_eq!(object.atoms[row as usize].registry, Some(&b"mytable"[..]));
        let sizes = |section: &[u8]| -> Vec<u64> {
            let of = object.atoms.iter().filter(|a| a.section == section);
            of.map(|a| a.size).collect()
        };
        assert_eq!(sizes(b"__cstring"), [4, 4]);
        assert_eq!(sizes(b"__literal8"), [8, 8]);
        let (zeroes, _) = defined(&object, "_zeroes");
        let zeroes = &object.atoms[zeroes as usize];
        assert!(zeroes.zero_fill && zeroes.size == 1000 && zeroes.data.is_empty());
        assert_eq!(
            object.traits.macho.linker_options,
            [
                vec![&b"-framework"[..], b"CoreFoundation"],
                vec![&b"-lz"[..]]
            ]
        );

        // Without leave to cut, a section is one atom, but for its literals.
        let whole = SPECIAL.replace(".subsections_via_symbols", "");
        let data = compile(target, "s", &whole, &[]);
        let object = read(&data);
        check(&data, &object);
        let (next, offset) = defined(&object, "_next");
        assert_eq!(next, defined(&object, "_first").0);
        assert!(offset > 0);
        let strings = object.atoms.iter().filter(|a| a.section == b"__cstring");
        assert_eq!(strings.count(), 2);
    }
}

#[test]
fn arm64_addends_are_those_of_the_next_relocation() {
    let source = "
    .globl _f
_f: adrp x0, _big@PAGE+4096
    add x0, x0, _big@PAGEOFF+4096
    bl _g+8
    .zerofill __DATA,__bss,_big,8192,4
    .subsections_via_symbols
";
    let data = compile(ARM64, "s", source, &[]);
    let object = read(&data);
    let (f, _) = defined(&object, "_f");
    assert_eq!(
        targets(&object, f),
        [
            ("_big".to_owned(), 4096),
            ("_big".to_owned(), 4096),
            ("_g".to_owned(), 8)
        ]
    );
}

#[test]
fn i386_differences_are_pairs() {
    let data = compile(I386, "c", C, &["-fPIC"]);
    let object = read(&data);
    let (helper, _) = defined(&object, "_helper");
    let to = targets(&object, helper);
    // `loc` less the place that the code knows.
    assert_eq!(to[0].0, "_helper");
    assert!(to[0].1 > 0, "{to:?}");
    assert_eq!(to[1], ("_loc".to_owned(), 8));
}

#[test]
fn the_same_function_reads_the_same_wherever_it_stands() {
    // x86_64 says places in the object in the contents: the reader must take them out.
    let body = "int printf(const char *, ...); static int v = 3;
        int same(int x) { return printf(\"same\") + x + v++; }";
    let other = format!("int before(int x) {{ return x * 3; }} int w = 9; {body}");
    for target in [ARM64, X86_64, I386] {
        let (a, b) = (
            compile(target, "c", body, &[]),
            compile(target, "c", &other, &[]),
        );
        let (a, b) = (read(&a), read(&b));
        let (x, y) = (defined(&a, "_same").0, defined(&b, "_same").0);
        assert_eq!(
            a.atoms[x as usize].data, b.atoms[y as usize].data,
            "{target}"
        );
        let unwind = |o: &dragonfire::format::model::ObjectFile<'_>, atom| -> Vec<Vec<u8>> {
            let entries = o.unwind_of(atom).iter();
            entries.map(|u| u.bytes[8..].to_vec()).collect()
        };
        assert_eq!(unwind(&a, x), unwind(&b, y), "{target}");
    }
}

#[test]
fn what_we_do_not_know_is_refused_with_a_code() {
    let source = "int f(void) { return 1; }";
    for target in ["armv7-apple-ios8", "powerpc-apple-darwin"] {
        let data = compile(ARM64, "c", source, &[]);
        let mut data = data;
        let cpu: u32 = if target.starts_with("armv7") { 12 } else { 18 };
        data[4..8].copy_from_slice(&cpu.to_le_bytes());
        let error = format::read_object(format::classify(&data), &data).unwrap_err();
        assert_eq!(error.code(), Code::ObjectUnsupported, "{target}");
    }
}

/// Run by tests/programs on the libraries of the fixture workspace: every member of real Rust
/// libraries. Paths come in an environment variable, one a line.
#[test]
#[ignore = "needs libraries built for Apple: tests/programs/test_cross_apple.py gives them"]
fn every_member_of_given_libraries() {
    let paths = std::env::var("DRAGONFIRE_APPLE_LIBRARIES").unwrap();
    let (mut objects, mut atoms, mut bare) = (0, 0, Vec::new());
    for path in paths.lines() {
        let data = fs::read(path).unwrap();
        let archive = Archive::parse(&data).unwrap();
        for member in &archive.members {
            let kind = format::classify(member.data);
            if !matches!(kind, MemberKind::Object(Format::MachO, _)) {
                continue;
            }
            let name = String::from_utf8_lossy(member.name).into_owned();
            let object = format::read_object(kind, member.data)
                .unwrap_or_else(|e| panic!("{path}({name}): {e}"));
            check(member.data, &object);
            objects += 1;
            atoms += object.atoms.len();
            for (index, atom) in object.atoms.iter().enumerate() {
                if atom.code && atom.size > 0 && object.unwind_of(index as u32).is_empty() {
                    let symbol = object.symbols_of(index as u32).next();
                    let symbol = symbol.map_or(&b"?"[..], |(_, s)| s.name);
                    bare.push(format!("{name}: {}", String::from_utf8_lossy(symbol)));
                }
            }
            // The neutral symbols are those that resolution sees.
            let mut globals = Vec::new();
            format::for_each_global(kind, member.data, &mut |g| globals.push(g.name)).unwrap();
            let own: Vec<&[u8]> = object
                .symbols
                .iter()
                .filter(|s| s.binding != Binding::Local)
                .map(|s| s.name)
                .collect();
            assert_eq!(globals, own, "{name}");
        }
    }
    // Functions of assembler files (compiler_builtins' outlined atomics) have none, and the padding after
    // a naked function is none.
    let rust: Vec<_> = bare
        .iter()
        .filter(|b| b.contains(".rcgu.o: ") && !b.contains(": .Lfunc_end"))
        .collect();
    println!(
        "{objects} objects, {atoms} atoms, {} functions without unwind data",
        bare.len()
    );
    assert!(objects > 50);
    assert!(rust.is_empty(), "{rust:#?}");
}

#[test]
fn strategies_on_atoms_refuse_what_cannot_be_written() {
    use dragonfire::protocol::event::Silent;
    use dragonfire::protocol::request::{CombineRequest, LibraryInput, Output, Request, Source};
    let (_keep, dir) = crate::support::scratch();
    let object = dir.join("a.o");
    let path = dir.join("libgsta.a");
    // Signed pointers: relocations say how, in the contents.
    let source = "int gst_plugin_a_register(void) { return 1; }";
    fs::write(&object, compile("arm64e-apple-macos11", "c", source, &[])).unwrap();
    crate::support::run(
        "llvm-ar-19",
        &["--format=darwin", "rcs", path.as_str(), object.as_str()],
    );
    for make in [Request::Meld, Request::Prelink] {
        let out = dir.join("out");
        let source = Source::Libraries(vec![LibraryInput {
            path: path.clone(),
            ..LibraryInput::default()
        }]);
        let request = CombineRequest {
            exports: vec!["gst_plugin_{plugin}_register".to_owned()],
            threads: Some(1),
            ..CombineRequest::new(source, Output::Dir(out.clone()))
        };
        let error = dragonfire::run(&make(request.clone()), &Silent).unwrap_err();
        assert_eq!(error.code(), Code::ObjectUnsupported);
        assert!(fs::read_dir(&out).map_or(0, Iterator::count) == 0);
        // Build systems with one project for every target ask for the next best.
        let request = CombineRequest {
            or_dedup: true,
            ..request
        };
        let response = dragonfire::run(&make(request), &Silent).unwrap();
        assert_eq!(response.operation, "dedup");
        let mut warnings = response.warnings.iter();
        assert!(warnings.any(|w| w.code == Code::ObjectUnsupported));
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_pointer_into_debug_information_leads_nowhere() {
    let source = ".data\n.globl _a_pointer\n_a_pointer: .quad L_there\n\
                  .section __DWARF,__debug_made,regular,debug\n.long 0\nL_there: .long 1\n\
                  .subsections_via_symbols\n";
    for target in [ARM64, X86_64] {
        let data = compile(target, "s", source, &[]);
        let object = read(&data);
        let (atom, _) = crate::support::defined(&object, "_a_pointer");
        let edges = object.edges_of(atom);
        let lost = edges.iter().filter(|e| match e.to {
            EdgeTarget::Symbol(s) => object
                .symbols
                .get(s as usize)
                .is_none_or(|s| s.definition == Definition::Dropped),
            EdgeTarget::Atom(_) => false,
        });
        assert_eq!(lost.count(), 1, "{target}: {edges:?}");
    }
}
