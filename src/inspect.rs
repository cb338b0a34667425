//! What is in a library or a set of them: sizes by crate and kind, exports, leaks, externals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to `inspect`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Inspection {}
