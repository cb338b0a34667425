//! Writes a relocatable COFF object from the plan's description.
//!
//! Sections of one kind are joined as a partial link would do. Addends stand in the contents, so a
//! relocation against a section symbol adds the place within the section to what is there.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt, HashSet};
use object::pe;

use super::arch::Arch;
use super::comdat::{self, BY_NAME};
use super::emit::{self, Comdat, LocalSymbol, OutReloc, OutSection, SymbolRef};
use super::traits::{self, JoinedTraits};
use super::{debug_write, names, ordered};
use crate::error::{Code, Diagnostic, Result};
use crate::format;
use crate::format::model::{Definition, EdgeKind, FilePlace, SymbolKind, Visibility};
use crate::format::output::{OutAtom, OutGroup, OutObject, OutTarget, Written, append};
use crate::protocol::request::Symbols;

/// Where an atom went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub section: usize,
    pub offset: u64,
}

/// The largest alignment that section flags can say, in bytes.
const MAX_ALIGN: u64 = 8192;

fn limit(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, what)
}

/// The object's bytes.
///
/// # Errors
/// `object-unsupported` for a machine we do not write, `mixed-formats`, `output-limit` where fields
/// of 32 bits are too small.
pub fn write(object: &OutObject<'_, '_>) -> Result<Written> {
    let joined = traits::join(&object.traits)?;
    let arch = Arch::new(traits::machine(&joined))
        .filter(|a| a.unwind_record().is_some())
        .ok_or_else(|| {
            Diagnostic::new(
                Code::ObjectUnsupported,
                format!("COFF machine {:#x} cannot be written", joined.machine),
            )
            .hint("use the dedup strategy for this target")
        })?;
    let mut layout = Layout {
        object,
        arch,
        sections: Vec::new(),
        places: Vec::new(),
        locals: Vec::new(),
        local_at: HashMap::new(),
    };
    layout.place_atoms()?;
    layout.name_functions();
    layout.convert_relocations()?;
    layout.build_unwind()?;
    let debug = debug_write::build(&mut layout)?;
    layout.add_directives(&joined);
    let fallbacks = layout.fallbacks()?;
    for section in &mut layout.sections {
        section.relocs.sort_by_key(|r| r.offset);
    }
    let bytes = emit::emit(
        &joined,
        object,
        &layout.sections,
        &layout.places,
        &layout.locals,
        &fallbacks,
    )?;
    // Sections are numbered from one.
    let place = |p: &Place| FilePlace {
        section: p.section as u32 + 1,
        offset: p.offset,
    };
    Ok(Written {
        bytes,
        places: layout.places.iter().map(|p| Some(place(p))).collect(),
        copies: Vec::new(),
        debug: debug.0,
    })
}

/// What the reader noted of an atom's group.
fn native(out: &OutAtom<'_, '_>) -> u32 {
    let group = out.file.atoms[out.atom as usize].group;
    let group = group.and_then(|g| out.file.groups.get(g as usize));
    group.map_or(0, |g| g.native)
}

pub(super) struct Layout<'o, 'a, 'd> {
    pub object: &'o OutObject<'a, 'd>,
    pub arch: Arch,
    pub sections: Vec<OutSection>,
    /// By atom.
    pub places: Vec<Place>,
    locals: Vec<LocalSymbol<'d>>,
    /// Unnamed local symbols by place, for instructions that hold addresses in parts.
    local_at: HashMap<(usize, u64), u32>,
}

impl Layout<'_, '_, '_> {
    fn place_atoms(&mut self) -> Result<()> {
        let mut by_key: HashMap<(Vec<u8>, u32), usize> = HashMap::new();
        let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut group_of: HashMap<u32, usize> = HashMap::new();
        for (at, group) in self.object.groups.iter().enumerate() {
            group_of.extend(group.atoms.iter().map(|&atom| (atom, at)));
        }
        // A group's leader comes before what goes with it.
        let leaders: Vec<u32> = self.object.groups.iter().map(|g| self.leader(g)).collect();
        let mut leader_section: Vec<Option<usize>> = vec![None; leaders.len()];
        let (mut order, followers): (Vec<usize>, Vec<usize>) = (0..self.object.atoms.len())
            .partition(|&at| {
                let group = group_of.get(&(at as u32));
                group.is_none_or(|&g| leaders.get(g) == Some(&(at as u32)))
            });
        order.extend(followers);
        let nowhere = Place {
            section: 0,
            offset: 0,
        };
        self.places = vec![nowhere; self.object.atoms.len()];
        for at in order {
            let out = &self.object.atoms[at];
            let atom = &out.file.atoms[out.atom as usize];
            let group = group_of.get(&(at as u32)).copied();
            let name = match (&out.section, group) {
                (Some(name), _) => name,
                // GNU ld compares the sections' whole names besides the symbols.
                (None, Some(_)) => atom.section,
                (None, None) if atom.registry.is_some() => atom.section,
                (None, None) => names::joined(atom.section),
            };
            let flags = atom.native.flags as u32;
            let fresh = self.sections.len();
            let section = match group {
                None => {
                    let open = by_key.entry((name.to_vec(), flags)).or_insert(fresh);
                    // What programs see in order goes on only where its last part stands.
                    let ordered = atom.registry.is_some() || ordered::is_ordered(name);
                    let behind = last.get(name).filter(|_| ordered);
                    if behind.is_some_and(|last| last != open) {
                        *open = fresh;
                    }
                    *open
                }
                Some(_) => fresh,
            };
            last.insert(name.to_vec(), section);
            if section == fresh {
                self.sections.push(OutSection::new(name, flags));
            }
            if let Some(group) = group {
                let native = native(out);
                self.sections[section].comdat = Some(match leader_section[group] {
                    None => Comdat::Leader(comdat::selection(native)),
                    Some(_) if native & BY_NAME != 0 && names::is_of_one_function(name) => {
                        Comdat::ByName
                    }
                    Some(leader) => Comdat::With(leader),
                });
                leader_section[group].get_or_insert(fresh);
            }
            let fill = if atom.code { self.arch.code_fill() } else { 0 };
            let s = &mut self.sections[section];
            let (offset, end) = append(s.size, atom, u64::from(u32::MAX), MAX_ALIGN)?;
            s.align = s.align.max(atom.align);
            if !atom.zero_fill {
                s.data.resize(offset as usize, fill);
                s.data.extend_from_slice(&atom.data);
            }
            s.size = end;
            self.places[at] = Place { section, offset };
        }
        Ok(())
    }

    /// The atom by whose symbol the group is known.
    fn leader(&self, group: &OutGroup<'_>) -> u32 {
        let named = group.atoms.iter().copied().find(|&at| {
            let globals = &self.object.atoms[at as usize].globals;
            globals.iter().any(|g| *g.name == *group.signature)
        });
        named.or(group.atoms.first().copied()).unwrap_or(0)
    }

    /// Names of functions that nothing outside refers to: for backtraces and profilers.
    fn name_functions(&mut self) {
        let few = self.object.symbols == Symbols::Exports;
        for (out, place) in self.object.atoms.iter().zip(&self.places) {
            if !out.file.atoms[out.atom as usize].code {
                continue;
            }
            let globals: BTreeSet<u64> = out.globals.iter().map(|g| g.offset).collect();
            for (_, symbol) in out.file.symbols_of(out.atom) {
                let Definition::Atom { offset, .. } = symbol.definition else {
                    continue;
                };
                // Compilers' own labels for tables and funclets begin with `$` or `?`.
                let wanted = symbol.kind == SymbolKind::Function
                    && !symbol.name.is_empty()
                    && !symbol.name.starts_with(b"$")
                    && (!few || format::is_mark_of_backtraces(symbol.name))
                    && !globals.contains(&offset);
                if wanted {
                    self.locals.push(LocalSymbol {
                        name: symbol.name,
                        section: Some(place.section),
                        value: place.offset.wrapping_add(offset) as u32,
                        function: true,
                    });
                }
            }
        }
    }

    fn convert_relocations(&mut self) -> Result<()> {
        let object = self.object;
        for (at, out) in object.atoms.iter().enumerate() {
            let place = self.places[at];
            for (edge, target) in out.file.edges_of(out.atom).iter().zip(&out.targets) {
                if let EdgeKind::Relocation(kind) = edge.kind {
                    let from = Place {
                        section: place.section,
                        offset: place.offset + edge.offset,
                    };
                    self.relocate(from, kind, *target)?;
                }
            }
        }
        Ok(())
    }

    /// `.pdata`, from the records of the functions that are here. Linkers sort it. The records of a
    /// function that a linker may discard with its group go with it.
    fn build_unwind(&mut self) -> Result<()> {
        let object = self.object;
        // By the section of code, where that is a COMDAT.
        let mut tables: HashMap<Option<usize>, usize> = HashMap::new();
        for (at, out) in object.atoms.iter().enumerate() {
            let entries = out.file.unwind_of(out.atom);
            let code = self.places[at].section;
            let (key, comdat) = match self.sections[code].comdat {
                None => (None, None),
                Some(Comdat::Leader(_)) if native(out) & BY_NAME != 0 => {
                    (Some(code), Some(Comdat::ByName))
                }
                Some(Comdat::Leader(_) | Comdat::ByName) => (Some(code), Some(Comdat::With(code))),
                Some(Comdat::With(leader)) => (Some(code), Some(Comdat::With(leader))),
            };
            for (entry, targets) in entries.iter().zip(&out.unwind) {
                let section = *tables.entry(key).or_insert_with(|| {
                    let flags = pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ;
                    let name = match comdat {
                        Some(Comdat::ByName) => {
                            names::of_function(b".pdata", &self.sections[code].name)
                        }
                        _ => b".pdata".to_vec(),
                    };
                    let mut section = OutSection::new(&name, flags.0);
                    section.align = 4;
                    section.comdat = comdat;
                    self.sections.push(section);
                    self.sections.len() - 1
                });
                let s = &mut self.sections[section];
                let offset = s.size;
                s.data.extend_from_slice(&entry.bytes);
                s.size += entry.bytes.len() as u64;
                for (edge, target) in entry.edges.iter().zip(&targets.entry) {
                    if let EdgeKind::Relocation(kind) = edge.kind {
                        let from = Place {
                            section,
                            offset: offset + edge.offset,
                        };
                        self.relocate(from, kind, *target)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the relocation at `from`, or computes it where that can be done here and now.
    fn relocate(&mut self, from: Place, kind: u32, target: OutTarget) -> Result<()> {
        let symbol = match target {
            OutTarget::Global { atom, global } => SymbolRef::Global(atom, global),
            OutTarget::Undefined(u) => SymbolRef::Undefined(u),
            // GNU ld forgets the value of a local symbol without a section.
            OutTarget::Absolute(value) if self.arch.field(kind).is_some() => {
                self.add(from, kind, value)?;
                self.absolute(0)?
            }
            OutTarget::Absolute(value) => self.absolute(value)?,
            OutTarget::Void => self.absolute(0)?,
            OutTarget::Lost => {
                return Err(Diagnostic::new(
                    Code::Internal,
                    "a live reference has no target in the output",
                )
                .into());
            }
            OutTarget::Atom { atom, offset, .. } => {
                let to = self.places[atom as usize];
                let to = Place {
                    section: to.section,
                    offset: to.offset.wrapping_add(offset),
                };
                match self.within(from, kind, to)? {
                    Some(symbol) => symbol,
                    None => return Ok(()),
                }
            }
        };
        self.sections[from.section].relocs.push(OutReloc {
            offset: from.offset as u32,
            relocation: kind as u16,
            symbol,
        });
        Ok(())
    }

    /// A reference to a place of this object: the symbol to name, `None` where none is needed.
    fn within(&mut self, from: Place, kind: u32, to: Place) -> Result<Option<SymbolRef>> {
        if self.arch.is_section_number(kind) {
            return Ok(Some(SymbolRef::Section(to.section)));
        }
        let Some(field) = self.arch.field(kind) else {
            return Ok(Some(self.local(to)));
        };
        let near = field.distance_from.filter(|_| to.section == from.section);
        let added = match near {
            Some(behind) => to.offset.wrapping_sub(from.offset).wrapping_sub(behind),
            None => to.offset,
        };
        self.add(from, kind, added)?;
        Ok(near.is_none().then_some(SymbolRef::Section(to.section)))
    }

    /// Adds to what the field of a relocation holds, where its kind has a plain one.
    fn add(&mut self, from: Place, kind: u32, added: u64) -> Result<()> {
        let Some(field) = self.arch.field(kind) else {
            return Ok(());
        };
        let at = from.offset as usize;
        let bytes = self.sections[from.section]
            .data
            .get_mut(at..at + field.width)
            .ok_or_else(|| limit("a relocation outside of its section"))?;
        if let Ok(bytes) = <&mut [u8; 8]>::try_from(&mut *bytes) {
            *bytes = u64::from_le_bytes(*bytes).wrapping_add(added).to_le_bytes();
        } else if let Ok(bytes) = <&mut [u8; 4]>::try_from(&mut *bytes) {
            *bytes = u32::from_le_bytes(*bytes)
                .wrapping_add(added as u32)
                .to_le_bytes();
        }
        Ok(())
    }

    /// What each weak undefined entry stands for where nobody defines it. GNU ld wants a global there.
    fn fallbacks(&mut self) -> Result<Vec<Option<SymbolRef>>> {
        let object = self.object;
        let mut all = Vec::with_capacity(object.undefined.len());
        // By atom that several may stand for: the first global at each place.
        let mut globals_of: HashMap<u32, HashMap<u64, u32>> = HashMap::new();
        for u in &object.undefined {
            all.push(match u.fallback {
                None => None,
                Some(OutTarget::Atom { atom, offset, .. }) => {
                    let globals = globals_of.entry(atom).or_insert_with(|| {
                        let own = object.atoms[atom as usize].globals.iter().enumerate();
                        own.rev().map(|(i, g)| (g.offset, i as u32)).collect()
                    });
                    Some(match globals.get(&offset) {
                        Some(&global) => SymbolRef::Global(atom, global),
                        None => {
                            let to = self.places[atom as usize];
                            self.local(Place {
                                section: to.section,
                                offset: to.offset.wrapping_add(offset),
                            })
                        }
                    })
                }
                Some(OutTarget::Global { atom, global }) => Some(SymbolRef::Global(atom, global)),
                Some(OutTarget::Undefined(u)) => Some(SymbolRef::Undefined(u)),
                Some(OutTarget::Absolute(value)) => Some(self.absolute(value)?),
                Some(OutTarget::Void | OutTarget::Lost) => None,
            });
        }
        Ok(all)
    }

    fn local(&mut self, place: Place) -> SymbolRef {
        let next = self.locals.len() as u32;
        let known = self
            .local_at
            .entry((place.section, place.offset))
            .or_insert(next);
        if *known == next {
            self.locals.push(LocalSymbol {
                name: b".L",
                section: Some(place.section),
                value: place.offset as u32,
                function: false,
            });
        }
        SymbolRef::Local(*known)
    }

    fn absolute(&mut self, value: u64) -> Result<SymbolRef> {
        let value =
            u32::try_from(value).map_err(|_| limit("an absolute symbol of more than 32 bits"))?;
        let next = self.locals.len() as u32;
        let known = self
            .local_at
            .entry((usize::MAX, u64::from(value)))
            .or_insert(next);
        if *known == next {
            self.locals.push(LocalSymbol {
                name: b".absolute",
                section: None,
                value,
                function: false,
            });
        }
        Ok(SymbolRef::Local(*known))
    }

    /// What the inputs told the linker, and for MinGW what it must not export by itself.
    fn add_directives(&mut self, joined: &JoinedTraits) {
        let mut text = Vec::new();
        for word in &joined.directives {
            text.extend_from_slice(word);
            text.push(b' ');
        }
        // What is internal now is no DLL's export.
        let defined = self.object.atoms.iter().flat_map(|a| &a.globals);
        let defined = defined.map(|g| &*g.name);
        let commons = self.object.undefined.iter().filter(|u| u.common.is_some());
        let defined: HashSet<&[u8]> = defined.chain(commons.map(|u| &*u.name)).collect();
        for (symbol, word) in &joined.exports {
            if defined.contains(symbol.as_slice()) {
                text.extend_from_slice(word);
                text.push(b' ');
            }
        }
        for u in &self.object.undefined {
            // Linkers align commons to their size, and to no more than 32 bytes.
            if let Some(common) = u.common
                && common.align > common.size.next_power_of_two().min(32)
            {
                let exponent = common.align.trailing_zeros();
                text.extend_from_slice(b"-aligncomm:\"");
                text.extend_from_slice(&u.name);
                text.extend_from_slice(format!("\",{exponent} ").as_bytes());
            }
        }
        let elsewhere = self.object.undefined.iter().filter(|u| u.kept);
        let own = self.object.atoms.iter().flat_map(|a| &a.globals);
        let own = own.filter(|g| g.kept).map(|g| &g.name);
        for name in elsewhere.map(|u| &u.name).chain(own) {
            text.extend_from_slice(b"/INCLUDE:\"");
            text.extend_from_slice(name);
            text.extend_from_slice(b"\" ");
        }
        if self.object.gnu_linkers {
            let hidden = self.object.atoms.iter().flat_map(|a| &a.globals);
            for global in hidden.filter(|g| g.visibility == Visibility::Hidden) {
                text.extend_from_slice(b"-exclude-symbols:");
                text.extend_from_slice(&global.name);
                text.push(b' ');
            }
        }
        if text.is_empty() {
            return;
        }
        let flags = pe::IMAGE_SCN_LNK_INFO | pe::IMAGE_SCN_LNK_REMOVE;
        let mut section = OutSection::new(b".drectve", flags.0);
        section.size = text.len() as u64;
        section.data = text;
        self.sections.push(section);
    }
}
