//! Reads what an object's CodeView says of its live code.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use object::LittleEndian as LE;
use object::pe::{AnonObjectHeaderBigobj, ImageFileHeader};
use object::read::coff::CoffHeader;

use super::annotations::{Line, decode};
use super::cover::{Stretch, innermost};
use super::ids::Ids;
pub use super::records::Fault;
use super::records::{Pieces, half, text, word};
use super::symbols::{Procedure, Symbols};
use super::{LANGUAGES, SIGNATURE, subsection};
use crate::debuginfo::arena::Arena;
use crate::debuginfo::dwarf::read::is_shipped;
use crate::debuginfo::{
    Call, CodeRange, Function, NO_FILE, ObjectDebug, Routine, Row, RowFlags, Run, Scope, Unit,
};
use crate::format::coff::arch::Arch;
use crate::format::coff::debug::Fields;
use crate::format::coff::{Layout, layout};
use crate::format::model::{Definition, ObjectFile};

/// The debug sections of an object.
#[derive(Default)]
struct Sections<'a> {
    /// `.debug$S`, with what is relocated there.
    symbols: Vec<(&'a [u8], Fields)>,
    /// `.debug$T`.
    types: &'a [u8],
}

impl<'a> Sections<'a> {
    fn new(data: &'a [u8]) -> Result<Self, Fault> {
        let found = match layout(data) {
            Some((Layout::Plain, _)) => Self::of::<ImageFileHeader>(data),
            Some((Layout::Big, _)) => Self::of::<AnonObjectHeaderBigobj>(data),
            _ => Some(Self::default()),
        };
        found.ok_or(Fault::Short("an object"))
    }

    fn of<H: CoffHeader>(data: &'a [u8]) -> Option<Self> {
        let mut offset = 0;
        let header = H::parse(data, &mut offset).ok()?;
        let sections = header.sections(data, offset).ok()?;
        let arch = Arch::new(header.machine())?;
        let mut out = Self::default();
        for section in sections.iter() {
            // Names of eight bytes stand in the header.
            match &section.name {
                b".debug$S" => {
                    let contents = section.coff_data(data).ok()?;
                    if word(contents, 0) == Some(SIGNATURE) {
                        let relocations = section.coff_relocations(data).ok()?;
                        let base = section.virtual_address.get(LE);
                        out.symbols
                            .push((contents, Fields::new(arch, base, relocations)));
                    }
                }
                b".debug$T" => out.types = section.coff_data(data).ok()?,
                _ => {}
            }
        }
        Some(out)
    }

    fn bytes(&self) -> u64 {
        let symbols: usize = self.symbols.iter().map(|s| s.0.len()).sum();
        (symbols + self.types.len()) as u64
    }
}

/// Is it an object with debug information that is not the standard library's, as it is shipped?
///
/// # Errors
/// What does not parse.
pub fn is_own(data: &[u8]) -> Result<bool, Fault> {
    let sections = Sections::new(data)?;
    if sections.symbols.is_empty() {
        return Ok(false);
    }
    let ids = Ids::read(sections.types)?;
    let build = ids.build();
    Ok(build.is_none_or(|(folder, name)| !is_shipped(folder) && !is_shipped(name)))
}

/// What is known of live code; `None` where the object has no CodeView.
///
/// # Errors
/// What does not parse; nothing of the object is to be used then.
pub fn read(
    data: &[u8],
    file: &ObjectFile<'_>,
    live: &[bool],
) -> Result<Option<ObjectDebug>, Fault> {
    let sections = Sections::new(data)?;
    if sections.symbols.is_empty() {
        return Ok(None);
    }
    let ids = Ids::read(sections.types)?;
    let mut tables = Tables::default();
    let mut symbols = Symbols::default();
    let mut base = Vec::new();
    for (contents, fields) in &sections.symbols {
        let place = |at: usize| place(file, live, fields, contents, at);
        let mut all = Pieces::subsections(contents);
        while let Some((at, kind, piece)) = all.next()? {
            match kind {
                subsection::SYMBOLS => symbols.read(contents, at, piece.len(), &place)?,
                subsection::LINES => lines(piece, place(at), &mut base)?,
                subsection::STRINGS if tables.strings.is_empty() => tables.strings = piece,
                subsection::FILES if tables.files.is_empty() => tables.files = piece,
                subsection::INLINEES => tables.inlinees(piece)?,
                _ => {}
            }
        }
    }
    base.sort_by_key(|b| (b.atom, b.line.start));
    let mut making = Making {
        ids,
        tables,
        base,
        file,
        arena: Arena::default(),
        file_of: HashMap::default(),
        routine_of: HashMap::default(),
        routines: HashMap::default(),
        budget: sections.bytes().saturating_mul(8).saturating_add(1 << 16),
        out: ObjectDebug::default(),
    };
    making.unit(&symbols)?;
    making.atoms(symbols.procedures)?;
    let Making { mut out, arena, .. } = making;
    out.files = arena.files;
    out.text = arena.text;
    out.own_way = true;
    if out.runs.is_empty() && out.functions.is_empty() {
        return Ok(None);
    }
    out.functions_of.sort_unstable();
    Ok(Some(out))
}

/// The live place that a field at `at` holds the distance of.
fn place(
    file: &ObjectFile<'_>,
    live: &[bool],
    fields: &Fields,
    contents: &[u8],
    at: usize,
) -> Option<(u32, u32)> {
    let symbol = fields.symbol(at as u64)?;
    let Definition::Atom { atom, offset } = file.symbols.get(symbol as usize)?.definition else {
        return None;
    };
    let offset = u32::try_from(offset)
        .ok()?
        .checked_add(word(contents, at)?)?;
    let size = file.atoms.get(atom as usize)?.size;
    let known = live.get(atom as usize).copied().unwrap_or(false) && u64::from(offset) < size;
    known.then_some((atom, offset))
}

/// What records refer to by offset or number.
#[derive(Default)]
struct Tables<'a> {
    strings: &'a [u8],
    files: &'a [u8],
    /// By number of the function: its file and line.
    inlinees: HashMap<u32, (u32, u32), FixedState>,
}

impl Tables<'_> {
    fn inlinees(&mut self, data: &[u8]) -> Result<(), Fault> {
        const SHORT: Fault = Fault::Short("a table of inlined functions");
        // CV_INLINEE_SOURCE_LINE_SIGNATURE_EX: with further files.
        let more = word(data, 0).ok_or(SHORT)? == 1;
        let mut at = 4;
        while at < data.len() {
            let field = |n: usize| word(data, at + 4 * n).ok_or(SHORT);
            // Functions of one name may have one number (`Atomic::load` of several types): readers take the first.
            let place = (field(1)?, field(2)?);
            self.inlinees.entry(field(0)?).or_insert(place);
            at += 12;
            if more {
                let files = word(data, at).ok_or(SHORT)? as usize;
                at = files
                    .checked_mul(4)
                    .and_then(|f| at.checked_add(4 + f))
                    .ok_or(SHORT)?;
            }
        }
        Ok(())
    }

    fn file_name(&self, file: u32) -> Option<&[u8]> {
        text(self.strings, word(self.files, file as usize)? as usize)
    }
}

/// A line of what is not inlined; bytes from the atom's start.
struct Base {
    atom: u32,
    line: Line,
    column: u16,
}

/// Reads a DEBUG_S_LINES subsection.
fn lines(data: &[u8], place: Option<(u32, u32)>, out: &mut Vec<Base>) -> Result<(), Fault> {
    const SHORT: Fault = Fault::Short("a line table");
    let Some((atom, offset)) = place else {
        return Ok(());
    };
    let has_columns = half(data, 6).ok_or(SHORT)? & 1 != 0;
    let size = word(data, 8).ok_or(SHORT)?;
    let first = out.len();
    let mut at = 12;
    while at < data.len() {
        let field = |n: usize| word(data, at + 4 * n).ok_or(SHORT);
        let (file, count, bytes) = (field(0)?, field(1)? as usize, field(2)? as usize);
        let each = if has_columns { 12 } else { 8 };
        let end = at.checked_add(bytes).filter(|&e| e <= data.len());
        let needed = count.checked_mul(each).and_then(|n| n.checked_add(12));
        let (Some(end), Some(true)) = (end, needed.map(|n| n <= bytes)) else {
            return Err(SHORT);
        };
        for n in 0..count {
            let row = at + 12 + 8 * n;
            let column = if has_columns {
                half(data, at + 12 + 8 * count + 4 * n).ok_or(SHORT)?
            } else {
                0
            };
            out.push(Base {
                atom,
                line: Line {
                    start: word(data, row).ok_or(SHORT)?.saturating_add(offset),
                    end: offset.saturating_add(size),
                    file,
                    // The upper bits tell how many lines it spans, and whether it is a statement.
                    line: word(data, row + 4).ok_or(SHORT)? & 0xFF_FFFF,
                },
                column,
            });
        }
        at = end;
    }
    let own = out.get_mut(first..).unwrap_or_default();
    own.sort_by_key(|b| b.line.start);
    for i in 1..own.len() {
        own[i - 1].line.end = own[i].line.start.min(own[i - 1].line.end);
    }
    Ok(())
}

/// Debug information in the making.
struct Making<'a, 'f, 'd> {
    ids: Ids<'a>,
    tables: Tables<'a>,
    /// By atom and start.
    base: Vec<Base>,
    file: &'f ObjectFile<'d>,
    arena: Arena,
    file_of: HashMap<u32, u32, FixedState>,
    /// By number of the function.
    routine_of: HashMap<u32, Option<u32>, FixedState>,
    routines: HashMap<Routine, u32, FixedState>,
    /// Bytes of names: many records may lead to one of them.
    budget: u64,
    out: ObjectDebug,
}

/// A line of an atom, wherever it comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Source {
    file: u32,
    line: u32,
    column: u16,
}

impl Making<'_, '_, '_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.budget = self
            .budget
            .checked_sub(bytes as u64)
            .ok_or(Fault::Endless)?;
        Ok(())
    }

    fn unit(&mut self, symbols: &Symbols<'_>) -> Result<(), Fault> {
        let (language, producer) = symbols.compiler.unwrap_or_default();
        let known = LANGUAGES.iter().find(|l| l.0 == language);
        let (folder, name) = self.ids.build().unwrap_or_default();
        self.out.units.push(Unit {
            language: known.map_or(0, |l| l.1.0),
            producer: self.arena.add(producer),
            name: self.arena.add(name),
            folder: self.arena.add(folder),
        });
        Ok(())
    }

    /// The object's number of a file.
    fn source_file(&mut self, file: u32) -> Result<u32, Fault> {
        if let Some(&known) = self.file_of.get(&file) {
            return Ok(known);
        }
        let name = self.tables.file_name(file).map(<[u8]>::to_vec);
        let number = match name {
            Some(name) => {
                self.spend(name.len())?;
                self.arena.file(b"", &name)
            }
            None => NO_FILE,
        };
        self.file_of.insert(file, number);
        Ok(number)
    }

    fn routine(&mut self, name: &[u8]) -> Result<u32, Fault> {
        self.spend(name.len())?;
        let routine = Routine {
            name: self.arena.add(name),
            ..Routine::default()
        };
        let fresh = self.out.routines.len() as u32;
        let number = *self.routines.entry(routine).or_insert(fresh);
        if number == fresh {
            self.out.routines.push(routine);
        }
        Ok(number)
    }

    /// The routine of an inlined function; `None` where no record names it.
    fn inlined(&mut self, id: u32) -> Result<Option<u32>, Fault> {
        if let Some(&known) = self.routine_of.get(&id) {
            return Ok(known);
        }
        let found = match self.ids.function(id) {
            Some((b"", name)) => Some(self.routine(name)?),
            Some((parent, name)) => {
                // Where a parent has many, it is read as often.
                self.spend(parent.len())?;
                Some(self.routine(&[parent, b"::", name].concat())?)
            }
            None => None,
        };
        self.routine_of.insert(id, found);
        Ok(found)
    }

    /// Everything, atom by atom.
    fn atoms(&mut self, mut procedures: Vec<Procedure<'_>>) -> Result<(), Fault> {
        procedures.sort_by_key(|p| p.place);
        let mut atoms: Vec<u32> = procedures.iter().map(|p| p.place.0).collect();
        atoms.extend(self.base.iter().map(|b| b.atom));
        atoms.sort_unstable();
        atoms.dedup();
        let mut next = procedures.as_slice();
        for atom in atoms {
            let own = next.partition_point(|p| p.place.0 <= atom);
            let (own, rest) = next.split_at(own);
            next = rest;
            self.atom(atom, own)?;
        }
        Ok(())
    }

    fn atom(&mut self, atom: u32, procedures: &[Procedure<'_>]) -> Result<(), Fault> {
        let size = self.file.atoms.get(atom as usize).map_or(0, |a| a.size);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let first = self.base.partition_point(|b| b.atom < atom);
        let last = self.base.partition_point(|b| b.atom <= atom);
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut sources = Vec::new();
        for i in first..last {
            let Base { line, column, .. } = self.base[i];
            let file = self.source_file(line.file)?;
            if file == NO_FILE || line.line == 0 {
                continue;
            }
            stretches.push((line.start, line.end.min(size), 0));
            sources.push(Source {
                file,
                line: line.line,
                column,
            });
        }
        let base = sources.len();
        for procedure in procedures {
            self.function(procedure, size, base, &mut stretches, &mut sources)?;
        }
        self.rows(atom, &innermost(&stretches), &sources);
        Ok(())
    }

    /// Adds a function and what is inlined there. `stretches` and `sources` hold the atom's lines, the first
    /// `base` of them of what is not inlined.
    fn function(
        &mut self,
        procedure: &Procedure<'_>,
        size: u32,
        base: usize,
        stretches: &mut Vec<Stretch>,
        sources: &mut Vec<Source>,
    ) -> Result<(), Fault> {
        let (atom, start) = procedure.place;
        let end = start.saturating_add(procedure.size).min(size);
        let routine = self.routine(procedure.name)?;
        let whole = CodeRange { atom, start, end };
        let first = self.out.scopes.len() as u32;
        self.scope(0, routine, None, &[whole]);
        // The lines of what is open: (first, last) of `stretches`.
        let mut open: Vec<(usize, usize)> = vec![(0, base)];
        let mut dead: Option<u32> = None;
        for site in &procedure.sites {
            if dead.is_some_and(|d| site.depth > d) {
                continue;
            }
            open.truncate(site.depth.max(1) as usize);
            let from = stretches.len();
            let known = self.tables.inlinees.get(&site.inlinee).copied();
            let routine = self.inlined(site.inlinee)?;
            let lines =
                known.map_or_else(Vec::new, |(file, line)| decode(site.program, file, line));
            let mut ranges: Vec<CodeRange> = Vec::new();
            for line in &lines {
                let file = self.source_file(line.file)?;
                let (a, b) = (
                    start.saturating_add(line.start),
                    start.saturating_add(line.end),
                );
                let (a, b) = (a.min(end), b.min(end));
                if a >= b || file == NO_FILE || !(1..1 << 24).contains(&line.line) {
                    continue;
                }
                match ranges.last_mut() {
                    Some(last) if last.end == a => last.end = b,
                    _ => ranges.push(CodeRange {
                        atom,
                        start: a,
                        end: b,
                    }),
                }
                let number = self.out.scopes.len() as u32;
                stretches.push((a, b, number));
                sources.push(Source {
                    file,
                    line: line.line,
                    column: 0,
                });
            }
            let parent = open.last().copied().unwrap_or((0, 0));
            let (Some(routine), Some(at)) = (routine, ranges.first().map(|r| r.start)) else {
                stretches.truncate(from);
                sources.truncate(from);
                dead = Some(site.depth);
                continue;
            };
            dead = None;
            let call = source_at(stretches, sources, parent, at).filter(|s| s.file != NO_FILE);
            let call = call.map(|s| Call {
                file: s.file,
                line: s.line,
                column: u32::from(s.column),
                discriminator: 0,
            });
            self.scope(site.depth, routine, call, &ranges);
            open.push((from, stretches.len()));
        }
        let number = self.out.functions.len() as u32;
        self.out.functions.push(Function {
            unit: 0,
            scopes: (first, self.out.scopes.len() as u32),
        });
        self.out.functions_of.push((atom, number));
        Ok(())
    }

    fn scope(&mut self, depth: u32, routine: u32, call: Option<Call>, ranges: &[CodeRange]) {
        let first = self.out.ranges.len() as u32;
        self.out.ranges.extend_from_slice(ranges);
        self.out.scopes.push(Scope {
            depth,
            routine,
            call,
            ranges: (first, self.out.ranges.len() as u32),
        });
    }

    fn rows(&mut self, atom: u32, lines: &[(u32, u32, usize)], sources: &[Source]) {
        let mut first = self.out.rows.len() as u32;
        let mut last: Option<Source> = None;
        for (i, &(start, end, number)) in lines.iter().enumerate() {
            let source = sources[number];
            if last != Some(source) {
                self.out.rows.push(Row {
                    offset: start,
                    file: source.file,
                    line: source.line,
                    discriminator: 0,
                    column: source.column,
                    flags: RowFlags::IS_STMT,
                });
            }
            last = Some(source);
            if lines.get(i + 1).is_some_and(|next| next.0 == end) {
                continue;
            }
            last = None;
            self.out.rows.push(Row {
                offset: end,
                file: NO_FILE,
                line: 0,
                discriminator: 0,
                column: 0,
                flags: RowFlags::END,
            });
            let rows = (first, self.out.rows.len() as u32);
            self.out.runs.push(Run {
                atom,
                unit: 0,
                rows,
            });
            first = rows.1;
        }
    }
}

/// The line of one of `stretches[within]`, which are sorted, at `at`.
fn source_at(
    stretches: &[Stretch],
    sources: &[Source],
    within: (usize, usize),
    at: u32,
) -> Option<Source> {
    let own = stretches.get(within.0..within.1)?;
    let found = own.partition_point(|s| s.0 <= at).checked_sub(1)?;
    let holds = own.get(found).is_some_and(|s| at < s.1);
    holds
        .then(|| sources.get(within.0 + found).copied())
        .flatten()
}
