//! Where libraries and metadata files are, seen from each other.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// `path` as an absolute path without `.` and, where the names alone tell, without `..`. Links are not
/// followed: the folder may not be there yet.
pub(super) fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    let absolute = camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned());
    let mut tidy = Utf8PathBuf::new();
    for part in absolute.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

/// The way from folder `from` to `to` with forward slashes (`../lib`), empty where they are the same,
/// or `None` where there is no relative way (two Windows drives).
pub(super) fn relative(from: &Utf8Path, to: &Utf8Path) -> Option<String> {
    let (from, to) = (absolute(from), absolute(to));
    let (mut from, mut to) = (from.components().peekable(), to.components().peekable());
    if from.peek() != to.peek() {
        return None;
    }
    while let (Some(a), Some(b)) = (from.peek(), to.peek()) {
        if a != b {
            break;
        }
        from.next();
        to.next();
    }
    let up = from.map(|_| "..");
    let down: Vec<&str> = to.map(|part| part.as_str()).collect();
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// The way from `from` to `to`, below the variable `base`; an absolute path where there is none.
pub(super) fn below(base: &str, from: &Utf8Path, to: &Utf8Path) -> String {
    match relative(from, to) {
        Some(way) if way.is_empty() => base.to_owned(),
        Some(way) => format!("{base}/{way}"),
        None => to.as_str().replace('\\', "/"),
    }
}

/// The folder of a file; the working directory for a bare name.
pub(super) fn folder(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, relative};

    fn way(from: &str, to: &str) -> String {
        relative(from.as_ref(), to.as_ref()).unwrap()
    }

    #[test]
    fn ways() {
        assert_eq!(way("/p/lib/pkgconfig", "/p/lib"), "..");
        assert_eq!(
            way("/p/lib/pkgconfig", "/p/lib/gstreamer-1.0"),
            "../gstreamer-1.0"
        );
        assert_eq!(way("/p/lib", "/p/lib"), "");
        assert_eq!(way("out/x/../pkgconfig", "out"), "..");
        assert_eq!(way("/a", "/b/c"), "../b/c");
        assert_eq!(below("${d}", "/a/b".as_ref(), "/a".as_ref()), "${d}/..");
        assert_eq!(below("${d}", "/a".as_ref(), "/a".as_ref()), "${d}");
    }
}
