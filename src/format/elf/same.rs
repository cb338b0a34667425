//! Whether two objects differ in nothing but the name of their source file (STT_FILE).
//!
//! rustc gives every static library its own allocator shim: the same code, named after the library.
//! The name's length moves what lies behind it in the file, so sections are compared, not files.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::SectionIndex;
use object::read::elf::{FileHeader, SectionHeader, SectionTable, Sym, SymbolTable};

struct Parsed<'d, H: FileHeader<Endian = Endianness>> {
    header: &'d H,
    endian: Endianness,
    data: &'d [u8],
    sections: SectionTable<'d, H>,
    symbols: SymbolTable<'d, H>,
}

impl<'d, H: FileHeader<Endian = Endianness>> Parsed<'d, H> {
    fn new(data: &'d [u8]) -> Option<Self> {
        let header = H::parse(data).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, data).ok()?;
        let symbols = sections.symbols(endian, data, elf::SHT_SYMTAB).ok()?;
        Some(Self {
            header,
            endian,
            data,
            sections,
            symbols,
        })
    }

    /// Sections of names: their contents are compared through what refers to them.
    fn is_strings(&self, index: SectionIndex) -> bool {
        index == self.symbols.string_section()
            || self.header.shstrndx(self.endian, self.data).ok() == Some(index.0 as u32)
    }
}

/// See [`crate::format::shape_but_file_name`].
pub fn shape(data: &[u8]) -> Option<u64> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        shape_of::<FileHeader32<Endianness>>(data)
    } else {
        shape_of::<FileHeader64<Endianness>>(data)
    }
}

fn shape_of<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> Option<u64> {
    let object = Parsed::<H>::new(data)?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    for (index, section) in object.sections.enumerate() {
        section.sh_type(object.endian).0.hash(&mut hasher);
        if !object.is_strings(index) {
            let size: u64 = section.sh_size(object.endian).into();
            size.hash(&mut hasher);
        }
    }
    Some(hasher.finish())
}

/// See [`crate::format::names_but_file_name`].
pub fn names(data: &[u8]) -> Option<u64> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        names_of::<FileHeader32<Endianness>>(data)
    } else {
        names_of::<FileHeader64<Endianness>>(data)
    }
}

fn names_of<H: FileHeader<Endian = Endianness>>(data: &[u8]) -> Option<u64> {
    let object = Parsed::<H>::new(data)?;
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let symbols = object.symbols.iter();
    for symbol in symbols.filter(|s| s.st_type() != elf::STT_FILE) {
        let name = symbol.name(object.endian, object.symbols.strings()).ok()?;
        name.hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// See [`crate::format::same_but_file_name`].
pub fn same_but_file_name(a: &[u8], b: &[u8]) -> bool {
    // Identification, class and byte order among it.
    if a.get(..16) != b.get(..16) {
        return false;
    }
    if a.get(4) == Some(&elf::ELFCLASS32.0) {
        same::<FileHeader32<Endianness>>(a, b)
    } else {
        same::<FileHeader64<Endianness>>(a, b)
    }
    .unwrap_or(false)
}

/// `None` where one cannot be read: then the bytes have decided.
fn same<H: FileHeader<Endian = Endianness>>(a: &[u8], b: &[u8]) -> Option<bool> {
    let (a, b) = (Parsed::<H>::new(a)?, Parsed::<H>::new(b)?);
    Some(same_headers(&a, &b) && same_sections(&a, &b)? && same_symbols(&a, &b)?)
}

fn same_headers<H: FileHeader<Endian = Endianness>>(a: &Parsed<'_, H>, b: &Parsed<'_, H>) -> bool {
    let key = |p: &Parsed<'_, H>| {
        let (h, e) = (p.header, p.endian);
        let entry: u64 = h.e_entry(e).into();
        (
            h.e_type(e),
            h.e_machine(e),
            h.e_version(e),
            h.e_flags(e),
            entry,
            h.e_phnum(e),
            h.e_shstrndx(e),
        )
    };
    key(a) == key(b)
}

fn same_sections<H: FileHeader<Endian = Endianness>>(
    a: &Parsed<'_, H>,
    b: &Parsed<'_, H>,
) -> Option<bool> {
    if a.sections.len() != b.sections.len() || a.symbols.section() != b.symbols.section() {
        return Some(false);
    }
    for ((index, x), (_, y)) in a.sections.enumerate().zip(b.sections.enumerate()) {
        let key = |p: &Parsed<'_, H>, s: &H::SectionHeader| {
            let e = p.endian;
            let flags = s.sh_flags(e).0;
            let address: u64 = s.sh_addr(e).into();
            let align: u64 = s.sh_addralign(e).into();
            let entry: u64 = s.sh_entsize(e).into();
            (
                s.sh_type(e),
                flags,
                address,
                s.sh_link(e),
                s.sh_info(e),
                align,
                entry,
            )
        };
        if key(a, x) != key(b, y) {
            return Some(false);
        }
        // Somebody else's offsets into the symbols' strings could not be compared.
        let linked = SectionIndex(x.sh_link(a.endian) as usize);
        if index != a.symbols.section() && linked == a.symbols.string_section() && linked.0 != 0 {
            return Some(false);
        }
        let name = |p: &Parsed<'_, H>, s: &H::SectionHeader| {
            p.sections
                .section_name(p.endian, s)
                .map(<[u8]>::to_vec)
                .ok()
        };
        if name(a, x)? != name(b, y)? {
            return Some(false);
        }
        if a.is_strings(index) && b.is_strings(index) || index == a.symbols.section() {
            continue;
        }
        let size = |p: &Parsed<'_, H>, s: &H::SectionHeader| -> u64 { s.sh_size(p.endian).into() };
        if size(a, x) != size(b, y)
            || x.data(a.endian, a.data).ok()? != y.data(b.endian, b.data).ok()?
        {
            return Some(false);
        }
    }
    Some(true)
}

fn same_symbols<H: FileHeader<Endian = Endianness>>(
    a: &Parsed<'_, H>,
    b: &Parsed<'_, H>,
) -> Option<bool> {
    if a.symbols.len() != b.symbols.len() {
        return Some(false);
    }
    for (x, y) in a.symbols.iter().zip(b.symbols.iter()) {
        let key = |p: &Parsed<'_, H>, s: &H::Sym| {
            let value: u64 = s.st_value(p.endian).into();
            let size: u64 = s.st_size(p.endian).into();
            (s.st_info(), s.st_other(), s.st_shndx(p.endian), value, size)
        };
        if key(a, x) != key(b, y) {
            return Some(false);
        }
        if x.st_type() == elf::STT_FILE && y.st_type() == elf::STT_FILE {
            continue;
        }
        if x.name(a.endian, a.symbols.strings()).ok()?
            != y.name(b.endian, b.symbols.strings()).ok()?
        {
            return Some(false);
        }
    }
    Some(true)
}
