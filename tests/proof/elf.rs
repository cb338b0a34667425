//! A written ELF object, to be spoiled.

/// A written object, to be spoiled.
pub struct Elf<'a>(pub &'a mut Vec<u8>);

impl Elf<'_> {
    pub fn word(&self, at: usize, bytes: usize) -> u64 {
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(&self.0[at..at + bytes]);
        u64::from_le_bytes(wide)
    }

    pub fn put(&mut self, at: usize, value: &[u8]) {
        self.0[at..at + value.len()].copy_from_slice(value);
    }

    /// (name, type, header's place) of each section.
    pub fn sections(&self) -> Vec<(String, u64, usize)> {
        let (table, count) = (self.word(0x28, 8) as usize, self.word(0x3c, 2) as usize);
        let names = table + 64 * self.word(0x3e, 2) as usize;
        let names = self.word(names + 24, 8) as usize;
        (0..count)
            .map(|i| {
                let header = table + 64 * i;
                (
                    self.string(names + self.word(header, 4) as usize),
                    self.word(header + 4, 4),
                    header,
                )
            })
            .collect()
    }

    pub fn string(&self, at: usize) -> String {
        let end = self.0[at..].iter().position(|b| *b == 0).unwrap();
        String::from_utf8(self.0[at..at + end].to_vec()).unwrap()
    }

    pub fn contents(&self, header: usize) -> (usize, usize) {
        (
            self.word(header + 24, 8) as usize,
            self.word(header + 32, 8) as usize,
        )
    }

    /// Places of the entries of the section's relocations.
    pub fn relocations(&self, of: &str) -> Vec<usize> {
        let found = self.sections().into_iter().filter(|(name, ..)| {
            name.strip_prefix(".rela")
                .is_some_and(|rest| rest == of || rest.starts_with(&format!("{of}.")))
        });
        found
            .flat_map(|(_, _, header)| {
                let (at, size) = self.contents(header);
                (at..at + size).step_by(24)
            })
            .collect()
    }

    /// Places of symbols, with names.
    pub fn symbols(&self) -> Vec<(String, usize)> {
        let sections = self.sections();
        let (_, _, header) = sections.iter().find(|(_, kind, _)| *kind == 2).unwrap();
        let strings = sections[self.word(header + 40, 4) as usize].2;
        let strings = self.contents(strings).0;
        let (at, size) = self.contents(*header);
        (at..at + size)
            .step_by(24)
            .map(|s| (self.string(strings + self.word(s, 4) as usize), s))
            .collect()
    }

    pub fn symbol(&self, right: impl Fn(&str) -> bool) -> Option<usize> {
        self.symbols()
            .into_iter()
            .find(|(name, _)| right(name))
            .map(|(_, at)| at)
    }
}

/// Spoils the first object that `spoil` finds something to spoil in.
pub type Spoil = fn(&mut Elf<'_>) -> Option<()>;

/// Changes st_info of a symbol.
pub fn info(elf: &mut Elf<'_>, at: usize, change: impl Fn(u8) -> u8) -> Option<()> {
    let new = change(elf.0[at + 4]);
    elf.put(at + 4, &[new]);
    Some(())
}
