//! Symbol records: functions and what is inlined into them.

use super::records::{Fault, Pieces, text, word};
use super::symbol;

/// Deeper nesting comes from broken files only.
const DEEPEST: usize = 4096;

/// A function.
pub(super) struct Procedure<'a> {
    /// Atom, and bytes from its start.
    pub place: (u32, u32),
    pub size: u32,
    pub name: &'a [u8],
    /// In preorder.
    pub sites: Vec<Site<'a>>,
}

/// A function inlined there.
pub(super) struct Site<'a> {
    /// From 1.
    pub depth: u32,
    /// Number of the function.
    pub inlinee: u32,
    /// Its lines.
    pub program: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Procedure,
    Site,
    Other,
}

/// What records say.
#[derive(Default)]
pub(super) struct Symbols<'a> {
    /// Of live code.
    pub procedures: Vec<Procedure<'a>>,
    /// The first's language and name.
    pub compiler: Option<(u8, &'a [u8])>,
}

impl<'a> Symbols<'a> {
    /// Reads `contents[start..start + length]`; `place` tells which live place a field there refers to.
    ///
    /// # Errors
    /// What is cut short or nested without end.
    pub fn read(
        &mut self,
        contents: &'a [u8],
        start: usize,
        length: usize,
        place: &dyn Fn(usize) -> Option<(u32, u32)>,
    ) -> Result<(), Fault> {
        const SHORT: Fault = Fault::Short("a symbol");
        let contents = contents.get(..start + length).unwrap_or_default();
        let mut records = Pieces::records(contents, start);
        let mut open: Vec<Open> = Vec::new();
        // Open sites; and whether the procedure at hand lives.
        let (mut depth, mut lives) = (0, false);
        while let Some((at, kind, data)) = records.next()? {
            let opens = match kind as u16 {
                symbol::GPROC32
                | symbol::LPROC32
                | symbol::GPROC32_ID
                | symbol::LPROC32_ID
                | symbol::LPROC32_DPC
                | symbol::LPROC32_DPC_ID => {
                    let size = word(data, 12).ok_or(SHORT)?;
                    let place = place(at + 28).filter(|_| size > 0);
                    lives = place.is_some();
                    if let Some(place) = place {
                        self.procedures.push(Procedure {
                            place,
                            size,
                            name: text(data, 35).ok_or(SHORT)?,
                            sites: Vec::new(),
                        });
                    }
                    Open::Procedure
                }
                kind @ (symbol::INLINESITE | symbol::INLINESITE2) => {
                    depth += 1;
                    let program = if kind == symbol::INLINESITE { 12 } else { 16 };
                    if let (true, Some(procedure)) = (lives, self.procedures.last_mut()) {
                        procedure.sites.push(Site {
                            depth,
                            inlinee: word(data, 8).ok_or(SHORT)?,
                            program: data.get(program..).ok_or(SHORT)?,
                        });
                    }
                    Open::Site
                }
                symbol::BLOCK32 | symbol::THUNK32 | symbol::WITH32 | symbol::SEPCODE => Open::Other,
                symbol::END | symbol::PROC_ID_END | symbol::INLINESITE_END => {
                    match open.pop() {
                        Some(Open::Procedure) => lives = false,
                        Some(Open::Site) => depth -= 1,
                        Some(Open::Other) | None => {}
                    }
                    continue;
                }
                symbol::COMPILE3 => {
                    // Flags, machine and two versions stand between.
                    if let (None, Some(&language), Some(name)) =
                        (self.compiler, data.first(), text(data, 22))
                    {
                        self.compiler = Some((language, name));
                    }
                    continue;
                }
                _ => continue,
            };
            if open.len() >= DEEPEST {
                return Err(Fault::Endless);
            }
            open.push(opens);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Symbols;

    #[test]
    fn broken_records() {
        let mut symbols = Symbols::default();
        let nowhere = |_: usize| Some((0, 0));
        for data in [
            &[0u8; 3][..],
            &[1, 0, 0, 0],
            &[2, 0, 0x10, 0x11],
            &[6, 0, 0x4D, 0x11, 0, 0, 0, 0],
            &[0xFF, 0xFF, 6, 0],
        ] {
            let _ = symbols.read(data, 0, data.len(), &nowhere);
            let _ = symbols.read(data, 2, 9, &nowhere);
        }
        let deep = [2u8, 0, 0x03, 0x11].repeat(5000);
        assert!(symbols.read(&deep, 0, deep.len(), &nowhere).is_err());
    }
}
