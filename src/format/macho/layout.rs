//! Where things are in a Mach-O object: load commands, sections, and the offsets that must change when
//! something before what they point to grows or goes.

use object::macho;
use object::{Endian, Endianness};

use super::magic;

/// A section's header.
pub struct Header<'d> {
    /// Of the header in the file.
    pub at: usize,
    pub segment: &'d [u8],
    pub name: &'d [u8],
    pub address: u64,
    pub size: u64,
    /// Of the contents in the file.
    pub offset: u64,
    pub zero_fill: bool,
    /// Where the relocations are, and how many.
    pub relocations: (u64, u32),
}

pub struct File<'d> {
    pub data: &'d [u8],
    pub endian: Endianness,
    pub is_64: bool,
    /// Load commands: kind and offset.
    pub commands: Vec<(macho::LoadCommandType, usize)>,
}

impl<'d> File<'d> {
    pub fn new(data: &'d [u8]) -> Option<Self> {
        let (endian, is_64) = magic(data)?;
        let mut file = Self {
            data,
            endian,
            is_64,
            commands: Vec::new(),
        };
        let mut at = if is_64 { 32 } else { 28 };
        for _ in 0..file.word(16)? {
            let size = file.word(at + 4)? as usize;
            file.commands
                .push((macho::LoadCommandType(file.word(at)?), at));
            at = at.checked_add(size.max(8))?;
        }
        Some(file)
    }

    pub fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..)?.first_chunk::<4>()?;
        Some(self.endian.read_u32(*bytes))
    }

    /// As wide as an address.
    pub fn wide(&self, at: usize) -> Option<u64> {
        if !self.is_64 {
            return self.word(at).map(u64::from);
        }
        let bytes = self.data.get(at..)?.first_chunk::<8>()?;
        Some(self.endian.read_u64(*bytes))
    }

    pub fn put(&self, out: &mut [u8], at: usize, value: u32) -> Option<()> {
        let field = out.get_mut(at..at.checked_add(4)?)?;
        field.copy_from_slice(&self.endian.write_u32(value));
        Some(())
    }

    pub fn put_wide(&self, out: &mut [u8], at: usize, value: u64) -> Option<()> {
        if !self.is_64 {
            return self.put(out, at, u32::try_from(value).ok()?);
        }
        let field = out.get_mut(at..at.checked_add(8)?)?;
        field.copy_from_slice(&self.endian.write_u64(value));
        Some(())
    }

    pub fn command(&self, kind: macho::LoadCommandType) -> Option<usize> {
        self.commands.iter().find(|c| c.0 == kind).map(|c| c.1)
    }

    pub fn segments(&self) -> impl Iterator<Item = usize> {
        let kind = if self.is_64 {
            macho::LC_SEGMENT_64
        } else {
            macho::LC_SEGMENT
        };
        let of = self.commands.iter().filter(move |c| c.0 == kind);
        of.map(|c| c.1)
    }

    pub fn sections(&self) -> Option<Vec<Header<'d>>> {
        let (count, first, step) = if self.is_64 {
            (64, 72, 80)
        } else {
            (48, 56, 68)
        };
        // Offsets of size, of the contents' offset, of relocations and flags.
        let (size, offset, relocations, flags) = if self.is_64 {
            (40, 48, 56, 64)
        } else {
            (36, 40, 48, 56)
        };
        let mut sections = Vec::new();
        for segment in self.segments() {
            for number in 0..self.word(segment + count)? as usize {
                let at = segment
                    .checked_add(first)?
                    .checked_add(number.checked_mul(step)?)?;
                let name = |at: usize| -> Option<&'d [u8]> {
                    let field = self.data.get(at..at.checked_add(16)?)?;
                    field.split(|b| *b == 0).next()
                };
                let flags = macho::SectionFlags(self.word(at + flags)?);
                sections.push(Header {
                    at,
                    segment: name(at + 16)?,
                    name: name(at)?,
                    address: self.wide(at + 32)?,
                    size: self.wide(at + size)?,
                    offset: u64::from(self.word(at + offset)?),
                    zero_fill: matches!(
                        flags.typ(),
                        macho::S_ZEROFILL | macho::S_GB_ZEROFILL | macho::S_THREAD_LOCAL_ZEROFILL
                    ),
                    relocations: (
                        u64::from(self.word(at + relocations)?),
                        self.word(at + relocations + 4)?,
                    ),
                });
            }
        }
        Some(sections)
    }

    /// Offsets of tables that are neither contents nor relocations of sections: where each stands in the
    /// file, and whether it has eight bytes.
    pub fn tables(&self) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        for &(kind, at) in &self.commands {
            match kind {
                macho::LC_SYMTAB => found.extend([(at + 8, false), (at + 16, false)]),
                macho::LC_DYSYMTAB => {
                    found.extend([32, 40, 48, 56, 64, 72].map(|field| (at + field, false)));
                }
                macho::LC_CODE_SIGNATURE
                | macho::LC_SEGMENT_SPLIT_INFO
                | macho::LC_FUNCTION_STARTS
                | macho::LC_DATA_IN_CODE
                | macho::LC_DYLIB_CODE_SIGN_DRS
                | macho::LC_LINKER_OPTIMIZATION_HINT => found.push((at + 8, false)),
                macho::LC_NOTE => found.push((at + 24, true)),
                _ => {}
            }
        }
        found
    }

    /// Moves the offsets of [`Self::tables`].
    pub fn move_tables(&self, out: &mut [u8], moved: impl Fn(u64) -> Option<u64>) -> Option<()> {
        for (at, eight) in self.tables() {
            if eight {
                let bytes = self.data.get(at..)?.first_chunk::<8>()?;
                let offset = moved(self.endian.read_u64(*bytes))?;
                out.get_mut(at..at + 8)?
                    .copy_from_slice(&self.endian.write_u64(offset));
            } else {
                let offset = moved(u64::from(self.word(at)?))?;
                self.put(out, at, u32::try_from(offset).ok()?)?;
            }
        }
        Some(())
    }
}
