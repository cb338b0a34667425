//! Adds undefined symbols to an object, so that pulling it pulls what defines them. Undefined symbols
//! are the last ones, so all others keep their indexes.

use object::Endian;
use object::macho;

use super::magic;

/// See [`crate::format::add_undefined`].
pub fn add_undefined(data: &[u8], names: &[&[u8]]) -> Option<Vec<u8>> {
    let (endian, is_64) = magic(data)?;
    let read = |data: &[u8], at: usize| -> Option<u32> {
        let bytes = data.get(at..)?.first_chunk::<4>()?;
        Some(endian.read_u32(*bytes))
    };
    let (mut at, entry) = if is_64 { (32, 16) } else { (28, 12) };
    let (mut symtab, mut dysymtab) = (None, None);
    for _ in 0..read(data, 16)? {
        match macho::LoadCommandType(read(data, at)?) {
            macho::LC_SYMTAB => symtab = Some(at),
            macho::LC_DYSYMTAB => dysymtab = Some(at),
            _ => {}
        }
        at = at.checked_add(read(data, at + 4)? as usize)?;
    }
    let symtab = symtab?;
    let number = |field: usize| read(data, symtab + field).map(|v| v as usize);
    let (symbols_at, count) = (number(8)?, number(12)?);
    let (strings_at, strings_len) = (number(16)?, number(20)?);
    let symbols_end = symbols_at.checked_add(count.checked_mul(entry)?)?;
    let strings_end = strings_at.checked_add(strings_len)?;
    let table = data.get(symbols_at..symbols_end)?;
    let mut strings = data.get(strings_at..strings_end)?.to_vec();
    // Usually they are the last things in the file; else they are written once more.
    let last = symbols_end == strings_at && strings_end == data.len();
    let mut out = if last {
        data.get(..symbols_at)?.to_vec()
    } else {
        let mut out = data.to_vec();
        out.resize(out.len().next_multiple_of(8), 0);
        out
    };
    let new_symbols = out.len();
    out.extend_from_slice(table);
    for name in names {
        let at = u32::try_from(strings.len()).ok()?;
        out.extend_from_slice(&endian.write_u32(at));
        // Type, section, description, value.
        out.push(macho::N_EXT.0);
        out.resize(out.len() + entry - 5, 0);
        strings.extend_from_slice(name);
        strings.push(0);
    }
    let new_strings = out.len();
    strings.resize(strings.len().next_multiple_of(8), 0);
    out.extend_from_slice(&strings);
    let mut patch = |at: usize, value: usize| -> Option<()> {
        let value = endian.write_u32(u32::try_from(value).ok()?);
        out.get_mut(at..at + 4)?.copy_from_slice(&value);
        Some(())
    };
    patch(symtab + 8, new_symbols)?;
    patch(symtab + 12, count + names.len())?;
    patch(symtab + 16, new_strings)?;
    patch(symtab + 20, strings.len())?;
    if let Some(dysymtab) = dysymtab {
        let (first, undefined) = (dysymtab + 24, dysymtab + 28);
        let number = read(data, undefined)? as usize;
        let start = read(data, first)? as usize;
        if number == 0 {
            patch(first, count)?;
        } else if start.checked_add(number)? != count {
            return None;
        }
        patch(undefined, number + names.len())?;
    }
    Some(out)
}
