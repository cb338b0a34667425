//! What build attributes of two Arm objects make together: "Addenda to, and Errata in, the ABI for the
//! Arm Architecture" (ADDENDA32), Combining attribute values, and the tables of public tags.
//!
//! A value is a set of demands; together is the least value that makes them all. Where the ABI leaves
//! open what a linker refuses, it is what GNU ld refuses; what it only warns of (sizes of `wchar_t` and
//! enums) links, and stays as the first object says, as after `ld -r`.

use super::{Encoding, Tags, conflict};
use crate::error::Diagnostic;

const CPU_RAW_NAME: u64 = 4;
const CPU_NAME: u64 = 5;
const CPU_ARCH: u64 = 6;
const CPU_ARCH_PROFILE: u64 = 7;
const ARM_ISA_USE: u64 = 8;
const THUMB_ISA_USE: u64 = 9;
const FP_ARCH: u64 = 10;
const WMMX_ARCH: u64 = 11;
const ADVANCED_SIMD_ARCH: u64 = 12;
const PCS_CONFIG: u64 = 13;
const PCS_R9_USE: u64 = 14;
const PCS_RW_DATA: u64 = 15;
const PCS_RO_DATA: u64 = 16;
const PCS_GOT_USE: u64 = 17;
const PCS_WCHAR_T: u64 = 18;
const FP_ROUNDING: u64 = 19;
const FP_DENORMAL: u64 = 20;
const FP_EXCEPTIONS: u64 = 21;
const FP_USER_EXCEPTIONS: u64 = 22;
const FP_NUMBER_MODEL: u64 = 23;
const ALIGN_NEEDED: u64 = 24;
const ALIGN_PRESERVED: u64 = 25;
const ENUM_SIZE: u64 = 26;
const HARD_FP_USE: u64 = 27;
const VFP_ARGS: u64 = 28;
const WMMX_ARGS: u64 = 29;
const OPTIMIZATION_GOALS: u64 = 30;
const FP_OPTIMIZATION_GOALS: u64 = 31;
const COMPATIBILITY: u64 = 32;
const CPU_UNALIGNED_ACCESS: u64 = 34;
const FP_HP_EXTENSION: u64 = 36;
const FP_16BIT_FORMAT: u64 = 38;
const MP_EXTENSION_USE: u64 = 42;
const DIV_USE: u64 = 44;
const DSP_EXTENSION: u64 = 46;
const MVE_ARCH: u64 = 48;
const PAC_EXTENSION: u64 = 50;
const BTI_EXTENSION: u64 = 52;
const NO_DEFAULTS: u64 = 64;
const ALSO_COMPATIBLE_WITH: u64 = 65;
const T2EE_USE: u64 = 66;
const CONFORMANCE: u64 = 67;
const VIRTUALIZATION_USE: u64 = 68;
/// Of drafts; [`MP_EXTENSION_USE`] since.
const MP_EXTENSION_USE_OLD: u64 = 70;
const BTI_USE: u64 = 74;
const PACRET_USE: u64 = 76;

/// "This tag should be emitted first" (Conformance tag); what GNU tools put behind it.
pub(super) const LEADING: [u64; 2] = [CONFORMANCE, NO_DEFAULTS];

/// "For N > 32, even numbered tags have a ULEB128 parameter and odd numbered ones have a null-terminated
/// byte string" (Coding extensibility and compatibility).
pub(super) fn encoding(tag: u64) -> Encoding {
    match tag {
        CPU_RAW_NAME | CPU_NAME => Encoding::Text,
        COMPATIBILITY => Encoding::Both,
        _ if tag > 32 && tag % 2 == 1 => Encoding::Text,
        _ => Encoding::Number,
    }
}

/// Gives old tags their present numbers.
pub(super) fn modernise(tags: &mut Tags<'_>) {
    if tags.has(MP_EXTENSION_USE_OLD) {
        let old = tags.number(MP_EXTENSION_USE_OLD);
        tags.set_number(MP_EXTENSION_USE, old.max(tags.number(MP_EXTENSION_USE)));
        tags.remove(MP_EXTENSION_USE_OLD);
    }
}

/// Makes `into` what it and `from` say together.
pub(super) fn merge<'d>(into: &mut Tags<'d>, from: &Tags<'d>) -> Result<(), Diagnostic> {
    // What looks at other tags comes first, while these are still each object's own.
    let vfp_args = vfp_args(into, from)?;
    let division = division(into, from);
    let fp = floating_point(into, from);
    cpu(into, from)?;
    for tag in into.union(from) {
        let (a, b) = (into.number(tag), from.number(tag));
        let number = match tag {
            CPU_RAW_NAME | CPU_NAME | CPU_ARCH | ALSO_COMPATIBLE_WITH => continue,
            OPTIMIZATION_GOALS | FP_OPTIMIZATION_GOALS => continue,
            ARM_ISA_USE | THUMB_ISA_USE | WMMX_ARCH | ADVANCED_SIMD_ARCH | FP_ROUNDING
            | FP_EXCEPTIONS | FP_USER_EXCEPTIONS | FP_NUMBER_MODEL | CPU_UNALIGNED_ACCESS
            | FP_HP_EXTENSION | MP_EXTENSION_USE | DSP_EXTENSION | MVE_ARCH | PAC_EXTENSION
            | BTI_EXTENSION | T2EE_USE => a.max(b),
            // Promises, or demands that grow as the number falls: only the lesser holds for both.
            PCS_RW_DATA | PCS_RO_DATA | ALIGN_PRESERVED | BTI_USE | PACRET_USE => a.min(b),
            // 2 demands less than 1: a 4-byte alignment, a sign only, data imported indirectly.
            PCS_GOT_USE | FP_DENORMAL | ALIGN_NEEDED => a.max_by_021(b),
            PCS_CONFIG | PCS_WCHAR_T => first_used(a, b),
            ENUM_SIZE => enum_size(a, b),
            CPU_ARCH_PROFILE => profile(a, b)?,
            FP_ARCH => fp.0,
            HARD_FP_USE => fp.1,
            VFP_ARGS => vfp_args,
            DIV_USE => division,
            PCS_R9_USE => r9(a, b)?,
            WMMX_ARGS if a != b => {
                return Err(conflict(format!(
                    "objects that pass WMMX arguments in different ways (Tag_ABI_WMMX_args {a} and {b})"
                )));
            }
            FP_16BIT_FORMAT if a != b && a != 0 && b != 0 => {
                return Err(conflict(
                    "objects with different 16-bit floating-point formats (Tag_ABI_FP_16bit_format 1 and 2)",
                ));
            }
            FP_16BIT_FORMAT => first_used(a, b),
            // A bit for SMC, a bit for HVC and ERET.
            VIRTUALIZATION_USE => a | b,
            COMPATIBILITY => {
                compatibility(into, from)?;
                continue;
            }
            // Conformance: "no claim" where only one claims. Unknown ones likewise.
            _ => {
                into.keep_same(tag, from);
                continue;
            }
        };
        into.settle(tag, number, from);
    }
    // R9 cannot be the base of data and something else (The procedure call-related attributes).
    let based = into.number(PCS_RW_DATA) == 2 || from.number(PCS_RW_DATA) == 2;
    if based && !matches!(into.number(PCS_R9_USE), 1 | 3) {
        return Err(conflict(
            "data is addressed relative to R9 (Tag_ABI_PCS_RW_data), which is used for something else \
             (Tag_ABI_PCS_R9_use)",
        ));
    }
    Ok(())
}

/// Orders where 2 lies between 0 and 1.
trait Order021 {
    fn max_by_021(self, other: Self) -> Self;
}

impl Order021 for u64 {
    fn max_by_021(self, other: Self) -> Self {
        let rank = |v| match v {
            1 => 2,
            2 => 1,
            v => v,
        };
        if rank(self) >= rank(other) {
            self
        } else {
            other
        }
    }
}

/// 0 says nothing.
fn first_used(a: u64, b: u64) -> u64 {
    if a == 0 { b } else { a }
}

/// 0: no enums; 3: none that matters is smaller than 32 bits, which goes with either.
fn enum_size(a: u64, b: u64) -> u64 {
    match (a, b) {
        (0, b) | (3, b @ 1..) => b,
        _ => a,
    }
}

/// 3: R9 is not used at all. Else what it is for must be the same.
fn r9(a: u64, b: u64) -> Result<u64, Diagnostic> {
    match (a, b) {
        (3, b) => Ok(b),
        (a, 3) => Ok(a),
        (a, b) if a == b => Ok(a),
        (a, b) => Err(conflict(format!(
            "objects that use R9 for different purposes (Tag_ABI_PCS_R9_use {a} and {b})"
        ))),
    }
}

/// 0 is for any profile, and 'S' for 'A' and 'R'.
fn profile(a: u64, b: u64) -> Result<u64, Diagnostic> {
    const A: u64 = b'A' as u64;
    const R: u64 = b'R' as u64;
    const S: u64 = b'S' as u64;
    match (a, b) {
        (0, b) | (S, b @ (A | R)) => Ok(b),
        (a, 0) | (a @ (A | R), S) => Ok(a),
        (a, b) if a == b => Ok(a),
        (a, b) => {
            let letter = |v: u64| {
                let known = u8::try_from(v).ok().filter(u8::is_ascii_graphic);
                known.map_or_else(|| v.to_string(), |b| char::from(b).to_string())
            };
            Err(conflict(format!(
                "objects for different architecture profiles (Tag_CPU_arch_profile {} and {})",
                letter(a),
                letter(b)
            )))
        }
    }
}

/// 3 goes with everything. Objects without floating point pass none, whatever they say, or (assembly,
/// mostly) do not say.
fn vfp_args(into: &Tags<'_>, from: &Tags<'_>) -> Result<u64, Diagnostic> {
    const EITHER: u64 = 3;
    let (a, b) = (into.number(VFP_ARGS), from.number(VFP_ARGS));
    let passes_none = |tags: &Tags<'_>| tags.number(FP_NUMBER_MODEL) == 0;
    if a == b || b == EITHER {
        return Ok(a);
    }
    if a == EITHER {
        return Ok(b);
    }
    match (passes_none(into), passes_none(from)) {
        (_, true) => Ok(a),
        (true, false) => Ok(b),
        (false, false) => {
            let place = |v| match v {
                0 => "core registers (the base standard)".to_owned(),
                1 => "VFP registers".to_owned(),
                v => format!("a tool chain's own way ({v})"),
            };
            Err(conflict(format!(
                "objects that pass floating-point arguments in {} and in {} (Tag_ABI_VFP_args)",
                place(a),
                place(b)
            )))
        }
    }
}

/// `Tag_DIV_use`: 0 as the architecture has it, 1 none, 2 beyond the architecture.
fn division(into: &Tags<'_>, from: &Tags<'_>) -> u64 {
    // v7-M and v7-R, and what came after v7, have it.
    let has = |tags: &Tags<'_>| match tags.number(CPU_ARCH) {
        10 => matches!(tags.number(CPU_ARCH_PROFILE), 0x4d | 0x52),
        arch => arch >= 13,
    };
    match (into.number(DIV_USE), from.number(DIV_USE)) {
        (a, b) if a == b => a,
        (0, 1) if !has(into) => 1,
        (1, 0) if !has(from) => 1,
        (0 | 1, 0 | 1) => 0,
        (a, b) => a.max(b),
    }
}

/// `Tag_FP_arch` and `Tag_ABI_HardFP_use`. An architecture has a version and a number of registers.
fn floating_point(into: &Tags<'_>, from: &Tags<'_>) -> (u64, u64) {
    const KINDS: [(u8, u8); 9] = [
        (0, 0),
        (1, 16),
        (2, 16),
        (3, 32),
        (3, 16),
        (4, 32),
        (4, 16),
        (8, 32),
        (8, 16),
    ];
    let (a, b) = (into.number(FP_ARCH), from.number(FP_ARCH));
    let (use_a, use_b) = (into.number(HARD_FP_USE), from.number(HARD_FP_USE));
    if a == 0 {
        return (b, use_b);
    }
    if b == 0 {
        return (a, use_a);
    }
    let kind = |v: u64| KINDS.get(usize::try_from(v).ok()?);
    let arch = match (kind(a), kind(b)) {
        (Some(x), Some(y)) => {
            let both = (x.0.max(y.0), x.1.max(y.1));
            let found = KINDS.iter().position(|k| *k == both);
            found.map_or(a.max(b), |at| at as u64)
        }
        // Newer than this: more than what was before.
        _ => a.max(b),
    };
    // Single precision only where both are.
    (arch, if use_a == use_b { use_a } else { 0 })
}

/// "A flag value >1 identifies an arrangement, beyond the scope of the ABI": nobody but its vendor can
/// say what goes with it. 1 says that a tool chain can make it conform, and goes with no claim.
fn compatibility<'d>(into: &mut Tags<'d>, from: &Tags<'d>) -> Result<(), Diagnostic> {
    let value = |tags: &Tags<'_>| {
        (
            tags.number(COMPATIBILITY),
            tags.text(COMPATIBILITY).to_vec(),
        )
    };
    let (a, b) = (value(into), value(from));
    if a == b || (a.0 == 1 && b.0 == 0) {
        return Ok(());
    }
    if a.0 == 0 && b.0 <= 1 {
        into.take(COMPATIBILITY, from);
        return Ok(());
    }
    let name = |v: &(u64, Vec<u8>)| format!("{} \"{}\"", v.0, String::from_utf8_lossy(&v.1));
    Err(conflict(format!(
        "objects that only their own tool chains can link (Tag_compatibility {} and {})",
        name(&a),
        name(&b)
    )))
}

/// An architecture of `Tag_CPU_arch`, or two that an object is for at once.
type Arch = u64;

/// Common to v4T and v6-M, and to v8-A and v8-R: the two uses of `Tag_also_compatible_with` (Secondary
/// compatibility tag).
const V4T_AND_V6M: Arch = 23;
const V8A_AND_V8R: Arch = 24;

/// By architecture: those next above it, which run all that it does. That v6S-M is below v6K, and v7E-M
/// below v8-A, is what GNU ld takes for granted; profiles keep the rest apart.
const ABOVE: [&[Arch]; 25] = [
    &[1],               // before v4, or not said
    &[2],               // v4
    &[3],               // v4T
    &[4],               // v5T
    &[5],               // v5TE
    &[6],               // v5TEJ
    &[8, 9],            // v6
    &[10],              // v6KZ
    &[10],              // v6T2
    &[7],               // v6K
    &[13],              // v7
    &[12],              // v6-M
    &[9, 16],           // v6S-M
    &[17, V8A_AND_V8R], // v7E-M
    &[18],              // v8-A
    &[14],              // v8-R
    &[17],              // v8-M.baseline
    &[21],              // v8-M.mainline
    &[19],              // v8.1-A
    &[20],              // v8.2-A
    &[22],              // v8.3-A
    &[],                // v8.1-M.mainline
    &[],                // v9-A
    &[2, 11],           // V4T_AND_V6M
    &[15],              // V8A_AND_V8R
];

/// The architectures that run what this one does, itself included, as bits.
fn above(arch: Arch) -> u32 {
    let next = usize::try_from(arch).ok().and_then(|a| ABOVE.get(a));
    next.into_iter()
        .flat_map(|n| n.iter())
        .fold(1 << arch.min(31), |bits, &n| bits | above(n))
}

/// The least architecture that runs what both do.
fn together(a: Arch, b: Arch) -> Option<Arch> {
    if a == b {
        return Some(a);
    }
    if a.max(b) >= ABOVE.len() as u64 {
        // Newer than this: more than what was before.
        return Some(a.max(b));
    }
    let both = above(a) & above(b);
    (0..ABOVE.len() as u64).find(|&x| both & (1 << x) != 0 && above(x) & both == both)
}

fn arch(tags: &Tags<'_>) -> Arch {
    let own = tags.number(CPU_ARCH);
    match (own, tags.text(ALSO_COMPATIBLE_WITH)) {
        (2, [6, 11]) | (11, [6, 2]) => V4T_AND_V6M,
        (14, [6, 15]) | (15, [6, 14]) => V8A_AND_V8R,
        // The numbers of pairs are ours.
        (V4T_AND_V6M | V8A_AND_V8R, _) => own + 2,
        _ => own,
    }
}

/// The architecture, and the names of the processor that go with it.
fn cpu<'d>(into: &mut Tags<'d>, from: &Tags<'d>) -> Result<(), Diagnostic> {
    const TAGS: [u64; 4] = [CPU_RAW_NAME, CPU_NAME, CPU_ARCH, ALSO_COMPATIBLE_WITH];
    let (a, b) = (arch(into), arch(from));
    let both = together(a, b).ok_or_else(|| {
        conflict(format!(
            "objects for architectures that no processor has both of (Tag_CPU_arch {} and {})",
            into.number(CPU_ARCH),
            from.number(CPU_ARCH)
        ))
    })?;
    let pair = matches!(both, V4T_AND_V6M | V8A_AND_V8R);
    if !pair {
        // A claim of one object that is not ours to judge.
        into.keep_same(ALSO_COMPATIBLE_WITH, from);
    }
    if both == a {
        return Ok(());
    }
    if both == b {
        for tag in TAGS {
            if pair || tag != ALSO_COMPATIBLE_WITH {
                into.take(tag, from);
            }
        }
        return Ok(());
    }
    for tag in TAGS {
        into.remove(tag);
    }
    into.set_number(CPU_ARCH, both);
    Ok(())
}

#[cfg(test)]
pub(super) fn least_architecture(a: u64, b: u64) -> Option<u64> {
    together(a, b)
}
