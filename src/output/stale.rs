//! Staging folders of runs that were interrupted: the next run that writes to the same place removes them.
//!
//! Whose a folder is says a file in it: the system's start, the process's namespace and its number. A process of
//! another namespace or machine cannot be asked for; its folders go when they are old.

use std::fs;
use std::time::Duration;

use camino::Utf8Path;

/// The file that says whose a staging folder is.
const OWNER: &str = "run";

/// No run takes so long.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Says in a staging folder that it is this process's.
pub fn sign(dir: &Utf8Path) {
    if let Some(place) = place() {
        // Without it the folder of an interrupted run only stays longer.
        let _ = fs::write(dir.join(OWNER), format!("{place} {}", std::process::id()));
    }
}

/// Removes the folders of `parent` whose names begin with `prefix` and whose processes are gone.
pub fn sweep(parent: &Utf8Path, prefix: &str) {
    let Ok(entries) = parent.read_dir_utf8() else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().starts_with(prefix) && entry.path().is_dir() && is_left(entry.path()) {
            // Somebody else may be about it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_left(dir: &Utf8Path) -> bool {
    let owner = fs::read_to_string(dir.join(OWNER)).unwrap_or_default();
    if let Some((place, process)) = owner.rsplit_once(' ')
        && self::place().is_some_and(|own| own == place)
    {
        return !Utf8Path::new("/proc").join(process).exists();
    }
    let changed = fs::metadata(dir).and_then(|m| m.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD))
}

/// Where numbers of processes mean the same: the start of the system and the namespace. Only Linux tells.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.to_str()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    #[test]
    fn folders_of_the_dead_go() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let place = place().unwrap();
        for (name, owner) in [
            (".x-dead", format!("{place} {dead}")),
            (".x-elsewhere", format!("elsewhere {dead}")),
            (".x-new", String::new()),
            (".y-dead", format!("{place} {dead}")),
        ] {
            fs::create_dir(root.join(name)).unwrap();
            fs::write(root.join(name).join(OWNER), owner).unwrap();
            fs::write(root.join(name).join("0"), "bytes").unwrap();
        }
        fs::create_dir(root.join(".x-alive")).unwrap();
        sign(&root.join(".x-alive"));
        sweep(&root, ".x-");
        let mut left: Vec<String> = root
            .read_dir_utf8()
            .unwrap()
            .map(|e| e.unwrap().file_name().to_owned())
            .collect();
        left.sort();
        assert_eq!(left, [".x-alive", ".x-elsewhere", ".x-new", ".y-dead"]);
    }
}
