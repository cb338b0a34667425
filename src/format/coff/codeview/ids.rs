//! `.debug$T`: the names of functions that others inline.

use super::records::{Fault, Pieces, half, text, word};
use super::{FIRST_INDEX, SIGNATURE, leaf};

/// Records by number.
#[derive(Default)]
pub(super) struct Ids<'a> {
    /// Kind and contents.
    all: Vec<(u16, &'a [u8])>,
}

impl<'a> Ids<'a> {
    /// # Errors
    /// What is cut short.
    pub fn read(data: &'a [u8]) -> Result<Self, Fault> {
        let mut out = Self::default();
        if word(data, 0) != Some(SIGNATURE) {
            return Ok(out);
        }
        let mut records = Pieces::records(data, 4);
        while let Some((_, kind, contents)) = records.next()? {
            out.all.push((kind as u16, contents));
        }
        Ok(out)
    }

    fn get(&self, index: u32) -> Option<(u16, &'a [u8])> {
        let at = index.checked_sub(FIRST_INDEX)?;
        self.all.get(at as usize).copied()
    }

    /// What a function is called, after what it is a member of.
    pub fn function(&self, index: u32) -> Option<(&'a [u8], &'a [u8])> {
        let (kind, data) = self.get(index)?;
        let parent = word(data, 0)?;
        let parent = match kind {
            leaf::FUNC_ID => self.string(parent),
            leaf::MFUNC_ID => self.class(parent),
            _ => return None,
        };
        Some((parent.unwrap_or_default(), text(data, 8)?))
    }

    fn string(&self, index: u32) -> Option<&'a [u8]> {
        match self.get(index)? {
            (leaf::STRING_ID, data) => text(data, 4),
            _ => None,
        }
    }

    fn class(&self, index: u32) -> Option<&'a [u8]> {
        let (kind, data) = self.get(index)?;
        match kind {
            leaf::CLASS | leaf::STRUCTURE | leaf::INTERFACE => text(data, number_end(data, 16)?),
            leaf::UNION => text(data, number_end(data, 8)?),
            leaf::ENUM => text(data, 12),
            _ => None,
        }
    }

    /// The folder that the compiler ran in, and the source that it was given.
    pub fn build(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (_, data) = self.all.iter().find(|(kind, _)| *kind == leaf::BUILDINFO)?;
        let argument = |n: usize| self.string(word(data, 2 + 4 * n)?);
        Some((
            argument(0).unwrap_or_default(),
            argument(2).unwrap_or_default(),
        ))
    }
}

/// Where a number of variable length ends (`LF_NUMERIC`).
fn number_end(data: &[u8], at: usize) -> Option<usize> {
    let more = match half(data, at)? {
        ..0x8000 => 0,
        0x8000 => 1,
        0x8001 | 0x8002 => 2,
        0x8003 | 0x8004 => 4,
        0x8009 | 0x800A => 8,
        _ => return None,
    };
    Some(at + 2 + more)
}
