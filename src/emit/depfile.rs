//! A dependency file for make and ninja.

use camino::{Utf8Path, Utf8PathBuf};

pub(super) fn text(targets: &[Utf8PathBuf], inputs: &[Utf8PathBuf]) -> String {
    let targets: Vec<String> = targets.iter().map(|t| escaped(t)).collect();
    let inputs: Vec<String> = inputs.iter().map(|i| escaped(i)).collect();
    let mut contents = format!("{}:", targets.join(" "));
    for input in &inputs {
        contents += &format!(" \\\n  {input}");
    }
    contents.push('\n');
    // So that make does not stop at a source file that is no longer there. CMake 3.22 reads no rule behind a
    // blank line, and no colon at the end of a line.
    for input in &inputs {
        contents += &format!("{input}: \n");
    }
    contents
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
