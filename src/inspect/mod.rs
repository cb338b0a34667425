//! What is in a library or a set of them: sizes by crate and kind, exports, leaks, externals.
//!
//! In: the inputs, and for `--melded` an analysis with its partition. Out: the types of
//! [`protocol::inspection`](crate::protocol::inspection) and [`melded`](crate::protocol::melded).

pub mod crates;
pub mod debug_cost;
pub mod exports;
pub mod live;
pub mod personalities;
pub mod providers;
pub mod render;
pub mod set;
pub mod sharing;
pub mod survey;
pub mod target;

use crate::format::sections::SectionKind;
use crate::protocol::inspection::Kinds;

impl Kinds {
    /// Adds `bytes` of `kind`.
    pub fn add(&mut self, kind: SectionKind, bytes: u64) {
        let field = match kind {
            SectionKind::Code => &mut self.code,
            SectionKind::ReadOnly => &mut self.read_only,
            SectionKind::Data => &mut self.data,
            SectionKind::Bss => &mut self.bss,
            SectionKind::Unwind => &mut self.unwind,
            SectionKind::Debug => &mut self.debug,
            SectionKind::Symbols => &mut self.symbols,
            SectionKind::Relocations => &mut self.relocations,
            SectionKind::Bitcode => &mut self.bitcode,
            SectionKind::Note | SectionKind::Other => &mut self.other,
        };
        *field = field.saturating_add(bytes);
    }
}
