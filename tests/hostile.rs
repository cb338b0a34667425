//! Hostile objects: every malformed ELF gives an error with a code, never a panic, never a partial
//! output. Named faults first, then thousands of mutations through the whole pipeline.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::error::Code;
use dragonfire::format;
use dragonfire::input::archive::ArchiveKind;
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::OutputMember;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{CombineRequest, Debug, LibraryInput, Output, Request, Source};

/// Code with unwind tables, groups, relocations, thread locals, constructors and merged strings.
const SOURCE: &str = r#"
extern "C" int printf(const char *, ...);
struct Noisy { ~Noisy(); int x; };
inline int shared(int x) { static int calls = 3; return x + ++calls; }
thread_local int own = 4;
__attribute__((constructor)) static void begin() { own = 5; }
extern "C" int helper(int);
extern "C" int gst_plugin_a_register(int x) {
    Noisy n{x};
    try { return helper(x) + shared(x) + own; } catch (int y) { printf("%d\n", y); return n.x; }
}
extern "C" int helper(int x) { if (x > 7) throw x; return x * 2; }
Noisy::~Noisy() { printf("gone %d\n", x); }
"#;

fn scratch() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    (dir, path)
}

fn compile(flags: &[&str]) -> Vec<u8> {
    let (_keep, dir) = scratch();
    let source = dir.join("a.cpp");
    let object = dir.join("a.o");
    fs::write(&source, SOURCE).unwrap();
    let status = Command::new("c++")
        .args([
            "-c",
            "-O1",
            "-fPIC",
            "-ffunction-sections",
            "-fdata-sections",
        ])
        .args(flags)
        .arg(&source)
        .arg("-o")
        .arg(&object)
        .status()
        .unwrap();
    assert!(status.success());
    fs::read(&object).unwrap()
}

fn assemble(source: &str) -> Vec<u8> {
    let (_keep, dir) = scratch();
    let (text, object) = (dir.join("a.s"), dir.join("a.o"));
    fs::write(&text, source).unwrap();
    let status = Command::new("cc")
        .args(["-c", text.as_str(), "-o", object.as_str()])
        .status()
        .unwrap();
    assert!(status.success());
    fs::read(&object).unwrap()
}

fn library(at: &Utf8Path, object: &[u8]) {
    let members = [OutputMember {
        symbols: Vec::new(),
        name: b"a.o".as_slice().into(),
        data: object.into(),
    }];
    let writer = ArchiveWriter::new(ArchiveKind::Gnu, &members);
    let mut bytes = Vec::new();
    match writer {
        Ok(writer) => writer.write(&mut bytes).unwrap(),
        // The index cannot be made of a broken symbol table: an archive without one will do.
        Err(_) => {
            bytes.extend_from_slice(b"!<arch>\n");
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
        }
    }
    fs::write(at, bytes).unwrap();
}

/// Melds a library of this one object; what comes out is all or nothing.
fn meld(object: &[u8]) -> Result<(), Code> {
    let (_keep, dir) = scratch();
    let path = dir.join("libgsta.a");
    library(&path, object);
    let out = dir.join("out");
    let source = Source::Libraries(vec![LibraryInput {
        path,
        ..LibraryInput::default()
    }]);
    let request = Request::Meld(CombineRequest {
        exports: vec!["gst_plugin_{plugin}_register".to_owned()],
        debug: Some(Debug::Strip),
        threads: Some(1),
        ..CombineRequest::new(source, Output::Dir(out.clone()))
    });
    let written = |dir: &Utf8Path| fs::read_dir(dir).map_or(0, Iterator::count);
    match dragonfire::run(&request, &Silent) {
        Ok(_) => {
            assert_eq!(written(&out), 2, "both libraries are there");
            Ok(())
        }
        Err(e) => {
            assert_eq!(written(&out), 0, "nothing is left of a failed run");
            assert_ne!(e.code(), Code::Internal, "{e}");
            Err(e.code())
        }
    }
}

/// Offsets in a 64-bit little-endian ELF file.
struct Elf {
    bytes: Vec<u8>,
}

impl Elf {
    fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    fn half(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn sections(&self) -> usize {
        usize::from(u16::from_le_bytes(self.bytes[60..62].try_into().unwrap()))
    }

    fn header(&self, section: usize) -> usize {
        self.word(40) as usize + section * 64
    }

    /// Sections of a type.
    fn of_type(&self, kind: u32) -> Vec<usize> {
        (1..self.sections())
            .filter(|&s| self.half(self.header(s) + 4) == kind)
            .collect()
    }

    fn name(&self, section: usize) -> String {
        let strings = usize::from(u16::from_le_bytes(self.bytes[62..64].try_into().unwrap()));
        let at = self.word(self.header(strings) + 24) as usize
            + self.half(self.header(section)) as usize;
        let end = self.bytes[at..].iter().position(|b| *b == 0).unwrap() + at;
        String::from_utf8_lossy(&self.bytes[at..end]).into_owned()
    }

    fn named(&self, name: &str) -> usize {
        (1..self.sections())
            .find(|&s| self.name(s) == name)
            .unwrap()
    }

    fn contents(&self, section: usize) -> usize {
        self.word(self.header(section) + 24) as usize
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

const RELA: u32 = 4;
const SYMTAB: u32 = 2;
const GROUP: u32 = 17;

fn spoiled(spoil: impl FnOnce(&mut Elf)) -> Result<(), Code> {
    let mut elf = Elf {
        bytes: compile(&[]),
    };
    spoil(&mut elf);
    meld(&elf.bytes)
}

#[test]
fn the_object_as_compiled_melds() {
    for flags in [
        &[][..],
        &["-g"],
        &["-g", "-gz"],
        &["-mcmodel=large"],
        &["-fcf-protection"],
    ] {
        assert_eq!(meld(&compile(flags)), Ok(()), "{flags:?}");
    }
}

#[test]
fn relocation_past_its_section() {
    let code = spoiled(|e| {
        let section = e.named(".rela.text.gst_plugin_a_register");
        let at = e.contents(section);
        e.put(at, &0x7fff_ffff_u64.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn relocation_against_a_symbol_past_the_table() {
    let code = spoiled(|e| {
        let section = e.named(".rela.text.gst_plugin_a_register");
        let at = e.contents(section) + 12;
        e.put(at, &0x00ff_ffff_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn symbol_in_a_section_that_does_not_exist() {
    let code = spoiled(|e| {
        let table = e.of_type(SYMTAB)[0];
        let count = e.word(e.header(table) + 32) as usize / 24;
        let at = e.contents(table) + (count - 1) * 24 + 6;
        let first_defined = (1..count)
            .map(|i| e.contents(table) + i * 24)
            .find(|&at| e.bytes[at + 6..at + 8] != [0, 0])
            .unwrap_or(at);
        e.put(first_defined + 6, &0xfe00_u16.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn symbol_name_past_the_strings() {
    let code = spoiled(|e| {
        let table = e.of_type(SYMTAB)[0];
        let count = e.word(e.header(table) + 32) as usize / 24;
        let at = e.contents(table) + (count - 1) * 24;
        e.put(at, &0x7fff_fff0_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn group_that_names_a_missing_section() {
    let code = spoiled(|e| {
        let at = e.contents(e.of_type(GROUP)[0]) + 4;
        e.put(at, &0xfff0_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn unwind_record_past_the_end() {
    let code = spoiled(|e| {
        let at = e.contents(e.named(".eh_frame"));
        e.put(at, &0x00ff_ffff_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn two_unwind_entries_for_one_function() {
    // The second begins in its middle: seven instructions of one byte.
    let source = ".globl gst_plugin_a_register\n.text\ngst_plugin_a_register:\n.cfi_startproc\n\
                  .rept 7\nnop\n.endr\n.cfi_endproc\n.section .eh_frame,\"a\",@progbits\n\
                  .Lcie:\n.long 16\n.long 0\n.byte 1\n.asciz \"zR\"\n.byte 1,0x78,16,1,0x1b,0,0,0\n\
                  .long 16\n.long .-.Lcie\n.long gst_plugin_a_register+3-.\n.long 2\n.byte 0,0,0,0\n";
    assert_eq!(meld(&assemble(source)), Err(Code::ObjectMalformed));
    let apart = source.replace("register+3", "register+7");
    assert_eq!(meld(&assemble(&apart)), Ok(()));
}

#[test]
fn unwind_entry_whose_header_is_outside() {
    let code = spoiled(|e| {
        let at = e.contents(e.named(".eh_frame"));
        let first = e.half(at) as usize + 4;
        e.put(at + first + 4, &0x00ff_0000_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn section_size_that_overflows() {
    let code = spoiled(|e| {
        let at = e.header(e.named(".text.helper")) + 32;
        e.put(at, &(u64::MAX - 8).to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn zero_filled_section_of_exabytes() {
    let code = spoiled(|e| {
        let section = (1..e.sections())
            .find(|&s| e.half(e.header(s) + 4) == 8)
            .unwrap();
        let at = e.header(section) + 32;
        e.put(at, &(u64::MAX - 8).to_le_bytes());
    });
    assert!(code.is_err() || code == Ok(()));
}

#[test]
fn alignment_that_is_none() {
    let code = spoiled(|e| {
        let at = e.header(e.named(".text.helper")) + 48;
        e.put(at, &3_u64.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn alignment_of_exabytes() {
    let code = spoiled(|e| {
        let at = e.header(e.named(".text.helper")) + 48;
        e.put(at, &(1_u64 << 62).to_le_bytes());
    });
    assert_eq!(code, Err(Code::OutputLimit));
}

#[test]
fn sections_ordered_after_each_other() {
    // SHF_LINK_ORDER both ways is legal nonsense: it must end.
    let code = spoiled(|e| {
        let (a, b) = (
            e.named(".text.helper"),
            e.named(".text.gst_plugin_a_register"),
        );
        for (from, to) in [(a, b), (b, a)] {
            let header = e.header(from);
            let flags = e.word(header + 8) | 0x80;
            e.put(header + 8, &flags.to_le_bytes());
            e.put(header + 40, &(to as u32).to_le_bytes());
        }
    });
    assert_eq!(code, Ok(()));
}

#[test]
fn relocations_with_another_symbol_table() {
    let code = spoiled(|e| {
        let section = e.of_type(RELA)[0];
        let at = e.header(section) + 40;
        e.put(at, &1_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

/// A small generator, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn thousands_of_mutations_never_panic() {
    let seed = compile(&[]);
    let mut random = Random(0x5eed_0ff1_e500);
    let mut failed = 0;
    for _ in 0..3000 {
        let mut bytes = seed.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                2 => {
                    let value = [0, 1, 0x7f, 0x80, 0xff, 0xfe][random.below(6)];
                    for b in bytes.iter_mut().skip(at).take(8) {
                        *b = value;
                    }
                }
                _ => bytes.truncate(at.max(64)),
            }
        }
        failed += u32::from(meld(&bytes).is_err());
    }
    assert!(failed > 100, "the mutations do hit something");
}

#[test]
fn every_truncation_is_an_error() {
    let seed = compile(&[]);
    for length in (0..seed.len()).step_by(97) {
        let bytes = &seed[..length];
        let kind = format::classify(bytes);
        if let Err(e) = format::read_object(kind, bytes) {
            assert_ne!(e.code(), Code::Internal);
        }
    }
}
