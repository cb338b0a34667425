//! ELF sections whose contents programs see in link order.

use std::borrow::Cow;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};

use super::bad;
use crate::error::Result;

/// Tables whose readers do not mind the order: their entries point to what they are about.
const UNORDERED: [&[u8]; 4] = [
    b"__llvm_",
    b"__sancov_",
    b"asan_",
    b"__patchable_function_entries",
];

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

fn key(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(dotted) = name.strip_prefix(b".") else {
        // Linkers give the bounds of such sections names (`__start_…`, `__stop_…`).
        let table = name.first().is_some_and(|b| !b.is_ascii_digit())
            && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
            && !UNORDERED.iter().any(|stem| name.starts_with(stem));
        return table.then_some(Cow::Borrowed(name));
    };
    let (stem, priority) = match dotted.iter().position(|b| *b == b'.') {
        Some(dot) => (dotted.get(..dot)?, dotted.get(dot + 1..)?),
        None => (dotted, &b""[..]),
    };
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
        b"preinit_array" | b"init" | b"fini" => return Some(Cow::Borrowed(name)),
        _ => return None,
    };
    Some(Cow::Owned(text.trim_end_matches('.').as_bytes().to_vec()))
}
