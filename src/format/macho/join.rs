//! What objects say about themselves as a whole, and how it joins in one output object.

use foldhash::{HashSet, HashSetExt};
use object::macho;

use super::MachOTraits;
use crate::error::{Code, Diagnostic, Result};
use crate::format::ObjectTraits;

/// The joined traits.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub cpu_type: u32,
    pub cpu_subtype: u32,
    pub systems: Vec<System>,
    /// LC_LINKER_OPTION: each list of arguments once.
    pub options: Vec<Vec<Vec<u8>>>,
    /// Contents of `__objc_imageinfo`.
    pub objc: Option<[u8; 8]>,
}

/// A system that an object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct System {
    /// PLATFORM_… of `mach-o/loader.h`.
    pub platform: u32,
    /// Said by LC_BUILD_VERSION, not by one of the older LC_VERSION_MIN_….
    pub by_build: bool,
    /// X.Y.Z in nibbles xxxx.yy.zz.
    pub minimum: u32,
    pub sdk: u32,
}

/// The simulator's number of a system's.
const SIMULATORS: [(u32, u32); 3] = [
    (macho::PLATFORM_IOS.0, macho::PLATFORM_IOSSIMULATOR.0),
    (macho::PLATFORM_TVOS.0, macho::PLATFORM_TVOSSIMULATOR.0),
    (
        macho::PLATFORM_WATCHOS.0,
        macho::PLATFORM_WATCHOSSIMULATOR.0,
    ),
];

fn word(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

impl System {
    /// From a load command. The older ones do not tell a simulator, but it is the only system of its
    /// name on Intel's processors.
    fn read(command: &[u8], cpu_type: u32) -> Option<Self> {
        let kind = macho::LoadCommandType(word(command, 0)?);
        let platform = match kind {
            macho::LC_BUILD_VERSION => {
                return Some(Self {
                    platform: word(command, 8)?,
                    by_build: true,
                    minimum: word(command, 12)?,
                    sdk: word(command, 16)?,
                });
            }
            macho::LC_VERSION_MIN_MACOSX => macho::PLATFORM_MACOS.0,
            macho::LC_VERSION_MIN_IPHONEOS => macho::PLATFORM_IOS.0,
            macho::LC_VERSION_MIN_TVOS => macho::PLATFORM_TVOS.0,
            macho::LC_VERSION_MIN_WATCHOS => macho::PLATFORM_WATCHOS.0,
            _ => return None,
        };
        let intel = matches!(
            macho::CpuType(cpu_type),
            macho::CPU_TYPE_X86_64 | macho::CPU_TYPE_X86
        );
        let simulator = SIMULATORS
            .iter()
            .find(|(system, _)| intel && *system == platform);
        Some(Self {
            platform: simulator.map_or(platform, |s| s.1),
            by_build: false,
            minimum: word(command, 8)?,
            sdk: word(command, 12)?,
        })
    }

    /// The load command.
    pub fn write(&self) -> Vec<u8> {
        let real = SIMULATORS
            .iter()
            .find(|(_, simulator)| *simulator == self.platform);
        let platform = real.map_or(self.platform, |s| s.0);
        let older = match macho::Platform(platform) {
            macho::PLATFORM_MACOS => Some(macho::LC_VERSION_MIN_MACOSX),
            macho::PLATFORM_IOS => Some(macho::LC_VERSION_MIN_IPHONEOS),
            macho::PLATFORM_TVOS => Some(macho::LC_VERSION_MIN_TVOS),
            macho::PLATFORM_WATCHOS => Some(macho::LC_VERSION_MIN_WATCHOS),
            _ => None,
        };
        let words = match older.filter(|_| !self.by_build) {
            Some(command) => vec![command.0, 16, self.minimum, self.sdk],
            // No tools.
            None => vec![
                macho::LC_BUILD_VERSION.0,
                24,
                self.platform,
                self.minimum,
                self.sdk,
                0,
            ],
        };
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }
}

/// What a system is called.
pub fn name_of(platform: u32) -> String {
    let name = match macho::Platform(platform) {
        macho::PLATFORM_MACOS => "macOS",
        macho::PLATFORM_IOS => "iOS",
        macho::PLATFORM_TVOS => "tvOS",
        macho::PLATFORM_WATCHOS => "watchOS",
        macho::PLATFORM_BRIDGEOS => "bridgeOS",
        macho::PLATFORM_MACCATALYST => "Mac Catalyst",
        macho::PLATFORM_IOSSIMULATOR => "the iOS simulator",
        macho::PLATFORM_TVOSSIMULATOR => "the tvOS simulator",
        macho::PLATFORM_WATCHOSSIMULATOR => "the watchOS simulator",
        macho::PLATFORM_DRIVERKIT => "DriverKit",
        macho::PLATFORM_VISIONOS => "visionOS",
        macho::PLATFORM_VISIONOSSIMULATOR => "the visionOS simulator",
        macho::Platform(other) => return format!("platform {other}"),
    };
    name.to_owned()
}

/// The systems that an object is for.
pub(super) fn systems(traits: &MachOTraits<'_>) -> Vec<System> {
    let commands = traits.platforms.iter();
    commands
        .filter_map(|c| System::read(c, traits.cpu_type))
        .collect()
}

/// Joins the traits of all objects that went in.
///
/// # Errors
/// `mixed-formats` where they are for different processors or systems, `object-unsupported` where pointers
/// are signed (arm64e) or shorter than the processor's (arm64_32).
pub(super) fn join(all: &[ObjectTraits<'_>]) -> Result<Joined> {
    let Some(first) = all.first().map(|t| &t.macho) else {
        return Err(Diagnostic::new(Code::Internal, "an object made of nothing").into());
    };
    let mut joined = Joined {
        cpu_type: first.cpu_type,
        cpu_subtype: first.cpu_subtype,
        ..Joined::default()
    };
    super::writable(first.cpu_type, first.cpu_subtype)?;
    let mut known: HashSet<Vec<Vec<u8>>> = HashSet::new();
    for t in all.iter().map(|t| &t.macho) {
        if t.cpu_type != joined.cpu_type {
            return Err(mixed("objects for different processors".to_owned()).into());
        }
        super::writable(t.cpu_type, t.cpu_subtype)?;
        // What needs a newer processor needs it still (x86_64h).
        joined.cpu_subtype = joined.cpu_subtype.max(t.cpu_subtype);
        add_systems(&mut joined.systems, &systems(t))?;
        for option in &t.linker_options {
            let option: Vec<Vec<u8>> = option.iter().map(|o| o.to_vec()).collect();
            if known.insert(option.clone()) {
                joined.options.push(option);
            }
        }
        if let Some(info) = t.objc_image_info.and_then(|i| i.first_chunk::<8>()) {
            joined.objc = Some(match joined.objc {
                Some(known) => join_objc(known, *info),
                None => *info,
            });
        }
    }
    Ok(joined)
}

fn mixed(message: String) -> Diagnostic {
    Diagnostic::new(Code::MixedFormats, message).hint("build all of the library for one target")
}

/// The newest version of each; an object for two systems (Mac Catalyst beside macOS) names both.
fn add_systems(known: &mut Vec<System>, more: &[System]) -> Result<()> {
    if known.is_empty() {
        known.extend_from_slice(more);
        return Ok(());
    }
    for system in more {
        let Some(same) = known.iter_mut().find(|k| k.platform == system.platform) else {
            let first = known.first().map_or(0, |k| k.platform);
            return Err(mixed(format!(
                "objects for {} and for {}",
                name_of(first),
                name_of(system.platform)
            ))
            .into());
        };
        same.by_build |= system.by_build;
        same.minimum = same.minimum.max(system.minimum);
        same.sdk = same.sdk.max(system.sdk);
    }
    if !more.is_empty() && more.len() < known.len() {
        // It is only for what all of its parts are for.
        known.retain(|k| more.iter().any(|m| m.platform == k.platform));
    }
    Ok(())
}

/// Objective-C's flags (`objc_image_info`): category class properties only where all say so, the newest
/// Swift, anything else that one says.
fn join_objc(a: [u8; 8], b: [u8; 8]) -> [u8; 8] {
    const CLASS_PROPERTIES: u32 = 1 << 6;
    const SWIFT: u32 = 0xffff_ff00;
    let flags = |info: [u8; 8]| u32::from_le_bytes([info[4], info[5], info[6], info[7]]);
    let (x, y) = (flags(a), flags(b));
    let plain = (x | y) & !SWIFT & !CLASS_PROPERTIES;
    let joined = plain | (x & y & CLASS_PROPERTIES) | (x & SWIFT).max(y & SWIFT);
    let mut out = a;
    out[4..].copy_from_slice(&joined.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(platform: u32, by_build: bool, minimum: u32) -> System {
        System {
            platform,
            by_build,
            minimum,
            sdk: minimum,
        }
    }

    #[test]
    fn newest_version_of_one_system() {
        let mut known = Vec::new();
        add_systems(&mut known, &[system(1, false, 0xa0900)]).unwrap();
        add_systems(&mut known, &[system(1, true, 0xb0000)]).unwrap();
        assert_eq!(known, [system(1, true, 0xb0000)]);
        let error = add_systems(&mut known, &[system(7, true, 0)]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("macOS and for the iOS simulator"),
            "{error}"
        );
    }

    #[test]
    fn commands_are_read_back() {
        for s in [
            system(1, false, 0xa0900),
            system(7, false, 0xd0000),
            system(11, true, 0x10000),
        ] {
            assert_eq!(System::read(&s.write(), macho::CPU_TYPE_X86_64.0), Some(s));
        }
    }

    #[test]
    fn objc_flags() {
        let info = |flags: u32| {
            let mut i = [0; 8];
            i[4..].copy_from_slice(&flags.to_le_bytes());
            i
        };
        assert_eq!(join_objc(info(0x40), info(0x0740)), info(0x0740));
        assert_eq!(join_objc(info(0x40), info(0)), info(0));
    }
}
