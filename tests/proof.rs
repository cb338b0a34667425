//! `verify` turned loose on results that are wrong on purpose: each kind of fault that a writer or a plan
//! could make is made in the written bytes, and found.

use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use dragonfire::analysis::exports::defined_names;
use dragonfire::analysis::identity::members::MemberClasses;
use dragonfire::analysis::{Analysis, Sharing};
use dragonfire::error::{Code, Result};
use dragonfire::exports::NameRules;
use dragonfire::format::output::DebugOptions;
use dragonfire::input::archive::ArchiveKind;
use dragonfire::input::{self, Inputs};
use dragonfire::output::archive::ArchiveWriter;
use dragonfire::plan::debug::DebugLines;
use dragonfire::plan::objects::Objects;
use dragonfire::plan::partition::Partition;
use dragonfire::plan::{self, OutputLibrary, OutputMember, OutputSet};
use dragonfire::protocol::event::Silent;
use dragonfire::protocol::request::{Debug, Granularity, Symbols};
use dragonfire::verify::proof::Proof;
use dragonfire::verify::{Promise, Promises, verify};
use object::pe;
use object::write::coff::{FileHeader, Relocation, SectionHeader, Symbol, Writer};

/// Everything that a reference can be wrong about.
const PLUGIN: &str = r#"
extern "C" int shared_helper(int);
extern "C" int member_helper(int);
extern "C" __attribute__((weak)) int hook(void) { return 1; }
inline int counter = 3;
thread_local int own = 4;
extern "C" int chosen(void);
extern "C" int level[];
static int (*const table[])(int) = {shared_helper, member_helper};
static int first, second;
__attribute__((constructor)) static void begin() { first = 1; }
__attribute__((constructor)) static void middle() { second = first; }
extern "C" int NAME(int x) {
    try { return table[x & 1](x) + hook() + counter++ + own + chosen() + level[0] + second; }
    catch (int y) { return y; }
}
"#;
const HELPER: &str = r#"
extern "C" int shared_helper(int x) { if (x > 90) throw x; return x + 1; }
static int impl(void) { return 5; }
extern "C" { static int (*resolve(void))(void) { return impl; } }
extern "C" int chosen(void) __attribute__((ifunc("resolve")));
"#;
const MEMBER: &str = r#"
int level[16];
extern int second_level[8];
int second_level[8];
int member_helper(int x) { return level[x & 15] + second_level[1]; }
"#;

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// The plugins' libraries.
fn libraries(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let object = |name: &str, source: &str, cxx: bool, defines: &[&str]| {
        let path = dir.join(if cxx {
            format!("{name}.cc")
        } else {
            format!("{name}.c")
        });
        fs::write(&path, source).unwrap();
        let out = dir.join(format!("{name}.o"));
        let mut command = Command::new(if cxx { "c++" } else { "cc" });
        command.args([
            "-c",
            "-O1",
            "-g",
            "-fPIC",
            "-ffunction-sections",
            "-fdata-sections",
        ]);
        command.args(if cxx { "-std=c++17" } else { "-fcommon" }.split(' '));
        run(command.args(defines).arg(&path).arg("-o").arg(&out));
        out
    };
    let helper = object("helper", HELPER, true, &[]);
    let member = object("member", MEMBER, false, &[]);
    ["a", "b"]
        .iter()
        .map(|name| {
            let own = object(name, PLUGIN, true, &[&format!("-DNAME={name}_register")]);
            let library = dir.join(format!("lib{name}.a"));
            run(Command::new("ar")
                .arg("rcs")
                .arg(&library)
                .args([&own, &helper, &member]));
            library
        })
        .collect()
}

/// A written object, to be spoiled.
struct Elf<'a>(&'a mut Vec<u8>);

impl Elf<'_> {
    fn word(&self, at: usize, bytes: usize) -> u64 {
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(&self.0[at..at + bytes]);
        u64::from_le_bytes(wide)
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        self.0[at..at + value.len()].copy_from_slice(value);
    }

    /// (name, type, header's place) of each section.
    fn sections(&self) -> Vec<(String, u64, usize)> {
        let (table, count) = (self.word(0x28, 8) as usize, self.word(0x3c, 2) as usize);
        let names = table + 64 * self.word(0x3e, 2) as usize;
        let names = self.word(names + 24, 8) as usize;
        (0..count)
            .map(|i| {
                let header = table + 64 * i;
                (
                    self.string(names + self.word(header, 4) as usize),
                    self.word(header + 4, 4),
                    header,
                )
            })
            .collect()
    }

    fn string(&self, at: usize) -> String {
        let end = self.0[at..].iter().position(|b| *b == 0).unwrap();
        String::from_utf8(self.0[at..at + end].to_vec()).unwrap()
    }

    fn contents(&self, header: usize) -> (usize, usize) {
        (
            self.word(header + 24, 8) as usize,
            self.word(header + 32, 8) as usize,
        )
    }

    /// Places of the entries of the section's relocations.
    fn relocations(&self, of: &str) -> Vec<usize> {
        let found = self.sections().into_iter().filter(|(name, ..)| {
            name.strip_prefix(".rela")
                .is_some_and(|rest| rest == of || rest.starts_with(&format!("{of}.")))
        });
        found
            .flat_map(|(_, _, header)| {
                let (at, size) = self.contents(header);
                (at..at + size).step_by(24)
            })
            .collect()
    }

    /// Places of symbols, with names.
    fn symbols(&self) -> Vec<(String, usize)> {
        let sections = self.sections();
        let (_, _, header) = sections.iter().find(|(_, kind, _)| *kind == 2).unwrap();
        let strings = sections[self.word(header + 40, 4) as usize].2;
        let strings = self.contents(strings).0;
        let (at, size) = self.contents(*header);
        (at..at + size)
            .step_by(24)
            .map(|s| (self.string(strings + self.word(s, 4) as usize), s))
            .collect()
    }

    fn symbol(&self, right: impl Fn(&str) -> bool) -> Option<usize> {
        self.symbols()
            .into_iter()
            .find(|(name, _)| right(name))
            .map(|(_, at)| at)
    }
}

/// Spoils the first object that `spoil` finds something to spoil in.
type Spoil = fn(&mut Elf<'_>) -> Option<()>;

struct Case {
    inputs: Vec<Utf8PathBuf>,
    dir: Utf8PathBuf,
}

impl Case {
    /// What verify says of the result, spoiled.
    fn verdict(&self, spoil: Option<Spoil>) -> Result<()> {
        self.judged(|set| {
            if let Some(spoil) = spoil {
                assert!(spoiled(set, spoil), "there is nothing to spoil");
            }
        })
    }

    /// What it says of a changed result.
    fn judged(&self, change: impl FnOnce(&mut OutputSet<'_>)) -> Result<()> {
        let files = input::open_all(&self.inputs)?;
        let inputs = Inputs::read(&files)?;
        let members = MemberClasses::new(&inputs);
        let exports: Vec<Vec<&[u8]>> = defined_names(&inputs)?
            .into_iter()
            .map(|names| {
                names
                    .into_iter()
                    .filter(|n| n.ends_with(b"_register"))
                    .collect()
            })
            .collect();
        let rules = NameRules::default();
        let analysis = Analysis::new(&inputs, &members, &exports, &rules, Sharing::Universe)?;
        let partition = Partition::new(&analysis, Granularity::Plugin);
        let debug = DebugLines::new(&inputs, &analysis, &partition, Some(Debug::Lines));
        let options = DebugOptions::default();
        let objects = Objects::new(
            &analysis,
            &partition,
            Symbols::Keep,
            &inputs,
            "shared",
            (&debug, options),
        );
        let mut set = plan::meld::plan(&inputs, &objects, &Silent)?;
        change(&mut set);
        let mut order: Vec<Utf8PathBuf> = Vec::new();
        for library in set.libraries.iter().chain([&set.workspace]) {
            let path = self.dir.join(format!("out-{}.a", library.name));
            let archive = ArchiveWriter::new(ArchiveKind::Gnu, &library.members)?;
            archive
                .write(&mut fs::File::create(&path).unwrap())
                .unwrap();
            order.push(path);
        }
        let files = input::open_all(&order)?;
        let written = Inputs::read(&files)?;
        let promises = Promises {
            libraries: set
                .libraries
                .iter()
                .map(|library| Promise {
                    exports: library.exports.iter().map(|e| e.as_slice()).collect(),
                    externals: Some(library.externals.iter().map(|e| e.as_slice()).collect()),
                    defined: Vec::new(),
                })
                .collect(),
            met: set.met.iter().map(|n| n.as_slice()).collect(),
            hidden: set.hidden.iter().map(|n| n.as_slice()).collect(),
        };
        let proof = Proof {
            inputs: &inputs,
            analysis: &analysis,
            partition: &partition,
            made: &set.made,
            debug: &debug,
        };
        let order: Vec<&Utf8Path> = order.iter().map(|p| p.as_path()).collect();
        verify(&written, &order, &promises, true, Some(&proof))
    }
}

fn spoiled(set: &mut OutputSet<'_>, spoil: Spoil) -> bool {
    let libraries = set.libraries.iter_mut().chain([&mut set.workspace]);
    libraries.flat_map(|l| &mut l.members).any(|member| {
        let mut bytes = member.data.to_vec();
        let done = spoil(&mut Elf(&mut bytes)).is_some();
        if done {
            member.data = bytes.into();
        }
        done
    })
}

/// Changes st_info of a symbol.
fn info(elf: &mut Elf<'_>, at: usize, change: impl Fn(u8) -> u8) -> Option<()> {
    let new = change(elf.0[at + 4]);
    elf.put(at + 4, &[new]);
    Some(())
}

const FAULTS: &[(&str, Spoil)] = &[
    ("lines of code begin 1 byte further", |elf| {
        let at = *elf.relocations(".debug_line").last()?;
        let addend = elf.word(at + 16, 8).wrapping_add(1);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("a row of the line table says another line", |elf| {
        let sections = elf.sections();
        let lines = sections.iter().find(|(name, ..)| name == ".debug_line")?;
        let (start, size) = elf.contents(lines.2);
        // Before the end of the sequence, a special opcode or an operand.
        let at = start + size - 12;
        let byte = elf.0[at];
        elf.put(at, &[byte ^ 3]);
        Some(())
    }),
    ("a function is said to begin in the one before", |elf| {
        let all = elf.relocations(".debug_addr").into_iter();
        let later: Vec<usize> = all.filter(|&at| elf.word(at + 16, 8) >= 20).collect();
        for &at in &later {
            let addend = elf.word(at + 16, 8) - 20;
            elf.put(at + 16, &addend.to_le_bytes());
        }
        (!later.is_empty()).then_some(())
    }),
    ("a reference of code becomes null", |elf| {
        let at = *elf.relocations(".text").first()?;
        elf.put(at + 12, &[0; 4]);
        Some(())
    }),
    ("a pointer in a table leads 8 bytes further", |elf| {
        let at = *elf.relocations(".data.rel.ro").first()?;
        let addend = elf.word(at + 16, 8).wrapping_add(8);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("two pointers of a table change places", |elf| {
        let all = elf.relocations(".data.rel.ro");
        let (a, b) = (*all.first()?, *all.get(1)?);
        let (x, y) = (elf.0[a + 8..a + 24].to_vec(), elf.0[b + 8..b + 24].to_vec());
        elf.put(a + 8, &y);
        elf.put(b + 8, &x);
        Some(())
    }),
    ("a reference names another symbol", |elf| {
        let all = elf.relocations(".text");
        let symbol = |at: usize| elf.word(at + 12, 4);
        let a = *all.first()?;
        let b = *all
            .iter()
            .find(|&&b| symbol(b) != symbol(a) && symbol(b) != 0)?;
        let other = elf.0[b + 12..b + 16].to_vec();
        elf.put(a + 12, &other);
        Some(())
    }),
    ("a common symbol is smaller", |elf| {
        let at = elf.symbol(|n| n == "level")?;
        (elf.word(at + 6, 2) == 0xfff2).then_some(())?;
        elf.put(at + 16, &4u64.to_le_bytes());
        Some(())
    }),
    ("a common symbol is less aligned", |elf| {
        let at = elf.symbol(|n| n == "level")?;
        (elf.word(at + 6, 2) == 0xfff2).then_some(())?;
        elf.put(at + 8, &1u64.to_le_bytes());
        Some(())
    }),
    ("a weak definition becomes strong", |elf| {
        let at = elf.symbol(|n| n == "hook")?;
        (elf.word(at + 6, 2) != 0).then_some(())?;
        info(elf, at, |i| 0x10 | i & 15)
    }),
    (
        "a function chosen at load time becomes its resolver",
        |elf| {
            let all = elf.symbols();
            let (_, at) = all.into_iter().find(|(_, at)| elf.0[at + 4] == 0x1a)?;
            info(elf, at, |i| i & 0xf0 | 2)
        },
    ),
    ("a thread-local symbol becomes a plain one", |elf| {
        let all = elf.symbols();
        let (_, at) = all.into_iter().find(|(_, at)| elf.0[at + 4] & 15 == 6)?;
        info(elf, at, |i| i & 0xf0 | 1)
    }),
    ("a constructor goes missing", |elf| {
        let at = *elf.relocations(".init_array").first()?;
        elf.put(at + 8, &[0; 4]);
        Some(())
    }),
    ("constructors change places", |elf| {
        let all = elf.relocations(".init_array");
        let (a, b) = (*all.first()?, *all.get(1)?);
        let (x, y) = (elf.0[a + 8..a + 24].to_vec(), elf.0[b + 8..b + 24].to_vec());
        elf.put(a + 8, &y);
        elf.put(b + 8, &x);
        Some(())
    }),
    ("an instruction changes", |elf| {
        let (_, _, header) = elf.sections().into_iter().find(|(n, ..)| n == ".text")?;
        let (at, size) = elf.contents(header);
        (size > 0).then_some(())?;
        elf.0[at] ^= 0x40;
        Some(())
    }),
    ("a group becomes an ordinary one", |elf| {
        let (_, _, header) = elf
            .sections()
            .into_iter()
            .find(|(_, kind, _)| *kind == 17)?;
        let at = elf.contents(header).0;
        elf.put(at, &[0; 4]);
        Some(())
    }),
    ("a function's exception table is another's", |elf| {
        // The language-specific data is the only pointer of a record that is no code and not first.
        let all = elf.relocations(".eh_frame");
        let at = *all.last()?;
        let addend = elf.word(at + 16, 8).wrapping_add(4);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("an unwind entry speaks of another function", |elf| {
        let at = *elf.relocations(".eh_frame").get(1)?;
        let addend = elf.word(at + 16, 8).wrapping_add(1);
        elf.put(at + 16, &addend.to_le_bytes());
        Some(())
    }),
    ("an internal symbol is seen from outside", |elf| {
        let defined = |at: usize| elf.word(at + 6, 2) != 0 && elf.0[at + 4] >> 4 == 1;
        let all = elf.symbols();
        let (_, at) = all
            .into_iter()
            .find(|(n, at)| n.contains('.') && defined(*at))?;
        elf.0[at + 5] = 0;
        Some(())
    }),
    ("a variable that all share has another name", |elf| {
        let at = elf.symbol(|n| n == "counter")?;
        let name = elf
            .symbol(|n| n == "hook")
            .or_else(|| elf.symbol(|n| n.contains("helper")))?;
        let other = elf.0[name..name + 4].to_vec();
        elf.put(at, &other);
        Some(())
    }),
];

/// The entry that pulls what lives by a rule alone becomes weak, which pulls nothing.
fn not_pulled(elf: &mut Elf<'_>) -> Option<()> {
    elf.symbol(|n| n.ends_with("_register"))?;
    let (_, at) = elf
        .symbols()
        .into_iter()
        .skip(1)
        .find(|(name, at)| elf.word(at + 6, 2) == 0 && name.contains('.'))?;
    info(elf, at, |i| 0x20 | i & 15)
}

#[test]
fn a_constructor_that_nobody_pulls_is_found() {
    const LATE: &str = "int ran; __attribute__((constructor)) static void late(void) { ran = 1; }\n\
                        int dead(void) { return ran; }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let object = |name: &str, source: &str| {
        let (path, out) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.o")));
        fs::write(&path, source).unwrap();
        let mut cc = Command::new("cc");
        run(cc
            .args(["-c", "-O1", "-fPIC", "-ffunction-sections"])
            .arg(&path)
            .arg("-o")
            .arg(&out));
        out
    };
    let late = object("late", LATE);
    let inputs = ["a", "b"].map(|name| {
        let number = name.len() + usize::from(name == "b");
        let source = format!(
            "int dead(void); int unused(void) {{ return dead(); }} int {name}_register(void) {{ return {number}; }}"
        );
        let own = object(name, &source);
        let library = dir.join(format!("lib{name}.a"));
        run(Command::new("ar").arg("rcs").arg(&library).args([&own, &late]));
        library
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.verdict(None).unwrap();
    let said = case.verdict(Some(not_pulled)).unwrap_err();
    assert_eq!(said.code(), Code::VerifyFailed);
    let what = "does not bring along a constructor";
    assert!(said.to_string().contains(what), "{said}");
}

/// A reference to something outside becomes one to what stands beside a weak definition, with its constructor.
fn brings_too_much(elf: &mut Elf<'_>) -> Option<()> {
    elf.symbol(|n| n == "a_register")?;
    let at = elf.0.windows(16).position(|w| w == b"outside_number_\0")?;
    elf.put(at, b"beside_register\0");
    Some(())
}

#[test]
fn a_constructor_that_an_export_brings_too_many_is_found() {
    const BESIDE: &str = "int ran; __attribute__((constructor)) static void late(void) { ran += 1; }\n\
                          __attribute__((weak)) int hook(void) { return 1; }\n\
                          int beside_register(void) { return ran; }";
    const OWN: &str = "int hook(void), helper(void); extern int outside_number_;\n\
                       int a_register(void) { return hook() + helper() + outside_number_; }";
    const THIRD: &str = "int helper(void); int c_register(void) { return helper(); }";
    const HELPER: &str = "static int calls; int helper(void) { return ++calls; }";
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let object = |name: &str, source: &str| {
        let (path, out) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.o")));
        fs::write(&path, source).unwrap();
        let mut cc = Command::new("cc");
        run(cc
            .args(["-c", "-O1", "-fPIC"])
            .arg(&path)
            .arg("-o")
            .arg(&out));
        out
    };
    let helper = object("helper", HELPER);
    let members = [
        ("a", [("own", OWN), ("beside", BESIDE)].as_slice()),
        ("c", [("third", THIRD)].as_slice()),
    ];
    let inputs = members.map(|(library, sources)| {
        let own = sources.iter().map(|(name, source)| object(name, source));
        let library = dir.join(format!("lib{library}.a"));
        run(Command::new("ar")
            .arg("rcs")
            .arg(&library)
            .args(own)
            .arg(&helper));
        library
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.verdict(None).unwrap();
    let said = case.verdict(Some(brings_too_much)).unwrap_err().to_string();
    let what = "an export brings along a constructor that it does not pull as built";
    assert!(said.contains(what), "{said}");
}

/// A COFF object whose function goes where a pointer says.
fn caller(function: &str, pointer: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    let code = b"\xFF\x25\0\0\0\0";
    w.reserve_file_header();
    w.reserve_section_headers(1);
    let data = w.reserve_section(code.len());
    let relocations = w.reserve_relocations(1);
    let (section, function) = (w.add_name(b".text"), w.add_name(function.as_bytes()));
    let pointer = w.add_name(pointer.as_bytes());
    w.reserve_symbol_index();
    w.reserve_symbol_index();
    w.reserve_symtab_strtab().unwrap();
    w.write_file_header(FileHeader {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::FileFlags(0),
    })
    .unwrap();
    w.write_section_header(SectionHeader {
        name: section,
        size_of_raw_data: code.len() as u32,
        pointer_to_raw_data: data,
        pointer_to_relocations: relocations,
        pointer_to_linenumbers: 0,
        number_of_relocations: 1,
        number_of_linenumbers: 0,
        characteristics: pe::SectionFlags(0x6050_0020),
    });
    w.write_section(code);
    w.write_relocation(Relocation {
        virtual_address: 2,
        symbol: 1,
        typ: pe::IMAGE_REL_AMD64_REL32,
    });
    for (name, number) in [(function, 1), (pointer, 0)] {
        w.write_symbol(Symbol {
            name,
            section_number: pe::SymbolSection(number),
            storage_class: pe::IMAGE_SYM_CLASS_EXTERNAL,
            ..Symbol::default()
        });
    }
    w.write_strtab();
    bytes
}

/// A short import object (PE/COFF, "Import Library Format"), by name.
fn stub(symbol: &str, dll: &str) -> Vec<u8> {
    let names = format!("{symbol}\0{dll}\0");
    let mut bytes = vec![0, 0, 0xFF, 0xFF, 0, 0, 0x64, 0x86, 0, 0, 0, 0];
    bytes.extend((names.len() as u32).to_le_bytes());
    bytes.extend([0, 0, 4, 0]);
    bytes.extend(names.as_bytes());
    bytes
}

#[test]
fn an_import_of_another_dll_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let member = |name: &'static str, data: Vec<u8>| OutputMember {
        name: name.as_bytes().into(),
        data: data.into(),
        symbols: Vec::new(),
    };
    let inputs = ["a", "b"].map(|name| {
        let own = caller(&format!("{name}_register"), "both");
        let members = [
            member("own.obj", own),
            member("both.obj", caller("both", "__imp_step")),
            member("import.dll", stub("step", &format!("{name}.dll"))),
        ];
        let path = dir.join(format!("{name}.lib"));
        let archive = ArchiveWriter::new(ArchiveKind::Gnu, &members).unwrap();
        archive
            .write(&mut fs::File::create(&path).unwrap())
            .unwrap();
        path
    });
    let case = Case {
        inputs: inputs.to_vec(),
        dir: dir.clone(),
    };
    case.judged(|_| ()).unwrap();
    let wrong = case.judged(|set| {
        let [a, b] = &mut set.libraries[..] else {
            panic!("two libraries")
        };
        let import = |l: &OutputLibrary<'_>| {
            let mut members = l.members.iter();
            members.position(|m| *m.name == *b"import.dll").unwrap()
        };
        let (of_a, of_b) = (import(a), import(b));
        b.members[of_b] = a.members[of_a].clone();
    });
    assert_eq!(wrong.unwrap_err().code(), Code::VerifyFailed);
    let missing = case.judged(|set| {
        set.libraries[0]
            .members
            .retain(|m| *m.name != *b"import.dll");
    });
    assert_eq!(missing.unwrap_err().code(), Code::VerifyFailed);
}

#[test]
fn wrong_results_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    fs::create_dir_all(&dir).unwrap();
    let case = Case {
        inputs: libraries(&dir),
        dir,
    };
    case.verdict(None).unwrap();
    let mut missed = Vec::new();
    for (what, spoil) in FAULTS {
        match case.verdict(Some(*spoil)) {
            Ok(()) => missed.push(*what),
            Err(e) => assert!(
                matches!(e.code(), Code::VerifyFailed | Code::ObjectMalformed),
                "{what}: {e}"
            ),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
