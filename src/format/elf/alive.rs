//! Sections that live by being there: nothing refers to them, yet somebody reads them.
//!
//! Who reads them, and what keeps them:
//!
//! | section | reader | lives when |
//! | --- | --- | --- |
//! | `.init_array` and its like, `.init`, `.ctors` | the loader, the C library | its member is pulled |
//! | any with SHF_GNU_RETAIN | whoever wanted it | its member is pulled |
//! | allocated SHT_NOTE | loaders, debuggers | its member is pulled |
//! | allocated, of a name that no linker knows (`.interp`, `.gnu.offload_vars`, `.mine`) | code between two labels, tools | its member is pulled |
//! | `.note.stapsdt`, each record | tracers | the code at the record's first address does (`notes`) |
//! | any with SHF_LINK_ORDER: `asan_globals`, `.kcfi_traps`, `__patchable_function_entries`, `.stack_sizes`, `.llvm_bb_addr_map` | sanitizers' runtimes, the kernel, tools | the section that it is linked to does (gABI) |
//! | `__llvm_prf_cnts`, `_data`, `_bits`, `_vals`, `__sancov_*`, in groups | runtimes of profiles and fuzzers | their group does, that is the code that counts |
//! | `__llvm_prf_names`, `__llvm_covmap`, `__llvm_covfun` | the runtime, llvm-cov | their member is pulled: functions that are never called are part of a report |
//! | `__llvm_profile_filename`, `__llvm_profile_raw_version`, `__asan_default_options` and its like | the runtime, by name | their member is pulled |
//! | other sections whose name is a C identifier | code, by their bounds | their member is pulled, or code that asks for the bounds lives |
//! | `.note.gnu.property`, `.note.GNU-stack`, build attributes | loaders, linkers | always: joined from all objects that something lives of (`traits`) |
//!
//! Dropped, because no behaviour depends on them: debug information, `.pseudo_probe` among it (it ties
//! samples to lines); `.llvm_addrsig` (without it every
//! address counts, which is what identical code folding must assume here) and
//! `.llvm.call-graph-profile` (an order of functions that linkers may choose), which both number symbols
//! of a symbol table that is no more; `.sframe` (with a warning: it speaks of all functions of its object, and
//! only those who walk stacks look at it); `.comment`, `.llvmbc`, `.llvmcmd`, `.gnu.build.attributes`,
//! `.gnu.warning.*`, and other sections that no program has in memory and that nobody asked to keep.

use object::elf;

use crate::format::model::KeepRule;

/// Is this section an atom though no program has it in memory? Debug information is not asked for.
pub(super) fn outside_of_memory(
    name: &[u8],
    kind: elf::SectionType,
    flags: u64,
    link: u32,
) -> bool {
    let contents = !matches!(
        kind,
        elf::SHT_NULL
            | elf::SHT_RELA
            | elf::SHT_REL
            | elf::SHT_CREL
            | elf::SHT_SYMTAB
            | elf::SHT_SYMTAB_SHNDX
            | elf::SHT_STRTAB
            | elf::SHT_GROUP
    );
    let debug = name.starts_with(b".pseudo_probe");
    if !contents || debug || flags & elf::SHF_EXCLUDE.0 != 0 {
        return false;
    }
    flags & elf::SHF_GNU_RETAIN.0 != 0
        || (flags & elf::SHF_LINK_ORDER.0 != 0 && link != 0)
        || matches!(name, PROBES | b"__llvm_covmap" | b"__llvm_covfun")
}

/// Notes about static probes (SystemTap's sdt.h), which say where code can be stopped.
pub(super) const PROBES: &[u8] = b".note.stapsdt";

/// The rule by which a section lives with what it describes, not with its member.
pub(super) fn tie(name: &[u8], flags: u64, link: u32) -> Option<KeepRule> {
    if flags & elf::SHF_LINK_ORDER.0 != 0 && link != 0 {
        return Some(KeepRule::LinkOrder);
    }
    // LLVM puts what it knows of one function into one group, so that linkers drop it with the
    // function (InstrProfiling.cpp, SanitizerCoverage.cpp).
    let grouped = flags & elf::SHF_GROUP.0 != 0;
    let counted = matches!(
        name,
        b"__llvm_prf_cnts" | b"__llvm_prf_data" | b"__llvm_prf_bits" | b"__llvm_prf_vals"
    ) || name.starts_with(b"__sancov_");
    (grouped && counted).then_some(KeepRule::Group)
}

/// Sections that live when anything of their member does.
pub(super) fn keep_rule(name: &[u8], kind: elf::SectionType, flags: u64) -> Option<KeepRule> {
    if flags & elf::SHF_GNU_RETAIN.0 != 0 {
        return Some(KeepRule::Retained);
    }
    if matches!(
        kind,
        elf::SHT_INIT_ARRAY | elf::SHT_FINI_ARRAY | elf::SHT_PREINIT_ARRAY
    ) {
        return Some(KeepRule::InitArray);
    }
    if kind == elf::SHT_NOTE {
        return Some(KeepRule::Note);
    }
    let is = |stem: &[u8]| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    let tables: [&[u8]; 8] = [
        b".init_array",
        b".fini_array",
        b".preinit_array",
        b".ctors",
        b".dtors",
        b".init",
        b".fini",
        b".jcr",
    ];
    tables.iter().any(|t| is(t)).then_some(KeepRule::InitArray)
}

/// Does the section stay where linkers leave what they do not know? Who put it there may look for it, from a label
/// before it to one behind.
pub(super) fn stays(name: &[u8], flags: u64) -> bool {
    flags & elf::SHF_ALLOC.0 != 0
        && flags & elf::SHF_EXCLUDE.0 == 0
        && super::ordered::is_of_its_own(name)
}

/// Symbols of which a program has one, whatever compiler made the object: tools find what they stand
/// for by name, or measure from it.
pub fn is_one_in_a_program(name: &[u8]) -> bool {
    // Tracers compare it with the address of `.stapsdt.base` to learn how far a program was moved.
    name == b"_.stapsdt.base" || is_word_to_a_runtime(name)
}

/// What compilers say to the profile's runtime, and people to those of sanitizers, which look for it by name, and
/// have a weak one themselves.
pub(super) fn is_word_to_a_runtime(name: &[u8]) -> bool {
    matches!(
        name,
        b"__llvm_profile_filename" | b"__llvm_profile_raw_version"
    ) || crate::format::is_word_to_a_sanitizer(name)
}

/// Tables whose bounds a compiler's or a sanitizer's runtime asks for, or a tool by the section's name:
/// never one library's own.
pub fn is_table_of_a_runtime(stem: &[u8]) -> bool {
    const STEMS: [&[u8]; 4] = [b"__llvm_", b"__sancov_", b"asan_", b"hwasan_"];
    const NAMES: [&[u8]; 4] = [
        b"__patchable_function_entries",
        b"__mcount_loc",
        b"xray_instr_map",
        b"xray_fn_idx",
    ];
    STEMS.iter().any(|s| stem.starts_with(s)) || NAMES.contains(&stem)
}

#[cfg(test)]
mod tests {
    use object::elf;

    use super::{outside_of_memory, tie};
    use crate::format::model::KeepRule;

    #[test]
    fn metadata_is_tied_to_what_it_describes() {
        let (order, group) = (elf::SHF_LINK_ORDER.0, elf::SHF_GROUP.0);
        let rules = [
            (&b"asan_globals"[..], order, 12, Some(KeepRule::LinkOrder)),
            // No section in particular: ordered before all others.
            (b"asan_globals", order, 0, None),
            (b"__llvm_prf_data", group, 0, Some(KeepRule::Group)),
            (b"__llvm_prf_data", 0, 0, None),
            (b"__llvm_prf_names", group, 0, None),
        ];
        for (name, flags, link, rule) in rules {
            assert_eq!(tie(name, flags, link), rule);
        }
    }

    #[test]
    fn what_no_program_has_in_memory() {
        let progbits = elf::SHT_PROGBITS;
        let kept = |name, kind, flags, link| outside_of_memory(name, kind, flags, link);
        assert!(kept(b"__llvm_covmap", progbits, 0, 0));
        assert!(kept(b".mine", progbits, elf::SHF_GNU_RETAIN.0, 0));
        assert!(kept(b".stack_sizes", progbits, elf::SHF_LINK_ORDER.0, 3));
        assert!(kept(b".note.stapsdt", elf::SHT_NOTE, 0, 0));
        assert!(!kept(b".pseudo_probe", progbits, elf::SHF_LINK_ORDER.0, 3));
        assert!(!kept(b".comment", progbits, 0, 0));
        assert!(!kept(
            b".mine",
            progbits,
            (elf::SHF_GNU_RETAIN | elf::SHF_EXCLUDE).0,
            0
        ));
        assert!(!kept(b".group", elf::SHT_GROUP, elf::SHF_GNU_RETAIN.0, 0));
    }
}
