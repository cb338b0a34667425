//! Static library archives: the kinds that linkers read, and how they are read.

pub mod read;

use crate::protocol::request::ArchiveFlavour;

/// Layout of an archive's headers and symbol index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveKind {
    Gnu,
    /// As GNU, with 64-bit offsets in the index (`/SYM64/`).
    Gnu64,
    /// BSD, and Darwin with 32-bit offsets (`__.SYMDEF`).
    Bsd,
    /// As BSD, with 64-bit offsets in the index (`__.SYMDEF_64`).
    Darwin64,
    /// As GNU, with a second index in little-endian, sorted by name.
    Coff,
}

impl ArchiveKind {
    /// The kind a forced flavour stands for.
    #[must_use]
    pub fn from_flavour(flavour: ArchiveFlavour) -> Self {
        match flavour {
            ArchiveFlavour::Gnu => Self::Gnu,
            ArchiveFlavour::Coff => Self::Coff,
            ArchiveFlavour::Darwin => Self::Bsd,
        }
    }

    /// Whether names and index are laid out the BSD way.
    #[must_use]
    pub fn is_bsd(self) -> bool {
        matches!(self, Self::Bsd | Self::Darwin64)
    }

    /// Whether the index has 64-bit offsets.
    #[must_use]
    pub fn is_64(self) -> bool {
        matches!(self, Self::Gnu64 | Self::Darwin64)
    }
}
