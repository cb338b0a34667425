//! Writes a relocatable ELF object from the plan's description.
//!
//! Sections of one name and flag set are joined as `ld -r` does, but for what a linker would put between. Order of work: lay sections out,
//! convert relocations (which asks for symbols), build `.eh_frame`, then number symbols and emit.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use object::elf;

use super::arch::{Arch, Naming, relax_got};
use super::symbols::{SymbolRef, SymbolTable};
use super::traits::{self, JoinedTraits};
use super::{debug_write, exidx, mergeable, ordered, unwind};
use crate::error::{Code, Diagnostic, Result};
use crate::format::bound_stem;
use crate::format::model::{EdgeKind, FilePlace, KeepRule, Native, SymbolKind, Visibility};
use crate::format::output::{OutAtom, OutObject, OutTarget, Undefined, Written, append};

/// A relocation of an output section.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutReloc {
    pub offset: u64,
    pub relocation: u32,
    pub symbol: SymbolRef,
    pub addend: i64,
}

/// An output section being filled.
#[derive(Debug)]
pub(super) struct OutSection {
    pub name: Vec<u8>,
    pub kind: u32,
    pub flags: u64,
    pub entry_size: u64,
    pub align: u64,
    pub size: u64,
    pub data: Vec<u8>,
    pub relocs: Vec<OutReloc>,
    /// Section it is tied to by SHF_LINK_ORDER.
    pub link: Option<usize>,
    /// Group it belongs to: an index into [`OutObject::groups`].
    pub group: Option<usize>,
}

impl OutSection {
    pub(super) fn is_mergeable(&self) -> bool {
        self.flags & elf::SHF_MERGE.0 != 0
    }
}

/// What atoms of one output section have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    name: Vec<u8>,
    native: Native,
    group: Option<usize>,
    /// Of pieces that linkers merge; else 0.
    align: u64,
}

/// Where an atom went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub section: usize,
    pub offset: u64,
}

pub(super) const NOWHERE: usize = usize::MAX;

/// Larger sections and alignments come from broken files only: no code model reaches over them.
const MAX_SECTION: u64 = 1 << 40;
const MAX_ALIGN: u64 = 1 << 28;

/// The object's bytes.
///
/// # Errors
/// `object-unsupported` for a machine we do not write, `mixed-formats` for objects whose ABIs do not
/// join, `output-limit` where a 32-bit file's fields are too small.
pub fn write(object: &OutObject<'_, '_>) -> Result<Written> {
    let joined = traits::join(&object.traits)?;
    let arch = Arch::new(joined.machine).ok_or_else(|| {
        Diagnostic::new(
            Code::ObjectUnsupported,
            format!("machine {} cannot be written", joined.machine),
        )
        .hint("use the dedup strategy for this target")
    })?;
    let mut layout = Layout::new(object, arch);
    layout.place_atoms()?;
    let mut symbols = SymbolTable::new(object, &layout.places, &layout.sections, arch);
    layout.convert_relocations(&mut symbols)?;
    layout.keep_tables();
    exidx::build(&mut layout, &mut symbols)?;
    unwind::build(&mut layout, &mut symbols)?;
    let debug = debug_write::build(&mut layout, &mut symbols, joined.is_64)?;
    for section in &mut layout.sections {
        section.relocs.sort_by_key(|r| r.offset);
    }
    let (bytes, numbers) = super::emit::emit(&joined, arch, &layout.sections, symbols)?;
    let place = |p: &Place| {
        let section = *numbers.get(p.section)?;
        Some(FilePlace {
            section,
            offset: p.offset,
        })
    };
    Ok(Written {
        bytes,
        places: layout.places.iter().map(place).collect(),
        copies: Vec::new(),
        debug: debug.0,
    })
}

pub(super) struct Layout<'o, 'a, 'd> {
    pub object: &'o OutObject<'a, 'd>,
    pub arch: Arch,
    pub sections: Vec<OutSection>,
    /// By atom.
    pub places: Vec<Place>,
}

impl<'o, 'a, 'd> Layout<'o, 'a, 'd> {
    fn new(object: &'o OutObject<'a, 'd>, arch: Arch) -> Self {
        Self {
            object,
            arch,
            sections: Vec::new(),
            places: Vec::new(),
        }
    }

    fn place_atoms(&mut self) -> Result<()> {
        let mut by_key: HashMap<Kind, usize> = HashMap::new();
        // By sequence that programs see: the section with its end. No other may be added to.
        let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
        let object = self.object;
        let mut group_of: HashMap<u32, usize> = HashMap::new();
        for (at, group) in object.groups.iter().enumerate() {
            group_of.extend(group.atoms.iter().map(|&atom| (atom, at)));
        }
        for (at, out) in object.atoms.iter().enumerate() {
            let group = group_of.get(&(at as u32)).copied();
            let atom = &out.file.atoms[out.atom as usize];
            if exidx::is_table(self.arch, atom.native.kind) {
                // Rebuilt as a whole, in the order of the code.
                self.places.push(Place {
                    section: NOWHERE,
                    offset: 0,
                });
                continue;
            }
            let name = output_name(out);
            let relocations = out.file.edges_of(out.atom).len();
            let mergeable = object.merges
                && self.arch.rela
                && group.is_none()
                && mergeable::is_mergeable(atom, relocations);
            let Native {
                mut flags,
                entry_size,
                ..
            } = if mergeable {
                atom.native
            } else {
                mergeable::whole(atom.native)
            };
            let tied = flags & elf::SHF_LINK_ORDER.0 != 0;
            // Records of notes are as many as they like, and stand in one section.
            let record = atom.native.kind == elf::SHT_NOTE.0;
            let alone = tied
                || ordered::is_of_its_own(&name)
                || (group.is_some() && !record)
                || (self.arch.relaxes && atom.code)
                || flags & elf::SHF_GNU_RETAIN.0 != 0;
            if group.is_some() {
                flags |= elf::SHF_GROUP.0;
            }
            let sequence = ordered::key(&name).map(Cow::into_owned);
            let fresh = self.sections.len();
            let key = Kind {
                name: name.clone(),
                native: Native {
                    kind: atom.native.kind,
                    flags,
                    entry_size,
                },
                group,
                // Pieces are aligned as their section is.
                align: if mergeable { atom.align } else { 0 },
            };
            let section = if alone {
                fresh
            } else {
                let open = by_key.entry(key).or_insert(fresh);
                let full = |s: &OutSection| {
                    atom.code && s.size.saturating_add(atom.size) > self.arch.joined_code()
                };
                let behind = sequence.as_ref().and_then(|s| last.get(s));
                if self.sections.get(*open).is_some_and(full)
                    || behind.is_some_and(|last| last != open)
                {
                    *open = fresh;
                }
                *open
            };
            if let Some(sequence) = sequence {
                last.insert(sequence, section);
            }
            if section == fresh {
                self.sections.push(OutSection {
                    name,
                    kind: atom.native.kind,
                    flags,
                    entry_size,
                    align: 1,
                    size: 0,
                    data: Vec::new(),
                    relocs: Vec::new(),
                    link: None,
                    group,
                });
            }
            let fill = if atom.code { self.arch.code_fill() } else { 0 };
            let s = &mut self.sections[section];
            let (offset, end) = append(s.size, atom, MAX_SECTION, MAX_ALIGN)?;
            s.align = s.align.max(atom.align);
            if !atom.zero_fill {
                s.data.resize(offset as usize, fill);
                s.data.extend_from_slice(&atom.data);
            }
            s.size = end;
            self.places.push(Place { section, offset });
        }
        self.add_tls_section();
        self.tie_link_order();
        Ok(())
    }

    /// lld takes thread-local symbols only of objects with a thread-local section, commons too.
    fn add_tls_section(&mut self) {
        let common = |u: &Undefined<'_>| u.common.is_some() && u.kind == SymbolKind::Tls;
        let has = |s: &OutSection| s.flags & elf::SHF_TLS.0 != 0;
        if !self.object.undefined.iter().any(common) || self.sections.iter().any(has) {
            return;
        }
        self.sections.push(OutSection {
            name: b".tbss".to_vec(),
            kind: elf::SHT_NOBITS.0,
            flags: (elf::SHF_ALLOC | elf::SHF_WRITE | elf::SHF_TLS).0,
            entry_size: 0,
            align: 1,
            size: 0,
            data: Vec::new(),
            relocs: Vec::new(),
            link: None,
            group: None,
        });
    }

    /// SHF_LINK_ORDER sections name the output section of what they belong to, and linkers put them in that order
    /// (gABI): where that section has several of what they belong to, they are in its order here.
    fn tie_link_order(&mut self) {
        let mut tied: BTreeMap<Vec<u8>, Vec<(usize, u64, usize)>> = BTreeMap::new();
        for (at, out) in self.object.atoms.iter().enumerate() {
            let own = self.places[at].section;
            if own == NOWHERE || self.sections[own].flags & elf::SHF_LINK_ORDER.0 == 0 {
                continue;
            }
            let of = link_order_partner(out).and_then(|p| self.places.get(p as usize).copied());
            let of = of.filter(|p| p.section != NOWHERE);
            self.sections[own].link = of.map(|p| p.section);
            if let Some(of) = of {
                let list = tied.entry(self.sections[own].name.clone()).or_default();
                list.push((of.section, of.offset, own));
            }
        }
        // By section: where it stands from now on.
        let mut place: Vec<usize> = (0..self.sections.len()).collect();
        for list in tied.values_mut() {
            let mut slots: Vec<usize> = list.iter().map(|&(.., own)| own).collect();
            slots.sort_unstable();
            list.sort_unstable();
            // Each has a section of its own.
            for (&(.., own), slot) in list.iter().zip(slots) {
                place[own] = slot;
            }
        }
        if place.iter().enumerate().all(|(own, &slot)| own == slot) {
            return;
        }
        let mut sections: Vec<(usize, OutSection)> =
            place.iter().copied().zip(self.sections.drain(..)).collect();
        sections.sort_unstable_by_key(|(slot, _)| *slot);
        self.sections = sections.into_iter().map(|(_, s)| s).collect();
        for section in &mut self.sections {
            section.link = section.link.map(|l| place[l]);
        }
        for at in self.places.iter_mut().filter(|p| p.section != NOWHERE) {
            at.section = place[at.section];
        }
    }

    fn convert_relocations(&mut self, symbols: &mut SymbolTable<'_, '_, '_>) -> Result<()> {
        for (at, out) in self.object.atoms.iter().enumerate() {
            let place = self.places[at];
            if place.section == NOWHERE {
                continue;
            }
            let edges = out.file.edges_of(out.atom);
            for (edge, target) in edges.iter().zip(&out.targets) {
                let EdgeKind::Relocation(mut relocation) = edge.kind else {
                    continue;
                };
                let (mut offset, mut addend) = (edge.offset, edge.addend);
                if self.is_near(*target) {
                    let data = &out.file.atoms[out.atom as usize].data;
                    if let Some(r) = relax_got(self.arch, data, offset, relocation, addend) {
                        let start = (place.offset + r.at) as usize;
                        if let Some(bytes) = self.sections[place.section]
                            .data
                            .get_mut(start..start + r.len)
                        {
                            bytes.copy_from_slice(&r.bytes[..r.len]);
                        }
                        (offset, relocation, addend) = (r.offset, r.relocation, r.addend);
                    }
                }
                let from = Place {
                    section: place.section,
                    offset: place.offset + offset,
                };
                if let Some(r) = self.relocation(symbols, from, relocation, *target, addend)? {
                    self.sections[place.section].relocs.push(r);
                }
            }
        }
        Ok(())
    }

    /// Linkers that collect sections do not take `__start_x` for a use of section `x` (lld's default, `-z
    /// start-stop-gc`). In its own object what asks for the bounds may have lived, and the table gone, only
    /// because linkers saw that nobody calls it: R_*_NONE keeps the table of what lives.
    fn keep_tables(&mut self) {
        let object = self.object;
        if !object.undefined.iter().any(|u| u.keeps_table) {
            return;
        }
        let mut tables: HashMap<&[u8], Vec<usize>> = HashMap::new();
        // A group may lose to another's, and then nothing else may name its sections; what is tied to a
        // section by SHF_LINK_ORDER lives with that.
        let tied = elf::SHF_LINK_ORDER.0;
        let stays = |s: &OutSection| s.group.is_none() && s.flags & tied == 0;
        for (at, section) in self.sections.iter().enumerate().filter(|(_, s)| stays(s)) {
            tables.entry(&section.name).or_default().push(at);
        }
        let mut ties: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (out, place) in object.atoms.iter().zip(&self.places) {
            let named = out.targets.iter().filter_map(|t| match t {
                OutTarget::Undefined(u) => {
                    let entry = object.undefined.get(*u as usize)?;
                    bound_stem(&entry.name).filter(|_| entry.keeps_table)
                }
                _ => None,
            });
            for to in named.filter_map(|stem| tables.get(stem)).flatten() {
                ties.entry((place.section, *to)).or_insert(place.offset);
            }
        }
        for ((from, to), offset) in ties {
            if let Some(section) = self.sections.get_mut(from) {
                section.relocs.push(OutReloc {
                    offset,
                    // The same number in every psABI.
                    relocation: elf::R_X86_64_NONE.0,
                    symbol: SymbolRef::Section(to as u32),
                    addend: 0,
                });
            }
        }
    }

    /// Is the target in this program or library for certain, no further than code reaches, and what its
    /// address says? Then its address need not be loaded from a table.
    fn is_near(&self, target: OutTarget) -> bool {
        let plain =
            |kind: SymbolKind| !matches!(kind, SymbolKind::IndirectFunction | SymbolKind::Tls);
        match target {
            OutTarget::Atom { atom, kind, .. } => {
                let out = &self.object.atoms[atom as usize];
                plain(kind) && !out.file.atoms[out.atom as usize].far
            }
            OutTarget::Undefined(u) => self.object.undefined.get(u as usize).is_some_and(|u| {
                u.visibility == Visibility::Hidden && !u.weak && !u.far && plain(u.kind)
            }),
            _ => false,
        }
    }

    /// The relocation at `from`, or `None` where it could be computed here and now.
    pub(super) fn relocation(
        &mut self,
        symbols: &mut SymbolTable<'_, '_, '_>,
        from: Place,
        relocation: u32,
        target: OutTarget,
        addend: i64,
    ) -> Result<Option<OutReloc>> {
        let made = |symbol: SymbolRef, addend: i64| {
            Some(OutReloc {
                offset: from.offset,
                relocation,
                symbol,
                addend,
            })
        };
        let OutTarget::Atom { atom, offset, kind } = target else {
            return Ok(made(symbols.of_target(target)?, addend));
        };
        let to = self.places[atom as usize];
        if to.section == NOWHERE {
            symbols.of_target(target)?;
        }
        let merged = self
            .sections
            .get(to.section)
            .is_some_and(OutSection::is_mergeable);
        let plain = !matches!(kind, SymbolKind::IndirectFunction | SymbolKind::Tls) && !merged;
        if plain
            && to.section == from.section
            && let Some(width) = self.arch.resolvable(relocation)
        {
            let value = to
                .offset
                .wrapping_add(offset)
                .wrapping_add(addend as u64)
                .wrapping_sub(from.offset);
            let value = i32::try_from(value as i64).ok();
            let at = from.offset as usize;
            if let (Some(value), Some(field)) = (
                value,
                self.sections[from.section].data.get_mut(at..at + width),
            ) {
                field.copy_from_slice(&value.to_le_bytes());
                return Ok(None);
            }
        }
        if plain && self.arch.naming(relocation) == Naming::Section {
            let value = to.offset.wrapping_add(offset) as i64;
            return Ok(made(
                SymbolRef::Section(to.section as u32),
                addend.wrapping_add(value),
            ));
        }
        Ok(made(symbols.of_target(target)?, addend))
    }
}

/// The atom (by position in the object) that a SHF_LINK_ORDER atom is tied to.
pub(super) fn link_order_partner(out: &OutAtom<'_, '_>) -> Option<u32> {
    out.file
        .edges_of(out.atom)
        .iter()
        .zip(&out.targets)
        .find_map(|(edge, target)| match (edge.kind, target) {
            (EdgeKind::Rule(KeepRule::LinkOrder), OutTarget::Atom { atom, .. }) => Some(*atom),
            _ => None,
        })
}

/// `.text.foo` -> `.text`, as default linker scripts join them in the end; names that linkers sort
/// or count by stay whole.
fn output_name(out: &OutAtom<'_, '_>) -> Vec<u8> {
    if let Some(name) = &out.section {
        return name.to_vec();
    }
    let name = out.file.atoms[out.atom as usize].section;
    const JOINED: [&[u8]; 16] = [
        b".text.unlikely",
        b".text.exit",
        b".text.startup",
        b".text.hot",
        b".text",
        b".rodata",
        b".data.rel.ro.local",
        b".data.rel.ro",
        b".data.rel.local",
        b".data.rel",
        b".data",
        b".bss.rel.ro",
        b".bss",
        b".tdata",
        b".tbss",
        b".gcc_except_table",
    ];
    let stem = JOINED.iter().find(|stem| {
        name.strip_prefix(**stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    });
    let arm_tables: [&[u8]; 1] = [b".ARM.extab"];
    let stem = stem.or_else(|| arm_tables.iter().find(|stem| name.starts_with(stem)));
    stem.map_or_else(|| name.to_vec(), |s| s.to_vec())
}

impl JoinedTraits {
    pub(super) fn elf_machine(&self) -> elf::Machine {
        elf::Machine(self.machine)
    }
}
