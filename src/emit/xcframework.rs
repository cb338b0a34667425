//! What an .xcframework says of itself: Info.plist as `xcodebuild -create-xcframework` writes it, and a
//! module map for its headers.

use camino::Utf8PathBuf;

/// The library for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleLibrary {
    /// Its folder: `ios-arm64_x86_64-simulator`.
    pub identifier: String,
    /// The file in that folder.
    pub file_name: String,
    pub architectures: Vec<&'static str>,
    pub platform: &'static str,
    pub variant: Option<&'static str>,
}

/// Folder of headers beside each library.
pub const HEADERS: &str = "Headers";
pub const INFO: &str = "Info.plist";
pub const MODULE_MAP: &str = "module.modulemap";

/// A property list, as far as it is needed here.
enum Value {
    Text(String),
    Array(Vec<Value>),
    Dict(Vec<(&'static str, Value)>),
}

/// Info.plist of a bundle, libraries in the order of their folders' names.
#[must_use]
pub fn info_plist(libraries: &[BundleLibrary], headers: bool) -> String {
    let text = |t: &str| Value::Text(t.to_owned());
    let mut sorted: Vec<&BundleLibrary> = libraries.iter().collect();
    sorted.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    let library = |l: &BundleLibrary| {
        let mut entries = vec![("BinaryPath", text(&l.file_name))];
        if headers {
            entries.push(("HeadersPath", text(HEADERS)));
        }
        let architectures = l.architectures.iter().map(|a| text(a)).collect();
        entries.extend([
            ("LibraryIdentifier", text(&l.identifier)),
            ("LibraryPath", text(&l.file_name)),
            ("SupportedArchitectures", Value::Array(architectures)),
            ("SupportedPlatform", text(l.platform)),
        ]);
        if let Some(variant) = l.variant {
            entries.push(("SupportedPlatformVariant", text(variant)));
        }
        Value::Dict(entries)
    };
    let root = Value::Dict(vec![
        (
            "AvailableLibraries",
            Value::Array(sorted.into_iter().map(library).collect()),
        ),
        ("CFBundlePackageType", text("XFWK")),
        ("XCFrameworkFormatVersion", text("1.0")),
    ]);
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n",
    );
    root.write(&mut out, 0);
    out.push_str("</plist>\n");
    out
}

impl Value {
    fn write(&self, out: &mut String, depth: usize) {
        let indent = "\t".repeat(depth);
        match self {
            Self::Text(text) => {
                out.push_str(&format!("{indent}<string>{}</string>\n", escaped(text)));
            }
            Self::Array(values) => {
                out.push_str(&format!("{indent}<array>\n"));
                for value in values {
                    value.write(out, depth + 1);
                }
                out.push_str(&format!("{indent}</array>\n"));
            }
            Self::Dict(entries) => {
                out.push_str(&format!("{indent}<dict>\n"));
                for (key, value) in entries {
                    out.push_str(&format!("{indent}\t<key>{key}</key>\n"));
                    value.write(out, depth + 1);
                }
                out.push_str(&format!("{indent}</dict>\n"));
            }
        }
    }
}

/// XML has no way to say most control characters; file names with them are nobody's.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A Clang module of `headers`, named after the bundle. What links it, links `natives` too: those that
/// every program on Apple's systems has are left out.
#[must_use]
pub fn module_map(bundle: &str, headers: &[Utf8PathBuf], natives: &[String]) -> String {
    let mut out = format!("module {} {{\n", module_name(bundle));
    for header in headers {
        out.push_str(&format!("    header {}\n", quoted(header.as_str())));
    }
    for native in natives {
        if let Some(framework) = native.strip_prefix("-framework ") {
            out.push_str(&format!(
                "    link framework {}\n",
                quoted(framework.trim())
            ));
        } else if let Some(library) = native.strip_prefix("-l")
            && !matches!(library, "System" | "c" | "m")
        {
            out.push_str(&format!("    link {}\n", quoted(library)));
        }
    }
    out.push_str("    export *\n}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// An identifier of C and Swift.
fn module_name(bundle: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = bundle.chars().map(fits).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("_{name}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{BundleLibrary, info_plist, module_map};

    fn library(identifier: &str, variant: Option<&'static str>) -> BundleLibrary {
        BundleLibrary {
            identifier: identifier.to_owned(),
            file_name: "libA&B.a".to_owned(),
            architectures: vec!["arm64"],
            platform: "ios",
            variant,
        }
    }

    #[test]
    fn the_plist_is_as_xcodebuild_writes_it() {
        let libraries = [
            library("ios-arm64-simulator", Some("simulator")),
            library("ios-arm64", None),
        ];
        let plist = info_plist(&libraries, true);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
\t<key>AvailableLibraries</key>
\t<array>
\t\t<dict>
\t\t\t<key>BinaryPath</key>
\t\t\t<string>libA&amp;B.a</string>
\t\t\t<key>HeadersPath</key>
\t\t\t<string>Headers</string>
\t\t\t<key>LibraryIdentifier</key>
\t\t\t<string>ios-arm64</string>
\t\t\t<key>LibraryPath</key>
\t\t\t<string>libA&amp;B.a</string>
\t\t\t<key>SupportedArchitectures</key>
\t\t\t<array>
\t\t\t\t<string>arm64</string>
\t\t\t</array>
\t\t\t<key>SupportedPlatform</key>
\t\t\t<string>ios</string>
\t\t</dict>
";
        assert!(plist.starts_with(expected), "{plist}");
        assert!(plist.ends_with(
            "\t\t\t<key>SupportedPlatformVariant</key>\n\t\t\t<string>simulator</string>\n\t\t</dict>\n\
             \t</array>\n\t<key>CFBundlePackageType</key>\n\t<string>XFWK</string>\n\
             \t<key>XCFrameworkFormatVersion</key>\n\t<string>1.0</string>\n</dict>\n</plist>\n"
        ));
        assert!(!info_plist(&libraries, false).contains("HeadersPath"));
    }

    #[test]
    fn a_module_links_what_its_libraries_need() {
        let natives = ["-lSystem", "-liconv", "-framework Security", "-lc"];
        let map = module_map(
            "3 My-Plugins",
            &["a.h".into(), "sub/b \"x\".h".into()],
            &natives.map(str::to_owned),
        );
        assert_eq!(
            map,
            "module _3_My_Plugins {
    header \"a.h\"
    header \"sub/b \\\"x\\\".h\"
    link \"iconv\"
    link framework \"Security\"
    export *
}
"
        );
    }
}
