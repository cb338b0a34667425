//! Cargo profiles: what a profile asks of link-time optimisation, and how a profile reads in a
//! workspace of which the user's packages are no members.

use cargo_metadata::Package;
use toml::{Table, Value};

use super::cargo::Opened;

/// cargo's name of the profile that the request asks for.
#[must_use]
pub fn name<'r>(opened: &Opened<'r>) -> &'r str {
    match opened.cargo.request.profile.as_deref() {
        None | Some("") => "release",
        // Build systems call it after its folder.
        Some("debug") => "dev",
        Some(name) => name,
    }
}

/// The environment variable that says what a profile asks of link-time optimisation, before any file does.
#[must_use]
pub fn lto_variable(opened: &Opened<'_>) -> String {
    let name = name(opened).to_ascii_uppercase().replace('-', "_");
    format!("CARGO_PROFILE_{name}_LTO")
}

/// The link-time optimisation across crates that the profile in use asks for: `fat` or `thin`.
#[must_use]
pub fn lto(opened: &Opened<'_>, root_toml: &Table) -> Option<&'static str> {
    if opened.cargo.request.no_lto {
        return None;
    }
    let name = name(opened);
    let variable = lto_variable(opened);
    let set = opened
        .setting(&[&variable], &format!("/profile/{name}/lto"))
        .or_else(|| {
            let profiles = root_toml.get("profile")?.as_table()?;
            match field(profiles, name, "lto")? {
                Value::String(s) => Some(s.clone()),
                Value::Boolean(b) => Some(b.to_string()),
                _ => None,
            }
        });
    match set.as_deref() {
        Some("true" | "fat") => Some("fat"),
        Some("thin") => Some("thin"),
        _ => None,
    }
}

/// A field of a profile or of what it inherits from.
fn field<'t>(profiles: &'t Table, name: &str, field: &str) -> Option<&'t Value> {
    let mut name = name;
    // Inheritance may be a circle; cargo then refuses to build.
    for _ in 0..=profiles.len() {
        let profile = profiles.get(name).and_then(Value::as_table);
        if let Some(value) = profile.and_then(|p| p.get(field)) {
            return Some(value);
        }
        name = match profile.and_then(|p| p.get("inherits")) {
            Some(Value::String(base)) => base,
            _ => return None,
        };
    }
    None
}

/// The base that a profile comes from in the end: `dev` or `release`.
fn is_release(profiles: &Table, name: &str) -> bool {
    let mut name = name;
    for _ in 0..=profiles.len() {
        match name {
            "release" | "bench" => return true,
            "dev" | "test" => return false,
            _ => {}
        }
        let profile = profiles.get(name).and_then(Value::as_table);
        name = match profile.and_then(|p| p.get("inherits")) {
            Some(Value::String(base)) => base,
            _ => return false,
        };
    }
    false
}

/// The user's profiles for the generated workspace. `[profile.X.package."*"]` speaks of all packages
/// that are no members, and there the user's own are none: so each of `local` gets the fields that
/// `"*"` sets back from the profile itself. What speaks of members that are not there (`absent`) is
/// dropped: cargo would warn of it.
#[must_use]
pub fn as_outsiders(profiles: &Table, local: &[&Package], absent: &[&str]) -> Table {
    let mut changed = profiles.clone();
    for (name, profile) in &mut changed {
        let Some(packages) = profile.get_mut("package").and_then(Value::as_table_mut) else {
            continue;
        };
        packages.retain(|spec, _| !absent.contains(&spec.split('@').next().unwrap_or(spec)));
        let Some(Value::Table(all)) = packages.get("*").cloned() else {
            continue;
        };
        for package in local {
            let spec = format!("{}@{}", package.name, package.version);
            let keys = [package.name.as_str(), &spec];
            let own: Vec<&Table> = keys
                .iter()
                .filter_map(|k| packages.get(*k).and_then(Value::as_table))
                .collect();
            let mut back = Table::new();
            for key in all
                .keys()
                .filter(|k| !own.iter().any(|o| o.contains_key(*k)))
            {
                let value = field(profiles, name, key)
                    .cloned()
                    .or_else(|| default(key, is_release(profiles, name)));
                if let Some(value) = value {
                    back.insert(key.clone(), value);
                }
            }
            if back.is_empty() {
                continue;
            }
            // The user may name the package in either way; cargo refuses two specs that match.
            let key = keys.iter().find(|k| packages.contains_key(**k));
            let key = (*key.unwrap_or(&package.name.as_str())).to_owned();
            if let Value::Table(table) = packages
                .entry(key)
                .or_insert_with(|| Value::Table(Table::new()))
            {
                table.extend(back);
            }
        }
    }
    changed
}

/// cargo's default for a field that packages may override.
fn default(key: &str, release: bool) -> Option<Value> {
    Some(match (key, release) {
        ("opt-level", false) => 0.into(),
        ("opt-level", true) => 3.into(),
        ("debug" | "debug-assertions" | "overflow-checks" | "incremental", _) => (!release).into(),
        ("codegen-units", false) => 256.into(),
        ("codegen-units", true) => 16.into(),
        ("strip", _) => "none".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        serde_json::from_value(serde_json::json!({
            "name": name, "version": "1.0.0", "id": name, "dependencies": [], "targets": [],
            "features": {}, "manifest_path": "/w/Cargo.toml", "edition": "2021"
        }))
        .unwrap()
    }

    #[test]
    fn inherited_fields() {
        let profiles: Table = "[release]\nlto = 'fat'\n[ship]\ninherits = 'release'\n\
                               [a]\ninherits = 'b'\n[b]\ninherits = 'a'"
            .parse()
            .unwrap();
        assert_eq!(
            field(&profiles, "ship", "lto").and_then(Value::as_str),
            Some("fat")
        );
        assert!(field(&profiles, "a", "lto").is_none());
        assert!(field(&profiles, "dev", "lto").is_none());
        assert!(is_release(&profiles, "ship"));
        assert!(!is_release(&profiles, "a"));
    }

    #[test]
    fn members_stay_members() {
        let profiles: Table = "[dev.package.'*']\nopt-level = 2\n\
                               [release]\nopt-level = 's'\n[release.package.'*']\nopt-level = 3\n\
                               [release.package.b]\nopt-level = 1\n[release.package.'c@1.0.0']\nopt-level = 1"
            .parse()
            .unwrap();
        let (a, b) = (package("a"), package("b"));
        let changed = as_outsiders(&profiles, &[&a, &b], &["c"]);
        let level = |profile: &str, package: &str| {
            changed[profile]["package"][package]["opt-level"].clone()
        };
        assert_eq!(level("dev", "a"), Value::Integer(0));
        assert_eq!(level("release", "a"), Value::String("s".to_owned()));
        assert_eq!(level("release", "b"), Value::Integer(1));
        assert_eq!(level("release", "*"), Value::Integer(3));
        assert!(changed["release"]["package"].get("c@1.0.0").is_none());
    }
}
