//! Writes the CodeView of an output object: `.debug$S` for its code, others for code that linkers may drop as a
//! COMDAT, and one `.debug$T`.

use foldhash::{HashMap, HashMapExt};

use super::annotations::{Line, encode};
use super::functions::{FullLine, lines, parts};
use super::tables::{Files, PROCEDURE, Types, text};
use super::{LANGUAGES, LONGEST, SIGNATURE, subsection, symbol};
use crate::debuginfo::dwarf::write::{Costs, Piece, remapped};
use crate::debuginfo::{ObjectDebug, Unit};
use crate::error::{Code, Diagnostic, Result};
use crate::format::coff::arch::Arch;
use crate::format::coff::debug_write::FLAGS;
use crate::format::coff::emit::{Comdat, OutReloc, OutSection, SymbolRef};
use crate::format::coff::write::Layout;

/// Adds the sections to the layout, and tells what they cost. `pieces` in the order of sections and offsets.
///
/// # Errors
/// `output-limit` where a section is longer than 32 bits can say.
pub(in crate::format::coff) fn build(
    layout: &mut Layout<'_, '_, '_>,
    pieces: &[Piece<'_>],
) -> Result<Costs> {
    let mut costs = Costs::default();
    let mut files = Files::new(layout.object.debug.remap);
    let mut types = Types::new();
    let mut all: Vec<Out> = vec![Out::new(layout.arch, None)];
    all[0].head(pieces, &mut types, layout);
    let mut of_comdat: HashMap<usize, usize> = HashMap::new();
    for pieces in pieces.chunk_by(|a, b| a.section == b.section) {
        let Some(first) = pieces.first() else {
            continue;
        };
        let code = first.section as usize;
        let leader = match layout.sections[code].comdat {
            None => None,
            Some(Comdat::With(leader)) => Some(leader),
            Some(Comdat::Leader(_) | Comdat::ByName) => Some(code),
        };
        let at = match leader {
            None => 0,
            Some(leader) => *of_comdat.entry(leader).or_insert_with(|| {
                all.push(Out::new(layout.arch, Some(leader)));
                all.len() - 1
            }),
        };
        all[at].pieces(pieces, &mut files, &mut types, &mut costs);
    }
    if let Some(own) = all.first_mut() {
        own.table(subsection::INLINEES, &types.inlinees);
        own.table(subsection::FILES, &files.entries);
        own.table(subsection::STRINGS, &files.strings);
    }
    for out in all {
        let mut section = OutSection::new(b".debug$S", FLAGS);
        section.comdat = out.leader.map(Comdat::With);
        add(layout, section, out.data, out.relocs)?;
    }
    let section = OutSection::new(b".debug$T", FLAGS);
    add(layout, section, types.into_section(), Vec::new())?;
    Ok(costs)
}

fn add(
    layout: &mut Layout<'_, '_, '_>,
    mut section: OutSection,
    data: Vec<u8>,
    relocs: Vec<OutReloc>,
) -> Result<()> {
    if u32::try_from(data.len()).is_err() {
        return Err(
            Diagnostic::new(Code::OutputLimit, "debug information of more than 4 GB")
                .hint("use `--debug strip`")
                .into(),
        );
    }
    section.align = 4;
    section.size = data.len() as u64;
    section.data = data;
    section.relocs = relocs;
    layout.sections.push(section);
    Ok(())
}

/// A `.debug$S` in the making.
struct Out {
    arch: Arch,
    /// The section of code that it lives with.
    leader: Option<usize>,
    data: Vec<u8>,
    relocs: Vec<OutReloc>,
}

impl Out {
    fn new(arch: Arch, leader: Option<usize>) -> Self {
        Self {
            arch,
            leader,
            data: SIGNATURE.to_le_bytes().to_vec(),
            relocs: Vec::new(),
        }
    }

    fn half(&mut self, value: u16) {
        self.data.extend_from_slice(&value.to_le_bytes());
    }

    fn word(&mut self, value: u32) {
        self.data.extend_from_slice(&value.to_le_bytes());
    }

    fn align(&mut self) {
        self.data.resize(self.data.len().next_multiple_of(4), 0);
    }

    fn begin(&mut self, kind: u32) -> usize {
        self.word(kind);
        self.word(0);
        self.data.len()
    }

    fn end(&mut self, begun: usize) {
        let length = (self.data.len() - begun) as u32;
        self.data[begun - 4..begun].copy_from_slice(&length.to_le_bytes());
        self.align();
    }

    fn table(&mut self, kind: u32, contents: &[u8]) {
        let begun = self.begin(kind);
        self.data.extend_from_slice(contents);
        self.end(begun);
    }

    fn begin_record(&mut self, kind: u16) -> usize {
        self.half(0);
        self.half(kind);
        self.data.len() - 2
    }

    fn end_record(&mut self, begun: usize) {
        self.align();
        let length = (self.data.len() - begun) as u16;
        self.data[begun - 2..begun].copy_from_slice(&length.to_le_bytes());
    }

    fn empty_record(&mut self, kind: u16) {
        let begun = self.begin_record(kind);
        self.end_record(begun);
    }

    /// Distance from the section's start, and the section's number.
    fn place(&mut self, section: u32, offset: u32) {
        let symbol = SymbolRef::Section(section as usize);
        let at = self.data.len() as u32;
        for (offset, relocation) in [
            (at, self.arch.in_section()),
            (at + 4, self.arch.section_number()),
        ] {
            self.relocs.push(OutReloc {
                offset,
                relocation,
                symbol,
            });
        }
        self.word(offset);
        self.half(0);
    }

    /// What compilers say once: as the first piece's did.
    fn head(&mut self, pieces: &[Piece<'_>], types: &mut Types, layout: &Layout<'_, '_, '_>) {
        let unit = pieces.iter().find_map(unit_of);
        let (mut language, mut producer) = (0, &b""[..]);
        let (mut folder, mut name) = (Vec::new(), Vec::new());
        if let Some((debug, unit)) = unit {
            let known = LANGUAGES.iter().find(|l| l.1.0 == unit.language);
            language = known.map_or(0, |l| l.0);
            producer = debug.text(unit.producer);
            (folder, name) = remapped(
                debug.text(unit.folder),
                debug.text(unit.name),
                layout.object.debug.remap,
            );
        }
        let build = types.build(&folder, &name);
        let begun = self.begin(subsection::SYMBOLS);
        let record = self.begin_record(symbol::OBJNAME);
        self.word(0);
        text(&mut self.data, layout.object.name.as_bytes(), LONGEST - 16);
        self.end_record(record);
        let record = self.begin_record(symbol::COMPILE3);
        self.word(u32::from(language));
        self.half(self.arch.codeview_machine());
        // Versions of front end and back end.
        self.data.extend_from_slice(&[0; 16]);
        text(&mut self.data, producer, 1024);
        self.end_record(record);
        let record = self.begin_record(symbol::BUILDINFO);
        self.word(build);
        self.end_record(record);
        self.end(begun);
    }

    /// The functions of pieces in one section.
    fn pieces(
        &mut self,
        pieces: &[Piece<'_>],
        files: &mut Files<'_>,
        types: &mut Types,
        costs: &mut Costs,
    ) {
        let mut tables: Vec<(u32, u32, u32, Vec<FullLine>)> = Vec::new();
        // Whose tables these are: up to where.
        let mut owners: Vec<(u32, usize)> = Vec::new();
        let begun = self.begin(subsection::SYMBOLS);
        for piece in pieces {
            let Ok(offset) = u32::try_from(piece.offset) else {
                continue;
            };
            let before = self.data.len();
            let all = lines(piece, files);
            let mut covered: Vec<(u32, u32)> = Vec::new();
            for function in piece.debug.functions_in(piece.atom) {
                let Some((start, end, parts)) = parts(piece, function, &all, files) else {
                    continue;
                };
                let names = parts.iter().map(|p| name(piece.debug, p.scope.routine));
                let names: Vec<&[u8]> = names.collect();
                self.procedure(piece.section, offset + start, end - start, names[0]);
                let mut open = 0;
                for (part, name) in parts.iter().zip(&names).skip(1) {
                    while open >= part.scope.depth {
                        self.empty_record(symbol::INLINESITE_END);
                        open -= 1;
                    }
                    self.site(name, &part.lines, start, types);
                    open = part.scope.depth;
                }
                for _ in 0..open {
                    self.empty_record(symbol::INLINESITE_END);
                }
                self.empty_record(symbol::END);
                covered.push((start, end));
                if let Some(own) = parts.into_iter().next() {
                    tables.push((offset, start, end, own.lines));
                }
            }
            covered.sort_unstable();
            uncovered(&all, &covered, offset, &mut tables);
            costs.add(piece.position, (self.data.len() - before) as u64);
            owners.push((piece.position, tables.len()));
        }
        self.end(begun);
        if let Some(section) = pieces.first().map(|p| p.section) {
            let mut first = 0;
            for (position, end) in owners {
                let before = self.data.len();
                for (offset, start, end, lines) in &tables[first..end] {
                    self.lines(section, offset + start, end - start, *start, lines);
                }
                costs.add(position, (self.data.len() - before) as u64);
                first = end;
            }
        }
    }

    fn procedure(&mut self, section: u32, offset: u32, size: u32, name: &[u8]) {
        let begun = self.begin_record(symbol::GPROC32);
        // Parent, end and next: the linker's.
        self.data.extend_from_slice(&[0; 12]);
        self.word(size);
        // Where its prologue ends and its epilogue begins.
        self.word(0);
        self.word(size);
        self.word(PROCEDURE);
        self.place(section, offset);
        self.data.push(0);
        text(&mut self.data, name, LONGEST - 64);
        self.end_record(begun);
    }

    fn site(&mut self, name: &[u8], lines: &[FullLine], start: u32, types: &mut Types) {
        let lines: Vec<Line> = lines
            .iter()
            .map(|l| Line {
                start: l.line.start.saturating_sub(start),
                end: l.line.end.saturating_sub(start),
                ..l.line
            })
            .collect();
        let first = lines.first().map_or((0, 0), |l| (l.file, l.line));
        let (inlinee, (file, line)) = types.inlinee(name, first);
        let begun = self.begin_record(symbol::INLINESITE);
        self.data.extend_from_slice(&[0; 8]);
        self.word(inlinee);
        let program = encode(&lines, file, line, LONGEST - 64);
        self.data.extend_from_slice(&program);
        self.end_record(begun);
    }

    /// DEBUG_S_LINES of `size` bytes; `base` is what the lines' places count from.
    fn lines(&mut self, section: u32, offset: u32, size: u32, base: u32, lines: &[FullLine]) {
        if lines.is_empty() {
            return;
        }
        let columns = lines.iter().any(|l| l.column != 0);
        let begun = self.begin(subsection::LINES);
        self.place(section, offset);
        self.half(u16::from(columns));
        self.word(size);
        for block in lines.chunk_by(|a, b| a.line.file == b.line.file) {
            let each = if columns { 12 } else { 8 };
            self.word(block.first().map_or(0, |l| l.line.file));
            self.word(block.len() as u32);
            self.word(12 + each * block.len() as u32);
            for l in block {
                self.word(l.line.start.saturating_sub(base));
                self.word(l.line.line | u32::from(l.is_stmt) << 31);
            }
            for l in block.iter().filter(|_| columns) {
                self.half(l.column);
                self.half(0);
            }
        }
        self.end(begun);
    }
}

/// Lines that lie in no function: of assembly.
fn uncovered(
    all: &[FullLine],
    covered: &[(u32, u32)],
    offset: u32,
    tables: &mut Vec<(u32, u32, u32, Vec<FullLine>)>,
) {
    let mut next = covered.iter().peekable();
    let mut own: Vec<FullLine> = Vec::new();
    for full in all {
        while next.next_if(|c| c.1 <= full.line.start).is_some() {}
        if next.peek().is_some_and(|c| c.0 < full.line.end) {
            continue;
        }
        match own.last() {
            Some(last) if last.line.end == full.line.start => {}
            _ => flush(&mut own, offset, tables),
        }
        own.push(*full);
    }
    flush(&mut own, offset, tables);
}

fn flush(own: &mut Vec<FullLine>, offset: u32, tables: &mut Vec<(u32, u32, u32, Vec<FullLine>)>) {
    if let (Some(first), Some(last)) = (own.first(), own.last()) {
        tables.push((offset, first.line.start, last.line.end, own.clone()));
    }
    own.clear();
}

fn unit_of<'a>(piece: &Piece<'a>) -> Option<(&'a ObjectDebug, &'a Unit)> {
    let run = piece.debug.runs_of(piece.atom).first().map(|r| r.unit);
    let unit = run.or_else(|| {
        let function = piece.debug.functions_in(piece.atom).next()?;
        Some(piece.debug.functions.get(function as usize)?.unit)
    })?;
    Some((piece.debug, piece.debug.units.get(unit as usize)?))
}

fn name(debug: &ObjectDebug, routine: u32) -> &[u8] {
    let Some(routine) = debug.routines.get(routine as usize) else {
        return b"";
    };
    match debug.text(routine.name) {
        b"" => debug.text(routine.linkage_name),
        name => name,
    }
}
