//! Hand-made sections: what two make together, what does not go together, and bytes that nobody wrote.

use super::{arm, check, merge, riscv};
use crate::error::{Code, Diagnostic};

const ARM: &[u8] = b".ARM.attributes";
const RISCV: &[u8] = b".riscv.attributes";

/// A section with these attributes, each as it is encoded.
fn section(vendor: &[u8], attributes: &[&[u8]]) -> Vec<u8> {
    let attributes = attributes.concat();
    let scope = [
        &[1][..],
        &(5 + attributes.len() as u32).to_le_bytes(),
        &attributes,
    ]
    .concat();
    private(vendor, &scope, b"A")
}

/// `before`, and a subsection of a vendor behind it.
fn private(vendor: &[u8], data: &[u8], before: &[u8]) -> Vec<u8> {
    let length = 4 + vendor.len() + 1 + data.len();
    [before, &(length as u32).to_le_bytes(), vendor, &[0], data].concat()
}

fn eabi(attributes: &[&[u8]]) -> Vec<u8> {
    section(b"aeabi", attributes)
}

fn joined(name: &[u8], sections: &[&[u8]]) -> Result<Option<Vec<u8>>, Diagnostic> {
    Ok(merge(sections.iter().map(|s| (name, *s)))?.map(|(_, contents)| contents))
}

/// What these two sets of attributes make, in either order.
fn arm(a: &[&[u8]], b: &[&[u8]]) -> Vec<u8> {
    let (a, b) = (eabi(a), eabi(b));
    let both = joined(ARM, &[&a, &b]).unwrap().unwrap();
    assert_eq!(joined(ARM, &[&b, &a]).unwrap().unwrap(), both);
    // What it makes goes with what it was made of.
    assert_eq!(joined(ARM, &[&both, &a, &b]).unwrap().unwrap(), both);
    both
}

fn refused(name: &[u8], a: &[u8], b: &[u8]) -> String {
    let mut message = String::new();
    for order in [[a, b], [b, a]] {
        let error = joined(name, &order).unwrap_err();
        assert_eq!(error.code, Code::MixedFormats);
        message = error.message;
    }
    message
}

#[test]
fn demands_add_up() {
    // v6KZ and v6T2 make v7; ISA use, SIMD and unaligned access the larger.
    assert_eq!(
        arm(
            &[&[6, 7], &[8, 1], &[12, 1], &[34, 1]],
            &[&[6, 8], &[9, 2], &[12, 3]]
        ),
        eabi(&[&[6, 10], &[8, 1], &[9, 2], &[12, 3], &[34, 1]])
    );
    // VFPv3 (32 registers) and VFPv4-D16 make VFPv4.
    assert_eq!(arm(&[&[10, 3]], &[&[10, 6]]), eabi(&[&[10, 5]]));
    // A promise holds where both make it; 2 lies between 0 and 1.
    assert_eq!(
        arm(
            &[&[20, 1], &[24, 1], &[25, 1]],
            &[&[20, 2], &[24, 2], &[25, 2]]
        ),
        eabi(&[&[20, 1], &[24, 1], &[25, 1]])
    );
    assert_eq!(
        arm(&[&[68, 1], &[70, 1]], &[&[68, 2]]),
        eabi(&[&[42, 1], &[68, 3]])
    );
}

#[test]
fn every_pair_of_architectures() {
    // By row and column, what GNU ld 2.40 makes of `.eabi_attribute Tag_CPU_arch` from v4T to v9-A; it
    // does not know v8.1-A to v8.3-A.
    const KNOWN: [u64; 18] = [
        2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21, 22,
    ];
    const NONE: u64 = 99;
    #[rustfmt::skip]
    const MADE: [[u64; 18]; 18] = [
        [2, 3, 4, 5, 6, 7, 8, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [3, 3, 4, 5, 6, 7, 8, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [4, 4, 4, 5, 6, 7, 8, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [5, 5, 5, 5, 6, 7, 8, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [6, 6, 6, 6, 6, 7, 8, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [7, 7, 7, 7, 7, 7, 10, 7, 10, 7, 7, 13, 14, 15, NONE, NONE, NONE, 22],
        [8, 8, 8, 8, 8, 10, 8, 10, 10, 10, 10, 13, 14, 15, NONE, NONE, NONE, 22],
        [9, 9, 9, 9, 9, 7, 10, 9, 10, 9, 9, 13, 14, 15, NONE, NONE, NONE, 22],
        [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 13, 14, 15, NONE, 17, 21, 22],
        [9, 9, 9, 9, 9, 7, 10, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21, 22],
        [9, 9, 9, 9, 9, 7, 10, 9, 10, 12, 12, 13, 14, 15, 16, 17, 21, 22],
        [13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 14, 15, NONE, 17, 21, 22],
        [14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, NONE, NONE, NONE, 22],
        [15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 15, NONE, NONE, NONE, 22],
        [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 16, 16, NONE, NONE, NONE, 16, 17, 21, 22],
        [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 17, 17, 17, 17, NONE, NONE, 17, 17, 21, 22],
        [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 21, 21, 21, 21, NONE, NONE, 21, 21, 21, 22],
        [22; 18],
    ];
    for (a, row) in KNOWN.iter().zip(MADE) {
        for (b, made) in KNOWN.iter().zip(row) {
            let ours = arm::least_architecture(*a, *b);
            match (made, *a.min(b), *a.max(b)) {
                // It refuses what v8-M.mainline runs.
                (NONE, 0..=13, 16 | 17) => assert_eq!(ours, Some(17), "{a} and {b}"),
                (NONE, 0..=13, 21) => assert_eq!(ours, Some(21), "{a} and {b}"),
                // A v9-A processor is no v8-M one.
                (NONE, ..) | (_, 16 | 17 | 21, 22) => assert_eq!(ours, None, "{a} and {b}"),
                _ => assert_eq!(ours, Some(made), "{a} and {b}"),
            }
        }
    }
    // v8.1-A to v8.3-A are in a row; what is newer than this is above all.
    for (a, b, made) in [
        (14, 18, 18),
        (18, 20, 20),
        (20, 22, 22),
        (10, 19, 19),
        (22, 40, 40),
    ] {
        assert_eq!(arm::least_architecture(a, b), Some(made));
    }
    assert_eq!(arm::least_architecture(0, 11), Some(9));
    assert_eq!(arm::least_architecture(17, 19), None);
}

#[test]
fn names_of_processors_go_with_their_architecture() {
    let v7 = &[&b"\x05Cortex-A9\0"[..], &[6, 10]][..];
    let v6 = &[&b"\x05ARM1136J-S\0"[..], &[6, 6]][..];
    assert_eq!(arm(v7, v6), eabi(v7));
    assert_eq!(
        arm(&[b"\x05x\0", &[6, 7]], &[b"\x05y\0", &[6, 8]]),
        eabi(&[&[6, 10]])
    );
}

#[test]
fn also_compatible_with() {
    let both = &[&[6, 2][..], &[65, 6, 11, 0]][..];
    assert_eq!(arm(both, &[&[6, 11]]), eabi(&[&[6, 11]]));
    assert_eq!(arm(both, &[&[6, 3]]), eabi(&[&[6, 3]]));
    assert_eq!(arm(both, both), eabi(both));
    let a_and_r = &[&[6, 14][..], &[65, 6, 15, 0]][..];
    assert_eq!(arm(a_and_r, &[&[6, 10]]), eabi(a_and_r));
    assert_eq!(arm(a_and_r, &[&[6, 15]]), eabi(&[&[6, 15]]));
}

#[test]
fn arguments_in_registers_must_agree() {
    let hard = eabi(&[&[23, 3], &[28, 1]]);
    let soft = eabi(&[&[23, 3]]);
    let message = refused(ARM, &hard, &soft);
    assert!(message.contains("Tag_ABI_VFP_args"), "{message}");
    // Without floating point, or with code that is for either, it does not matter.
    assert_eq!(
        arm(&[&[23, 3], &[28, 1]], &[&[8, 1]]),
        eabi(&[&[8, 1], &[23, 3], &[28, 1]])
    );
    assert_eq!(
        arm(&[&[23, 3], &[28, 1]], &[&[23, 1], &[28, 3]]),
        eabi(&[&[23, 3], &[28, 1]])
    );
}

#[test]
fn what_no_object_can_be() {
    for (a, b, tag) in [
        (&[&[7, b'A'][..]][..], &[&[7, b'M'][..]][..], "profile"),
        (&[&[14, 1]], &[&[14, 2]], "R9_use"),
        (&[&[15, 2], &[14, 1]], &[&[8, 1]], "R9_use"),
        (&[&[29, 1]], &[&[8, 1]], "WMMX_args"),
        (&[&[38, 1]], &[&[38, 2]], "FP_16bit_format"),
        (&[&[6, 17]], &[&[6, 14]], "CPU_arch"),
        (&[b"\x20\x02ARM\0"], &[&[8, 1]], "compatibility"),
    ] {
        let message = refused(ARM, &eabi(a), &eabi(b));
        assert!(message.contains(tag), "{message}");
    }
    let data = refused(
        ARM,
        &eabi(&[&[14, 3], &[15, 2]]),
        &eabi(&[&[14, 2], &[15, 2]]),
    );
    assert!(data.contains("RW_data"), "{data}");
}

#[test]
fn zero_says_nothing() {
    assert_eq!(
        arm(&[&[18, 4], &[26, 2], &[13, 2]], &[&[26, 3]]),
        eabi(&[&[13, 2], &[18, 4], &[26, 2]])
    );
    assert_eq!(arm(&[&[7, b'S']], &[&[7, b'A']]), eabi(&[&[7, b'A']]));
    // Linkers warn of this, and link.
    let (a, b) = (eabi(&[&[18, 2], &[26, 1]]), eabi(&[&[18, 4], &[26, 2]]));
    assert_eq!(joined(ARM, &[&a, &b]).unwrap().unwrap(), a);
}

#[test]
fn conformance_and_unknown_tags_stay_where_all_agree() {
    let claim = &b"\x432.09\0"[..];
    // 62 and 0x4a+128: a ULEB128 tag of two bytes.
    let unknown = &[&[62, 7][..], &[0xca, 1, 5]].concat();
    let all = &[claim, &[8, 1], unknown][..];
    assert_eq!(arm(all, all), eabi(all));
    assert_eq!(arm(all, &[&[8, 1]]), eabi(&[&[8, 1]]));
    assert_eq!(arm(all, &[&[8, 1], &[62, 8]]), eabi(&[&[8, 1]]));
    // Written first, wherever it was.
    assert_eq!(
        arm(&[&[8, 1], claim], &[claim, &[9, 1]]),
        eabi(&[claim, &[8, 1], &[9, 1]])
    );
}

#[test]
fn division() {
    // Not permitted, and permitted by an architecture that has it or not.
    assert_eq!(
        arm(&[&[6, 10], &[44, 1]], &[&[6, 10]]),
        eabi(&[&[6, 10], &[44, 1]])
    );
    assert_eq!(arm(&[&[6, 10], &[44, 1]], &[&[6, 14]]), eabi(&[&[6, 14]]));
    assert_eq!(
        arm(&[&[6, 10], &[44, 1]], &[&[6, 10], &[44, 2]]),
        eabi(&[&[6, 10], &[44, 2]])
    );
}

#[test]
fn sections_of_nothing_are_neutral() {
    let some = eabi(&[&[6, 10], &[23, 3], &[28, 1]]);
    let none: &[&[u8]] = &[b"", b"A", &eabi(&[])];
    for none in none {
        assert_eq!(joined(ARM, &[&some, none]).unwrap().unwrap(), some);
        assert_eq!(joined(ARM, &[none, &some]).unwrap().unwrap(), some);
        assert_eq!(joined(ARM, &[none]).unwrap(), None);
    }
    assert_eq!(joined(ARM, &[]).unwrap(), None);
}

#[test]
fn scopes_and_vendors() {
    // Attributes of sections 1 and 2 are left out, what another vendor says the same stays.
    let scoped = {
        let file = [&[1][..], &7u32.to_le_bytes(), &[6, 10]].concat();
        let sections = [&[2][..], &10u32.to_le_bytes(), &[1, 2, 0, 6, 4]].concat();
        private(b"aeabi", &[sections, file].concat(), b"A")
    };
    let plain = eabi(&[&[6, 10]]);
    assert_eq!(joined(ARM, &[&scoped]).unwrap().unwrap(), plain);
    let with = private(b"gnu", b"xyz", &plain);
    assert_eq!(joined(ARM, &[&with]).unwrap().unwrap(), with);
    assert_eq!(joined(ARM, &[&with, &plain]).unwrap().unwrap(), plain);
    let longer = private(b"gnu", b"xyz", &eabi(&[&[6, 9]]));
    assert_eq!(joined(ARM, &[&with, &longer]).unwrap().unwrap(), with);
}

#[test]
fn broken_sections() {
    let good = eabi(&[&[6, 10], b"\x05x\0"]);
    for (what, bytes) in [
        ("version", b"B".to_vec()),
        ("length", b"A\x03\0\0\0".to_vec()),
        ("past the end", b"A\xff\0\0\0aeabi\0".to_vec()),
        ("vendor", b"A\x09\0\0\0aeabi".to_vec()),
        ("scope", private(b"aeabi", &[1, 4, 0, 0, 0], b"A")),
        (
            "huge scope",
            private(b"aeabi", b"\x01\xff\xff\xff\xff", b"A"),
        ),
        ("text", eabi(&[b"\x05x"])),
        ("value", eabi(&[&[6]])),
        ("number", eabi(&[&[6], &[0xff; 10], &[1]])),
    ] {
        let error = check(ARM, &bytes).unwrap_err();
        assert_eq!(error.code, Code::ObjectMalformed, "{what}");
        assert!(joined(ARM, &[&good, &bytes]).is_err(), "{what}");
    }
    // Padding of a number is legal.
    let padded = eabi(&[&[6, 0x8a, 0x80, 0x80, 0]]);
    assert_eq!(joined(ARM, &[&padded]).unwrap().unwrap(), eabi(&[&[6, 10]]));
}

fn union(a: &str, b: &str) -> String {
    String::from_utf8(riscv::union(a.as_bytes(), b.as_bytes()).unwrap()).unwrap()
}

#[test]
fn riscv_architectures_add_up() {
    assert_eq!(
        union(
            "rv64i2p1_m2p0_a2p1_c2p0_zmmul1p0",
            "rv64i2p1_f2p2_d2p2_c2p0_v1p0_zicsr2p0_zve32f1p0_zvl128b1p0_svinval1p0_xtheadba1p0"
        ),
        "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_v1p0_zicsr2p0_zmmul1p0_zve32f1p0_zvl128b1p0_svinval1p0_xtheadba1p0"
    );
    // The highest version, also one that is said against none, and without separators.
    assert_eq!(union("rv32i2p0_m2p0", "rv32i2p1"), "rv32i2p1_m2p0");
    assert_eq!(union("rv32im2p0a", "rv32i2c"), "rv32i2p0_m2p0_a_c");
    assert_eq!(union("rv32i2p1", "rv32ip"), "rv32i2p1_p");
    assert_eq!(
        union("rv64g", "rv64i2p1"),
        "rv64i2p1_m_a_f_d_zicsr_zifencei"
    );
    // As it was, where nothing is added.
    assert_eq!(union("rv64i2p1_zfoo", ""), "rv64i2p1_zfoo");
    assert_eq!(union("", "nonsense"), "nonsense");
    assert_eq!(union("nonsense", "nonsense"), "nonsense");
}

#[test]
fn riscv_architectures_that_do_not_go_together() {
    for (a, b, code) in [
        ("rv32i2p1", "rv64i2p1", Code::MixedFormats),
        ("rv32i2p1", "rv32e2p0", Code::MixedFormats),
        ("rv64i2p1_f2p2", "rv64i2p1_zfinx1p0", Code::MixedFormats),
        ("rv64i2p1", "armv7", Code::ObjectMalformed),
        ("rv64i2p1", "rv64", Code::ObjectMalformed),
        ("rv64i2p1", "rv64i99999999999p1", Code::ObjectMalformed),
        ("rv64i2p1", "rv99999999999i2p1", Code::ObjectMalformed),
        ("rv64i2p1", "rv64i_ZBA", Code::ObjectMalformed),
    ] {
        let error = riscv::union(a.as_bytes(), b.as_bytes()).unwrap_err();
        assert_eq!(error.code, code, "{a} {b}");
    }
}

#[test]
fn riscv_tags() {
    let make = |attributes: &[&[u8]]| section(b"riscv", attributes);
    let a = make(&[&[4, 16], b"\x05rv64i2p1\0", &[8, 1], &[10, 11], &[14, 2]]);
    let b = make(&[
        b"\x05rv64i2p1_c2p0\0",
        &[6, 1],
        &[8, 1],
        &[10, 9],
        &[12, 1],
        &[14, 3],
        &[16, 1],
    ]);
    let both = make(&[
        &[4, 16],
        b"\x05rv64i2p1_c2p0\0",
        &[6, 1],
        &[8, 1],
        &[10, 11],
        &[14, 3],
        &[16, 1],
    ]);
    for order in [[&a[..], &b], [&b, &a]] {
        assert_eq!(joined(RISCV, &order).unwrap().unwrap(), both);
    }
    for (one, two, tag) in [
        ([4, 16], [4, 8], "stack_align"),
        ([14, 1], [14, 3], "atomic_abi"),
        ([16, 1], [16, 2], "x3_reg_usage"),
    ] {
        let message = refused(RISCV, &make(&[&one]), &make(&[&two]));
        assert!(message.contains(tag), "{message}");
    }
    assert_eq!(
        joined(RISCV, &[&make(&[&[14, 1]]), &make(&[&[14, 2]])]).unwrap(),
        Some(make(&[&[14, 1]]))
    );
}

/// A small generator, so that a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn mutations_never_panic() {
    let arm: &[&[u8]] = &[
        b"\x432.09\0",
        b"\x05Cortex-A9\0",
        &[6, 10, 7, b'A', 8, 1, 9, 2, 10, 3, 12, 1, 14, 0, 15, 2],
        &[18, 4, 23, 3, 24, 1, 28, 1, 32, 1, b'x', 0, 44, 2],
        &[65, 6, 11, 0, 68, 3],
    ];
    let riscv: &[&[u8]] = &[
        b"\x05rv64i2p1_m2p0_zicsr2p0_zvl128b1p0_xtheadba1p0\0",
        &[4, 16, 6, 1, 8, 1, 10, 11, 14, 1, 16, 1],
    ];
    let mut random = Random(0x0a77_21b0_7e5e);
    let (mut refused, mut malformed) = (0, 0);
    for (name, seed) in [
        (ARM, private(b"gnu", b"\x01\x07\0\0\0\x04\x01", &eabi(arm))),
        (RISCV, section(b"riscv", riscv)),
    ] {
        for _ in 0..20_000 {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = random.below(256) as u8,
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, [0, 1, 9, 0x7f, 0x80, 0xff][random.below(6)]),
                }
            }
            match joined(name, &[&bytes, &seed, &bytes]) {
                Ok(both) => {
                    // What is written is read again.
                    let both = both.unwrap();
                    assert_eq!(joined(name, &[&both]).unwrap().unwrap(), both);
                }
                Err(e) if e.code == Code::ObjectMalformed => malformed += 1,
                Err(e) => {
                    assert_eq!(e.code, Code::MixedFormats);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100 && malformed > 100, "{refused} {malformed}");
}

#[test]
fn a_hundred_thousand_objects_are_quick() {
    let kinds: Vec<Vec<u8>> = (0..=8).map(|fp| eabi(&[&[6, 10], &[10, fp]])).collect();
    let all = (0..100_000).map(|i| (ARM, kinds[i % kinds.len()].as_slice()));
    let begun = std::time::Instant::now();
    let both = merge(all).unwrap().unwrap().1;
    assert_eq!(both, eabi(&[&[6, 10], &[10, 7]]));
    assert!(begun.elapsed().as_secs() < 5);
}
