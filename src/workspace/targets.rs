//! What a target means to who packages its libraries: Apple's platforms and architectures, Android's
//! ABIs; and which targets' libraries make one set.

use camino::Utf8Path;

use crate::error::{Code, Diagnostic, Error, Result};

/// A slice of one of Apple's platforms, in the words of an .xcframework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apple {
    pub platform: &'static str,
    pub variant: Option<&'static str>,
    pub architecture: &'static str,
}

/// `None` for other systems' targets.
#[must_use]
pub fn apple(triple: &str) -> Option<Apple> {
    let mut parts = triple.split('-');
    let (arch, vendor, system) = (parts.next()?, parts.next()?, parts.next()?);
    let suffix = parts.next();
    if vendor != "apple" || parts.next().is_some() {
        return None;
    }
    let architecture = match arch {
        "aarch64" | "arm64" => "arm64",
        "arm64e" => "arm64e",
        "arm64_32" => "arm64_32",
        "armv7" => "armv7",
        "armv7k" => "armv7k",
        "armv7s" => "armv7s",
        "x86_64" => "x86_64",
        "x86_64h" => "x86_64h",
        "i386" | "i686" => "i386",
        _ => return None,
    };
    let platform = match system {
        "darwin" | "macosx" => "macos",
        "ios" => "ios",
        "tvos" => "tvos",
        "watchos" => "watchos",
        "visionos" | "xros" => "xros",
        _ => return None,
    };
    let variant = match (platform, suffix) {
        ("ios", Some("macabi")) => Some("maccatalyst"),
        ("ios" | "tvos" | "watchos" | "xros", Some("sim")) => Some("simulator"),
        // The simulators of Intel's Macs came before the suffix.
        ("ios" | "tvos", None) if matches!(architecture, "x86_64" | "i386") => Some("simulator"),
        (_, None) => None,
        _ => return None,
    };
    Some(Apple {
        platform,
        variant,
        architecture,
    })
}

/// Android's name for a target's CPU: the NDK's `ANDROID_ABI`, and the folder in an app.
#[must_use]
pub fn android_abi(triple: &str) -> Option<&'static str> {
    match triple {
        "aarch64-linux-android" => Some("arm64-v8a"),
        "armv7-linux-androideabi" | "thumbv7neon-linux-androideabi" => Some("armeabi-v7a"),
        "i686-linux-android" => Some("x86"),
        "x86_64-linux-android" => Some("x86_64"),
        "riscv64-linux-android" | "riscv64gc-linux-android" => Some("riscv64"),
        _ => None,
    }
}

/// Targets whose libraries make one set: the CPUs of one of Apple's platforms, joined to universal
/// libraries; any other target alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// In the order of their architectures' names, however they were asked for.
    pub targets: Vec<String>,
    /// Of each target.
    apple: Option<Vec<Apple>>,
}

impl Group {
    /// The platform, where it is one of Apple's.
    #[must_use]
    pub fn platform(&self) -> Option<Apple> {
        self.apple.as_ref()?.first().copied()
    }

    /// Its CPUs in Apple's words.
    pub fn architectures(&self) -> impl Iterator<Item = &'static str> {
        self.apple.iter().flatten().map(|a| a.architecture)
    }

    /// As Xcode names a bundle's folder: `ios-arm64_x86_64-simulator`.
    #[must_use]
    pub fn identifier(&self) -> Option<String> {
        let Apple {
            platform, variant, ..
        } = self.platform()?;
        let cpus: Vec<&str> = self.architectures().collect();
        let variant = variant.map_or(String::new(), |v| format!("-{v}"));
        Some(format!("{platform}-{}{variant}", cpus.join("_")))
    }

    /// The triple of a single target, else the identifier.
    #[must_use]
    pub fn name(&self) -> String {
        match self.targets.as_slice() {
            [target] => stem(target).to_owned(),
            _ => self.identifier().unwrap_or_default(),
        }
    }
}

/// A target of one's own is a file.
fn stem(target: &str) -> &str {
    let file = target.strip_suffix(".json");
    file.map_or(target, |f| Utf8Path::new(f).file_name().unwrap_or(f))
}

/// The sets that these targets' libraries make, in the order in which they are first named.
///
/// # Errors
/// `target-duplicate`.
pub fn groups(targets: &[String]) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut errors = Vec::new();
    for target in targets {
        let own = apple(target);
        let same = groups.iter_mut().find(|g| match (own, g.platform()) {
            (Some(a), Some(b)) => (a.platform, a.variant) == (b.platform, b.variant),
            _ => g.targets.iter().any(|t| stem(t) == stem(target)),
        });
        let Some(group) = same else {
            groups.push(Group {
                targets: vec![target.clone()],
                apple: own.map(|a| vec![a]),
            });
            continue;
        };
        let (Some(own), Some(cpus)) = (own, &mut group.apple) else {
            let other = group.targets.first();
            errors.push(twice(target, other, "one and the same"));
            continue;
        };
        match cpus.binary_search_by_key(&own.architecture, |a| a.architecture) {
            Ok(at) => {
                let what = format!("both {} of one platform", own.architecture);
                errors.push(twice(target, group.targets.get(at), &what));
            }
            Err(at) => {
                cpus.insert(at, own);
                group.targets.insert(at, target.clone());
            }
        }
    }
    Error::all(errors)?;
    Ok(groups)
}

/// The error for two targets that would be written to one place.
#[must_use]
pub fn twice(target: &str, other: Option<&String>, what: &str) -> Diagnostic {
    let other = other.map_or("", String::as_str);
    let message = if target == other {
        format!("the target {target} is given twice")
    } else {
        format!("the targets {other} and {target} are {what}")
    };
    Diagnostic::new(Code::TargetDuplicate, message).hint("give one of them")
}

#[cfg(test)]
mod tests {
    use super::{Apple, android_abi, apple, groups};
    use crate::error::Code;

    fn names(targets: &[&str]) -> Vec<(String, Vec<String>)> {
        let targets: Vec<String> = targets.iter().map(|t| (*t).to_owned()).collect();
        let groups = groups(&targets).unwrap();
        groups.into_iter().map(|g| (g.name(), g.targets)).collect()
    }

    #[test]
    fn every_apple_target_of_rustc_has_its_slice() {
        let cases = [
            ("aarch64-apple-darwin", "macos", None, "arm64"),
            ("arm64e-apple-darwin", "macos", None, "arm64e"),
            ("x86_64-apple-darwin", "macos", None, "x86_64"),
            ("x86_64h-apple-darwin", "macos", None, "x86_64h"),
            ("i686-apple-darwin", "macos", None, "i386"),
            ("aarch64-apple-ios", "ios", None, "arm64"),
            ("arm64e-apple-ios", "ios", None, "arm64e"),
            ("armv7s-apple-ios", "ios", None, "armv7s"),
            ("aarch64-apple-ios-sim", "ios", Some("simulator"), "arm64"),
            ("x86_64-apple-ios", "ios", Some("simulator"), "x86_64"),
            ("i386-apple-ios", "ios", Some("simulator"), "i386"),
            (
                "aarch64-apple-ios-macabi",
                "ios",
                Some("maccatalyst"),
                "arm64",
            ),
            (
                "x86_64-apple-ios-macabi",
                "ios",
                Some("maccatalyst"),
                "x86_64",
            ),
            ("aarch64-apple-tvos", "tvos", None, "arm64"),
            ("aarch64-apple-tvos-sim", "tvos", Some("simulator"), "arm64"),
            ("x86_64-apple-tvos", "tvos", Some("simulator"), "x86_64"),
            ("aarch64-apple-watchos", "watchos", None, "arm64"),
            ("arm64_32-apple-watchos", "watchos", None, "arm64_32"),
            ("armv7k-apple-watchos", "watchos", None, "armv7k"),
            (
                "aarch64-apple-watchos-sim",
                "watchos",
                Some("simulator"),
                "arm64",
            ),
            (
                "x86_64-apple-watchos-sim",
                "watchos",
                Some("simulator"),
                "x86_64",
            ),
            ("aarch64-apple-visionos", "xros", None, "arm64"),
            (
                "aarch64-apple-visionos-sim",
                "xros",
                Some("simulator"),
                "arm64",
            ),
        ];
        for (triple, platform, variant, architecture) in cases {
            let expected = Apple {
                platform,
                variant,
                architecture,
            };
            assert_eq!(apple(triple), Some(expected), "{triple}");
        }
        for other in [
            "x86_64-unknown-linux-gnu",
            "aarch64-apple",
            "mips-apple-darwin",
            "aarch64-apple-ios-x",
        ] {
            assert_eq!(apple(other), None, "{other}");
        }
    }

    #[test]
    fn android_calls_its_cpus_otherwise() {
        assert_eq!(android_abi("aarch64-linux-android"), Some("arm64-v8a"));
        assert_eq!(android_abi("armv7-linux-androideabi"), Some("armeabi-v7a"));
        assert_eq!(android_abi("i686-linux-android"), Some("x86"));
        assert_eq!(android_abi("x86_64-linux-android"), Some("x86_64"));
        // Before ARMv7: the NDK has no such ABI any more.
        assert_eq!(android_abi("arm-linux-androideabi"), None);
    }

    #[test]
    fn cpus_of_one_platform_are_joined_in_one_order() {
        let owned = |name: &str, targets: &[&str]| {
            let targets = targets.iter().map(|t| (*t).to_owned()).collect();
            (name.to_owned(), targets)
        };
        assert_eq!(
            names(&[
                "x86_64-apple-ios",
                "aarch64-linux-android",
                "aarch64-apple-ios",
                "x86_64-apple-darwin",
                "aarch64-apple-ios-sim",
                "aarch64-apple-darwin",
                "my/own.json",
            ]),
            [
                owned(
                    "ios-arm64_x86_64-simulator",
                    &["aarch64-apple-ios-sim", "x86_64-apple-ios"]
                ),
                owned("aarch64-linux-android", &["aarch64-linux-android"]),
                owned("aarch64-apple-ios", &["aarch64-apple-ios"]),
                owned(
                    "macos-arm64_x86_64",
                    &["aarch64-apple-darwin", "x86_64-apple-darwin"]
                ),
                owned("own", &["my/own.json"]),
            ]
        );
    }

    #[test]
    fn what_would_be_written_twice_is_refused() {
        for (targets, says) in [
            (["x86_64-unknown-linux-gnu"; 2], "given twice"),
            (["aarch64-apple-ios"; 2], "given twice"),
            (
                ["arm64-apple-macosx", "aarch64-apple-darwin"],
                "both arm64 of one platform",
            ),
            (["a/own.json", "b/own.json"], "one and the same"),
        ] {
            let error = groups(&targets.map(str::to_owned)).unwrap_err();
            assert_eq!(error.code(), Code::TargetDuplicate);
            assert!(error.0[0].message.contains(says), "{error}");
        }
    }
}
