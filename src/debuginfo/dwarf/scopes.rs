//! Functions and what is inlined into them: the entries of a unit, of which most are skipped.

use gimli::constants as dw;
use gimli::{Attribute, AttributeValue, DebuggingInformationEntry};

use super::lines::Files;
use super::names::Names;
use super::read::{Budget, Fault, UnitReader};
use super::sections::Reader;
use crate::debuginfo::arena::Arena;
use crate::debuginfo::{Call, CodeRange, Function, NO_FILE, ObjectDebug, Scope};

/// Deeper nesting comes from broken files only.
pub(super) const DEEPEST: usize = 4096;

/// Where an open entry of the tree leads.
#[derive(Clone, Copy)]
struct Open {
    depth: isize,
    /// Depth of the scope that it is; `None` where no live code is in it.
    scope: Option<u32>,
    /// Of a function: where its scopes start among those at hand.
    first: Option<usize>,
}

/// Has the unit any live code? Where it does not say what it covers, it may.
pub(super) fn touches<'a>(
    reader: &UnitReader<'_, 'a>,
    root: &DebuggingInformationEntry<Reader<'a>>,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    if !root.has_attr(dw::DW_AT_ranges) && !root.has_attr(dw::DW_AT_high_pc) {
        return Ok(true);
    }
    let mut ranges = reader.dwarf.die_ranges(reader.unit, root)?;
    while let Some(range) = ranges.next()? {
        budget.spend(1)?;
        if reader.places.touches(range.begin, range.end) {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn attribute<'a>(
    attributes: &[Attribute<Reader<'a>>],
    name: gimli::DwAt,
) -> Option<AttributeValue<Reader<'a>>> {
    let found = attributes.iter().find(|a| a.name() == name)?;
    Some(found.value())
}

/// The live code of an entry with these attributes.
pub(super) fn cover<'a>(
    reader: &UnitReader<'_, 'a>,
    attributes: &[Attribute<Reader<'a>>],
    pieces: &mut Vec<CodeRange>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    if let Some(value) = attribute(attributes, dw::DW_AT_ranges) {
        if let Some(mut ranges) = reader.dwarf.attr_ranges(reader.unit, value)? {
            while let Some(range) = ranges.next()? {
                budget.spend(1)?;
                for piece in reader.places.pieces(range.begin, range.end) {
                    budget.spend(1)?;
                    pieces.push(piece);
                }
            }
        }
        return Ok(());
    }
    let (Some(low), Some(high)) = (
        attribute(attributes, dw::DW_AT_low_pc),
        attribute(attributes, dw::DW_AT_high_pc),
    ) else {
        return Ok(());
    };
    let Some(low) = reader.dwarf.attr_address(reader.unit, low)? else {
        return Ok(());
    };
    let high = match reader.dwarf.attr_address(reader.unit, high.clone())? {
        Some(high) => high,
        None => low.saturating_add(high.udata_value().unwrap_or(0)),
    };
    for piece in reader.places.pieces(low, high) {
        budget.spend(1)?;
        pieces.push(piece);
    }
    Ok(())
}

/// Reads trees; its memory serves one unit after the other.
#[derive(Default)]
pub(super) struct Scopes<'a> {
    open: Vec<Open>,
    attributes: Vec<Attribute<Reader<'a>>>,
    pieces: Vec<CodeRange>,
    /// Those of open functions: one may stand within another (lambdas of GCC's), whose scopes go on after it.
    scopes: Vec<Scope>,
}

impl<'a> Scopes<'a> {
    /// The functions of a unit.
    ///
    /// # Errors
    /// What does not parse.
    pub fn read(
        &mut self,
        reader: &UnitReader<'_, 'a>,
        files: &mut Files,
        arena: &mut Arena,
        names: &mut Names<'_, 'a>,
        out: &mut ObjectDebug,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        self.open.clear();
        self.scopes.clear();
        names.spaces.begin(reader.index);
        let mut raw = reader.unit.entries_raw(None)?;
        while !raw.is_empty() {
            let (depth, offset) = (raw.next_depth(), raw.next_offset());
            let Some(abbreviation) = raw.read_abbreviation()? else {
                continue;
            };
            names.spaces.pass(reader.index, depth, offset, abbreviation);
            while let Some(open) = self.open.pop_if(|o| o.depth >= depth) {
                self.close(open.first, reader.number, out);
            }
            let specs = abbreviation.attributes();
            let parent = self.open.last().and_then(|o| o.scope);
            let wanted = match abbreviation.tag() {
                dw::DW_TAG_subprogram => true,
                dw::DW_TAG_inlined_subroutine => parent.is_some(),
                _ => false,
            } && specs
                .iter()
                .any(|s| matches!(s.name(), dw::DW_AT_low_pc | dw::DW_AT_ranges));
            if !wanted {
                raw.skip_attributes(specs)?;
                if abbreviation.tag() == dw::DW_TAG_subprogram && abbreviation.has_children() {
                    self.push(depth, None, None)?;
                }
                continue;
            }
            raw.read_attributes(specs, &mut self.attributes)?;
            self.pieces.clear();
            cover(reader, &self.attributes, &mut self.pieces, budget)?;
            let function = abbreviation.tag() == dw::DW_TAG_subprogram;
            let first = self.scopes.len();
            let scope = if self.pieces.is_empty() {
                None
            } else {
                let depth = match parent {
                    Some(parent) if !function => parent + 1,
                    _ => 0,
                };
                // Constructors and destructors of C++ have names of their own.
                let own_name = self.attribute(dw::DW_AT_linkage_name).is_some();
                let origin = self
                    .attribute(dw::DW_AT_abstract_origin)
                    .filter(|_| !own_name);
                let routine = names.of(reader.unit, origin, offset, arena)?;
                let call = (!function)
                    .then(|| self.call(reader, files, arena))
                    .flatten();
                self.take(depth, routine, call, out);
                Some(depth)
            };
            let first = (function && scope.is_some()).then_some(first);
            if abbreviation.has_children() {
                self.push(depth, scope, first)?;
            } else {
                self.close(first, reader.number, out);
            }
        }
        while let Some(open) = self.open.pop() {
            self.close(open.first, reader.number, out);
        }
        Ok(())
    }

    fn push(
        &mut self,
        depth: isize,
        scope: Option<u32>,
        first: Option<usize>,
    ) -> Result<(), Fault> {
        if self.open.len() >= DEEPEST {
            return Err(Fault::Endless);
        }
        self.open.push(Open {
            depth,
            scope,
            first,
        });
        Ok(())
    }

    fn attribute(&self, name: gimli::DwAt) -> Option<AttributeValue<Reader<'a>>> {
        attribute(&self.attributes, name)
    }

    fn call(
        &self,
        reader: &UnitReader<'_, 'a>,
        files: &mut Files,
        arena: &mut Arena,
    ) -> Option<Call> {
        let number = |name| self.attribute(name).and_then(|v| v.udata_value());
        let file = match self.attribute(dw::DW_AT_call_file)? {
            AttributeValue::FileIndex(index) => index,
            other => other.udata_value()?,
        };
        let small = |value: Option<u64>| value.and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        let file = files.get(reader, arena, file);
        (file != NO_FILE).then(|| Call {
            file,
            line: small(number(dw::DW_AT_call_line)),
            column: small(number(dw::DW_AT_call_column)),
            discriminator: small(number(dw::DW_AT_GNU_discriminator)),
        })
    }

    /// Adds the scope whose pieces are at hand.
    fn take(&mut self, depth: u32, routine: u32, call: Option<Call>, out: &mut ObjectDebug) {
        let first = out.ranges.len() as u32;
        out.ranges.append(&mut self.pieces);
        self.scopes.push(Scope {
            depth,
            routine,
            call,
            ranges: (first, out.ranges.len() as u32),
        });
    }

    /// A function is at its end: nothing more is inlined into it. `first` is where its scopes start.
    fn close(&mut self, first: Option<usize>, unit: u32, out: &mut ObjectDebug) {
        let Some(first) = first else { return };
        let start = out.scopes.len() as u32;
        out.scopes.extend(self.scopes.drain(first..));
        let function = Function {
            unit,
            scopes: (start, out.scopes.len() as u32),
        };
        let number = out.functions.len() as u32;
        out.functions.push(function);
        let own = out.scopes_of(&function).first().map(|s| s.ranges);
        let (first, end) = own.unwrap_or_default();
        let mut last = None;
        for range in &out.ranges[first as usize..end as usize] {
            if last != Some(range.atom) {
                out.functions_of.push((range.atom, number));
                last = Some(range.atom);
            }
        }
    }
}
