//! COFF objects and short import objects (PE/COFF specification)

pub mod sections;

use super::{GlobalSymbol, MemberKind};
use crate::error::Result;

/// The member's machine, where its magic says it is of this format.
pub fn classify(_data: &[u8]) -> Option<MemberKind> {
    None
}

/// See [`super::for_each_global`].
pub fn for_each_global<'d>(_data: &'d [u8], _f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    Ok(())
}
