//! A C API over pulldown-cmark, whose memory is mimalloc's.

use std::ffi::c_void;

use mimalloc::MiMalloc;
use pulldown_cmark::{Options, Parser, html};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// HTML, without a terminating zero.
#[repr(C)]
pub struct MarkdownHtml {
    bytes: *mut u8,
    length: usize,
}

/// # Safety
/// `text` is as long as `length` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn markdown_render(
    text: *const u8,
    length: usize,
    tables: bool,
) -> MarkdownHtml {
    // SAFETY: see above.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    let text = String::from_utf8_lossy(text);
    let options = if tables {
        Options::ENABLE_TABLES
    } else {
        Options::empty()
    };
    let mut html = String::new();
    html::push_html(&mut html, Parser::new_ext(&text, options));
    let html = html.into_bytes().into_boxed_slice();
    MarkdownHtml {
        length: html.len(),
        bytes: Box::into_raw(html).cast(),
    }
}

/// # Safety
/// `html` is of `markdown_render`, and is not freed twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn markdown_free(html: MarkdownHtml) {
    // SAFETY: see above.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(html.bytes, html.length)) });
}

/// Whether memory is this library's allocator's.
#[unsafe(no_mangle)]
pub extern "C" fn markdown_owns(memory: *const c_void) -> bool {
    // SAFETY: asks where the address is, and reads nothing there.
    unsafe { libmimalloc_sys::mi_is_in_heap_region(memory) }
}

/// The version of the library's interface.
#[unsafe(no_mangle)]
pub static MARKDOWN_INTERFACE: u32 = 1;
