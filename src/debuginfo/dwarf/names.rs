//! What functions are called: the entries that others refer to as their origin or specification.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;
use gimli::{AttributeValue, DebuggingInformationEntry, UnitOffset, UnitSectionOffset};

use super::read::{Bytes, Fault};
use super::sections::Reader;
use super::units::Unit;
use crate::debuginfo::Routine;
use crate::debuginfo::arena::Arena;

type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// Longest chain of origins: an inlined function's is a definition's, whose is a declaration's.
const LONGEST: usize = 8;

/// Names by the place of the entry that bears them.
pub(super) struct Names<'r, 'a> {
    dwarf: &'r gimli::Dwarf<Reader<'a>>,
    /// All of the object, in order of offsets: after link-time optimisation origins lie in other ones.
    units: &'r [Unit<'a>],
    known: HashMap<usize, u32, FixedState>,
    by_name: HashMap<Routine, u32, FixedState>,
    pub routines: Vec<Routine>,
}

impl<'r, 'a> Names<'r, 'a> {
    pub fn new(dwarf: &'r gimli::Dwarf<Reader<'a>>, units: &'r [Unit<'a>]) -> Self {
        Self {
            dwarf,
            units,
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

    fn follow(&self, unit: &Unit<'a>, entry: &Entry<'a>, arena: &mut Arena) -> Routine {
        let mut found = Routine::default();
        let mut at = unit;
        let mut entry = entry.clone();
        for _ in 0..LONGEST {
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
                Some(AttributeValue::DebugInfoRef(place)) => {
                    let Some((unit, offset)) = self.elsewhere(place.0) else {
                        break;
                    };
                    at = unit;
                    offset
                }
                _ => break,
            };
            let Ok(next) = at.entry(offset) else { break };
            entry = next;
        }
        found
    }

    /// The unit that holds an offset of `.debug_info`, and the offset in it.
    fn elsewhere(&self, at: usize) -> Option<(&'r Unit<'a>, UnitOffset)> {
        let number = self
            .units
            .partition_point(|u| u.header.offset().0 <= at)
            .checked_sub(1)?;
        let unit = self.units.get(number)?;
        let offset = UnitSectionOffset(at).to_unit_offset(&unit.header)?;
        Some((unit, offset))
    }
}
