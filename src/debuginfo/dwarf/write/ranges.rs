//! Range lists and the table of what each unit covers (6.1.2).

use gimli::SectionId;
use gimli::constants as dw;

use super::bytes::{Bytes, FixTo};
use super::{Options, Piece, is_loose};

/// Code in a section; `loose` where linkers may change its length or its distance from the section's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub section: u32,
    pub start: u64,
    pub end: u64,
    pub loose: bool,
}

impl Span {
    /// `start..end` of a piece's atom.
    pub fn of(piece: &Piece<'_>, start: u32, end: u32) -> Self {
        Self {
            section: piece.section,
            start: piece.offset + u64::from(start),
            end: piece.offset + u64::from(end),
            loose: is_loose(piece, 0, end),
        }
    }
}

/// Joins what touches.
pub(super) fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|s| (s.section, s.start, s.end));
    let mut out: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if last.section == span.section && last.end >= span.start => {
                last.end = last.end.max(span.end);
                last.loose |= span.loose;
            }
            _ => out.push(span),
        }
    }
    out
}

/// Where range lists are.
pub(super) fn section(options: Options<'_>) -> SectionId {
    if options.version >= 5 {
        SectionId::DebugRngLists
    } else {
        SectionId::DebugRanges
    }
}

/// The head of DWARF 5's lists (7.28), without offsets: nobody asks for lists by number.
pub(super) fn header(out: &mut Bytes, options: Options<'_>) {
    out.begin();
    out.u16(5);
    out.u8(options.address_size);
    out.u8(0);
    out.u32(0);
}

/// A list, where it begins. `base` is the section that the unit's address is of.
pub(super) fn list(out: &mut Bytes, spans: &[Span], base: u32, options: Options<'_>) -> u64 {
    if options.version >= 5 {
        tagged(out, spans, base, options.address_size)
    } else {
        plain(out, spans, base, options.address_size)
    }
}

/// DWARF 5, 2.17.3. Addresses stand in the list: libbfd gives the unit up where it is to look them up.
fn tagged(out: &mut Bytes, spans: &[Span], base: u32, address_size: u8) -> u64 {
    let at = out.len();
    let mut from = base;
    let address = |out: &mut Bytes, section: u32, offset: u64| {
        out.fix(address_size, FixTo::Code { section, offset });
    };
    for span in spans {
        if span.loose {
            out.u8(dw::DW_RLE_start_end.0);
            address(out, span.section, span.start);
            address(out, span.section, span.end);
            continue;
        }
        if span.section != from {
            out.u8(dw::DW_RLE_base_address.0);
            address(out, span.section, 0);
            from = span.section;
        }
        out.u8(dw::DW_RLE_offset_pair.0);
        out.uleb(span.start);
        out.uleb(span.end);
    }
    out.u8(dw::DW_RLE_end_of_list.0);
    at
}

/// DWARF 4, 2.17.3.
fn plain(out: &mut Bytes, spans: &[Span], base: u32, address_size: u8) -> u64 {
    let at = out.len();
    let mut from = base;
    for span in spans {
        if span.section != from {
            out.word(u64::MAX, address_size);
            out.fix(
                address_size,
                FixTo::Code {
                    section: span.section,
                    offset: 0,
                },
            );
            from = span.section;
        }
        for to in [span.start, span.end] {
            if span.loose && to != 0 {
                out.fix(
                    address_size,
                    FixTo::Distance {
                        section: span.section,
                        from: 0,
                        to,
                    },
                );
            } else {
                out.word(to, address_size);
            }
        }
    }
    out.word(0, address_size);
    out.word(0, address_size);
    at
}

/// What the unit at `unit` of `.debug_info` covers.
pub(super) fn cover(out: &mut Bytes, spans: &[Span], unit: u64, options: Options<'_>) {
    let size = options.address_size;
    let start = out.len();
    let begun = out.begin();
    out.u16(2);
    out.fix(
        4,
        FixTo::Debug {
            section: SectionId::DebugInfo,
            offset: unit,
        },
    );
    out.u8(size);
    out.u8(0);
    // Tuples are aligned to their size, counted from the table's start.
    while !(out.len() - start).is_multiple_of(2 * u64::from(size)) {
        out.u8(0);
    }
    for span in spans {
        out.fix(
            size,
            FixTo::Code {
                section: span.section,
                offset: span.start,
            },
        );
        if span.loose {
            out.fix(
                size,
                FixTo::Distance {
                    section: span.section,
                    from: span.start,
                    to: span.end,
                },
            );
        } else {
            out.word(span.end - span.start, size);
        }
    }
    out.word(0, size);
    out.word(0, size);
    out.end(begun);
}
