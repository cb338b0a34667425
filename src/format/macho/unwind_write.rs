//! Builds `__LD,__compact_unwind` and `__TEXT,__eh_frame` of an output object from the entries of its
//! functions.
//!
//! Compact entries name their function by section and address, as compilers write them: linkers read that
//! column alone so. DWARF's entries name functions by distance: on x86_64 settled, on ARM64 as the
//! difference to a symbol in the table, for a distance of more than 2^19 in a field is too large an addend
//! for Apple's newest linker.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use object::macho;

use super::emit::{Entry, Referent, Relocation};
use super::native::Native;
use super::read::Cpu;
use super::symbols::{LocalSymbol, SymbolRef, SymbolTable};
use super::write::{Layout, OutSection, Place, limit, put};
use crate::error::{Diagnostic, Result};
use crate::format::model::{Edge, EdgeKind, EdgeTarget, UnwindEntry, UnwindHeader};
use crate::format::output::{OutTarget, OutUnwind};

/// Coalesced, without a table of contents, stripped with the symbols, live with what it describes: what
/// compilers say of `__eh_frame`.
const EH_FRAME_FLAGS: u32 = 0x6800_000b;
/// No CIE and no symbol is further from what names it.
const REACH: usize = 1 << 18;

/// What makes two CIEs one: bytes, relocations less their symbols, and targets.
type CieKey<'d> = (&'d [u8], Vec<Edge>, Vec<OutTarget>);

/// An entry of an atom, with its targets.
struct Item<'o, 'd> {
    entry: &'o UnwindEntry<'d>,
    header: &'o UnwindHeader<'d>,
    targets: &'o OutUnwind,
    /// Of its language-specific data.
    copy: Option<(Place, SymbolRef)>,
}

/// What a distance leads to.
#[derive(Clone, Copy)]
enum Aim {
    Target(OutTarget),
    /// A place with a symbol, and the addend counts from there.
    Copy(Place, SymbolRef),
}

/// Language-specific data that was copied.
#[derive(Default)]
pub(super) struct Copies {
    /// By (atom of the function, place among its unwind entries).
    of: HashMap<(usize, usize), (Place, SymbolRef)>,
    /// What was copied, and to where.
    pub atoms: Vec<(u32, Place)>,
}

/// Copies language-specific data that several unwind entries name: Apple's ld64 takes each for one function
/// alone.
pub(super) fn copy_shared<'o, 'a, 'd>(
    layout: &mut Layout<'o, 'a, 'd>,
    symbols: &mut SymbolTable<'o, 'a, 'd>,
) -> Result<Copies> {
    let object = layout.object;
    let mut copies = Copies::default();
    let mut seen: HashSet<(u32, u64)> = HashSet::new();
    for (at, out) in object.atoms.iter().enumerate() {
        for (position, (entry, targets)) in out
            .file
            .unwind_of(out.atom)
            .iter()
            .zip(&out.unwind)
            .enumerate()
        {
            let header = &out.file.unwind_headers[entry.header as usize];
            let Some(&OutTarget::Atom { atom, offset, .. }) = targets.entry.get(1) else {
                continue;
            };
            let addend = entry.edges.get(1).map_or(0, |e| e.addend);
            let offset = offset.wrapping_add(addend as u64);
            if header.bytes.is_empty() || seen.insert((atom, offset)) {
                continue;
            }
            let shared = &object.atoms[atom as usize];
            let section = layout.places[atom as usize].section;
            let own = &shared.file.atoms[shared.atom as usize];
            let place = layout.append(section, own)?;
            layout.relocations_of(symbols, shared, place)?;
            let start = symbols.label_at(place, 0);
            let label = match offset {
                0 => start,
                _ => symbols.label_at(place, offset),
            };
            let there = Place {
                offset: place.offset.wrapping_add(offset),
                ..place
            };
            copies.of.insert((at, position), (there, label));
            copies.atoms.push((atom, place));
        }
    }
    Ok(copies)
}

/// Appends the tables. Sections have their addresses, but for what is zero-filled.
pub(super) fn build<'o, 'a, 'd>(
    layout: &mut Layout<'o, 'a, 'd>,
    symbols: &mut SymbolTable<'o, 'a, 'd>,
    copies: &Copies,
) -> Result<()> {
    let object = layout.object;
    let (mut compact, mut dwarf) = (Vec::new(), Vec::new());
    for (at, out) in object.atoms.iter().enumerate() {
        for (position, (entry, targets)) in out
            .file
            .unwind_of(out.atom)
            .iter()
            .zip(&out.unwind)
            .enumerate()
        {
            let header = &out.file.unwind_headers[entry.header as usize];
            let item = Item {
                entry,
                header,
                targets,
                copy: copies.of.get(&(at, position)).copied(),
            };
            // Compact entries share nothing.
            if header.bytes.is_empty() {
                compact.push(item);
            } else {
                dwarf.push(item);
            }
        }
    }
    if !compact.is_empty() {
        compact_unwind(layout, symbols, &compact)?;
    }
    if !dwarf.is_empty() {
        eh_frame(layout, symbols, &dwarf)?;
    }
    Ok(())
}

/// A section behind those that have contents.
fn start(layout: &mut Layout<'_, '_, '_>, segment: &[u8], name: &[u8], flags: u32) -> usize {
    let filled = layout.sections.iter().filter(|s| !s.zero_fill);
    let end = filled.map(|s| s.address + s.size).max().unwrap_or(0);
    let mut section = OutSection::new(segment, name, flags);
    section.align = 8;
    section.address = end.next_multiple_of(8);
    layout.sections.push(section);
    layout.sections.len() - 1
}

fn relocations<'i>(
    edges: &'i [Edge],
    targets: &'i [OutTarget],
) -> impl Iterator<Item = (&'i Edge, Native, OutTarget)> {
    edges
        .iter()
        .zip(targets)
        .filter_map(|(edge, target)| match edge.kind {
            EdgeKind::Relocation(kind) => Some((edge, Native::of(kind), *target)),
            EdgeKind::Rule(_) => None,
        })
}

fn compact_unwind<'d>(
    layout: &mut Layout<'_, '_, 'd>,
    symbols: &mut SymbolTable<'_, '_, 'd>,
    items: &[Item<'_, 'd>],
) -> Result<()> {
    let section = start(layout, b"__LD", b"__compact_unwind", macho::S_ATTR_DEBUG.0);
    for item in items {
        let at = layout.sections[section].data.len() as u64;
        let s = &mut layout.sections[section];
        s.data.extend_from_slice(&item.entry.bytes);
        s.size = s.data.len() as u64;
        for (edge, native, target) in relocations(&item.entry.edges, &item.targets.entry) {
            let field = Place {
                section,
                offset: at + edge.offset,
            };
            match place_of(layout, target) {
                Some(to) => {
                    let value = layout.address(to) as i64;
                    let s = &mut layout.sections[section];
                    put(
                        &mut s.data,
                        field.offset,
                        native.width(),
                        value.wrapping_add(edge.addend),
                    )
                    .ok_or_else(|| limit("an unwind entry cut off"))?;
                    s.relocations.push(Relocation {
                        offset: field.offset as u32,
                        entry: Entry::Plain {
                            native,
                            to: Referent::Section(to.section),
                        },
                    });
                }
                None => layout.relocation(symbols, field, edge, native, target)?,
            }
        }
    }
    Ok(())
}

/// Where a target within the object is.
fn place_of(layout: &Layout<'_, '_, '_>, target: OutTarget) -> Option<Place> {
    let OutTarget::Atom { atom, offset, .. } = target else {
        return None;
    };
    let place = layout.places.get(atom as usize)?;
    Some(Place {
        offset: place.offset.wrapping_add(offset),
        ..*place
    })
}

/// The table in the making.
struct Table<'t, 'o, 'a, 'd> {
    layout: &'t mut Layout<'o, 'a, 'd>,
    symbols: &'t mut SymbolTable<'o, 'a, 'd>,
    section: usize,
    /// The last symbol in the table (ARM64), and where it is.
    anchor: Option<(SymbolRef, usize)>,
}

fn eh_frame<'o, 'a, 'd>(
    layout: &mut Layout<'o, 'a, 'd>,
    symbols: &mut SymbolTable<'o, 'a, 'd>,
    items: &[Item<'o, 'd>],
) -> Result<()> {
    let mut order: Vec<Vec<&Item<'o, 'd>>> = Vec::new();
    let mut known: HashMap<CieKey<'_>, usize> = HashMap::new();
    for item in items {
        let shape: Vec<Edge> = item
            .header
            .edges
            .iter()
            .map(|e| Edge {
                // Symbols are numbered by file: as targets they compare, as edges they do not.
                to: EdgeTarget::Atom(0),
                ..*e
            })
            .collect();
        let key = (&*item.header.bytes, shape, item.targets.header.clone());
        let at = *known.entry(key).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        order[at].push(item);
    }
    let section = start(layout, b"__TEXT", b"__eh_frame", EH_FRAME_FLAGS);
    let mut table = Table {
        layout,
        symbols,
        section,
        anchor: None,
    };
    for items in order {
        let mut cie: Option<usize> = None;
        for item in items {
            let near = cie.filter(|&c| table.end() - c < REACH);
            let cie_at = match near {
                Some(at) => at,
                None => table.header(item)?,
            };
            cie = Some(cie_at);
            table.entry(item, cie_at)?;
        }
    }
    Ok(())
}

impl<'d> Table<'_, '_, '_, 'd> {
    fn out(&mut self) -> &mut OutSection {
        &mut self.layout.sections[self.section]
    }

    fn end(&self) -> usize {
        self.layout.sections[self.section].data.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        let s = self.out();
        s.data.extend_from_slice(bytes);
        s.size = s.data.len() as u64;
    }

    /// Appends a CIE; gives where it is.
    fn header(&mut self, item: &Item<'_, 'd>) -> Result<usize> {
        let at = self.end();
        self.append(&item.header.bytes);
        for (edge, native, target) in relocations(&item.header.edges, &item.targets.header) {
            let field = Place {
                section: self.section,
                offset: at as u64 + edge.offset,
            };
            if native.is_unsigned() {
                // A personality routine by distance: it must be here.
                self.distance(field, edge, native, Aim::Target(target))?;
            } else {
                self.layout
                    .relocation(self.symbols, field, edge, native, target)?;
            }
        }
        Ok(at)
    }

    fn entry(&mut self, item: &Item<'_, 'd>, cie_at: usize) -> Result<()> {
        let at = self.end();
        self.append(&item.entry.bytes);
        let pointer = (at + 4 - cie_at) as i64;
        put(&mut self.out().data, at as u64 + 4, 4, pointer)
            .ok_or_else(|| limit("an unwind entry cut off"))?;
        let edges = relocations(&item.entry.edges, &item.targets.entry).enumerate();
        for (number, (edge, native, target)) in edges {
            let field = Place {
                section: self.section,
                offset: at as u64 + edge.offset,
            };
            let aim = match item.copy {
                Some((place, symbol)) if number == 1 => Aim::Copy(place, symbol),
                _ => Aim::Target(target),
            };
            self.distance(field, edge, native, aim)?;
        }
        Ok(())
    }

    /// The distance from a field to its target.
    fn distance(
        &mut self,
        field: Place,
        edge: &Edge,
        native: Native,
        aim: Aim,
    ) -> Result<(), Diagnostic> {
        let width = native.width();
        let target = match aim {
            Aim::Copy(..) => OutTarget::Void,
            Aim::Target(OutTarget::Global { atom, global }) => {
                let out = self.layout.object.atoms.get(atom as usize);
                let offset = out
                    .and_then(|o| o.globals.get(global as usize))
                    .map(|g| g.offset);
                OutTarget::Atom {
                    atom,
                    offset: offset.unwrap_or(0),
                    kind: crate::format::model::SymbolKind::NoType,
                }
            }
            Aim::Target(other) => other,
        };
        if self.layout.cpu == Cpu::X86_64 {
            let to = match aim {
                Aim::Copy(place, _) => Some((place, 0)),
                Aim::Target(_) => place_of(self.layout, target).map(|p| (p, edge.addend)),
            };
            let Some((to, addend)) = to else {
                return Err(limit(
                    "unwind data that names something of another object by its distance",
                ));
            };
            let to = self.layout.address(to).wrapping_add(addend as u64);
            let from = self.layout.address(field);
            let value = to.wrapping_sub(from) as i64;
            return put(&mut self.out().data, field.offset, width, value)
                .ok_or_else(|| limit("an unwind entry cut off"));
        }
        let (anchor, anchor_at) = self.anchor(field.offset as usize);
        self.out().relocations.push(Relocation {
            offset: field.offset as u32,
            entry: Entry::Plain {
                native: Native {
                    kind: macho::ARM64_RELOC_SUBTRACTOR.0,
                    pc_relative: false,
                    length: native.length,
                },
                to: Referent::Symbol(anchor),
            },
        });
        if let Aim::Copy(_, symbol) = aim {
            let s = self.out();
            put(
                &mut s.data,
                field.offset,
                width,
                anchor_at as i64 - field.offset as i64,
            )
            .ok_or_else(|| limit("an unwind entry cut off"))?;
            s.relocations.push(Relocation {
                offset: field.offset as u32,
                entry: Entry::Plain {
                    native: Native {
                        kind: macho::ARM64_RELOC_UNSIGNED.0,
                        pc_relative: false,
                        length: native.length,
                    },
                    to: Referent::Symbol(symbol),
                },
            });
            return Ok(());
        }
        let plus = Edge {
            addend: edge
                .addend
                .wrapping_add(anchor_at as i64)
                .wrapping_sub(field.offset as i64),
            ..*edge
        };
        let native = Native {
            kind: macho::ARM64_RELOC_UNSIGNED.0,
            pc_relative: false,
            length: native.length,
        };
        self.layout
            .relocation(self.symbols, field, &plus, native, target)
    }

    /// A symbol in the table near this place, and where it is.
    fn anchor(&mut self, at: usize) -> (SymbolRef, usize) {
        if let Some((symbol, place)) = self.anchor
            && at - place < REACH
        {
            return (symbol, place);
        }
        let place = if self.anchor.is_none() { 0 } else { at & !3 };
        let number = self.symbols.locals.len();
        self.symbols.locals.push(LocalSymbol {
            name: format!("ltmp{number}").into_bytes().into(),
            section: Some(self.section),
            value: place as u64,
            desc: 0,
        });
        self.anchor = Some((SymbolRef::Local(number as u32), place));
        (SymbolRef::Local(number as u32), place)
    }
}
