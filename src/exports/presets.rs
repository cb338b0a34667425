//! Exports by the name of what makes them: the symbols that GStreamer, cxx, UniFFI, JNI, Python and Node.js
//! look for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of patterns with a name.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Entry points of GStreamer plugins.
    Gstreamer,
    /// Functions of cxx bridges in both directions, and the runtime of the crate cxx.
    Cxx,
    /// UniFFI's scaffolding and metadata.
    Uniffi,
    /// Methods and hooks of the Java Native Interface.
    Jni,
    /// What Python's interpreter calls to import a module.
    Python,
    /// What Node.js calls to load an addon.
    Napi,
}

impl Preset {
    /// As in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gstreamer => "gstreamer",
            Self::Cxx => "cxx",
            Self::Uniffi => "uniffi",
            Self::Jni => "jni",
            Self::Python => "python",
            Self::Napi => "napi",
        }
    }

    /// Its patterns; `{plugin}` is not yet expanded.
    #[must_use]
    pub fn patterns(self) -> &'static [&'static str] {
        match self {
            Self::Gstreamer => &[
                "gst_plugin_{plugin}_register",
                "gst_plugin_{plugin}_get_desc",
            ],
            // A bridge's functions have its namespace before the mark. The runtime of the C++ side is in
            // the namespace rust::cxxbridge1, as the Itanium ABI and Microsoft spell it.
            Self::Cxx => &[
                "cxxbridge1$*",
                "*$cxxbridge1$*",
                "_ZN4rust10cxxbridge1*",
                "_ZNK4rust10cxxbridge1*",
                "_ZT?N4rust10cxxbridge1*",
                "\\?*@cxxbridge1@rust@@*",
            ],
            Self::Uniffi => &["uniffi_*", "ffi_*", "UNIFFI_META_*"],
            // The Invocation API: with a library's name behind where it is linked statically.
            Self::Jni => &[
                "Java_*",
                "JNI_OnLoad",
                "JNI_OnLoad_*",
                "JNI_OnUnload",
                "JNI_OnUnload_*",
            ],
            Self::Python => &["PyInit_*"],
            Self::Napi => &[
                "napi_register_module_v*",
                "node_api_module_get_api_version_v*",
            ],
        }
    }

    /// Are the C++ functions of the package's own objects meant too?
    #[must_use]
    pub fn has_own_natives(self) -> bool {
        self == Self::Cxx
    }
}
