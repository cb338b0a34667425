//! Line programs (DWARF 4 and 5, 6.2).

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::constants as dw;

use super::bytes::{Bytes, FixTo};
use super::{Costs, Options, Piece, is_loose};
use crate::debuginfo::{NO_FILE, ObjectDebug, Row, RowFlags};

/// Line advances of special opcodes: mostly a few lines on, or back out of an inlined function.
const LINE_BASE: i64 = -5;
const LINE_RANGE: i64 = 14;
const OPCODE_BASE: u8 = 13;

/// Folders and files of a unit, in order of first use.
#[derive(Default)]
pub(super) struct FileTable {
    folders: Vec<Vec<u8>>,
    folder_of: HashMap<Vec<u8>, u64, FixedState>,
    files: Vec<(Vec<u8>, u64)>,
    file_of: HashMap<(Vec<u8>, u64), u64, FixedState>,
    /// By object and its number there.
    known: HashMap<(*const ObjectDebug, u32), u64, FixedState>,
}

impl FileTable {
    /// The unit's number of an object's file, from 1; 0 for none.
    pub fn number(&mut self, debug: &ObjectDebug, file: u32, options: Options<'_>) -> u64 {
        let Some(source) = debug.files.get(file as usize) else {
            return 0;
        };
        let key = (std::ptr::from_ref(debug), file);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let (directory, name) = (debug.text(source.directory), debug.text(source.name));
        let (directory, name) = remapped(directory, name, options.remap);
        let folder = if directory.is_empty() {
            0
        } else {
            match self.folder_of.get(&directory) {
                Some(&known) => known,
                None => {
                    self.folders.push(directory.clone());
                    let number = self.folders.len() as u64;
                    self.folder_of.insert(directory, number);
                    number
                }
            }
        };
        let entry = (name, folder);
        let number = match self.file_of.get(&entry) {
            Some(&known) => known,
            None => {
                self.files.push(entry.clone());
                let number = self.files.len() as u64;
                self.file_of.insert(entry, number);
                number
            }
        };
        self.known.insert(key, number);
        number
    }
}

impl FileTable {
    /// DWARF 5, 6.2.4: folder 0 is the unit's own. File 0 is there because readers disagree on where counting
    /// starts.
    fn write(&self, out: &mut Bytes, own: &[u8]) {
        out.u8(1);
        out.uleb(u64::from(dw::DW_LNCT_path.0));
        out.uleb(u64::from(dw::DW_FORM_string.0));
        out.uleb(self.folders.len() as u64 + 1);
        for folder in std::iter::once(own).chain(self.folders.iter().map(Vec::as_slice)) {
            out.text(folder);
        }
        out.u8(2);
        for (what, form) in [
            (dw::DW_LNCT_path, dw::DW_FORM_string),
            (dw::DW_LNCT_directory_index, dw::DW_FORM_udata),
        ] {
            out.uleb(u64::from(what.0));
            out.uleb(u64::from(form.0));
        }
        let first = self.files.first();
        out.uleb(self.files.len() as u64 + u64::from(first.is_some()));
        for (name, folder) in first.into_iter().chain(&self.files) {
            out.text(name);
            out.uleb(*folder);
        }
    }

    /// DWARF 4, 6.2.4.
    fn write_old(&self, out: &mut Bytes) {
        for folder in &self.folders {
            out.text(folder);
        }
        out.u8(0);
        for (name, folder) in &self.files {
            out.text(name);
            out.uleb(*folder);
            out.u16(0);
        }
        out.u8(0);
    }
}

/// The path with a prefix of whole components replaced, by the last rule that fits, as rustc does it.
pub(crate) fn remapped(
    directory: &[u8],
    name: &[u8],
    rules: &[(String, String)],
) -> (Vec<u8>, Vec<u8>) {
    const SEPARATORS: [char; 2] = ['/', '\\'];
    for (from, to) in rules.iter().rev() {
        let whole = from.trim_end_matches(SEPARATORS);
        for (path, is_folder) in [(directory, true), (name, false)] {
            if let Some(rest) = path.strip_prefix(whole.as_bytes())
                && (rest.is_empty() || matches!(rest[0], b'/' | b'\\'))
            {
                let path = match (rest, to.trim_end_matches(SEPARATORS)) {
                    ([], _) => to.clone().into_bytes(),
                    ([_, rest @ ..], "") if to.is_empty() => rest.to_vec(),
                    (rest, to) => [to.as_bytes(), rest].concat(),
                };
                return if is_folder {
                    (path, name.to_vec())
                } else {
                    (directory.to_vec(), path)
                };
            }
        }
    }
    (directory.to_vec(), name.to_vec())
}

/// The program of a unit; its files are added to the table.
pub(super) fn program_of(
    files: &mut FileTable,
    pieces: &[Piece<'_>],
    costs: &mut Costs,
    options: Options<'_>,
) -> Bytes {
    let mut program = Bytes::default();
    let mut machine = Machine::default();
    let mut ends: Option<(Piece<'_>, u32)> = None;
    for piece in pieces {
        let before = program.len();
        for run in piece.debug.runs_of(piece.atom) {
            let rows = piece.debug.rows_of(run);
            let Some(first) = rows.first() else { continue };
            let start = piece.offset + u64::from(first.offset);
            // The sequence goes on where nothing lies between but padding.
            let goes_on = ends.is_some_and(|(last, end)| {
                let end = last.offset + u64::from(end);
                let near = last.section == piece.section && start >= end && start - end < 64;
                near && (piece.follows || last.offset == piece.offset)
            });
            if !goes_on {
                if let Some((last, end)) = ends.take() {
                    machine.end(&mut program, &last, end, options);
                }
                machine.start(&mut program, piece, first.offset, options);
            }
            for row in rows {
                if row.flags.has(RowFlags::END) {
                    ends = Some((*piece, row.offset));
                } else {
                    let file = files.number(piece.debug, row.file, options);
                    machine.row(&mut program, piece, row, file, options);
                }
            }
        }
        costs.add(piece.position, program.len() - before);
    }
    if let Some((last, end)) = ends {
        machine.end(&mut program, &last, end, options);
    }
    program
}

/// Writes a unit's header and program, and tells where.
pub(super) fn write(
    out: &mut Bytes,
    files: &FileTable,
    program: Bytes,
    folder: &[u8],
    options: Options<'_>,
) -> u64 {
    let at = out.len();
    let unit = out.begin();
    out.u16(options.version);
    if options.version >= 5 {
        out.u8(options.address_size);
        out.u8(0);
    }
    let header = out.begin();
    // Bytes of an instruction, operations in one, rows are statements at first.
    for byte in [
        1,
        1,
        1,
        LINE_BASE as i8 as u8,
        LINE_RANGE as u8,
        OPCODE_BASE,
    ] {
        out.u8(byte);
    }
    // Operands of the standard opcodes.
    for operands in [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1] {
        out.u8(operands);
    }
    if options.version >= 5 {
        files.write(out, folder);
    } else {
        files.write_old(out);
    }
    out.end(header);
    let base = out.len();
    out.data.extend_from_slice(&program.data);
    out.fixes.extend(program.fixes.into_iter().map(|mut fix| {
        fix.at += base;
        fix
    }));
    out.end(unit);
    at
}

/// The state that a reader's machine is in.
#[derive(Default)]
struct Machine<'a> {
    /// Bytes from the section's start, as long as nothing is loose.
    address: u64,
    /// The place whose address the machine has.
    last: Option<(Piece<'a>, u32)>,
    file: u64,
    line: u64,
    column: u64,
    is_stmt: bool,
}

impl<'a> Machine<'a> {
    fn start(&mut self, out: &mut Bytes, piece: &Piece<'a>, offset: u32, options: Options<'_>) {
        *self = Self {
            line: 1,
            is_stmt: true,
            // Said in each sequence: libbfd begins with another than 1.
            file: u64::MAX,
            ..Self::default()
        };
        self.set_address(out, piece, offset, options);
    }

    fn set_address(
        &mut self,
        out: &mut Bytes,
        piece: &Piece<'a>,
        offset: u32,
        options: Options<'_>,
    ) {
        self.address = piece.offset + u64::from(offset);
        self.last = Some((*piece, offset));
        out.u8(0);
        out.uleb(1 + u64::from(options.address_size));
        out.u8(dw::DW_LNE_set_address.0);
        out.fix(
            options.address_size,
            FixTo::Code {
                section: piece.section,
                offset: self.address,
            },
        );
    }

    fn row(
        &mut self,
        out: &mut Bytes,
        piece: &Piece<'a>,
        row: &Row,
        file: u64,
        options: Options<'_>,
    ) {
        let to = piece.offset + u64::from(row.offset);
        self.reach(out, piece, row.offset, options);
        self.last = Some((*piece, row.offset));
        if row.file != NO_FILE && file != self.file {
            self.file = file;
            out.u8(dw::DW_LNS_set_file.0);
            out.uleb(file);
        }
        if u64::from(row.column) != self.column {
            self.column = u64::from(row.column);
            out.u8(dw::DW_LNS_set_column.0);
            out.uleb(self.column);
        }
        if row.flags.has(RowFlags::IS_STMT) != self.is_stmt {
            self.is_stmt = !self.is_stmt;
            out.u8(dw::DW_LNS_negate_stmt.0);
        }
        for (flag, opcode) in [
            (RowFlags::BASIC_BLOCK, dw::DW_LNS_set_basic_block),
            (RowFlags::PROLOGUE_END, dw::DW_LNS_set_prologue_end),
            (RowFlags::EPILOGUE_BEGIN, dw::DW_LNS_set_epilogue_begin),
        ] {
            if row.flags.has(flag) {
                out.u8(opcode.0);
            }
        }
        if row.discriminator != 0 {
            let mut operand = Bytes::default();
            operand.uleb(u64::from(row.discriminator));
            out.u8(0);
            out.uleb(1 + operand.len());
            out.u8(dw::DW_LNE_set_discriminator.0);
            out.data.extend_from_slice(&operand.data);
        }
        let advance = to.saturating_sub(self.address);
        let lines = i64::from(row.line) - self.line as i64;
        self.address = to;
        self.line = u64::from(row.line);
        append_row(out, lines, advance);
    }

    /// Sets the address where the way to it may change.
    fn reach(&mut self, out: &mut Bytes, piece: &Piece<'a>, offset: u32, options: Options<'_>) {
        let loose = match &self.last {
            Some((last, at)) if last.offset == piece.offset && last.section == piece.section => {
                is_loose(piece, *at, offset)
            }
            // Padding that the linker makes lies between.
            last => !piece.loose.is_empty() || last.is_some_and(|l| !l.0.loose.is_empty()),
        };
        if loose {
            self.set_address(out, piece, offset, options);
        }
    }

    fn end(&mut self, out: &mut Bytes, piece: &Piece<'a>, offset: u32, options: Options<'_>) {
        self.reach(out, piece, offset, options);
        let end = piece.offset + u64::from(offset);
        if end > self.address {
            out.u8(dw::DW_LNS_advance_pc.0);
            out.uleb(end - self.address);
        }
        out.u8(0);
        out.u8(1);
        out.u8(dw::DW_LNE_end_sequence.0);
    }
}

/// Advances line and address, and appends the row: in one byte where that can be.
fn append_row(out: &mut Bytes, mut lines: i64, mut advance: u64) {
    if !(LINE_BASE..LINE_BASE + LINE_RANGE).contains(&lines) {
        out.u8(dw::DW_LNS_advance_line.0);
        out.sleb(lines);
        lines = 0;
    }
    let special = |advance: u64| {
        let opcode = i64::from(OPCODE_BASE) + lines - LINE_BASE
            + i64::try_from(advance).ok()?.checked_mul(LINE_RANGE)?;
        u8::try_from(opcode).ok()
    };
    // DW_LNS_const_add_pc advances as special opcode 255 does.
    let constant = (255 - u64::from(OPCODE_BASE)) / LINE_RANGE as u64;
    if special(advance).is_none() {
        match advance
            .checked_sub(constant)
            .filter(|&a| special(a).is_some())
        {
            Some(rest) => {
                out.u8(dw::DW_LNS_const_add_pc.0);
                advance = rest;
            }
            None => {
                out.u8(dw::DW_LNS_advance_pc.0);
                out.uleb(advance);
                advance = 0;
            }
        }
    }
    out.u8(special(advance).unwrap_or(dw::DW_LNS_copy.0));
}

#[cfg(test)]
mod tests {
    use super::remapped;

    #[test]
    fn prefixes() {
        let mapped = |path: &str, rules: &[(&str, &str)]| {
            let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
            let rules: Vec<(String, String)> = rules.iter().map(own).collect();
            String::from_utf8(remapped(path.as_bytes(), b"", &rules).0).unwrap()
        };
        assert_eq!(mapped("/home/me/x", &[("/home/me", "/src")]), "/src/x");
        assert_eq!(mapped("/home/me", &[("/home/me/", "/src/")]), "/src/");
        assert_eq!(mapped("/home/me/x", &[("/home/me/", "/src/")]), "/src/x");
        assert_eq!(mapped("/home/me/x", &[("/home/me", "")]), "x");
        assert_eq!(mapped("/home/mean", &[("/home/me", "/src")]), "/home/mean");
        assert_eq!(mapped("C:\\me\\x", &[("C:\\me", "D:")]), "D:\\x");
        let both = [("/home", "/one"), ("/home/me", "/two")];
        assert_eq!(mapped("/home/me/x", &both), "/two/x");
        assert_eq!(mapped("/home/me/x", &[both[1], both[0]]), "/one/me/x");
    }
}
