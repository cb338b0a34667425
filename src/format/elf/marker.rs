//! An object that holds a note of ours and nothing a linker would keep: machine and flags are those
//! of the objects around it, and its one section is excluded from every final link.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endian, Endianness};

const SECTION: &[u8] = b".dragonfire";
/// Without it GNU ld would make the stack executable where the member is linked by force.
const STACK: &[u8] = b".note.GNU-stack";

/// A marker object like `template` that holds `note`.
pub fn make(template: &[u8], note: &[u8]) -> Option<Vec<u8>> {
    let is_64 = *template.get(4)? != elf::ELFCLASS32.0;
    let endian = if *template.get(5)? == elf::ELFDATA2MSB.0 {
        Endianness::Big
    } else {
        Endianness::Little
    };
    let header = if is_64 { 64 } else { 52 };
    let mut out = template.get(..header)?.to_vec();

    let mut names = vec![0];
    let mut name = |text: &[u8]| {
        let at = names.len() as u32;
        names.extend_from_slice(text);
        names.push(0);
        at
    };
    let (section, stack, strings) = (name(SECTION), name(STACK), name(b".shstrtab"));
    let note_at = out.len();
    out.extend_from_slice(note);
    let names_at = out.len();
    out.extend_from_slice(&names);
    out.resize(out.len().next_multiple_of(8), 0);
    let table_at = out.len();

    let word = |out: &mut Vec<u8>, v: u64| {
        if is_64 {
            out.extend_from_slice(&endian.write_u64(v));
        } else {
            out.extend_from_slice(&endian.write_u32(v as u32));
        }
    };
    let mut push = |name: u32, kind: u32, flags: u64, at: usize, size: usize, align: u64| {
        out.extend_from_slice(&endian.write_u32(name));
        out.extend_from_slice(&endian.write_u32(kind));
        for v in [flags, 0, at as u64, size as u64] {
            word(&mut out, v);
        }
        // Link and info.
        out.extend_from_slice(&[0; 8]);
        word(&mut out, align);
        word(&mut out, 0);
    };
    let exclude = elf::SHF_EXCLUDE.0;
    push(0, elf::SHT_NULL.0, 0, 0, 0, 0);
    push(
        section,
        elf::SHT_PROGBITS.0,
        exclude,
        note_at,
        note.len(),
        1,
    );
    push(stack, elf::SHT_PROGBITS.0, 0, names_at, 0, 1);
    push(strings, elf::SHT_STRTAB.0, 0, names_at, names.len(), 1);

    let mut patch = |at: usize, bytes: &[u8]| {
        if let Some(place) = out.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let half = |v: u16| endian.write_u16(v);
    patch(16, &half(elf::ET_REL.0));
    // Entry, program headers' offset, section headers' offset, and behind e_flags and e_ehsize:
    // e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx.
    if is_64 {
        patch(24, &[0; 16]);
        patch(40, &endian.write_u64(table_at as u64));
    } else {
        patch(24, &[0; 8]);
        patch(32, &endian.write_u32(table_at as u32));
    }
    let tail = header - 10;
    patch(tail, &[0; 4]);
    patch(tail + 4, &half(if is_64 { 64 } else { 40 }));
    patch(tail + 6, &half(4));
    patch(tail + 8, &half(3));
    Some(out)
}

/// The note of a marker object.
pub fn read(data: &[u8]) -> Option<&[u8]> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        note::<FileHeader32<Endianness>>(data)
    } else {
        note::<FileHeader64<Endianness>>(data)
    }
}

fn note<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> Option<&[u8]> {
    let header = H::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, data).ok()?;
    let (_, section) = sections.section_by_name(endian, SECTION)?;
    section.data(endian, data).ok()
}
