//! Which libraries of a meld share with each other, and why some do not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who shares with whom; there where not all share with all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SharingGroups {
    /// Every library once, in input order: those of one group have one Rust runtime, and share what they have in
    /// common. Groups share nothing with each other.
    pub groups: Vec<Vec<String>>,
    /// What sets libraries apart, in input order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<Apart>,
}

/// One reason why a library does not share with all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Apart {
    pub library: String,
    pub reason: ApartReason,
    /// The compiler's version, where `reason` is `other-compiler` and the library says it: `1.63.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiler: Option<String>,
    /// The reason in words.
    pub message: String,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ApartReason {
    /// Its standard library comes from another compiler than that of most libraries.
    OtherCompiler,
    /// It has a `#[global_allocator]`.
    OwnAllocator,
    /// Its panics abort.
    PanicAbort,
    /// Fat link-time optimisation left no part of the standard library as it was.
    FatLto,
    /// The same of thin link-time optimisation.
    ThinLto,
    /// Its Rust runtime is another one than those of the others for a reason that is not known.
    OtherRuntime,
    /// No other library holds anything that it holds.
    NothingInCommon,
}

impl Apart {
    #[must_use]
    pub fn new(library: &str, reason: ApartReason, compiler: Option<String>) -> Self {
        let message = match (reason, &compiler) {
            (ApartReason::OtherCompiler, Some(version)) => {
                format!("std of another compiler (rustc {version})")
            }
            (ApartReason::OtherCompiler, None) => "std of another compiler".to_owned(),
            (ApartReason::OwnAllocator, _) => "own #[global_allocator]".to_owned(),
            (ApartReason::PanicAbort, _) => "panic=abort".to_owned(),
            (ApartReason::FatLto, _) => "fat LTO: nothing to share".to_owned(),
            (ApartReason::ThinLto, _) => "thin LTO: nothing to share".to_owned(),
            (ApartReason::OtherRuntime, _) => "no other library has its Rust runtime".to_owned(),
            (ApartReason::NothingInCommon, _) => "nothing in common with the others".to_owned(),
        };
        Self {
            library: library.to_owned(),
            reason,
            compiler,
            message,
        }
    }
}
