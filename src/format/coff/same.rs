//! Whether two objects differ in nothing but the name of their source file, or two import stubs in
//! nothing but their date.
//!
//! A `.file` symbol holds the name in auxiliary records, so a longer name moves every symbol after it:
//! relocations and auxiliary records are compared by the symbols they mean. With debug information
//! CodeView's build record names the source file too, in a string of the type section.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use object::LittleEndian as LE;
use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::SymbolIndex;
use object::read::coff::{CoffHeader, SectionTable, Symbol as _, SymbolTable};

use super::{Layout, import, layout};

/// CodeView's types, and the strings of the build record.
const TYPES: &[u8; 8] = b".debug$T";
/// A string (LF_STRING_ID in Microsoft's cvinfo.h).
const STRING_ID: u16 = 0x1605;

struct Parsed<'d, H: CoffHeader> {
    data: &'d [u8],
    header: &'d H,
    sections: SectionTable<'d>,
    symbols: SymbolTable<'d, &'d [u8], H>,
}

impl<'d, H: CoffHeader> Parsed<'d, H> {
    fn new(data: &'d [u8]) -> Option<Self> {
        let mut offset = 0;
        let header = H::parse(data, &mut offset).ok()?;
        Some(Self {
            data,
            header,
            sections: header.sections(data, offset).ok()?,
            symbols: header.symbols(data).ok()?,
        })
    }

    /// The symbols proper, without `.file`, with their indexes.
    fn symbols(&self) -> Vec<(SymbolIndex, &'d H::Symbol)> {
        let all = self.symbols.iter();
        all.filter(|(_, s)| s.storage_class() != pe::IMAGE_SYM_CLASS_FILE)
            .collect()
    }
}

/// See [`crate::format::shape_but_file_name`].
pub fn shape(data: &[u8]) -> Option<u64> {
    match layout(data)?.0 {
        Layout::Plain => shape_of::<ImageFileHeader>(data),
        Layout::Big => shape_of::<AnonObjectHeaderBigobj>(data),
        Layout::Import => Some(data.len() as u64),
    }
}

fn shape_of<H: CoffHeader>(data: &[u8]) -> Option<u64> {
    let object = Parsed::<H>::new(data)?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    for section in object.sections.iter() {
        section.characteristics.get(LE).0.hash(&mut hasher);
        if section.name != *TYPES {
            section.size_of_raw_data.get(LE).hash(&mut hasher);
        }
        section.number_of_relocations.get(LE).hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// See [`crate::format::names_but_file_name`].
pub fn names(data: &[u8]) -> Option<u64> {
    match layout(data)?.0 {
        Layout::Plain => names_of::<ImageFileHeader>(data),
        Layout::Big => names_of::<AnonObjectHeaderBigobj>(data),
        Layout::Import => {
            // All but the date (PE/COFF, "Import Header").
            let mut hasher = FixedState::with_seed(0).build_hasher();
            data.get(..8)?.hash(&mut hasher);
            data.get(12..)?.hash(&mut hasher);
            Some(hasher.finish())
        }
    }
}

fn names_of<H: CoffHeader>(data: &[u8]) -> Option<u64> {
    let object = Parsed::<H>::new(data)?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    for (_, symbol) in object.symbols() {
        let name = symbol.name(object.symbols.strings()).ok()?;
        name.hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// See [`crate::format::same_but_file_name`].
pub fn same_but_file_name(a: &[u8], b: &[u8]) -> bool {
    let (Some((x, _)), Some((y, _))) = (layout(a), layout(b)) else {
        return false;
    };
    if x != y {
        return false;
    }
    match x {
        Layout::Plain => same::<ImageFileHeader>(a, b).unwrap_or(false),
        Layout::Big => same::<AnonObjectHeaderBigobj>(a, b).unwrap_or(false),
        Layout::Import => import::same(a, b),
    }
}

fn same<H: CoffHeader>(a: &[u8], b: &[u8]) -> Option<bool> {
    let (a, b) = (Parsed::<H>::new(a)?, Parsed::<H>::new(b)?);
    let header = |p: &Parsed<'_, H>| {
        (
            p.header.machine(),
            p.header.characteristics(),
            p.sections.len(),
        )
    };
    if header(&a) != header(&b) {
        return Some(false);
    }
    let (of_a, of_b) = (a.symbols(), b.symbols());
    if of_a.len() != of_b.len() {
        return Some(false);
    }
    // Pairs of symbols at one place of both tables, for what refers to them by index.
    let pairs: std::collections::HashMap<u32, u32> = of_a
        .iter()
        .zip(&of_b)
        .map(|((x, _), (y, _))| (x.0 as u32, y.0 as u32))
        .collect();
    let same_index = |x: u32, y: u32| pairs.get(&x) == Some(&y);
    Some(same_sections(&a, &b, &same_index)? && same_symbols(&a, &b, &of_a, &of_b, &same_index)?)
}

fn same_sections<H: CoffHeader>(
    a: &Parsed<'_, H>,
    b: &Parsed<'_, H>,
    same_index: &dyn Fn(u32, u32) -> bool,
) -> Option<bool> {
    for (x, y) in a.sections.iter().zip(b.sections.iter()) {
        let types = x.name == *TYPES;
        let key = |s: &pe::ImageSectionHeader| {
            (
                s.virtual_size.get(LE),
                s.virtual_address.get(LE),
                if types { 0 } else { s.size_of_raw_data.get(LE) },
                s.number_of_relocations.get(LE),
                s.number_of_linenumbers.get(LE),
                s.characteristics.get(LE),
            )
        };
        let strings = (a.symbols.strings(), b.symbols.strings());
        let same_header = key(x) == key(y)
            && x.name(strings.0).ok()? == y.name(strings.1).ok()?
            && x.number_of_linenumbers.get(LE) == 0;
        let contents = (x.coff_data(a.data).ok()?, y.coff_data(b.data).ok()?);
        let same_contents = if types {
            same_types(contents.0, contents.1)?
        } else {
            contents.0 == contents.1
        };
        if !same_header || !same_contents {
            return Some(false);
        }
        let (x, y) = (
            x.coff_relocations(a.data).ok()?,
            y.coff_relocations(b.data).ok()?,
        );
        let same_relocations = x.len() == y.len()
            && x.iter().zip(y).all(|(x, y)| {
                x.virtual_address.get(LE) == y.virtual_address.get(LE)
                    && x.typ.get(LE) == y.typ.get(LE)
                    && same_index(x.symbol_table_index.get(LE), y.symbol_table_index.get(LE))
            });
        if !same_relocations {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether type sections differ in nothing but strings.
fn same_types(a: &[u8], b: &[u8]) -> Option<bool> {
    let (a, b) = (type_records(a)?, type_records(b)?);
    let same = |x: &(u16, &[u8]), y: &(u16, &[u8])| x.0 == y.0 && (x.0 == STRING_ID || x.1 == y.1);
    Some(a.len() == b.len() && a.iter().zip(&b).all(|(x, y)| same(x, y)))
}

/// Kind and contents of each record of a type section, after its signature.
fn type_records(data: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut rest = data.get(4..)?;
    let mut records = vec![(0, data.get(..4)?)];
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let record = after.get(..usize::from(u16::from_le_bytes(*length)))?;
        rest = after.get(record.len()..)?;
        let (kind, contents) = record.split_first_chunk::<2>()?;
        records.push((u16::from_le_bytes(*kind), contents));
    }
    rest.is_empty().then_some(records)
}

fn same_symbols<H: CoffHeader>(
    a: &Parsed<'_, H>,
    b: &Parsed<'_, H>,
    of_a: &[(SymbolIndex, &H::Symbol)],
    of_b: &[(SymbolIndex, &H::Symbol)],
    same_index: &dyn Fn(u32, u32) -> bool,
) -> Option<bool> {
    for ((i, x), (j, y)) in of_a.iter().zip(of_b) {
        let key = |s: &H::Symbol| {
            (
                s.value(),
                s.section_number(),
                s.typ(),
                s.storage_class(),
                s.number_of_aux_symbols(),
            )
        };
        let same_key = key(x) == key(y)
            && x.name(a.symbols.strings()).ok()? == y.name(b.symbols.strings()).ok()?;
        if !same_key {
            return Some(false);
        }
        if x.has_aux_weak_external() {
            let x = a.symbols.aux_weak_external(*i).ok()?;
            let y = b.symbols.aux_weak_external(*j).ok()?;
            let (of_x, of_y) = (x.weak_default_sym_index, y.weak_default_sym_index);
            if x.weak_search_type.get(LE) != y.weak_search_type.get(LE)
                || !same_index(of_x.get(LE), of_y.get(LE))
            {
                return Some(false);
            }
        } else if x.number_of_aux_symbols() > 0 {
            // Function records name symbols and line numbers by index; section records do not.
            if !x.has_aux_section() {
                return Some(false);
            }
            let x = a.symbols.aux_section(*i).ok()?;
            let y = b.symbols.aux_section(*j).ok()?;
            // Length and checksum follow from contents.
            let rest = |aux: &pe::ImageAuxSymbolSection| {
                let mut aux = *aux;
                aux.length.set(LE, 0);
                aux.check_sum.set(LE, 0);
                aux
            };
            if object::pod::bytes_of(&rest(x)) != object::pod::bytes_of(&rest(y)) {
                return Some(false);
            }
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: u16 = 0x1002;

    fn types(records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut data = vec![4, 0, 0, 0];
        for (kind, contents) in records {
            data.extend_from_slice(&(contents.len() as u16 + 2).to_le_bytes());
            data.extend_from_slice(&kind.to_le_bytes());
            data.extend_from_slice(contents);
        }
        data
    }

    #[test]
    fn types_may_differ_in_strings_only() {
        let one = types(&[(STRING_ID, b"\0\0\0\0one.rs\0\0"), (POINTER, b"same")]);
        let longer = types(&[(STRING_ID, b"\0\0\0\0another.rs\0\0"), (POINTER, b"same")]);
        let other = types(&[(STRING_ID, b"\0\0\0\0one.rs\0\0"), (POINTER, b"else")]);
        let more = types(&[(STRING_ID, b"\0\0\0\0one.rs\0\0")]);
        assert_eq!(same_types(&one, &longer), Some(true));
        assert_eq!(same_types(&one, &other), Some(false));
        assert_eq!(same_types(&one, &more), Some(false));
    }

    #[test]
    fn broken_types_are_not_the_same() {
        let whole = types(&[(POINTER, b"same")]);
        assert_eq!(same_types(&whole, &whole), Some(true));
        for end in [0, 3, 5, 7, whole.len() - 1] {
            let part = whole.get(..end).unwrap();
            assert_eq!(same_types(part, part), None, "{end}");
        }
    }
}
