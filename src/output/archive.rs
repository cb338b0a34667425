//! Writes archives of every kind, with their symbol index, as a stream.
//!
//! The layout is computed first, from lengths and symbols alone; then headers and members are
//! streamed, so that no member's bytes are ever copied into memory of ours. Dates and ids are zero.

use std::borrow::Cow;
use std::io::{self, Write};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use rayon::prelude::*;

use crate::error::{Code, Diagnostic, Error, Result};
use crate::format;
use crate::input::Inputs;
use crate::input::archive::ArchiveKind;
use crate::plan::OutputMember;
use crate::protocol::request::ArchiveFlavour;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: u64 = 60;
/// The second COFF index counts members in 16 bits, from one.
const COFF_MAX_MEMBERS: usize = 0xfffe;
/// The size field of a header has ten decimal digits.
const MAX_MEMBER: u64 = 9_999_999_999;

/// The archive kind of every output.
pub struct Kinds {
    pub libraries: Vec<ArchiveKind>,
    pub workspace: ArchiveKind,
}

impl Kinds {
    /// `forced`, or what the inputs are.
    #[must_use]
    pub fn new(forced: Option<ArchiveFlavour>, inputs: &Inputs<'_>) -> Self {
        let forced = forced.map(ArchiveKind::from_flavour);
        let kind = |k: ArchiveKind| forced.unwrap_or(k);
        let libraries: Vec<_> = inputs.libraries.iter().map(|l| kind(l.kind)).collect();
        Self {
            workspace: libraries.first().copied().unwrap_or(ArchiveKind::Gnu),
            libraries,
        }
    }
}

/// An archive ready to be streamed.
#[derive(Debug)]
pub struct ArchiveWriter<'a> {
    kind: ArchiveKind,
    /// Everything before the first member: magic, indexes, long names.
    head: Vec<u8>,
    members: Vec<(Vec<u8>, &'a [u8], &'static [u8])>,
    len: u64,
}

impl<'a> ArchiveWriter<'a> {
    /// Lays out an archive of `members`. Where offsets do not fit into 32 bits the kind becomes the
    /// 64-bit one.
    ///
    /// # Errors
    /// `object-malformed` for a member whose symbols cannot be read, `output-limit` for what the
    /// kind cannot express.
    pub fn new(kind: ArchiveKind, members: &'a [OutputMember<'_>]) -> Result<Self> {
        Self::with_limit(kind, members, u64::from(u32::MAX))
    }

    /// As [`Self::new`], with another largest offset for the 32-bit kinds.
    fn with_limit(kind: ArchiveKind, members: &'a [OutputMember<'_>], limit: u64) -> Result<Self> {
        let kind = if kind == ArchiveKind::Coff && members.len() > COFF_MAX_MEMBERS {
            ArchiveKind::Gnu
        } else {
            kind
        };
        let mut symbols = defined_symbols(members)?;
        if kind == ArchiveKind::Coff {
            // The second index is searched by name: the first definition is the one to find.
            let mut seen = HashSet::new();
            for symbols in &mut symbols {
                symbols.retain(|symbol| seen.insert(*symbol));
            }
        }
        let writer = Self::lay_out(kind, members, &symbols, limit)?;
        match writer {
            Some(writer) => Ok(writer),
            None => {
                let wide = match kind {
                    ArchiveKind::Coff => return Err(too_big("a COFF archive").into()),
                    k if k.is_bsd() => ArchiveKind::Darwin64,
                    _ => ArchiveKind::Gnu64,
                };
                Self::lay_out(wide, members, &symbols, u64::MAX)?
                    .ok_or_else(|| too_big("an archive").into())
            }
        }
    }

    /// `None` where an offset is past `limit`.
    fn lay_out(
        kind: ArchiveKind,
        members: &'a [OutputMember<'_>],
        symbols: &[Vec<&[u8]>],
        limit: u64,
    ) -> Result<Option<Self>> {
        let mut names = LongNames::default();
        let mut out = Vec::with_capacity(members.len());
        // Offsets of the member headers, counted from the first.
        let mut offsets = Vec::with_capacity(members.len());
        let mut at = 0u64;
        let mut dates = Dates::new(kind, members);
        for member in members {
            let data: &[u8] = &member.data;
            let name = writable_name(kind, &member.name);
            let date = dates.next(&member.name);
            let (header, size) = if kind.is_bsd() {
                // On Darwin the padding counts as part of the member.
                let size = data.len() as u64 + u64::from(pad_to(data.len() as u64, 8));
                bsd_header(&name, at, date, 0o644, size)
            } else {
                let field = names.field(kind, &name);
                let size = data.len() as u64;
                (field_header(&field, date, 0o644, size), size)
            };
            if size > MAX_MEMBER {
                return Err(Error::from(too_big("a member of an archive")).in_member(&name));
            }
            let padding = pad(kind, data.len() as u64);
            offsets.push(at);
            at += header.len() as u64 + data.len() as u64 + padding.len() as u64;
            out.push((header, data, padding));
        }
        let last = offsets.last().copied().unwrap_or(0);
        let names = names.member();
        let index = Index {
            kind,
            symbols,
            offsets: &offsets,
        };
        let first = MAGIC.len() as u64 + index.len() + names.len() as u64;
        if !kind.is_64() && first + last > limit {
            return Ok(None);
        }
        let mut head = Vec::with_capacity(first as usize);
        head.extend_from_slice(MAGIC);
        index.write(&mut head, first);
        head.extend_from_slice(&names);
        debug_assert_eq!(head.len() as u64, first);
        Ok(Some(Self {
            kind,
            head,
            members: out,
            len: first + at,
        }))
    }

    /// The kind that is written, which may be wider than the one asked for.
    #[must_use]
    pub fn kind(&self) -> ArchiveKind {
        self.kind
    }

    /// Bytes of the whole archive.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Streams the archive.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.head)?;
        for (header, data, padding) in &self.members {
            out.write_all(header)?;
            out.write_all(data)?;
            out.write_all(padding)?;
        }
        out.flush()
    }
}

fn too_big(what: &str) -> Diagnostic {
    Diagnostic::new(Code::OutputLimit, format!("this is too big for {what}"))
}

/// The symbols each member defines, in symbol table order.
fn defined_symbols<'a>(members: &'a [OutputMember<'_>]) -> Result<Vec<Vec<&'a [u8]>>> {
    let results: Vec<Result<Vec<&[u8]>>> = members
        .par_iter()
        .map(|member| {
            let data: &[u8] = &member.data;
            let mut symbols = member.symbols.clone();
            format::for_each_global(format::classify(data), data, &mut |symbol| {
                if symbol.kind.is_definition() {
                    symbols.push(symbol.name);
                }
            })
            .map_err(|e| e.in_member(&member.name))?;
            Ok(symbols)
        })
        .collect();
    Error::collect(results)
}

/// Names come from files: what would end a name early, or be taken for an index, is replaced.
fn writable_name(kind: ArchiveKind, name: &[u8]) -> Cow<'_, [u8]> {
    let ends_name = |b: u8| b == 0 || b == b'\n';
    if name.iter().copied().any(ends_name) {
        let clean = |&b: &u8| if ends_name(b) { b'_' } else { b };
        return Cow::Owned(name.iter().map(clean).collect());
    }
    if kind.is_bsd() && name.starts_with(b"__.SYMDEF") {
        let mut clean = b"_".to_vec();
        clean.extend_from_slice(name);
        return Cow::Owned(clean);
    }
    Cow::Borrowed(name)
}

/// Member dates are zero, but for members of one name in Darwin archives: debuggers find an object
/// there by name and date, so those are numbered.
struct Dates<'a> {
    repeated: HashMap<&'a [u8], u64>,
}

impl<'a> Dates<'a> {
    fn new(kind: ArchiveKind, members: &'a [OutputMember<'_>]) -> Self {
        let mut repeated = HashMap::new();
        if kind.is_bsd() {
            for member in members {
                let name: &[u8] = &member.name;
                *repeated.entry(name).or_insert(0u64) += 1;
            }
            repeated.retain(|_, count| *count > 1);
            repeated.values_mut().for_each(|count| *count = 0);
        }
        Self { repeated }
    }

    fn next(&mut self, name: &[u8]) -> u64 {
        self.repeated.get_mut(name).map_or(0, |count| {
            *count += 1;
            *count
        })
    }
}

fn field_header(field: &[u8], date: u64, mode: u32, size: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER as usize);
    header.extend_from_slice(field);
    header.resize(16, b' ');
    let rest = format!("{date:<12}{:<6}{:<6}{mode:<8o}{size:<10}`\n", 0, 0);
    header.extend_from_slice(rest.as_bytes());
    header
}

/// Header and name of a member at `at`, and the size it states. The name is padded so that the data
/// is aligned to 8, as Apple's linkers want 64-bit objects.
fn bsd_header(name: &[u8], at: u64, date: u64, mode: u32, size: u64) -> (Vec<u8>, u64) {
    let padding = pad_to(at + HEADER + name.len() as u64, 8);
    let name_len = name.len() as u64 + u64::from(padding);
    let size = name_len + size;
    let mut header = field_header(format!("#1/{name_len}").as_bytes(), date, mode, size);
    header.extend_from_slice(name);
    header.resize(header.len() + usize::from(padding), 0);
    (header, size)
}

/// Padding after a member's data.
fn pad(kind: ArchiveKind, len: u64) -> &'static [u8] {
    const NEWLINES: &[u8] = b"\n\n\n\n\n\n\n\n";
    let to = if kind.is_bsd() { 8 } else { 2 };
    NEWLINES
        .get(..usize::from(pad_to(len, to)))
        .unwrap_or_default()
}

/// What brings `len` to a multiple of `to`, a power of two.
fn pad_to(len: u64, to: u8) -> u8 {
    (to - (len % u64::from(to)) as u8) % to
}

/// The member `//` of names that do not fit into a header.
#[derive(Default)]
struct LongNames {
    table: Vec<u8>,
    seen: HashMap<Vec<u8>, usize>,
}

impl LongNames {
    /// The name field for `name`.
    fn field(&mut self, kind: ArchiveKind, name: &[u8]) -> Vec<u8> {
        // An empty name would read as the symbol index.
        if name.len() < 16 && !name.is_empty() && !name.contains(&b'/') {
            let mut field = name.to_vec();
            field.push(b'/');
            return field;
        }
        let at = match self.seen.get(name) {
            Some(&at) => at,
            None => {
                let at = self.table.len();
                self.table.extend_from_slice(name);
                self.table.extend_from_slice(match kind {
                    ArchiveKind::Coff => b"\0",
                    _ => b"/\n",
                });
                self.seen.insert(name.to_vec(), at);
                at
            }
        };
        format!("/{at}").into_bytes()
    }

    fn member(mut self) -> Vec<u8> {
        if self.table.is_empty() {
            return Vec::new();
        }
        if self.table.len() % 2 == 1 {
            self.table.push(b'\n');
        }
        let mut member = Vec::with_capacity(self.table.len() + HEADER as usize);
        member.extend_from_slice(format!("{:<48}{:<10}`\n", "//", self.table.len()).as_bytes());
        member.extend_from_slice(&self.table);
        member
    }
}

/// The symbol index (for COFF, both).
struct Index<'a> {
    kind: ArchiveKind,
    symbols: &'a [Vec<&'a [u8]>],
    /// Of member headers, counted from the first.
    offsets: &'a [u64],
}

impl Index<'_> {
    fn count(&self) -> u64 {
        self.symbols.iter().map(|s| s.len() as u64).sum()
    }

    fn strings(&self) -> u64 {
        let names = self.symbols.iter().flatten();
        let len = names.map(|s| s.len() as u64 + 1).sum();
        if len == 0 && self.kind != ArchiveKind::Coff {
            // Older tools want a symbol table, with strings, in every archive with members.
            3
        } else {
            len
        }
    }

    fn word(&self) -> u64 {
        if self.kind.is_64() { 8 } else { 4 }
    }

    /// Length of the first index's data, padded.
    fn first_len(&self) -> u64 {
        let (count, strings, word) = (self.count(), self.strings(), self.word());
        let len = if self.kind.is_bsd() {
            2 * word + count * 2 * word + strings
        } else {
            word + count * word + strings
        };
        len + u64::from(pad_to(len, if self.kind.is_bsd() { 8 } else { 2 }))
    }

    /// Length of COFF's second index's data, padded.
    fn second_len(&self) -> u64 {
        let len = 8 + 4 * self.offsets.len() as u64 + 2 * self.count() + self.strings();
        len + u64::from(pad_to(len, 2))
    }

    fn bsd_name(&self) -> &'static [u8] {
        if self.kind == ArchiveKind::Darwin64 {
            b"__.SYMDEF_64"
        } else {
            b"__.SYMDEF"
        }
    }

    /// Length with headers.
    fn len(&self) -> u64 {
        if self.kind.is_bsd() {
            let (header, _) = bsd_header(self.bsd_name(), MAGIC.len() as u64, 0, 0, 0);
            return header.len() as u64 + self.first_len();
        }
        let first = HEADER + self.first_len();
        if self.kind == ArchiveKind::Coff {
            first + HEADER + self.second_len()
        } else {
            first
        }
    }

    /// Appends the index to `out`; member offsets count from `first`.
    fn write(&self, out: &mut Vec<u8>, first: u64) {
        if self.kind.is_bsd() {
            self.write_bsd(out, first);
        } else {
            self.write_gnu(out, first);
            if self.kind == ArchiveKind::Coff {
                self.write_coff(out, first);
            }
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.symbols
            .iter()
            .zip(self.offsets)
            .flat_map(|(symbols, &at)| symbols.iter().map(move |s| (*s, at)))
    }

    fn push_word(&self, out: &mut Vec<u8>, value: u64) {
        match (self.kind.is_bsd(), self.kind.is_64()) {
            // The caller has checked that offsets fit.
            (true, false) => out.extend_from_slice(&(value as u32).to_le_bytes()),
            (true, true) => out.extend_from_slice(&value.to_le_bytes()),
            (false, false) => out.extend_from_slice(&(value as u32).to_be_bytes()),
            (false, true) => out.extend_from_slice(&value.to_be_bytes()),
        }
    }

    fn push_strings(&self, out: &mut Vec<u8>) {
        for symbol in self.symbols.iter().flatten() {
            out.extend_from_slice(symbol);
            out.push(0);
        }
    }

    fn write_gnu(&self, out: &mut Vec<u8>, first: u64) {
        let field: &[u8] = if self.kind == ArchiveKind::Gnu64 {
            b"/SYM64/"
        } else {
            b"/"
        };
        out.extend_from_slice(&field_header(field, 0, 0, self.first_len()));
        let end = out.len() + self.first_len() as usize;
        self.push_word(out, self.count());
        for (_, at) in self.pairs() {
            self.push_word(out, first + at);
        }
        self.push_strings(out);
        out.resize(end, 0);
    }

    fn write_bsd(&self, out: &mut Vec<u8>, first: u64) {
        let at = out.len() as u64;
        out.extend_from_slice(&bsd_header(self.bsd_name(), at, 0, 0, self.first_len()).0);
        let end = out.len() + self.first_len() as usize;
        self.push_word(out, self.count() * 2 * self.word());
        let mut string = 0u64;
        for (symbol, at) in self.pairs() {
            self.push_word(out, string);
            self.push_word(out, first + at);
            string += symbol.len() as u64 + 1;
        }
        self.push_word(out, self.strings());
        self.push_strings(out);
        out.resize(end, 0);
    }

    fn write_coff(&self, out: &mut Vec<u8>, first: u64) {
        out.extend_from_slice(&field_header(b"/", 0, 0, self.second_len()));
        let end = out.len() + self.second_len() as usize;
        out.extend_from_slice(&(self.offsets.len() as u32).to_le_bytes());
        for at in self.offsets {
            out.extend_from_slice(&((first + at) as u32).to_le_bytes());
        }
        let mut sorted: Vec<(&[u8], u16)> = self
            .symbols
            .iter()
            .zip(1u16..)
            .flat_map(|(symbols, member)| symbols.iter().map(move |s| (*s, member)))
            .collect();
        sorted.sort();
        out.extend_from_slice(&(sorted.len() as u32).to_le_bytes());
        for (_, member) in &sorted {
            out.extend_from_slice(&member.to_le_bytes());
        }
        for (symbol, _) in &sorted {
            out.extend_from_slice(symbol);
            out.push(0);
        }
        out.resize(end, 0);
    }
}
