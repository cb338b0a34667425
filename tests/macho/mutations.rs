//! Two libraries, one of them with an object that was tampered with, prelinked and melded: an error with a
//! code, never a panic, and never one that says that it is our own fault.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::error::Code;
use dragonfire::input::archive::ArchiveKind;
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::OutputMember;
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{CombineRequest, LibraryInput, Output, Request, Source};

use crate::hostile::Random;
use crate::support::{ARM64, C, CXX, X86_64, compile, scratch};

/// What the other library has in common with the first, and what it does not.
const OTHER: &str = r#"
extern "C" int printf(const char *, ...);
struct Noisy { ~Noisy(); int x; };
inline int shared(int x) { static int calls = 3; return x + ++calls; }
extern "C" int helper(int);
extern "C" __attribute__((weak)) int hook(int x) { return x; }
extern "C" int gst_plugin_b_register(int x) { try { return helper(shared(x)) + hook(x); } catch (...) { return 1; } }
extern "C" int helper(int x) { if (x > 7) throw x; return x * 2; }
"#;

fn library(at: &Utf8Path, objects: &[&[u8]]) {
    let members: Vec<OutputMember<'_>> = objects
        .iter()
        .map(|&object| OutputMember {
            symbols: Vec::new(),
            name: b"a.o".as_slice().into(),
            data: object.into(),
        })
        .collect();
    let mut bytes = Vec::new();
    match ArchiveWriter::new(ArchiveKind::Bsd, &members) {
        Ok(writer) => writer.write(&mut bytes).unwrap(),
        // The index cannot be made of a broken symbol table: an archive without one will do.
        Err(_) => {
            bytes.extend_from_slice(b"!<arch>\n");
            for object in objects {
                let size = object.len().next_multiple_of(8);
                let header = format!(
                    "{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                    "a.o", 0, 0, 0, 644, size
                );
                bytes.extend_from_slice(header.as_bytes());
                bytes.extend_from_slice(object);
                bytes.resize(bytes.len() + size - object.len(), 0);
            }
        }
    }
    fs::write(at, bytes).unwrap();
}

struct Set {
    home: Utf8PathBuf,
    other: Vec<u8>,
    second: Vec<u8>,
}

impl Set {
    /// Combines it with this object; what comes out is all or nothing.
    fn attempt(&self, strategy: fn(CombineRequest) -> Request, object: &[u8]) -> Result<(), Code> {
        let path = |name: &str| self.home.join(name);
        library(&path("libgsta.a"), &[object, &self.second]);
        library(&path("libgstb.a"), &[&self.other]);
        let out = path("out");
        let _ = fs::remove_dir_all(&out);
        let inputs = ["libgsta.a", "libgstb.a"].map(|name| LibraryInput {
            path: path(name),
            ..LibraryInput::default()
        });
        let request = strategy(CombineRequest {
            exports: vec!["gst_plugin_{plugin}_register".to_owned()],
            threads: Some(1),
            ..CombineRequest::new(Source::Libraries(inputs.into()), Output::Dir(out.clone()))
        });
        let written = || fs::read_dir(&out).map_or(0, Iterator::count);
        match dragonfire::run(&request, &Silent) {
            Ok(_) => {
                assert_eq!(written(), 3);
                Ok(())
            }
            Err(e) => {
                assert_eq!(written(), 0, "nothing is left of a failed run");
                let ours = [Code::Internal, Code::VerifyFailed].contains(&e.code());
                assert!(!ours || self.tolerant(&e, object), "{e}");
                Err(e.code())
            }
        }
    }
}

impl Set {
    /// While looking for faults: says each, keeps its object, and goes on.
    fn tolerant(&self, e: &dragonfire::error::Error, object: &[u8]) -> bool {
        let Ok(folder) = std::env::var("DRAGONFIRE_FAULTS") else {
            return false;
        };
        let text = e.to_string();
        let name = blake3::hash(object).to_hex();
        fs::write(format!("{folder}/{}.o", &name[..12]), object).unwrap();
        eprintln!(
            "{}: {}",
            &name[..12],
            text.lines().next().unwrap_or_default()
        );
        true
    }
}

/// Where it matters: header and commands, relocations and symbols, unwind data.
fn places(object: &[u8]) -> Vec<std::ops::Range<usize>> {
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().unwrap()) as usize;
    let mut found = Vec::new();
    found.push(0..32 + word(20));
    let mut at = 32;
    for _ in 0..word(16) {
        match word(at) {
            0x19 => {
                for section in (0..word(at + 64)).map(|i| at + 72 + i * 80) {
                    let relocations = word(section + 56);
                    found.push(relocations..relocations + 8 * word(section + 60));
                    let name = &object[section..section + 16];
                    let start = word(section + 48);
                    if name.starts_with(b"__eh_frame") || name.starts_with(b"__compact_unw") {
                        found.push(start..start + word(section + 40));
                    }
                }
            }
            2 => found.push(word(at + 8)..word(at + 8) + 16 * word(at + 12)),
            _ => {}
        }
        at += word(at + 4);
    }
    found.retain(|r| !r.is_empty());
    found
}

fn mutations(target: &str, seed: u64) {
    let (_keep, home) = scratch();
    let set = Set {
        home,
        other: compile(target, "cpp", OTHER, &[]),
        second: compile(target, "c", C, &[]),
    };
    let object = compile(target, "cpp", CXX, &[]);
    assert_eq!(set.attempt(Request::Meld, &object), Ok(()));
    let places = places(&object);
    let mut random = Random(seed);
    let mut failed = 0;
    let rounds = std::env::var("DRAGONFIRE_MUTATIONS").map_or(400, |n| n.parse().unwrap());
    for round in 0..rounds {
        let mut bytes = object.clone();
        for _ in 0..=random.below(3) {
            let place = places[random.below(places.len())].clone();
            let at = place.start + random.below(place.len());
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at] = random.next() as u8,
                _ => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            }
        }
        let strategy = [Request::Meld, Request::Prelink][round % 2];
        failed += usize::from(set.attempt(strategy, &bytes).is_err());
    }
    assert!(
        failed > rounds / 10,
        "the mutations do hit something: {failed}"
    );
}

#[test]
fn of_arm64() {
    mutations(ARM64, 0x5eed_0000_0001);
}

#[test]
fn of_x86_64() {
    mutations(X86_64, 0x5eed_0000_0002);
}
