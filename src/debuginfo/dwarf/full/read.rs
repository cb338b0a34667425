//! From an object's sections to the entries that its live code needs.
//!
//! What lives begins it: functions with live code, variables at live places. Each brings its children, and what
//! its attributes refer to, and what these stand in.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;
use gimli::{Attribute, AttributeValue, UnitOffset, UnitSectionOffset};

use super::expressions::{self, Target};
use super::tree::{NO_SLOT, Node, Tree};
use super::{Entries, Entry, Expression, Fix, NO_PARENT, Value, comes_along};
use crate::debuginfo::arena::Arena;
use crate::debuginfo::dwarf::lines::Files;
use crate::debuginfo::dwarf::read::{Budget, Bytes, Fault, UnitReader, describe};
use crate::debuginfo::dwarf::sections::Reader;
use crate::debuginfo::dwarf::units::Unit as DwarfUnit;
use crate::debuginfo::places::Places;
use crate::debuginfo::{NO_FILE, ObjectDebug, Text, Unit};

/// The object, and what is read of it.
pub(in crate::debuginfo::dwarf) struct Object<'r, 'a> {
    pub dwarf: &'r gimli::Dwarf<Reader<'a>>,
    pub units: &'r [DwarfUnit<'a>],
    /// By unit: its number in [`ObjectDebug::units`], where it has one.
    pub numbers: Vec<Option<u32>>,
    pub places: &'r Places,
}

/// The entries that live code needs. Units may be added to `out`.
///
/// # Errors
/// What does not parse, or too much of it.
pub(in crate::debuginfo::dwarf) fn read<'a>(
    object: Object<'_, 'a>,
    arena: &mut Arena,
    out: &mut ObjectDebug,
    budget: &mut Budget,
) -> Result<Entries, Fault> {
    let address_size = object.units.first().map_or(8, |u| u.header.address_size());
    if object
        .units
        .iter()
        .any(|u| u.header.address_size() != address_size)
    {
        return Err(Fault::Unfit);
    }
    let count = object.units.len();
    let live: Vec<usize> = (0..count)
        .filter(|u| object.numbers[*u].is_some())
        .collect();
    let mut collector = Collector {
        object,
        arena,
        budget,
        units: &mut out.units,
        trees: (0..count).map(|_| None).collect(),
        files: (0..count).map(|_| Files::default()).collect(),
        texts: HashMap::default(),
        needed: Vec::new(),
        done: 0,
        out: Entries::default(),
    };
    for unit in live {
        collector.load(unit)?;
        let nodes = collector.trees[unit].as_ref().map_or(0, |t| t.nodes.len());
        for node in 0..nodes as u32 {
            let tree = collector.trees[unit].as_ref();
            if tree.is_some_and(|t| t.nodes[node as usize].live) {
                collector.need(unit, node)?;
            }
        }
    }
    while collector.done < collector.needed.len() {
        let slot = collector.done;
        collector.done += 1;
        collector.follow(slot)?;
    }
    let mut entries = collector.finish();
    entries.address_size = address_size;
    Ok(entries)
}

/// An entry that is needed.
struct Needed {
    unit: usize,
    node: u32,
    attributes: (u32, u32),
}

struct Collector<'c, 'r, 'a> {
    object: Object<'r, 'a>,
    arena: &'c mut Arena,
    budget: &'c mut Budget,
    /// The object's, to which more are added.
    units: &'c mut Vec<Unit>,
    trees: Vec<Option<Tree>>,
    files: Vec<Files>,
    /// Texts of the sections of strings, by whether it is that of lines, and offset.
    texts: HashMap<(bool, usize), Text, FixedState>,
    /// In order of demand: numbers are "slots".
    needed: Vec<Needed>,
    /// How many of them are followed.
    done: usize,
    /// What is read; entries are told by slot until the end.
    out: Entries,
}

impl<'r, 'a> Collector<'_, 'r, 'a> {
    fn reader<'s>(&self, unit: usize) -> UnitReader<'s, 'a>
    where
        'r: 's,
    {
        UnitReader {
            dwarf: self.object.dwarf,
            unit: &self.object.units[unit],
            places: self.object.places,
            index: unit,
            number: self.object.numbers[unit].unwrap_or(0),
        }
    }

    fn load(&mut self, unit: usize) -> Result<(), Fault> {
        if self.trees[unit].is_some() {
            return Ok(());
        }
        let tree = Tree::read(&self.reader(unit), self.budget)?;
        self.trees[unit] = Some(tree);
        if self.object.numbers[unit].is_none() {
            let number = self.units.len() as u32;
            let described = describe(self.object.dwarf, &self.object.units[unit], self.arena)?;
            self.units.push(described);
            self.object.numbers[unit] = Some(number);
        }
        Ok(())
    }

    fn node(&self, unit: usize, node: u32) -> Option<&Node> {
        self.trees[unit].as_ref()?.nodes.get(node as usize)
    }

    /// The slot of an entry; `None` for a unit's own.
    fn need(&mut self, unit: usize, node: u32) -> Result<Option<u32>, Fault> {
        let tree = self.trees[unit].as_mut();
        let Some(found) = tree.and_then(|t| t.nodes.get_mut(node as usize)) else {
            return Ok(None);
        };
        if node == 0 {
            return Ok(None);
        }
        if found.slot == NO_SLOT {
            self.budget.spend(1)?;
            found.slot = self.needed.len() as u32;
            self.needed.push(Needed {
                unit,
                node,
                attributes: (0, 0),
            });
        }
        Ok(Some(found.slot))
    }

    /// The slot of the entry at an offset of a unit.
    fn need_at(&mut self, unit: usize, offset: UnitOffset) -> Result<Option<u32>, Fault> {
        self.load(unit)?;
        let found = self.trees[unit].as_ref().and_then(|t| t.find(offset));
        match found {
            Some(node) => self.need(unit, node),
            None => Ok(None),
        }
    }

    /// The slot of the entry at an offset of the section.
    fn need_anywhere(&mut self, at: usize) -> Result<Option<u32>, Fault> {
        let units = self.object.units;
        let after = units.partition_point(|u| u.header.offset().0 <= at);
        let Some(unit) = after.checked_sub(1) else {
            return Ok(None);
        };
        match UnitSectionOffset(at).to_unit_offset(&units[unit].header) {
            Some(offset) => self.need_at(unit, offset),
            None => Ok(None),
        }
    }

    /// Reads a needed entry, and what it needs.
    fn follow(&mut self, slot: usize) -> Result<(), Fault> {
        let (unit, at) = (self.needed[slot].unit, self.needed[slot].node);
        let Some(node) = self.node(unit, at) else {
            return Ok(());
        };
        let (parent, offset, end) = (node.parent, node.offset, node.end);
        let (tag, concrete) = (node.tag, node.code.is_some());
        self.need(unit, parent)?;
        let mut child = at + 1;
        while child < end {
            let Some(node) = self.node(unit, child) else {
                break;
            };
            let next = node.end.max(child + 1);
            let code = node.code.map(|c| c.0 != c.1);
            if comes_along(node.tag, code, tag, concrete) {
                self.need(unit, child)?;
            }
            child = next;
        }
        let entry = self.object.units[unit].entry(offset)?;
        let first = self.out.attributes.len() as u32;
        for attribute in entry.attrs() {
            self.budget.spend(1)?;
            if let Some(value) = self.value(unit, &entry, attribute)? {
                self.out.attributes.push((attribute.name(), value));
            }
        }
        self.needed[slot].attributes = (first, self.out.attributes.len() as u32);
        Ok(())
    }

    /// What is kept of an attribute.
    fn value(
        &mut self,
        unit: usize,
        entry: &gimli::DebuggingInformationEntry<Reader<'a>>,
        attribute: &Attribute<Reader<'a>>,
    ) -> Result<Option<Value>, Fault> {
        let has_extent = entry.has_attr(dw::DW_AT_high_pc) || entry.has_attr(dw::DW_AT_ranges);
        match attribute.name() {
            // Said anew.
            dw::DW_AT_high_pc | dw::DW_AT_ranges | dw::DW_AT_sibling => return Ok(None),
            dw::DW_AT_low_pc if has_extent => return Ok(None),
            // Where lists of locations are seen from: more sections of their own.
            dw::DW_AT_GNU_locviews => return Ok(None),
            _ => {}
        }
        let byte = |value: u8| Value::Data(1, u64::from(value));
        let value = attribute.value();
        Ok(Some(match value {
            AttributeValue::Addr(_) | AttributeValue::DebugAddrIndex(_) => {
                let reader = self.reader(unit);
                let address = reader.dwarf.attr_address(reader.unit, value)?;
                match address.and_then(|a| self.object.places.at(a)) {
                    Some((atom, offset)) => Value::Address(atom, offset),
                    None => return Ok(None),
                }
            }
            AttributeValue::Block(bytes) => {
                let bytes = bytes.bytes();
                self.budget.spend(bytes.len() as u64)?;
                Value::Block(self.arena.add(bytes))
            }
            AttributeValue::Data1(v) => byte(v),
            AttributeValue::Data2(v) => Value::Data(2, u64::from(v)),
            AttributeValue::Data4(v) => Value::Data(4, u64::from(v)),
            AttributeValue::Data8(v) => Value::Data(8, v),
            AttributeValue::Data16(v) => Value::Block(self.arena.add(&v.to_le_bytes())),
            AttributeValue::Sdata(v) => Value::Signed(v),
            AttributeValue::Udata(v) => Value::Unsigned(v),
            AttributeValue::Flag(v) => Value::Flag(v),
            AttributeValue::Exprloc(expression) => match self.expression(unit, &expression)? {
                Some(number) => Value::Expression(number),
                None => return Ok(None),
            },
            AttributeValue::UnitRef(offset) => match self.need_at(unit, offset)? {
                Some(slot) => Value::Entry(slot),
                None => return Ok(None),
            },
            AttributeValue::DebugInfoRef(at) => match self.need_anywhere(at.0)? {
                Some(slot) => Value::Entry(slot),
                None => return Ok(None),
            },
            AttributeValue::LocationListsRef(_) | AttributeValue::DebugLocListsIndex(_) => {
                self.locations(unit, value)?
            }
            AttributeValue::String(_)
            | AttributeValue::DebugStrRef(_)
            | AttributeValue::DebugLineStrRef(_)
            | AttributeValue::DebugStrOffsetsIndex(_) => Value::Text(self.text(unit, value)?),
            AttributeValue::Encoding(v) => byte(v.0),
            AttributeValue::DecimalSign(v) => byte(v.0),
            AttributeValue::Endianity(v) => byte(v.0),
            AttributeValue::Accessibility(v) => byte(v.0),
            AttributeValue::Visibility(v) => byte(v.0),
            AttributeValue::Virtuality(v) => byte(v.0),
            AttributeValue::IdentifierCase(v) => byte(v.0),
            AttributeValue::CallingConvention(v) => byte(v.0),
            AttributeValue::Inline(v) => byte(v.0),
            AttributeValue::Ordering(v) => byte(v.0),
            AttributeValue::Language(v) => Value::Data(2, u64::from(v.0)),
            AttributeValue::AddressClass(v) => Value::Unsigned(v.0),
            AttributeValue::FileIndex(index) => {
                let reader = self.reader(unit);
                match self.files[unit].get(&reader, self.arena, index) {
                    NO_FILE => return Ok(None),
                    file => Value::File(file),
                }
            }
            // Places in sections that are not kept, and other files.
            _ => return Ok(None),
        }))
    }

    fn text(&mut self, unit: usize, value: AttributeValue<Reader<'a>>) -> Result<Text, Fault> {
        let reader = self.reader(unit);
        let key = match value {
            AttributeValue::DebugStrRef(at) => Some((false, at.0)),
            AttributeValue::DebugLineStrRef(at) => Some((true, at.0)),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                Some((false, reader.dwarf.string_offset(reader.unit, index)?.0))
            }
            _ => None,
        };
        let text = match key.and_then(|k| self.texts.get(&k)) {
            Some(&known) => known,
            None => {
                let text = reader.dwarf.attr_string(reader.unit, value)?;
                let text = self.arena.add(text.bytes());
                if let Some(key) = key {
                    self.texts.insert(key, text);
                }
                text
            }
        };
        // It is written each time.
        self.budget.spend(u64::from(text.len))?;
        Ok(text)
    }

    fn expression(
        &mut self,
        unit: usize,
        expression: &gimli::Expression<Reader<'a>>,
    ) -> Result<Option<u32>, Fault> {
        let reader = self.reader(unit);
        let Some(made) = expressions::convert(&reader, expression, self.budget)? else {
            return Ok(None);
        };
        let first = self.out.fixes.len() as u32;
        for (at, target) in made.fixes {
            let slot = match target {
                Target::Address(..) => Some(0),
                Target::Type(offset) => self.need_at(unit, offset)?,
                Target::Entry(at) => self.need_anywhere(at)?,
            };
            let Some(slot) = slot else {
                self.out.fixes.truncate(first as usize);
                return Ok(None);
            };
            self.out.fixes.push(Fix {
                at,
                to: target.fix(slot),
            });
        }
        self.out.expressions.push(Expression {
            bytes: self.arena.add(&made.bytes),
            fixes: (first, self.out.fixes.len() as u32),
        });
        Ok(Some(self.out.expressions.len() as u32 - 1))
    }

    fn locations(
        &mut self,
        unit: usize,
        value: AttributeValue<Reader<'a>>,
    ) -> Result<Value, Fault> {
        let reader = self.reader(unit);
        let first = self.out.locations.len() as u32;
        if let Some(mut all) = reader.dwarf.attr_locations(reader.unit, value)? {
            while let Some(entry) = all.next()? {
                self.budget.spend(1)?;
                let (begin, end) = (entry.range.begin, entry.range.end);
                if !self.object.places.touches(begin, end) {
                    continue;
                }
                let Some(number) = self.expression(unit, &entry.data)? else {
                    continue;
                };
                for piece in self.object.places.pieces(begin, end) {
                    self.budget.spend(1)?;
                    self.out
                        .locations
                        .push((self.out.ranges.len() as u32, number));
                    self.out.ranges.push(piece);
                }
            }
        }
        Ok(Value::Locations(first, self.out.locations.len() as u32))
    }

    /// Puts what is needed in the order of the section, and says numbers in place of slots.
    fn finish(mut self) -> Entries {
        let mut order: Vec<u32> = (0..self.needed.len() as u32).collect();
        order.sort_unstable_by_key(|&s| {
            let needed = &self.needed[s as usize];
            (needed.unit, needed.node)
        });
        let mut number_of = vec![0; order.len()];
        for (number, &slot) in order.iter().enumerate() {
            number_of[slot as usize] = number as u32;
        }
        let number = |slot: u32| number_of.get(slot as usize).copied().unwrap_or(0);
        for (_, value) in &mut self.out.attributes {
            if let Value::Entry(slot) = value {
                *slot = number(*slot);
            }
        }
        for fix in &mut self.out.fixes {
            if let super::FixTo::Type(slot) | super::FixTo::Entry(slot) = &mut fix.to {
                *slot = number(*slot);
            }
        }
        let mut open: Vec<u32> = Vec::new();
        for (at, &slot) in order.iter().enumerate() {
            let needed = &self.needed[slot as usize];
            let Some(tree) = &self.trees[needed.unit] else {
                continue;
            };
            let node = &tree.nodes[needed.node as usize];
            let parent = tree.nodes.get(node.parent as usize).map(|n| n.slot);
            let parent = parent.filter(|p| *p != NO_SLOT).map_or(NO_PARENT, number);
            while open.last().is_some_and(|o| *o != parent) {
                close(&mut self.out.all, &mut open, at);
            }
            let code = node.code.map(|(first, end)| {
                let start = self.out.ranges.len() as u32;
                let own = tree.ranges.get(first as usize..end as usize);
                self.out.ranges.extend_from_slice(own.unwrap_or_default());
                (start, self.out.ranges.len() as u32)
            });
            let entry = Entry {
                tag: node.tag,
                unit: self.object.numbers[needed.unit].unwrap_or(0),
                parent,
                end: at as u32 + 1,
                attributes: needed.attributes,
                code,
            };
            if node.live {
                let own = self.out.code_of(&entry).iter();
                let roots: Vec<(u32, u32)> = own.map(|r| (r.atom, at as u32)).collect();
                self.out.roots.extend(roots);
            }
            self.out.all.push(entry);
            open.push(at as u32);
        }
        let end = self.out.all.len();
        while !open.is_empty() {
            close(&mut self.out.all, &mut open, end);
        }
        self.out.roots.sort_unstable();
        self.out.roots.dedup();
        self.out
    }
}

fn close(all: &mut [Entry], open: &mut Vec<u32>, end: usize) {
    if let Some(entry) = open.pop().and_then(|at| all.get_mut(at as usize)) {
        entry.end = end as u32;
    }
}
