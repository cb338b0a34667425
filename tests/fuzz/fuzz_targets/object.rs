//! Any bytes as an object file: an error or atoms whose edges stay inside, never a panic.
#![no_main]

use dragonfire::format::{self, model::EdgeTarget};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(object) = format::read_object(format::classify(data), data) else {
        return;
    };
    for atom in 0..object.atoms.len() as u32 {
        for edge in object.edges_of(atom) {
            match edge.to {
                EdgeTarget::Symbol(s) => assert!((s as usize) < object.symbols.len().max(1)),
                EdgeTarget::Atom(a) => assert!((a as usize) < object.atoms.len()),
            }
        }
    }
});
