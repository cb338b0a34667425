//! An object that holds a note of ours and nothing a linker would keep: its one section is a comment
//! that is removed from every image.

use object::LittleEndian as LE;
use object::pe::{self, ImageFileHeader};
use object::read::coff::CoffHeader;

use super::layout;

/// At most eight bytes: longer names need a string table.
const SECTION: &[u8; 8] = b".dragonf";
const HEADERS: usize = 20 + 40;

/// A marker object like `template` that holds `note`.
pub fn make(template: &[u8], note: &[u8]) -> Option<Vec<u8>> {
    let (_, machine) = layout(template)?;
    let mut out = Vec::with_capacity(HEADERS + note.len() + 22);
    let symbols_at = (HEADERS + note.len()) as u32;
    out.extend_from_slice(&machine.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    // Date, symbol table, number of symbols, no optional header, no flags.
    for word in [0, symbols_at, 1, 0] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(SECTION);
    let flags =
        pe::IMAGE_SCN_LNK_INFO.0 | pe::IMAGE_SCN_LNK_REMOVE.0 | pe::IMAGE_SCN_ALIGN_1BYTES.0;
    // Sizes and addresses, contents, relocations, line numbers, counts, flags.
    for word in [0, 0, note.len() as u32, HEADERS as u32, 0, 0, 0, flags] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(note);
    // Without it, /SAFESEH refuses the object where it is linked by force.
    out.extend_from_slice(b"@feat.00");
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&(-1i16).to_le_bytes());
    out.extend_from_slice(&[0, 0, pe::IMAGE_SYM_CLASS_STATIC.0, 0]);
    // The string table's own size.
    out.extend_from_slice(&4u32.to_le_bytes());
    Some(out)
}

/// The note of a marker object.
pub fn read(data: &[u8]) -> Option<&[u8]> {
    let mut offset = 0;
    let header = ImageFileHeader::parse(data, &mut offset).ok()?;
    let sections = CoffHeader::sections(header, data, offset).ok()?;
    let section = sections.iter().find(|s| s.raw_name() == SECTION)?;
    let at = section.pointer_to_raw_data.get(LE) as usize;
    let size = section.size_of_raw_data.get(LE) as usize;
    data.get(at..at.checked_add(size)?)
}
