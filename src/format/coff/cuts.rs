//! Parts of `.text`, `.rdata` and their like that a program cut by itself: tables, of which linkers sort the parts by
//! their names (PE/COFF, "Grouped Sections"). Compilers cut parts too, by kinds and for symbols.

use object::LittleEndian as LE;
use object::pe;
use object::read::coff::{CoffHeader, SectionTable, Symbol as _, SymbolTable};

use super::{bad, names};
use crate::error::Result;

struct Part<'d> {
    /// What follows `$`.
    name: &'d [u8],
    comdat: bool,
    /// It has symbols.
    told: bool,
    /// It is named after one of them.
    of_symbol: bool,
}

/// By section: is it such a part?
pub(super) fn own<'d, H: CoffHeader>(
    sections: &SectionTable<'d>,
    table: &SymbolTable<'d, &'d [u8], H>,
) -> Result<Vec<bool>> {
    let mut parts: Vec<Option<Part<'d>>> = Vec::new();
    for section in sections.iter() {
        let name = section.name(table.strings()).map_err(bad("section name"))?;
        let flags = section.characteristics.get(LE);
        parts.push(names::part(name).map(|name| Part {
            name,
            comdat: flags.contains(pe::IMAGE_SCN_LNK_COMDAT),
            told: false,
            of_symbol: false,
        }));
    }
    if parts.iter().all(Option::is_none) {
        return Ok(vec![false; parts.len()]);
    }
    for (_, raw) in table.iter() {
        let at = usize::try_from(raw.section_number().0).unwrap_or(0);
        let Some(Some(part)) = at.checked_sub(1).and_then(|at| parts.get_mut(at)) else {
            continue;
        };
        let static_one = raw.storage_class() == pe::IMAGE_SYM_CLASS_STATIC;
        if static_one && raw.value() == 0 && raw.has_aux_section() {
            continue;
        }
        let name = raw.name(table.strings()).map_err(bad("symbol name"))?;
        part.told = true;
        part.of_symbol |= names::is_named_after(part.name, name);
    }
    // A stripped part is named after its symbol where the compiler has put others into parts of their own.
    let cut = |part: &Part<'_>| !part.comdat && part.of_symbol;
    let all_cut = parts.iter().flatten().any(cut);
    let own = |part: &Part<'_>| !part.of_symbol && (part.told || !part.comdat && !all_cut);
    let of = |part: &Option<Part<'_>>| part.as_ref().is_some_and(own);
    Ok(parts.iter().map(of).collect())
}
