//! Takes `__TEXT,__eh_frame` apart (LSB Core, "The .eh_frame section").
//!
//! Unlike ELF's, much of it has no relocation: assemblers settle distances within the object
//! (x86_64), or say them as differences (ARM64). Either way the function and its language-specific
//! data become one edge each, and the fields zero.

use std::borrow::Cow;
use std::ops::Range;

use object::macho::RelocationType;

use super::read::{Reader, Role, Section, malformed};
use super::relocations::{Fixup, Side, clear};
use crate::error::{Code, Diagnostic, Result};
use crate::format::eh_frame::{records, word};
use crate::format::model::{Edge, EdgeKind, EdgeTarget, UnwindEntry, UnwindHeader};

const DW_EH_PE_PCREL: u8 = 0x10;
const DW_EH_PE_OMIT: u8 = 0xff;

/// What a CIE says of its FDEs.
#[derive(Clone, Copy)]
struct Encodings {
    pointer: u8,
    lsda: u8,
    /// FDEs have augmentation data.
    augmented: bool,
}

/// A place in a record.
struct Cursor<'d> {
    data: &'d [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn uleb(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'d> Reader<'d> {
    /// Appends the records of `__TEXT,__eh_frame`.
    pub fn eh_frame(&mut self) -> Result<()> {
        for index in 0..self.sections.len() {
            let Some(section) = self.sections.get(index) else {
                break;
            };
            if section.role != Role::EhFrame || section.size == 0 {
                continue;
            }
            let mut fixups = self.fixups(section)?;
            fixups.sort_by_key(|f| f.at);
            let table = Table {
                reader: self,
                section,
                fixups,
            };
            let (headers, entries) = table.split()?;
            self.out.unwind_headers.extend(headers);
            self.out.unwind.extend(entries);
        }
        Ok(())
    }
}

struct Table<'a, 'd> {
    reader: &'a Reader<'d>,
    section: &'a Section<'d>,
    /// By place.
    fixups: Vec<Fixup>,
}

type Split<'d> = (Vec<UnwindHeader<'d>>, Vec<UnwindEntry<'d>>);

impl<'d> Table<'_, 'd> {
    fn wrong(&self, what: &str, at: usize) -> Diagnostic {
        malformed(format!("unwind data: {what} at offset {at:#x}")).symbol(self.section.name)
    }

    fn split(&self) -> Result<Split<'d>> {
        let data = self.section.data;
        let first = self.reader.out.unwind_headers.len() as u32;
        let (mut headers, mut entries) = (Vec::new(), Vec::new());
        let mut cies: Vec<(usize, u32, Encodings)> = Vec::new();
        for Range { start: at, end } in records(data, |what, at| self.wrong(what, at))? {
            let record = Cursor {
                data: data.get(..end).unwrap_or_default(),
                at: at + 8,
            };
            // The distance to the CIE from this field; 0 for a CIE itself.
            let id = match self.fixup(at + 4) {
                Some(f) => self.distance(f),
                None => word(data, at + 4),
            }
            .ok_or_else(|| self.wrong("bad CIE pointer", at))?;
            if id == 0 {
                let (header, encodings) = self.header(record, at)?;
                cies.push((at, first + headers.len() as u32, encodings));
                headers.push(header);
            } else {
                let (_, header, encodings) = (at + 4)
                    .checked_sub(id as usize)
                    .and_then(|c| cies.iter().rev().find(|(o, ..)| *o == c))
                    .ok_or_else(|| self.wrong("CIE pointer to no CIE", at))?;
                entries.extend(self.entry(record, at, *header, *encodings)?);
            }
        }
        Ok((headers, entries))
    }

    fn fixup(&self, at: usize) -> Option<&Fixup> {
        let index = self.fixups.binary_search_by_key(&(at as u64), |f| f.at);
        self.fixups.get(index.ok()?)
    }

    /// What a difference of two places of this object comes to.
    fn distance(&self, fixup: &Fixup) -> Option<u32> {
        let plus = self.reader.address_of(fixup.plus)?;
        let minus = self.reader.address_of(fixup.minus?)?;
        Some(plus.wrapping_sub(minus) as u32)
    }

    fn header(&self, mut record: Cursor<'d>, at: usize) -> Result<(UnwindHeader<'d>, Encodings)> {
        let short = || self.wrong("truncated CIE", at);
        let version = record.byte().ok_or_else(short)?;
        let rest = record.data.get(record.at..).ok_or_else(short)?;
        let length = rest.iter().position(|b| *b == 0).ok_or_else(short)?;
        let augmentation = rest.get(..length).unwrap_or_default();
        record.at += length + 1;
        let unsupported = |what: &str| {
            Diagnostic::new(Code::ObjectUnsupported, format!("unwind data with {what}"))
        };
        if !matches!(version, 1 | 3) {
            return Err(unsupported(&format!("CIE version {version}")).into());
        }
        // Alignment factors, then the return address's register.
        record.uleb().ok_or_else(short)?;
        record.uleb().ok_or_else(short)?;
        if version == 1 {
            record.byte().ok_or_else(short)?;
        } else {
            record.uleb().ok_or_else(short)?;
        }
        let mut encodings = Encodings {
            pointer: 0,
            lsda: DW_EH_PE_OMIT,
            augmented: false,
        };
        let mut bytes = Cow::Borrowed(record.data.get(at..).unwrap_or_default());
        let mut edges = Vec::new();
        for letter in augmentation {
            match letter {
                b'z' => {
                    encodings.augmented = true;
                    record.uleb().ok_or_else(short)?;
                }
                b'L' => encodings.lsda = record.byte().ok_or_else(short)?,
                b'R' => encodings.pointer = record.byte().ok_or_else(short)?,
                b'P' => {
                    let encoding = record.byte().ok_or_else(short)?;
                    let field = record.at;
                    let (edge, size) = self.pointer(&mut record, encoding, at)?;
                    if let Some(edge) = edge {
                        clear(&mut bytes, (field - at) as u64, size);
                        edges.push(edge);
                    }
                }
                // Signal frame; ARM64e's key B.
                b'S' | b'B' => {}
                other => {
                    let what = format!("augmentation `{}`", char::from(*other));
                    return Err(unsupported(&what).into());
                }
            }
        }
        Ok((UnwindHeader { bytes, edges }, encodings))
    }

    fn entry(
        &self,
        mut record: Cursor<'d>,
        at: usize,
        header: u32,
        encodings: Encodings,
    ) -> Result<Option<UnwindEntry<'d>>> {
        let field = record.at;
        let (function, size) = self.pointer(&mut record, encodings.pointer, at)?;
        let Some(function) = function else {
            return Err(self.wrong("entry of no function", at).into());
        };
        let side = Side {
            to: function.to,
            addend: function.addend,
            kind: 0,
        };
        // A function in a section that is no atom goes with its entry.
        let Some((atom, offset)) = self.reader.settle(side) else {
            return Ok(None);
        };
        if !self.reader.holds((atom, offset)) {
            return Err(self.wrong("entry of a function elsewhere", at).into());
        }
        let mut bytes = Cow::Borrowed(record.data.get(at..).unwrap_or_default());
        clear(&mut bytes, (field - at) as u64, size);
        let mut edges = vec![Edge {
            to: EdgeTarget::Atom(atom),
            addend: offset,
            ..function
        }];
        // The function's length, as wide as its address.
        record.at = record.at.saturating_add(size as usize);
        if encodings.augmented {
            let short = || self.wrong("truncated entry", at);
            let length = record.uleb().ok_or_else(short)?;
            if length > 0 && encodings.lsda != DW_EH_PE_OMIT {
                let field = record.at;
                let (edge, size) = self.pointer(&mut record, encodings.lsda, at)?;
                if let Some(edge) = edge {
                    clear(&mut bytes, (field - at) as u64, size);
                    edges.push(edge);
                }
            }
        }
        if record.at > record.data.len() {
            return Err(self.wrong("truncated entry", at).into());
        }
        Ok(Some(UnwindEntry {
            atom,
            bytes,
            // After the length and the pointer to the CIE.
            says_from: 8,
            personality_at: None,
            edges,
            header,
        }))
    }

    /// Reads an encoded pointer; gives the edge that it is and its size. No edge for a null pointer
    /// and for one into a section that is no atom.
    fn pointer(
        &self,
        record: &mut Cursor<'d>,
        encoding: u8,
        start: usize,
    ) -> Result<(Option<Edge>, u64)> {
        let short = || self.wrong("truncated pointer", start);
        let length = match encoding & 0x0f {
            0x00 if self.reader.pointer == 8 => 3u8,
            0x00 | 0x03 | 0x0b => 2,
            0x04 | 0x0c => 3,
            other => {
                return Err(Diagnostic::new(
                    Code::ObjectUnsupported,
                    format!("unwind data with pointers of encoding {other:#x}"),
                )
                .into());
            }
        };
        let size = 1usize << length;
        let at = record.at;
        let field = at
            .checked_add(size)
            .and_then(|end| record.data.get(at..end))
            .ok_or_else(short)?;
        record.at = at + size;
        let offset = (at - start) as u64;
        let here = self.section.address.wrapping_add(at as u64);
        if let Some(fixup) = self.fixup(at) {
            // A difference counts from the symbol that is subtracted, the pointer from its own place.
            let from = match fixup.minus {
                Some(minus) => self
                    .reader
                    .address_of(minus)
                    .ok_or_else(|| self.wrong("difference to no place", at))?,
                None => here,
            };
            let edge = Edge {
                offset,
                to: fixup.plus.to,
                addend: fixup
                    .plus
                    .addend
                    .wrapping_add(here.wrapping_sub(from) as i64),
                kind: EdgeKind::Relocation(fixup.plus.kind),
            };
            return Ok((Some(edge), size as u64));
        }
        let value = match field.first_chunk::<8>() {
            Some(wide) => i64::from_le_bytes(*wide),
            None => field
                .first_chunk::<4>()
                .map_or(0, |f| i64::from(i32::from_le_bytes(*f))),
        };
        if value == 0 {
            return Ok((None, size as u64));
        }
        if encoding & 0x70 != DW_EH_PE_PCREL {
            return Err(self.wrong("pointer without a relocation", at).into());
        }
        let mut address = here.wrapping_add(value as u64);
        if self.reader.pointer == 4 {
            address &= u64::from(u32::MAX);
        }
        let place = self.reader.place_of_address(address);
        let edge = place.map(|(atom, addend)| Edge {
            offset,
            to: EdgeTarget::Atom(atom),
            addend,
            // As if it had been relocated: UNSIGNED and VANILLA are 0 on every processor.
            kind: EdgeKind::Relocation(
                u32::from(RelocationType(0).0) | 1 << 8 | u32::from(length) << 9,
            ),
        });
        Ok((edge, size as u64))
    }
}
