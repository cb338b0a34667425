//! The units of an object, one after the other, at a cost that broken files cannot drive up.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use gimli::{Abbreviations, DebugInfoUnitHeadersIter, Reader as _, Section as _};

use super::read::{Budget, Fault};
use super::sections::Reader;

pub(super) type Unit<'a> = gimli::Unit<Reader<'a>>;

/// Parses units. Tables of abbreviations and of files cost what they are long, each time.
pub(super) struct Units<'r, 'a> {
    dwarf: &'r gimli::Dwarf<Reader<'a>>,
    headers: DebugInfoUnitHeadersIter<Reader<'a>>,
    /// By offset of the table.
    abbreviations: HashMap<usize, Arc<Abbreviations>, FixedState>,
}

impl<'r, 'a> Units<'r, 'a> {
    pub fn new(dwarf: &'r gimli::Dwarf<Reader<'a>>) -> Self {
        Self {
            dwarf,
            headers: dwarf.units(),
            abbreviations: HashMap::default(),
        }
    }

    pub fn next(&mut self, budget: &mut Budget) -> Result<Option<Unit<'a>>, Fault> {
        let Some(header) = self.headers.next()? else {
            return Ok(None);
        };
        let at = header.debug_abbrev_offset().0;
        let abbreviations = match self.abbreviations.get(&at) {
            Some(known) => Arc::clone(known),
            None => {
                budget.spend(table_length(self.dwarf, at)?)?;
                let table = Arc::new(header.abbreviations(&self.dwarf.debug_abbrev)?);
                self.abbreviations.insert(at, Arc::clone(&table));
                table
            }
        };
        let unit = Unit::new_with_abbreviations(self.dwarf, header, abbreviations)?;
        if let Some(program) = &unit.line_program {
            budget.spend(program.header().header_length() as u64)?;
        }
        Ok(Some(unit))
    }
}

/// Bytes of the table of abbreviations at `at` (DWARF, 7.5.3).
fn table_length(dwarf: &gimli::Dwarf<Reader<'_>>, at: usize) -> Result<u64, Fault> {
    let mut reader = dwarf.debug_abbrev.reader().clone();
    reader.skip(at)?;
    let start = reader.len();
    while !reader.is_empty() && reader.read_uleb128()? != 0 {
        reader.read_uleb128()?;
        reader.read_u8()?;
        loop {
            let name = reader.read_uleb128()?;
            let form = reader.read_uleb128()?;
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                reader.read_sleb128()?;
            }
            if name == 0 && form == 0 {
                break;
            }
        }
    }
    Ok((start - reader.len()) as u64)
}
