//! The answer to `inspect`: sizes by crate and kind, exports, leaks, externals and who has them.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::melded::Melded;

/// The answer to `inspect`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Inspection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetInfo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<LibraryInspection>,
    /// All libraries together, by crate, largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crates: Vec<CrateSizes>,
    /// All libraries together.
    pub kinds: Kinds,
    pub sharing: Sharing,
    /// Symbols that some library needs and does not define itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub externals: Vec<External>,
    /// Personality routines that the libraries' code names, where a program holds a limited number of them
    /// (Mach-O: three).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub personalities: Vec<String>,
    /// Answers to `symbols` of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanations: Vec<Explanation>,
    /// Answer to `melded` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub melded: Option<Melded>,
}

/// Bytes in the files by what they are for. They add up to the file's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kinds {
    pub code: u64,
    pub read_only: u64,
    pub data: u64,
    /// Unwind tables and what they refer to, with their relocations.
    pub unwind: u64,
    /// Debug information, with its relocations.
    pub debug: u64,
    /// Symbol tables, string tables, the archive's symbol index.
    pub symbols: u64,
    /// Relocations of code and data.
    pub relocations: u64,
    /// LLVM bitcode beside native code: rustc's own libraries have it, no linker reads it.
    pub bitcode: u64,
    /// Headers, padding, notes, metadata, members that are no objects.
    pub other: u64,
    /// Zero-filled memory: not in the file, not in the sum.
    pub bss: u64,
}

impl Kinds {
    /// Bytes in the file.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.columns()
            .iter()
            .fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// The kinds that are in the file, with their names for people.
    #[must_use]
    pub fn columns(&self) -> [(&'static str, u64); 9] {
        [
            ("code", self.code),
            ("constants", self.read_only),
            ("data", self.data),
            ("unwind", self.unwind),
            ("debug", self.debug),
            ("symbols", self.symbols),
            ("relocations", self.relocations),
            ("bitcode", self.bitcode),
            ("other", self.other),
        ]
    }
}

impl Kinds {
    /// What is left when `other` is taken away.
    #[must_use]
    pub fn less(mut self, other: &Self) -> Self {
        for (field, less) in [
            (&mut self.code, other.code),
            (&mut self.read_only, other.read_only),
            (&mut self.data, other.data),
            (&mut self.unwind, other.unwind),
            (&mut self.debug, other.debug),
            (&mut self.symbols, other.symbols),
            (&mut self.relocations, other.relocations),
            (&mut self.bitcode, other.bitcode),
            (&mut self.other, other.other),
            (&mut self.bss, other.bss),
        ] {
            *field = field.saturating_sub(less);
        }
        self
    }
}

impl std::ops::AddAssign for Kinds {
    fn add_assign(&mut self, other: Self) {
        for (field, more) in [
            (&mut self.code, other.code),
            (&mut self.read_only, other.read_only),
            (&mut self.data, other.data),
            (&mut self.unwind, other.unwind),
            (&mut self.debug, other.debug),
            (&mut self.symbols, other.symbols),
            (&mut self.relocations, other.relocations),
            (&mut self.bitcode, other.bitcode),
            (&mut self.other, other.other),
            (&mut self.bss, other.bss),
        ] {
            *field = field.saturating_add(more);
        }
    }
}

/// One crate's part of a library or of the set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CrateSizes {
    /// The crate, or a word in brackets for what is no crate's: `[archive]`, `[imports]`.
    #[serde(rename = "crate")]
    pub krate: String,
    pub bytes: u64,
    pub kinds: Kinds,
    /// Libraries that hold some of it.
    pub libraries: u32,
}

/// Bytes that several libraries hold alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sharing {
    /// Bytes of members that two or more libraries hold, every copy counted.
    pub shared_copies: u64,
    /// The same members, each counted once.
    pub shared_once: u64,
    /// Bytes of members that one library alone holds.
    pub unique: u64,
}

/// One library.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LibraryInspection {
    /// File name without `lib` prefix and suffix.
    pub library: String,
    /// Of a universal library's slices, each of which is shown by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    pub bytes: u64,
    pub members: u64,
    pub kinds: Kinds,
    /// Largest first.
    pub crates: Vec<CrateSizes>,
    /// Bytes of members that another library of the set holds too.
    pub shared_bytes: u64,
    pub unique_bytes: u64,
    pub exports: Vec<String>,
    /// No export pattern was given: `exports` are the library crate's unmangled visible symbols.
    pub exports_guessed: bool,
    /// How they were chosen.
    pub exports_found: super::response::ExportsFound,
    pub leaked: Leaked,
    /// Names of the symbols it needs from elsewhere.
    pub externals: Vec<String>,
}

impl LibraryInspection {
    /// `gstjson`, or `gstjson (arm64)` of a universal library.
    #[must_use]
    pub fn shown_name(&self) -> String {
        match &self.architecture {
            Some(architecture) => format!("{} ({architecture})", self.library),
            None => self.library.clone(),
        }
    }
}

/// Visible symbols that are no export.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Leaked {
    pub count: u64,
    /// The same by crate, most first.
    pub by_crate: Vec<LeakedBy>,
    /// Some of them, unmangled names first: those are what clashes with other libraries.
    pub symbols: Vec<String>,
}

/// How many of a crate's symbols leak.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakedBy {
    #[serde(rename = "crate")]
    pub krate: String,
    pub count: u64,
}

/// A symbol that a library needs from elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct External {
    /// As in the symbol table.
    pub symbol: String,
    /// For people, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demangled: Option<String>,
    /// Every reference is weak: it may stay undefined.
    pub weak: bool,
    /// Libraries that need it.
    pub needed_by: Vec<String>,
    /// The crate whose object needs it (the first found).
    #[serde(rename = "crate")]
    pub krate: String,
    pub provider: Provider,
}

/// Where a symbol occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub library: String,
    pub member: String,
    /// `defined`, `weakly defined`, `common`, `hidden`, `needed`, `weakly needed`.
    pub how: String,
}

/// What a symbol is, who provides it, and how to link that.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub symbol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demangled: Option<String>,
    pub environment: Environment,
    pub provider: Provider,
    /// Where the given libraries define and need it (the first few).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
}

/// A system and its C library.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    LinuxGlibc,
    LinuxMusl,
    Android,
    WindowsMsvc,
    WindowsGnu,
    Apple,
    /// FreeBSD, NetBSD, OpenBSD, illumos and what else has a POSIX libc.
    OtherUnix,
}

/// What the libraries were built for, as far as it can be told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    pub environment: Environment,
    /// `x86_64`, `aarch64`, ...
    pub machine: String,
    /// How we know: `given`, or the symbol that told, or `assumed`.
    pub known_by: String,
}

/// What kind of thing provides a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// Start-up and support code that the compiler driver adds to a program.
    CRuntime,
    Libc,
    Libm,
    Libdl,
    Pthread,
    /// Stack unwinding, for panics and exceptions.
    Unwinder,
    /// libgcc, compiler-rt: helpers that compilers call.
    CompilerRuntime,
    /// The C++ standard library and ABI.
    CxxRuntime,
    /// A DLL of Windows.
    SystemDll,
    /// Another library of the system.
    SystemLibrary,
    /// An Apple framework.
    Framework,
    /// A library with a pkg-config module.
    PkgConfig,
    /// Another library of those given.
    GivenLibrary,
    /// The linker itself.
    Linker,
    /// rustc, in a final library.
    Rust,
    /// The program that links the library.
    Program,
    /// Nothing on this system: it belongs to another one.
    Foreign,
    Unknown,
}

/// Who provides a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provider {
    pub kind: ProviderKind,
    /// `libm.so.6`, `ntdll.dll`, `gstreamer-video-1.0`, `CoreFoundation`, ...
    pub name: String,
    /// Linker arguments that add it; empty where nothing needs adding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<String>,
    /// Why it is needed, and what usually goes wrong.
    pub why: String,
}
