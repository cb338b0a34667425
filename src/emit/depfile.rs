//! A dependency file for make and ninja.

use camino::Utf8Path;

use super::{MetadataFile, Subject};
use crate::protocol::request::Metadata;
use crate::protocol::response::FileKind;

pub(super) fn file(subject: &Subject<'_>, metadata: &Metadata, path: &Utf8Path) -> MetadataFile {
    let mut targets = metadata.depfile_targets.clone();
    if targets.is_empty() {
        let plugins = subject.plugins.iter().filter_map(|p| p.path.clone());
        targets = plugins
            .chain(subject.workspace_library.map(|w| w.path.clone()))
            .collect();
    }
    let targets: Vec<String> = targets.iter().map(|t| escaped(t)).collect();
    let inputs: Vec<String> = subject.inputs.iter().map(|i| escaped(i)).collect();
    let mut contents = format!("{}:", targets.join(" "));
    for input in &inputs {
        contents += &format!(" \\\n  {input}");
    }
    contents.push('\n');
    // So that make does not stop at a source file that is no longer there.
    for input in &inputs {
        contents += &format!("\n{input}:\n");
    }
    MetadataFile {
        kind: FileKind::Depfile,
        path: path.to_owned(),
        contents,
    }
}

/// As make and ninja read names: `$` doubled, spaces and `#` behind a backslash, and backslashes
/// doubled where one of those follows.
fn escaped(path: &Utf8Path) -> String {
    let mut escaped = String::new();
    let mut backslashes = 0;
    for c in path.as_str().chars() {
        match c {
            '\\' => backslashes += 1,
            ' ' | '#' => {
                escaped.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            '$' => {
                escaped.push('$');
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        escaped.push(c);
    }
    escaped
}
