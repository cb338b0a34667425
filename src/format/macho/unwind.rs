//! Compact unwind entries (`mach-o/compact_unwind_encoding.h`): function, length, encoding,
//! personality routine, language-specific data. They share nothing, so all of them have one header
//! without bytes.

use std::borrow::Cow;

use super::read::{Reader, Role, Section, malformed};
use super::relocations::{Fixup, Side, clear};
use crate::error::Result;
use crate::format::model::{
    AtomIndex, Definition, Edge, EdgeKind, EdgeTarget, UnwindEntry, UnwindHeader,
};

impl<'d> Reader<'d> {
    /// Appends the entries of `__LD,__compact_unwind`.
    pub fn compact_unwind(&mut self) -> Result<()> {
        for index in 0..self.sections.len() {
            let Some(section) = self.sections.get(index) else {
                break;
            };
            if section.role != Role::CompactUnwind || section.size == 0 {
                continue;
            }
            let entries = self.entries(section)?;
            if !entries.is_empty() {
                self.out.unwind_headers.push(UnwindHeader {
                    bytes: Cow::Borrowed(&[]),
                    edges: Vec::new(),
                });
                self.out.unwind.extend(entries);
            }
        }
        Ok(())
    }

    fn entries(&self, section: &Section<'d>) -> Result<Vec<UnwindEntry<'d>>> {
        // Length and encoding are 32 bits wide everywhere.
        let pointer = self.pointer;
        let record = 3 * pointer + 8;
        let wrong = |what: &str, at: u64| {
            malformed(format!("unwind data: {what} at offset {at:#x}")).symbol(section.name)
        };
        if !section.size.is_multiple_of(record) {
            return Err(wrong("truncated entry", section.size - section.size % record).into());
        }
        let header = self.out.unwind_headers.len() as u32;
        let mut fixups = self.fixups(section)?;
        fixups.sort_by_key(|f| f.at);
        let mut relocated: Vec<u64> = section
            .relocations
            .iter()
            .map(|r| u64::from(r.r_word0.get(object::LittleEndian) & 0x00ff_ffff))
            .collect();
        relocated.sort_unstable();
        let mut entries = Vec::new();
        let mut rest = fixups.as_slice();
        let size = usize::try_from(record).unwrap_or(usize::MAX);
        let mut at = 0;
        for bytes in section.data.chunks_exact(size) {
            let count = rest.partition_point(|f| f.at < at + record);
            let (own, after) = rest.split_at(count);
            rest = after;
            let find = |offset: u64| own.iter().find(|f| f.at == at + offset);
            let known = |f: &&Fixup| {
                let offset = f.at - at;
                f.minus.is_some()
                    || f.size != pointer
                    || !(offset == 0 || offset == pointer + 8 || offset == 2 * pointer + 8)
            };
            if own.iter().any(|f| known(&f)) {
                return Err(wrong("relocation of no pointer", at).into());
            }
            let function = find(0);
            // 24 bits of the place: what is larger than that was never in a scattered relocation.
            if function.is_none() && relocated.binary_search(&(at & 0x00ff_ffff)).is_err() {
                return Err(wrong("entry of no function", at).into());
            }
            let place = function
                .map(|f| {
                    self.settle(f.plus)
                        .filter(|&place| self.holds(place))
                        .ok_or_else(|| wrong("entry of a function elsewhere", at))
                })
                .transpose()?;
            // Without a place its function is in a section that is no atom.
            if let Some((atom, offset)) = place {
                let mut bytes = Cow::Borrowed(bytes);
                let mut edges = Vec::with_capacity(own.len());
                for fixup in own {
                    clear(&mut bytes, fixup.at - at, fixup.size);
                    let (to, addend) = if fixup.at == at {
                        (EdgeTarget::Atom(atom), offset)
                    } else {
                        (fixup.plus.to, fixup.plus.addend)
                    };
                    edges.push(Edge {
                        offset: fixup.at - at,
                        to,
                        addend,
                        kind: EdgeKind::Relocation(fixup.plus.kind),
                    });
                }
                entries.push(UnwindEntry {
                    atom,
                    bytes,
                    says_from: 0,
                    // Behind the function, its length and the encoding.
                    personality_at: Some(pointer + 8),
                    edges,
                    header,
                });
            }
            at += record;
        }
        Ok(entries)
    }

    /// The atom of this object that a reference leads to, and the distance from its start.
    pub fn settle(&self, side: Side) -> Option<(AtomIndex, i64)> {
        match side.to {
            EdgeTarget::Atom(atom) => Some((atom, side.addend)),
            EdgeTarget::Symbol(s) => match self.out.symbols.get(s as usize)?.definition {
                Definition::Atom { atom, offset } => {
                    Some((atom, side.addend.wrapping_add(offset as i64)))
                }
                _ => None,
            },
        }
    }

    /// Does the place lie in its atom?
    pub fn holds(&self, (atom, offset): (AtomIndex, i64)) -> bool {
        let size = self.out.atoms.get(atom as usize).map_or(0, |a| a.size);
        u64::try_from(offset).is_ok_and(|at| at < size.max(1))
    }

    /// The address in this object that a reference means.
    pub fn address_of(&self, side: Side) -> Option<u64> {
        let base = match side.to {
            EdgeTarget::Atom(atom) => *self.starts.get(atom as usize)?,
            EdgeTarget::Symbol(s) => self.raw.get(s as usize)?.value,
        };
        Some(base.wrapping_add(side.addend as u64))
    }
}
