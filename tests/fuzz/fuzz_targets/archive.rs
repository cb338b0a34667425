//! Any bytes as an archive: an error or members, never a panic.
#![no_main]

use dragonfire::archive::read::Archive;
use dragonfire::format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(archive) = Archive::parse(data) {
        for member in &archive.members {
            let kind = format::classify(member.data);
            let _ = format::for_each_global(kind, member.data, &mut |_| {});
        }
    }
});
