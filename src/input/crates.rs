//! Which crate a member comes from, by the names that rustc gives members and the order it puts them in.

use super::{Inputs, Library};
use crate::format::MemberKind;

/// What import stubs of DLLs and members of no crate belong to.
pub const IMPORTS: &str = "[imports]";
pub const UNKNOWN: &str = "[unknown]";

/// What a member's file name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'d> {
    /// `crate-hash.crate.hash-cgu.N.rcgu.o`: a codegen unit of this crate.
    Crate(&'d str),
    /// `crate-hash.<random>.rcgu.o`: the allocator shim that rustc makes for the library, or a unit of an
    /// incremental build.
    Shim(&'d str),
    /// Anything else. rustc copies native objects behind their crate's own: they belong to the
    /// crate that the members before them name.
    Native,
}

/// Reads a member's name.
#[must_use]
pub fn of_member(name: &[u8]) -> Origin<'_> {
    let Some((first, rest)) = codegen_unit(name) else {
        return Origin::Native;
    };
    let krate = without_hash(first);
    if krate.is_empty() {
        return Origin::Native;
    }
    let second = rest.split('.').next().unwrap_or_default();
    // Thin link-time optimisation puts the library's own crate before the member's name.
    let unit = without_hash(second);
    if unit != second {
        return Origin::Crate(unit);
    }
    // Codegen units carry the crate's name a second time.
    match second == krate || rest.contains("-cgu.") {
        true => Origin::Crate(krate),
        false => Origin::Shim(krate),
    }
}

/// The two parts of `name.unit.rcgu.o`.
fn codegen_unit(name: &[u8]) -> Option<(&str, &str)> {
    let (stem, _) = std::str::from_utf8(name).ok()?.split_once(".rcgu.")?;
    Some(stem.split_once('.').unwrap_or((stem, "")))
}

/// `regex_automata-0123456789abcdef` -> `regex_automata`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((krate, hash)) if hash.bytes().all(|b| b.is_ascii_hexdigit()) => krate,
        _ => name,
    }
}

/// The crate that a library was made of: its own units come first in the archive, and each is named after
/// it. The file's name need not be: cargo-c's `librustls.a` is the crate `rustls_ffi`.
#[must_use]
pub fn root<'d>(inputs: &Inputs<'d>, library: &Library<'d>) -> Option<&'d str> {
    let mut members = library.member_ids().map(|id| inputs.member(id).name);
    let first = members.find_map(|name| codegen_unit(name).map(|(first, _)| without_hash(first)));
    first.filter(|krate| !krate.is_empty())
}

/// The crate of each member: its name tells, or the members before it.
pub fn member_crates<'d>(inputs: &Inputs<'d>) -> Vec<&'d str> {
    let mut crates = Vec::with_capacity(inputs.members.len());
    for library in &inputs.libraries {
        let mut naming = Naming::default();
        for id in library.member_ids() {
            let member = inputs.member(id);
            crates.push(naming.of(member.kind, member.name));
        }
    }
    crates
}

/// Names the crates of one library's members, in their order.
#[derive(Debug, Default)]
pub struct Naming<'d>(Option<&'d str>);

impl<'d> Naming<'d> {
    pub fn of(&mut self, kind: MemberKind, name: &'d [u8]) -> &'d str {
        if let MemberKind::ImportStub(_) = kind {
            return IMPORTS;
        }
        if let Origin::Crate(krate) | Origin::Shim(krate) = of_member(name) {
            self.0 = Some(krate);
        }
        self.0.unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let name = |s: &'static str| of_member(s.as_bytes());
        assert_eq!(
            name("serde_json-24ab10b8a65badf1.serde_json.4c5dc962db49e24b-cgu.0.rcgu.o"),
            Origin::Crate("serde_json")
        );
        assert_eq!(
            name(
                "compiler_builtins-27cfc16bdf3bb694.compiler_builtins.4e30281dd23088d2-cgu.042.rcgu.o"
            ),
            Origin::Crate("compiler_builtins")
        );
        assert_eq!(
            name("gstjson-5340639780c37b18.15b3tj893su5edjgc4nvs5k8r.rcgu.o"),
            Origin::Shim("gstjson")
        );
        assert_eq!(
            name("plain.plain.56f8a0b8f721a005-cgu.0.rcgu.o"),
            Origin::Crate("plain")
        );
        assert_eq!(name("45c91108d938afe8-absvdi2.o"), Origin::Native);
        assert_eq!(name("lib.rmeta"), Origin::Native);
        assert_eq!(of_member(b"\xff.rcgu.o"), Origin::Native);
        // Thin link-time optimisation.
        assert_eq!(
            name("root_ffi.dep-d6e3154a0ee89c8c.dep.60d01468d8d64e55-cgu.0.rcgu.o.rcgu.o"),
            Origin::Crate("dep")
        );
        // The same of an incremental build.
        assert_eq!(
            name(
                "own.dep-c73c35057c419741.0ays18xlkasxhz6l1w57awjha.1lpjzxj.rcgu.o.0vxqgru.rcgu.o"
            ),
            Origin::Crate("dep")
        );
        assert_eq!(
            name("own.2aepf3dk0w6ji8adfri4g1rx6.0vxqgru.rcgu.o"),
            Origin::Shim("own")
        );
        assert_eq!(
            name("root_ffi.root_ffi.eba6dfa7ec7e09b3-cgu.0.rcgu.o"),
            Origin::Crate("root_ffi")
        );
    }
}
