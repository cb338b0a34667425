//! Lists of locations: where variables are now and then (DWARF 5, 2.6.2, 7.29; DWARF 4, 2.6.2).

use gimli::constants as dw;

use super::Options;
use super::addresses::Addresses;
use super::bytes::{Bytes, FixTo};
use super::full::{Object, Patch};

/// The lists of a unit. From version 5 on they are told by number, which costs no relocation each.
#[derive(Default)]
pub(super) struct Lists {
    pub bytes: Bytes,
    /// Where each begins.
    offsets: Vec<u64>,
    pub patches: Vec<Patch>,
}

/// Length, version, bytes of addresses and of segments, how many lists.
const HEADER: u64 = 12;

impl Lists {
    /// Marks offsets that count from the lists' own start.
    pub const PENDING: u64 = 1 << 40;

    /// Where the next unit's table of lists will be, in the section as it is.
    pub fn begin(section: &Bytes) -> u64 {
        section.len() + HEADER
    }

    /// Adds a list and gives its number, in version 4 its offset; `None` where nothing of it is here.
    pub fn add(
        &mut self,
        object: &Object<'_>,
        all: &[(u32, u32)],
        base: u32,
        addresses: &mut Addresses,
        options: Options<'_>,
    ) -> Option<u64> {
        let start = self.bytes.len();
        let mut from = base;
        let mut any = false;
        for &(range, expression) in all {
            let (Some(span), Some(expression)) =
                (object.span(range), object.expression(expression))
            else {
                continue;
            };
            let length = object.debug.text(expression.bytes).len();
            let (section, begin, end) = (span.section, span.start, span.end);
            if options.version >= 5 {
                let out = &mut self.bytes;
                if span.loose {
                    out.u8(dw::DW_LLE_startx_endx.0);
                    out.uleb(addresses.index(section, begin));
                    out.uleb(addresses.index(section, end));
                } else {
                    if section != from {
                        out.u8(dw::DW_LLE_base_addressx.0);
                        out.uleb(addresses.index(section, 0));
                        from = section;
                    }
                    out.u8(dw::DW_LLE_offset_pair.0);
                    out.uleb(begin);
                    out.uleb(end);
                }
                out.uleb(length as u64);
            } else {
                let Ok(length) = u16::try_from(length) else {
                    continue;
                };
                let (out, size) = (&mut self.bytes, options.address_size);
                if section != from {
                    out.word(u64::MAX, size);
                    out.fix(size, FixTo::Code { section, offset: 0 });
                    from = section;
                }
                for to in [begin, end] {
                    if span.loose && to != 0 {
                        let from = 0;
                        out.fix(size, FixTo::Distance { section, from, to });
                    } else {
                        out.word(to, size);
                    }
                }
                out.u16(length);
            }
            any = true;
            object.write(expression, &mut self.bytes, &mut self.patches, options);
        }
        if !any {
            self.bytes.data.truncate(start as usize);
            return None;
        }
        if options.version >= 5 {
            self.bytes.u8(dw::DW_LLE_end_of_list.0);
            self.offsets.push(start);
            return Some(self.offsets.len() as u64 - 1);
        }
        self.bytes.word(0, options.address_size);
        self.bytes.word(0, options.address_size);
        Some(start)
    }

    /// Appends the lists to the section and tells where they begin.
    pub fn end(&mut self, section: &mut Bytes, options: Options<'_>) -> u64 {
        if self.bytes.is_empty() && options.version < 5 {
            return section.len();
        }
        let mut begun = None;
        if options.version >= 5 {
            begun = Some(section.begin());
            section.u16(5);
            section.u8(options.address_size);
            section.u8(0);
            section.u32(self.offsets.len() as u32);
            let table = 4 * self.offsets.len() as u64;
            for offset in &self.offsets {
                section.u32((table + offset) as u32);
            }
        }
        let at = section.len();
        section.append(&mut self.bytes);
        if let Some(begun) = begun {
            section.end(begun);
        }
        at
    }
}
