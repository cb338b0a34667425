//! Universal files (`mach-o/fat.h`): one file an architecture, in one. Their headers are big-endian.

use object::macho::{self, CpuSubtype, CpuType};
use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};

use crate::error::{Code, Diagnostic, Result};

/// Java classes begin with the same magic; their version stands where the number of slices does here.
const FIRST_JAVA_VERSION: u32 = 43;

/// What a header says of one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub cpu_type: u32,
    pub cpu_subtype: u32,
    /// Power of two.
    pub align: u32,
    pub offset: u64,
    pub size: u64,
}

impl Slice {
    /// The same architecture, wherever it stands.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        (self.cpu_type, self.cpu_subtype) == (other.cpu_type, other.cpu_subtype)
    }

    /// As lipo(1) calls it.
    #[must_use]
    pub fn architecture(&self) -> String {
        let subtype = CpuSubtype(self.cpu_subtype).id().0;
        let name = match (CpuType(self.cpu_type), subtype) {
            (macho::CPU_TYPE_ARM64, 2) => "arm64e",
            (macho::CPU_TYPE_ARM64, _) => "arm64",
            (macho::CPU_TYPE_ARM64_32, _) => "arm64_32",
            (macho::CPU_TYPE_X86_64, 8) => "x86_64h",
            (macho::CPU_TYPE_X86_64, _) => "x86_64",
            (macho::CPU_TYPE_X86, _) => "i386",
            (macho::CPU_TYPE_ARM, 9) => "armv7",
            (macho::CPU_TYPE_ARM, 11) => "armv7s",
            (macho::CPU_TYPE_ARM, 12) => "armv7k",
            (macho::CPU_TYPE_ARM, _) => "arm",
            (cpu, subtype) => return format!("cputype {} cpusubtype {subtype}", cpu.0),
        };
        name.to_owned()
    }
}

/// The slices of a universal file, and whether its offsets are 64 bits wide. `None` for what is no
/// universal file.
///
/// # Errors
/// `archive-truncated` for slices past the end, `archive-malformed` for overlapping ones and for two
/// of one architecture.
pub fn slices(data: &[u8]) -> Result<Option<(bool, Vec<Slice>)>> {
    let word = |at: usize| {
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let cut = |what: &str| {
        Diagnostic::new(Code::ArchiveTruncated, what)
            .hint("the file is cut off: build or copy it again")
    };
    let (wide, mut found) = match word(0) {
        Some(macho::FAT_MAGIC) => {
            if word(4).is_some_and(|count| count >= FIRST_JAVA_VERSION) {
                return Ok(None);
            }
            let file = MachOFatFile32::parse(data);
            let file = file.map_err(|_| cut("the universal header is cut off"))?;
            (false, file.arches().iter().map(slice).collect::<Vec<_>>())
        }
        Some(macho::FAT_MAGIC_64) => {
            let file = MachOFatFile64::parse(data);
            let file = file.map_err(|_| cut("the universal header is cut off"))?;
            (true, file.arches().iter().map(slice).collect())
        }
        _ => return Ok(None),
    };
    let malformed = |what: String| Err(Diagnostic::new(Code::ArchiveMalformed, what).into());
    if found.is_empty() {
        return malformed("a universal file without slices".to_owned());
    }
    let entry = if wide { 32 } else { 20 };
    // The header is a part like the others.
    let mut parts = vec![(0, 8 + entry * found.len() as u64, "the header".to_owned())];
    for (at, slice) in found.iter().enumerate() {
        let name = slice.architecture();
        if found.iter().take(at).any(|s| s.is_of(slice)) {
            return malformed(format!("two slices for {name}"));
        }
        let end = slice.offset.checked_add(slice.size);
        let Some(end) = end.filter(|&end| end <= data.len() as u64) else {
            return Err(cut(&format!("the slice for {name} goes past the file's end")).into());
        };
        if slice.align >= 32 {
            return malformed(format!("the slice for {name} is aligned to exabytes"));
        }
        parts.push((slice.offset, end, format!("the slice for {name}")));
    }
    parts.sort();
    for pair in parts.windows(2) {
        if let [a, b] = pair
            && a.1 > b.0
        {
            return malformed(format!("{} and {} overlap", a.2, b.2));
        }
    }
    found.shrink_to_fit();
    Ok(Some((wide, found)))
}

fn slice<F: FatArch>(arch: &F) -> Slice {
    Slice {
        cpu_type: arch.cputype().0,
        cpu_subtype: arch.cpusubtype().0,
        align: arch.align(),
        offset: arch.offset().into(),
        size: arch.size().into(),
    }
}

/// The slice that a library of such objects makes, without its place; `None` for other bytes.
#[must_use]
pub fn slice_of(object: &[u8]) -> Option<Slice> {
    let word = |at: usize| Some(u32::from_le_bytes(*object.get(at..)?.first_chunk::<4>()?));
    // As lipo(1) aligns archives: like the words of their members.
    let align = match word(0)? {
        macho::MH_MAGIC_64 => 3,
        macho::MH_MAGIC => 2,
        _ => return None,
    };
    Some(Slice {
        cpu_type: word(4)?,
        cpu_subtype: word(8)?,
        align,
        offset: 0,
        size: 0,
    })
}

/// The header of a universal file of `slices`, whose offsets it sets; the contents follow at those.
/// With `wide`, or where it must be, offsets are 64 bits wide.
pub fn header(slices: &mut [Slice], wide: bool) -> Vec<u8> {
    let lay_out = |slices: &mut [Slice], entry: u64| -> u64 {
        let mut at = 8 + entry * slices.len() as u64;
        for slice in slices {
            at = at.next_multiple_of(1 << slice.align.min(31));
            slice.offset = at;
            at = at.saturating_add(slice.size);
        }
        at
    };
    let wide = wide || lay_out(slices, 20) > u64::from(u32::MAX);
    if wide {
        lay_out(slices, 32);
    }
    let magic = if wide {
        macho::FAT_MAGIC_64
    } else {
        macho::FAT_MAGIC
    };
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, v: u32| {
        out.extend_from_slice(&v.to_be_bytes());
    };
    word(&mut out, magic);
    word(&mut out, slices.len() as u32);
    for slice in slices {
        word(&mut out, slice.cpu_type);
        word(&mut out, slice.cpu_subtype);
        if wide {
            out.extend_from_slice(&slice.offset.to_be_bytes());
            out.extend_from_slice(&slice.size.to_be_bytes());
        } else {
            word(&mut out, slice.offset as u32);
            word(&mut out, slice.size as u32);
        }
        word(&mut out, slice.align);
        if wide {
            word(&mut out, 0);
        }
    }
    out
}
