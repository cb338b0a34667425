//! macOS, iOS and their like.

use super::rules::Rule;
use crate::protocol::inspection::Environment::{self, Apple};
use crate::protocol::inspection::ProviderKind as Kind;

const ON: &[Environment] = &[Apple];

pub const RULES: &[Rule] = &[
    Rule {
        on: ON,
        symbols: &[
            "_mh_execute_header",
            "_mh_dylib_header",
            "__dso_handle",
            "dyld_stub_binder",
            "mh_execute_header",
        ],
        kind: Kind::Linker,
        name: "the linker",
        link: &["-lSystem"],
        why: "the linker defines it (dyld_stub_binder: libSystem): link with clang, or ld with -lSystem",
    },
    Rule {
        on: ON,
        symbols: &[
            "__isPlatformVersionAtLeast",
            "__isOSVersionAtLeast",
            "__isPlatformOrVariantPlatformVersionAtLeast",
        ],
        kind: Kind::CompilerRuntime,
        name: "libclang_rt.osx.a (libclang_rt.ios.a, ...)",
        link: &["-lclang_rt.osx"],
        why: "@available checks: clang's driver links its runtime library; ld called directly, or \
              -nodefaultlibs, needs $(clang -print-resource-dir)/lib/darwin/libclang_rt.osx.a",
    },
    Rule {
        on: ON,
        symbols: &[
            "__cxa_*",
            "__gxx_personality_*",
            "__dynamic_cast",
            "_ZNSt*",
            "_ZNKSt*",
            "_ZSt*",
            "_ZTVSt*",
            "_ZTISt*",
            "_ZTSSt*",
            "_ZTVN10__cxxabiv1*",
            "_ZTI*",
            "_ZTVNSt*",
            "_ZTINSt*",
            "_Znw*",
            "_Zna*",
            "_Zdl*",
            "_Zda*",
            "_ZTh*",
        ],
        kind: Kind::CxxRuntime,
        name: "libc++",
        link: &["-lc++"],
        why: "C++ code is in the library: link with clang++, or add -lc++",
    },
    Rule {
        on: ON,
        symbols: &[
            "objc_*",
            "_objc_*",
            "OBJC_EHTYPE_*",
            "class_*",
            "sel_*",
            "object_*",
            "method_*",
            "protocol_*",
            "ivar_*",
            "property_*",
        ],
        kind: Kind::SystemLibrary,
        name: "libobjc",
        link: &["-lobjc"],
        why: "the Objective-C runtime",
    },
    Rule {
        on: ON,
        symbols: &["iconv", "iconv_open", "iconv_close", "libiconv*"],
        kind: Kind::SystemLibrary,
        name: "libiconv",
        link: &["-liconv"],
        why: "character sets: not in libSystem; Rust's libc crate links it",
    },
    Rule {
        on: ON,
        symbols: &["swift_*"],
        kind: Kind::SystemLibrary,
        name: "libswiftCore",
        link: &["-L/usr/lib/swift", "-lswiftCore"],
        why: "Swift code is in the library",
    },
    framework(
        "CoreFoundation",
        &["CF*", "kCF*", "__CFConstantStringClassReference"],
        &["-framework", "CoreFoundation"],
    ),
    framework(
        "Foundation",
        &[
            "NS*",
            "OBJC_CLASS_$_NS*",
            "OBJC_METACLASS_$_NS*",
            "__NSConcrete*",
        ],
        &["-framework", "Foundation"],
    ),
    framework(
        "AppKit",
        &[
            "NSApp*",
            "NSWindow*",
            "NSView*",
            "NSEvent*",
            "OBJC_CLASS_$_NSApp*",
            "OBJC_CLASS_$_NSWindow*",
            "OBJC_CLASS_$_NSView*",
            "OBJC_CLASS_$_NSEvent*",
            "OBJC_CLASS_$_NSOpenGL*",
            "OBJC_CLASS_$_NSScreen*",
            "OBJC_CLASS_$_NSColor*",
            "OBJC_CLASS_$_NSFont*",
            "OBJC_CLASS_$_NSImage*",
            "OBJC_CLASS_$_NSMenu*",
            "OBJC_CLASS_$_NSPasteboard*",
            "OBJC_CLASS_$_NSCursor*",
        ],
        &["-framework", "AppKit"],
    ),
    framework(
        "Security",
        &["Sec*", "kSec*", "SSL*"],
        &["-framework", "Security"],
    ),
    framework(
        "SystemConfiguration",
        &["SC*", "kSC*"],
        &["-framework", "SystemConfiguration"],
    ),
    framework(
        "CoreServices",
        &[
            "LS*", "kLS*", "FSEvent*", "UT*", "kUT*", "MDItem*", "MDQuery*",
        ],
        &["-framework", "CoreServices"],
    ),
    framework(
        "CoreGraphics",
        &["CG*", "kCG*"],
        &["-framework", "CoreGraphics"],
    ),
    framework("CoreText", &["CT*", "kCT*"], &["-framework", "CoreText"]),
    framework("CoreMedia", &["CM*", "kCM*"], &["-framework", "CoreMedia"]),
    framework("CoreVideo", &["CV*", "kCV*"], &["-framework", "CoreVideo"]),
    framework(
        "VideoToolbox",
        &["VT*", "kVT*"],
        &["-framework", "VideoToolbox"],
    ),
    framework(
        "AudioToolbox",
        &[
            "AudioUnit*",
            "AudioComponent*",
            "AudioConverter*",
            "AudioFile*",
            "AudioQueue*",
            "AudioOutputUnit*",
            "AudioFormat*",
            "ExtAudioFile*",
            "AU*",
        ],
        &["-framework", "AudioToolbox"],
    ),
    framework(
        "CoreAudio",
        &["AudioObject*", "AudioDevice*", "AudioHardware*"],
        &["-framework", "CoreAudio"],
    ),
    framework("CoreMIDI", &["MIDI*"], &["-framework", "CoreMIDI"]),
    framework(
        "AVFoundation",
        &["AV*", "OBJC_CLASS_$_AV*"],
        &["-framework", "AVFoundation"],
    ),
    framework(
        "Metal",
        &["MTL*", "OBJC_CLASS_$_MTL*"],
        &["-framework", "Metal"],
    ),
    framework(
        "QuartzCore",
        &["CA*", "kCA*", "OBJC_CLASS_$_CA*"],
        &["-framework", "QuartzCore"],
    ),
    framework("IOKit", &["IO*", "kIO*"], &["-framework", "IOKit"]),
    framework(
        "IOSurface",
        &["IOSurface*", "kIOSurface*"],
        &["-framework", "IOSurface"],
    ),
    framework(
        "UIKit",
        &["UI*", "OBJC_CLASS_$_UI*"],
        &["-framework", "UIKit"],
    ),
    framework("OpenGL", &["CGL*"], &["-framework", "OpenGL"]),
    framework("Network", &["nw_*"], &["-framework", "Network"]),
];

const fn framework(
    name: &'static str,
    symbols: &'static [&'static str],
    link: &'static [&'static str],
) -> Rule {
    Rule {
        on: ON,
        symbols,
        kind: Kind::Framework,
        name,
        link,
        why: "by its name it is of this framework; `--print native-static-libs` names the frameworks \
              that the plugin's crates declare",
    }
}
