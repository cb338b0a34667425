//! Short import objects: one function or variable of a DLL, without sections or symbol table.

use std::sync::{Mutex, PoisonError};

use foldhash::HashSet;
use object::pe::{self, ImportObjectHeader};

use super::bad;
use crate::error::Result;
use crate::format::model::{SymbolKind, Visibility};
use crate::format::{GlobalKind, GlobalSymbol};

/// Names of pointers to what is imported begin so.
pub const POINTER: &[u8] = b"__imp_";

/// What identifies an import: everything but the time it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Import<'d> {
    machine: u16,
    hint: u16,
    kind: u16,
    symbol: &'d [u8],
    dll: &'d [u8],
    export: Option<&'d [u8]>,
}

fn parse(data: &[u8]) -> Result<(&ImportObjectHeader, Import<'_>)> {
    let mut offset = 0;
    let header = ImportObjectHeader::parse(data, &mut offset).map_err(bad("import object"))?;
    let names = header
        .parse_data(data, &mut offset)
        .map_err(bad("import object"))?;
    let import = Import {
        machine: header.machine.get(object::LittleEndian).0,
        hint: header.ordinal_or_hint.get(object::LittleEndian),
        kind: header.name_type.get(object::LittleEndian).0,
        symbol: names.symbol(),
        dll: names.dll(),
        export: names.export(),
    };
    Ok((header, import))
}

/// Whether two stubs agree in machine, DLL, symbol, type and hint.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    match (parse(a), parse(b)) {
        (Ok((_, a)), Ok((_, b))) => a == b,
        _ => false,
    }
}

/// The symbol that brings a stub's DLL into the import directory (link.exe looks for it; other
/// linkers make the directory by themselves). Its name has the DLL's name less the suffix.
pub fn descriptor(data: &[u8]) -> Option<Vec<u8>> {
    let (_, import) = parse(data).ok()?;
    let dll = import.dll;
    let stem = match dll.iter().rposition(|b| *b == b'.') {
        Some(dot) => dll.get(..dot)?,
        None => dll,
    };
    Some([b"__IMPORT_DESCRIPTOR_", stem].concat())
}

/// A stub defines the pointer to what it imports, and for functions the function as well.
pub fn globals<'d>(data: &'d [u8], f: &mut dyn FnMut(GlobalSymbol<'d>)) -> Result<()> {
    let (header, import) = parse(data)?;
    let define = |name| GlobalSymbol {
        name,
        kind: GlobalKind::Defined,
        visibility: Visibility::Default,
        of: SymbolKind::NoType,
    };
    f(define(pointer_name(import.symbol)));
    if header.import_type() != pe::IMPORT_OBJECT_DATA {
        f(define(import.symbol));
    }
    Ok(())
}

/// `__imp_X`. It stands nowhere in the file, so it is kept for as long as the program runs: each
/// name once, a few dozen bytes for every function imported.
fn pointer_name(symbol: &[u8]) -> &'static [u8] {
    static NAMES: Mutex<Option<HashSet<&'static [u8]>>> = Mutex::new(None);
    let mut name = POINTER.to_vec();
    name.extend_from_slice(symbol);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name.as_slice()) {
        return known;
    }
    let kept: &'static [u8] = name.leak();
    names.insert(kept);
    kept
}
