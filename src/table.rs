//! Responses for people: tables of text.

use crate::protocol::response::Response;

/// The response as text; empty where there is nothing to show.
#[must_use]
pub fn render(_response: &Response) -> String {
    String::new()
}

/// What a program's link line needs, on one line.
#[must_use]
pub fn link_line(response: &Response) -> String {
    let Some(link) = &response.link else {
        return String::new();
    };
    let libraries = link.libraries.iter().map(|p| p.as_str());
    let natives = link.native_static_libs.iter().map(String::as_str);
    let further = link.linker_args.iter().map(String::as_str);
    let words: Vec<String> = libraries
        .chain(natives)
        .chain(further)
        .map(quoted)
        .collect();
    words.join(" ") + "\n"
}

/// As a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) && !word.contains('\\') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
