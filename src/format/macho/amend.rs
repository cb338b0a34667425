//! Adds undefined symbols to an object, so that pulling it pulls what defines them.
//!
//! An entry in the symbol table is enough for lld and Zig; Apple's ld64 pulls for references only. So
//! there is a reference to each of them, in a section that nothing refers to: `-dead_strip` drops it
//! after it has pulled. Its symbol begins with `l`, as those do that linkers leave out of their output.
//!
//! Local symbols come before all others (LC_DYSYMTAB), so symbols behind it get new numbers, and so do
//! relocations and indirect symbols that name them.

use foldhash::{HashMap, HashMapExt};
use object::Endian;
use object::macho;

use super::layout::{File, Header};
use super::native::Native;
use super::read::Cpu;
use crate::format::Ask;
use crate::format::model::SymbolKind;

const SYMBOL: &[u8] = b"l_df_pull";
/// Other contents stay as aligned as they were.
const STEP: usize = 16;

/// See [`crate::format::add_undefined`]. Thread-local variables are left out: a plain pointer to one is
/// an error to linkers, and none for this format needs to be asked early.
pub fn add_undefined(data: &[u8], asks: &[Ask<'_>]) -> Option<Vec<u8>> {
    let asks = asks.iter().filter(|ask| ask.of != SymbolKind::Tls);
    let names: Vec<&[u8]> = asks.map(|ask| ask.name).collect();
    if names.is_empty() {
        return Some(data.to_vec());
    }
    let file = File::new(data)?;
    let object = Object {
        sections: file.sections()?,
        symbols: Symbols::new(&file)?,
        file,
    };
    object.with(&names)
}

/// Symbol and string table of an object.
struct Symbols<'d> {
    table: &'d [u8],
    strings: &'d [u8],
    /// Bytes of an entry.
    entry: usize,
    count: usize,
    /// Where the table is in the file, and whether it and the strings are the file's end.
    at: usize,
    last: bool,
    /// The number of the new local symbol.
    local: usize,
    /// The first undefined one.
    undefined: usize,
}

impl<'d> Symbols<'d> {
    fn new(file: &File<'d>) -> Option<Self> {
        let symtab = file.command(macho::LC_SYMTAB)?;
        let number = |at: usize| file.word(at).map(|v| v as usize);
        let (at, count) = (number(symtab + 8)?, number(symtab + 12)?);
        let (strings_at, strings_len) = (number(symtab + 16)?, number(symtab + 20)?);
        let entry = if file.is_64 { 16 } else { 12 };
        let end = at.checked_add(count.checked_mul(entry)?)?;
        let strings_end = strings_at.checked_add(strings_len)?;
        let (mut local, mut undefined) = (count, count);
        if let Some(dysymtab) = file.command(macho::LC_DYSYMTAB) {
            local = number(dysymtab + 8)?.checked_add(number(dysymtab + 12)?)?;
            let how_many = number(dysymtab + 28)?;
            if how_many > 0 {
                undefined = number(dysymtab + 24)?;
            }
            if local > count || undefined.checked_add(how_many)? != count {
                return None;
            }
        }
        Some(Self {
            table: file.data.get(at..end)?,
            strings: file.data.get(strings_at..strings_end)?,
            entry,
            count,
            at,
            last: end == strings_at && strings_end == file.data.len(),
            local,
            undefined,
        })
    }

    /// Numbers of the undefined symbols by name.
    fn undefined(&self, file: &File<'_>) -> Option<HashMap<&'d [u8], usize>> {
        let mut found = HashMap::new();
        let entries = self.table.chunks_exact(self.entry).enumerate();
        for (number, symbol) in entries.skip(self.undefined) {
            let name = file.endian.read_u32(*symbol.first_chunk::<4>()?) as usize;
            let name = self.strings.get(name..)?.split(|b| *b == 0).next()?;
            found.insert(name, number);
        }
        Some(found)
    }
}

/// What refers to a name: the distance to a slot of the linker's where there is one, else a pointer.
struct Reference {
    native: Native,
    segment: &'static [u8],
}

impl Reference {
    fn new(file: &File<'_>) -> Option<Self> {
        let slot = match (file.word(4)?, file.word(8)? & 0x00ff_ffff) {
            _ if !file.endian.is_little_endian() => None,
            (cpu, _) if cpu == macho::CPU_TYPE_X86_64.0 => Some(Cpu::X86_64),
            // Pointers of arm64e may be signed, those of slots, too.
            (cpu, subtype) if cpu == macho::CPU_TYPE_ARM64.0 => {
                (subtype != macho::CPU_SUBTYPE_ARM64E.0).then_some(Cpu::Arm64)
            }
            _ => None,
        };
        let pointer = Native {
            length: if file.is_64 { 3 } else { 2 },
            ..Native::pointer()
        };
        Some(Self {
            native: slot.map_or(pointer, Native::slot_distance),
            segment: if slot.is_some() { b"__TEXT" } else { b"__DATA" },
        })
    }
}

struct Object<'d> {
    file: File<'d>,
    sections: Vec<Header<'d>>,
    symbols: Symbols<'d>,
}

impl Object<'_> {
    /// The object with references to `names`.
    fn with(&self, names: &[&[u8]]) -> Option<Vec<u8>> {
        let (file, symbols) = (&self.file, &self.symbols);
        let header = if file.is_64 { 32 } else { 28 };
        let reference = Reference::new(file)?;
        let (section_size, segment_size): (usize, usize) =
            if file.is_64 { (80, 72) } else { (68, 56) };
        let (first_section, has_segment) = match file.segments().next() {
            Some(segment) => (segment + file.word(segment + 4)? as usize, true),
            None => (header + file.word(20)? as usize, false),
        };
        let grown = section_size + if has_segment { 0 } else { segment_size };
        let commands_end = header + file.word(20)? as usize;
        if first_section > commands_end {
            return None;
        }
        let ahead = grown.next_multiple_of(STEP);

        // They go behind the contents of all sections, where nothing else is before those.
        let contents_end = self.contents_end(commands_end)?;
        let size = names.len() * reference.native.width();
        let start = (contents_end + ahead).next_multiple_of(8);
        let room = (start + size - (contents_end + ahead)).next_multiple_of(8);
        let moved = |offset: u64| -> Option<u64> {
            let at = usize::try_from(offset).ok()?;
            let by = match at {
                0 => 0,
                at if at < contents_end => ahead,
                _ => ahead + room,
            };
            offset.checked_add(by as u64)
        };
        let end = self
            .sections
            .iter()
            .map(|s| s.address.saturating_add(s.size));
        let address = end.max().unwrap_or(0).checked_next_multiple_of(8)?;
        let address_end = address.checked_add(size as u64)?;
        let number = u8::try_from(self.sections.len() + 1).ok()?;

        // All fields that are there, still at their places.
        let mut out = file.data.to_vec();
        self.move_all(&mut out, moved)?;
        let tail = self.tail(names, number, address, reference.native)?;
        if symbols.last {
            out.truncate(symbols.at);
        }
        // What is new, from behind.
        out.splice(contents_end..contents_end, vec![0; room]);
        out.splice(commands_end..commands_end, vec![0; ahead]);
        out.copy_within(first_section..commands_end, first_section + grown);
        out.resize(out.len().next_multiple_of(8), 0);
        let relocations_at = out.len();
        out.extend_from_slice(&tail.relocations);
        let table_at = out.len();
        out.extend_from_slice(&tail.table);
        let strings_at = out.len();
        out.extend_from_slice(&tail.strings);

        let mut new = Vec::with_capacity(grown);
        let word = |new: &mut Vec<u8>, v: usize| -> Option<()> {
            new.extend_from_slice(&file.endian.write_u32(u32::try_from(v).ok()?));
            Some(())
        };
        let wide = |new: &mut Vec<u8>, v: u64| -> Option<()> {
            if file.is_64 {
                new.extend_from_slice(&file.endian.write_u64(v));
            } else {
                new.extend_from_slice(&file.endian.write_u32(u32::try_from(v).ok()?));
            }
            Some(())
        };
        if !has_segment {
            let kind = if file.is_64 {
                macho::LC_SEGMENT_64
            } else {
                macho::LC_SEGMENT
            };
            new.extend_from_slice(&file.endian.write_u32(kind.0));
            word(&mut new, segment_size + section_size)?;
            new.resize(24, 0);
            for v in [0, address_end, start as u64, size as u64] {
                wide(&mut new, v)?;
            }
            for v in [7, 7, 1, 0] {
                word(&mut new, v)?;
            }
        }
        for name in [b"__const".as_slice(), reference.segment] {
            let end = new.len() + 16;
            new.extend_from_slice(name);
            new.resize(end, 0);
        }
        wide(&mut new, address)?;
        wide(&mut new, size as u64)?;
        // Contents, alignment, relocations, flags and what is reserved.
        for v in [start, 3, relocations_at, names.len(), 0] {
            word(&mut new, v)?;
        }
        new.resize(grown, 0);
        out.get_mut(first_section..first_section + grown)?
            .copy_from_slice(&new);

        file.put(
            &mut out,
            20,
            u32::try_from(commands_end - header + grown).ok()?,
        )?;
        if has_segment {
            self.extend_segment(&mut out, address_end, room as u64, section_size)?;
        } else {
            file.put(&mut out, 16, file.word(16)?.checked_add(1)?)?;
        }
        // Commands behind the new section have moved.
        let place = |at: usize| if at < first_section { at } else { at + grown };
        let symtab = place(file.command(macho::LC_SYMTAB)?);
        let count = tail.table.len() / symbols.entry;
        for (field, v) in [
            (8, table_at),
            (12, count),
            (16, strings_at),
            (20, tail.strings.len()),
        ] {
            file.put(&mut out, symtab + field, u32::try_from(v).ok()?)?;
        }
        if let Some(dysymtab) = file.command(macho::LC_DYSYMTAB) {
            let first = symbols.undefined + 1;
            let defined = file.word(dysymtab + 16)?;
            let defined = defined.checked_add(u32::from(defined as usize >= symbols.local))?;
            let locals = file.word(dysymtab + 12)? + 1;
            let of = place(dysymtab);
            file.put(&mut out, of + 12, locals)?;
            file.put(&mut out, of + 16, defined)?;
            file.put(&mut out, of + 24, u32::try_from(first).ok()?)?;
            file.put(&mut out, of + 28, u32::try_from(count - first).ok()?)?;
        }
        Some(out)
    }

    /// Where the contents of sections end, if all other tables are behind; else the end of what stays
    /// in the file.
    fn contents_end(&self, commands_end: usize) -> Option<usize> {
        let file = &self.file;
        let contents = self.sections.iter().filter(|s| !s.zero_fill && s.size > 0);
        let mut end = commands_end as u64;
        for section in contents {
            end = end.max(section.offset.checked_add(section.size)?);
        }
        let mut others: Vec<u64> = self.sections.iter().map(|s| s.relocations.0).collect();
        for (at, eight) in file.tables() {
            others.push(if eight {
                let bytes = file.data.get(at..)?.first_chunk::<8>()?;
                file.endian.read_u64(*bytes)
            } else {
                u64::from(file.word(at)?)
            });
        }
        let behind = others.iter().all(|offset| *offset == 0 || *offset >= end);
        let limit = if self.symbols.last {
            self.symbols.at
        } else {
            file.data.len()
        };
        let end = if behind {
            usize::try_from(end).ok()?
        } else {
            limit
        };
        (commands_end..=limit).contains(&end).then_some(end)
    }

    /// Moves every offset, and renumbers what names symbols behind the new one.
    fn move_all(&self, out: &mut [u8], moved: impl Fn(u64) -> Option<u64>) -> Option<()> {
        let file = &self.file;
        let (offset, relocations) = if file.is_64 { (48, 56) } else { (40, 48) };
        for section in &self.sections {
            let narrow = |offset: u64| u32::try_from(moved(offset)?).ok();
            if !section.zero_fill && section.size > 0 {
                file.put(out, section.at + offset, narrow(section.offset)?)?;
            }
            let (at, count) = section.relocations;
            file.put(out, section.at + relocations, narrow(at)?)?;
            let at = usize::try_from(at).ok()?;
            for number in 0..count as usize {
                self.renumber(out, at.checked_add(number.checked_mul(8)?)?)?;
            }
        }
        let start = if file.is_64 { 40 } else { 32 };
        for segment in file.segments() {
            let from = file.wide(segment + start)?;
            // An empty one may begin where the commands end, or nowhere.
            file.put_wide(out, segment + start, moved(from)?)?;
        }
        if let Some(dysymtab) = file.command(macho::LC_DYSYMTAB) {
            let (at, count) = (file.word(dysymtab + 56)?, file.word(dysymtab + 60)?);
            for number in 0..count as usize {
                let at = (at as usize).checked_add(number * 4)?;
                let symbol = file.word(at)?;
                let special = macho::INDIRECT_SYMBOL_LOCAL.0 | macho::INDIRECT_SYMBOL_ABS.0;
                if symbol & special == 0 && symbol as usize >= self.symbols.local {
                    file.put(out, at, symbol + 1)?;
                }
            }
        }
        file.move_tables(out, moved)
    }

    /// Renumbers a relocation (struct relocation_info of reloc.h).
    fn renumber(&self, out: &mut [u8], at: usize) -> Option<()> {
        let file = &self.file;
        let (address, word) = (file.word(at)?, file.word(at.checked_add(4)?)?);
        // Scattered ones name no symbol; 64-bit machines have none.
        if !file.is_64 && address & macho::R_SCATTERED != 0 {
            return Some(());
        }
        let little = file.endian.is_little_endian();
        let (external, number) = if little {
            (word >> 27 & 1, word & 0xFF_FFFF)
        } else {
            (word >> 4 & 1, word >> 8)
        };
        if external == 1 && number as usize >= self.symbols.local {
            let one = if little { 1 } else { 1 << 8 };
            file.put(out, at + 4, word.checked_add(one)?)?;
        }
        Some(())
    }

    /// Makes the first segment hold one section more.
    fn extend_segment(
        &self,
        out: &mut [u8],
        end: u64,
        room: u64,
        section_size: usize,
    ) -> Option<()> {
        let file = &self.file;
        let segment = file.segments().next()?;
        let (memory, size, count) = if file.is_64 {
            (24, 48, 64)
        } else {
            (24, 36, 48)
        };
        let (address, length) = (memory, memory + if file.is_64 { 8 } else { 4 });
        let start = file.wide(segment + address)?;
        let length_now = end.checked_sub(start)?;
        let command = file.word(segment + 4)?.checked_add(section_size as u32)?;
        file.put(out, segment + 4, command)?;
        file.put_wide(out, segment + length, length_now)?;
        let bytes = file.wide(segment + size)?.checked_add(room)?;
        file.put_wide(out, segment + size, bytes.min(length_now))?;
        file.put(
            out,
            segment + count,
            file.word(segment + count)?.checked_add(1)?,
        )
    }

    /// What goes behind all contents.
    fn tail(&self, names: &[&[u8]], section: u8, address: u64, native: Native) -> Option<Tail> {
        let (file, symbols) = (&self.file, &self.symbols);
        let mut strings = symbols.strings.to_vec();
        let mut add = |name: &[u8]| -> Option<[u8; 4]> {
            let at = u32::try_from(strings.len()).ok()?;
            strings.extend_from_slice(name);
            strings.push(0);
            Some(file.endian.write_u32(at))
        };
        let mut local = add(SYMBOL)?.to_vec();
        local.extend_from_slice(&[macho::N_SECT.0, section, 0, 0]);
        if file.is_64 {
            local.extend_from_slice(&file.endian.write_u64(address));
        } else {
            local.extend_from_slice(&file.endian.write_u32(u32::try_from(address).ok()?));
        }
        let mut table = symbols.table.to_vec();
        let known = symbols.undefined(file)?;
        let mut numbers = Vec::with_capacity(names.len());
        let mut count = symbols.count;
        for name in names {
            if let Some(&number) = known.get(name) {
                // A weak reference pulls nothing.
                let at = number * symbols.entry + 6;
                let field = table.get_mut(at..at + 2)?;
                let flags = file.endian.read_u16(*field.first_chunk::<2>()?);
                let flags = file.endian.write_u16(flags & !macho::N_WEAK_REF.0);
                field.copy_from_slice(&flags);
                numbers.push(number + 1);
                continue;
            }
            numbers.push(count + 1);
            count += 1;
            table.extend_from_slice(&add(name)?);
            // Type, section, description, value.
            table.push(macho::N_EXT.0);
            table.resize(table.len() + symbols.entry - 5, 0);
        }
        let at = symbols.local * symbols.entry;
        table.splice(at..at, local);
        strings.resize(strings.len().next_multiple_of(8), 0);

        // The highest address comes first.
        let mut relocations = Vec::with_capacity(names.len() * 8);
        for (index, number) in numbers.iter().enumerate().rev() {
            let number = u32::try_from(*number).ok().filter(|n| *n < 1 << 24)?;
            let place = u32::try_from(index * native.width()).ok()?;
            let word = if file.endian.is_little_endian() {
                native.info(number, true)
            } else {
                number << 8 | u32::from(native.length) << 5 | 1 << 4
            };
            relocations.extend_from_slice(&file.endian.write_u32(place));
            relocations.extend_from_slice(&file.endian.write_u32(word));
        }
        Some(Tail {
            relocations,
            table,
            strings,
        })
    }
}

struct Tail {
    relocations: Vec<u8>,
    table: Vec<u8>,
    strings: Vec<u8>,
}
