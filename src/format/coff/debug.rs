//! The DWARF sections of a COFF object (MinGW's compilers write such), for the DWARF reader.

use std::borrow::Cow;
use std::rc::Rc;

use object::LittleEndian as LE;
use object::pe::{self, AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::coff::{CoffHeader, Symbol as _};

use super::arch::Arch;
use super::read::malformed;
use super::{Layout, bad, layout};
use crate::debuginfo::dwarf::sections::{Relocated, Section, Sections, wanted};
use crate::debuginfo::places::Places;
use crate::error::Result;
use crate::format::model::{Definition, ObjectFile};

/// The addresses that debug information is read with: the sections' own are all 0. Those of data are asked for
/// where variables are.
pub fn places(file: &ObjectFile<'_>, live: Vec<bool>, full: bool) -> Places {
    let sizes = file
        .atoms
        .iter()
        .map(|a| (a.code || full).then_some(a.size));
    Places::invent(sizes, live)
}

/// The debug sections, with those of variables where they are wanted. Those of an object whose `places` are not given are not relocated.
///
/// # Errors
/// `object-malformed`.
pub fn sections<'a>(
    data: &'a [u8],
    file: Option<(&'a ObjectFile<'a>, &'a Places)>,
    full: bool,
) -> Result<Sections<'a>> {
    match layout(data) {
        Some((Layout::Plain, _)) => of::<ImageFileHeader>(data, file, full),
        Some((Layout::Big, _)) => of::<AnonObjectHeaderBigobj>(data, file, full),
        _ => Ok(Sections::default()),
    }
}

fn of<'a, H: CoffHeader>(
    data: &'a [u8],
    file: Option<(&'a ObjectFile<'a>, &'a Places)>,
    full: bool,
) -> Result<Sections<'a>> {
    let mut offset = 0;
    let header = H::parse(data, &mut offset).map_err(bad("COFF header"))?;
    let sections = header
        .sections(data, offset)
        .map_err(bad("section table"))?;
    let table = header.symbols(data).map_err(bad("symbol table"))?;
    let mut out = Sections::default();
    let Some(arch) = Arch::new(header.machine()) else {
        return Ok(out);
    };
    let mut values: Option<Rc<[u64]>> = None;
    for section in sections.iter() {
        let name = section.name(table.strings()).map_err(bad("section name"))?;
        let Some(id) = wanted(full).find(|id| id.name().as_bytes() == name) else {
            continue;
        };
        // A second one (of a COMDAT) belongs to type units.
        if out.0.iter().any(|s| s.id == id) {
            continue;
        }
        let contents = section
            .coff_data(data)
            .map_err(|()| malformed("section contents past the end of the file").symbol(name))?;
        let relocations = section.coff_relocations(data).map_err(bad("relocations"))?;
        let mut relocated: Option<Box<dyn Relocated + 'a>> = None;
        if let Some((file, places)) = file
            && !relocations.is_empty()
        {
            let values = values.get_or_insert_with(|| {
                let mut values = vec![0; table.len() + 1];
                for (index, symbol) in table.iter() {
                    if let Some(value) = values.get_mut(index.0 + 1) {
                        *value = u64::from(symbol.value());
                    }
                }
                values.into()
            });
            relocated = Some(Box::new(InPlace {
                fields: Fields::new(arch, section.virtual_address.get(LE), relocations),
                file,
                places,
                values: Rc::clone(values),
            }));
        }
        out.0.push(Section {
            id,
            data: Cow::Borrowed(contents),
            relocated,
        });
    }
    Ok(out)
}

/// Fields of a section that are relocated.
pub(super) struct Fields {
    /// Bytes from the section's start, the symbol's number in the neutral model, and whether the section's
    /// number is asked for; sorted.
    all: Vec<(u32, u32, bool)>,
}

impl Fields {
    pub fn new(arch: Arch, base: u32, relocations: &[pe::ImageRelocation]) -> Self {
        let mut all: Vec<(u32, u32, bool)> = relocations
            .iter()
            .filter(|r| r.typ.get(LE).0 != 0)
            .map(|r| {
                let at = r.virtual_address.get(LE).wrapping_sub(base);
                let symbol = r.symbol_table_index.get(LE).saturating_add(1);
                let number = arch.is_section_number(u32::from(r.typ.get(LE).0));
                (at, symbol, number)
            })
            .collect();
        if !all.is_sorted() {
            all.sort_unstable();
        }
        Self { all }
    }

    /// The symbol that is added to the field.
    pub fn symbol(&self, at: u64) -> Option<u32> {
        let at = u32::try_from(at).ok()?;
        let first = self.all.partition_point(|f| f.0 < at);
        let found = self.all.get(first).filter(|f| f.0 == at && !f.2)?;
        Some(found.1)
    }
}

/// Addends stand in the contents.
struct InPlace<'a> {
    fields: Fields,
    file: &'a ObjectFile<'a>,
    places: &'a Places,
    /// Of symbols, for those in debug sections.
    values: Rc<[u64]>,
}

impl Relocated for InPlace<'_> {
    fn value(&self, at: u64, stored: u64) -> u64 {
        let Some(symbol) = self.fields.symbol(at) else {
            return stored;
        };
        let symbol = symbol as usize;
        let value = match self.file.symbols.get(symbol).map(|s| s.definition) {
            Some(Definition::Atom { atom, offset }) => match self.places.start(atom) {
                Some(start) => start.wrapping_add(offset),
                None => return 0,
            },
            Some(Definition::Dropped) => self.values.get(symbol).copied().unwrap_or(0),
            _ => return 0,
        };
        value.wrapping_add(stored)
    }
}
