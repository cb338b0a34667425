//! What a built library depends on: cargo's dep-info file beside it, and the files that steer cargo.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Code, Diagnostic, Result};

/// The sources of `library` and of the local packages in it, from the `.d` file that cargo writes
/// beside every final artifact.
///
/// # Errors
/// `input-unreadable`.
pub fn read(library: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let path = library.with_extension("d");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(parse(&text)),
        // cargo-c need not write one.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Diagnostic::new(
            Code::InputUnreadable,
            format!("cannot read cargo's dep-info: {e}"),
        )
        .file(path)
        .into()),
    }
}

/// The prerequisites of every rule of a make file; spaces in them are escaped.
fn parse(text: &str) -> Vec<Utf8PathBuf> {
    let mut paths = Vec::new();
    for line in text.lines() {
        // `C:\x` has a colon too.
        let Some((_, list)) = line.split_once(": ") else {
            continue;
        };
        let mut path = String::new();
        let mut characters = list.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '\\' if characters.peek() == Some(&' ') => {
                    path.push(' ');
                    characters.next();
                }
                ' ' if path.is_empty() => {}
                ' ' => paths.push(std::mem::take(&mut path).into()),
                c => path.push(c),
            }
        }
        if !path.is_empty() {
            paths.push(path.into());
        }
    }
    paths
}

/// The files besides sources that a build in `root` depends on, as far as they are there.
#[must_use]
pub fn settings(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let own = [
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain",
        "rust-toolchain.toml",
    ];
    let own = own.iter().map(|name| root.join(name));
    let configured = root
        .ancestors()
        .flat_map(|folder| [".cargo/config.toml", ".cargo/config"].map(|name| folder.join(name)));
    own.chain(configured).filter(|p| p.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn make_files() {
        let text =
            "/t/liba.a: /w/a\\ b.rs /w/c.rs\n\nC:\\t\\a.lib: C:\\w\\a.rs  C:\\w\\b.rs\n/x:\n";
        assert_eq!(
            parse(text),
            ["/w/a b.rs", "/w/c.rs", "C:\\w\\a.rs", "C:\\w\\b.rs"]
        );
        assert!(read(Utf8Path::new("no/such.a")).unwrap().is_empty());
    }
}
