//! The one error type that reaches users: a stable code, a sentence, the input it speaks of, a hint.

mod demangle;

pub use demangle::demangled;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stable, machine-readable name of what went wrong (kebab-case in JSON).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    // The request itself (exit status 2).
    RequestNotJson,
    RequestInvalid,
    ProtocolVersion,
    UnknownOperation,
    // The manifest.
    ManifestInvalid,
    ManifestExportUnmatched,
    ManifestDuplicatePlugin,
    /// An entry speaks of no package or library that is there.
    ManifestEntryUnknown,
    /// Nothing is said of a library's exports, and nothing looks like them.
    ExportsNotFound,
    // The workspace and cargo.
    CargoNotFound,
    CargoFailed,
    PackageNotFound,
    NoStaticLibrary,
    LockWouldChange,
    TargetUnknown,
    TargetDuplicate,
    TargetUnsuitable,
    // Inputs.
    InputNotFound,
    InputUnreadable,
    InputIsDirectory,
    InputEmpty,
    InputNotArchive,
    InputDuplicate,
    InputAlreadyThinned,
    NotOurs,
    ArchiveTruncated,
    ArchiveMalformed,
    ArchiveNoObjects,
    MixedFormats,
    ObjectMalformed,
    ObjectUnsupported,
    BitcodeMember,
    EmbeddedBitcode,
    ConflictingDefinitions,
    // What a strategy could not share (warnings).
    MemberNotShared,
    NearDuplicate,
    ImplicitExport,
    /// The profile asks for link-time optimisation, after which libraries have nothing in common.
    LinkTimeOptimised,
    /// What looks like API and is no export.
    ExportsLeftOut,
    // What libraries say differently (warnings).
    VagueDisagrees,
    ContestedRuntime,
    /// Constructors of one library that may run in another order.
    ConstructorOrder,
    /// A constructor that runs also where a program has the template itself that leads to it.
    ConstructorBrought,
    /// Two members of one library define a name, and linkers take different ones.
    DefinitionDisputed,
    /// More languages unwind than a program of the format can hold.
    TooManyPersonalities,
    /// Members that linkers take for a runtime's sake and that no export brings along.
    RuntimeMembersLeftOut,
    /// A table of a member that no result has.
    TableLeftOut,
    /// Two libraries have the entries of one member in a table that both walk.
    TableDoubled,
    /// A table that only Rust code of one library seems to use is its own.
    TableOfItsOwn,
    // Debug information that is left out (warnings).
    DebugInfoUnreadable,
    DebugInfoElsewhere,
    DebugInfoReduced,
    // What lives and cannot be carried over.
    ReferenceLost,
    // Outputs.
    OutputIsInput,
    OutputUnwritable,
    OutputDiskFull,
    OutputLimit,
    // Proof.
    VerifyFailed,
    SymbolNotFound,
    // A bug of ours: never the input's fault.
    Internal,
}

impl Code {
    /// The code as it stands in JSON.
    #[must_use]
    pub fn as_str(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Exit status of the process for this code: 2 for a malformed request, else 1.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::RequestNotJson
            | Self::RequestInvalid
            | Self::ProtocolVersion
            | Self::UnknownOperation => 2,
            _ => 1,
        }
    }
}

/// One thing to tell a user: an error, or (in `Response::warnings`) a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    pub code: Code,
    /// One sentence, without the location.
    pub message: String,
    /// The file it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub file: Option<Utf8PathBuf>,
    /// The archive member it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The symbol (mangled) or section it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the message has after its first line is cargo's or a compiler's words, and was sent as events before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
}

impl Diagnostic {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            file: None,
            member: None,
            symbol: None,
            hint: None,
            shown: false,
        }
    }

    /// Without the words that were sent as events before.
    #[must_use]
    pub fn brief(mut self) -> Self {
        if self.shown {
            let first = self.message.lines().next().unwrap_or_default();
            self.message = first.trim_end_matches(':').to_owned();
        }
        self
    }

    #[must_use]
    pub fn file(mut self, file: impl AsRef<Utf8Path>) -> Self {
        self.file.get_or_insert_with(|| file.as_ref().to_owned());
        self
    }

    /// `member` is decoded lossily: names in archives need not be UTF-8.
    #[must_use]
    pub fn member(mut self, member: &[u8]) -> Self {
        self.member
            .get_or_insert_with(|| String::from_utf8_lossy(member).into_owned());
        self
    }

    #[must_use]
    pub fn symbol(mut self, symbol: &[u8]) -> Self {
        self.symbol
            .get_or_insert_with(|| String::from_utf8_lossy(symbol).into_owned());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(member) = &self.member {
                write!(f, "({member})")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(symbol) = &self.symbol {
            let name = demangled(symbol);
            write!(f, " [{}]", name.as_deref().unwrap_or(symbol))?;
        }
        write!(f, " ({})", self.code.as_str())?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// One or more diagnostics: phases that can go on collect several before they fail.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Error(pub Vec<Diagnostic>);

impl Error {
    /// Exit status of the process: that of the first diagnostic.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        self.0.first().map_or(1, |d| d.code.exit_status())
    }

    /// The code of the first diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.first().map_or(Code::Internal, |d| d.code)
    }

    /// Adds the file to every diagnostic that names none.
    #[must_use]
    pub fn in_file(self, file: &Utf8Path) -> Self {
        Self(self.0.into_iter().map(|d| d.file(file)).collect())
    }

    /// Adds the member to every diagnostic that names none.
    #[must_use]
    pub fn in_member(self, member: &[u8]) -> Self {
        Self(self.0.into_iter().map(|d| d.member(member)).collect())
    }

    /// The values, or all errors of all failures.
    pub fn collect<T>(results: impl IntoIterator<Item = Result<T, Self>>) -> Result<Vec<T>, Self> {
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for result in results {
            match result {
                Ok(value) => values.push(value),
                Err(e) => errors.extend(e.0),
            }
        }
        Self::all(errors)?;
        Ok(values)
    }

    /// `Err` with all of `diagnostics`, or `Ok` where there are none.
    pub fn all(diagnostics: Vec<Diagnostic>) -> Result<(), Self> {
        if diagnostics.is_empty() {
            Ok(())
        } else {
            Err(Self(diagnostics))
        }
    }
}

impl From<Diagnostic> for Error {
    fn from(d: Diagnostic) -> Self {
        Self(vec![d])
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
