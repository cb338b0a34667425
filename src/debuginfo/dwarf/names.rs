//! What functions are called: the entries that others refer to as their origin or specification, and what
//! these stand in.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;
use gimli::{AttributeValue, DebuggingInformationEntry, UnitOffset, UnitSectionOffset};

use super::read::{Bytes, Fault};
use super::sections::Reader;
use super::spaces::Spaces;
use super::units::Unit;
use crate::debuginfo::arena::Arena;
use crate::debuginfo::{ObjectDebug, Routine};

type Entry<'a> = DebuggingInformationEntry<Reader<'a>>;

/// Longest chain of origins: an inlined function's is a definition's, whose is a declaration's.
const LONGEST: usize = 8;

/// Names by the place of the entry that bears them.
pub(super) struct Names<'r, 'a> {
    dwarf: &'r gimli::Dwarf<Reader<'a>>,
    /// All of the object, in order of offsets: after link-time optimisation origins lie in other ones.
    units: &'r [Unit<'a>],
    known: HashMap<usize, u32, FixedState>,
    pub spaces: Spaces,
    /// With the place of the last entry in the chain. What that stands in is known in the end.
    found: Vec<(Routine, usize)>,
}

/// The text of an attribute.
pub(super) fn named<'a>(
    dwarf: &gimli::Dwarf<Reader<'a>>,
    unit: &Unit<'a>,
    entry: &Entry<'a>,
    name: gimli::DwAt,
) -> Option<Reader<'a>> {
    dwarf.attr_string(unit, entry.attr_value(name)?).ok()
}

impl<'r, 'a> Names<'r, 'a> {
    pub fn new(dwarf: &'r gimli::Dwarf<Reader<'a>>, units: &'r [Unit<'a>]) -> Self {
        Self {
            dwarf,
            units,
            known: HashMap::default(),
            spaces: Spaces::new(units.len()),
            found: Vec::new(),
        }
    }

    /// The routine that an entry is an instance of, by the number that it has until [`Self::end`].
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
        let found = self.follow(unit, &entry, arena);
        let number = self.found.len() as u32;
        self.found.push(found);
        self.known.insert(place, number);
        Ok(number)
    }

    /// Gives the object its routines, each once, with what they stand in.
    ///
    /// # Errors
    /// What does not parse.
    pub fn end(mut self, arena: &mut Arena, out: &mut ObjectDebug) -> Result<(), Fault> {
        let mut by_name: HashMap<Routine, u32, FixedState> = HashMap::default();
        let mut numbers = Vec::with_capacity(self.found.len());
        for (mut routine, place) in std::mem::take(&mut self.found) {
            if let Some((number, at)) = self.elsewhere(place) {
                routine.space = self
                    .spaces
                    .around(self.dwarf, self.units, number, at, arena)?;
            }
            let fresh = out.routines.len() as u32;
            let number = *by_name.entry(routine).or_insert(fresh);
            if number == fresh {
                out.routines.push(routine);
            }
            numbers.push(number);
        }
        for scope in &mut out.scopes {
            if let Some(number) = numbers.get(scope.routine as usize) {
                scope.routine = *number;
            }
        }
        out.spaces = self.spaces.all;
        Ok(())
    }

    fn follow(&self, unit: &Unit<'a>, entry: &Entry<'a>, arena: &mut Arena) -> (Routine, usize) {
        let mut found = Routine::default();
        let mut at = unit;
        let mut entry = entry.clone();
        for _ in 0..LONGEST {
            let text = |name| named(self.dwarf, at, &entry, name);
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
                    let there = self.elsewhere(place.0);
                    let Some((unit, offset)) =
                        there.and_then(|(number, offset)| Some((self.units.get(number)?, offset)))
                    else {
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
        (found, entry.offset().to_unit_section_offset(&at.header).0)
    }

    /// The index of the unit that holds an offset of `.debug_info`, and the offset in it.
    fn elsewhere(&self, at: usize) -> Option<(usize, UnitOffset)> {
        let number = self
            .units
            .partition_point(|u| u.header.offset().0 <= at)
            .checked_sub(1)?;
        let unit = self.units.get(number)?;
        let offset = UnitSectionOffset(at).to_unit_offset(&unit.header)?;
        Some((number, offset))
    }
}
