//! Reads what an object's DWARF says of its live code.

use gimli::constants as dw;
use gimli::{AttributeValue, Unit as DwarfUnit};

use super::full;
use super::lines;
use super::names::Names;
use super::scopes::{self, Scopes};
use super::sections::{Reader, Sections};
use super::units::Units;
use crate::debuginfo::arena::Arena;
use crate::debuginfo::places::Places;
use crate::debuginfo::{ObjectDebug, Unit};

/// Why debug information was given up.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Dwarf(#[from] gimli::Error),
    #[error("tables that repeat themselves")]
    Endless,
    #[error("entries that do not fit together")]
    Unfit,
}

/// Work that is allowed: what is said once takes a byte at least, so more comes from files that refer to
/// one table again and again.
pub(super) struct Budget(u64);

impl Budget {
    fn of(sections: &Sections<'_>) -> Self {
        Self(sections.bytes().saturating_mul(8).saturating_add(1 << 16))
    }

    /// For variables and types, whose texts are written wherever they are used.
    fn of_full(sections: &Sections<'_>) -> Self {
        Self(sections.bytes().saturating_mul(32).saturating_add(1 << 16))
    }

    pub fn spend(&mut self, steps: u64) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(steps).ok_or(Fault::Endless)?;
        Ok(())
    }
}

/// Has it units that are not the standard library's, as it is shipped?
///
/// # Errors
/// What does not parse.
pub fn is_own(sections: &Sections<'_>) -> Result<bool, Fault> {
    let dwarf = sections.dwarf();
    let mut budget = Budget::of(sections);
    let mut units = Units::new(&dwarf);
    while let Some(unit) = units.next(&mut budget)? {
        let folder = unit.comp_dir.as_ref().map(Bytes::bytes);
        let name = unit.name.as_ref().map(Bytes::bytes);
        if ![folder, name].into_iter().flatten().any(is_shipped) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Upstream's builds of the standard library say `/rustc/<commit>`, of what it depends on `/rust/deps`;
/// Debian's say where its sources would be.
pub fn is_shipped(path: &[u8]) -> bool {
    const SHIPPED: [&[u8]; 3] = [b"/rustc/", b"/rust/deps/", b"/usr/src/rustc-"];
    SHIPPED.iter().any(|s| path.starts_with(s))
}

/// The bytes of a reader.
pub(super) trait Bytes<'a> {
    fn bytes(&self) -> &'a [u8];
}

impl<'a> Bytes<'a> for Reader<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.inner().slice()
    }
}

/// One unit while it is read.
pub(super) struct UnitReader<'r, 'a> {
    pub dwarf: &'r gimli::Dwarf<Reader<'a>>,
    pub unit: &'r DwarfUnit<Reader<'a>>,
    pub places: &'r Places,
    /// Among those of the object, in order of offsets.
    pub index: usize,
    /// Its number in [`ObjectDebug::units`].
    pub number: u32,
}

/// What is known of live code, with variables and types where `full` is wanted.
///
/// # Errors
/// What does not parse; nothing of the object is to be used then.
pub fn read(sections: &Sections<'_>, places: &Places, full: bool) -> Result<ObjectDebug, Fault> {
    let dwarf = sections.dwarf();
    let mut out = ObjectDebug::default();
    let mut arena = Arena::default();
    let mut budget = Budget::of(sections);
    let mut parsed = Units::new(&dwarf);
    let mut units = Vec::new();
    while let Some(unit) = parsed.next(&mut budget)? {
        units.push(unit);
    }
    let mut names = Names::new(&dwarf, &units);
    let mut scopes = Scopes::default();
    let mut numbers = vec![None; units.len()];
    for (index, (unit, its_number)) in units.iter().zip(&mut numbers).enumerate() {
        let root = root(unit)?;
        if root.tag != dw::DW_TAG_compile_unit && root.tag != dw::DW_TAG_skeleton_unit {
            continue;
        }
        out.split |= root.split && unit.dwo_id.is_some();
        let number = out.units.len() as u32;
        let reader = UnitReader {
            dwarf: &dwarf,
            unit,
            places,
            index,
            number,
        };
        if !scopes::touches(&reader, &root.entry, &mut budget)? {
            continue;
        }
        out.units.push(root.describe(&dwarf, unit, &mut arena));
        *its_number = Some(number);
        let mut files = lines::Files::new(&reader);
        lines::read(&reader, &mut files, &mut arena, &mut out, &mut budget)?;
        scopes.read(
            &reader,
            &mut files,
            &mut arena,
            &mut names,
            &mut out,
            &mut budget,
        )?;
    }
    names.end(&mut arena, &mut out)?;
    if full {
        let object = full::read::Object {
            dwarf: &dwarf,
            units: &units,
            numbers,
            places,
        };
        let mut budget = Budget::of_full(sections);
        match full::read::read(object, &mut arena, &mut out, &mut budget) {
            Ok(entries) => out.full = Some(Box::new(entries)),
            Err(why) => out.reduced = Some(why.to_string()),
        }
    }
    out.files = arena.files;
    out.text = arena.text;
    out.runs.sort_by_key(|r| r.atom);
    out.functions_of.sort_unstable();
    out.functions_of.dedup();
    Ok(out)
}

/// What the unit's own entry says.
struct Root<'a> {
    entry: gimli::DebuggingInformationEntry<Reader<'a>>,
    tag: gimli::DwTag,
    language: u16,
    split: bool,
}

impl<'a> Root<'a> {
    fn describe(
        &self,
        dwarf: &gimli::Dwarf<Reader<'a>>,
        unit: &DwarfUnit<Reader<'a>>,
        arena: &mut Arena,
    ) -> Unit {
        let producer = self.entry.attr_value(dw::DW_AT_producer);
        let producer = producer.and_then(|v| dwarf.attr_string(unit, v).ok());
        Unit {
            language: self.language,
            producer: arena.add(producer.as_ref().map_or(b"", Bytes::bytes)),
            name: arena.add(unit.name.as_ref().map_or(b"", Bytes::bytes)),
            folder: arena.add(unit.comp_dir.as_ref().map_or(b"", Bytes::bytes)),
        }
    }
}

/// What is said once of a unit.
pub(super) fn describe<'a>(
    dwarf: &gimli::Dwarf<Reader<'a>>,
    unit: &DwarfUnit<Reader<'a>>,
    arena: &mut Arena,
) -> Result<Unit, Fault> {
    Ok(root(unit)?.describe(dwarf, unit, arena))
}

fn root<'a>(unit: &DwarfUnit<Reader<'a>>) -> Result<Root<'a>, Fault> {
    let entry = unit.entry(unit.header.root_offset())?;
    let language = match entry.attr_value(dw::DW_AT_language) {
        Some(AttributeValue::Language(l)) => l.0,
        _ => 0,
    };
    Ok(Root {
        tag: entry.tag(),
        language,
        split: entry.has_attr(dw::DW_AT_dwo_name) || entry.has_attr(dw::DW_AT_GNU_dwo_name),
        entry,
    })
}
