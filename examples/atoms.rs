//! Prints the atoms of an object file, or of the first object in an archive:
//!
//!     cargo run --example atoms -- FILE

use anyhow::Context;
use dragonfire::format::model::SymbolKind;
use dragonfire::format::{self, MemberKind};
use dragonfire::input::MappedFile;

fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("usage: atoms FILE")?;
    let file = MappedFile::open(path.as_str().into())?;
    let mut data = file.data();
    if format::classify(data) == MemberKind::Other {
        let members = file.archive()?.members.into_iter().map(|m| m.data);
        let mut objects = members.filter(|d| matches!(format::classify(d), MemberKind::Object(..)));
        data = objects.next().context("no object in this archive")?;
    }
    let object = format::read_object(format::classify(data), data)?;
    for (index, atom) in (0..).zip(&object.atoms) {
        // The symbol that stands for the section names nothing else.
        let symbols = object
            .symbols_of(index)
            .filter(|(_, s)| s.kind != SymbolKind::Section);
        let names: Vec<_> = symbols
            .map(|(_, s)| String::from_utf8_lossy(s.name))
            .collect();
        println!(
            "{}: {} bytes, {} edges, symbols: {}",
            String::from_utf8_lossy(atom.section),
            atom.size,
            object.edges_of(index).len(),
            names.join(" ")
        );
    }
    Ok(())
}
