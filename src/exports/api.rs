//! A library's API where nobody says what it is: what rustc would export from a shared library.
//!
//! rustc exports from a cdylib every `#[no_mangle]` or `#[export_name]` item of every crate in it, and these
//! are exactly the visible unmangled definitions in rustc's own members, std's left out; a static library
//! shows them under every kind of link-time optimisation (`tests/exports` compares). A library given as
//! a file is more than its own crate: what a dependency defines so may be meant for the crates around it.
//! So there only the crate that the library was made of counts, with the C objects of its build script.

use super::Defined;

/// Whose a definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner<'n> {
    /// rustc made nothing of this library.
    Library,
    /// The crate that the library was made of.
    Root,
    /// C and C++ objects of that crate.
    RootNative,
    /// Another crate.
    Crate(&'n str),
    /// C and C++ objects of another crate, or of nobody knows which (empty).
    Native(&'n str),
    /// Rust's standard library, and what compilers need.
    Std,
}

/// A global symbol that a library defines.
#[derive(Debug, Clone, Copy)]
pub struct Symbol<'n> {
    /// As in the symbol table.
    pub name: &'n [u8],
    pub visible: bool,
    /// One of many equal copies: an inline function of C++.
    pub vague: bool,
    /// A name of a C or compiler runtime.
    pub runtime: bool,
    pub owner: Owner<'n>,
}

/// What a library's API is.
#[derive(Debug, Default)]
pub struct Api<'n> {
    pub names: Vec<&'n [u8]>,
    /// Crates that define it, sorted; none where rustc made nothing of the library.
    pub crates: Vec<String>,
}

impl Symbol<'_> {
    /// Is it an item that rustc would export, or a C function?
    fn is_of_c(&self, decoration: &[u8]) -> bool {
        let Some(bare) = self.name.strip_prefix(decoration) else {
            return false;
        };
        // What rustc did not mangle was named so by somebody, whatever it looks like.
        let of_rust = matches!(self.owner, Owner::Root | Owner::Crate(_));
        let cxx = !of_rust && bare.starts_with(b"_Z");
        self.visible && !self.runtime && !cxx && is_c_name(bare) && !is_rustc_name(bare)
    }

    /// Is it seen, and not only a copy of what everybody has?
    fn is_own(&self) -> bool {
        self.visible && !self.vague
    }
}

/// Can a program of C name it? Not where rustc mangled it or Microsoft's compiler did, nor what compilers put into
/// names that are nobody's. Whole names are looked at: `_Reset` and `anon.x` are names like any other.
fn is_c_name(bare: &[u8]) -> bool {
    let bare = match bare.iter().rposition(|&b| b == b'@') {
        // `name@8`: the bytes of a function's arguments, on 32-bit Windows; constants have more digits.
        Some(at) if bare.get(at + 1..).is_some_and(is_short_number) => {
            bare.get(..at).unwrap_or_default()
        }
        _ => bare,
    };
    !bare.is_empty()
        && !is_mangled(bare)
        && !bare.starts_with(b".")
        && !is_anonymous(bare)
        && !is_promoted(bare)
        && !bare.iter().any(|b| matches!(b, b'@' | b'?'))
}

/// `anon.<32 hexadecimal digits>.<number>`: LLVM's name of a constant without one.
fn is_anonymous(bare: &[u8]) -> bool {
    let Some(rest) = bare.strip_prefix(b"anon.") else {
        return false;
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    digits >= 32 && is_numbered(&rest[digits..])
}

/// `<name>.llvm.<number>`: a local name that link-time optimisation made global.
fn is_promoted(bare: &[u8]) -> bool {
    let at = bare.windows(6).rposition(|w| w == b".llvm.");
    at.is_some_and(|at| is_numbered(&bare[at + 5..]))
}

/// `.` and digits, of which more may follow.
fn is_numbered(text: &[u8]) -> bool {
    text.first() == Some(&b'.') && text.get(1).is_some_and(u8::is_ascii_digit)
}

/// Did rustc mangle the name? By its old scheme, `_ZN…17h<16 hexadecimal digits>E`, or by its new one (RFC 2603).
/// Formats with an underscore before names may have one more.
fn is_mangled(bare: &[u8]) -> bool {
    let bare = match bare.strip_prefix(b"__") {
        Some(_) => &bare[1..],
        None => bare,
    };
    if let Some(rest) = bare.strip_prefix(b"_ZN") {
        let hash = |w: &[u8]| {
            w.starts_with(b"17h") && w[3..19].iter().all(u8::is_ascii_hexdigit) && w[19] == b'E'
        };
        return rest.windows(20).any(hash);
    }
    bare.strip_prefix(b"_R").is_some_and(is_path_of_rust)
}

/// Is it a path of an item in the v0 scheme? As far as to the crate that every path begins with, and which is no item.
#[must_use]
pub fn is_path_of_rust(mut path: &[u8]) -> bool {
    if path.first() == Some(&b'C') {
        return false;
    }
    let number = |text: &[u8]| {
        let end = text.iter().position(|&b| b == b'_')?;
        let digits = text.get(..end)?;
        digits
            .iter()
            .all(u8::is_ascii_alphanumeric)
            .then_some(end + 1)
    };
    let without_disambiguator = |text: &'_ [u8]| -> usize {
        match text.strip_prefix(b"s").and_then(number) {
            Some(end) => end + 1,
            None => 0,
        }
    };
    while let Some((tag, rest)) = path.split_first() {
        path = match tag {
            // A crate: the length of its name follows.
            b'C' => {
                let name = &rest[without_disambiguator(rest)..];
                let name = name.strip_prefix(b"u").unwrap_or(name);
                return name.first().is_some_and(u8::is_ascii_digit);
            }
            // Something in a namespace of a path.
            b'N' if rest.first().is_some_and(u8::is_ascii_alphabetic) => &rest[1..],
            // An implementation, and a path with generic arguments.
            b'M' | b'X' => &rest[without_disambiguator(rest)..],
            b'I' => rest,
            // A type as a trait: types begin with small letters too.
            b'Y' => return true,
            _ => return false,
        };
    }
    false
}

fn is_short_number(text: &[u8]) -> bool {
    (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// What rustc puts into libraries for itself.
fn is_rustc_name(bare: &[u8]) -> bool {
    const STEMS: [&[u8]; 9] = [
        b"DW.ref.",
        b"__llvm_",
        b"__covrec_",
        b"__imp_",
        // The allocator's, of all versions; those of `global_allocator` and of std.
        b"__rust_alloc",
        b"__rg_",
        b"__rdl_",
        b"__rustc_debug_gdb_scripts_section_",
        b"__rustc_proc_macro_decls_",
    ];
    const NAMES: [&[u8]; 12] = [
        b"__rust_dealloc",
        b"__rust_realloc",
        b"__rust_no_alloc_shim_is_unstable",
        b"__rust_no_alloc_shim_is_unstable_v2",
        b"__rust_maybe_catch_panic",
        b"__rust_start_panic",
        b"__rust_panic_cleanup",
        b"__rust_drop_panic",
        b"__rust_foreign_exception",
        b"__rust_probestack",
        b"rust_eh_personality",
        b"rust_begin_unwind",
    ];
    STEMS.iter().any(|s| bare.starts_with(s)) || NAMES.contains(&bare)
}

impl<'n> Defined<'_, 'n> {
    /// The API where nothing is said.
    #[must_use]
    pub fn api(&self) -> Api<'n> {
        let mut api = Api::default();
        for symbol in self.symbols {
            let is = match symbol.owner {
                Owner::Library => symbol.visible,
                Owner::Root => symbol.is_of_c(self.decoration),
                Owner::RootNative => symbol.is_own() && !symbol.runtime,
                Owner::Crate(_) => self.whole && symbol.is_of_c(self.decoration),
                Owner::Native(_) | Owner::Std => false,
            };
            if is {
                api.add(symbol, self.root);
            }
        }
        api.finish();
        api
    }

    /// What the named crate defines that C sees, with the C objects of its build script.
    #[must_use]
    pub fn api_of(&self, krate: &str) -> Api<'n> {
        let mut api = Api::default();
        for symbol in self.symbols {
            let is = match symbol.owner {
                Owner::Root => krate == self.root && symbol.is_of_c(self.decoration),
                Owner::RootNative => krate == self.root && symbol.is_own() && !symbol.runtime,
                Owner::Crate(own) => own == krate && symbol.is_of_c(self.decoration),
                Owner::Native(own) => own == krate && symbol.is_own() && !symbol.runtime,
                Owner::Library | Owner::Std => false,
            };
            if is {
                api.add(symbol, self.root);
            }
        }
        api.finish();
        api
    }

    /// C objects of the package's own, for presets that mean them too.
    pub fn own_natives(&self) -> impl Iterator<Item = &'n [u8]> + '_ {
        let own = self
            .symbols
            .iter()
            .filter(|s| s.owner == Owner::RootNative && s.is_own() && !s.runtime);
        own.map(|s| s.name)
    }

    /// Crates that look like the API, with the names that they show, most first.
    #[must_use]
    pub fn candidates(&self) -> Vec<(&'n str, Vec<&'n [u8]>)> {
        let mut found: Vec<(&str, Vec<&[u8]>)> = Vec::new();
        let mut sorted: Vec<(&str, &[u8])> = self
            .symbols
            .iter()
            .filter(|s| s.is_of_c(self.decoration))
            .filter_map(|s| match s.owner {
                Owner::Crate(krate) | Owner::Native(krate) => Some((krate, self.bare(s.name))),
                _ => None,
            })
            .collect();
        sorted.sort_unstable();
        sorted.dedup();
        for (krate, name) in sorted {
            match found.last_mut() {
                Some((last, names)) if *last == krate => names.push(name),
                _ => found.push((krate, vec![name])),
            }
        }
        found.sort_by_key(|(krate, names)| (std::cmp::Reverse(names.len()), *krate));
        found
    }

    /// What looks like API, is defined beside something of `names` (sorted), and is not among them.
    #[must_use]
    pub fn left_out(&self, names: &[&[u8]]) -> Vec<&'n [u8]> {
        let is_in = |s: &Symbol<'n>| names.binary_search(&s.name).is_ok();
        // The symbols of one owner stand together, by member.
        let runs = || self.symbols.chunk_by(|a, b| a.owner == b.owner);
        let owner = |run: &[Symbol<'n>]| run.first().map(|s| s.owner);
        let beside: std::collections::HashSet<Option<Owner<'_>>> = runs()
            .filter(|run| {
                let owner = owner(run);
                let own = matches!(
                    owner,
                    Some(Owner::Root | Owner::RootNative | Owner::Crate(_))
                );
                own && run.iter().any(is_in)
            })
            .map(owner)
            .collect();
        let others = runs().filter(|run| beside.contains(&owner(run))).flatten();
        let others = others.filter(|s| !s.vague && s.is_of_c(self.decoration) && !is_in(s));
        self.listed(others.map(|s| s.name))
    }

    /// What looks like API beside what was found as such: in other crates, or in C objects of which the
    /// archive does not say whose they are. What the library itself uses is its own business.
    #[must_use]
    pub fn not_found(&self, names: &[&[u8]]) -> Vec<&'n [u8]> {
        let others = self.symbols.iter().filter(|s| {
            matches!(s.owner, Owner::Crate(_) | Owner::Native(""))
                && s.is_of_c(self.decoration)
                && s.is_own()
                && !self.used.contains(s.name)
                && names.binary_search(&s.name).is_err()
        });
        self.listed(others.map(|s| s.name))
    }

    fn listed(&self, names: impl Iterator<Item = &'n [u8]>) -> Vec<&'n [u8]> {
        let mut names: Vec<&[u8]> = names.map(|n| self.bare(n)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A name as the source has it.
    #[must_use]
    pub fn bare(&self, name: &'n [u8]) -> &'n [u8] {
        name.strip_prefix(self.decoration).unwrap_or(name)
    }
}

impl<'n> Api<'n> {
    fn add(&mut self, symbol: &Symbol<'n>, root: &str) {
        self.names.push(symbol.name);
        let krate = match symbol.owner {
            Owner::Root | Owner::RootNative => root,
            Owner::Crate(krate) | Owner::Native(krate) => krate,
            Owner::Library | Owner::Std => return,
        };
        if self.crates.last().is_none_or(|last| last != krate) {
            self.crates.push(krate.to_owned());
        }
    }

    fn finish(&mut self) {
        self.names.sort_unstable();
        self.names.dedup();
        self.crates.sort_unstable();
        self.crates.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::is_c_name;

    #[test]
    fn names_of_c() {
        for name in [
            &b"rustls_version"[..],
            b"Java_a_B_c",
            b"CreateFileW@28",
            b"dotted.name$x",
            b"_leading",
            b"_Reset",
            b"_RNew",
            b"_RCx",
            b"_Zap",
            b"_ZNot",
            b"__Rest",
            b"anon.x",
            b"my.llvm.thing",
        ] {
            assert!(is_c_name(name), "{}", String::from_utf8_lossy(name));
        }
        for name in [
            &b"_ZN3foo3bar17h0123456789abcdefE"[..],
            b"_ZN3foo3bar17h0123456789abcdefE.llvm.123",
            b"anon.0123456789abcdef0123456789abcdef.12.llvm.77",
            b"_RNvCs_3foo",
            b"_RNvMs_NtCsfs8vqYEOnnL_3foo3barNtB4_1X3new",
            b"_RINvYhNtC3foo3Bar3bazE",
            b"__RNvC3foo3bar",
            b"?f@@YAXXZ",
            b"__real@3f800000",
            b"__xmm@00000000000000010000000000000001",
            b".refptr.x",
            b"anon.0123456789abcdef0123456789abcdef.4",
            b"f.llvm.77",
            b"@4",
            b"",
        ] {
            assert!(!is_c_name(name), "{}", String::from_utf8_lossy(name));
        }
    }
}
