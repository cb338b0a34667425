//! Bytes of a section, and what a format's writer must relocate in them.

use gimli::SectionId;

/// Contents in the making.
#[derive(Debug, Default)]
pub struct Bytes {
    pub data: Vec<u8>,
    /// In order of offsets.
    pub fixes: Vec<Fix>,
}

/// A field that is relocated; zero in the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fix {
    /// Bytes from the section's start.
    pub at: u64,
    /// Bytes.
    pub width: u8,
    pub to: FixTo,
}

/// What a field stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixTo {
    /// A place in one of the object's debug sections.
    Debug { section: SectionId, offset: u64 },
    /// The address of a place in a section of code.
    Code { section: u32, offset: u64 },
    /// The distance between two places in a section of code.
    Distance { section: u32, from: u64, to: u64 },
}

impl Bytes {
    #[must_use]
    pub fn len(&self) -> u64 {
        self.data.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub fn u8(&mut self, value: u8) {
        self.data.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.data.extend_from_slice(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.data.extend_from_slice(&value.to_le_bytes());
    }

    /// A number of so many bytes.
    pub fn word(&mut self, value: u64, width: u8) {
        let bytes = value.to_le_bytes();
        self.data
            .extend_from_slice(&bytes[..usize::from(width).min(8)]);
    }

    pub fn uleb(&mut self, mut value: u64) {
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                return self.data.push(byte);
            }
            self.data.push(byte | 0x80);
        }
    }

    pub fn sleb(&mut self, mut value: i64) {
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
                return self.data.push(byte);
            }
            self.data.push(byte | 0x80);
        }
    }

    /// A text with its end; what follows a zero in it is left out.
    pub fn text(&mut self, text: &[u8]) {
        let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
        self.data.extend_from_slice(&text[..end]);
        self.data.push(0);
    }

    pub fn fix(&mut self, width: u8, to: FixTo) {
        self.fixes.push(Fix {
            at: self.len(),
            width,
            to,
        });
        self.word(0, width);
    }

    /// Moves what `other` has to the end.
    pub fn append(&mut self, other: &mut Self) {
        let base = self.len();
        self.data.append(&mut other.data);
        self.fixes.extend(other.fixes.drain(..).map(|fix| Fix {
            at: fix.at + base,
            ..fix
        }));
    }

    /// Starts something with its length in 32 bits in front.
    pub fn begin(&mut self) -> usize {
        self.u32(0);
        self.data.len()
    }

    /// Ends what [`Bytes::begin`] started.
    pub fn end(&mut self, begun: usize) {
        let length = (self.data.len() - begun) as u32;
        if let Some(field) = self.data.get_mut(begun - 4..begun) {
            field.copy_from_slice(&length.to_le_bytes());
        }
    }
}
