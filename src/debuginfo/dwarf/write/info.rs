//! The entries of a unit (DWARF, chapters 2 and 3).

use std::collections::HashMap;

use foldhash::fast::FixedState;
use gimli::SectionId;
use gimli::constants as dw;

use super::abbreviations::Shape;
use super::addresses;
use super::bytes::{Bytes, FixTo};
use super::lines::{self, FileTable};
use super::ranges::{self, Span, joined};
use super::{Options, Out, Piece};
use crate::debuginfo::{Call, Function, ObjectDebug, Routine, Scope};

/// A routine of an object; objects of one output name theirs apart.
type RoutineKey<'a> = (&'a [u8], &'a [u8]);

/// A scope to write: what of it lies in the unit.
struct Entry<'a> {
    depth: u32,
    routine: RoutineKey<'a>,
    /// With the unit's number of its file.
    call: Option<(u64, Call)>,
    spans: Vec<Span>,
}

/// Writes a unit over `pieces`, whose language is `language`.
pub(super) fn unit(out: &mut Out, language: u16, pieces: &[Piece<'_>], options: Options<'_>) {
    let mut files = FileTable::default();
    let line_program = lines::program_of(&mut files, pieces, options);
    let entries = entries(pieces, &mut files, options);
    let texts = Texts::of(pieces, options);
    let lines_at = lines::write(&mut out.lines, &files, line_program, &texts.folder, options);
    let covered = covered(pieces);
    let base = covered.first().map_or(0, |s| s.section);

    let start = out.info.len();
    let begun = out.info.begin();
    out.info.u16(options.version);
    if options.version >= 5 {
        out.info.u8(dw::DW_UT_compile.0);
        out.info.u8(options.address_size);
    }
    debug_offset(&mut out.info, SectionId::DebugAbbrev, 0);
    if options.version < 5 {
        out.info.u8(options.address_size);
    }
    root(out, language, &texts, lines_at, &covered, base, options);
    let origins = abstract_routines(out, &entries, start);
    let mut open = 0;
    for (at, entry) in entries.iter().enumerate() {
        while open > entry.depth {
            out.info.u8(0);
            open -= 1;
        }
        let children = entries.get(at + 1).is_some_and(|e| e.depth > entry.depth);
        scope(out, entry, children, &origins, base, options);
        if children {
            open = entry.depth + 1;
        }
    }
    for _ in 0..=open {
        out.info.u8(0);
    }
    out.info.end(begun);
    ranges::cover(&mut out.aranges, &covered, start, options);
}

fn debug_offset(out: &mut Bytes, section: SectionId, offset: u64) {
    out.fix(4, FixTo::Debug { section, offset });
}

/// What the unit has rows or functions of, joined where only padding lies between.
fn covered(pieces: &[Piece<'_>]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for piece in pieces {
        let whole = Span::of(piece, 0, u32::try_from(piece.size).unwrap_or(u32::MAX));
        match spans.last_mut() {
            Some(last)
                if last.section == whole.section
                    && whole.start >= last.end
                    && whole.start - last.end < 64 =>
            {
                last.end = whole.end;
                last.loose |= whole.loose;
            }
            _ => spans.push(whole),
        }
    }
    spans
}

/// What the unit says of its origin: what its first piece's does.
#[derive(Default)]
struct Texts {
    producer: Vec<u8>,
    name: Vec<u8>,
    folder: Vec<u8>,
}

impl Texts {
    fn of(pieces: &[Piece<'_>], options: Options<'_>) -> Self {
        let first = pieces.iter().find_map(|p| {
            let run = p.debug.runs_of(p.atom).first().map(|r| r.unit);
            let unit = run.or_else(|| {
                let f = p.debug.functions_in(p.atom).next()?;
                Some(p.debug.functions.get(f as usize)?.unit)
            })?;
            Some((p.debug, p.debug.units.get(unit as usize)?))
        });
        let Some((debug, unit)) = first else {
            return Self::default();
        };
        let folder = debug.text(unit.folder);
        let (folder, name) = lines::remapped(folder, debug.text(unit.name), options.remap);
        Self {
            producer: debug.text(unit.producer).to_vec(),
            name,
            folder,
        }
    }
}

fn root(
    out: &mut Out,
    language: u16,
    texts: &Texts,
    lines_at: u64,
    covered: &[Span],
    base: u32,
    options: Options<'_>,
) {
    let mut shape = Shape {
        tag: dw::DW_TAG_compile_unit,
        children: true,
        attributes: vec![
            (dw::DW_AT_producer, dw::DW_FORM_string),
            (dw::DW_AT_language, dw::DW_FORM_data2),
            (dw::DW_AT_name, dw::DW_FORM_string),
            (dw::DW_AT_stmt_list, dw::DW_FORM_sec_offset),
            (dw::DW_AT_low_pc, dw::DW_FORM_addr),
            (dw::DW_AT_ranges, dw::DW_FORM_sec_offset),
        ],
    };
    if options.version >= 5 {
        shape
            .attributes
            .insert(3, (dw::DW_AT_comp_dir, dw::DW_FORM_string));
        let base = (dw::DW_AT_addr_base, dw::DW_FORM_sec_offset);
        shape.attributes.insert(4, base);
    }
    let code = out.abbreviations.code(shape);
    let info = &mut out.info;
    info.uleb(code);
    info.text(&texts.producer);
    info.u16(language);
    info.text(&texts.name);
    if options.version >= 5 {
        info.text(&texts.folder);
        debug_offset(info, SectionId::DebugAddr, addresses::HEADER);
        // The table is there, whoever asks it.
        out.addresses.index(base, 0);
    }
    debug_offset(info, SectionId::DebugLine, lines_at);
    info.fix(
        options.address_size,
        FixTo::Code {
            section: base,
            offset: 0,
        },
    );
    let list = ranges::list(&mut out.ranges, &mut out.addresses, covered, base, options);
    debug_offset(&mut out.info, ranges::section(options), list);
}

/// Everything that the pieces' functions have in the unit, in order of code.
fn entries<'a>(
    pieces: &[Piece<'a>],
    files: &mut FileTable,
    options: Options<'_>,
) -> Vec<Entry<'a>> {
    // Where atoms of each object are: a function may have code in several.
    let mut at: HashMap<(*const ObjectDebug, u32), usize, FixedState> = HashMap::default();
    for (i, piece) in pieces.iter().enumerate() {
        at.insert((std::ptr::from_ref(piece.debug), piece.atom), i);
    }
    let mut out = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let debug = piece.debug;
        for f in piece.debug.functions_in(piece.atom) {
            let Some(function) = debug.functions.get(f as usize) else {
                continue;
            };
            let piece_of = |atom: u32| at.get(&(std::ptr::from_ref(debug), atom)).copied();
            // Once, where its first piece is.
            if first_piece(debug, function, &piece_of) != Some(i) {
                continue;
            }
            let mut dead: Option<u32> = None;
            for scope in debug.scopes_of(function) {
                if dead.is_some_and(|d| scope.depth > d) {
                    continue;
                }
                let spans = debug
                    .ranges_of(scope)
                    .iter()
                    .filter_map(|r| Some(Span::of(pieces.get(piece_of(r.atom)?)?, r.start, r.end)))
                    .collect();
                let spans = joined(spans);
                dead = spans.is_empty().then_some(scope.depth);
                if spans.is_empty() {
                    continue;
                }
                out.push(entry(debug, scope, spans, files, options));
            }
        }
    }
    out
}

fn first_piece(
    debug: &ObjectDebug,
    function: &Function,
    piece_of: &impl Fn(u32) -> Option<usize>,
) -> Option<usize> {
    let own = debug.scopes_of(function).first()?;
    debug
        .ranges_of(own)
        .iter()
        .filter_map(|r| piece_of(r.atom))
        .min()
}

fn entry<'a>(
    debug: &'a ObjectDebug,
    scope: &Scope,
    spans: Vec<Span>,
    files: &mut FileTable,
    options: Options<'_>,
) -> Entry<'a> {
    let none = Routine::default();
    let routine = debug.routines.get(scope.routine as usize).unwrap_or(&none);
    Entry {
        depth: scope.depth,
        routine: (debug.text(routine.name), debug.text(routine.linkage_name)),
        call: scope
            .call
            .map(|c| (files.number(debug, c.file, options), c)),
        spans,
    }
}

/// Entries of what is inlined, which its instances refer to: offsets from the unit's start.
fn abstract_routines<'a>(
    out: &mut Out,
    entries: &[Entry<'a>],
    start: u64,
) -> HashMap<RoutineKey<'a>, u64, FixedState> {
    let mut origins: HashMap<RoutineKey<'a>, u64, FixedState> = HashMap::default();
    for entry in entries.iter().filter(|e| e.depth > 0) {
        if origins.contains_key(&entry.routine) {
            continue;
        }
        origins.insert(entry.routine, out.info.len() - start);
        let mut attributes = names_of(entry.routine);
        attributes.push((dw::DW_AT_inline, dw::DW_FORM_data1));
        let code = out.abbreviations.code(Shape {
            tag: dw::DW_TAG_subprogram,
            children: false,
            attributes,
        });
        out.info.uleb(code);
        write_names(&mut out.info, entry.routine);
        out.info.u8(dw::DW_INL_inlined.0);
    }
    origins
}

fn names_of(routine: RoutineKey<'_>) -> Vec<(gimli::DwAt, gimli::DwForm)> {
    let (name, linkage) = routine;
    let mut out = Vec::with_capacity(3);
    if !linkage.is_empty() {
        out.push((dw::DW_AT_linkage_name, dw::DW_FORM_string));
    }
    if !name.is_empty() {
        out.push((dw::DW_AT_name, dw::DW_FORM_string));
    }
    out
}

fn write_names(out: &mut Bytes, routine: RoutineKey<'_>) {
    let (name, linkage) = routine;
    for text in [linkage, name] {
        if !text.is_empty() {
            out.text(text);
        }
    }
}

fn scope(
    out: &mut Out,
    entry: &Entry<'_>,
    children: bool,
    origins: &HashMap<RoutineKey<'_>, u64, FixedState>,
    base: u32,
    options: Options<'_>,
) {
    let origin = origins.get(&entry.routine).copied();
    let mut attributes = match origin {
        Some(_) => vec![(dw::DW_AT_abstract_origin, dw::DW_FORM_ref_udata)],
        None => names_of(entry.routine),
    };
    let one = match entry.spans[..] {
        [span] => Some(span),
        _ => None,
    };
    match one {
        Some(span) => {
            let form = if span.loose {
                dw::DW_FORM_data4
            } else {
                dw::DW_FORM_udata
            };
            let address = if options.version >= 5 {
                dw::DW_FORM_addrx
            } else {
                dw::DW_FORM_addr
            };
            attributes.push((dw::DW_AT_low_pc, address));
            attributes.push((dw::DW_AT_high_pc, form));
        }
        None => attributes.push((dw::DW_AT_ranges, dw::DW_FORM_sec_offset)),
    }
    let call: Vec<(gimli::DwAt, u64)> = entry.call.map_or_else(Vec::new, |(file, call)| {
        let all = [
            (dw::DW_AT_call_file, file),
            (dw::DW_AT_call_line, u64::from(call.line)),
            (dw::DW_AT_call_column, u64::from(call.column)),
            (dw::DW_AT_GNU_discriminator, u64::from(call.discriminator)),
        ];
        let said = |(at, (_, value)): &(usize, (gimli::DwAt, u64))| *at < 2 || *value != 0;
        all.into_iter()
            .enumerate()
            .filter(said)
            .map(|a| a.1)
            .collect()
    });
    attributes.extend(call.iter().map(|(name, _)| (*name, dw::DW_FORM_udata)));
    let code = out.abbreviations.code(Shape {
        tag: if entry.depth == 0 {
            dw::DW_TAG_subprogram
        } else {
            dw::DW_TAG_inlined_subroutine
        },
        children,
        attributes,
    });
    let info = &mut out.info;
    info.uleb(code);
    match origin {
        Some(origin) => info.uleb(origin),
        None => write_names(info, entry.routine),
    }
    match one {
        Some(span) => {
            if options.version >= 5 {
                info.uleb(out.addresses.index(span.section, span.start));
            } else {
                info.fix(
                    options.address_size,
                    FixTo::Code {
                        section: span.section,
                        offset: span.start,
                    },
                );
            }
            if span.loose {
                info.fix(
                    4,
                    FixTo::Distance {
                        section: span.section,
                        from: span.start,
                        to: span.end,
                    },
                );
            } else {
                info.uleb(span.end - span.start);
            }
        }
        None => {
            let list = ranges::list(
                &mut out.ranges,
                &mut out.addresses,
                &entry.spans,
                base,
                options,
            );
            debug_offset(info, ranges::section(options), list);
        }
    }
    for (_, value) in call {
        info.uleb(value);
    }
}
