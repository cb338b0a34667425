//! Broken objects: an error with a code, never a panic.

use dragonfire::error::Code;
use dragonfire::format::model::EdgeTarget;
use dragonfire::format::{self, Format, MemberKind};

use crate::support::{ARM64, C, CXX, I386, X86_64, compile};

/// Reads what may be an object; a success must hold together.
fn attempt(data: &[u8]) -> Result<(), Code> {
    let kind = format::classify(data);
    if !matches!(kind, MemberKind::Object(Format::MachO, _)) {
        return Err(Code::ObjectMalformed);
    }
    let object = format::read_object(kind, data).map_err(|e| e.code())?;
    for atom in 0..object.atoms.len() as u32 {
        for edge in object.edges_of(atom) {
            match edge.to {
                EdgeTarget::Symbol(s) => assert!((s as usize) < object.symbols.len()),
                EdgeTarget::Atom(a) => assert!((a as usize) < object.atoms.len()),
            }
        }
    }
    Ok(())
}

fn seeds() -> Vec<Vec<u8>> {
    vec![
        compile(ARM64, "cpp", CXX, &[]),
        compile(X86_64, "cpp", CXX, &["-g"]),
        compile(I386, "c", C, &["-fPIC"]),
    ]
}

/// Load commands of a 64-bit object: (command, its offset).
fn commands(data: &[u8]) -> Vec<(u32, usize)> {
    let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap());
    let mut at = 32;
    (0..word(16))
        .map(|_| {
            let found = (word(at), at);
            at += word(at + 4) as usize;
            found
        })
        .collect()
}

/// The header of a section, by name.
fn section(data: &[u8], name: &str) -> usize {
    let (_, segment) = commands(data).into_iter().find(|c| c.0 == 0x19).unwrap();
    let count = u32::from_le_bytes(data[segment + 64..segment + 68].try_into().unwrap());
    (0..count as usize)
        .map(|i| segment + 72 + i * 80)
        .find(|&at| data[at..at + 16].split(|b| *b == 0).next() == Some(name.as_bytes()))
        .unwrap()
}

fn symtab(data: &[u8]) -> usize {
    commands(data).into_iter().find(|c| c.0 == 2).unwrap().1
}

fn word(data: &[u8], at: usize) -> usize {
    u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) as usize
}

fn spoiled(spoil: impl FnOnce(&mut Vec<u8>)) -> Result<(), Code> {
    let mut data = compile(X86_64, "cpp", CXX, &[]);
    assert_eq!(attempt(&data), Ok(()));
    spoil(&mut data);
    attempt(&data)
}

#[test]
fn named_faults_have_a_code() {
    type Fault = fn(&mut Vec<u8>);
    let faults: [(&str, Fault); 13] = [
        ("section past the file", |d| {
            let at = section(d, "__text") + 48;
            d[at..at + 4].copy_from_slice(&0x7fff_ff00_u32.to_le_bytes());
        }),
        ("section of exabytes", |d| {
            let at = section(d, "__text") + 40;
            d[at..at + 8].copy_from_slice(&(u64::MAX - 8).to_le_bytes());
        }),
        ("alignment of exabytes", |d| {
            let at = section(d, "__text") + 52;
            d[at..at + 4].copy_from_slice(&63_u32.to_le_bytes());
        }),
        ("relocations past the file", |d| {
            let at = section(d, "__text") + 60;
            d[at..at + 4].copy_from_slice(&0x1fff_ffff_u32.to_le_bytes());
        }),
        ("relocation past its section", |d| {
            let at = word(d, section(d, "__text") + 56);
            d[at..at + 4].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
        }),
        ("relocation against a symbol past the table", |d| {
            let at = word(d, section(d, "__text") + 56) + 4;
            d[at..at + 3].copy_from_slice(&[0xff; 3]);
        }),
        ("relocation of no type", |d| {
            let at = word(d, section(d, "__text") + 56) + 7;
            d[at] |= 0xf0;
        }),
        ("symbols past the file", |d| {
            let at = symtab(d) + 12;
            d[at..at + 4].copy_from_slice(&0x0fff_ffff_u32.to_le_bytes());
        }),
        ("symbol name past the strings", |d| {
            let at = word(d, symtab(d) + 8);
            d[at..at + 4].copy_from_slice(&0x7fff_fff0_u32.to_le_bytes());
        }),
        ("symbol in a section that does not exist", |d| {
            let at = word(d, symtab(d) + 8) + 5;
            d[at] = 200;
        }),
        ("symbol outside its section", |d| {
            let at = word(d, symtab(d) + 8) + 8;
            d[at..at + 8].copy_from_slice(&0x7fff_ffff_u64.to_le_bytes());
        }),
        ("unwind record past the end", |d| {
            let at = word(d, section(d, "__eh_frame") + 48);
            d[at..at + 4].copy_from_slice(&0x00ff_ffff_u32.to_le_bytes());
        }),
        ("unwind entries cut", |d| {
            let at = section(d, "__compact_unwind") + 40;
            let size = word(d, at) as u32 - 4;
            d[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }),
    ];
    for (name, fault) in faults {
        assert_eq!(spoiled(fault), Err(Code::ObjectMalformed), "{name}");
    }
}

#[test]
fn unwind_entries_need_their_relocations() {
    // What Apple's linker says of it: "compact unwind must have at least 1 fixup".
    let code = spoiled(|d| {
        let at = section(d, "__compact_unwind") + 60;
        d[at..at + 4].copy_from_slice(&0_u32.to_le_bytes());
    });
    assert_eq!(code, Err(Code::ObjectMalformed));
}

#[test]
fn every_truncation_is_an_error() {
    for seed in seeds() {
        for length in 0..seed.len() {
            match attempt(&seed[..length]) {
                Ok(()) => {}
                Err(code) => assert_eq!(code, Code::ObjectMalformed, "{length}"),
            }
        }
    }
}

/// A small generator, so that a failure can be run again.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn thousands_of_mutations_never_panic() {
    let mut random = Random(0x5eed_0ff1_e500);
    for seed in seeds() {
        let mut failed = 0;
        for round in 0..6000 {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(4) {
                // Half of them in the header and the load commands.
                let limit = if round % 2 == 0 { 1400 } else { bytes.len() };
                let at = random.below(limit.min(bytes.len()));
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = random.next() as u8,
                    2 => {
                        let value = [0, 1, 0x7f, 0x80, 0xff, 0xfe][random.below(6)];
                        for b in bytes.iter_mut().skip(at).take(8) {
                            *b = value;
                        }
                    }
                    _ => bytes.truncate(at.max(64)),
                }
            }
            if let Err(code) = attempt(&bytes) {
                assert!(
                    matches!(code, Code::ObjectMalformed | Code::ObjectUnsupported),
                    "{code:?}"
                );
                failed += 1;
            }
        }
        assert!(failed > 300, "the mutations do hit something: {failed}");
    }
}
