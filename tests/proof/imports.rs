//! Import members of Windows' libraries.

use std::fs;

use camino::Utf8PathBuf;
use dragonfire::error::Code;
use dragonfire::input::archive::ArchiveKind;
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::{OutputLibrary, OutputMember};
use object::pe;
use object::write::coff::{FileHeader, Relocation, SectionHeader, Symbol, Writer};

use crate::Case;

/// A COFF object whose function goes where a pointer says.
fn caller(function: &str, pointer: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    let code = b"\xFF\x25\0\0\0\0";
    w.reserve_file_header();
    w.reserve_section_headers(1);
    let data = w.reserve_section(code.len());
    let relocations = w.reserve_relocations(1);
    let (section, function) = (w.add_name(b".text"), w.add_name(function.as_bytes()));
    let pointer = w.add_name(pointer.as_bytes());
    w.reserve_symbol_index();
    w.reserve_symbol_index();
    w.reserve_symtab_strtab().unwrap();
    w.write_file_header(FileHeader {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::FileFlags(0),
    })
    .unwrap();
    w.write_section_header(SectionHeader {
        name: section,
        size_of_raw_data: code.len() as u32,
        pointer_to_raw_data: data,
        pointer_to_relocations: relocations,
        pointer_to_linenumbers: 0,
        number_of_relocations: 1,
        number_of_linenumbers: 0,
        characteristics: pe::SectionFlags(0x6050_0020),
    });
    w.write_section(code);
    w.write_relocation(Relocation {
        virtual_address: 2,
        symbol: 1,
        typ: pe::IMAGE_REL_AMD64_REL32,
    });
    for (name, number) in [(function, 1), (pointer, 0)] {
        w.write_symbol(Symbol {
            name,
            section_number: pe::SymbolSection(number),
            storage_class: pe::IMAGE_SYM_CLASS_EXTERNAL,
            ..Symbol::default()
        });
    }
    w.write_strtab();
    bytes
}

/// A short import object (PE/COFF, "Import Library Format"), by name.
fn stub(symbol: &str, dll: &str) -> Vec<u8> {
    let names = format!("{symbol}\0{dll}\0");
    let mut bytes = vec![0, 0, 0xFF, 0xFF, 0, 0, 0x64, 0x86, 0, 0, 0, 0];
    bytes.extend((names.len() as u32).to_le_bytes());
    bytes.extend([0, 0, 4, 0]);
    bytes.extend(names.as_bytes());
    bytes
}

#[test]
fn an_import_of_another_dll_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let member = |name: &'static str, data: Vec<u8>| OutputMember {
        name: name.as_bytes().into(),
        data: data.into(),
        symbols: Vec::new(),
    };
    let inputs = ["a", "b"].map(|name| {
        let own = caller(&format!("{name}_register"), "both");
        let members = [
            member("own.obj", own),
            member("both.obj", caller("both", "__imp_step")),
            member("import.dll", stub("step", &format!("{name}.dll"))),
        ];
        let path = dir.join(format!("{name}.lib"));
        let archive = ArchiveWriter::new(ArchiveKind::Gnu, &members).unwrap();
        archive
            .write(&mut fs::File::create(&path).unwrap())
            .unwrap();
        path
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.judged(|_| ()).unwrap();
    let wrong = case.judged(|set| {
        let [a, b] = &mut set.libraries[..] else {
            panic!("two libraries")
        };
        let import = |l: &OutputLibrary<'_>| {
            let mut members = l.members.iter();
            members.position(|m| *m.name == *b"import.dll").unwrap()
        };
        let (of_a, of_b) = (import(a), import(b));
        b.members[of_b] = a.members[of_a].clone();
    });
    assert_eq!(wrong.unwrap_err().code(), Code::VerifyFailed);
    let missing = case.judged(|set| {
        set.libraries[0]
            .members
            .retain(|m| *m.name != *b"import.dll");
    });
    assert_eq!(missing.unwrap_err().code(), Code::VerifyFailed);
}
