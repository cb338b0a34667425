//! What inspect says of Apple libraries: bytes by kind as the sections have them, exports, and who
//! provides what they need.

use std::fs;

use dragonfire::protocol::event::Silent;
use dragonfire::protocol::inspection::{Inspection, ProviderKind};
use dragonfire::protocol::request::Request;
use serde_json::json;

use crate::support::{ARM64, Sections, X86_64, compile, run, scratch};

/// A plugin that uses frameworks, libobjc, zlib and libSystem.
const PLUGIN: &str = r#"
extern void *CFStringCreateWithCString(void *, const char *, unsigned);
extern int SecRandomCopyBytes(void *, long, void *);
extern void *objc_msgSend(void *, void *);
extern void *MTLCreateSystemDefaultDevice(void);
extern void *AudioComponentFindNext(void *, void *);
extern int inflate(void *, int);
extern void *malloc(unsigned long);
__attribute__((visibility("hidden"))) int inner(int x) { return x * 7; }
int helper(int x) { return inner(x) + 1; }
int buffer[1000];
const char *const names[2] = {"first", "second"};
int gst_plugin_sound_register(void) {
    char random[4];
    return CFStringCreateWithCString(0, names[buffer[0] & 1], 1) && SecRandomCopyBytes(0, 4, random)
        && objc_msgSend(0, 0) && MTLCreateSystemDefaultDevice() && AudioComponentFindNext(0, 0)
        && inflate(malloc(4), helper(1));
}
"#;

fn inspect(target: &str) -> (Inspection, Sections) {
    let (_keep, dir) = scratch();
    let object = dir.join("sound.o");
    let library = dir.join("libgstsound.a");
    fs::write(&object, compile(target, "c", PLUGIN, &["-g"])).unwrap();
    let arguments = ["--format=darwin", "rcs", library.as_str(), object.as_str()];
    run("llvm-ar-19", &arguments);
    let request: Request = serde_json::from_value(json!({"protocol": 1, "operation": "inspect",
        "source": {"libraries": [{"path": library}]}, "exports": ["gst_plugin_*"]}))
    .unwrap();
    let response = dragonfire::run(&request, &Silent).unwrap();
    assert!(response.warnings.is_empty());
    (response.inspection.unwrap(), Sections::of(&object))
}

#[test]
fn bytes_are_those_of_the_sections() {
    for target in [ARM64, X86_64] {
        let (seen, sections) = inspect(target);
        let library = &seen.libraries[0];
        assert_eq!(library.kinds.total(), library.bytes);
        let sum = |wanted: &dyn Fn(&str, &str) -> bool| -> u64 {
            sections.sum(|segment, name| wanted(segment, name))
        };
        let kinds = library.kinds;
        assert_eq!(kinds.code, sum(&|_, name| name == "__text"));
        assert_eq!(
            kinds.read_only,
            sum(&|_, name| matches!(name, "__cstring" | "__const"))
        );
        assert_eq!(kinds.bss, 4000);
        assert!(kinds.unwind >= sum(&|_, n| matches!(n, "__compact_unwind" | "__eh_frame")));
        assert!(kinds.debug >= sum(&|segment, _| segment == "__DWARF"));
        assert_eq!(kinds.bitcode, 0);
    }
}

#[test]
fn exports_leaks_and_frameworks() {
    for target in [ARM64, X86_64] {
        let (seen, _) = inspect(target);
        let library = &seen.libraries[0];
        assert_eq!(library.exports, ["gst_plugin_sound_register"]);
        // Hidden ones are no leak.
        assert_eq!(library.leaked.symbols, ["buffer", "helper", "names"]);
        let provider = |symbol: &str| {
            let of = seen.externals.iter().find(|e| e.symbol == symbol);
            of.unwrap_or_else(|| panic!("{symbol}")).provider.clone()
        };
        for (symbol, framework) in [
            ("_CFStringCreateWithCString", "CoreFoundation"),
            ("_SecRandomCopyBytes", "Security"),
            ("_MTLCreateSystemDefaultDevice", "Metal"),
            ("_AudioComponentFindNext", "AudioToolbox"),
        ] {
            let provider = provider(symbol);
            assert_eq!(provider.kind, ProviderKind::Framework, "{symbol}");
            assert_eq!(provider.link, ["-framework", framework]);
        }
        assert_eq!(provider("_objc_msgSend").link, ["-lobjc"]);
        assert_eq!(provider("_malloc").link, ["-lSystem"]);
    }
}
