//! What sections refer to (`mach-o/reloc.h`, `mach-o/x86_64/reloc.h`, `mach-o/arm64/reloc.h`).
//!
//! Every edge says its addend, and the field it stands for is zero in the atom's contents, so that
//! contents do not depend on where things stood in the object. A pair (SUBTRACTOR and UNSIGNED,
//! SECTDIFF and PAIR) is two edges of one place, what is subtracted first. References to a section
//! and an address become references to the atom there.

use std::borrow::Cow;

use object::LittleEndian as LE;
use object::macho::{self, Relocation, RelocationType};

use super::native::native;
use super::read::{Cpu, Reader, Role, Section, malformed};
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{
    AtomIndex, Binding, Definition, Edge, EdgeKind, EdgeTarget, Symbol, SymbolIndex, SymbolKind,
    Visibility,
};

/// No symbol has this number: what leads to it leads nowhere.
const NO_SYMBOL: SymbolIndex = SymbolIndex::MAX;

/// A symbol in a section that is no atom.
fn nowhere() -> Symbol<'static> {
    Symbol {
        name: b"",
        definition: Definition::Dropped,
        binding: Binding::Local,
        kind: SymbolKind::NoType,
        visibility: Visibility::Default,
        size: 0,
        native: 0,
    }
}

/// One side of a fixup.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub to: EdgeTarget,
    pub addend: i64,
    /// See [`native`](super::native::native).
    pub kind: u32,
}

/// A field that the linker fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixup {
    /// From the section's start.
    pub at: u64,
    /// Bytes of the field.
    pub size: u64,
    /// What is subtracted.
    pub minus: Option<Side>,
    pub plus: Side,
    /// The contents hold what [`Side::addend`] says.
    pub clear: bool,
}

fn signed(data: &[u8], at: u64, length: u8) -> Option<i64> {
    let data = data.get(usize::try_from(at).ok()?..)?;
    Some(match length {
        0 => i64::from(*data.first()? as i8),
        1 => i64::from(i16::from_le_bytes(*data.first_chunk()?)),
        2 => i64::from(i32::from_le_bytes(*data.first_chunk()?)),
        _ => i64::from_le_bytes(*data.first_chunk()?),
    })
}

/// A plain relocation, decoded.
#[derive(Clone, Copy)]
struct Plain {
    at: u64,
    symbol: u32,
    external: bool,
    kind: RelocationType,
    pc_relative: bool,
    length: u8,
}

impl Plain {
    fn new(r: &Relocation<LE>, section: &Section<'_>) -> Result<Self> {
        let info = r.info(LE);
        let at = u64::from(info.r_address);
        if at.saturating_add(1 << info.r_length) > section.size {
            return Err(malformed(format!(
                "relocation at {:#x}, past the section's end",
                info.r_address
            ))
            .symbol(section.name)
            .into());
        }
        Ok(Self {
            at,
            symbol: info.r_symbolnum,
            external: info.r_extern,
            kind: info.r_type,
            pc_relative: info.r_pcrel,
            length: info.r_length,
        })
    }

    fn native(self) -> u32 {
        native(self.kind, self.pc_relative, self.length)
    }
}

impl<'d> Reader<'d> {
    /// All fixups of a section, in the order of the file.
    pub fn fixups(&self, section: &Section<'d>) -> Result<Vec<Fixup>> {
        let mut fixups = Vec::with_capacity(section.relocations.len());
        let mut list = section.relocations.iter();
        while let Some(r) = list.next() {
            let fixup = match self.cpu {
                Cpu::X86 if r.r_scattered(LE, macho::CPU_TYPE_X86) => {
                    self.scattered(section, r, &mut list)?
                }
                Cpu::X86 => self.plain_x86(section, Plain::new(r, section)?)?,
                Cpu::X86_64 => self.plain_x86_64(section, Plain::new(r, section)?, &mut list)?,
                Cpu::Arm64 => self.plain_arm64(section, Plain::new(r, section)?, &mut list)?,
            };
            fixups.extend(fixup);
        }
        let mut fields: Vec<(u64, u64)> = fixups.iter().map(|f| (f.at, f.size)).collect();
        fields.sort_unstable();
        let meet = |pair: &&[(u64, u64)]| pair[1].0 - pair[0].0 < pair[0].1;
        if let Some(pair) = fields.windows(2).find(meet) {
            return Err(
                malformed(format!("relocations of one field, at {:#x}", pair[1].0))
                    .symbol(section.name)
                    .into(),
            );
        }
        Ok(fixups)
    }

    fn unknown(section: &Section<'_>, r: Plain) -> Diagnostic {
        malformed(format!(
            "relocation of type {} and length {} at {:#x}",
            r.kind.0, r.length, r.at
        ))
        .symbol(section.name)
    }

    fn external(&self, symbol: u32) -> Result<EdgeTarget> {
        let count = self.out.symbols.len();
        if symbol as usize >= count {
            return Err(malformed(format!("relocation against symbol {symbol} of {count}")).into());
        }
        Ok(EdgeTarget::Symbol(symbol as SymbolIndex))
    }

    /// The atom at `address` of section `number` (from 1); `None` where that section is no atom's.
    fn internal(&self, number: u32, address: u64) -> Result<Option<(AtomIndex, i64)>> {
        let index = (number as usize).checked_sub(1);
        let Some((index, section)) = index.and_then(|i| Some((i, self.sections.get(i)?))) else {
            return Err(malformed(format!("relocation against section {number}")).into());
        };
        if section.role != Role::Atoms {
            return Ok(None);
        }
        Ok(self.place(index, address))
    }

    fn contents(&self, section: &Section<'_>, at: u64, length: u8) -> Result<i64> {
        signed(section.data, at, length).ok_or_else(|| {
            malformed("relocation of no contents")
                .symbol(section.name)
                .into()
        })
    }

    /// A data field: `external` symbols with the addend in the contents, others with the address.
    /// `None` for what leads to a section that is no atom.
    fn field(&self, section: &Section<'_>, r: Plain, bias: i64) -> Result<Option<Side>> {
        let value = self.contents(section, r.at, r.length)?.wrapping_add(bias);
        if r.external {
            return Ok(Some(Side {
                to: self.external(r.symbol)?,
                addend: value,
                kind: r.native(),
            }));
        }
        let mut address = value as u64;
        if self.pointer == 4 {
            address &= u64::from(u32::MAX);
        }
        let place = self.internal(r.symbol, address)?;
        let (to, addend) = match place {
            Some((atom, addend)) => (EdgeTarget::Atom(atom), addend),
            // Tables that are made anew may drop such entries, code and data must not lose one.
            None if section.role == Role::Atoms => (EdgeTarget::Symbol(NO_SYMBOL), 0),
            None => return Ok(None),
        };
        Ok(Some(Side {
            to,
            addend,
            kind: r.native(),
        }))
    }

    fn plain_x86_64(
        &self,
        section: &Section<'_>,
        r: Plain,
        rest: &mut std::slice::Iter<'_, Relocation<LE>>,
    ) -> Result<Option<Fixup>> {
        let shape = (r.pc_relative, r.length);
        // The immediate that follows the field: the addend counts from the instruction's end.
        let bias = match r.kind {
            macho::X86_64_RELOC_UNSIGNED if matches!(shape, (false, 2 | 3)) => {
                return self.whole(section, r, None);
            }
            macho::X86_64_RELOC_SUBTRACTOR if matches!(shape, (false, 2 | 3)) => {
                let plus = self.minuend(section, r, macho::X86_64_RELOC_UNSIGNED, rest)?;
                return self.whole(section, plus, Some(r));
            }
            macho::X86_64_RELOC_SIGNED
            | macho::X86_64_RELOC_BRANCH
            | macho::X86_64_RELOC_GOT_LOAD
            | macho::X86_64_RELOC_GOT
            | macho::X86_64_RELOC_TLV => 0,
            macho::X86_64_RELOC_SIGNED_1 => 1,
            macho::X86_64_RELOC_SIGNED_2 => 2,
            macho::X86_64_RELOC_SIGNED_4 => 4,
            _ => return Err(Self::unknown(section, r).into()),
        };
        let through_table = matches!(
            r.kind,
            macho::X86_64_RELOC_GOT_LOAD | macho::X86_64_RELOC_GOT | macho::X86_64_RELOC_TLV
        );
        // Some assemblers say that a TLV load in a 32-bit field is no branch by `r_pcrel` alone.
        if shape != (true, 2) || (through_table && !r.external) {
            return Err(Self::unknown(section, r).into());
        }
        let bias = if r.external {
            bias
        } else {
            let end = section.address.wrapping_add(r.at).wrapping_add(4) as i64;
            end.wrapping_add(bias)
        };
        let side = self.field(section, r, bias)?;
        Ok(side.map(|plus| Fixup {
            at: r.at,
            size: 4,
            minus: None,
            plus,
            clear: true,
        }))
    }

    fn plain_arm64(
        &self,
        section: &Section<'_>,
        r: Plain,
        rest: &mut std::slice::Iter<'_, Relocation<LE>>,
    ) -> Result<Option<Fixup>> {
        match r.kind {
            macho::ARM64_RELOC_UNSIGNED if !r.pc_relative && r.length >= 2 => {
                return self.whole(section, r, None);
            }
            macho::ARM64_RELOC_SUBTRACTOR if !r.pc_relative && r.length >= 2 => {
                let plus = self.minuend(section, r, macho::ARM64_RELOC_UNSIGNED, rest)?;
                return self.whole(section, plus, Some(r));
            }
            _ => {}
        }
        // ADDEND goes before the relocation whose addend it is; its "symbol" is the number.
        let (r, addend) = if r.kind == macho::ARM64_RELOC_ADDEND {
            let addend = i64::from((r.symbol << 8) as i32 >> 8);
            let next = match rest.next() {
                Some(next) => Plain::new(next, section)?,
                None => return Err(malformed("ADDEND of no relocation").into()),
            };
            let fits = matches!(
                next.kind,
                macho::ARM64_RELOC_BRANCH26
                    | macho::ARM64_RELOC_PAGE21
                    | macho::ARM64_RELOC_PAGEOFF12
            );
            if next.at != r.at || !fits {
                return Err(malformed(format!("ADDEND of another place at {:#x}", r.at)).into());
            }
            (next, addend)
        } else {
            (r, 0)
        };
        let good = match r.kind {
            macho::ARM64_RELOC_BRANCH26
            | macho::ARM64_RELOC_PAGE21
            | macho::ARM64_RELOC_GOT_LOAD_PAGE21
            | macho::ARM64_RELOC_TLVP_LOAD_PAGE21 => r.pc_relative && r.length == 2,
            macho::ARM64_RELOC_PAGEOFF12
            | macho::ARM64_RELOC_GOT_LOAD_PAGEOFF12
            | macho::ARM64_RELOC_TLVP_LOAD_PAGEOFF12 => !r.pc_relative && r.length == 2,
            macho::ARM64_RELOC_POINTER_TO_GOT => {
                matches!((r.pc_relative, r.length), (true, 2) | (false, 2 | 3))
            }
            macho::ARM64_RELOC_AUTHENTICATED_POINTER => !r.pc_relative && r.length == 3,
            _ => false,
        };
        if !good || !r.external {
            return Err(Self::unknown(section, r).into());
        }
        Ok(Some(Fixup {
            at: r.at,
            size: 1 << r.length,
            minus: None,
            plus: Side {
                to: self.external(r.symbol)?,
                addend,
                kind: r.native(),
            },
            clear: false,
        }))
    }

    /// The relocation that a SUBTRACTOR is half of.
    fn minuend(
        &self,
        section: &Section<'_>,
        minus: Plain,
        kind: RelocationType,
        rest: &mut std::slice::Iter<'_, Relocation<LE>>,
    ) -> Result<Plain> {
        let plus = rest.next().map(|r| Plain::new(r, section)).transpose()?;
        plus.filter(|p| {
            p.kind == kind && p.at == minus.at && p.length == minus.length && !p.pc_relative
        })
        .filter(|_| minus.external)
        .ok_or_else(|| {
            malformed(format!(
                "SUBTRACTOR without its other half at {:#x}",
                minus.at
            ))
            .symbol(section.name)
            .into()
        })
    }

    /// A pointer or the difference of two.
    fn whole(
        &self,
        section: &Section<'_>,
        r: Plain,
        minus: Option<Plain>,
    ) -> Result<Option<Fixup>> {
        let plus = self.field(section, r, 0)?;
        let minus = minus
            .map(|m| {
                Ok::<_, crate::error::Error>(Side {
                    to: self.external(m.symbol)?,
                    addend: 0,
                    kind: m.native(),
                })
            })
            .transpose()?;
        Ok(plus.map(|plus| Fixup {
            at: r.at,
            size: 1 << r.length,
            minus,
            plus,
            clear: true,
        }))
    }

    fn plain_x86(&self, section: &Section<'_>, r: Plain) -> Result<Option<Fixup>> {
        let known = matches!(
            r.kind,
            macho::GENERIC_RELOC_VANILLA | macho::GENERIC_RELOC_TLV
        );
        if !known || r.length > 2 {
            return Err(Self::unknown(section, r).into());
        }
        // R_ABS: nothing to relocate.
        if !r.external && r.symbol == 0 {
            return Ok(None);
        }
        // The contents count from the instruction's end as it stood in the object.
        let bias = if r.pc_relative {
            (section.address.wrapping_add(r.at) as i64).wrapping_add(1 << r.length)
        } else {
            0
        };
        let plus = self.field(section, r, bias)?.map(|mut side| {
            side.addend = i64::from(side.addend as i32);
            side
        });
        Ok(plus.map(|plus| Fixup {
            at: r.at,
            size: 1 << r.length,
            minus: None,
            plus,
            clear: true,
        }))
    }

    /// Scattered relocations name an address instead of a section.
    fn scattered(
        &self,
        section: &Section<'_>,
        r: &Relocation<LE>,
        rest: &mut std::slice::Iter<'_, Relocation<LE>>,
    ) -> Result<Option<Fixup>> {
        let info = r.scattered_info(LE);
        let at = u64::from(info.r_address);
        let wrong = |what: &str| malformed(format!("{what} at {at:#x}")).symbol(section.name);
        if at.saturating_add(1 << info.r_length) > section.size || info.r_length > 2 {
            return Err(wrong("scattered relocation past the section's end").into());
        }
        let value = self.contents(section, at, info.r_length)?;
        let kind = native(info.r_type, info.r_pcrel, info.r_length);
        let side = |address: u32, distance: i64, kind: u32| -> Result<Side> {
            let (atom, offset) = self
                .place_of_address(u64::from(address))
                .ok_or_else(|| wrong("scattered relocation to no section"))?;
            Ok(Side {
                to: EdgeTarget::Atom(atom),
                addend: i64::from(offset.wrapping_add(distance) as i32),
                kind,
            })
        };
        let (minus, distance) = match info.r_type {
            macho::GENERIC_RELOC_VANILLA => {
                let mut address = value;
                if info.r_pcrel {
                    let end =
                        (section.address.wrapping_add(at) as i64).wrapping_add(1 << info.r_length);
                    address = address.wrapping_add(end);
                }
                (None, address.wrapping_sub(i64::from(info.r_value)))
            }
            macho::GENERIC_RELOC_SECTDIFF | macho::GENERIC_RELOC_LOCAL_SECTDIFF => {
                let pair = rest
                    .next()
                    .filter(|p| p.r_scattered(LE, macho::CPU_TYPE_X86))
                    .map(|p| p.scattered_info(LE))
                    .filter(|p| p.r_type == macho::GENERIC_RELOC_PAIR)
                    .ok_or_else(|| wrong("difference without its other half"))?;
                let apart = i64::from(info.r_value).wrapping_sub(i64::from(pair.r_value));
                let kind = native(pair.r_type, pair.r_pcrel, pair.r_length);
                (
                    Some(side(pair.r_value, 0, kind)?),
                    value.wrapping_sub(apart),
                )
            }
            _ => return Err(wrong("scattered relocation of an unknown type").into()),
        };
        Ok(Some(Fixup {
            at,
            size: 1 << info.r_length,
            minus,
            plus: side(info.r_value, distance, kind)?,
            clear: true,
        }))
    }

    /// The relocations of each atom, and contents without what the edges say.
    pub fn edges_by_atom(&mut self) -> Result<Vec<Vec<Edge>>> {
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); self.out.atoms.len()];
        // The symbol of what leads nowhere, behind those of the table.
        let mut lost: Option<SymbolIndex> = None;
        for index in 0..self.sections.len() {
            let Some(section) = self.sections.get(index) else {
                break;
            };
            if section.role != Role::Atoms {
                continue;
            }
            let (name, address) = (section.name, section.address);
            if section.zero_fill && !section.relocations.is_empty() {
                return Err(malformed("relocations of zero-filled memory")
                    .symbol(name)
                    .into());
            }
            for fixup in self.fixups(section)? {
                let (atom, offset) = self
                    .place(index, address.saturating_add(fixup.at))
                    .ok_or_else(|| malformed("relocation of no atom").symbol(name))?;
                let offset = offset as u64;
                let (Some(own), Some(atom)) = (
                    edges.get_mut(atom as usize),
                    self.out.atoms.get_mut(atom as usize),
                ) else {
                    continue;
                };
                if offset.saturating_add(fixup.size) > atom.size {
                    return Err(malformed(format!(
                        "relocation at {:#x} goes over a symbol",
                        fixup.at
                    ))
                    .symbol(name)
                    .into());
                }
                for side in fixup.minus.iter().chain([&fixup.plus]) {
                    let to = match side.to {
                        EdgeTarget::Symbol(NO_SYMBOL) => {
                            let next = self.out.symbols.len() as SymbolIndex;
                            let index = *lost.get_or_insert(next);
                            if index == next {
                                self.out.symbols.push(nowhere());
                            }
                            EdgeTarget::Symbol(index)
                        }
                        to => to,
                    };
                    own.push(Edge {
                        offset,
                        to,
                        addend: side.addend,
                        kind: EdgeKind::Relocation(side.kind),
                    });
                }
                if fixup.clear {
                    clear(&mut atom.data, offset, fixup.size);
                }
            }
            self.indirect_edges(index, &mut edges)?;
        }
        Ok(edges)
    }

    /// Stubs and pointers stand for symbols that the indirect symbol table names.
    fn indirect_edges(&self, index: usize, edges: &mut [Vec<Edge>]) -> Result<()> {
        let Some(section) = self.sections.get(index) else {
            return Ok(());
        };
        if self.pointer_size(index).is_none() || section.flags.typ() == macho::S_LITERAL_POINTERS {
            return Ok(());
        }
        for (number, atom) in section.atoms.clone().enumerate() {
            let entry = (section.indirect as usize)
                .checked_add(number)
                .and_then(|at| self.indirect.get(at));
            // An empty section has one atom and no entry.
            let Some(&symbol) = entry else {
                if section.size == 0 {
                    return Ok(());
                }
                return Err(Diagnostic::new(
                    Code::ObjectMalformed,
                    "indirect symbol past the table",
                )
                .symbol(section.name)
                .into());
            };
            // INDIRECT_SYMBOL_LOCAL, INDIRECT_SYMBOL_ABS: the contents and relocations say it.
            if symbol & 0xc000_0000 != 0 {
                continue;
            }
            let to = self.external(symbol)?;
            if let Some(own) = edges.get_mut(atom as usize) {
                own.push(Edge {
                    offset: 0,
                    to,
                    addend: 0,
                    kind: EdgeKind::Relocation(native(
                        macho::GENERIC_RELOC_VANILLA,
                        false,
                        if self.pointer == 8 { 3 } else { 2 },
                    )),
                });
            }
        }
        Ok(())
    }
}

/// Zeroes a field, where it is not zero.
pub(super) fn clear(data: &mut Cow<'_, [u8]>, at: u64, size: u64) {
    let range = usize::try_from(at)
        .ok()
        .zip(usize::try_from(at.saturating_add(size)).ok());
    let Some((start, end)) = range else { return };
    if data
        .get(start..end)
        .is_some_and(|f| f.iter().any(|b| *b != 0))
        && let Some(field) = data.to_mut().get_mut(start..end)
    {
        field.fill(0);
    }
}
