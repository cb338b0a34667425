//! Compression of debug sections.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Twice as fast as the default, and 2% larger.
const LEVEL: u32 = 4;

/// Appends `data` as a zlib stream. Its bytes depend on `data` alone.
pub fn zlib(data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut encoder = ZlibEncoder::new(&mut *out, Compression::new(LEVEL));
    // Writing to memory cannot fail.
    let written = encoder.write_all(data).and_then(|()| encoder.try_finish());
    drop(encoder);
    if written.is_err() {
        out.truncate(start);
        out.extend_from_slice(data);
    }
}
