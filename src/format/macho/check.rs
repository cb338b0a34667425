//! What only Apple's newest linker checks in an object, and stops at: the counts and the order of
//! LC_DYSYMTAB, symbol numbers of relocations, the sizes of addends. The others take such objects, and make
//! of them what they like.

use object::LittleEndian as LE;
use object::macho::{self, MachHeader64};
use object::read::macho::{MachHeader, Nlist, Section, Segment};

use super::magic;

/// The distance that a field of `__eh_frame` may hold besides the symbols it names: more is too large an
/// addend (ARM64).
const MAX_ADDEND: i64 = 1 << 19;

/// What does not hold, in a word; only 64-bit objects are looked at.
#[must_use]
pub fn faults(data: &[u8]) -> Vec<String> {
    match magic(data) {
        Some((object::Endianness::Little, true)) => {
            examine(data).unwrap_or_else(|e| vec![format!("the object cannot be read again: {e}")])
        }
        _ => Vec::new(),
    }
}

/// 0: local, 1: defined for others, 2: undefined.
fn class(symbol: &macho::Nlist64<LE>) -> u8 {
    let kind = symbol.n_type();
    match () {
        () if kind.is_stab() || !kind.is_ext() => 0,
        () if kind.typ() == macho::N_UNDF => 2,
        () => 1,
    }
}

fn examine(data: &[u8]) -> object::Result<Vec<String>> {
    let header = MachHeader64::<LE>::parse(data, 0)?;
    let mut faults = Vec::new();
    let mut commands = header.load_commands(LE, data, 0)?;
    let mut classes: Vec<u8> = Vec::new();
    let mut counted: Option<[u32; 6]> = None;
    let mut sections: Vec<&macho::Section64<LE>> = Vec::new();
    let mut segments = 0;
    while let Some(command) = commands.next()? {
        if let Some((segment, rest)) = macho::SegmentCommand64::<LE>::from_command(command)? {
            segments += 1;
            sections.extend(segment.sections(LE, rest)?);
        } else if let Some(symtab) = command.symtab()? {
            let table = symtab.symbols::<MachHeader64<LE>, _>(LE, data)?;
            classes = table.iter().map(class).collect();
        } else if let Some(d) = command.dysymtab()? {
            counted = Some([
                d.ilocalsym.get(LE),
                d.nlocalsym.get(LE),
                d.iextdefsym.get(LE),
                d.nextdefsym.get(LE),
                d.iundefsym.get(LE),
                d.nundefsym.get(LE),
            ]);
        }
    }
    if segments == 0 {
        faults.push("an object without a segment".to_owned());
    }
    if !classes.is_sorted() {
        faults
            .push("symbols out of order: locals, then definitions, then undefined ones".to_owned());
    }
    let count = |class: u8| classes.iter().filter(|c| **c == class).count() as u32;
    let (locals, defined, undefined) = (count(0), count(1), count(2));
    if let Some(c) = counted {
        // What is none may begin anywhere.
        let begins = |at: u32, n: u32, right: u32| n == 0 || at == right;
        let right = (c[1], c[3], c[5]) == (locals, defined, undefined)
            && begins(c[0], locals, 0)
            && begins(c[2], defined, locals)
            && begins(c[4], undefined, locals + defined);
        if !right {
            faults.push("LC_DYSYMTAB counts other symbols than there are".to_owned());
        }
    }
    let arm = header.cputype(LE) == macho::CPU_TYPE_ARM64;
    for section in &sections {
        let eh_frame = section.name() == b"__eh_frame";
        let contents = section
            .data(LE, data, section.offset(LE).into())
            .unwrap_or_default();
        for relocation in section.relocations(LE, data)? {
            let r = relocation.info(LE);
            let is_number = arm && r.r_type == macho::ARM64_RELOC_ADDEND;
            let limit = match r.r_extern {
                true => classes.len(),
                // Sections count from 1; 0 is no section at all.
                false => sections.len() + 1,
            };
            if !is_number && r.r_symbolnum as usize >= limit {
                faults.push(format!(
                    "a relocation against symbol {} of {limit}",
                    r.r_symbolnum
                ));
            }
            if arm && eh_frame && r.r_type == macho::ARM64_RELOC_UNSIGNED {
                let field = contents.get(r.r_address as usize..);
                let addend = match r.r_length {
                    3 => field
                        .and_then(|f| f.first_chunk())
                        .map(|f| i64::from_le_bytes(*f)),
                    _ => field
                        .and_then(|f| f.first_chunk())
                        .map(|f| i64::from(i32::from_le_bytes(*f))),
                };
                if addend.is_some_and(|a| a.abs() >= MAX_ADDEND) {
                    faults.push("a distance in unwind data of more than 2^19".to_owned());
                }
            }
        }
    }
    faults.dedup();
    Ok(faults)
}
