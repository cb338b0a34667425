//! Not of the workspace: it has the flags of all, and not the workspace's own.

#[cfg(any(not(everywhere = "yes"), local, named = "a name"))]
compile_error!("a flag is where it should not be");

pub const WORD: &str = "flags";
