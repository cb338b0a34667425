//! Static library archives: every kind that linkers read, in both directions.

pub mod read;

use crate::protocol::request::ArchiveFlavour;

/// Layout of an archive's headers and symbol index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveKind {
    Gnu,
    Gnu64,
    Bsd,
    Darwin64,
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
}
