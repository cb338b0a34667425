//! For which kind of system the libraries are: who provides a symbol depends on it.

use crate::format::{Format, Machine};
use crate::protocol::inspection::{Environment, TargetInfo};

impl Environment {
    /// Those that the tables know in detail.
    pub const KNOWN: [Self; 6] = [
        Self::LinuxGlibc,
        Self::LinuxMusl,
        Self::Android,
        Self::WindowsMsvc,
        Self::WindowsGnu,
        Self::Apple,
    ];

    /// The name that people read, and JSON has.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinuxGlibc => "linux-glibc",
            Self::LinuxMusl => "linux-musl",
            Self::Android => "android",
            Self::WindowsMsvc => "windows-msvc",
            Self::WindowsGnu => "windows-gnu",
            Self::Apple => "apple",
            Self::OtherUnix => "other-unix",
        }
    }

    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::WindowsMsvc | Self::WindowsGnu => Format::Coff,
            Self::Apple => Format::MachO,
            _ => Format::Elf,
        }
    }

    /// The environments that a target triple, or a looser word for one (`windows`, `musl`, `elf`),
    /// can mean; empty where it means nothing to us.
    #[must_use]
    pub fn from_target(target: &str) -> Vec<Self> {
        let t = target.to_ascii_lowercase();
        let has = |word: &str| t.contains(word);
        let one = if has("msvc") {
            Self::WindowsMsvc
        } else if has("windows-gnu") || has("mingw") || has("cygwin") {
            Self::WindowsGnu
        } else if has("windows") || t == "coff" || t == "pe" {
            return vec![Self::WindowsMsvc, Self::WindowsGnu];
        } else if has("apple")
            || has("darwin")
            || has("macos")
            || has("mach")
            || t == "ios"
            || t == "tvos"
        {
            Self::Apple
        } else if has("android") || has("bionic") {
            Self::Android
        } else if has("musl") || has("ohos") || has("alpine") {
            Self::LinuxMusl
        } else if has("linux-gnu") || has("glibc") || t == "gnu" {
            Self::LinuxGlibc
        } else if t == "linux" || t.ends_with("-linux") {
            return vec![Self::LinuxGlibc, Self::LinuxMusl];
        } else if t == "elf" {
            return vec![Self::LinuxGlibc, Self::LinuxMusl, Self::Android];
        } else if ["bsd", "solaris", "illumos", "dragonfly", "haiku", "linux"]
            .iter()
            .any(|w| has(w))
        {
            Self::OtherUnix
        } else {
            return Vec::new();
        };
        vec![one]
    }
}

/// The environment among those that somebody `said`: a word like `windows` leaves a choice to what was found.
#[must_use]
pub fn chosen(said: &[Environment], found: Environment) -> Environment {
    match said.first() {
        Some(first) if !said.contains(&found) => *first,
        _ => found,
    }
}

/// Finds the environment of libraries of one format from the symbols they name.
pub fn detect<'s>(
    format: Format,
    machine: Machine,
    file_is_lib: bool,
    needs: impl Fn(&str) -> bool + 's,
) -> TargetInfo {
    // The first symbol of these that occurs decides; std and the compilers name them.
    let tells: &[(&str, Environment)] = match format {
        Format::MachO => &[],
        Format::Coff => &[
            ("__CxxFrameHandler3", Environment::WindowsMsvc),
            ("__CxxFrameHandler4", Environment::WindowsMsvc),
            ("_CxxThrowException", Environment::WindowsMsvc),
            ("__C_specific_handler", Environment::WindowsMsvc),
            ("__chkstk", Environment::WindowsMsvc),
            ("___chkstk_ms", Environment::WindowsGnu),
            ("_Unwind_Resume", Environment::WindowsGnu),
            ("_GCC_specific_handler", Environment::WindowsGnu),
            ("__gcc_personality_v0", Environment::WindowsGnu),
        ],
        Format::Elf => &[
            ("android_set_abort_message", Environment::Android),
            ("__errno", Environment::Android),
            ("gnu_get_libc_version", Environment::LinuxGlibc),
            ("__register_atfork", Environment::LinuxGlibc),
            // What glibc's headers make of C's names.
            ("__isoc99_sscanf", Environment::LinuxGlibc),
            ("__isoc99_fscanf", Environment::LinuxGlibc),
            ("__isoc23_strtol", Environment::LinuxGlibc),
            ("__isoc23_strtoul", Environment::LinuxGlibc),
            ("__isoc23_strtoll", Environment::LinuxGlibc),
            ("__isoc23_strtoull", Environment::LinuxGlibc),
            ("__isoc23_sscanf", Environment::LinuxGlibc),
            ("__printf_chk", Environment::LinuxGlibc),
            ("__fprintf_chk", Environment::LinuxGlibc),
            ("__sprintf_chk", Environment::LinuxGlibc),
            ("__snprintf_chk", Environment::LinuxGlibc),
            ("__memcpy_chk", Environment::LinuxGlibc),
        ],
    };
    let mut found = tells.iter().find(|(symbol, _)| needs(symbol));
    // Both C libraries have this. Rust's std asks for glibc's version wherever that may be there.
    let musl = &("__errno_location", Environment::LinuxMusl);
    if found.is_none() && format == Format::Elf && needs("rust_eh_personality") && needs(musl.0) {
        found = Some(musl);
    }
    let (environment, known_by) = match (found, format) {
        (Some((symbol, environment)), _) => (*environment, format!("it names {symbol}")),
        (None, Format::MachO) => (Environment::Apple, "the object format".to_owned()),
        (None, Format::Coff) if file_is_lib => {
            (Environment::WindowsMsvc, "the file name".to_owned())
        }
        (None, Format::Coff) => (Environment::WindowsGnu, "the file name".to_owned()),
        (None, Format::Elf) => (Environment::LinuxGlibc, "assumed".to_owned()),
    };
    TargetInfo {
        environment,
        machine: machine.to_string(),
        known_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_name() {
        let of = |names: &[&str]| {
            let info = detect(Format::Elf, Machine::X86_64, false, |n| names.contains(&n));
            (info.environment, info.known_by)
        };
        let glibc = Environment::LinuxGlibc;
        assert_eq!(of(&["__errno_location"]), (glibc, "assumed".to_owned()));
        assert_eq!(of(&["__errno_location", "__isoc23_strtol"]).0, glibc);
        let rust = ["rust_eh_personality", "__errno_location"];
        assert_eq!(of(&rust).0, Environment::LinuxMusl);
        // std for musl asks for it too, weakly.
        let hint = "__cxa_thread_atexit_impl";
        let both = of(&[&rust[..], &[hint]].concat());
        assert_eq!(both.0, Environment::LinuxMusl);
        assert_eq!(
            of(&[&rust[..], &["gnu_get_libc_version"]].concat()).0,
            glibc
        );
    }

    #[test]
    fn triples_and_words() {
        use Environment as E;
        let of = E::from_target;
        assert_eq!(of("x86_64-pc-windows-msvc"), [E::WindowsMsvc]);
        assert_eq!(of("x86_64-pc-windows-gnu"), [E::WindowsGnu]);
        assert_eq!(of("aarch64-pc-windows-gnullvm"), [E::WindowsGnu]);
        assert_eq!(of("aarch64-apple-ios"), [E::Apple]);
        assert_eq!(of("armv7-linux-androideabi"), [E::Android]);
        assert_eq!(of("x86_64-unknown-linux-musl"), [E::LinuxMusl]);
        assert_eq!(of("riscv64gc-unknown-linux-gnu"), [E::LinuxGlibc]);
        assert_eq!(of("x86_64-unknown-freebsd"), [E::OtherUnix]);
        assert_eq!(of("windows"), [E::WindowsMsvc, E::WindowsGnu]);
        assert_eq!(of("toaster"), []);
    }
}
