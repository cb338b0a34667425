//! The last step of writing: numbers symbols, lays the file out, and emits it.

use foldhash::{HashMap, HashMapExt};
use object::elf;
use object::write::StringId;
use object::write::elf::{FileHeader, Rel, SectionHeader, SectionIndex, Sym, SymbolIndex, Writer};

use super::arch::Arch;
use super::properties;
use super::symbols::{SymbolRef, SymbolTable};
use super::traits::JoinedTraits;
use super::write::OutSection;
use crate::error::{Code, Diagnostic, Result};
use crate::format::model::{Binding, SymbolKind, Visibility};

/// ELF32 relocations have 24 bits for the symbol (gABI, ELF32_R_SYM).
const SYMBOLS_32: u32 = 1 << 24;

fn limit(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, format!("{what}"))
}

fn symbol_type(kind: SymbolKind) -> elf::SymbolType {
    match kind {
        SymbolKind::NoType | SymbolKind::Mapping => elf::STT_NOTYPE,
        SymbolKind::Function => elf::STT_FUNC,
        SymbolKind::IndirectFunction => elf::STT_GNU_IFUNC,
        SymbolKind::Object => elf::STT_OBJECT,
        SymbolKind::Tls => elf::STT_TLS,
        SymbolKind::Section => elf::STT_SECTION,
        SymbolKind::File => elf::STT_FILE,
    }
}

fn visibility(visibility: Visibility) -> elf::SymbolVisibility {
    match visibility {
        Visibility::Default => elf::STV_DEFAULT,
        Visibility::Protected => elf::STV_PROTECTED,
        Visibility::Hidden => elf::STV_HIDDEN,
    }
}

/// Final symbol indexes.
struct Numbers {
    sections: Vec<u32>,
    locals: u32,
    globals: Vec<u32>,
    undefined: Vec<u32>,
}

impl Numbers {
    fn of(&self, symbol: SymbolRef) -> u32 {
        match symbol {
            SymbolRef::Null => 0,
            SymbolRef::Section(s) => self.sections[s as usize],
            SymbolRef::Local(l) => self.locals + l,
            SymbolRef::Global(atom, global) => self.globals[atom as usize] + global,
            SymbolRef::Undefined(u) => self.undefined[u as usize],
        }
    }
}

/// The file's bytes, and the number that each section got.
pub(super) fn emit(
    traits: &JoinedTraits,
    arch: Arch,
    sections: &[OutSection],
    symbols: SymbolTable<'_, '_, '_>,
) -> Result<(Vec<u8>, Vec<u32>)> {
    let object = symbols.object;
    let note = properties::note(&traits.properties, traits.is_64);
    let mut out: Vec<u8> = Vec::new();
    let mut w = Writer::new(object::Endianness::Little, traits.is_64, &mut out);
    w.reserve_file_header();
    w.reserve_null_section_index();

    // Groups come before their sections (gABI, "Section Groups").
    let group_name = (!object.groups.is_empty()).then(|| w.add_section_name(b".group"));
    for _ in &object.groups {
        w.reserve_section_index();
    }
    // Sections: index, name; then their relocation sections.
    let reloc_names: Vec<Vec<u8>> = sections
        .iter()
        .map(|s| {
            let prefix: &[u8] = if arch.rela { b".rela" } else { b".rel" };
            [prefix, &s.name].concat()
        })
        .collect();
    let mut indexes: Vec<SectionIndex> = Vec::new();
    let mut names: Vec<StringId> = Vec::new();
    for s in sections {
        names.push(w.add_section_name(&s.name));
        indexes.push(w.reserve_section_index());
    }
    let mut reloc_ids: Vec<Option<StringId>> = Vec::new();
    let mut group_members: Vec<Vec<SectionIndex>> = vec![Vec::new(); object.groups.len()];
    for (at, (s, name)) in sections.iter().zip(&reloc_names).enumerate() {
        let members = s.group.and_then(|g| group_members.get_mut(g));
        let relocs = (!s.relocs.is_empty()).then(|| w.reserve_section_index());
        if let Some(members) = members {
            members.push(indexes[at]);
            members.extend(relocs);
        }
        reloc_ids.push(relocs.map(|_| w.add_section_name(name)));
    }
    let note_name = note.as_ref().map(|_| {
        w.reserve_section_index();
        w.add_section_name(b".note.gnu.property")
    });
    let mut trait_names: Vec<StringId> = Vec::new();
    for s in &traits.sections {
        w.reserve_section_index();
        trait_names.push(w.add_section_name(&s.name));
    }
    let stack_name = w.add_section_name(b".note.GNU-stack");
    w.reserve_section_index();

    // Symbols: null, sections, locals, globals, undefined.
    let mut used = vec![false; sections.len()];
    for r in sections.iter().flat_map(|s| &s.relocs) {
        if let SymbolRef::Section(s) = r.symbol {
            used[s as usize] = true;
        }
    }
    // Assemblers name a group after a section of the same name by that section's symbol, which lld takes
    // for another signature than a symbol of that name: as they do it, so all are one.
    let by_section: Vec<Option<usize>> = object
        .groups
        .iter()
        .map(|group| {
            let sections_of = group
                .atoms
                .iter()
                .filter_map(|&a| symbols.places.get(a as usize));
            let mut named = sections_of.map(|p| p.section);
            named.find(|&s| sections.get(s).is_some_and(|s| s.name == group.signature))
        })
        .collect();
    for &section in by_section.iter().flatten() {
        used[section] = true;
    }
    let mut numbers = Numbers {
        sections: vec![0; sections.len()],
        locals: 0,
        globals: Vec::new(),
        undefined: Vec::new(),
    };
    w.reserve_null_symbol_index();
    for (at, used) in used.iter().enumerate() {
        if *used {
            numbers.sections[at] = w.reserve_symbol_index(Some(indexes[at])).0;
        }
    }
    numbers.locals = w.symbol_count();
    let mut local_names: Vec<Option<StringId>> = Vec::new();
    for l in &symbols.locals {
        local_names.push((!l.name.is_empty()).then(|| w.add_string(l.name)));
        w.reserve_symbol_index(l.section.and_then(|s| indexes.get(s).copied()));
    }
    // A signature that no global of ours bears stands as a local symbol in the group's first section.
    let signatures: Vec<Option<(u32, StringId, usize)>> = object
        .groups
        .iter()
        .zip(&by_section)
        .map(|(group, by_section)| {
            let own = by_section.is_some()
                || group.atoms.iter().any(|&a| {
                    let globals = object.atoms.get(a as usize).map(|a| &a.globals);
                    globals
                        .into_iter()
                        .flatten()
                        .any(|g| *g.name == *group.signature)
                });
            let first = group
                .atoms
                .first()
                .and_then(|&a| symbols.places.get(a as usize));
            let section = first.map_or(0, |p| p.section);
            (!own).then(|| {
                let name = w.add_string(group.signature);
                let index = w.reserve_symbol_index(indexes.get(section).copied());
                (index.0, name, section)
            })
        })
        .collect();
    let first_global = w.symbol_count();
    let mut global_names: Vec<StringId> = Vec::new();
    for (at, atom) in object.atoms.iter().enumerate() {
        numbers.globals.push(w.symbol_count());
        let section = symbols.places[at].section;
        for g in &atom.globals {
            global_names.push(w.add_string(&g.name));
            w.reserve_symbol_index(indexes.get(section).copied());
        }
    }
    let mut value_names: Vec<StringId> = Vec::new();
    let mut number_of_value: HashMap<&[u8], u32> = HashMap::new();
    for value in &object.values {
        value_names.push(w.add_string(&value.name));
        number_of_value.insert(&value.name, w.symbol_count());
        w.reserve_symbol_index(None);
    }
    // A name has one entry: what the object defines as a number is none of its undefined ones.
    let mut undefined_names: Vec<Option<StringId>> = Vec::new();
    for u in &object.undefined {
        let own = number_of_value.get(&*u.name).copied();
        numbers.undefined.push(own.unwrap_or(w.symbol_count()));
        undefined_names.push(own.is_none().then(|| w.add_string(&u.name)));
        if own.is_none() {
            w.reserve_symbol_index(None);
        }
    }
    if !traits.is_64 && w.symbol_count() >= SYMBOLS_32 {
        return Err(limit("more than 2^24 symbols in a 32-bit object").into());
    }
    w.reserve_symtab_section_index();
    if w.symtab_shndx_needed() {
        w.reserve_symtab_shndx_section_index();
    }
    w.reserve_strtab_section_index();
    w.reserve_shstrtab_section_index();

    // Contents.
    let group_offsets: Vec<u64> = group_members
        .iter()
        .map(|members| w.reserve_comdat(members.len()))
        .collect();
    let mut offsets = Vec::new();
    for s in sections {
        let nobits = s.kind == elf::SHT_NOBITS.0;
        let length = if nobits { 0 } else { s.data.len() as u64 };
        offsets.push(w.reserve(length, if nobits { 1 } else { s.align }));
    }
    let note_align = if traits.is_64 { 8 } else { 4 };
    let note_at = note.as_ref().map(|n| w.reserve(n.len() as u64, note_align));
    let mut traits_at = Vec::new();
    for s in &traits.sections {
        traits_at.push(w.reserve(s.contents.len() as u64, 1));
    }
    w.reserve_symtab();
    w.reserve_symtab_shndx();
    w.reserve_strtab().map_err(limit)?;
    let mut reloc_offsets = Vec::new();
    for s in sections {
        reloc_offsets.push(if s.relocs.is_empty() {
            0
        } else {
            w.reserve_relocations(s.relocs.len(), arch.rela)
        });
    }
    w.reserve_shstrtab().map_err(limit)?;
    w.reserve_section_headers();

    w.write_file_header(&FileHeader {
        os_abi: os_abi(sections, &symbols),
        abi_version: 0,
        e_type: elf::ET_REL,
        e_machine: traits.elf_machine(),
        e_entry: 0,
        e_flags: elf::FileFlags(traits.machine_flags),
    })
    .map_err(limit)?;
    for (group, members) in object.groups.iter().zip(&group_members) {
        if group.comdat {
            w.write_comdat_header();
        } else {
            // As long, with no flag.
            w.write_align(4);
            w.write(&[0; 4]);
        }
        for &member in members {
            w.write_comdat_entry(member);
        }
    }
    for (s, offset) in sections.iter().zip(&offsets) {
        if s.kind != elf::SHT_NOBITS.0 {
            w.pad_until(*offset);
            w.write(&s.data);
        }
    }
    if let (Some(note), Some(at)) = (&note, note_at) {
        w.pad_until(at);
        w.write(note);
    }
    for (s, at) in traits.sections.iter().zip(&traits_at) {
        w.pad_until(*at);
        w.write(&s.contents);
    }
    w.write_null_symbol();
    for (at, used) in used.iter().enumerate() {
        if *used {
            w.write_symbol(&Sym {
                section: Some(indexes[at].0),
                st_name: 0,
                st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_SECTION),
                st_other: elf::SymbolOther(0),
                st_shndx: elf::SHN_UNDEF,
                st_value: 0,
                st_size: 0,
            });
        }
    }
    for (l, name) in symbols.locals.iter().zip(&local_names) {
        let section = l.section.and_then(|s| indexes.get(s).copied());
        let st_name = w.string_offset(*name);
        w.write_symbol(&Sym {
            section: section.map(|s| s.0),
            st_name,
            st_info: elf::SymbolInfo::new(elf::STB_LOCAL, symbol_type(l.kind)),
            st_other: elf::SymbolOther(l.native),
            st_shndx: elf::SHN_ABS,
            st_value: l.value,
            st_size: l.size,
        });
    }
    for &(_, name, section) in signatures.iter().flatten() {
        let st_name = w.string_offset(Some(name));
        w.write_symbol(&Sym {
            section: indexes.get(section).map(|s| s.0),
            st_name,
            st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_NOTYPE),
            st_other: elf::SymbolOther(0),
            st_shndx: elf::SHN_ABS,
            st_value: 0,
            st_size: 0,
        });
    }
    let mut names_left = global_names.into_iter();
    for (at, atom) in object.atoms.iter().enumerate() {
        let place = symbols.places[at];
        for g in &atom.globals {
            let st_name = w.string_offset(names_left.next());
            let binding = match g.binding {
                Binding::Weak => elf::STB_WEAK,
                Binding::Unique => elf::STB_GNU_UNIQUE,
                Binding::Local | Binding::Global => elf::STB_GLOBAL,
            };
            let visibility = visibility(g.visibility);
            w.write_symbol(&Sym {
                section: indexes.get(place.section).map(|s| s.0),
                st_name,
                st_info: elf::SymbolInfo::new(binding, symbol_type(g.kind)),
                st_other: elf::SymbolOther(g.native | visibility.0),
                st_shndx: elf::SHN_ABS,
                st_value: place.offset.wrapping_add(g.offset),
                st_size: g.size,
            });
        }
    }
    for (value, name) in object.values.iter().zip(&value_names) {
        let st_name = w.string_offset(Some(*name));
        let binding = if value.weak {
            elf::STB_WEAK
        } else {
            elf::STB_GLOBAL
        };
        w.write_symbol(&Sym {
            section: None,
            st_name,
            st_info: elf::SymbolInfo::new(binding, symbol_type(value.kind)),
            st_other: elf::SymbolOther(value.native | visibility(value.visibility).0),
            st_shndx: elf::SHN_ABS,
            st_value: value.value,
            st_size: value.size,
        });
    }
    for (u, name) in object.undefined.iter().zip(&undefined_names) {
        let Some(name) = *name else { continue };
        let st_name = w.string_offset(Some(name));
        let binding = if u.weak {
            elf::STB_WEAK
        } else {
            elf::STB_GLOBAL
        };
        let kind = match u.kind {
            SymbolKind::Tls => elf::STT_TLS,
            _ if u.common.is_some() => elf::STT_OBJECT,
            _ => elf::STT_NOTYPE,
        };
        w.write_symbol(&Sym {
            section: None,
            st_name,
            st_info: elf::SymbolInfo::new(binding, kind),
            st_other: elf::SymbolOther(u.native | visibility(u.visibility).0),
            st_shndx: match u.common {
                Some(common) if common.far => super::SHN_X86_64_LCOMMON,
                Some(_) => elf::SHN_COMMON,
                None => elf::SHN_UNDEF,
            },
            st_value: u.common.map_or(0, |c| c.align),
            st_size: u.common.map_or(0, |c| c.size),
        });
    }
    w.write_symtab_shndx();
    w.write_strtab();
    for s in sections {
        if s.relocs.is_empty() {
            continue;
        }
        w.write_align_relocation();
        for r in &s.relocs {
            w.write_relocation(
                arch.rela,
                &Rel {
                    r_offset: r.offset,
                    r_sym: numbers.of(r.symbol),
                    r_type: elf::RelocationType(r.relocation),
                    r_addend: r.addend,
                },
            );
        }
    }
    w.write_shstrtab();

    w.write_null_section_header();
    let symtab = w.symtab_index();
    for (at, group) in object.groups.iter().enumerate() {
        let Some(name) = group_name else { break };
        let local = signatures[at].map(|(index, ..)| index);
        let section = by_section[at].map(|s| numbers.sections[s]);
        let global = || {
            group.atoms.iter().find_map(|&a| {
                let globals = &object.atoms.get(a as usize)?.globals;
                let at = globals.iter().position(|g| *g.name == *group.signature)?;
                Some(numbers.globals.get(a as usize)? + at as u32)
            })
        };
        w.write_comdat_section_header(
            name,
            symtab,
            SymbolIndex(local.or(section).or_else(global).unwrap_or(0)),
            group_offsets[at],
            group_members[at].len(),
        );
    }
    for (at, s) in sections.iter().enumerate() {
        let header = SectionHeader {
            sh_name: w.section_name_offset(Some(names[at])),
            sh_type: elf::SectionType(s.kind),
            sh_flags: section_flags(s.flags),
            sh_addr: 0,
            sh_offset: offsets[at],
            sh_size: s.size,
            sh_link: s.link.and_then(|l| indexes.get(l)).map_or(0, |i| i.0),
            sh_info: 0,
            sh_addralign: s.align,
            sh_entsize: s.entry_size,
        };
        w.write_section_header(&header);
    }
    for (at, s) in sections.iter().enumerate() {
        if let Some(name) = reloc_ids[at] {
            w.write_relocation_section_header(
                name,
                indexes[at],
                symtab,
                reloc_offsets[at],
                s.relocs.len(),
                arch.rela,
            );
        }
    }
    let plain = |w: &Writer<'_>, name: StringId, kind, flags, offset, size, align| SectionHeader {
        sh_name: w.section_name_offset(Some(name)),
        sh_type: kind,
        sh_flags: flags,
        sh_addr: 0,
        sh_offset: offset,
        sh_size: size,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: align,
        sh_entsize: 0,
    };
    if let (Some(name), Some(note), Some(at)) = (note_name, &note, note_at) {
        let flags = section_flags(elf::SHF_ALLOC.0);
        let h = plain(
            &w,
            name,
            elf::SHT_NOTE,
            flags,
            at,
            note.len() as u64,
            note_align,
        );
        w.write_section_header(&h);
    }
    for (at, s) in traits.sections.iter().enumerate() {
        let (kind, flags) = (elf::SectionType(s.kind), section_flags(s.flags));
        let size = s.contents.len() as u64;
        let mut h = plain(&w, trait_names[at], kind, flags, traits_at[at], size, 1);
        h.sh_entsize = s.entry_size;
        w.write_section_header(&h);
    }
    let stack_flags = if traits.executable_stack {
        section_flags(elf::SHF_EXECINSTR.0)
    } else {
        section_flags(0)
    };
    let h = plain(&w, stack_name, elf::SHT_PROGBITS, stack_flags, 0, 0, 1);
    w.write_section_header(&h);
    w.write_symtab_section_header(first_global);
    w.write_symtab_shndx_section_header();
    w.write_strtab_section_header();
    w.write_shstrtab_section_header();
    drop(w);
    Ok((out, indexes.iter().map(|i| i.0).collect()))
}

/// SHF_GNU_RETAIN and STT_GNU_IFUNC are GNU's: linkers look at them only where the header says so.
fn os_abi(sections: &[OutSection], symbols: &SymbolTable<'_, '_, '_>) -> elf::OsAbi {
    let ifunc = |kind: SymbolKind| kind == SymbolKind::IndirectFunction;
    let retain = elf::SHF_GNU_RETAIN.0;
    let gnu = sections.iter().any(|s| s.flags & retain != 0)
        || symbols.locals.iter().any(|l| ifunc(l.kind))
        || symbols.object.atoms.iter().any(|a| {
            let unique = |binding| binding == Binding::Unique;
            a.globals.iter().any(|g| ifunc(g.kind) || unique(g.binding))
        });
    if gnu {
        elf::ELFOSABI_GNU
    } else {
        elf::ELFOSABI_NONE
    }
}

fn section_flags(flags: u64) -> elf::SectionFlags {
    elf::SectionFlags(flags)
}
