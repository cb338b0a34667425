//! What functions are called: the entries that others refer to as their origin or specification.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use gimli::constants as dw;
use gimli::{AttributeValue, DebuggingInformationEntry, UnitHeader, UnitOffset, UnitSectionOffset};

use super::read::{Bytes, Fault};
use super::sections::Reader;
use crate::debuginfo::Routine;
use crate::debuginfo::arena::Arena;

type Unit<'a> = gimli::Unit<Reader<'a>>;
type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// Longest chain of origins: an inlined function's is a definition's, whose is a declaration's.
const LONGEST: usize = 8;

/// Names by the place of the entry that bears them.
pub(super) struct Names<'r, 'a> {
    dwarf: &'r gimli::Dwarf<Reader<'a>>,
    /// In order of offsets.
    headers: &'r [UnitHeader<Reader<'a>>],
    /// Other units that origins lie in (after link-time optimisation), by header.
    units: HashMap<usize, Option<Rc<Unit<'a>>>, FixedState>,
    known: HashMap<usize, u32, FixedState>,
    by_name: HashMap<Routine, u32, FixedState>,
    pub routines: Vec<Routine>,
}

impl<'r, 'a> Names<'r, 'a> {
    pub fn new(dwarf: &'r gimli::Dwarf<Reader<'a>>, headers: &'r [UnitHeader<Reader<'a>>]) -> Self {
        Self {
            dwarf,
            headers,
            units: HashMap::default(),
            known: HashMap::default(),
            by_name: HashMap::default(),
            routines: Vec::new(),
        }
    }

    /// The routine that an entry is an instance of.
    ///
    /// # Errors
    /// What does not parse.
    pub fn of(
        &mut self,
        unit: &Unit<'a>,
        origin: Option<AttributeValue<Reader<'a>>>,
        entry: UnitOffset,
        arena: &mut Arena,
    ) -> Result<u32, Fault> {
        // Instances of one function share its origin.
        let place = match origin {
            Some(AttributeValue::UnitRef(at)) => at.to_unit_section_offset(&unit.header).0,
            Some(AttributeValue::DebugInfoRef(at)) => at.0,
            _ => entry.to_unit_section_offset(&unit.header).0,
        };
        if let Some(&known) = self.known.get(&place) {
            return Ok(known);
        }
        let entry = unit.entry(entry)?;
        let routine = self.follow(unit, &entry, arena);
        let fresh = self.routines.len() as u32;
        let number = *self.by_name.entry(routine).or_insert(fresh);
        if number == fresh {
            self.routines.push(routine);
        }
        self.known.insert(place, number);
        Ok(number)
    }

    fn follow(&mut self, unit: &Unit<'a>, entry: &Entry<'a>, arena: &mut Arena) -> Routine {
        let mut found = Routine::default();
        let mut other: Option<Rc<Unit<'a>>> = None;
        let mut entry = entry.clone();
        for _ in 0..LONGEST {
            let at = other.as_deref().unwrap_or(unit);
            let text = |name| {
                let value = entry.attr_value(name)?;
                self.dwarf.attr_string(at, value).ok()
            };
            if found.name == Default::default()
                && let Some(name) = text(dw::DW_AT_name)
            {
                found.name = arena.add(name.bytes());
            }
            if found.linkage_name == Default::default()
                && let Some(name) =
                    text(dw::DW_AT_linkage_name).or_else(|| text(dw::DW_AT_MIPS_linkage_name))
            {
                found.linkage_name = arena.add(name.bytes());
            }
            let next = entry
                .attr_value(dw::DW_AT_abstract_origin)
                .or_else(|| entry.attr_value(dw::DW_AT_specification));
            let offset = match next {
                Some(AttributeValue::UnitRef(at)) => at,
                Some(AttributeValue::DebugInfoRef(at)) => {
                    let Some((unit, offset)) = self.elsewhere(at.0) else {
                        break;
                    };
                    other = Some(unit);
                    offset
                }
                _ => break,
            };
            let at = other.as_deref().unwrap_or(unit);
            let Ok(next) = at.entry(offset) else { break };
            entry = next;
        }
        found
    }

    /// The unit that holds an offset of `.debug_info`, and the offset in it.
    fn elsewhere(&mut self, at: usize) -> Option<(Rc<Unit<'a>>, UnitOffset)> {
        let number = self
            .headers
            .partition_point(|h| h.offset().0 <= at)
            .checked_sub(1)?;
        let header = self.headers.get(number)?;
        let dwarf = self.dwarf;
        let unit = self
            .units
            .entry(number)
            .or_insert_with(|| dwarf.unit(header.clone()).ok().map(Rc::new))
            .clone()?;
        let offset = UnitSectionOffset(at).to_unit_offset(&unit.header)?;
        Some((unit, offset))
    }
}
