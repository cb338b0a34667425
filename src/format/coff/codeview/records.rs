//! Records and tables, as they stand one after the other.

/// Why CodeView was given up.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0} cut short")]
    Short(&'static str),
    #[error("tables that repeat themselves")]
    Endless,
}

pub(super) fn half(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

pub(super) fn word(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// The text that begins at `at`, up to a zero.
pub(super) fn text(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    let end = rest.iter().position(|b| *b == 0).unwrap_or(rest.len());
    rest.get(..end)
}

/// The pieces of `data[at..]` that begin with their length: (where its contents begin, kind, contents).
pub(super) struct Pieces<'a> {
    data: &'a [u8],
    at: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Kind and length, four bytes each; the next begins at a multiple of four.
    Subsections,
    /// Length and kind, two bytes each; the length counts the kind.
    Records,
}

/// Where it begins, its kind, and its contents.
pub type Piece<'a> = (usize, u32, &'a [u8]);

impl<'a> Pieces<'a> {
    /// Of `.debug$S`, behind the signature.
    pub fn subsections(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 4,
            kind: Kind::Subsections,
        }
    }

    pub fn records(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            kind: Kind::Records,
        }
    }

    /// The next; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Piece<'a>>, Fault> {
        // Sections end with up to three bytes that fill them.
        if self.data.len().saturating_sub(self.at) < 4 {
            return Ok(None);
        }
        let found = match self.kind {
            Kind::Subsections => self.subsection().ok_or(Fault::Short("a subsection"))?,
            Kind::Records => self.record().ok_or(Fault::Short("a record"))?,
        };
        Ok(Some(found))
    }

    fn subsection(&mut self) -> Option<(usize, u32, &'a [u8])> {
        let kind = word(self.data, self.at)?;
        let length = word(self.data, self.at + 4)? as usize;
        let start = self.at + 8;
        let end = start.checked_add(length)?;
        let contents = self.data.get(start..end)?;
        self.at = end.checked_next_multiple_of(4)?;
        Some((start, kind, contents))
    }

    fn record(&mut self) -> Option<(usize, u32, &'a [u8])> {
        let length = usize::from(half(self.data, self.at)?);
        let kind = half(self.data, self.at + 2)?;
        let start = self.at + 4;
        let end = start + length.checked_sub(2)?;
        let contents = self.data.get(start..end)?;
        self.at = end;
        Some((start, u32::from(kind), contents))
    }
}
