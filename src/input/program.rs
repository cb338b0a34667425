//! What a program's own objects and libraries say of names: what they leave undefined, which the program takes from
//! elsewhere, and what they define, which may meet what a library defines.
//!
//! What is looked up at run time (`dlsym`, `GetProcAddress`) cannot be seen here.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::{Inputs, MappedFile, archive};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::format::{self, GlobalKind, MemberKind};
use crate::input;
use crate::input::crates::{self, Origin};

/// What a program says of names, as in the symbol tables.
#[derive(Debug, Default)]
pub struct Names {
    /// It needs them from elsewhere.
    pub needed: BTreeSet<Vec<u8>>,
    /// It defines them, weakly or not: which definition serves, its own or a library's, the final linker knows.
    pub met: BTreeSet<Vec<u8>>,
}

/// What `paths`, objects and archives, say of names. `inputs` are the libraries that they are to be linked with.
///
/// # Errors
/// `bitcode-member`, `mixed-formats`, `input-unreadable` for what is neither object nor archive, and those of
/// opening and reading files.
pub fn names(paths: &[Utf8PathBuf], inputs: &Inputs<'_>) -> Result<Names> {
    let files = input::open_all(paths)?;
    let (archives, objects): (Vec<MappedFile>, Vec<MappedFile>) = files
        .into_iter()
        .partition(|file| archive::read::is_archive(file.data()));
    let mut needs = Needs {
        target: inputs.members.iter().find_map(|m| match m.kind {
            MemberKind::Object(..) => Some(m.kind),
            _ => None,
        }),
        needed: BTreeSet::new(),
        defined: BTreeSet::new(),
        met: BTreeSet::new(),
        loose: true,
        errors: Vec::new(),
    };
    // Nobody's object asks for it but the C runtime's.
    needs.needed.extend(format::ENTRIES.map(<[u8]>::to_vec));
    let of_archives = Inputs::read(&archives)?;
    needs.loose = false;
    for member in &of_archives.members {
        let path = &of_archives.library(member.library).path;
        // Archives hold other things than objects.
        if member.kind != MemberKind::Other {
            let rust = matches!(
                crates::of_member(member.name),
                Origin::Crate(_) | Origin::Shim(_)
            );
            let read = needs.object(member.kind, member.data, rust);
            needs.keep(read.map_err(|e| e.in_member(member.name).in_file(path)));
        }
    }
    needs.loose = true;
    for file in &objects {
        let read = match format::classify(file.data()) {
            MemberKind::Other => Err(Diagnostic::new(
                Code::InputUnreadable,
                "this is neither an object nor an archive",
            )
            .hint("name what the program is linked of: its objects and static libraries")
            .into()),
            kind => {
                let name = file.path.file_name().unwrap_or_default();
                needs.object(kind, file.data(), name.contains(".rcgu."))
            }
        };
        needs.keep(read.map_err(|e| e.in_file(&file.path)));
    }
    Error::all(needs.errors)?;
    Ok(Names {
        needed: needs.needed.difference(&needs.defined).cloned().collect(),
        met: needs.met,
    })
}

struct Needs {
    target: Option<MemberKind>,
    needed: BTreeSet<Vec<u8>>,
    /// Linked whoever else defines it. Of an archive's members that is known of Rust's only, whose names nobody
    /// else has: whether another is pulled, or a library before it on the line serves, the linker decides.
    defined: BTreeSet<Vec<u8>>,
    met: BTreeSet<Vec<u8>>,
    /// Are the objects given as files, and not an archive's members?
    loose: bool,
    errors: Vec<Diagnostic>,
}

impl Needs {
    fn keep(&mut self, read: Result<()>) {
        if let Err(error) = read {
            self.errors.extend(error.0);
        }
    }

    /// `rust`: its definitions are its own.
    fn object(&mut self, kind: MemberKind, data: &[u8], rust: bool) -> Result<()> {
        match kind {
            MemberKind::Bitcode => {
                let (what, cure) = format::intermediate(data);
                return Err(Diagnostic::new(
                    Code::BitcodeMember,
                    format!("what {what} needs cannot be seen"),
                )
                .hint(cure)
                .into());
            }
            MemberKind::ImportStub(_) | MemberKind::Other => return Ok(()),
            MemberKind::Object(..) => {}
        }
        if let (MemberKind::Object(format, machine), Some(MemberKind::Object(f, m))) =
            (kind, self.target)
            && (format, machine) != (f, m)
        {
            return Err(Diagnostic::new(
                Code::MixedFormats,
                format!("this is {format} {machine}, but the libraries have {f} {m}"),
            )
            .hint("give the objects of a program for the libraries' target")
            .into());
        }
        format::for_each_global(kind, data, &mut |global| {
            if !global.kind.is_definition() {
                self.needed.insert(global.name.to_vec());
                return;
            }
            if self.loose || rust {
                self.defined.insert(global.name.to_vec());
            }
            if !rust && global.kind != GlobalKind::Vague {
                self.met.insert(global.name.to_vec());
            }
        })?;
        Ok(())
    }
}
