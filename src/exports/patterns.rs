//! Patterns of symbol names: names and globs, matched in less than their product.

use foldhash::HashSet;
use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Code, Diagnostic, Result};

/// A name, or a glob over names.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written, less `{plugin}`.
    pub text: String,
    /// What every match starts with: settles nearly all of a library's symbols.
    pub prefix: String,
    /// `None` where the prefix is the whole pattern.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// # Errors
    /// `manifest-invalid` for what is no glob.
    pub fn new(text: String) -> Result<Self> {
        Ok(Self {
            prefix: text
                .get(..special(&text).unwrap_or(text.len()))
                .unwrap_or_default()
                .to_owned(),
            glob: compile(&text)?,
            text,
        })
    }

    /// Is it more than one name?
    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.prefix.as_bytes()) else {
            return false;
        };
        match &self.glob {
            None => rest.is_empty(),
            Some(glob) => std::str::from_utf8(name).is_ok_and(|name| glob.is_match(name)),
        }
    }

    /// What it may match of a sorted list: where its prefix stands.
    pub fn near<'s, T>(&self, sorted: &'s [(&[u8], T)]) -> &'s [(&'s [u8], T)] {
        let prefix = self.prefix.as_bytes();
        let first = sorted.partition_point(|(bare, _)| *bare < prefix);
        let rest = sorted.get(first..).unwrap_or_default();
        let end = rest.partition_point(|(bare, _)| match self.is_glob() {
            true => bare.starts_with(prefix),
            false => *bare == prefix,
        });
        rest.get(..end).unwrap_or_default()
    }
}

/// Patterns of which any may match. Lists of names are long: those are looked up.
#[derive(Debug, Clone, Default)]
pub struct AnyOf {
    names: HashSet<Vec<u8>>,
    globs: Vec<Pattern>,
}

impl AnyOf {
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let mut all = Self::default();
        for pattern in patterns {
            match pattern.glob {
                None => {
                    all.names.insert(pattern.text.into_bytes());
                }
                Some(_) => all.globs.push(pattern),
            }
        }
        all
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }

    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.names.contains(name) || self.globs.iter().any(|p| p.matches(name))
    }
}

/// Checks that `pattern` is a glob, `{plugin}` in it or not.
///
/// # Errors
/// `manifest-invalid`.
pub fn check_pattern(pattern: &str) -> Result<()> {
    compile(&pattern.replace("{plugin}", "plugin")).map(drop)
}

/// Where a pattern is more than a name.
fn special(text: &str) -> Option<usize> {
    text.find(['*', '?', '[', ']', '{', '}', '\\'])
}

/// `None` for a name.
fn compile(text: &str) -> Result<Option<GlobMatcher>> {
    let invalid = |why: String| {
        Diagnostic::new(
            Code::ManifestInvalid,
            format!("`{text}` is no pattern of symbol names: {why}"),
        )
        .hint("`*` stands for any text, `?` for one character, `{a,b}` for one of two")
    };
    if text.is_empty() {
        return Err(invalid("it is empty".to_owned()).into());
    }
    if special(text).is_none() {
        return Ok(None);
    }
    let glob = GlobBuilder::new(text)
        .literal_separator(false)
        .backslash_escape(true)
        .build()
        .map_err(|e| invalid(e.kind().to_string()))?;
    Ok(Some(glob.compile_matcher()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let patterns = ["a_?", "b_{x,y}*", "c_[0-9]", "d\\*"];
        let all = AnyOf::new(patterns.map(|p| Pattern::new(p.to_owned()).unwrap()));
        for name in ["a_1", "b_x", "b_yes", "c_7", "d*"] {
            assert!(all.matches(name.as_bytes()), "{name}");
        }
        for name in ["a_", "a_12", "b_z", "c_x", "d1", ""] {
            assert!(!all.matches(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn bad_globs_are_refused() {
        assert!(check_pattern("a[").is_err());
        assert!(check_pattern("").is_err());
        assert!(check_pattern("{plugin}_{a,b}*").is_ok());
    }

    #[test]
    fn what_a_sorted_list_has_near() {
        let sorted: Vec<(&[u8], u32)> = vec![(b"a", 0), (b"ab", 1), (b"abc", 2), (b"b", 3)];
        let near = |p: &str| Pattern::new(p.to_owned()).unwrap().near(&sorted).len();
        assert_eq!(near("ab"), 1);
        assert_eq!(near("ab*"), 2);
        assert_eq!(near("*"), 4);
        assert_eq!(near("c*"), 0);
    }
}
