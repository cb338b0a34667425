//! ELF sections whose contents programs see in link order.

use std::borrow::Cow;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};

use super::bad;
use crate::error::Result;
use crate::format::model::Atom;

/// Tables whose readers do not mind the order: their entries point to what they are about.
const UNORDERED: [&[u8]; 4] = [
    b"__llvm_",
    b"__sancov_",
    b"asan_",
    b"__patchable_function_entries",
];

/// Sections that linkers put together by what they are: where in them a piece stands, says nothing.
const BY_KIND: [&[u8]; 25] = [
    b".text",
    b".stub",
    b".ltext",
    b".rodata",
    b".rodata1",
    b".lrodata",
    b".srodata",
    b".data",
    b".data1",
    b".ldata",
    b".sdata",
    b".sdata2",
    b".bss",
    b".lbss",
    b".sbss",
    b".sbss2",
    b".tdata",
    b".tbss",
    b".gcc_except_table",
    b".ARM.extab",
    b".ARM.exidx",
    b".gnu.linkonce",
    b".gnu.warning",
    b".note",
    // Counters beside static probes, and what these measure from.
    b".probes",
];

/// Tables of constructors and destructors, newer and older ones, without the leading dot.
const TABLES: [&[u8]; 8] = [
    b"init_array",
    b"ctors",
    b"fini_array",
    b"dtors",
    b"preinit_array",
    b"init",
    b"fini",
    b"jcr",
];

/// Does no linker know the section by its name, nor give its bounds names? It stands where linkers left it, for
/// whoever put it there.
pub fn is_of_its_own(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 9] = [
        b".eh_frame",
        b".sframe",
        b".debug_",
        b".zdebug_",
        b".stapsdt.",
        b".llvmbc",
        b".llvmcmd",
        b".llvm_addrsig",
        b".llvm.",
    ];
    let by_kind = || {
        BY_KIND.iter().any(|stem| {
            name.strip_prefix(*stem)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
        })
    };
    !name.is_empty()
        && !is_c_identifier(name)
        && !by_kind()
        && !OTHERS.iter().any(|stem| name.starts_with(stem))
        && constructors(name).is_none()
}

/// Names that linkers give `__start_` and `__stop_` symbols for.
pub fn is_c_identifier(name: &[u8]) -> bool {
    name.first().is_some_and(|b| !b.is_ascii_digit())
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Does its place follow from what it belongs to (SHF_LINK_ORDER)?
pub fn is_tied(atom: &Atom<'_>) -> bool {
    atom.native.flags & elf::SHF_LINK_ORDER.0 != 0
}

/// See [`crate::format::ordered::for_each_ordered`].
pub fn for_each<'d>(data: &'d [u8], f: &mut dyn FnMut(Cow<'d, [u8]>)) -> Result<()> {
    if data.get(4) == Some(&elf::ELFCLASS32.0) {
        sections::<FileHeader32<Endianness>>(data, f)
    } else {
        sections::<FileHeader64<Endianness>>(data, f)
    }
}

fn sections<'d, H: FileHeader<Endian = Endianness>>(
    data: &'d [u8],
    f: &mut dyn FnMut(Cow<'d, [u8]>),
) -> Result<()> {
    let header = H::parse(data).map_err(bad("ELF header"))?;
    let endian = header.endian().map_err(bad("ELF header"))?;
    let sections = header
        .sections(endian, data)
        .map_err(bad("section table"))?;
    for section in sections.iter() {
        let flags = section.sh_flags(endian).0;
        let size: u64 = section.sh_size(endian).into();
        if flags & elf::SHF_ALLOC.0 == 0 || size == 0 {
            continue;
        }
        let name = sections
            .section_name(endian, section)
            .map_err(bad("section name"))?;
        if let Some(key) = key(name) {
            f(key);
        }
    }
    Ok(())
}

/// The sequence that sections of this name are part of.
pub fn key(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    if is_c_identifier(name) {
        let unordered = UNORDERED.iter().any(|stem| name.starts_with(stem));
        return (!unordered).then_some(Cow::Borrowed(name));
    }
    constructors(name).or_else(|| is_of_its_own(name).then_some(Cow::Borrowed(name)))
}

/// The sequence of a table of constructors.
fn constructors(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let dotted = name.strip_prefix(b".")?;
    let end = dotted.iter().position(|b| *b == b'.');
    let (stem, priority) = dotted.split_at(end.unwrap_or(dotted.len()));
    if !TABLES.contains(&stem) {
        return None;
    }
    let priority = priority.strip_prefix(b".").unwrap_or_default();
    // Linkers sort by priority; only within one they go by link order. The older tables count
    // backwards, and end up in the newer ones.
    let number = std::str::from_utf8(priority)
        .ok()
        .and_then(|p| p.parse::<u16>().ok());
    let place = |backwards: bool| match number {
        Some(n) if backwards => (u16::MAX - n).to_string(),
        Some(n) => n.to_string(),
        None => String::from_utf8_lossy(priority).into_owned(),
    };
    let text = match stem {
        b"init_array" | b"ctors" => format!(".init_array.{}", place(stem == b"ctors")),
        b"fini_array" | b"dtors" => format!(".fini_array.{}", place(stem == b"dtors")),
        _ => return Some(Cow::Borrowed(name)),
    };
    Some(Cow::Owned(text.trim_end_matches('.').as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{is_of_its_own, key};

    #[test]
    fn what_linkers_put_by_kind_has_no_order() {
        for name in [
            &b".text.hot.f"[..],
            b".rodata.str1.1",
            b".data.rel.ro.local",
            b".gnu.linkonce.d.x",
            b".debug_gdb_scripts",
            b".eh_frame",
            b".note.mine",
            b"__llvm_prf_cnts",
        ] {
            assert_eq!(key(name), None, "{name:?}");
            assert!(!is_of_its_own(name), "{name:?}");
        }
    }

    #[test]
    fn tables_are_sequences() {
        for (name, of) in [
            (&b"mytab"[..], &b"mytab"[..]),
            (b".mytab", b".mytab"),
            (b".mytab.b", b".mytab.b"),
            (b"my-table", b"my-table"),
            (b".ctors", b".init_array"),
            (b".ctors.65435", b".init_array.100"),
            (b".init_array.00100", b".init_array.100"),
        ] {
            assert_eq!(key(name).as_deref(), Some(of));
        }
        assert!(is_of_its_own(b".gnu.offload_vars"));
        assert!(is_of_its_own(b".interp"));
        assert!(!is_of_its_own(b"mytab"));
        assert!(!is_of_its_own(b".ctors"));
    }
}
