//! Program properties (`.note.gnu.property`, Linux gABI extension), and how those of several objects join.

use std::collections::BTreeMap;

use object::elf;

/// Properties by type, with their data.
pub(super) type Properties = BTreeMap<u32, Vec<u8>>;

/// What linkers make of a property that several objects speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// Bits that all have.
    And,
    /// Bits that any has.
    Or,
    /// The same, where all objects speak of it.
    OrOfAll,
    /// The largest number.
    Most,
    /// What all say alike: a property that we do not know.
    Alike,
}

fn join_of(machine: u16, property: u32) -> Join {
    let machine = elf::Machine(machine);
    let x86 = matches!(machine, elf::EM_X86_64 | elf::EM_386);
    let has_features = matches!(machine, elf::EM_AARCH64 | elf::EM_RISCV);
    match property {
        // GNU_PROPERTY_STACK_SIZE, GNU_PROPERTY_NO_COPY_ON_PROTECTED.
        1 => Join::Most,
        2 => Join::Or,
        // GNU_PROPERTY_UINT32_AND_LO.., GNU_PROPERTY_UINT32_OR_LO.. (GNU_PROPERTY_1_NEEDED).
        0xb000_0000..=0xb000_7fff => Join::And,
        0xb000_8000..=0xb000_ffff => Join::Or,
        // x86-64 psABI, "Program Property": FEATURE_1, what is needed, what is used; before them the
        // types that these had first.
        0xc000_0002..=0xc000_7fff if x86 => Join::And,
        0xc000_0001 | 0xc000_8000..=0xc000_ffff if x86 => Join::Or,
        0xc000_0000 | 0xc001_0000..=0xc001_7fff if x86 => Join::OrOfAll,
        // FEATURE_1_AND of AArch64 and RISC-V.
        0xc000_0000 if has_features => Join::And,
        _ => Join::Alike,
    }
}

/// The properties that one object says; none where its note cannot be read.
fn read(notes: &[u8], is_64: bool) -> BTreeMap<u32, &[u8]> {
    let word = |data: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
    };
    let align = if is_64 { 8 } else { 4 };
    let mut properties = BTreeMap::new();
    let mut rest = notes;
    while let (Some(namesz), Some(descsz), Some(kind)) =
        (word(rest, 0), word(rest, 4), word(rest, 8))
    {
        let name = (namesz as usize).checked_next_multiple_of(4);
        let desc_at = name.map_or(usize::MAX, |n| n.saturating_add(12));
        let end = desc_at.saturating_add(descsz as usize);
        let Some(mut desc) = rest.get(desc_at..end) else {
            return BTreeMap::new();
        };
        if kind == elf::NT_GNU_PROPERTY_TYPE_0.0 {
            while let (Some(property), Some(size)) = (word(desc, 0), word(desc, 4)) {
                let Some(data) = desc.get(8..8usize.saturating_add(size as usize)) else {
                    return BTreeMap::new();
                };
                properties.insert(property, data);
                let step = 8 + (size as usize).next_multiple_of(align);
                desc = desc.get(step..).unwrap_or_default();
            }
        }
        let next = end.checked_next_multiple_of(align);
        rest = next.and_then(|at| rest.get(at..)).unwrap_or_default();
    }
    properties
}

/// What all of these objects say together; `None` stands for one without a note.
pub(super) fn join<'n>(
    notes: impl Iterator<Item = Option<&'n [u8]>>,
    machine: u16,
    is_64: bool,
) -> Properties {
    let mut joined: BTreeMap<u32, (Vec<u8>, usize)> = BTreeMap::new();
    let mut objects = 0;
    for note in notes {
        objects += 1;
        let own = note.map(|n| read(n, is_64)).unwrap_or_default();
        for (property, data) in own {
            let Some((known, said)) = joined.get_mut(&property) else {
                joined.insert(property, (data.to_vec(), 1));
                continue;
            };
            *said += 1;
            match join_of(machine, property) {
                Join::And if known.len() == data.len() => {
                    known.iter_mut().zip(data).for_each(|(k, d)| *k &= d);
                }
                Join::Or | Join::OrOfAll => {
                    known.resize(known.len().max(data.len()), 0);
                    known.iter_mut().zip(data).for_each(|(k, d)| *k |= d);
                }
                Join::Most => {
                    // Little-endian numbers.
                    if data.iter().rev().gt(known.iter().rev()) {
                        *known = data.to_vec();
                    }
                }
                Join::And => known.clear(),
                Join::Alike if known != data => *said = usize::MAX / 2,
                Join::Alike => {}
            }
        }
    }
    let mut properties = Properties::new();
    for (property, (data, said)) in joined {
        let zero = data.iter().all(|b| *b == 0);
        let stays = match join_of(machine, property) {
            Join::And => said == objects && !zero,
            Join::Or => !zero || data.is_empty(),
            Join::Most => !zero,
            Join::OrOfAll | Join::Alike => said == objects,
        };
        if stays {
            properties.insert(property, data);
        }
    }
    properties
}

/// Contents of a `.note.gnu.property` that says this.
pub(super) fn note(properties: &Properties, is_64: bool) -> Option<Vec<u8>> {
    if properties.is_empty() {
        return None;
    }
    let align = if is_64 { 8 } else { 4 };
    let mut said = Vec::new();
    for (property, data) in properties {
        said.extend_from_slice(&property.to_le_bytes());
        said.extend_from_slice(&(data.len() as u32).to_le_bytes());
        said.extend_from_slice(data);
        said.resize(said.len().next_multiple_of(align), 0);
    }
    let mut note = Vec::new();
    let kind = elf::NT_GNU_PROPERTY_TYPE_0.0;
    for word in [4, said.len() as u32, kind, u32::from_le_bytes(*b"GNU\0")] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(&said);
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::{Properties, join, note};

    const X86_64: u16 = 62;
    const AARCH64: u16 = 183;
    const RISCV: u16 = 243;

    fn said(all: &[(u32, u32)]) -> Vec<u8> {
        let own = all.iter().map(|(p, v)| (*p, v.to_le_bytes().to_vec()));
        note(&own.collect(), true).unwrap_or_default()
    }

    fn joined(machine: u16, objects: &[&[(u32, u32)]]) -> Vec<(u32, u32)> {
        let notes: Vec<Vec<u8>> = objects.iter().map(|o| said(o)).collect();
        let notes = notes
            .iter()
            .map(|n| Some(n.as_slice()).filter(|n| !n.is_empty()));
        let number = |data: &[u8]| u32::from_le_bytes(data.try_into().unwrap());
        let all: Properties = join(notes, machine, true);
        all.iter().map(|(p, d)| (*p, number(d))).collect()
    }

    #[test]
    fn each_kind_joins_its_own_way() {
        let (and, needed, used) = (0xc000_0002, 0xc000_8002, 0xc001_0002);
        let one = [(and, 3), (needed, 1), (used, 1)];
        let two = [(and, 1), (needed, 8), (used, 4)];
        assert_eq!(
            joined(X86_64, &[&one, &two]),
            [(and, 1), (needed, 9), (used, 5)]
        );
        // One object that says nothing.
        assert_eq!(joined(X86_64, &[&one, &[]]), [(needed, 1)]);
        assert_eq!(joined(X86_64, &[&[], &one]), [(needed, 1)]);
        // GNU_PROPERTY_1_NEEDED, on every machine.
        assert_eq!(
            joined(RISCV, &[&[(0xb000_8000, 1)], &[]]),
            [(0xb000_8000, 1)]
        );
        assert_eq!(
            joined(RISCV, &[&[(0xc000_0000, 3)], &[(0xc000_0000, 6)]]),
            [(0xc000_0000, 2)]
        );
    }

    #[test]
    fn the_stack_is_as_large_as_the_largest() {
        let sizes = joined(AARCH64, &[&[(1, 0x1ff)], &[(1, 0x200)], &[(1, 0x13)]]);
        assert_eq!(sizes, [(1, 0x200)]);
    }

    #[test]
    fn what_is_unknown_stays_where_all_agree() {
        let pauth = 0xc000_0001;
        assert_eq!(
            joined(AARCH64, &[&[(pauth, 7)], &[(pauth, 7)]]),
            [(pauth, 7)]
        );
        assert!(joined(AARCH64, &[&[(pauth, 7)], &[(pauth, 8)]]).is_empty());
        assert!(joined(AARCH64, &[&[(pauth, 7)], &[]]).is_empty());
    }

    #[test]
    fn broken_notes_say_nothing() {
        let good = said(&[(1, 5)]);
        for end in 0..good.len() {
            join([Some(&good[..end])].into_iter(), X86_64, true);
        }
        let wild = [&good[..4], &[0xff; 24]].concat();
        assert!(join([Some(&wild[..])].into_iter(), X86_64, true).is_empty());
        assert!(join([Some(&[0xff; 64][..])].into_iter(), X86_64, false).is_empty());
    }
}
