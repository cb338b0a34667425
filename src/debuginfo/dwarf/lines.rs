//! Line programs: the rows of live atoms.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::{ColumnType, LineRow};

use super::read::{Budget, Bytes, Fault, UnitReader};
use crate::debuginfo::arena::{Arena, is_absolute, join};
use crate::debuginfo::{NO_FILE, ObjectDebug, Row, RowFlags, Run};

/// The numbers that files of a unit have in the object.
#[derive(Default)]
pub(super) struct Files {
    known: HashMap<u64, u32, FixedState>,
}

impl Files {
    pub fn new(_: &UnitReader<'_, '_>) -> Self {
        Self::default()
    }

    /// The file with the unit's number; [`NO_FILE`] where there is none.
    pub fn get(&mut self, reader: &UnitReader<'_, '_>, arena: &mut Arena, index: u64) -> u32 {
        if let Some(&known) = self.known.get(&index) {
            return known;
        }
        let found = Self::find(reader, arena, index).unwrap_or(NO_FILE);
        self.known.insert(index, found);
        found
    }

    fn find(reader: &UnitReader<'_, '_>, arena: &mut Arena, index: u64) -> Option<u32> {
        let header = reader.unit.line_program.as_ref()?.header();
        // Before version 5 files count from 1, and 0 is none (DWARF 4, 6.2.4).
        if header.version() < 5 && index == 0 {
            return None;
        }
        let file = header.file(index)?;
        let line_text = |v| reader.dwarf.attr_string(reader.unit, v).ok();
        let name = line_text(file.path_name())?;
        let name = name.bytes();
        if is_absolute(name) {
            return Some(arena.file(b"", name));
        }
        let own = reader.unit.comp_dir.as_ref().map_or(&b""[..], Bytes::bytes);
        let at = file.directory_index();
        let directory = if header.version() < 5 && at == 0 {
            own.to_vec()
        } else {
            let directory = file.directory(header).and_then(line_text);
            let directory = directory.as_ref().map_or(&b""[..], Bytes::bytes);
            join(own, directory)
        };
        Some(arena.file(&directory, name))
    }
}

/// A row as the program says it: in addresses, with the unit's number of its file.
type Raw = (u64, u64, Row);

/// Runs the unit's line program.
///
/// # Errors
/// What does not parse.
pub(super) fn read(
    reader: &UnitReader<'_, '_>,
    files: &mut Files,
    arena: &mut Arena,
    out: &mut ObjectDebug,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let Some(program) = reader.unit.line_program.clone() else {
        return Ok(());
    };
    let mut rows = program.rows();
    let mut sequence: Vec<Raw> = Vec::new();
    while let Some((_, row)) = rows.next_row()? {
        budget.spend(1)?;
        if !row.end_sequence() {
            sequence.push((row.address(), row.file_index(), convert(row)));
            continue;
        }
        // They only go up (DWARF 4, 6.2.5), but in broken files.
        sequence.sort_by_key(|r| r.0);
        let begin = sequence.first().map_or(0, |r| r.0);
        if reader.places.touches(begin, row.address()) {
            let mut take = Take {
                reader,
                files,
                arena,
                out,
                open: None,
            };
            take.sequence(&sequence, row.address(), budget)?;
        }
        sequence.clear();
    }
    Ok(())
}

fn convert(row: &LineRow) -> Row {
    let flags = RowFlags::default()
        .with(RowFlags::IS_STMT, row.is_stmt())
        .with(RowFlags::PROLOGUE_END, row.prologue_end())
        .with(RowFlags::EPILOGUE_BEGIN, row.epilogue_begin())
        .with(RowFlags::BASIC_BLOCK, row.basic_block());
    let column = match row.column() {
        ColumnType::LeftEdge => 0,
        ColumnType::Column(c) => c.get(),
    };
    Row {
        offset: 0,
        file: NO_FILE,
        line: row
            .line()
            .map_or(0, |l| u32::try_from(l.get()).unwrap_or(0)),
        discriminator: u32::try_from(row.discriminator()).unwrap_or(0),
        column: u16::try_from(column).unwrap_or(0),
        flags,
    }
}

/// Takes a sequence apart into runs of atoms.
struct Take<'t, 'r, 'a> {
    reader: &'t UnitReader<'r, 'a>,
    files: &'t mut Files,
    arena: &'t mut Arena,
    out: &'t mut ObjectDebug,
    /// The run at hand: its atom, its first row, and how far its rows say something.
    open: Option<(u32, u32, u32)>,
}

impl Take<'_, '_, '_> {
    fn sequence(&mut self, rows: &[Raw], end: u64, budget: &mut Budget) -> Result<(), Fault> {
        let ends = rows.iter().skip(1).map(|r| r.0).chain([end]);
        for ((begin, file, row), end) in rows.iter().zip(ends) {
            let empty = end <= *begin;
            for piece in self
                .reader
                .places
                .pieces(*begin, end.max(begin.saturating_add(1)))
            {
                budget.spend(1)?;
                // What runs on into the next atom says nothing of that: it has no rows of its own (Mach-O).
                let start = self.reader.places.start(piece.atom).unwrap_or(0);
                if start + u64::from(piece.start) != *begin {
                    break;
                }
                if self.open.is_none_or(|o| o.0 != piece.atom) {
                    self.close();
                    self.open = Some((piece.atom, self.out.rows.len() as u32, 0));
                }
                if let Some(open) = &mut self.open {
                    open.2 = if empty { piece.start } else { piece.end };
                }
                let file = self.files.get(self.reader, self.arena, *file);
                self.out.rows.push(Row {
                    offset: piece.start,
                    file,
                    ..*row
                });
            }
        }
        self.close();
        Ok(())
    }

    fn close(&mut self) {
        let Some((atom, first, end)) = self.open.take() else {
            return;
        };
        self.out.rows.push(Row {
            offset: end,
            file: NO_FILE,
            line: 0,
            discriminator: 0,
            column: 0,
            flags: RowFlags::END,
        });
        self.out.runs.push(Run {
            atom,
            unit: self.reader.number,
            rows: (first, self.out.rows.len() as u32),
        });
    }
}
