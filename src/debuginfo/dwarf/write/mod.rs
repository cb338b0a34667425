//! Writes DWARF for an output object: a unit for each language of its code.
//!
//! What is particular about it comes from the relocations, which no compression shrinks (24 bytes each on
//! ELF):
//!
//! - texts stand where they are used (DW_FORM_string), each once a unit;
//! - version 5 where relocations cost: inlined scopes that begin at one place share its address
//!   (DW_FORM_addrx), which takes a quarter off. Version 4 where they do not (Mach-O) or are small (COFF),
//!   because every reader knows it;
//! - range lists are named by their offset, a relocation each: libbfd, which GNU addr2line uses, did not
//!   read DW_FORM_rnglistx for long;
//! - line sequences run on over adjacent functions.

mod abbreviations;
mod addresses;
mod bytes;
mod full;
mod info;
mod lines;
mod locations;
mod ranges;
mod routines;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use gimli::SectionId;

use self::abbreviations::Abbreviations;
use self::addresses::Addresses;
pub use self::bytes::{Bytes, Fix, FixTo};
pub(crate) use self::lines::remapped;
use crate::debuginfo::ObjectDebug;
use crate::debuginfo::dwarf::full::Entries;

/// Code of an output object whose debug information is known.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub debug: &'a ObjectDebug,
    /// The atom, in the object that `debug` is of.
    pub atom: u32,
    /// Its position among the output object's atoms.
    pub position: u32,
    /// The output section it is in, by the format writer's number.
    pub section: u32,
    /// Bytes from that section's start.
    pub offset: u64,
    pub size: u64,
    /// Nothing but padding lies between it and the piece before, if that is near.
    pub follows: bool,
    /// Where linkers may delete or add bytes (offsets in the atom, sorted): distances over these are left to
    /// relocations.
    pub loose: &'a [u32],
    /// Data are only spoken of where variables are.
    pub code: bool,
}

/// How an object's debug information is written.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Of DWARF: 4 or 5.
    pub version: u16,
    /// Bytes of an address.
    pub address_size: u8,
    /// Prefixes of paths, and what to put in their place.
    pub remap: &'a [(String, String)],
}

/// A written section.
#[derive(Debug)]
pub struct Written {
    pub id: SectionId,
    pub bytes: Bytes,
}

/// The debug sections of an object, and what they cost. `pieces` in the order of sections and offsets.
#[must_use]
pub fn write(pieces: &[Piece<'_>], options: Options<'_>) -> (Vec<Written>, Costs) {
    let mut by_language: HashMap<u16, usize> = HashMap::new();
    let mut units: Vec<(u16, Vec<Piece<'_>>)> = Vec::new();
    let mut by_object: HashMap<*const ObjectDebug, usize, FixedState> = HashMap::default();
    let mut objects: Vec<full::Object<'_>> = Vec::new();
    let mut last = None;
    for piece in pieces {
        if let Some(entries) = entries(piece, options) {
            let key = std::ptr::from_ref(piece.debug);
            let at = *by_object.entry(key).or_insert(objects.len());
            if at == objects.len() {
                objects.push(full::Object {
                    debug: piece.debug,
                    entries,
                    units: BTreeMap::new(),
                    pieces: HashMap::default(),
                });
            }
            let object = &mut objects[at];
            object.pieces.insert(piece.atom, *piece);
            if !piece.code {
                continue;
            }
            let Some(unit) = unit_of(piece) else {
                last = None;
                continue;
            };
            let key = Some((Some(at), unit));
            object.units.entry(unit).or_default().push(Piece {
                follows: piece.follows && last == key,
                ..*piece
            });
            last = key;
            continue;
        }
        if !piece.code {
            continue;
        }
        let Some(language) = language(piece) else {
            last = None;
            continue;
        };
        let at = *by_language.entry(language).or_insert(units.len());
        if at == units.len() {
            units.push((language, Vec::new()));
        }
        let key = Some((None, at as u32));
        units[at].1.push(Piece {
            follows: piece.follows && last == key,
            ..*piece
        });
        last = key;
    }
    let mut out = Out::default();
    if options.version >= 5 {
        ranges::header(&mut out.ranges, options);
    }
    for (language, pieces) in &units {
        info::unit(&mut out, *language, pieces, options);
    }
    for object in &objects {
        full::object(&mut out, object, options);
    }
    let locations = if options.version >= 5 {
        SectionId::DebugLocLists
    } else {
        SectionId::DebugLoc
    };
    let ranges = if options.version >= 5 {
        out.ranges.end(4);
        SectionId::DebugRngLists
    } else {
        SectionId::DebugRanges
    };
    let written = [
        (SectionId::DebugInfo, out.info),
        (SectionId::DebugAbbrev, out.abbreviations.write()),
        (SectionId::DebugLine, out.lines),
        (ranges, out.ranges),
        (locations, out.locations),
        (
            SectionId::DebugAddr,
            out.addresses.write(options.address_size),
        ),
        (SectionId::DebugAranges, out.aranges),
    ];
    let any = !units.is_empty() || !objects.is_empty();
    let written = written
        .into_iter()
        .filter(|(_, bytes)| any && !bytes.is_empty())
        .map(|(id, bytes)| Written { id, bytes })
        .collect();
    (written, out.costs)
}

/// By the output object's atoms: bytes, as they are before compression and without relocations, of what is
/// said of each: its rows and scopes.
#[derive(Debug, Clone, Default)]
pub struct Costs(pub Vec<u64>);

impl Costs {
    pub fn add(&mut self, position: u32, bytes: u64) {
        let at = position as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] += bytes;
    }
}

/// Sections in the making.
#[derive(Default)]
struct Out {
    info: Bytes,
    abbreviations: Abbreviations,
    forms: HashMap<info::Form, u64, FixedState>,
    addresses: Addresses,
    lines: Bytes,
    ranges: Bytes,
    locations: Bytes,
    aranges: Bytes,
    costs: Costs,
}

/// The unit of a piece with debug information.
fn unit_of(piece: &Piece<'_>) -> Option<u32> {
    let runs = piece.debug.runs_of(piece.atom).iter().map(|r| r.unit);
    let functions = piece.debug.functions_in(piece.atom);
    runs.chain(functions.map(|f| piece.debug.functions[f as usize].unit))
        .next()
}

/// Its language.
fn language(piece: &Piece<'_>) -> Option<u16> {
    let unit = piece.debug.units.get(unit_of(piece)? as usize)?;
    Some(unit.language)
}

/// Variables and types of the piece's object, where they are known.
fn entries<'a>(piece: &Piece<'a>, options: Options<'_>) -> Option<&'a Entries> {
    let entries = piece.debug.full.as_deref()?;
    (entries.address_size == options.address_size).then_some(entries)
}

/// May the distance from `from` to `to` (offsets in the piece's atom) change?
fn is_loose(piece: &Piece<'_>, from: u32, to: u32) -> bool {
    let first = piece.loose.partition_point(|&l| l < from);
    piece.loose.get(first).is_some_and(|&l| l < to)
}
