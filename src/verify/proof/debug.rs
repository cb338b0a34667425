//! Looks at written debug information: what was known of code is said of the place where it stands now, and
//! nothing is said across the bounds of what was put side by side.
//!
//! Reading all of it again would cost what writing did, so it is a sample: objects in order, up to a limit.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use super::written::Read;
use super::{Checked, fault};
use crate::analysis::graph::ObjectId;
use crate::debuginfo::{CodeRange, ObjectDebug, Row, RowFlags};
use crate::error::Diagnostic;
use crate::format;
use crate::format::model::AtomIndex;
use crate::plan::MadeObject;

/// Bytes of debug information that are looked at, as they are written.
const SAMPLE: u64 = 1 << 19;

/// What was put somewhere: its place in a written atom, and what is known of it.
struct Piece<'p> {
    size: u64,
    known: Option<(&'p ObjectDebug, u32)>,
}

impl<'w> Checked<'_, '_, '_, 'w, '_> {
    /// What does not hold of the debug information in a sample of the objects.
    pub(super) fn debug(&self, data_of: impl Fn(ObjectId) -> &'w [u8]) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        let mut left = SAMPLE;
        for (made, read) in self.proof.made.iter().zip(&self.read_of) {
            let Some(read) = read.and_then(|r| self.objects.get(r)) else {
                continue;
            };
            if self.proof.debug.is_empty() || left == 0 || !format::debug::carries(read.kind) {
                break;
            }
            left = left.saturating_sub(read.file.debug_bytes);
            let data = data_of(read.id);
            let live = vec![true; read.file.atoms.len()];
            match format::debug::read_debug(read.kind, data, read.file, live, false) {
                Ok(written) => self.debug_of(made, read, &written.unwrap_or_default(), &mut faults),
                Err(why) => faults.push(fault(format!("written debug information: {why}"))),
            }
        }
        faults
    }

    fn debug_of(
        &self,
        made: &MadeObject,
        read: &Read<'_, '_>,
        written: &ObjectDebug,
        faults: &mut Vec<Diagnostic>,
    ) {
        // By written atom and offset.
        let mut pieces: BTreeMap<(AtomIndex, u64), Piece<'_>> = BTreeMap::new();
        for &(class, place) in &made.atoms {
            let Some((atom, offset)) = place.and_then(|p| read.atom_at(p)) else {
                continue;
            };
            let (_, _, node) = self.node(class);
            let file = self.proof.analysis.graph.file(node.object);
            let size = file.atoms[node.atom as usize].size;
            let known = self.proof.debug.of(class);
            pieces.insert((atom, offset), Piece { size, known });
        }
        let mut said: HashMap<AtomIndex, Vec<Said>, FixedState> = HashMap::default();
        for run in &written.runs {
            let of = said.entry(run.atom).or_default();
            of.extend(written.rows_of(run).iter().filter_map(told));
        }
        let mut parts: HashMap<AtomIndex, Vec<Part>, FixedState> = HashMap::default();
        for &(atom, _) in pieces.keys() {
            parts
                .entry(atom)
                .or_insert_with(|| functions(written, atom));
        }
        for rows in said.values_mut() {
            rows.sort_by_key(|r| r.0);
        }
        for (&(atom, start), piece) in &pieces {
            let Some((debug, own)) = piece.known else {
                continue;
            };
            let runs = debug.runs_of(own).iter();
            let mut before: Vec<Said> = runs
                .flat_map(|run| debug.rows_of(run).iter().filter_map(told))
                .filter(|r| r.0 < piece.size)
                .collect();
            before.sort_by_key(|r| r.0);
            let all = said.get(&atom).map_or(&[][..], Vec::as_slice);
            let first = all.partition_point(|r| r.0 < start);
            let last = all.partition_point(|r| r.0 < start + piece.size);
            let after = &all[first..last];
            let same = if debug.own_way {
                // A row of CodeView's that says what the one before says is none of its own.
                before.iter().all(|b| {
                    let next = all.partition_point(|a| a.0 <= b.0 + start);
                    next.checked_sub(1).is_some_and(|i| all[i].1 == b.1)
                })
            } else {
                after.len() == before.len()
                    && before
                        .iter()
                        .zip(after)
                        .all(|(b, a)| (b.0 + start, b.1, b.2) == *a)
            };
            let functions = functions(debug, own);
            let functions: Vec<Part> = functions
                .into_iter()
                .map(|(a, b)| (a + start, b + start))
                .collect();
            let all = parts.get(&atom).map_or(&[][..], Vec::as_slice);
            let first = all.partition_point(|p| p.0 < start);
            let last = all.partition_point(|p| p.0 < start + piece.size);
            let there = |f: &Part| all[first..last].iter().any(|p| p.0 <= f.0 && f.1 <= p.1);
            if last - first > functions.len() || !functions.iter().all(there) {
                faults.push(fault("a function is not where it is").symbol(name(read, atom)));
            }
            if !same {
                faults.push(fault("lines of code are not where it is").symbol(name(read, atom)));
            }
        }
        for range in &written.ranges {
            let (first, end) = ((range.atom, u64::from(range.start)), u64::from(range.end));
            let begins = pieces.range(..=first).next_back();
            let ends = pieces.range(..(range.atom, end)).next_back();
            let inside = begins.zip(ends).is_some_and(|((at, p), (last, q))| {
                let whole = at.0 == range.atom && end <= last.1 + q.size;
                // Parts of one function may have come to stand side by side.
                whole && (at == last || p.has_part_of(q))
            });
            if !inside {
                let of = name(read, range.atom);
                faults.push(fault("a function is said to reach into another").symbol(of));
            }
        }
    }
}

impl Piece<'_> {
    /// Has a function code in both?
    fn has_part_of(&self, other: &Self) -> bool {
        let (Some((debug, own)), Some((other, its))) = (self.known, other.known) else {
            return false;
        };
        std::ptr::eq(debug, other)
            && debug
                .functions_in(own)
                .any(|f| other.functions_in(its).any(|g| f == g))
    }
}

fn name<'r>(read: &Read<'r, '_>, atom: AtomIndex) -> &'r [u8] {
    read.file.atoms[atom as usize].section
}

/// Start and end of a function's code in an atom.
type Part = (u64, u64);

/// The parts of functions in an atom, sorted, each once.
fn functions(debug: &ObjectDebug, atom: u32) -> Vec<Part> {
    let mut out: Vec<Part> = debug
        .functions_in(atom)
        .filter_map(|f| debug.scopes_of(debug.functions.get(f as usize)?).first())
        .flat_map(|scope| debug.ranges_of(scope))
        .filter(|r| r.atom == atom)
        .map(|r: &CodeRange| (r.start.into(), r.end.into()))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Offset, line and column.
type Said = (u64, u32, u16);

fn told(row: &Row) -> Option<Said> {
    (!row.flags.has(RowFlags::END)).then_some((u64::from(row.offset), row.line, row.column))
}
