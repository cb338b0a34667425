//! The plain link line.

use super::{Subject, native};
use crate::protocol::request::Strategy;
use crate::protocol::response::Link;

pub(super) fn link(subject: &Subject<'_>) -> Link {
    let plugins = subject.plugins.iter().filter_map(|p| p.path.clone());
    let workspace = subject.workspace_library.map(|w| w.path.clone());
    let natives = subject
        .plugins
        .iter()
        .map(|p| p.native_static_libs.as_slice());
    Link {
        libraries: plugins.chain(workspace).collect(),
        native_static_libs: native::merge(natives),
        linker_args: linker_args(subject),
    }
}

/// What the linker itself must be told.
pub(super) fn linker_args(subject: &Subject<'_>) -> Vec<String> {
    let mut args = Vec::new();
    if subject.strategy == Strategy::Dedup && subject.is_msvc() {
        // link.exe resolves every symbol of a member before it drops dead functions, so dead code of
        // a shared member asks for libraries that no plugin in use needs. A melded library has no
        // dead code and needs neither.
        args.extend(["/OPT:REF".to_owned(), "/FORCE:UNRESOLVED".to_owned()]);
    }
    for arg in subject.linker_args {
        if !args.contains(arg) {
            args.push(arg.clone());
        }
    }
    args
}
