//! Reads Cargo.lock files, and checks that a generated one locks nothing that the user's does not.

use std::collections::HashSet;

use camino::Utf8Path;
use serde::Deserialize;

use crate::error::{Code, Diagnostic, Result};

/// A lock file, as far as it says which packages are locked.
#[derive(Debug, Clone, Deserialize)]
pub struct Lock {
    #[serde(default, rename = "package")]
    pub packages: Vec<LockedPackage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    /// Absent for path packages.
    pub source: Option<String>,
    pub checksum: Option<String>,
}

impl Lock {
    /// `None` where there is no such file.
    ///
    /// # Errors
    /// `input-unreadable`, `cargo-failed` for one that is not a lock file.
    pub fn read(path: &Utf8Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Diagnostic::new(
                Code::InputUnreadable,
                format!("cannot read the lock file: {e}"),
            )
            .file(path)
            .into()),
        }
    }

    /// # Errors
    /// `cargo-failed` for what is no lock file.
    pub fn parse(text: &str, path: &Utf8Path) -> Result<Self> {
        toml::from_str(text).map_err(|e| {
            Diagnostic::new(
                Code::CargoFailed,
                format!("cargo cannot use this lock file: {}", e.message()),
            )
            .file(path)
            .into()
        })
    }

    /// The packages of `self`, those named in `own` apart, that `user` does not lock.
    #[must_use]
    pub fn beyond<'l>(&'l self, user: &Self, own: &[String]) -> Vec<&'l LockedPackage> {
        let known: HashSet<&LockedPackage> = user.packages.iter().collect();
        self.packages
            .iter()
            .filter(|p| !known.contains(p) && !own.contains(&p.name))
            .collect()
    }
}

/// The error for a build that must not change what is locked and would.
#[must_use]
pub fn would_change(lock: &Utf8Path, packages: &[&LockedPackage]) -> Diagnostic {
    let names: Vec<String> = packages
        .iter()
        .map(|p| format!("{} {}", p.name, p.version))
        .collect();
    Diagnostic::new(
        Code::LockWouldChange,
        format!(
            "the lock file is not up to date, it lacks {}",
            names.join(", ")
        ),
    )
    .file(lock)
    .hint("run `cargo update --workspace`, or build without --locked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_found() {
        let path = Utf8Path::new("Cargo.lock");
        let user = r#"
            version = 4
            [[package]]
            name = "a"
            version = "1.0.0"
            source = "registry+x"
            checksum = "00"
            dependencies = ["b"]
            [[package]]
            name = "b"
            version = "0.1.0""#;
        let own = user.replace("1.0.0", "1.0.1") + "\n[[package]]\nname='w'\nversion='0.0.0'";
        let (user, own) = (
            Lock::parse(user, path).unwrap(),
            Lock::parse(&own, path).unwrap(),
        );
        assert!(user.beyond(&user, &[]).is_empty());
        let new = own.beyond(&user, &["w".to_owned()]);
        assert_eq!(new.len(), 1);
        let text = would_change(path, &new).to_string();
        assert!(text.contains("a 1.0.1"), "{text}");
        assert!(Lock::parse("[[package]", path).is_err());
        assert!(Lock::read(Utf8Path::new("no/such")).unwrap().is_none());
    }
}
