//! Faults that one changed field makes.

use crate::elf::{Spoil, info};

pub const FAULTS: &[(&str, Spoil)] = &[
    ("lines of code begin 1 byte further", |elf| {
        let at = *elf.relocations(".debug_line").last()?;
        let addend = elf.word(at + 16, 8).wrapping_add(1);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("a row of the line table says another line", |elf| {
        let sections = elf.sections();
        let lines = sections.iter().find(|(name, ..)| name == ".debug_line")?;
        let (start, size) = elf.contents(lines.2);
        // Before the end of the sequence, a special opcode or an operand.
        let at = start + size - 12;
        let byte = elf.0[at];
        elf.put(at, &[byte ^ 3]);
        Some(())
    }),
    ("a function is said to begin in the one before", |elf| {
        let all = elf.relocations(".debug_addr").into_iter();
        let later: Vec<usize> = all.filter(|&at| elf.word(at + 16, 8) >= 20).collect();
        for &at in &later {
            let addend = elf.word(at + 16, 8) - 20;
            elf.put(at + 16, &addend.to_le_bytes());
        }
        (!later.is_empty()).then_some(())
    }),
    ("a reference of code becomes null", |elf| {
        let at = *elf.relocations(".text").first()?;
        elf.put(at + 12, &[0; 4]);
        Some(())
    }),
    ("a pointer in a table leads 8 bytes further", |elf| {
        let at = *elf.relocations(".data.rel.ro").first()?;
        let addend = elf.word(at + 16, 8).wrapping_add(8);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("two pointers of a table change places", |elf| {
        let all = elf.relocations(".data.rel.ro");
        let (a, b) = (*all.first()?, *all.get(1)?);
        let (x, y) = (elf.0[a + 8..a + 24].to_vec(), elf.0[b + 8..b + 24].to_vec());
        elf.put(a + 8, &y);
        elf.put(b + 8, &x);
        Some(())
    }),
    ("a reference names another symbol", |elf| {
        let all = elf.relocations(".text");
        let symbol = |at: usize| elf.word(at + 12, 4);
        let a = *all.first()?;
        let b = *all
            .iter()
            .find(|&&b| symbol(b) != symbol(a) && symbol(b) != 0)?;
        let other = elf.0[b + 12..b + 16].to_vec();
        elf.put(a + 12, &other);
        Some(())
    }),
    ("a common symbol is smaller", |elf| {
        let at = elf.symbol(|n| n == "level")?;
        (elf.word(at + 6, 2) == 0xfff2).then_some(())?;
        elf.put(at + 16, &4u64.to_le_bytes());
        Some(())
    }),
    ("a common symbol is less aligned", |elf| {
        let at = elf.symbol(|n| n == "level")?;
        (elf.word(at + 6, 2) == 0xfff2).then_some(())?;
        elf.put(at + 8, &1u64.to_le_bytes());
        Some(())
    }),
    ("a weak definition becomes strong", |elf| {
        let at = elf.symbol(|n| n == "hook")?;
        (elf.word(at + 6, 2) != 0).then_some(())?;
        info(elf, at, |i| 0x10 | i & 15)
    }),
    (
        "a function chosen at load time becomes its resolver",
        |elf| {
            let all = elf.symbols();
            let (_, at) = all.into_iter().find(|(_, at)| elf.0[at + 4] == 0x1a)?;
            info(elf, at, |i| i & 0xf0 | 2)
        },
    ),
    ("a thread-local symbol becomes a plain one", |elf| {
        let all = elf.symbols();
        let (_, at) = all.into_iter().find(|(_, at)| elf.0[at + 4] & 15 == 6)?;
        info(elf, at, |i| i & 0xf0 | 1)
    }),
    ("a constructor goes missing", |elf| {
        let at = *elf.relocations(".init_array").first()?;
        elf.put(at + 8, &[0; 4]);
        Some(())
    }),
    ("constructors change places", |elf| {
        let all = elf.relocations(".init_array");
        let (a, b) = (*all.first()?, *all.get(1)?);
        let (x, y) = (elf.0[a + 8..a + 24].to_vec(), elf.0[b + 8..b + 24].to_vec());
        elf.put(a + 8, &y);
        elf.put(b + 8, &x);
        Some(())
    }),
    ("an instruction changes", |elf| {
        let (_, _, header) = elf.sections().into_iter().find(|(n, ..)| n == ".text")?;
        let (at, size) = elf.contents(header);
        (size > 0).then_some(())?;
        elf.0[at] ^= 0x40;
        Some(())
    }),
    ("a group becomes an ordinary one", |elf| {
        let (_, _, header) = elf
            .sections()
            .into_iter()
            .find(|(_, kind, _)| *kind == 17)?;
        let at = elf.contents(header).0;
        elf.put(at, &[0; 4]);
        Some(())
    }),
    ("a function's exception table is another's", |elf| {
        // The language-specific data is the only pointer of a record that is no code and not first.
        let all = elf.relocations(".eh_frame");
        let at = *all.last()?;
        let addend = elf.word(at + 16, 8).wrapping_add(4);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("an unwind entry speaks of another function", |elf| {
        let at = *elf.relocations(".eh_frame").get(1)?;
        let addend = elf.word(at + 16, 8).wrapping_add(1);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("an internal symbol is seen from outside", |elf| {
        let defined = |at: usize| elf.word(at + 6, 2) != 0 && elf.0[at + 4] >> 4 == 1;
        let all = elf.symbols();
        let (_, at) = all
            .into_iter()
            .find(|(n, at)| n.contains('.') && defined(*at))?;
        elf.0[at + 5] = 0;
        Some(())
    }),
    ("a variable that all share has another name", |elf| {
        let at = elf.symbol(|n| n == "counter")?;
        let name = elf
            .symbol(|n| n == "hook")
            .or_else(|| elf.symbol(|n| n.contains("helper")))?;
        let other = elf.0[name..name + 4].to_vec();
        elf.put(at, &other);
        Some(())
    }),
];
