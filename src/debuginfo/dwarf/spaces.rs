//! What functions stand in: modules, namespaces and types, whose names debuggers put in front of functions'.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;
use gimli::{AttributeValue, DwTag, UnitOffset};

use super::names::named;
use super::read::{Bytes, Fault};
use super::sections::Reader;
use super::units::Unit;
use crate::debuginfo::arena::Arena;
use crate::debuginfo::{NO_SPACE, Space};

/// What stands deeper is taken for a part of what it stands in.
const DEEPEST: usize = 64;

/// An entry that functions may stand in: bytes from the unit's start.
struct Place {
    start: usize,
    end: usize,
    /// Index of the one around it.
    parent: Option<usize>,
    /// Its number in [`Spaces::all`], once that was asked for.
    space: Option<u32>,
}

/// Those of an object.
pub(super) struct Spaces {
    /// By unit; `None` where that was not walked through.
    places: Vec<Option<Vec<Place>>>,
    /// Depths and indices of those that are open in the unit at hand.
    open: Vec<(isize, usize)>,
    pub all: Vec<Space>,
    known: HashMap<Space, u32, FixedState>,
}

/// May functions stand in it, so that they bear its name?
fn holds(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_namespace
            | dw::DW_TAG_module
            | dw::DW_TAG_structure_type
            | dw::DW_TAG_class_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type
            | dw::DW_TAG_interface_type
    )
}

impl Spaces {
    pub fn new(units: usize) -> Self {
        Self {
            places: (0..units).map(|_| None).collect(),
            open: Vec::new(),
            all: Vec::new(),
            known: HashMap::default(),
        }
    }

    pub fn begin(&mut self, unit: usize) {
        self.open.clear();
        if let Some(places) = self.places.get_mut(unit) {
            *places = Some(Vec::new());
        }
    }

    /// Notes the next entry of the unit.
    pub fn pass(
        &mut self,
        unit: usize,
        depth: isize,
        at: UnitOffset,
        abbreviation: &gimli::Abbreviation,
    ) {
        let Some(Some(places)) = self.places.get_mut(unit) else {
            return;
        };
        while let Some((_, closed)) = self.open.pop_if(|o| o.0 >= depth) {
            places[closed].end = at.0;
        }
        if abbreviation.has_children() && holds(abbreviation.tag()) && self.open.len() < DEEPEST {
            self.open.push((depth, places.len()));
            places.push(Place {
                start: at.0,
                end: usize::MAX,
                parent: self.open.iter().rev().nth(1).map(|o| o.1),
                space: None,
            });
        }
    }

    /// Walks through a unit of which nothing else is read.
    fn walk(&mut self, number: usize, unit: &Unit<'_>) -> Result<(), Fault> {
        self.begin(number);
        let mut raw = unit.entries_raw(None)?;
        while !raw.is_empty() {
            let (depth, offset) = (raw.next_depth(), raw.next_offset());
            if let Some(abbreviation) = raw.read_abbreviation()? {
                self.pass(number, depth, offset, abbreviation);
                raw.skip_attributes(abbreviation.attributes())?;
            }
        }
        Ok(())
    }

    /// What the entry at `at` of the unit stands in.
    ///
    /// # Errors
    /// What does not parse.
    pub fn around<'a>(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'a>>,
        units: &[Unit<'a>],
        number: usize,
        at: UnitOffset,
        arena: &mut Arena,
    ) -> Result<u32, Fault> {
        let Some(unit) = units.get(number) else {
            return Ok(NO_SPACE);
        };
        if self.places.get(number).is_some_and(Option::is_none) {
            self.walk(number, unit)?;
        }
        let Some(Some(places)) = self.places.get_mut(number) else {
            return Ok(NO_SPACE);
        };
        let before = places.partition_point(|p| p.start < at.0);
        let mut around = before.checked_sub(1);
        let mut inner = Vec::new();
        let mut space = NO_SPACE;
        while let Some(place) = around.and_then(|a| places.get(a)) {
            if place.end > at.0 {
                if let Some(known) = place.space {
                    space = known;
                    break;
                }
                inner.extend(around);
            }
            around = place.parent;
        }
        while let Some(place) = inner.pop().and_then(|i| places.get_mut(i)) {
            if let Some(name) = name(dwarf, unit, UnitOffset(place.start))? {
                let own = Space {
                    parent: space,
                    name: arena.add(name),
                };
                let fresh = self.all.len() as u32;
                space = *self.known.entry(own).or_insert(fresh);
                if space == fresh {
                    self.all.push(own);
                }
            }
            place.space = Some(space);
        }
        Ok(space)
    }
}

/// Its name: nothing for a namespace without one, `None` for what adds nothing to functions' names.
fn name<'a>(
    dwarf: &gimli::Dwarf<Reader<'a>>,
    unit: &Unit<'a>,
    at: UnitOffset,
) -> Result<Option<&'a [u8]>, Fault> {
    let mut entry = unit.entry(at)?;
    // A namespace that is opened again.
    if let Some(AttributeValue::UnitRef(first)) = entry.attr_value(dw::DW_AT_extension)
        && !entry.has_attr(dw::DW_AT_name)
    {
        entry = unit.entry(first)?;
    }
    let unnamed = (entry.tag() == dw::DW_TAG_namespace).then_some(&b""[..]);
    let text = named(dwarf, unit, &entry, dw::DW_AT_name);
    Ok(text.map(|t| t.bytes()).or(unnamed))
}
