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
use super::routines::{Names, Origin, Routines, names_of, write_names};
use super::{Options, Out, Piece};
use crate::debuginfo::{Call, CodeRange, Function, ObjectDebug, Unit};

/// A scope to write: what of it lies in the unit.
struct Entry {
    depth: u32,
    /// The piece's [`Piece::position`].
    position: u32,
    /// In the unit's [`Routines`].
    routine: u32,
    /// With the unit's number of its file.
    call: Option<(u64, Call)>,
    spans: Spans,
}

/// Mostly one.
enum Spans {
    One(Span),
    Several(Vec<Span>),
}

/// Writes a unit over `pieces`, whose language is `language`.
pub(super) fn unit(out: &mut Out, language: u16, pieces: &[Piece<'_>], options: Options<'_>) {
    let mut files = FileTable::default();
    let line_program = lines::program_of(&mut files, pieces, &mut out.costs, options);
    let mut routines = Routines::default();
    let entries = entries(pieces, &mut files, &mut routines, options);
    let texts = Texts::of(pieces, options);
    let lines_at = lines::write(&mut out.lines, &files, line_program, &texts.folder, options);
    let covered = covered(pieces);
    let base = covered.first().map_or(0, |s| s.section);

    let start = out.info.len();
    let begun = header(out, options);
    let root_entry = Root {
        language,
        texts: &texts,
        lines_at,
        covered: &covered,
        base,
        lists: None,
        children: true,
    };
    root(out, &root_entry, options);
    routines.write(out, start);
    let mut open = 0;
    for (at, entry) in entries.iter().enumerate() {
        while open > entry.depth {
            out.info.u8(0);
            open -= 1;
        }
        let children = entries.get(at + 1).is_some_and(|e| e.depth > entry.depth);
        let before = out.info.len();
        scope(out, entry, children, &routines, base, options);
        out.costs.add(entry.position, out.info.len() - before);
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

/// A unit's header (7.5.1), up to its first entry; it begins there.
pub(super) fn header(out: &mut Out, options: Options<'_>) -> usize {
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
    begun
}

pub(super) fn debug_offset(out: &mut Bytes, section: SectionId, offset: u64) {
    out.fix(4, FixTo::Debug { section, offset });
}

/// What the unit has rows or functions of, joined where only padding lies between.
pub(super) fn covered(pieces: &[Piece<'_>]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for piece in pieces {
        let whole = Span::of(piece, 0, u32::try_from(piece.size).unwrap_or(u32::MAX));
        match spans.last_mut() {
            Some(last)
                if piece.follows
                    && last.section == whole.section
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
pub(super) struct Texts {
    producer: Vec<u8>,
    name: Vec<u8>,
    pub folder: Vec<u8>,
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
        Self::of_unit(debug, unit, options)
    }

    pub fn of_unit(debug: &ObjectDebug, unit: &Unit, options: Options<'_>) -> Self {
        let folder = debug.text(unit.folder);
        let (folder, name) = lines::remapped(folder, debug.text(unit.name), options.remap);
        Self {
            producer: debug.text(unit.producer).to_vec(),
            name,
            folder,
        }
    }
}

/// A unit's own entry.
pub(super) struct Root<'a> {
    pub language: u16,
    pub texts: &'a Texts,
    pub lines_at: u64,
    /// Nothing for what is only referred to.
    pub covered: &'a [Span],
    /// The section that it counts from.
    pub base: u32,
    /// Where its table of locations is, if it has one.
    pub lists: Option<u64>,
    pub children: bool,
}

pub(super) fn root(out: &mut Out, root: &Root<'_>, options: Options<'_>) {
    let (texts, base) = (root.texts, root.base);
    let mut shape = Shape {
        tag: dw::DW_TAG_compile_unit,
        children: root.children,
        attributes: vec![
            (dw::DW_AT_producer, dw::DW_FORM_string),
            (dw::DW_AT_language, dw::DW_FORM_data2),
            (dw::DW_AT_name, dw::DW_FORM_string),
            (dw::DW_AT_comp_dir, dw::DW_FORM_string),
            (dw::DW_AT_stmt_list, dw::DW_FORM_sec_offset),
            (dw::DW_AT_low_pc, dw::DW_FORM_addr),
            (dw::DW_AT_ranges, dw::DW_FORM_sec_offset),
        ],
    };
    if root.covered.is_empty() {
        shape.attributes.truncate(5);
    }
    if root.lists.is_some() {
        let lists = (dw::DW_AT_loclists_base, dw::DW_FORM_sec_offset);
        shape.attributes.insert(4, lists);
    }
    if options.version >= 5 {
        let base = (dw::DW_AT_addr_base, dw::DW_FORM_sec_offset);
        shape.attributes.insert(4, base);
    }
    let code = out.abbreviations.code(shape);
    let info = &mut out.info;
    info.uleb(code);
    info.text(&texts.producer);
    info.u16(root.language);
    info.text(&texts.name);
    info.text(&texts.folder);
    if options.version >= 5 {
        debug_offset(info, SectionId::DebugAddr, addresses::HEADER);
        // The table is there, whoever asks it.
        out.addresses.index(base, 0);
    }
    if let Some(at) = root.lists {
        debug_offset(info, SectionId::DebugLocLists, at);
    }
    debug_offset(info, SectionId::DebugLine, root.lines_at);
    if root.covered.is_empty() {
        return;
    }
    info.fix(
        options.address_size,
        FixTo::Code {
            section: base,
            offset: 0,
        },
    );
    let list = ranges::list(&mut out.ranges, root.covered, base, options);
    debug_offset(&mut out.info, ranges::section(options), list);
}

/// Everything that the pieces' functions have in the unit, in order of code.
fn entries<'a>(
    pieces: &[Piece<'a>],
    files: &mut FileTable,
    routines: &mut Routines<'a>,
    options: Options<'_>,
) -> Vec<Entry> {
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
                let pieces = |r: &CodeRange| {
                    let piece = pieces.get(piece_of(r.atom)?)?;
                    Some(Span::of(piece, r.start, r.end))
                };
                let spans = match debug.ranges_of(scope) {
                    [one] => pieces(one).map(Spans::One),
                    several => match joined(several.iter().filter_map(pieces).collect())[..] {
                        [] => None,
                        [one] => Some(Spans::One(one)),
                        ref spans => Some(Spans::Several(spans.to_vec())),
                    },
                };
                dead = spans.is_none().then_some(scope.depth);
                let Some(spans) = spans else { continue };
                out.push(Entry {
                    depth: scope.depth,
                    position: piece.position,
                    routine: routines.number(debug, scope.routine, scope.depth > 0),
                    call: scope
                        .call
                        .map(|c| (files.number(debug, c.file, options), c)),
                    spans,
                });
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

/// What an entry of a scope has, of which its form follows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Form {
    function: bool,
    children: bool,
    origin: Origin,
    /// Has it, itself, a linkage name; a name?
    named: (bool, bool),
    spans: SpanForm,
    call: bool,
    column: bool,
    discriminator: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum SpanForm {
    One,
    Loose,
    Several,
}

impl Form {
    fn shape(self, names: Names<'_>, options: Options<'_>) -> Shape {
        // dsymutil drops references of a length that varies.
        let reference = if options.version >= 5 {
            dw::DW_FORM_ref_udata
        } else {
            dw::DW_FORM_ref4
        };
        let mut attributes = match self.origin {
            Origin::None => names_of(names),
            Origin::Declared => vec![(dw::DW_AT_specification, reference)],
            Origin::Inlined => vec![(dw::DW_AT_abstract_origin, reference)],
        };
        let address = if options.version >= 5 {
            dw::DW_FORM_addrx
        } else {
            dw::DW_FORM_addr
        };
        let length = match self.spans {
            SpanForm::One => Some(dw::DW_FORM_udata),
            SpanForm::Loose => Some(dw::DW_FORM_data4),
            SpanForm::Several => None,
        };
        match length {
            Some(length) => {
                attributes.push((dw::DW_AT_low_pc, address));
                attributes.push((dw::DW_AT_high_pc, length));
            }
            None => attributes.push((dw::DW_AT_ranges, dw::DW_FORM_sec_offset)),
        }
        for (has, name) in [
            (self.call, dw::DW_AT_call_file),
            (self.call, dw::DW_AT_call_line),
            (self.column, dw::DW_AT_call_column),
            (self.discriminator, dw::DW_AT_GNU_discriminator),
        ] {
            if has {
                attributes.push((name, dw::DW_FORM_udata));
            }
        }
        Shape {
            tag: if self.function {
                dw::DW_TAG_subprogram
            } else {
                dw::DW_TAG_inlined_subroutine
            },
            children: self.children,
            attributes,
        }
    }
}

fn scope(
    out: &mut Out,
    entry: &Entry,
    children: bool,
    routines: &Routines<'_>,
    base: u32,
    options: Options<'_>,
) {
    let names = routines.names(entry.routine);
    let (origin, origin_at) = routines.origin(entry.routine);
    let own = origin == Origin::None;
    let call = entry.call.map(|c| c.1);
    let form = Form {
        function: entry.depth == 0,
        children,
        origin,
        named: (own && !names.1.is_empty(), own && !names.0.is_empty()),
        spans: match entry.spans {
            Spans::One(span) if span.loose => SpanForm::Loose,
            Spans::One(_) => SpanForm::One,
            Spans::Several(_) => SpanForm::Several,
        },
        call: call.is_some(),
        column: call.is_some_and(|c| c.column != 0),
        discriminator: call.is_some_and(|c| c.discriminator != 0),
    };
    let code = match out.forms.get(&form) {
        Some(&code) => code,
        None => {
            let code = out.abbreviations.code(form.shape(names, options));
            out.forms.insert(form, code);
            code
        }
    };
    let info = &mut out.info;
    info.uleb(code);
    match origin {
        Origin::None => write_names(info, names),
        _ if options.version >= 5 => info.uleb(origin_at),
        _ => info.u32(origin_at as u32),
    }
    match &entry.spans {
        Spans::One(span) => {
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
        Spans::Several(spans) => {
            let list = ranges::list(&mut out.ranges, spans, base, options);
            debug_offset(info, ranges::section(options), list);
        }
    }
    if let Some((file, call)) = entry.call {
        info.uleb(file);
        info.uleb(u64::from(call.line));
        for value in [call.column, call.discriminator] {
            if value != 0 {
                info.uleb(u64::from(value));
            }
        }
    }
}
