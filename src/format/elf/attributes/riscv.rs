//! What build attributes of two RISC-V objects make together: RISC-V ELF psABI, Attributes, the merge
//! policy of each tag.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Encoding, Tags, conflict};
use crate::error::Diagnostic;
use crate::format::elf::read::malformed;

const STACK_ALIGN: u64 = 4;
const ARCH: u64 = 5;
const UNALIGNED_ACCESS: u64 = 6;
/// Major, minor, revision. Deprecated.
const PRIV_SPEC: [u64; 3] = [8, 10, 12];
const ATOMIC_ABI: u64 = 14;
const X3_REG_USAGE: u64 = 16;

/// "A string value if the tag number is odd and an integer value if the tag number is even."
pub(super) fn encoding(tag: u64) -> Encoding {
    if tag % 2 == 1 {
        Encoding::Text
    } else {
        Encoding::Number
    }
}

/// Makes `into` what it and `from` say together.
pub(super) fn merge<'d>(into: &mut Tags<'d>, from: &Tags<'d>) -> Result<(), Diagnostic> {
    let version = |tags: &Tags<'_>| PRIV_SPEC.map(|tag| tags.number(tag));
    if version(from) > version(into) {
        for tag in PRIV_SPEC {
            into.take(tag, from);
        }
    }
    for tag in into.union(from) {
        let (a, b) = (into.number(tag), from.number(tag));
        let number = match tag {
            STACK_ALIGN => match (a, b) {
                (0, b) => b,
                (a, 0) => a,
                (a, b) if a == b => a,
                (a, b) => {
                    return Err(conflict(format!(
                        "objects that align the stack to {a} and to {b} bytes (Tag_RISCV_stack_align)"
                    )));
                }
            },
            UNALIGNED_ACCESS => a.max(b),
            ATOMIC_ABI => atomic_abi(a, b)?,
            X3_REG_USAGE => match (a, b) {
                (a, b) if a == b => a,
                (0, b @ (1 | 2)) => b,
                (a @ (1 | 2), 0) => a,
                (a, b) => {
                    return Err(conflict(format!(
                        "objects that use x3 for different purposes (Tag_RISCV_x3_reg_usage {a} and {b})"
                    )));
                }
            },
            ARCH => {
                if let Some(text) = architecture(into.text(ARCH), from.text(ARCH))? {
                    into.set_text(ARCH, text);
                }
                continue;
            }
            _ if PRIV_SPEC.contains(&tag) => continue,
            _ => {
                into.keep_same(tag, from);
                continue;
            }
        };
        into.settle(tag, number, from);
    }
    Ok(())
}

/// 0 unknown, 1 A6C, 2 A6S, 3 A7; the psABI's table.
fn atomic_abi(a: u64, b: u64) -> Result<u64, Diagnostic> {
    match (a, b) {
        (a, b) if a == b => Ok(a),
        (0, x) | (x, 0) => Ok(x),
        (1, 2) | (2, 1) => Ok(1),
        (2, 3) | (3, 2) => Ok(3),
        (a, b) => Err(conflict(format!(
            "objects with different atomics ABIs (Tag_RISCV_atomic_abi {a} and {b})"
        ))),
    }
}

/// Major and minor version, where it is said.
type Version = Option<(u32, u32)>;

/// An architecture's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Isa {
    xlen: u32,
    /// By name, in canonical order; the base (`i` or `e`) is one of them.
    extensions: BTreeMap<Extension, Version>,
}

/// Ordered as the ISA manual does ("Subset Naming Convention"): the base, single letters, then `z`
/// extensions by the letter they are closest to, `s` extensions and `x` extensions.
#[derive(Debug, PartialEq, Eq)]
struct Extension(Vec<u8>);

impl Extension {
    fn rank(&self) -> (u8, usize, &[u8]) {
        const LETTERS: &[u8] = b"iemafdqlcbkjtpvnh";
        let letter = |b: Option<&u8>| {
            let at = b.and_then(|b| LETTERS.iter().position(|l| l == b));
            at.unwrap_or(LETTERS.len())
        };
        match self.0.first() {
            Some(b'z') => (1, letter(self.0.get(1)), &self.0),
            Some(b's') => (2, 0, &self.0),
            Some(b'x') => (3, 0, &self.0),
            first => (0, letter(first), &self.0),
        }
    }
}

impl Ord for Extension {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Extension {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Digits that `text` starts with.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// The version that `text` starts with (`2p1`, `2`), and its length.
fn leading_version(text: &[u8]) -> Option<(Version, usize)> {
    let major = digits(text);
    if major == 0 {
        return Some((None, 0));
    }
    let rest = &text[major..];
    let minor = match rest.split_first() {
        Some((b'p', tail)) => digits(tail),
        _ => 0,
    };
    if minor == 0 {
        return Some((Some((number(&text[..major])?, 0)), major));
    }
    let version = (number(&text[..major])?, number(&rest[1..=minor])?);
    Some((Some(version), major + 1 + minor))
}

/// Name and version of an extension of several letters. Names may have digits, so a version is
/// what ends in `2p1`.
fn trailing_version(text: &[u8]) -> Option<(&[u8], Version)> {
    let backwards = |t: &[u8]| t.len() - t.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let minor = backwards(text);
    let Some(head) = text[..minor]
        .strip_suffix(b"p")
        .filter(|_| minor < text.len())
    else {
        return Some((text, None));
    };
    let major = backwards(head);
    if major == head.len() {
        return Some((text, None));
    }
    let version = (number(&head[major..])?, number(&text[minor..])?);
    Some((&head[..major], Some(version)))
}

impl Isa {
    fn parse(text: &[u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"rv")?;
        let width = digits(rest);
        let mut isa = Self {
            xlen: number(&rest[..width])?,
            extensions: BTreeMap::new(),
        };
        for part in rest[width..].split(|b| *b == b'_') {
            let mut part = part;
            while let Some((first, tail)) = part.split_first() {
                if !first.is_ascii_lowercase() {
                    return None;
                }
                if matches!(first, b'z' | b's' | b'x') {
                    let (name, version) = trailing_version(part)?;
                    isa.add(name, version);
                    break;
                }
                let (version, length) = leading_version(tail)?;
                if *first == b'g' {
                    // An abbreviation, which attributes should have expanded.
                    for name in ["i", "m", "a", "f", "d", "zicsr", "zifencei"] {
                        isa.add(name.as_bytes(), None);
                    }
                } else {
                    isa.add(&[*first], version);
                }
                part = &tail[length..];
            }
        }
        let valid = isa.has(b"i") || isa.has(b"e");
        valid.then_some(isa)
    }

    /// "Merge versions into the latest version."
    fn add(&mut self, name: &[u8], version: Version) {
        let known = self.extensions.entry(Extension(name.to_vec())).or_default();
        *known = (*known).max(version);
    }

    fn has(&self, name: &[u8]) -> bool {
        self.extensions.contains_key(&Extension(name.to_vec()))
    }

    fn text(&self) -> Vec<u8> {
        let mut text = format!("rv{}", self.xlen).into_bytes();
        for (at, (extension, version)) in self.extensions.iter().enumerate() {
            if at > 0 {
                text.push(b'_');
            }
            text.extend_from_slice(&extension.0);
            if let Some((major, minor)) = version {
                text.extend_from_slice(format!("{major}p{minor}").as_bytes());
            }
        }
        text
    }
}

/// The superset of two architectures; `None` where the first says it all.
fn architecture(a: &[u8], b: &[u8]) -> Result<Option<Vec<u8>>, Diagnostic> {
    if a == b || b.is_empty() {
        return Ok(None);
    }
    if a.is_empty() {
        return Ok(Some(b.to_vec()));
    }
    let parse = |text: &[u8]| {
        Isa::parse(text).ok_or_else(|| {
            let name = String::from_utf8_lossy(text);
            malformed(format!("`{name}` names no RISC-V architecture"))
        })
    };
    let (mut all, other) = (parse(a)?, parse(b)?);
    if all.xlen != other.xlen {
        return Err(conflict(format!(
            "objects for RV{} and RV{} (Tag_RISCV_arch)",
            all.xlen, other.xlen
        )));
    }
    for (Extension(name), version) in other.extensions {
        all.add(&name, version);
    }
    // The same instructions over other registers.
    for (one, two) in [("i", "e"), ("f", "zfinx")] {
        if all.has(one.as_bytes()) && all.has(two.as_bytes()) {
            return Err(conflict(format!(
                "objects for RISC-V processors with `{one}` and with `{two}` (Tag_RISCV_arch)"
            )));
        }
    }
    Ok(Some(all.text()))
}

#[cfg(test)]
pub(super) fn union(a: &[u8], b: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    Ok(architecture(a, b)?.unwrap_or_else(|| a.to_vec()))
}
