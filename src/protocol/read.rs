//! Turns the bytes on stdin into a [`Request`], or says exactly what is wrong with them.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::PROTOCOL;
use super::request::{OPERATIONS, Request};
use crate::error::{Code, Diagnostic, Result};
use crate::nearest::nearest;

/// A request that could not be read, with the operation it named where it did.
#[derive(Debug)]
pub struct Unreadable {
    pub operation: String,
    pub error: crate::error::Error,
}

/// Reads one request.
///
/// # Errors
/// `request-not-json`, `protocol-version`, `unknown-operation`, `request-invalid`.
pub fn request(bytes: &[u8]) -> Result<Request, Unreadable> {
    let unnamed = |d: Diagnostic| Unreadable {
        operation: String::new(),
        error: d.into(),
    };
    // PowerShell writes one before what it pipes.
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut value: Value =
        serde_json::from_slice(bytes).map_err(|e| unnamed(not_json(bytes, &e)))?;
    whole_numbers(&mut value);
    let Value::Object(mut object) = value else {
        return Err(unnamed(
            Diagnostic::new(
                Code::RequestInvalid,
                "the request is not a JSON object (at `$`)",
            )
            .hint(EXAMPLE),
        ));
    };
    let name = object
        .get("operation")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let fail = |error: crate::error::Error| Unreadable {
        operation: name.clone().unwrap_or_default(),
        error,
    };
    check_protocol(&object).map_err(fail)?;
    let operation = match object.remove("operation") {
        Some(Value::String(operation)) => operation,
        Some(_) => {
            return Err(fail(
                Diagnostic::new(
                    Code::RequestInvalid,
                    "the operation is not a string (at `$.operation`)",
                )
                .into(),
            ));
        }
        None => {
            return Err(fail(
                Diagnostic::new(
                    Code::RequestInvalid,
                    "the request names no operation (at `$.operation`)",
                )
                .hint(format!("one of {}", OPERATIONS.join(", ")))
                .into(),
            ));
        }
    };
    let request = of_operation(&operation, Value::Object(object)).map_err(fail)?;
    request.check().map_err(fail)?;
    Ok(request)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Makes `1.0` an integer, as which JSON Schema has it.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Above, not every integer is a number of its own.
            if let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
                && (0.0..9_007_199_254_740_992.0).contains(&float)
            {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let whole = float as u64;
                *number = whole.into();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

const EXAMPLE: &str =
    r#"{"protocol": 1, "operation": "inspect", "source": {"libraries": [{"path": "libx.a"}]}}"#;

fn not_json(bytes: &[u8], error: &serde_json::Error) -> Diagnostic {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Diagnostic::new(Code::RequestNotJson, "there is no request on stdin").hint(EXAMPLE);
    }
    Diagnostic::new(
        Code::RequestNotJson,
        format!("the request is not JSON: {error}"),
    )
}

fn check_protocol(object: &Map<String, Value>) -> Result<()> {
    let hint = format!(
        "this is dragonfire {}, which speaks protocol {PROTOCOL}",
        env!("CARGO_PKG_VERSION")
    );
    match object.get("protocol") {
        Some(v) if v.as_u64() == Some(u64::from(PROTOCOL)) => Ok(()),
        Some(v) => Err(Diagnostic::new(
            Code::ProtocolVersion,
            format!("protocol {v} is not known here"),
        )
        .hint(hint)
        .into()),
        None => Err(Diagnostic::new(
            Code::ProtocolVersion,
            "the request names no protocol version",
        )
        .hint(format!("add \"protocol\": {PROTOCOL}; {hint}"))
        .into()),
    }
}

/// The request's own type is read directly, not through the tagged enum: only so is the path of a
/// fault known.
fn of_operation(operation: &str, body: Value) -> Result<Request> {
    Ok(match operation {
        "capabilities" => Request::Capabilities(typed(body)?),
        "discover" => Request::Discover(typed(body)?),
        "build" => Request::Build(typed(body)?),
        "inspect" => Request::Inspect(typed(body)?),
        "dedup" => Request::Dedup(typed(body)?),
        "prelink" => Request::Prelink(typed(body)?),
        "meld" => Request::Meld(typed(body)?),
        "verify" => Request::Verify(typed(body)?),
        "why" => Request::Why(typed(body)?),
        "exports" => Request::Exports(typed(body)?),
        _ => {
            let near = nearest(operation, OPERATIONS.iter().copied());
            let far = OPERATIONS.iter().copied().filter(|o| !near.contains(o));
            let known = near.iter().copied().chain(far).collect::<Vec<_>>();
            return Err(Diagnostic::new(
                Code::UnknownOperation,
                format!("there is no operation `{operation}`"),
            )
            .hint(format!(
                "known operations, nearest first: {}",
                known.join(", ")
            ))
            .into());
        }
    })
}

fn typed<T: DeserializeOwned>(body: Value) -> Result<T> {
    serde_path_to_error::deserialize(body).map_err(|e| {
        let path = match e.path().to_string().as_str() {
            "." => "$".to_owned(),
            path if path.starts_with('[') => format!("${path}"),
            path => format!("$.{path}"),
        };
        Diagnostic::new(
            Code::RequestInvalid,
            format!("{} (at `{path}`)", e.into_inner()),
        )
        .hint("`dragonfire schema request` prints what a request may hold")
        .into()
    })
}
