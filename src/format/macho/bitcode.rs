//! Bitcode that a compiler embeds in native objects (`-fembed-bitcode`): Apple's stores refuse programs
//! with it since Xcode 14.
//!
//! Dropping it empties its sections and cuts their contents out of the file. The headers stay: without
//! them every later section, symbol and relocation would be numbered anew.

use object::Endian;
use object::macho;

use super::layout::{File, Header};
use crate::error::{Code, Diagnostic, Result};

/// What is cut is a multiple of this, so that all that follows stays as aligned as it was.
const STEP: u64 = 64;

/// Sections of embedded bitcode and of the command lines that made it.
pub fn is_embedded(segment: &[u8], name: &[u8]) -> bool {
    segment == b"__LLVM"
        && matches!(
            name,
            b"__bitcode" | b"__cmdline" | b"__swift_cmdline" | b"__bundle" | b"__asm"
        )
}

/// Bytes of embedded bitcode; `None` without sections of it. Unreadable objects have none.
pub fn embedded(data: &[u8]) -> Option<u64> {
    let file = File::new(data)?;
    let sections = file.sections()?;
    let own = sections
        .iter()
        .filter(|s| is_embedded(s.segment, s.name) && s.size > 0);
    own.map(|s| s.size)
        .reduce(|sum, size| sum.saturating_add(size))
}

/// The object without its bitcode; `None` where it has none.
///
/// # Errors
/// `object-malformed` for one whose parts overlap.
pub fn drop(data: &[u8]) -> Result<Option<Vec<u8>>> {
    if embedded(data).is_none() {
        return Ok(None);
    }
    let file = File::new(data);
    let dropped = file.and_then(|file| file.without());
    dropped.map(Some).ok_or_else(|| {
        Diagnostic::new(
            Code::ObjectMalformed,
            "embedded bitcode cannot be dropped: parts of the object overlap",
        )
        .into()
    })
}

impl File<'_> {
    fn without(&self) -> Option<Vec<u8>> {
        let sections = self.sections()?;
        let mut cuts: Vec<(u64, u64)> = sections
            .iter()
            .filter(|s| is_embedded(s.segment, s.name) && !s.zero_fill && s.size >= STEP)
            .map(|s| Some((s.offset, s.offset.checked_add(s.size / STEP * STEP)?)))
            .collect::<Option<_>>()?;
        cuts.sort_unstable();
        let disjoint = cuts.windows(2).all(|w| match w {
            [a, b] => a.1 <= b.0,
            _ => true,
        });
        let inside = cuts.last().is_none_or(|c| c.1 <= self.data.len() as u64);
        // The commands, and all contents that stay.
        let header = if self.is_64 { 32 } else { 28 };
        let commands = (0, u64::from(self.word(20)?).saturating_add(header));
        let parts = sections
            .iter()
            .filter(|s| !is_embedded(s.segment, s.name) && !s.zero_fill && s.size > 0)
            .map(|s| (s.offset, s.offset.saturating_add(s.size)));
        let own: Vec<(u64, u64)> = sections
            .iter()
            .filter(|s| is_embedded(s.segment, s.name) && !s.zero_fill)
            .map(|s| (s.offset, s.offset.saturating_add(s.size)))
            .collect();
        let apart = parts
            .chain([commands])
            .all(|p| own.iter().all(|o| p.1 <= o.0 || o.1 <= p.0));
        if !disjoint || !inside || !apart {
            return None;
        }
        let mut out = self.data.to_vec();
        self.patch(&mut out, &sections, &cuts)?;
        for (start, end) in cuts.iter().rev() {
            out.drain(usize::try_from(*start).ok()?..usize::try_from(*end).ok()?);
        }
        Some(out)
    }

    /// Empties the sections and moves every offset over the cuts.
    fn patch(&self, out: &mut [u8], sections: &[Header], cuts: &[(u64, u64)]) -> Option<()> {
        let moved = |offset: u64| -> Option<u64> {
            let mut shift = 0;
            for (start, end) in cuts.iter().filter(|c| c.0 < offset) {
                if offset < *end {
                    return None;
                }
                shift += end - start;
            }
            offset.checked_sub(shift)
        };
        let shift = |out: &mut [u8], at: usize| -> Option<()> {
            let offset = self.word(at)?;
            self.put(out, at, u32::try_from(moved(u64::from(offset))?).ok()?)
        };

        let (size, offset, relocations) = if self.is_64 {
            (40, 48, 56)
        } else {
            (36, 40, 48)
        };
        for section in sections {
            if is_embedded(section.segment, section.name) {
                // What is left of the contents after whole steps is nobody's.
                let start = usize::try_from(section.offset).ok()?;
                let end = start.checked_add(usize::try_from(section.size).ok()?)?;
                if !section.zero_fill {
                    out.get_mut(start..end)?.fill(0);
                }
                self.put_wide(out, section.at + size, 0)?;
                self.put(out, section.at + relocations + 4, 0)?;
                self.put(out, section.at + relocations, 0)?;
            } else {
                shift(out, section.at + relocations)?;
            }
            if !section.zero_fill && section.size > 0 {
                shift(out, section.at + offset)?;
            }
        }
        // Symbols that were further in are at the empty section's start now.
        let (fields, file) = if self.is_64 { (40, 48) } else { (32, 36) };
        for segment in self.segments() {
            let (start, length) = (self.wide(segment + fields)?, self.wide(segment + file)?);
            let end = start.checked_add(length)?;
            self.put_wide(out, segment + fields, moved(start)?)?;
            self.put_wide(out, segment + file, moved(end)?.checked_sub(moved(start)?)?)?;
        }
        for &(kind, at) in &self.commands {
            if kind == macho::LC_SYMTAB {
                self.settle_symbols(out, at, sections)?;
            }
        }
        self.move_tables(out, moved)?;
        Some(())
    }

    /// Puts symbols of emptied sections at the sections' starts.
    fn settle_symbols(&self, out: &mut [u8], symtab: usize, sections: &[Header]) -> Option<()> {
        let entry = if self.is_64 { 16 } else { 12 };
        let start = self.word(symtab + 8)? as usize;
        let length = (self.word(symtab + 12)? as usize).checked_mul(entry)?;
        let table = out.get_mut(start..start.checked_add(length)?)?;
        for symbol in table.chunks_exact_mut(entry) {
            let (&flags, &number) = (symbol.get(4)?, symbol.get(5)?);
            let flags = macho::SymbolFlags(flags);
            let section = usize::from(number).checked_sub(1);
            let section = section.and_then(|s| sections.get(s));
            if let Some(section) = section.filter(|s| is_embedded(s.segment, s.name))
                && !flags.is_stab()
                && flags.typ() == macho::N_SECT
            {
                let value = symbol.get_mut(8..)?;
                if self.is_64 {
                    value.copy_from_slice(&self.endian.write_u64(section.address));
                } else {
                    let address = u32::try_from(section.address).ok()?;
                    value.copy_from_slice(&self.endian.write_u32(address));
                }
            }
        }
        Some(())
    }
}
