//! Hostile COFF objects: each named fault is an error with a code. Mutations are in tests/corpus.rs.

use std::path::Path;

use dragonfire::error::Code;
use dragonfire::format::model::{Definition, ObjectFile};
use dragonfire::format::{self, MemberKind, Wish};
use dragonfire::input::archive::ArchiveKind;
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::OutputMember;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{CombineRequest, LibraryInput, Output, Request, Source};

/// An object of the fuzz targets' corpus, to break.
struct Coff {
    bytes: Vec<u8>,
}

impl Coff {
    fn seed(name: &str) -> Self {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/object");
        Self {
            bytes: std::fs::read(corpus.join(name)).unwrap(),
        }
    }

    fn half(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes[at..at + 2].try_into().unwrap())
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_word(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    /// Headers of the sections whose name, as far as it stands in the header, is this.
    fn sections(&self, name: &str) -> Vec<usize> {
        let mut field = [0; 8];
        field[..name.len()].copy_from_slice(name.as_bytes());
        (0..usize::from(self.half(2)))
            .map(|n| 20 + 40 * n)
            .filter(|&at| self.bytes[at..at + 8] == field)
            .collect()
    }

    /// The header of a section of this name with relocations.
    fn section(&self, name: &str) -> usize {
        let mut all = self.sections(name).into_iter();
        all.find(|&at| self.half(at + 32) > 0).unwrap()
    }

    /// The first relocation of a section.
    fn relocation(&self, header: usize) -> usize {
        self.word(header + 24) as usize
    }

    /// Auxiliary records of section symbols with this COMDAT selection.
    fn selections(&self, selection: u8) -> Vec<usize> {
        let table = self.word(8) as usize;
        let count = self.word(12) as usize;
        let mut found = Vec::new();
        let mut index = 0;
        while index < count {
            let at = table + 18 * index;
            let aux = usize::from(self.bytes[at + 17]);
            // Storage class 3: static.
            if aux == 1 && self.bytes[at + 16] == 3 && self.bytes[at + 18 + 14] == selection {
                found.push(at + 18);
            }
            index += 1 + aux;
        }
        found
    }

    fn read(&self) -> Result<ObjectFile<'_>, Code> {
        let kind = format::classify(&self.bytes);
        format::read_object(kind, &self.bytes).map_err(|e| e.code())
    }
}

fn spoiled(name: &str, spoil: impl FnOnce(&mut Coff)) -> Option<Code> {
    let mut coff = Coff::seed(name);
    spoil(&mut coff);
    coff.read().err()
}

const PLAIN: &str = "coff-x86_64-pc-windows-msvc.o";
const UNWIND: &str = "coff-unwind.o";
const MALFORMED: Option<Code> = Some(Code::ObjectMalformed);

#[test]
fn the_objects_as_compiled_are_taken_apart() {
    let plain = Coff::seed(PLAIN);
    let object = plain.read().unwrap();
    assert!(object.atoms.iter().any(|a| a.code && a.size > 0));
    let common = |d| matches!(d, Definition::Common { .. });
    assert!(object.symbols.iter().any(|s| common(s.definition)));
    let unwind = Coff::seed(UNWIND);
    let object = unwind.read().unwrap();
    assert!(!object.unwind.is_empty());
    for entry in &object.unwind {
        assert!(object.atoms[entry.atom as usize].code);
        assert_eq!(entry.bytes.len(), 12);
        assert_eq!(entry.edges.len(), 3, "beginning, end, unwind data");
    }
}

#[test]
fn relocations() {
    let past_the_section = spoiled(PLAIN, |c| {
        let at = c.relocation(c.section(".text"));
        c.put_word(at, 0x00ff_ffff);
    });
    assert_eq!(past_the_section, MALFORMED);
    let of_no_symbol = spoiled(PLAIN, |c| {
        let at = c.relocation(c.section(".text"));
        c.put_word(at + 4, 0x00ff_ffff);
    });
    assert_eq!(of_no_symbol, MALFORMED);
    let past_the_file = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        c.put_word(header + 24, u32::MAX - 8);
    });
    assert_eq!(past_the_file, MALFORMED);
}

#[test]
fn sections() {
    let contents_past_the_file = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        c.put_word(header + 16, 0x7fff_ffff);
    });
    assert_eq!(contents_past_the_file, MALFORMED);
    let without_contents = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        c.put_word(header + 20, 0);
    });
    assert_eq!(without_contents, MALFORMED);
    let alignment = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        let flags = c.word(header + 36) | 0x00f0_0000;
        c.put_word(header + 36, flags);
    });
    assert_eq!(alignment, MALFORMED);
    let name_past_the_strings = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        c.put(header, b"/9999999");
    });
    assert_eq!(name_past_the_strings, MALFORMED);
}

#[test]
fn symbols() {
    let table_past_the_file = spoiled(PLAIN, |c| c.put_word(12, 0x0000_ffff));
    assert!(table_past_the_file.is_some());
    let in_no_section = spoiled(PLAIN, |c| {
        let at = c.selections(0)[0] - 18;
        c.put(at + 12, &0x7000_u16.to_le_bytes());
    });
    assert_eq!(in_no_section, MALFORMED);
    let past_its_section = spoiled(UNWIND, |c| {
        // An external symbol in the first section that has one.
        let table = c.word(8) as usize;
        let at = (0..c.word(12) as usize)
            .map(|n| table + 18 * n)
            .find(|&at| c.bytes[at + 16] == 2 && c.half(at + 12) > 0)
            .unwrap();
        c.put_word(at + 8, 0x00ff_ffff);
    });
    // Assemblers may put labels past an end (`.set label, array + 64`); only references decide.
    assert_eq!(past_its_section, None);
}

#[test]
fn comdats() {
    let seed = Coff::seed(UNWIND);
    // 2: any copy may serve.
    let any = seed.selections(2);
    assert!(!any.is_empty());
    let unknown = spoiled(UNWIND, |c| c.bytes[any[0] + 14] = 77);
    assert_eq!(unknown, MALFORMED);
    // 5: associated with a section that does not exist.
    let alone = spoiled(UNWIND, |c| {
        c.bytes[any[0] + 14] = 5;
        c.put(any[0] + 12, &0x7777_u16.to_le_bytes());
    });
    assert_eq!(alone, MALFORMED);
}

#[test]
fn unwind_records() {
    let half_a_record = spoiled(UNWIND, |c| {
        for header in c.sections(".pdata") {
            let size = c.word(header + 16);
            c.put_word(header + 16, size.saturating_sub(4));
        }
        for header in c.sections(".pdata") {
            c.put(header + 32, &0_u16.to_le_bytes());
        }
    });
    assert_eq!(half_a_record, MALFORMED);
    let of_no_function = spoiled(UNWIND, |c| {
        for header in c.sections(".pdata") {
            c.put(header + 32, &0_u16.to_le_bytes());
        }
    });
    assert_eq!(of_no_function, MALFORMED);
}

#[test]
fn every_truncation_is_an_error_or_an_object() {
    for name in [PLAIN, UNWIND] {
        let seed = Coff::seed(name).bytes;
        for length in 0..seed.len() {
            let bytes = &seed[..length];
            if let Err(e) = format::read_object(format::classify(bytes), bytes) {
                assert_ne!(e.code(), Code::Internal, "{name} of {length} bytes");
            }
        }
    }
}

/// An object of sections (name, characteristics, contents) and symbols (name, value, class), which are
/// undefined.
fn made(sections: &[(&str, u32, &[u8])], symbols: &[(&str, u32, u8)]) -> Vec<u8> {
    let mut strings = vec![0; 4];
    let mut place = |name: &str, long: &dyn Fn(usize) -> Vec<u8>| {
        if name.len() <= 8 {
            let mut field = name.as_bytes().to_vec();
            field.resize(8, 0);
            return field;
        }
        let at = strings.len();
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
        long(at)
    };
    let headers = 20 + 40 * sections.len();
    let contents: usize = sections.iter().map(|s| s.2.len()).sum();
    let mut out = 0x8664_u16.to_le_bytes().to_vec();
    out.extend((sections.len() as u16).to_le_bytes());
    out.extend([0; 4]);
    out.extend(((headers + contents) as u32).to_le_bytes());
    out.extend((symbols.len() as u32).to_le_bytes());
    out.extend([0; 4]);
    let mut at = headers;
    for (name, flags, contents) in sections {
        let mut field = place(name, &|at| format!("/{at}").into_bytes());
        field.resize(8, 0);
        out.extend(field);
        out.extend([0; 8]);
        out.extend((contents.len() as u32).to_le_bytes());
        out.extend((at as u32).to_le_bytes());
        out.extend([0; 12]);
        out.extend(flags.to_le_bytes());
        at += contents.len();
    }
    for (_, _, contents) in sections {
        out.extend_from_slice(contents);
    }
    for (name, value, class) in symbols {
        let field = place(name, &|at| [[0; 4], (at as u32).to_le_bytes()].concat());
        out.extend(field);
        out.extend(value.to_le_bytes());
        out.extend([0, 0, 0, 0, *class, 0]);
    }
    let length = (strings.len() as u32).to_le_bytes();
    strings[..4].copy_from_slice(&length);
    out.extend(strings);
    out
}

/// Characteristics: initialized data; to be removed by linkers; information for them.
const DATA: u32 = 0x4000_0040;
const REMOVED: u32 = 0x800;
const INFORMATION: u32 = 0x200;

#[test]
fn gcc_s_link_time_code_is_intermediate() {
    let lto = (".gnu.lto_.decls.1", DATA | REMOVED, &b"code"[..]);
    let slim = [("__gnu_lto_slim", 1, 2)];
    let kind = |sections: &[_], symbols: &[_]| format::classify(&made(sections, symbols));
    assert_eq!(kind(&[lto], &slim), MemberKind::Bitcode);
    // Fat objects say nothing of the kind, and neither do others.
    assert_ne!(kind(&[lto], &[]), MemberKind::Bitcode);
    assert_ne!(
        kind(&[(".data", DATA, b"data")], &slim),
        MemberKind::Bitcode
    );
    let code = (".text", 0x6000_0020, &b"\xC3"[..]);
    assert_ne!(kind(&[code, lto], &slim), MemberKind::Bitcode);
}

#[test]
fn directives_are_wishes() {
    let text =
        b" /include:one -ALTERNATENAME:two=three \"/include:four\" /alternatename:=x /include: ";
    let object = made(&[(".drectve", REMOVED | INFORMATION, text)], &[]);
    let mut wishes = Vec::new();
    let kind = format::classify(&object);
    format::for_each_wish(kind, &object, &mut |w| wishes.push(w)).unwrap();
    let alternate = Wish::Alternate {
        of: &b"two"[..],
        instead: &b"three"[..],
    };
    assert_eq!(
        wishes,
        [Wish::Need(&b"one"[..]), alternate, Wish::Need(b"four")]
    );
}

#[test]
fn numbers_of_sections_are_half_a_word() {
    // IMAGE_REL_AMD64_SECTION, in the last two bytes of its section.
    let fits = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        let at = c.relocation(header);
        c.put_word(at, c.word(header + 16) - 2);
        c.put(at + 8, &0xA_u16.to_le_bytes());
    });
    assert_eq!(fits, None);
    let past_the_end = spoiled(PLAIN, |c| {
        let header = c.section(".text");
        let at = c.relocation(header);
        c.put_word(at, c.word(header + 16) - 1);
        c.put(at + 8, &0xA_u16.to_le_bytes());
    });
    assert_eq!(past_the_end, MALFORMED);
}

/// The beginning of what MSVC writes with /GL: an anonymous object of another class than big objects.
fn link_time_code() -> Vec<u8> {
    let class = [
        0x38, 0xFE, 0xB3, 0x0C, 0xA5, 0xD9, 0xAB, 0x4D, 0xAC, 0x9B, 0xD6, 0xB6, 0x22, 0x26, 0x53,
        0xC2,
    ];
    let header: [&[u8]; 4] = [
        &[0, 0, 0xFF, 0xFF, 1, 0, 0x64, 0x86],
        &[0; 4],
        &class,
        &[0; 64],
    ];
    header.concat()
}

#[test]
fn link_time_code_is_no_object_and_no_rubbish() {
    let code = link_time_code();
    assert_eq!(format::classify(&code), format::MemberKind::Bitcode);
    let scratch = tempfile::tempdir().unwrap();
    let dir = camino::Utf8PathBuf::from_path_buf(scratch.path().to_owned()).unwrap();
    let plain = Coff::seed(PLAIN).bytes;
    let members = [("a.obj", &plain), ("b.obj", &code)].map(|(name, data)| OutputMember {
        name: name.as_bytes().into(),
        data: data.into(),
        symbols: Vec::new(),
    });
    let mut bytes = Vec::new();
    let writer = ArchiveWriter::new(ArchiveKind::Coff, &members).unwrap();
    writer.write(&mut bytes).unwrap();
    std::fs::write(dir.join("gsta.lib"), bytes).unwrap();
    let source = Source::Libraries(vec![LibraryInput {
        path: dir.join("gsta.lib"),
        ..LibraryInput::default()
    }]);
    let request = CombineRequest {
        exports: vec!["gst_plugin_*".to_owned()],
        ..CombineRequest::new(source, Output::Dir(dir.join("out")))
    };
    let refused = dragonfire::run(&Request::Meld(request.clone()), &Silent).unwrap_err();
    assert_eq!(refused.code(), Code::BitcodeMember);
    let kept = dragonfire::run(&Request::Dedup(request), &Silent).unwrap();
    assert!(kept.warnings.iter().any(|w| w.code == Code::BitcodeMember));
}
