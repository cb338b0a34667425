//! What objects say about themselves as a whole, and how it joins in one output object.

use object::elf;

use super::properties::{self, Properties};
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
    pub properties: Properties,
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
        ..JoinedTraits::default()
    };
    for t in all {
        let t = &t.elf;
        joined.executable_stack |= t.executable_stack;
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
    // Words on libraries speak of no code.
    let of_code = all.iter().filter(|t| !t.elf.words_only);
    let notes = of_code.map(|t| t.elf.properties);
    joined.properties = properties::join(notes, joined.machine, joined.is_64);
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
