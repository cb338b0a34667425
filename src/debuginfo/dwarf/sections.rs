//! The sections that a reader needs, relocated where they are read.

use std::borrow::Cow;
use std::fmt;

use gimli::{EndianSlice, LittleEndian, RelocateReader};

/// The sections that line tables need, whatever a format calls them.
const READ: [gimli::SectionId; 9] = [
    gimli::SectionId::DebugAbbrev,
    gimli::SectionId::DebugAddr,
    gimli::SectionId::DebugInfo,
    gimli::SectionId::DebugLine,
    gimli::SectionId::DebugLineStr,
    gimli::SectionId::DebugRanges,
    gimli::SectionId::DebugRngLists,
    gimli::SectionId::DebugStr,
    gimli::SectionId::DebugStrOffsets,
];

/// Those that variables need besides.
const READ_FULL: [gimli::SectionId; 2] =
    [gimli::SectionId::DebugLoc, gimli::SectionId::DebugLocLists];

/// The sections that are wanted.
pub fn wanted(full: bool) -> impl Iterator<Item = gimli::SectionId> {
    let more = if full { &READ_FULL[..] } else { &[] };
    READ.into_iter().chain(more.iter().copied())
}

/// What relocations make of a field.
pub trait Relocated {
    /// The value of the field at `at` (bytes from the section's start), of which `stored` stands in the
    /// contents. Code has the addresses of the object's [`Places`](crate::debuginfo::places::Places).
    fn value(&self, at: u64, stored: u64) -> u64;
}

/// One section.
pub struct Section<'a> {
    pub id: gimli::SectionId,
    pub data: Cow<'a, [u8]>,
    /// `None` where the contents say it all.
    pub relocated: Option<Box<dyn Relocated + 'a>>,
}

/// The debug sections of an object.
#[derive(Default)]
pub struct Sections<'a>(pub Vec<Section<'a>>);

/// Relocates what gimli reads.
#[derive(Clone, Copy)]
pub(super) struct Fix<'a>(Option<&'a (dyn Relocated + 'a)>);

impl fmt::Debug for Fix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fix")
    }
}

impl gimli::read::Relocate for Fix<'_> {
    fn relocate_address(&self, offset: usize, value: u64) -> gimli::Result<u64> {
        Ok(self.0.map_or(value, |r| r.value(offset as u64, value)))
    }

    fn relocate_offset(&self, offset: usize, value: usize) -> gimli::Result<usize> {
        let value = value as u64;
        Ok(self.0.map_or(value, |r| r.value(offset as u64, value)) as usize)
    }
}

pub(super) type Reader<'a> = RelocateReader<EndianSlice<'a, LittleEndian>, Fix<'a>>;

impl<'a> Sections<'a> {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self
            .0
            .iter()
            .any(|s| s.id == gimli::SectionId::DebugInfo && !s.data.is_empty())
    }

    /// Bytes of all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|s| s.data.len() as u64).sum()
    }

    pub(super) fn dwarf(&'a self) -> gimli::Dwarf<Reader<'a>> {
        let load = |id: gimli::SectionId| {
            let found = self.0.iter().find(|s| s.id == id);
            let data = found.map_or(&[][..], |s| &s.data);
            let fix = Fix(found.and_then(|s| s.relocated.as_deref()));
            Ok::<_, std::convert::Infallible>(RelocateReader::new(
                EndianSlice::new(data, LittleEndian),
                fix,
            ))
        };
        let Ok(dwarf) = gimli::Dwarf::load(load);
        dwarf
    }
}
