//! Build attributes: what an object's code asks of the processor, and by which conventions it calls.
//!
//! `.ARM.attributes` ("Addenda to, and Errata in, the ABI for the Arm Architecture", Build Attributes)
//! and `.riscv.attributes` (RISC-V ELF psABI, Attributes) share one encoding, read and written here; what
//! a value means, and what two of them make together, is each ABI's own: [`arm`], [`riscv`].
//!
//! Objects without the section say nothing. Attributes of single sections and symbols are deprecated
//! since r2.09, "and consumers are permitted to ignore them": they are left out, as their numbers mean
//! nothing in another object. What is private to a vendor must not affect compatibility (ibid.,
//! Conformance constraints): it stays where all objects say the same.

mod arm;
mod riscv;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt};

use super::read::malformed;
use crate::error::{Code, Diagnostic, Result};

/// The only version there is.
const VERSION: u8 = b'A';
/// Attributes of the whole file.
const TAG_FILE: u64 = 1;

/// Whose tags they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Abi {
    Arm,
    Riscv,
}

/// How a tag's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Number,
    Text,
    /// A number, then a text.
    Both,
}

impl Abi {
    /// By the section's name.
    fn new(section: &[u8]) -> Option<Self> {
        match section {
            b".ARM.attributes" => Some(Self::Arm),
            b".riscv.attributes" => Some(Self::Riscv),
            _ => None,
        }
    }

    /// The subsection that is public to all tools.
    fn vendor(self) -> &'static [u8] {
        match self {
            Self::Arm => b"aeabi",
            Self::Riscv => b"riscv",
        }
    }

    fn encoding(self, tag: u64) -> Encoding {
        match self {
            Self::Arm => arm::encoding(tag),
            Self::Riscv => riscv::encoding(tag),
        }
    }

    /// Tags that come before the others.
    fn leading(self) -> &'static [u64] {
        match self {
            Self::Arm => &arm::LEADING,
            Self::Riscv => &[],
        }
    }

    fn merge<'d>(self, into: &mut Tags<'d>, from: &Tags<'d>) -> Result<(), Diagnostic> {
        match self {
            Self::Arm => arm::merge(into, from),
            Self::Riscv => riscv::merge(into, from),
        }
    }
}

/// A tag's value. What its encoding lacks is 0 or empty, which is also what a missing tag means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Value<'d> {
    number: u64,
    text: Cow<'d, [u8]>,
}

/// The public attributes of a file. A tag that is there with value 0 means what a missing one does, but
/// is kept: linkers look whether `Tag_ABI_VFP_args` is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Tags<'d>(BTreeMap<u64, Value<'d>>);

impl<'d> Tags<'d> {
    fn number(&self, tag: u64) -> u64 {
        self.0.get(&tag).map_or(0, |v| v.number)
    }

    fn text(&self, tag: u64) -> &[u8] {
        self.0.get(&tag).map_or(b"", |v| &v.text)
    }

    fn has(&self, tag: u64) -> bool {
        self.0.contains_key(&tag)
    }

    fn set_number(&mut self, tag: u64, number: u64) {
        self.0.entry(tag).or_default().number = number;
    }

    /// What the objects' values make together. 0 says no more than no tag, and stands only where an object
    /// has it.
    fn settle(&mut self, tag: u64, number: u64, other: &Self) {
        let has_zero = |t: &Self| t.0.get(&tag).is_some_and(|v| v.number == 0);
        if number == 0 && !has_zero(self) && !has_zero(other) {
            self.remove(tag);
        } else {
            self.set_number(tag, number);
        }
    }

    fn set_text(&mut self, tag: u64, text: Vec<u8>) {
        self.0.entry(tag).or_default().text = Cow::Owned(text);
    }

    fn remove(&mut self, tag: u64) {
        self.0.remove(&tag);
    }

    /// As in `other`, also where it is not there.
    fn take(&mut self, tag: u64, other: &Self) {
        match other.0.get(&tag) {
            Some(value) => {
                self.0.insert(tag, value.clone());
            }
            None => self.remove(tag),
        }
    }

    /// Where the values are the same, it stays; else neither is true of both.
    fn keep_same(&mut self, tag: u64, other: &Self) {
        let none = Value::default();
        let (a, b) = (self.0.get(&tag), other.0.get(&tag));
        if a.unwrap_or(&none) != b.unwrap_or(&none) {
            self.remove(tag);
        } else if a.is_none() {
            self.take(tag, other);
        }
    }

    /// Tags of either.
    fn union(&self, other: &Self) -> Vec<u64> {
        let mut all: Vec<u64> = self.0.keys().chain(other.0.keys()).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What a section says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Attributes<'d> {
    public: Tags<'d>,
    /// Subsections of other vendors: name and what is behind it.
    private: Vec<(&'d [u8], &'d [u8])>,
}

/// Name and contents of a section made of several.
type Merged<'d> = (&'d [u8], Vec<u8>);

/// Values that cannot be in one object.
fn conflict(what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::MixedFormats, what).hint("build all of the library for one ABI")
}

/// What is left to read.
struct Bytes<'d>(&'d [u8]);

impl<'d> Bytes<'d> {
    fn take(&mut self, length: usize) -> Result<&'d [u8], Diagnostic> {
        let (taken, left) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| malformed("build attributes end early"))?;
        self.0 = left;
        Ok(taken)
    }

    /// ULEB128. Padding that adds nothing is legal.
    fn number(&mut self) -> Result<u64, Diagnostic> {
        let mut value = 0u64;
        for at in 0.. {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.checked_shl(7 * at).filter(|v| v >> (7 * at) == bits);
            match shifted {
                Some(shifted) => value |= shifted,
                None if bits == 0 && at < 64 => {}
                None => return Err(malformed("a number of build attributes is too large")),
            }
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(value)
    }

    /// A text that ends with a zero byte.
    fn text(&mut self) -> Result<&'d [u8], Diagnostic> {
        let end = self
            .0
            .iter()
            .position(|b| *b == 0)
            .ok_or_else(|| malformed("a text of build attributes does not end"))?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// What a length makes out, which counts from `start` bytes before here, itself included.
    fn block(&mut self, start: usize) -> Result<Self, Diagnostic> {
        let length: [u8; 4] = self
            .take(4)?
            .try_into()
            .map_err(|_| malformed("build attributes end early"))?;
        (u32::from_le_bytes(length) as usize)
            .checked_sub(start + 4)
            .ok_or_else(|| malformed("a part of build attributes is shorter than its header"))
            .and_then(|length| self.take(length))
            .map(Self)
    }
}

/// Reads a section's contents.
fn parse<'d>(abi: Abi, contents: &'d [u8]) -> Result<Attributes<'d>, Diagnostic> {
    let mut found = Attributes::default();
    let Some((&version, rest)) = contents.split_first() else {
        return Ok(found);
    };
    if version != VERSION {
        return Err(malformed(format!(
            "build attributes of an unknown version ({version:#x})"
        )));
    }
    let mut bytes = Bytes(rest);
    while !bytes.0.is_empty() {
        let mut part = bytes.block(0)?;
        let vendor = part.text()?;
        if vendor != abi.vendor() {
            found.private.push((vendor, part.0));
            continue;
        }
        while !part.0.is_empty() {
            let before = part.0.len();
            let scope = part.number()?;
            let start = before - part.0.len();
            let mut attributes = part.block(start)?;
            while scope == TAG_FILE && !attributes.0.is_empty() {
                let tag = attributes.number()?;
                let mut value = Value::default();
                let encoding = abi.encoding(tag);
                if encoding != Encoding::Text {
                    value.number = attributes.number()?;
                }
                if encoding != Encoding::Number {
                    value.text = Cow::Borrowed(attributes.text()?);
                }
                found.public.0.insert(tag, value);
            }
        }
    }
    if abi == Abi::Arm {
        arm::modernise(&mut found.public);
    }
    Ok(found)
}

fn put_number(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends what `fill` writes, with its length, which counts from `start`, before it.
fn put_block(
    out: &mut Vec<u8>,
    start: usize,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out)?;
    let length = u32::try_from(out.len() - start)
        .map_err(|_| Diagnostic::new(Code::OutputLimit, "build attributes of over 4 GB"))?;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(())
}

/// A section's contents; `None` where there is nothing to say.
fn write(abi: Abi, attributes: &Attributes<'_>) -> Result<Option<Vec<u8>>, Diagnostic> {
    let tags = &attributes.public.0;
    if tags.is_empty() && attributes.private.is_empty() {
        return Ok(None);
    }
    let mut out = vec![VERSION];
    if !tags.is_empty() {
        let leading = abi.leading();
        let first = leading.iter().filter_map(|tag| tags.get_key_value(tag));
        let others = tags.iter().filter(|(tag, _)| !leading.contains(tag));
        let start = out.len();
        put_block(&mut out, start, |out| {
            out.extend_from_slice(abi.vendor());
            out.push(0);
            let start = out.len();
            put_number(out, TAG_FILE);
            put_block(out, start, |out| {
                for (&tag, value) in first.chain(others) {
                    let encoding = abi.encoding(tag);
                    put_number(out, tag);
                    if encoding != Encoding::Text {
                        put_number(out, value.number);
                    }
                    if encoding != Encoding::Number {
                        out.extend_from_slice(&value.text);
                        out.push(0);
                    }
                }
                Ok(())
            })
        })?;
    }
    for (vendor, data) in &attributes.private {
        let start = out.len();
        put_block(&mut out, start, |out| {
            out.extend_from_slice(vendor);
            out.push(0);
            out.extend_from_slice(data);
            Ok(())
        })?;
    }
    Ok(Some(out))
}

/// Can the section be read?
///
/// # Errors
/// `object-malformed`.
pub(super) fn check(name: &[u8], contents: &[u8]) -> Result<(), Diagnostic> {
    Abi::new(name).map_or(Ok(()), |abi| parse(abi, contents).map(|_| ()))
}

/// One section (name and contents) of several, in input order; `None` where they say nothing. Objects of
/// one compilation mostly say the same: the same contents are looked at once.
///
/// # Errors
/// `mixed-formats` where no object can be what the sections say, `object-malformed`.
pub(super) fn merge<'d>(
    sections: impl IntoIterator<Item = (&'d [u8], &'d [u8])>,
) -> Result<Option<Merged<'d>>, Diagnostic> {
    let mut seen = HashSet::new();
    let mut merged: Option<(&'d [u8], Abi, Attributes<'d>)> = None;
    for (name, contents) in sections {
        let Some(abi) = Abi::new(name).filter(|_| seen.insert((name, contents))) else {
            continue;
        };
        let next = parse(abi, contents)?;
        match &mut merged {
            None => merged = Some((name, abi, next)),
            Some((_, known, into)) if *known == abi => {
                into.private.retain(|part| next.private.contains(part));
                if into.public.0.is_empty() {
                    into.public = next.public;
                } else if !next.public.0.is_empty() {
                    abi.merge(&mut into.public, &next.public)?;
                }
            }
            Some(_) => return Err(conflict("build attributes of two ABIs")),
        }
    }
    let Some((name, abi, attributes)) = merged else {
        return Ok(None);
    };
    Ok(write(abi, &attributes)?.map(|contents| (name, contents)))
}
