//! A function's lines and those of what is inlined into it, each for itself, from the innermost ones.

use super::annotations::Line;
use super::cover::{Stretch, innermost};
use super::tables::Files;
use crate::debuginfo::dwarf::write::Piece;
use crate::debuginfo::{RowFlags, Scope};

/// A line with what only functions that are not inlined say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FullLine {
    pub line: Line,
    pub column: u16,
    pub is_stmt: bool,
}

/// The innermost lines of a piece, in order; bytes from the atom's start.
pub(super) fn lines(piece: &Piece<'_>, files: &mut Files<'_>) -> Vec<FullLine> {
    let debug = piece.debug;
    let mut out: Vec<FullLine> = Vec::new();
    for run in debug.runs_of(piece.atom) {
        let rows = debug.rows_of(run);
        for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
            // Lines of more than 24 bits are none; zero says that compilers do not know it.
            let known = (1..1 << 24).contains(&row.line) && next.offset > row.offset;
            if row.flags.has(RowFlags::END) || !known {
                continue;
            }
            let Some(file) = files.number(debug, row.file) else {
                continue;
            };
            out.push(FullLine {
                line: Line {
                    start: row.offset,
                    end: next.offset,
                    file,
                    line: row.line,
                },
                column: row.column,
                is_stmt: row.flags.has(RowFlags::IS_STMT),
            });
        }
    }
    out.sort_by_key(|l| l.line.start);
    out
}

/// A scope of a function within one piece.
pub(super) struct Part<'a> {
    pub scope: &'a Scope,
    pub lines: Vec<FullLine>,
}

/// What a function has in a piece: its start and end (bytes from the atom's start), itself and what is
/// inlined, in preorder; `None` where it has nothing there.
pub(super) fn parts<'a>(
    piece: &Piece<'a>,
    function: u32,
    all: &[FullLine],
    files: &mut Files<'_>,
) -> Option<(u32, u32, Vec<Part<'a>>)> {
    let debug = piece.debug;
    let function = debug.functions.get(function as usize)?;
    let mut parts: Vec<Part<'a>> = Vec::new();
    let mut stretches: Vec<Stretch> = Vec::new();
    // Of the scopes above the one at hand.
    let mut above: Vec<usize> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut dead: Option<u32> = None;
    for scope in debug.scopes_of(function) {
        if dead.is_some_and(|d| scope.depth > d) {
            continue;
        }
        let first = stretches.len();
        let number = parts.len();
        let ranges = debug.ranges_of(scope).iter();
        let own = ranges.filter(|r| r.atom == piece.atom && r.start < r.end);
        stretches.extend(own.map(|r| (r.start, r.end, number as u32)));
        dead = (stretches.len() == first).then_some(scope.depth);
        if dead.is_some() {
            continue;
        }
        above.truncate(scope.depth as usize);
        parents.push(above.last().copied().unwrap_or(0));
        above.push(number);
        parts.push(Part {
            scope,
            lines: Vec::new(),
        });
    }
    let own = stretches.iter().take_while(|s| s.2 == 0);
    let start = own.clone().map(|s| s.0).min()?;
    let end = own.map(|s| s.1).max()?;
    // Who is innermost has the lines,
    let mut next = all.partition_point(|l| l.line.end <= start);
    for (a, b, at) in innermost(&stretches) {
        while all.get(next).is_some_and(|l| l.line.end <= a) {
            next += 1;
        }
        let number = stretches[at].2 as usize;
        for full in all[next..].iter().take_while(|l| l.line.start < b) {
            let line = Line {
                start: full.line.start.max(a),
                end: full.line.end.min(b),
                ..full.line
            };
            parts[number].lines.push(FullLine { line, ..*full });
        }
    }
    // and those around it that of the call.
    for &(a, b, number) in &stretches {
        let number = number as usize;
        let Some(call) = parts[number].scope.call.filter(|_| number > 0) else {
            continue;
        };
        if let (Some(file), 1..0x100_0000) = (files.number(debug, call.file), call.line) {
            parts[parents[number]].lines.push(FullLine {
                line: Line {
                    start: a,
                    end: b,
                    file,
                    line: call.line,
                },
                column: u16::try_from(call.column).unwrap_or(0),
                is_stmt: true,
            });
        }
    }
    let mut at = 0;
    for (number, part) in parts.iter_mut().enumerate() {
        let first = at;
        while stretches.get(at).is_some_and(|s| s.2 as usize == number) {
            at += 1;
        }
        let mut ranges = stretches[first..at].to_vec();
        ranges.sort_unstable();
        part.lines = filled(std::mem::take(&mut part.lines), &ranges);
    }
    Some((start, end, parts))
}

/// Lines that run on to the next one in each of `ranges`, and do not repeat each other.
fn filled(mut lines: Vec<FullLine>, ranges: &[Stretch]) -> Vec<FullLine> {
    lines.sort_by_key(|l| l.line.start);
    let mut out: Vec<FullLine> = Vec::with_capacity(lines.len());
    let mut next = lines.iter().peekable();
    for &(start, end, _) in ranges {
        while next.next_if(|l| l.line.start < start).is_some() {}
        let first = out.len();
        while let Some(full) = next.next_if(|l| l.line.start < end) {
            match out.get_mut(first..).and_then(<[_]>::last_mut) {
                Some(last) if is_same(last, full) => continue,
                Some(last) => last.line.end = full.line.start,
                None => {}
            }
            out.push(*full);
        }
        if let Some(last) = out.get_mut(first..).and_then(<[_]>::last_mut) {
            last.line.end = end;
        }
    }
    out.retain(|l| l.line.start < l.line.end);
    out
}

fn is_same(a: &FullLine, b: &FullLine) -> bool {
    let what = |l: &FullLine| (l.line.file, l.line.line, l.column, l.is_stmt);
    what(a) == what(b)
}
