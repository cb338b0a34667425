//! Hostile debug information: the code is kept, and what cannot be read is left out with a warning. Never a
//! panic, and never more work than the bytes are worth: these end in seconds or not at all.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use camino::Utf8PathBuf;
use dragonfire::error::Code;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{CombineRequest, Debug, LibraryInput, Output, Request, Source};
use dragonfire::protocol::response::Response;

/// A function, and a unit over it whose entries are `entries` and whose abbreviations `abbreviations`.
fn object(entries: &str, abbreviations: &str, more: &str) -> String {
    format!(
        r#"
        .section .text.api,"ax",@progbits
        .globl api
        .type api, @function
api:    ret
        ret
        ret
        ret
.Lend:
        .size api, .-api
        .section .debug_abbrev,"",@progbits
        .byte 1, 0x11, 1, 0x11, 1, 0x12, 7, 0, 0
        {abbreviations}
        .byte 0
        .section .debug_info,"",@progbits
unit:   .long unit_end - unit_begin
unit_begin:
        .short 4
        .long .debug_abbrev
        .byte 8
        .byte 1
        .quad api
        .quad .Lend - api
        {entries}
        .byte 0
unit_end:
        {more}
"#
    )
}

/// A subprogram over the function, with children or none (codes 2 and 3).
const FUNCTIONS: &str = r#"
        .byte 2, 0x2e, 1, 0x11, 1, 0x12, 7, 0, 0
        .byte 3, 0x2e, 0, 0x11, 1, 0x12, 7, 0, 0
"#;

fn assembled(source: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (text, out) = (dir.path().join("a.s"), dir.path().join("a.o"));
    fs::write(&text, source).unwrap();
    let status = Command::new("cc")
        .arg("-c")
        .arg(&text)
        .arg("-o")
        .arg(&out)
        .status();
    assert!(status.unwrap().success());
    fs::read(&out).unwrap()
}

/// Melds a library of this object with `lines`, and with `full`, which is no worse.
fn meld(object: &[u8]) -> Response {
    full(object);
    meld_with(object, Debug::Lines)
}

/// Melds it with `full`: unreadable things may cost it variables or all, code never.
fn full(object: &[u8]) -> Response {
    let response = meld_with(object, Debug::Full);
    let mut codes = response.warnings.iter().map(|w| w.code);
    assert!(
        codes.all(|c| matches!(c, Code::DebugInfoUnreadable | Code::DebugInfoReduced)),
        "{:?}",
        response.warnings
    );
    response
}

fn meld_with(object: &[u8], debug: Debug) -> Response {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("liba.a");
    let mut bytes = b"!<arch>\n".to_vec();
    bytes.extend_from_slice(
        format!(
            "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            "a.o/",
            0,
            0,
            0,
            644,
            object.len()
        )
        .as_bytes(),
    );
    bytes.extend_from_slice(object);
    fs::write(&path, bytes).unwrap();
    let source = Source::Libraries(vec![LibraryInput {
        path,
        ..LibraryInput::default()
    }]);
    let request = Request::Meld(CombineRequest {
        exports: vec!["api".to_owned()],
        debug: Some(debug),
        ..CombineRequest::new(source, Output::Dir(dir.join("out")))
    });
    let response = dragonfire::run(&request, &Silent).expect("the code is kept");
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(response.plugins[0].exports, ["api"]);
    response
}

fn is_left_out(response: &Response) -> bool {
    let codes = response.warnings.iter().map(|w| w.code);
    codes.filter(|c| *c == Code::DebugInfoUnreadable).count() == 1
        && response.plugins[0].debug_bytes == 0
}

#[test]
fn what_is_whole_is_written() {
    let entry = ".byte 3\n .quad api\n .quad .Lend - api\n";
    let response = meld(&assembled(&object(entry, FUNCTIONS, "")));
    assert!(response.warnings.is_empty(), "{:?}", response.warnings);
    assert!(response.plugins[0].debug_bytes > 0);
}

#[test]
fn origins_that_go_round() {
    let entry = ".byte 4\n .quad api\n .quad .Lend - api\n .long 0x1c\n";
    let abbreviations = ".byte 4, 0x2e, 0, 0x11, 1, 0x12, 7, 0x31, 0x13, 0, 0";
    meld(&assembled(&object(entry, abbreviations, "")));
}

#[test]
fn namespaces_without_end() {
    // In each other and beside each other, with functions; of the third kind that are another's continuation.
    let abbreviations = r#"
        .byte 4, 0x39, 1, 0x03, 8, 0, 0
        .byte 5, 0x39, 1, 0x54, 0x13, 0, 0
        .byte 6, 0x2e, 0, 0x03, 8, 0x11, 1, 0x12, 7, 0, 0"#;
    let function = ".byte 6\n .asciz \"f\"\n .quad api\n .quad .Lend - api\n";
    let (mut nested, mut beside) = (String::new(), String::new());
    for n in 0..20_000 {
        writeln!(nested, ".byte 4\n .asciz \"n{n}\"").unwrap();
        writeln!(beside, ".byte 4\n .asciz \"n{n}\"\n {function} .byte 0").unwrap();
    }
    nested += &function.repeat(20_000);
    nested += &".byte 0\n".repeat(20_000);
    let round = format!("itself: .byte 5\n .long itself - unit\n {function} .byte 0\n");
    for entries in [nested, beside, round] {
        let response = meld(&assembled(&object(&entries, abbreviations, "")));
        assert!(response.warnings.is_empty(), "{:?}", response.warnings);
        assert!(response.plugins[0].debug_bytes > 0);
    }
}

/// A unit over `api` with a function that has a variable of what code 4 says.
fn variable(attributes: &str, value: &str, more: &str) -> Vec<u8> {
    let entry = format!(".byte 2\n .quad api\n .quad .Lend - api\n .byte 4\n {value}\n .byte 0\n");
    let abbreviations = format!("{FUNCTIONS}\n .byte 4, 0x34, 0, {attributes}, 0, 0");
    assembled(&object(&entry, &abbreviations, more))
}

fn is_reduced(response: &Response) -> bool {
    let codes: Vec<Code> = response.warnings.iter().map(|w| w.code).collect();
    codes == [Code::DebugInfoReduced] && response.plugins[0].debug_bytes > 0
}

#[test]
fn types_that_go_round() {
    // A variable whose type is a pointer to itself.
    let entry = ".byte 2\n .quad api\n .quad .Lend - api\n .byte 4\n .long pointer - unit\n .byte 0\n\
                 pointer: .byte 5\n .long pointer - unit\n";
    let abbreviations =
        format!("{FUNCTIONS}\n .byte 4, 0x34, 0, 0x49, 0x13, 0, 0, 5, 0xf, 0, 0x49, 0x13, 0, 0");
    let response = full(&assembled(&object(entry, &abbreviations, "")));
    assert!(response.warnings.is_empty(), "{:?}", response.warnings);
    assert!(response.plugins[0].debug_bytes > 0);
}

#[test]
fn references_to_nowhere() {
    for (form, value) in [
        ("0x13", ".long 0xfffffff0"),
        ("0x13", ".long 3"),
        ("0x10", ".long 0xfffffff0"),
        ("0x10", ".long 0"),
        ("0x14", ".quad -1"),
        ("0x20", ".quad 77"),
    ] {
        let response = full(&variable(&format!("0x49, {form}"), value, ""));
        assert!(response.plugins[0].debug_bytes > 0, "{form} {value}");
    }
}

#[test]
fn expressions_of_all_kinds() {
    for value in [
        // Truncated, unknown, an address of nothing, jumps, a type that is none, one within one within one.
        ".byte 1, 3",
        ".byte 2, 0xff, 0",
        ".byte 9, 3\n .quad -1",
        ".byte 9, 3\n .quad api",
        ".byte 3, 0x2f, 0xff, 0x7f",
        ".byte 12, 3\n .quad api\n .byte 0x28, 0xf4, 0xff",
        ".byte 3, 0xa8, 0xff, 0x7f",
        ".byte 2, 0xa8, 0",
        ".byte 10, 0xa3, 8, 0xa3, 6, 0xa3, 4, 0xa3, 2, 0xa3, 0",
        ".byte 7, 0xa0\n .long 0xfffffff0\n .byte 0",
        ".byte 7, 0xa0\n .long 0\n .byte 0",
        ".byte 9, 0xe\n .quad 8\n",
    ] {
        full(&variable("2, 0x18", value, ""));
    }
}

#[test]
fn one_list_of_locations_for_all() {
    let mut entries = String::from(".byte 2\n .quad api\n .quad .Lend - api\n");
    for _ in 0..20_000 {
        entries.push_str(".byte 4\n .long .debug_loc\n");
    }
    entries.push_str(".byte 0\n");
    let abbreviations = format!("{FUNCTIONS}\n .byte 4, 0x34, 0, 2, 0x17, 0, 0");
    let list = ".section .debug_loc,\"\",@progbits\n .rept 50000\n .quad 0, 1\n .short 1\n .byte 0x50\n .endr\n .quad 0, 0\n";
    let object = assembled(&object(&entries, &abbreviations, list));
    assert!(is_reduced(&full(&object)));
}

#[test]
fn one_long_name_for_all() {
    let mut entries = String::from(".byte 2\n .quad api\n .quad .Lend - api\n");
    for _ in 0..50_000 {
        entries.push_str(".byte 4\n .long .debug_str\n");
    }
    entries.push_str(".byte 0\n");
    let abbreviations = format!("{FUNCTIONS}\n .byte 4, 0x34, 0, 3, 0xe, 0, 0");
    let name = ".section .debug_str,\"\",@progbits\n .fill 1000000, 1, 0x61\n .byte 0\n";
    let object = assembled(&object(&entries, &abbreviations, name));
    assert!(is_reduced(&full(&object)));
}

#[test]
fn nesting_without_end() {
    let entry = ".rept 100000\n .byte 2\n .quad api\n .quad .Lend - api\n .endr\n";
    assert!(is_left_out(&meld(&assembled(&object(
        entry, FUNCTIONS, ""
    )))));
}

#[test]
fn one_range_list_for_all() {
    let mut entries = String::new();
    for _ in 0..20_000 {
        entries.push_str(".byte 4\n .long .debug_ranges\n");
    }
    let abbreviations = ".byte 4, 0x2e, 0, 0x55, 0x17, 0, 0";
    let ranges =
        ".section .debug_ranges,\"\",@progbits\n .rept 50000\n .quad 0, 1\n .endr\n .quad 0, 0\n";
    assert!(is_left_out(&meld(&assembled(&object(
        &entries,
        abbreviations,
        ranges
    )))));
}

#[test]
fn one_line_table_for_all() {
    let mut units = String::from(".section .debug_info\n");
    for unit in 0..50_000 {
        let _ = write!(
            units,
            "b{unit}: .long e{unit} - s{unit}\ns{unit}: .short 4\n .long more\n .byte 8, 1\n .long .debug_line\ne{unit}:\n"
        );
    }
    units.push_str(
        r#"
        .section .debug_abbrev
more:   .byte 1, 0x11, 0, 0x10, 0x17, 0, 0, 0
        .section .debug_line,"",@progbits
        .long line_end - line_begin
line_begin:
        .short 4
        .long program - header
header: .byte 1, 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0
        .rept 100000
        .asciz "f"
        .byte 0, 0, 0
        .endr
        .byte 0
program:
line_end:
"#,
    );
    assert!(is_left_out(&meld(&assembled(&object("", "", &units)))));
}

#[test]
fn many_tables_in_one() {
    let mut units = String::from(".section .debug_info\n");
    for unit in 0..50_000 {
        let _ = write!(
            units,
            "b{unit}: .long e{unit} - s{unit}\ns{unit}: .short 4\n .long more + {}\n .byte 8, 0\ne{unit}:\n",
            unit * 7
        );
    }
    units.push_str(".section .debug_abbrev\nmore: .rept 60000\n .byte 1, 0x34, 0, 2, 0x18, 0, 0\n .endr\n .byte 0\n");
    assert!(is_left_out(&meld(&assembled(&object("", "", &units)))));
}

#[test]
fn wrong_forms_and_codes() {
    for (entry, abbreviations) in [
        (".byte 9\n", FUNCTIONS),
        (".byte 4\n", ".byte 4, 0x2e, 0, 0x11, 0x7f, 0, 0"),
        (
            ".byte 4\n .uleb128 0xffffffffffff\n",
            ".byte 4, 0x2e, 0, 2, 9, 0, 0",
        ),
        (
            ".byte 4\n .quad -1, -1\n",
            ".byte 4, 0x2e, 0, 0x11, 7, 0x12, 7, 0, 0",
        ),
        (
            ".byte 4\n .quad api\n .byte 0xff, 0xff, 0x7f\n",
            ".byte 4, 0x2e, 0, 0x11, 1, 0x12, 0x1b, 0, 0",
        ),
    ] {
        meld(&assembled(&object(entry, abbreviations, "")));
    }
}

#[test]
fn every_truncation_of_real_debug_information() {
    let dir = tempfile::tempdir().unwrap();
    let (text, out) = (dir.path().join("a.c"), dir.path().join("a.o"));
    fs::write(
        &text,
        "struct pair { int a; struct pair *next; };\nstatic int calls;\n\
         static inline int twice(int n) { int m = 2 * n; return m; }\n\
         int api(volatile struct pair *p) { int i = twice(p->a); calls++; return p->next->a * i; }\n",
    )
    .unwrap();
    for version in ["-gdwarf-3", "-gdwarf-5"] {
        let status = Command::new("cc")
            .args(["-c", "-O2", version])
            .arg(&text)
            .arg("-o")
            .arg(&out)
            .status();
        assert!(status.unwrap().success());
        let whole = fs::read(&out).unwrap();
        assert!(meld(&whole).plugins[0].debug_bytes > 0);
        for (header, size) in debug_sections(&whole) {
            for length in 0..size {
                let mut cut = whole.clone();
                cut[header + 32..header + 40].copy_from_slice(&length.to_le_bytes());
                // It reads all that `lines` does.
                full(&cut);
            }
        }
    }
}

/// Section headers of `.debug_info` and so on, and the sections' bytes.
fn debug_sections(object: &[u8]) -> Vec<(usize, u64)> {
    let word = |at: usize, width: usize| {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(&object[at..at + width]);
        u64::from_le_bytes(bytes)
    };
    let (table, count, names) = (word(40, 8) as usize, word(60, 2), word(62, 2) as usize);
    let names = word(table + 64 * names + 24, 8) as usize;
    (0..count as usize)
        .map(|i| table + 64 * i)
        .filter(|&h| object[names + word(h, 4) as usize..].starts_with(b".debug_"))
        .map(|h| (h, word(h + 32, 8)))
        .collect()
}
