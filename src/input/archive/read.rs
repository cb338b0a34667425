//! Reads an archive of any kind: members and symbol index, borrowed from the file's bytes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ArchiveKind;
use crate::error::{Code, Diagnostic, Error, Result};

const MAGIC: &[u8] = b"!<arch>\n";
const THIN_MAGIC: &[u8] = b"!<thin>\n";
const HEADER: usize = 60;

/// A parsed archive; members borrow from the file's bytes.
#[derive(Debug)]
pub struct Archive<'d> {
    pub kind: ArchiveKind,
    pub thin: bool,
    /// In file order, without the symbol index and name tables.
    pub members: Vec<ArchiveMember<'d>>,
    /// The symbol index, in its order; empty where the archive has none.
    pub index: Vec<IndexEntry<'d>>,
}

/// One member.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveMember<'d> {
    pub name: &'d [u8],
    pub data: &'d [u8],
}

/// One entry of the symbol index.
#[derive(Debug, Clone, Copy)]
pub struct IndexEntry<'d> {
    pub symbol: &'d [u8],
    /// Index into [`Archive::members`].
    pub member: usize,
}

/// Whether `data` begins as an archive does.
#[must_use]
pub fn is_archive(data: &[u8]) -> bool {
    data.starts_with(MAGIC) || is_thin(data)
}

/// Whether `data` begins as a thin archive does.
#[must_use]
pub fn is_thin(data: &[u8]) -> bool {
    data.starts_with(THIN_MAGIC)
}

/// Names of the files that a thin archive's members are, or stand in, in its order.
///
/// # Errors
/// As [`Archive::parse`].
pub fn thin_member_names(data: &[u8]) -> Result<Vec<&[u8]>> {
    let headers = Headers::read(data)?;
    Ok(headers.members.iter().map(|m| m.name).collect())
}

impl<'d> Archive<'d> {
    /// Parses `data`, which must not be a thin archive.
    ///
    /// # Errors
    /// `input-empty`, `input-not-archive`, `archive-truncated`, `archive-malformed`.
    pub fn parse(data: &'d [u8]) -> Result<Self> {
        Self::parse_with(data, &|_| None)
    }

    /// Parses `data`; `file` gives the contents of a thin archive's members.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(data: &'d [u8], file: &dyn Fn(&[u8]) -> Option<&'d [u8]>) -> Result<Self> {
        let headers = Headers::read(data)?;
        let index = headers.index()?;
        let mut members = Vec::with_capacity(headers.members.len());
        let mut nested: HashMap<&[u8], Headers<'d>> = HashMap::new();
        for member in &headers.members {
            let mut name = member.name;
            let data = match member.data {
                Some(data) => data,
                None => {
                    let mut data = file(member.name).ok_or_else(|| {
                        malformed("the file of this member of a thin archive is not at hand")
                            .member(member.name)
                    })?;
                    if let Some(at) = member.inside {
                        let within = match nested.entry(member.name) {
                            Entry::Occupied(known) => known.into_mut(),
                            Entry::Vacant(slot) => {
                                let read = Headers::read(data);
                                slot.insert(read.map_err(|e| e.in_member(member.name))?)
                            }
                        };
                        (name, data) = within.member_at(at).ok_or_else(|| {
                            malformed(format!(
                                "a thin archive names a member at offset {at} of this archive, where none is"
                            ))
                            .member(member.name)
                            .hint("make the thin archive again")
                        })?;
                    }
                    if data.len() as u64 != member.size {
                        return Err(malformed(
                            "the file of this member of a thin archive has changed its size",
                        )
                        .member(member.name)
                        .hint("make the thin archive again")
                        .into());
                    }
                    data
                }
            };
            members.push(ArchiveMember { name, data });
        }
        Ok(Self {
            kind: headers.kind,
            thin: headers.thin,
            members,
            index,
        })
    }
}

fn malformed(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ArchiveMalformed, message)
}

fn truncated(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::ArchiveTruncated, message)
        .hint("the file is cut off: build or copy it again")
}

/// A member as its header describes it.
struct MemberHeader<'d> {
    name: &'d [u8],
    /// Offset of the header.
    at: u64,
    size: u64,
    /// `None` in a thin archive: the data is in a file.
    data: Option<&'d [u8]>,
    /// In a thin archive, where the file is an archive itself: the offset of the member's header in that.
    inside: Option<u64>,
}

/// Which layout a symbol index has.
#[derive(Clone, Copy)]
enum IndexLayout {
    Gnu32,
    Gnu64,
    Bsd32,
    Bsd64,
}

/// All headers of an archive.
struct Headers<'d> {
    kind: ArchiveKind,
    thin: bool,
    members: Vec<MemberHeader<'d>>,
    index: Option<(IndexLayout, &'d [u8])>,
}

/// What the name field of a header says.
enum NameField<'d> {
    /// `/`: a symbol index.
    GnuIndex,
    /// `/SYM64/`.
    GnuIndex64,
    /// `//`: the table of long names.
    LongNames,
    /// `/<ECSYMBOLS>/` and its like: further indexes, of which no linker we know needs a copy.
    Special,
    /// `/123`, and in a thin archive `/123:456`: the member at this offset of the archive of that name.
    LongName(u64, Option<u64>),
    /// `#1/20`: the name stands before the data.
    BsdName(u64),
    /// `name/`.
    Gnu(&'d [u8]),
    /// `name`, the BSD way.
    Bsd(&'d [u8]),
}

impl<'d> NameField<'d> {
    /// `None` for a number that is none.
    fn parse(field: &'d [u8]) -> Option<Self> {
        let text = trim_end(field, b' ');
        if let Some(length) = text.strip_prefix(b"#1/") {
            return Some(Self::BsdName(number(length)?));
        }
        if let Some(rest) = text.strip_prefix(b"/") {
            return Some(match rest {
                b"" => Self::GnuIndex,
                b"/" => Self::LongNames,
                b"SYM64/" => Self::GnuIndex64,
                _ if rest.starts_with(b"<") => Self::Special,
                _ => match rest.iter().position(|b| *b == b':') {
                    Some(at) => {
                        let (name, inside) = rest.split_at_checked(at)?;
                        Self::LongName(number(name)?, Some(number(inside.get(1..)?)?))
                    }
                    None => Self::LongName(number(rest)?, None),
                },
            });
        }
        Some(match text.strip_suffix(b"/") {
            Some(name) => Self::Gnu(name),
            None => Self::Bsd(text),
        })
    }
}

fn trim_end(mut bytes: &[u8], with: u8) -> &[u8] {
    while let Some(rest) = bytes.strip_suffix(&[with]) {
        bytes = rest;
    }
    bytes
}

/// A decimal number padded with spaces.
fn number(field: &[u8]) -> Option<u64> {
    let digits = trim_end(field, b' ');
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, digit| {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        n.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl<'d> Headers<'d> {
    fn read(data: &'d [u8]) -> Result<Self> {
        let thin = check_magic(data)?;
        let mut this = Self {
            kind: ArchiveKind::Gnu,
            thin,
            members: Vec::new(),
            index: None,
        };
        let mut long_names: &[u8] = &[];
        let mut indexes = 0;
        let mut at = MAGIC.len();
        while at < data.len() {
            let header = data.get(at..at + HEADER).ok_or_else(|| {
                truncated(format!("the file ends within the header at offset {at}"))
            })?;
            if header.get(58..) != Some(b"`\n") {
                return Err(malformed(format!("no member header at offset {at}")).into());
            }
            let field = header.get(..16).unwrap_or_default();
            let bad = |what: &str| {
                malformed(format!("bad {what} in the header at offset {at}"))
                    .member(trim_end(field, b' '))
            };
            let size = header.get(48..58).and_then(number);
            let size = size.ok_or_else(|| bad("size"))?;
            let name = NameField::parse(field).ok_or_else(|| bad("name"))?;
            let start = at + HEADER;
            let body = |name: &[u8]| {
                let end = usize::try_from(size)
                    .ok()
                    .and_then(|s| start.checked_add(s));
                let body = end.and_then(|end| data.get(start..end));
                body.ok_or_else(|| {
                    Error::from(truncated(format!(
                        "the member at offset {at} says it has {size} bytes, and the file has {} more",
                        data.len().saturating_sub(start)
                    )))
                    .in_member(name)
                })
            };
            // Members proper of thin archives have no body here.
            let mut in_file = false;
            let mut member = |name: &'d [u8], inside: Option<u64>| -> Result<()> {
                in_file = thin;
                this.members.push(MemberHeader {
                    name,
                    at: at as u64,
                    size,
                    data: if thin { None } else { Some(body(name)?) },
                    inside,
                });
                Ok(())
            };
            match name {
                NameField::GnuIndex => {
                    indexes += 1;
                    let body = body(b"/")?;
                    match indexes {
                        1 => this.index = Some((IndexLayout::Gnu32, body)),
                        _ => this.kind = ArchiveKind::Coff,
                    }
                }
                NameField::GnuIndex64 => {
                    this.index = Some((IndexLayout::Gnu64, body(b"/SYM64/")?));
                    this.kind = ArchiveKind::Gnu64;
                }
                NameField::LongNames => long_names = body(b"//")?,
                NameField::Special => drop(body(field)?),
                NameField::LongName(_, Some(_)) if !thin => return Err(bad("name").into()),
                NameField::LongName(offset, inside) => {
                    let name = long_name(long_names, offset).ok_or_else(|| bad("long name"))?;
                    member(name, inside)?;
                }
                NameField::Gnu(name) => member(name, None)?,
                NameField::BsdName(length) => {
                    let body = body(field)?;
                    let split = usize::try_from(length).ok();
                    let split = split.and_then(|at| body.split_at_checked(at));
                    let (name, body) = split.ok_or_else(|| bad("length of the name"))?;
                    this.bsd_member(trim_end(name, 0), at, body);
                }
                NameField::Bsd(name) => {
                    let body = body(name)?;
                    this.bsd_member(name, at, body);
                }
            }
            let next = if in_file {
                start
            } else {
                start + size as usize
            };
            at = next + (next & 1);
        }
        Ok(this)
    }

    fn bsd_member(&mut self, name: &'d [u8], at: usize, body: &'d [u8]) {
        let layout = match name {
            b"__.SYMDEF" | b"__.SYMDEF SORTED" => Some(IndexLayout::Bsd32),
            b"__.SYMDEF_64" | b"__.SYMDEF_64 SORTED" => Some(IndexLayout::Bsd64),
            _ => None,
        };
        match layout {
            Some(layout) if self.members.is_empty() && self.index.is_none() => {
                self.kind = match layout {
                    IndexLayout::Bsd64 => ArchiveKind::Darwin64,
                    _ => ArchiveKind::Bsd,
                };
                self.index = Some((layout, body));
            }
            _ => {
                // A COFF or GNU archive may hold a name without a slash.
                if self.index.is_none() {
                    self.kind = ArchiveKind::Bsd;
                }
                self.members.push(MemberHeader {
                    name,
                    at: at as u64,
                    size: body.len() as u64,
                    data: Some(body),
                    inside: None,
                });
            }
        }
    }

    /// Name and contents of the member whose header is at this offset, where they stand here.
    fn member_at(&self, at: u64) -> Option<(&'d [u8], &'d [u8])> {
        let found = self.members.binary_search_by_key(&at, |m| m.at).ok()?;
        let member = self.members.get(found)?;
        Some((member.name, member.data?))
    }

    fn index(&self) -> Result<Vec<IndexEntry<'d>>> {
        let Some((layout, data)) = self.index else {
            return Ok(Vec::new());
        };
        let entries = match layout {
            IndexLayout::Gnu32 => gnu_index::<4>(data, |b| u64::from(u32::from_be_bytes(b))),
            IndexLayout::Gnu64 => gnu_index::<8>(data, u64::from_be_bytes),
            IndexLayout::Bsd32 => bsd_index::<4>(data, |b| u64::from(u32::from_le_bytes(b))),
            IndexLayout::Bsd64 => bsd_index::<8>(data, u64::from_le_bytes),
        };
        let rebuild = |d: Diagnostic| d.hint("rebuild the symbol index with ranlib");
        let entries = entries.ok_or_else(|| rebuild(malformed("the symbol index is cut off")))?;
        let mut index = Vec::with_capacity(entries.len());
        for (symbol, at) in entries {
            let member = self.members.binary_search_by_key(&at, |m| m.at);
            let member = member.map_err(|_| {
                rebuild(malformed(format!(
                    "the symbol index points to offset {at}, where no member is"
                )))
                .symbol(symbol)
            })?;
            index.push(IndexEntry { symbol, member });
        }
        Ok(index)
    }
}

/// Whether the archive is thin.
fn check_magic(data: &[u8]) -> Result<bool> {
    if data.is_empty() {
        return Err(Diagnostic::new(Code::InputEmpty, "the file is empty")
            .hint("was the build interrupted?")
            .into());
    }
    if data.starts_with(MAGIC) {
        return Ok(false);
    }
    if is_thin(data) {
        return Ok(true);
    }
    if MAGIC.starts_with(data) || THIN_MAGIC.starts_with(data) {
        return Err(truncated("the file ends within the archive's magic").into());
    }
    let universal = data.starts_with(&[0xCA, 0xFE, 0xBA, 0xBE]);
    let hint = if universal {
        "this is a universal binary: give each architecture's library, as lipo -thin writes it"
    } else {
        "give static libraries (.a, .lib)"
    };
    Err(Diagnostic::new(Code::InputNotArchive, "this is no archive")
        .hint(hint)
        .into())
}

/// The name at `offset` of the table; it ends with a slash and newline (GNU) or NUL (COFF).
fn long_name(table: &[u8], offset: u64) -> Option<&[u8]> {
    let rest = table.get(usize::try_from(offset).ok()?..)?;
    let end = rest.iter().position(|b| matches!(b, b'\n' | 0))?;
    let name = rest.get(..end)?;
    // Only GNU's names end with a slash as well.
    if rest.get(end) == Some(&b'\n') {
        Some(name.strip_suffix(b"/").unwrap_or(name))
    } else {
        Some(name)
    }
}

/// Symbols with the offsets of their members' headers.
type RawIndex<'d> = Vec<(&'d [u8], u64)>;

fn gnu_index<const N: usize>(data: &[u8], read: fn([u8; N]) -> u64) -> Option<RawIndex<'_>> {
    let (count, rest) = data.split_first_chunk::<N>()?;
    let count = usize::try_from(read(*count)).ok()?;
    let (offsets, mut strings) = rest.split_at_checked(count.checked_mul(N)?)?;
    let (offsets, _) = offsets.as_chunks::<N>();
    let mut index = Vec::with_capacity(count);
    for offset in offsets {
        let end = memchr::memchr(0, strings)?;
        let (symbol, rest) = strings.split_at_checked(end)?;
        index.push((symbol, read(*offset)));
        strings = rest.get(1..)?;
    }
    Some(index)
}

fn bsd_index<const N: usize>(data: &[u8], read: fn([u8; N]) -> u64) -> Option<RawIndex<'_>> {
    let (bytes, rest) = data.split_first_chunk::<N>()?;
    let (entries, rest) = rest.split_at_checked(usize::try_from(read(*bytes)).ok()?)?;
    let (size, strings) = rest.split_first_chunk::<N>()?;
    let strings = strings.get(..usize::try_from(read(*size)).ok()?)?;
    let (entries, _) = entries.as_chunks::<N>();
    let (pairs, _) = entries.as_chunks::<2>();
    let mut index = Vec::with_capacity(pairs.len());
    for [string, offset] in pairs {
        let symbol = strings.get(usize::try_from(read(*string)).ok()?..)?;
        let end = memchr::memchr(0, symbol)?;
        index.push((symbol.get(..end)?, read(*offset)));
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::{Archive, is_thin, thin_member_names};

    fn header(name: &str, size: usize) -> String {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644)
    }

    /// An archive of two members, and where the second's header is.
    fn inner() -> (Vec<u8>, usize) {
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, text) in [("one.o/", "first!"), ("two.o/", "second")] {
            bytes.extend(header(name, text.len()).into_bytes());
            bytes.extend(text.as_bytes());
        }
        let second = 8 + 60 + 6;
        (bytes, second)
    }

    fn outer(at: usize) -> Vec<u8> {
        let names = "a long name of a file.o/\nlibinner.a/\n";
        let mut bytes = b"!<thin>\n".to_vec();
        bytes.extend(header("//", names.len()).into_bytes());
        bytes.extend(names.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
        bytes.extend(header("/0", 5).into_bytes());
        bytes.extend(header(&format!("/25:{at}"), 6).into_bytes());
        bytes
    }

    #[test]
    fn members_of_an_archive_within_a_thin_one() {
        let (inner, second) = inner();
        let thin = outer(second);
        assert!(is_thin(&thin));
        let names = thin_member_names(&thin).unwrap_or_default();
        assert_eq!(names, [&b"a long name of a file.o"[..], b"libinner.a"]);
        let file = |name: &[u8]| match name {
            b"libinner.a" => Some(&inner[..]),
            _ => Some(&b"plain"[..]),
        };
        let read = Archive::parse_with(&thin, &file).map(|a| a.members);
        let members = read.unwrap_or_default();
        let said: Vec<_> = members.iter().map(|m| (m.name, m.data)).collect();
        let wanted: [(&[u8], &[u8]); 2] = [
            (b"a long name of a file.o", b"plain"),
            (b"two.o", b"second"),
        ];
        assert_eq!(said, wanted);
        // Where no member is.
        assert!(Archive::parse_with(&outer(second + 1), &file).is_err());
        // No archive names members of others but a thin one.
        let mut whole = outer(second);
        whole[..8].copy_from_slice(b"!<arch>\n");
        assert!(Archive::parse(&whole).is_err());
    }
}
