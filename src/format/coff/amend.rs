//! Adds undefined symbols to an object, so that pulling it pulls what defines them. They go behind
//! the others, whose indexes stay.

use object::pe;

use super::{Layout, layout, word};
use crate::format::Ask;

/// See [`crate::format::add_undefined`].
pub fn add_undefined(data: &[u8], asks: &[Ask<'_>]) -> Option<Vec<u8>> {
    // Where the header says where the symbols are and how many; the size of one.
    let (at_pointer, at_count, size) = match layout(data)?.0 {
        Layout::Plain => (8, 12, 18),
        Layout::Big => (48, 52, 20),
        Layout::Import => return None,
    };
    let pointer = word(data, at_pointer)? as usize;
    let count = word(data, at_count)?;
    let (table, strings) = if pointer == 0 {
        (&[][..], &[][..])
    } else {
        let end = pointer.checked_add(size * count as usize)?;
        let length = word(data, end)? as usize;
        (
            data.get(pointer..end)?,
            data.get(end..end.checked_add(length)?)?,
        )
    };
    // Usually they are the last things in the file; else they are written once more.
    let last = pointer != 0 && pointer + table.len() + strings.len() == data.len();
    let mut out = if last {
        data.get(..pointer)?.to_vec()
    } else {
        data.to_vec()
    };
    let new_pointer = u32::try_from(out.len()).ok()?;
    out.extend_from_slice(table);
    let mut strings = strings.to_vec();
    if strings.len() < 4 {
        strings = vec![0; 4];
    }
    for Ask { name, .. } in asks {
        if name.len() <= 8 {
            out.extend_from_slice(name);
            out.resize(out.len() + 8 - name.len(), 0);
        } else {
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&u32::try_from(strings.len()).ok()?.to_le_bytes());
            strings.extend_from_slice(name);
            strings.push(0);
        }
        // Value, section (two or four bytes), type: all nothing.
        out.resize(out.len() + size - 12, 0);
        out.extend_from_slice(&[0, 0, pe::IMAGE_SYM_CLASS_EXTERNAL.0, 0]);
    }
    let length = u32::try_from(strings.len()).ok()?.to_le_bytes();
    strings.get_mut(..4)?.copy_from_slice(&length);
    out.extend_from_slice(&strings);
    let count = count.checked_add(u32::try_from(asks.len()).ok()?)?;
    let mut patch = |at: usize, value: u32| -> Option<()> {
        out.get_mut(at..at + 4)?
            .copy_from_slice(&value.to_le_bytes());
        Some(())
    };
    patch(at_pointer, new_pointer)?;
    patch(at_count, count)?;
    Some(out)
}
