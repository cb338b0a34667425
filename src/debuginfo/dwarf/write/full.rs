//! Units with variables and types: the entries that an output object's code needs, from one object's that were
//! read. Of entries in several output objects each has its own.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use gimli::SectionId;
use gimli::constants as dw;
use gimli::{DwAt, DwForm};

use super::abbreviations::Shape;
use super::bytes::{Bytes, FixTo};
use super::info::{self, Texts, debug_offset};
use super::lines::{self, FileTable};
use super::locations::Lists;
use super::ranges::{self, Span, joined};
use super::{Options, Out, Piece};
use crate::debuginfo::ObjectDebug;
use crate::debuginfo::dwarf::full::{self, Entries, Entry, Expression, LARGEST, NO_PARENT, Value};

/// An object's pieces, all in order of sections and offsets.
pub(super) struct Object<'a> {
    pub debug: &'a ObjectDebug,
    pub entries: &'a Entries,
    /// By unit: its code.
    pub units: BTreeMap<u32, Vec<Piece<'a>>>,
    /// Code and data, by atom.
    pub pieces: HashMap<u32, Piece<'a>, FixedState>,
}

/// A number that is known when all entries have their places.
pub(super) struct Patch {
    /// Bytes from the start of what it stands in.
    pub at: u64,
    pub entry: u32,
    pub how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Distance from the unit's start in four bytes.
    Reference,
    /// The same as a ULEB128 of [`full::ULEB`] bytes.
    Type,
    /// A field of the same place that is relocated.
    Relocated,
}

/// Writes the units of an object.
pub(super) fn object(out: &mut Out, object: &Object<'_>, options: Options<'_>) {
    let mut units: BTreeMap<u32, Vec<u32>> = object.units.keys().map(|&u| (u, vec![])).collect();
    for (number, needed) in needed(object).into_iter().enumerate() {
        if let Some(entry) = object.entries.all.get(number).filter(|_| needed) {
            units.entry(entry.unit).or_default().push(number as u32);
        }
    }
    let mut written = Written {
        at: vec![None; object.entries.all.len()],
        open: Vec::new(),
    };
    for (unit, numbers) in &units {
        write_unit(out, object, *unit, numbers, &mut written, options);
    }
    for (lists, at, entry) in written.open {
        let place = written.at.get(entry as usize).copied().flatten();
        let bytes = if lists {
            &mut out.locations
        } else {
            &mut out.info
        };
        let found = bytes.fixes.binary_search_by_key(&at, |f| f.at);
        if let Some(fix) = found.ok().and_then(|i| bytes.fixes.get_mut(i)) {
            fix.to = FixTo::Debug {
                section: SectionId::DebugInfo,
                offset: place.unwrap_or(0),
            };
        }
    }
}

/// Where entries are.
struct Written {
    /// By entry: bytes from the section's start.
    at: Vec<Option<u64>>,
    /// Relocated fields that name entries: whether among the locations, where, which.
    open: Vec<(bool, u64, u32)>,
}

/// By entry: is it needed for what is here?
fn needed(object: &Object<'_>) -> Vec<bool> {
    let entries = object.entries;
    let mut needed = vec![false; entries.all.len()];
    let mut work: Vec<u32> = Vec::new();
    for atom in object.pieces.keys() {
        work.extend(entries.roots_in(*atom));
    }
    while let Some(number) = work.pop() {
        let Some(entry) = entries.all.get(number as usize) else {
            continue;
        };
        if std::mem::replace(&mut needed[number as usize], true) {
            continue;
        }
        if entry.parent != NO_PARENT {
            work.push(entry.parent);
        }
        let mut child = number + 1;
        while child < entry.end {
            let Some(own) = entries.all.get(child as usize) else {
                break;
            };
            let code = own.code.map(|_| object.is_here(own));
            if full::comes_along(own.tag, code, entry.tag, entry.code.is_some()) {
                work.push(child);
            }
            child = own.end.max(child + 1);
        }
        for (_, value) in entries.attributes_of(entry) {
            match value {
                Value::Entry(other) => work.push(*other),
                Value::Expression(e) => object.needed_by(*e, &mut work),
                Value::Locations(first, end) => {
                    for (range, e) in entries.locations_at(*first, *end) {
                        if object.span(*range).is_some() {
                            object.needed_by(*e, &mut work);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    needed
}

impl Object<'_> {
    fn is_here(&self, entry: &Entry) -> bool {
        let code = self.entries.code_of(entry);
        code.iter().any(|r| self.pieces.contains_key(&r.atom))
    }

    /// Where a range is, if it is here.
    pub fn span(&self, range: u32) -> Option<Span> {
        let range = self.entries.ranges.get(range as usize)?;
        let piece = self.pieces.get(&range.atom)?;
        Some(Span::of(piece, range.start, range.end))
    }

    /// Where a place is, if it is here.
    fn place(&self, atom: u32, offset: u32) -> Option<(u32, u64)> {
        let piece = self.pieces.get(&atom)?;
        Some((piece.section, piece.offset + u64::from(offset)))
    }

    /// The expression, if all that it speaks of is here.
    pub fn expression(&self, number: u32) -> Option<&Expression> {
        let expression = self.entries.expressions.get(number as usize)?;
        let mut fixes = self.entries.fixes_of(expression).iter();
        let here = fixes.all(|f| match f.to {
            full::FixTo::Address(atom, _) => self.pieces.contains_key(&atom),
            _ => true,
        });
        here.then_some(expression)
    }

    fn needed_by(&self, expression: u32, work: &mut Vec<u32>) {
        let Some(expression) = self.expression(expression) else {
            return;
        };
        for fix in self.entries.fixes_of(expression) {
            if let full::FixTo::Type(entry) | full::FixTo::Entry(entry) = fix.to {
                work.push(entry);
            }
        }
    }

    /// Appends an expression's bytes.
    pub fn write(
        &self,
        expression: &Expression,
        to: &mut Bytes,
        patches: &mut Vec<Patch>,
        options: Options<'_>,
    ) {
        let bytes = self.debug.text(expression.bytes);
        let mut done = 0;
        for fix in self.entries.fixes_of(expression) {
            let at = fix.at as usize;
            to.data
                .extend_from_slice(bytes.get(done..at).unwrap_or_default());
            let mut patch = |to: &Bytes, entry, how| {
                let at = to.len();
                patches.push(Patch { at, entry, how });
            };
            match fix.to {
                full::FixTo::Address(atom, offset) => {
                    let (section, offset) = self.place(atom, offset).unwrap_or_default();
                    to.fix(options.address_size, FixTo::Code { section, offset });
                    done = at + usize::from(options.address_size);
                }
                full::FixTo::Type(entry) => {
                    patch(to, entry, How::Type);
                    to.data.extend([0; full::ULEB]);
                    done = at + full::ULEB;
                }
                full::FixTo::Entry(entry) => {
                    patch(to, entry, How::Relocated);
                    debug_offset(to, SectionId::DebugInfo, 0);
                    done = at + 4;
                }
            }
        }
        to.data
            .extend_from_slice(bytes.get(done..).unwrap_or_default());
    }
}

fn write_unit(
    out: &mut Out,
    object: &Object<'_>,
    unit: u32,
    numbers: &[u32],
    written: &mut Written,
    options: Options<'_>,
) {
    let entries = object.entries;
    let none = Vec::new();
    let pieces = object.units.get(&unit).unwrap_or(&none);
    let Some(described) = object.debug.units.get(unit as usize) else {
        return;
    };
    let mut files = FileTable::default();
    let program = lines::program_of(&mut files, pieces, &mut out.costs, options);
    let mut has_lists = false;
    for &number in numbers {
        for (_, value) in entries.attributes_of(&entries.all[number as usize]) {
            match value {
                Value::File(file) => _ = files.number(object.debug, *file, options),
                Value::Locations(..) => has_lists = true,
                _ => {}
            }
        }
    }
    let texts = Texts::of_unit(object.debug, described, options);
    let lines_at = lines::write(&mut out.lines, &files, program, &texts.folder, options);
    let covered = info::covered(pieces);
    let any = object.pieces.values().map(|p| p.section).min().unwrap_or(0);
    let base = covered.first().map_or(any, |s| s.section);
    let start = out.info.len();
    let begun = info::header(out, options);
    let root = info::Root {
        language: described.language,
        texts: &texts,
        lines_at,
        covered: &covered,
        base,
        lists: (has_lists && options.version >= 5).then(|| Lists::begin(&out.locations)),
        children: !numbers.is_empty(),
    };
    info::root(out, &root, options);
    let mut writer = Writer {
        object,
        unit,
        base,
        files,
        lists: Lists::default(),
        own: Bytes::default(),
        forms: Vec::new(),
        patches: Vec::new(),
        options,
    };
    let mut all: Vec<Patch> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    // The function whose bytes are written, and one past its last entry.
    let mut owner = (0, 0);
    for (i, &number) in numbers.iter().enumerate() {
        let entry = &entries.all[number as usize];
        while open.last().is_some_and(|o| *o != entry.parent) {
            open.pop();
            out.info.u8(0);
        }
        let next = numbers
            .get(i + 1)
            .and_then(|n| entries.all.get(*n as usize));
        let children = next.is_some_and(|n| n.parent == number);
        let before = out.info.len();
        written.at[number as usize] = Some(before);
        writer.entry(out, entry, children);
        let at = out.info.len();
        out.info.append(&mut writer.own);
        let patches = writer.patches.drain(..);
        all.extend(patches.map(|p| Patch { at: p.at + at, ..p }));
        if children {
            open.push(number);
        }
        if entry.tag == dw::DW_TAG_subprogram
            && let Some(range) = entries.code_of(entry).first()
            && let Some(piece) = object.pieces.get(&range.atom)
        {
            owner = (piece.position, entry.end);
        }
        if number < owner.1 {
            out.costs.add(owner.0, out.info.len() - before);
        }
    }
    for _ in open {
        out.info.u8(0);
    }
    if !numbers.is_empty() {
        out.info.u8(0);
    }
    out.info.end(begun);
    let lists = &mut writer.lists;
    let list_patches = std::mem::take(&mut lists.patches);
    apply(&mut lists.bytes, list_patches, start, true, written);
    let moved = if has_lists {
        writer.lists.end(&mut out.locations, options)
    } else {
        0
    };
    for (among, at, _) in &mut written.open {
        // Those just noted count from the lists' own start.
        if *among && *at >= Lists::PENDING {
            *at = *at - Lists::PENDING + moved;
        }
    }
    apply(&mut out.info, all, start, false, written);
    if !covered.is_empty() {
        ranges::cover(&mut out.aranges, &covered, start, options);
    }
}

/// Puts numbers in that are known now.
fn apply(bytes: &mut Bytes, patches: Vec<Patch>, start: u64, lists: bool, written: &mut Written) {
    for patch in patches {
        let place = written.at.get(patch.entry as usize).copied().flatten();
        let distance = place.unwrap_or(start).saturating_sub(start);
        let at = patch.at as usize;
        match patch.how {
            How::Reference => {
                if let Some(field) = bytes.data.get_mut(at..at + 4) {
                    field.copy_from_slice(&(distance as u32).to_le_bytes());
                }
            }
            How::Type => {
                let mut rest = distance.min(LARGEST);
                if let Some(field) = bytes.data.get_mut(at..at + full::ULEB) {
                    for (i, byte) in field.iter_mut().enumerate() {
                        let more = if i + 1 < full::ULEB { 0x80 } else { 0 };
                        *byte = (rest & 0x7f) as u8 | more;
                        rest >>= 7;
                    }
                }
            }
            How::Relocated => {
                let at = if lists {
                    patch.at + Lists::PENDING
                } else {
                    patch.at
                };
                written.open.push((lists, at, patch.entry));
            }
        }
    }
}

/// Writes entries of a unit; its memory serves one after the other.
struct Writer<'o, 'a> {
    object: &'o Object<'a>,
    unit: u32,
    base: u32,
    files: FileTable,
    lists: Lists,
    /// Of the entry at hand.
    own: Bytes,
    forms: Vec<(DwAt, DwForm)>,
    patches: Vec<Patch>,
    options: Options<'o>,
}

impl Writer<'_, '_> {
    /// Writes the entry's code to the section, and its attributes to `own`.
    fn entry(&mut self, out: &mut Out, entry: &Entry, children: bool) {
        self.forms.clear();
        self.own.data.clear();
        self.own.fixes.clear();
        let entries = self.object.entries;
        let mut spans: Vec<Span> = Vec::new();
        if let Some((first, end)) = entry.code {
            spans.extend((first..end).filter_map(|r| self.object.span(r)));
            spans.retain(|s| s.end > s.start);
            spans = joined(spans);
        }
        self.code(out, &spans);
        for (name, value) in entries.attributes_of(entry) {
            if let Some(form) = self.value(out, value) {
                self.forms.push((*name, form));
            }
        }
        let code = out.abbreviations.code(Shape {
            tag: entry.tag,
            children,
            attributes: std::mem::take(&mut self.forms),
        });
        out.info.uleb(code);
    }

    fn code(&mut self, out: &mut Out, spans: &[Span]) {
        match spans {
            [] => {}
            [one] => {
                let form = self.address(out, (one.section, one.start));
                self.forms.push((dw::DW_AT_low_pc, form));
                if one.loose {
                    let to = FixTo::Distance {
                        section: one.section,
                        from: one.start,
                        to: one.end,
                    };
                    self.own.fix(4, to);
                    self.forms.push((dw::DW_AT_high_pc, dw::DW_FORM_data4));
                } else {
                    self.own.uleb(one.end - one.start);
                    self.forms.push((dw::DW_AT_high_pc, dw::DW_FORM_udata));
                }
            }
            several => {
                let list = ranges::list(&mut out.ranges, several, self.base, self.options);
                debug_offset(&mut self.own, ranges::section(self.options), list);
                self.forms.push((dw::DW_AT_ranges, dw::DW_FORM_sec_offset));
            }
        }
    }

    fn address(&mut self, out: &mut Out, (section, offset): (u32, u64)) -> DwForm {
        if self.options.version >= 5 {
            self.own.uleb(out.addresses.index(section, offset));
            return dw::DW_FORM_addrx;
        }
        let to = FixTo::Code { section, offset };
        self.own.fix(self.options.address_size, to);
        dw::DW_FORM_addr
    }

    /// Writes an attribute; `None` where nothing of it is here.
    fn value(&mut self, out: &mut Out, value: &Value) -> Option<DwForm> {
        let debug = self.object.debug;
        Some(match *value {
            Value::Data(width, value) => {
                self.own.word(value, width);
                match width {
                    1 => dw::DW_FORM_data1,
                    2 => dw::DW_FORM_data2,
                    4 => dw::DW_FORM_data4,
                    _ => dw::DW_FORM_data8,
                }
            }
            Value::Unsigned(value) => {
                self.own.uleb(value);
                dw::DW_FORM_udata
            }
            Value::Signed(value) => {
                self.own.sleb(value);
                dw::DW_FORM_sdata
            }
            Value::Flag(true) => dw::DW_FORM_flag_present,
            Value::Flag(false) => {
                self.own.u8(0);
                dw::DW_FORM_flag
            }
            Value::Text(text) => {
                self.own.text(debug.text(text));
                dw::DW_FORM_string
            }
            Value::Block(text) => {
                let bytes = debug.text(text);
                self.own.uleb(bytes.len() as u64);
                self.own.data.extend_from_slice(bytes);
                dw::DW_FORM_block
            }
            Value::Entry(entry) => {
                let same = self.object.entries.all.get(entry as usize)?.unit == self.unit;
                let at = self.own.len();
                let how = if same { How::Reference } else { How::Relocated };
                self.patches.push(Patch { at, entry, how });
                if same {
                    self.own.u32(0);
                    dw::DW_FORM_ref4
                } else {
                    debug_offset(&mut self.own, SectionId::DebugInfo, 0);
                    dw::DW_FORM_ref_addr
                }
            }
            Value::File(file) => {
                self.own.uleb(self.files.number(debug, file, self.options));
                dw::DW_FORM_udata
            }
            Value::Address(atom, offset) => {
                let place = self.object.place(atom, offset)?;
                self.address(out, place)
            }
            Value::Expression(number) => {
                let object = self.object;
                let expression = object.expression(number)?;
                self.own.uleb(debug.text(expression.bytes).len() as u64);
                let patches = &mut self.patches;
                object.write(expression, &mut self.own, patches, self.options);
                dw::DW_FORM_exprloc
            }
            Value::Locations(first, end) => {
                let all = self.object.entries.locations_at(first, end);
                let lists = &mut self.lists;
                let addresses = &mut out.addresses;
                let number = lists.add(self.object, all, self.base, addresses, self.options)?;
                if self.options.version >= 5 {
                    self.own.uleb(number);
                    dw::DW_FORM_loclistx
                } else {
                    let offset = out.locations.len() + number;
                    debug_offset(&mut self.own, SectionId::DebugLoc, offset);
                    dw::DW_FORM_sec_offset
                }
            }
        })
    }
}
