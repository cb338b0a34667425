//! Broken input ends in an error or in less, never in a panic.

use super::annotations::decode;
use super::ids::Ids;
use super::records::Pieces;
use super::{SIGNATURE, leaf};

fn record(kind: u16, contents: &[u8]) -> Vec<u8> {
    let mut out = ((contents.len() + 2) as u16).to_le_bytes().to_vec();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(contents);
    out
}

fn types(records: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE.to_le_bytes().to_vec(), records.concat()].concat()
}

#[test]
fn names_of_functions() {
    let data = types(&[
        record(leaf::STRING_ID, b"\0\0\0\0core::fmt\0"),
        record(leaf::FUNC_ID, b"\x00\x10\0\0\0\0\0\0write\0"),
        // A union of 0x8002 bytes, and its member.
        record(leaf::UNION, b"\0\0\0\0\0\0\0\0\x02\x80\x02\x80Both\0"),
        record(leaf::MFUNC_ID, b"\x02\x10\0\0\0\0\0\0get\0"),
        // Its parent is itself, and another's is nowhere.
        record(leaf::FUNC_ID, b"\x04\x10\0\0\0\0\0\0self\0"),
        record(leaf::MFUNC_ID, b"\xFF\xFF\xFF\xFF\0\0\0\0lost\0"),
    ]);
    let ids = Ids::read(&data).unwrap();
    let name = |n| ids.function(n);
    assert_eq!(name(0x1001), Some((&b"core::fmt"[..], &b"write"[..])));
    assert_eq!(name(0x1003), Some((&b"Both"[..], &b"get"[..])));
    assert_eq!(name(0x1004), Some((&b""[..], &b"self"[..])));
    assert_eq!(name(0x1005), Some((&b""[..], &b"lost"[..])));
    assert_eq!([name(0), name(0x1000), name(u32::MAX)], [None; 3]);
    assert!(ids.build().is_none());
    // Cut short anywhere.
    for end in 0..data.len() {
        if let Ok(ids) = Ids::read(&data[..end]) {
            for n in 0x1000..0x1006 {
                ids.function(n);
            }
        }
    }
}

#[test]
fn lengths_that_lie() {
    for data in [
        &[4u8, 0, 0, 0, 0xF1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[4, 0, 0, 0, 0xF1, 0, 0, 0, 1, 0, 0, 0],
        &[4, 0, 0, 0, 0xF1, 0, 0, 0],
    ] {
        assert!(Pieces::subsections(data).next().is_err());
    }
    for data in [&[0u8, 0, 1, 2][..], &[1, 0, 1, 2], &[0xFF, 0xFF, 1, 2]] {
        assert!(Pieces::records(data, 0).next().is_err());
    }
    assert!(Pieces::records(&[1, 2], 0).next().unwrap().is_none());
}

#[test]
fn programs_of_any_bytes() {
    let mut state = 1u32;
    for length in 0..400 {
        let mut data = vec![0u8; length % 64];
        for byte in &mut data {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8 & if length % 2 == 0 { 0xF } else { 0xFF };
        }
        let lines = decode(&data, 0, 1);
        assert!(lines.len() <= data.len() && lines.iter().all(|l| l.start < l.end));
    }
}
