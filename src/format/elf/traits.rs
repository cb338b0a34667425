//! What objects say about themselves as a whole, and how it joins in one output object.

use object::elf;

use super::{attributes, deplibs};
use crate::error::{Code, Diagnostic, Result};
use crate::format::ObjectTraits;

/// The joined traits.
#[derive(Debug, Default)]
pub(super) struct JoinedTraits {
    pub machine: u16,
    pub machine_flags: u32,
    pub is_64: bool,
    pub executable_stack: bool,
    /// Bits of the "feature 1 AND" property; 0 for no note.
    pub features: u32,
    /// Build attributes and dependent libraries, where there are any.
    pub sections: Vec<TraitSection>,
}

/// A section that says something of the whole object: no atom, no relocations, not allocated.
#[derive(Debug)]
pub(super) struct TraitSection {
    pub name: Vec<u8>,
    pub kind: u32,
    pub flags: u64,
    pub entry_size: u64,
    pub contents: Vec<u8>,
}

/// GNU_PROPERTY_X86_FEATURE_1_AND / GNU_PROPERTY_AARCH64_FEATURE_1_AND (Linux gABI extension).
pub(super) fn feature_property(machine: u16) -> Option<u32> {
    match elf::Machine(machine) {
        elf::EM_X86_64 | elf::EM_386 => Some(0xc000_0002),
        elf::EM_AARCH64 => Some(0xc000_0000),
        _ => None,
    }
}

/// Joins the traits of all objects that went in.
///
/// # Errors
/// `mixed-formats` where float ABIs, or other build attributes, do not go together.
pub(super) fn join(all: &[ObjectTraits<'_>]) -> Result<JoinedTraits> {
    let Some(first) = all.first() else {
        return Err(Diagnostic::new(Code::Internal, "an object made of nothing").into());
    };
    let mut joined = JoinedTraits {
        machine: first.elf.machine,
        machine_flags: first.elf.machine_flags,
        is_64: first.elf.is_64,
        features: u32::MAX,
        ..JoinedTraits::default()
    };
    for t in all {
        let t = &t.elf;
        joined.executable_stack |= t.executable_stack;
        if !t.words_only {
            joined.features &= t
                .properties
                .map_or(0, |p| features(p, joined.machine, joined.is_64));
        }
        if elf::Machine(joined.machine) == elf::EM_RISCV {
            // RISC-V psABI: bits 1-3 are the float ABI and RVE, which must agree; RVC and TSO add.
            const ABI: u32 = 0x0e;
            if (joined.machine_flags ^ t.machine_flags) & ABI != 0 {
                return Err(Diagnostic::new(
                    Code::MixedFormats,
                    "objects of different RISC-V float ABIs",
                )
                .hint("build all of the library for one ABI")
                .into());
            }
            joined.machine_flags |= t.machine_flags;
        } else {
            joined.machine_flags |= t.machine_flags;
        }
    }
    joined.sections = sections(all)?;
    Ok(joined)
}

fn sections(all: &[ObjectTraits<'_>]) -> Result<Vec<TraitSection>> {
    let mut sections = Vec::new();
    if let Some((name, contents)) = attributes::merge(all.iter().filter_map(|t| t.elf.attributes))?
    {
        sections.push(TraitSection {
            name: name.to_vec(),
            kind: super::SHT_ATTRIBUTES,
            flags: 0,
            entry_size: 0,
            contents,
        });
    }
    let libraries = all.iter().flat_map(|t| t.elf.libraries.iter().copied());
    if let Some(contents) = deplibs::join(libraries) {
        sections.push(TraitSection {
            name: deplibs::NAME.to_vec(),
            kind: deplibs::SECTION_TYPE,
            flags: deplibs::FLAGS,
            entry_size: 1,
            contents,
        });
    }
    Ok(sections)
}

/// The feature bits of a property note's contents; 0 where it has none.
fn features(mut notes: &[u8], machine: u16, is_64: bool) -> u32 {
    let Some(wanted) = feature_property(machine) else {
        return 0;
    };
    let word = |data: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
    };
    let align = if is_64 { 8 } else { 4 };
    while let (Some(namesz), Some(descsz), Some(kind)) =
        (word(notes, 0), word(notes, 4), word(notes, 8))
    {
        let desc_at = 12 + (namesz as usize).next_multiple_of(4);
        let end = desc_at.saturating_add(descsz as usize);
        let Some(mut desc) = notes.get(desc_at..end) else {
            return 0;
        };
        if kind == elf::NT_GNU_PROPERTY_TYPE_0.0 {
            while let (Some(property), Some(size)) = (word(desc, 0), word(desc, 4)) {
                if property == wanted {
                    return word(desc, 8).unwrap_or(0);
                }
                let step = 8 + (size as usize).next_multiple_of(align);
                desc = desc.get(step..).unwrap_or_default();
            }
        }
        notes = notes.get(end.next_multiple_of(align)..).unwrap_or_default();
    }
    0
}

/// Contents of `.note.gnu.property` with these feature bits.
pub(super) fn property_note(joined: &JoinedTraits) -> Option<Vec<u8>> {
    let property = feature_property(joined.machine)?;
    if joined.features == 0 || joined.features == u32::MAX {
        return None;
    }
    let pad = if joined.is_64 { 4 } else { 0 };
    let mut note = Vec::new();
    let mut word = |w: u32| note.extend_from_slice(&w.to_le_bytes());
    word(4);
    word(12 + pad);
    word(elf::NT_GNU_PROPERTY_TYPE_0.0);
    word(u32::from_le_bytes(*b"GNU\0"));
    word(property);
    word(4);
    word(joined.features);
    if pad != 0 {
        word(0);
    }
    Some(note)
}
