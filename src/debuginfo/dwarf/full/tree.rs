//! The shape of a unit's tree: what stands in what, and where its live code is. Attributes are read of what is
//! needed only.

use gimli::constants as dw;
use gimli::{Attribute, AttributeValue, DwTag, Operation, UnitOffset};

use crate::debuginfo::CodeRange;
use crate::debuginfo::dwarf::read::{Budget, Fault, UnitReader};
use crate::debuginfo::dwarf::scopes::{DEEPEST, attribute, cover};
use crate::debuginfo::dwarf::sections::Reader;

/// An entry; number 0 is the unit's own.
pub(super) struct Node {
    pub offset: UnitOffset,
    pub tag: DwTag,
    pub parent: u32,
    /// One past its last descendant.
    pub end: u32,
    /// Where it says where its code is: live pieces, into [`Tree::ranges`].
    pub code: Option<(u32, u32)>,
    /// It is live by itself: a function with live code, a variable with a live place.
    pub live: bool,
    /// Its number among those that are needed.
    pub slot: u32,
}

pub(super) const NO_SLOT: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub ranges: Vec<CodeRange>,
}

impl Tree {
    /// The node at an offset.
    pub fn find(&self, offset: UnitOffset) -> Option<u32> {
        let found = self.nodes.binary_search_by_key(&offset.0, |n| n.offset.0);
        found.ok().map(|at| at as u32)
    }

    /// # Errors
    /// What does not parse.
    pub fn read<'a>(reader: &UnitReader<'_, 'a>, budget: &mut Budget) -> Result<Self, Fault> {
        let mut out = Self::default();
        let mut attributes: Vec<Attribute<Reader<'a>>> = Vec::new();
        let mut pieces = Vec::new();
        // (depth, node) of what is open.
        let mut open: Vec<(isize, u32)> = Vec::new();
        let mut raw = reader.unit.entries_raw(None)?;
        while !raw.is_empty() {
            let (depth, offset) = (raw.next_depth(), raw.next_offset());
            let Some(abbreviation) = raw.read_abbreviation()? else {
                continue;
            };
            budget.spend(1)?;
            while open.last().is_some_and(|o| o.0 >= depth) {
                out.close(&mut open);
            }
            let parent = open.last().map(|o| o.1);
            let at = out.nodes.len() as u32;
            if parent.is_none() && at != 0 {
                return Err(Fault::Unfit);
            }
            let tag = abbreviation.tag();
            let specs = abbreviation.attributes();
            let has = |name| specs.iter().any(|s| s.name() == name);
            let mut node = Node {
                offset,
                tag,
                parent: parent.unwrap_or(0),
                end: at + 1,
                code: None,
                live: false,
                slot: NO_SLOT,
            };
            let parent = out.nodes.get(node.parent as usize).map(|n| n.tag);
            let global = matches!(
                parent,
                Some(dw::DW_TAG_compile_unit | dw::DW_TAG_namespace | dw::DW_TAG_module)
            );
            if at != 0 && (has(dw::DW_AT_low_pc) || has(dw::DW_AT_ranges)) {
                raw.read_attributes(specs, &mut attributes)?;
                pieces.clear();
                cover(reader, &attributes, &mut pieces, budget)?;
                if !has(dw::DW_AT_high_pc) && !has(dw::DW_AT_ranges) {
                    point(reader, &attributes, &mut pieces)?;
                }
                let first = out.ranges.len() as u32;
                out.ranges.append(&mut pieces);
                node.code = Some((first, out.ranges.len() as u32));
                node.live = tag == dw::DW_TAG_subprogram && first != out.ranges.len() as u32;
            } else if tag == dw::DW_TAG_variable && global && has(dw::DW_AT_location) {
                raw.read_attributes(specs, &mut attributes)?;
                if let Some(piece) = place(reader, &attributes)? {
                    let first = out.ranges.len() as u32;
                    out.ranges.push(piece);
                    node.code = Some((first, first + 1));
                    node.live = true;
                }
            } else {
                raw.skip_attributes(specs)?;
            }
            out.nodes.push(node);
            if abbreviation.has_children() {
                if open.len() >= DEEPEST {
                    return Err(Fault::Endless);
                }
                open.push((depth, at));
            }
        }
        while !open.is_empty() {
            out.close(&mut open);
        }
        Ok(out)
    }

    fn close(&mut self, open: &mut Vec<(isize, u32)>) {
        let end = self.nodes.len() as u32;
        if let Some((_, at)) = open.pop()
            && let Some(node) = self.nodes.get_mut(at as usize)
        {
            node.end = end;
        }
    }
}

/// A place in code without an extent.
fn point<'a>(
    reader: &UnitReader<'_, 'a>,
    attributes: &[Attribute<Reader<'a>>],
    pieces: &mut Vec<CodeRange>,
) -> Result<(), Fault> {
    let low = attribute(attributes, dw::DW_AT_low_pc);
    if let Some(low) = low
        && let Some(address) = reader.dwarf.attr_address(reader.unit, low)?
        && let Some((atom, offset)) = reader.places.at(address)
    {
        pieces.push(CodeRange {
            atom,
            start: offset,
            end: offset,
        });
    }
    Ok(())
}

/// Where a variable is for ever, if that lives.
fn place<'a>(
    reader: &UnitReader<'_, 'a>,
    attributes: &[Attribute<Reader<'a>>],
) -> Result<Option<CodeRange>, Fault> {
    let Some(AttributeValue::Exprloc(expression)) = attribute(attributes, dw::DW_AT_location)
    else {
        return Ok(None);
    };
    let mut operations = expression.operations(reader.unit.encoding());
    let address = match operations.next() {
        Ok(Some(Operation::Address { address })) => address,
        Ok(Some(Operation::AddressIndex { index })) => reader.dwarf.address(reader.unit, index)?,
        _ => return Ok(None),
    };
    let at = reader.places.at(address);
    Ok(at.map(|(atom, offset)| CodeRange {
        atom,
        start: offset,
        end: offset,
    }))
}
