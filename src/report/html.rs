//! Small pieces of HTML and SVG.

use std::fmt::Write as _;

pub use crate::inspect::render::size;

/// Text as it must stand in HTML, in attributes too.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("&#10;"),
            // Names come from files: nothing that is no text.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Opens a section.
pub fn section(out: &mut String, title: &str, about: &str) {
    let _ = writeln!(
        out,
        "<section>\n<h2>{}</h2>\n<p>{}</p>",
        escape(title),
        escape(about)
    );
}

/// Text in a picture.
pub fn text(out: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>",
        escape(text)
    );
}

/// As much of `text` as fits `width` in a picture's font; `None` where too little would be left.
#[must_use]
pub fn fitting(text: &str, width: f64) -> Option<String> {
    const LETTER: f64 = 6.7;
    let most = (width / LETTER) as usize;
    if text.chars().count() <= most {
        return Some(text.to_owned());
    }
    if most < 5 {
        return None;
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    Some(short)
}
