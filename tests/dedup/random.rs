//! Small libraries made at random, linked as they are and dedup'd: what linked before links after, and
//! the program does the same. Without a C runtime, so that hundreds take seconds.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{dedup, ok, written};

const LINKERS: &[&str] = &["ld.bfd", "ld.gold", "ld.lld-19", "ld.mold"];

/// Functions that several members may define: programs can ask for the first two. The others are never
/// weak, and defined by plugins only: Rust's names mean one thing each.
const CONTESTED: &[&str] = &[
    "alpha",
    "beta",
    "_RNvCs1_5piece1x",
    "_ZN5piece1y17h0123456789abcdefE",
];
/// What the first own member of each library defines, as with allocators.
const HOOK: &str = "_RNvCs1_5piece4hook";
const DATA: &[&str] = &["datum", "other_datum"];
const TLS: &[&str] = &["own_tls", "other_tls"];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn percent(&mut self, p: usize) -> bool {
        self.below(100) < p
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn shuffle(&mut self, list: &mut [usize]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// The function that no other member defines.
fn own(id: usize) -> String {
    if id % 5 == 4 {
        format!("public{id}")
    } else {
        format!("_RNvCs1_5piece2m{id}")
    }
}

/// Assembly that tells the program it was there.
fn note(text: &mut String, byte: usize) {
    writeln!(text, "    movl ${byte}, %edi\n    call note").unwrap();
}

/// A member: functions that say who they are, then call what they need, once. It may need what the
/// first `shared` members define.
fn member(random: &mut Random, id: usize, shared: usize, hook: bool) -> String {
    let mut text = String::new();
    let mut defined = vec![own(id)];
    if hook {
        defined.push(HOOK.to_owned());
        let rust = CONTESTED[2..].iter().filter(|_| random.percent(60));
        defined.extend(rust.map(|name| (*name).to_owned()));
    }
    let contested = random.pick(CONTESTED).to_owned();
    if random.percent(15) && !defined.contains(&contested) {
        defined.push(contested);
    }
    let mut uses = String::new();
    for _ in 0..1 + random.below(3) {
        let name = match random.below(10) {
            0..6 => own(random.below(shared)),
            6..8 => HOOK.to_owned(),
            _ => random.pick(CONTESTED).to_owned(),
        };
        if defined.contains(&name) {
            continue;
        }
        if random.percent(20) {
            writeln!(
                uses,
                "    .weak {name}\n    movq {name}@GOTPCREL(%rip), %rax\n    testq %rax, %rax\n    \
                 je 1f\n    call *%rax\n1:"
            )
            .unwrap();
        } else {
            writeln!(uses, "    call {name}").unwrap();
        }
    }
    if random.percent(20) {
        let (name, offset) = (random.pick(TLS), random.below(3));
        match offset {
            // Never run: there is no thread area.
            0 => writeln!(uses, "    jmp 1f\n    movq {name}@gottpoff(%rip), %rax\n1:").unwrap(),
            1 => writeln!(
                text,
                "    .section .tdata,\"awT\",@progbits\n    .globl {name}\n    .type {name},@tls_object\n\
                 {name}: .long {id}\n    .size {name},4"
            )
            .unwrap(),
            _ => writeln!(
                text,
                "    .section .tbss,\"awT\",@nobits\n    .weak {name}\n    .type {name},@tls_object\n\
                 {name}: .zero 4\n    .size {name},4"
            )
            .unwrap(),
        }
    }
    if random.percent(15) {
        let name = random.pick(DATA);
        match random.below(4) {
            0 => writeln!(text, "    .comm {name},{},{}", 4 << random.below(3), 4).unwrap(),
            kind @ (1 | 2) => {
                let binding = if kind == 1 { "globl" } else { "weak" };
                writeln!(
                    text,
                    "    .data\n    .{binding} {name}\n    .type {name},@object\n{name}: .long {}\n    \
                     .zero 12\n    .size {name},16",
                    100 + id
                )
                .unwrap();
            }
            _ => {}
        }
        writeln!(
            uses,
            "    movq {name}@GOTPCREL(%rip), %rax\n    movl (%rax), %edi\n    call note"
        )
        .unwrap();
    }
    text.push_str("    .text\n");
    for (number, name) in defined.iter().enumerate() {
        let binding = match random.below(10) {
            7 => "hidden",
            8.. if !name.starts_with("_") || *name == own(id) => "weak",
            _ => "globl",
        };
        if binding == "hidden" {
            writeln!(text, "    .globl {name}").unwrap();
        }
        writeln!(
            text,
            "    .{binding} {name}\n    .type {name},@function\n{name}:"
        )
        .unwrap();
        note(&mut text, 8 * id + number);
        writeln!(text, "    jmp .Lbody").unwrap();
    }
    writeln!(
        text,
        ".Lbody:\n    cmpb $0, .Lseen(%rip)\n    jne 9f\n    movb $1, .Lseen(%rip)\n    \
         pushq %rbx\n{uses}    popq %rbx\n9:  ret\n    .local .Lseen\n    .comm .Lseen,1,1"
    )
    .unwrap();
    if random.percent(12) {
        writeln!(
            text,
            ".Lconstructor:\n    movl ${},%edi\n    jmp note\n    \
             .section .init_array,\"aw\",@init_array\n    .quad .Lconstructor",
            8 * id + 7
        )
        .unwrap();
    }
    if random.percent(8) {
        writeln!(
            text,
            "    .section table,\"aw\",@progbits\n    .byte {}",
            8 * id + 6
        )
        .unwrap();
    }
    text.push_str("    .section .note.GNU-stack,\"\",@progbits\n");
    text
}

/// A program that runs constructors, calls some functions, reads the table, and writes all notes.
fn program(random: &mut Random, entries: &[usize]) -> String {
    let mut text = String::from("    .text\n    .globl _start\n_start:\n    andq $-16, %rsp\n");
    text.push_str(
        "    leaq __init_array_start(%rip), %rbx\n    leaq __init_array_end(%rip), %rbp\n\
         2:  cmpq %rbp, %rbx\n    jae 3f\n    call *(%rbx)\n    addq $8, %rbx\n    jmp 2b\n3:\n",
    );
    let mut defined = None;
    if random.percent(20) {
        defined = Some(random.pick(&CONTESTED[..2]));
    }
    for _ in 0..1 + random.below(3) {
        // An entry point of a plugin, or what programs can ask for.
        let name = match random.below(10) {
            0..8 => own(entries[random.below(entries.len())]),
            8 => random.pick(&CONTESTED[..2]).to_owned(),
            _ => own(4),
        };
        writeln!(text, "    call {name}").unwrap();
    }
    text.push_str(
        "    movq __start_table@GOTPCREL(%rip), %rbx\n    movq __stop_table@GOTPCREL(%rip), %rbp\n\
         2:  cmpq %rbp, %rbx\n    jae 3f\n    movzbl (%rbx), %edi\n    call note\n    incq %rbx\n    \
         jmp 2b\n3:  movl $1, %eax\n    movl $1, %edi\n    leaq notes(%rip), %rsi\n    \
         movq used(%rip), %rdx\n    syscall\n    movl $60, %eax\n    xorl %edi, %edi\n    syscall\n    \
         .globl note\nnote:\n    movq used(%rip), %rax\n    cmpq $4095, %rax\n    ja 1f\n    \
         leaq notes(%rip), %rdx\n    movb %dil, (%rdx,%rax)\n    incq used(%rip)\n1:  ret\n",
    );
    if let Some(name) = defined {
        let binding = if random.percent(50) { "globl" } else { "weak" };
        writeln!(
            text,
            "    .{binding} {name}\n{name}:\n    movl $255, %edi\n    jmp note"
        )
        .unwrap();
    }
    text.push_str(
        "    .section table,\"aw\",@progbits\n    .byte 254\n    .local notes\n    \
         .comm notes,4096,16\n    .local used\n    .comm used,8,8\n    \
         .section .note.GNU-stack,\"\",@progbits\n",
    );
    text
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn assemble(&self, name: &str, text: &str) -> PathBuf {
        let (source, object) = (
            self.0.path().join(format!("{name}.s")),
            self.0.path().join(format!("{name}.o")),
        );
        fs::write(&source, text).unwrap();
        ok(Command::new("as").arg("-o").arg(&object).arg(&source));
        object
    }

    /// What the program writes; `None` where it does not link.
    fn run(
        &self,
        linker: &str,
        main: &Path,
        libraries: &[&PathBuf],
    ) -> Option<(Option<i32>, Vec<u8>)> {
        let program = self.0.path().join("program");
        let _ = fs::remove_file(&program);
        let linked = Command::new(linker)
            .args(["-z", "noexecstack", "-o"])
            .arg(&program)
            .arg(main)
            .args(libraries)
            .output()
            .unwrap();
        if !linked.status.success() {
            return None;
        }
        let output = Command::new(&program).output().unwrap();
        Some((output.status.code(), output.stdout))
    }
}

/// What stands for the system's libraries: it comes last, and defines what no plugin may.
fn system(folder: &Folder) -> PathBuf {
    let path = folder.0.path().join("libsystem.a");
    let mut objects = Vec::new();
    let kinds = [
        (&CONTESTED[..2], ".text", "function"),
        (DATA, ".data", "object"),
    ];
    for (names, section, kind) in kinds {
        for name in names {
            let contents = match kind {
                "function" => "    movl $253, %edi\n    jmp note",
                _ => "    .long 252",
            };
            let text = format!(
                "    {section}\n    .globl {name}\n    .type {name},@{kind}\n{name}:\n{contents}\n"
            );
            objects.push(folder.assemble(&format!("system-{name}"), &text));
        }
    }
    for name in TLS {
        let text = format!(
            "    .section .tdata,\"awT\",@progbits\n    .globl {name}\n    .type {name},@tls_object\n\
             {name}: .long 1\n"
        );
        objects.push(folder.assemble(&format!("system-{name}"), &text));
    }
    ok(Command::new("ar").arg("rcsD").arg(&path).args(objects));
    path
}

/// One set of libraries; gives how many links were compared, and how many of its members are shared.
fn case(seed: u64, system: &PathBuf) -> (usize, usize) {
    let random = &mut Random(seed);
    let folder = Folder(tempfile::tempdir().unwrap());
    let shared = 3 + random.below(4);
    let mut objects: Vec<PathBuf> = Vec::new();
    let mut add = |random: &mut Random, hook: bool| {
        let id = objects.len();
        objects.push(folder.assemble(&format!("m{id}"), &member(random, id, shared, hook)));
        id
    };
    for _ in 0..shared {
        add(random, false);
    }
    let mut libraries: Vec<Vec<usize>> = Vec::new();
    let mut entries: Vec<Vec<usize>> = Vec::new();
    for _ in 0..2 + random.below(3) {
        let mut members: Vec<usize> = (0..shared).filter(|_| random.percent(95)).collect();
        let own: Vec<usize> = (0..1 + random.below(2))
            .map(|n| add(random, n == 0))
            .collect();
        members.extend(&own);
        entries.push(own);
        // In an order of its own, as what the index finds first is pulled.
        random.shuffle(&mut members);
        libraries.push(members);
    }
    let before: Vec<PathBuf> = libraries
        .iter()
        .enumerate()
        .map(|(number, members)| {
            let path = folder.0.path().join(format!("libgst{number}.a"));
            let objects = members.iter().map(|m| &objects[*m]);
            ok(Command::new("ar").arg("rcsD").arg(&path).args(objects));
            path
        })
        .collect();
    let response = dedup(&before, &folder.0.path().join("out"));
    let after = written(&response);
    let (workspace, plugins) = after.split_last().unwrap();
    let moved = response["workspace_library"]["members"].as_u64().unwrap();
    let mut compared = 0;
    for number in 0..3 {
        let mut order: Vec<usize> = (0..before.len()).collect();
        random.shuffle(&mut order);
        order.truncate((1 + random.below(order.len())).max(order.len() / 2));
        let asked: Vec<usize> = order.iter().flat_map(|i| entries[*i].clone()).collect();
        let main = folder.assemble("main", &program(random, &asked));
        let old: Vec<&PathBuf> = order.iter().map(|i| &before[*i]).chain([system]).collect();
        let new: Vec<&PathBuf> = order
            .iter()
            .map(|i| &plugins[*i])
            .chain([workspace, system])
            .collect();
        for linker in LINKERS {
            let Some(expected) = folder.run(linker, &main, &old) else {
                continue;
            };
            let got = folder.run(linker, &main, &new);
            if got.as_ref() != Some(&expected) {
                panic!(
                    "seed {seed}, program {number}, {linker}, libraries {order:?}, members {libraries:?}: \
                     {got:?}, not {expected:?}"
                );
            }
            compared += 1;
        }
    }
    (compared, moved as usize)
}

#[test]
fn programs_do_the_same() {
    let seeds = std::env::var("DRAGONFIRE_SEEDS")
        .ok()
        .and_then(|s| s.parse().ok());
    let seeds = seeds.unwrap_or(30);
    let folder = Folder(tempfile::tempdir().unwrap());
    let system = system(&folder);
    let next = AtomicUsize::new(0);
    let (compared, moved) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let (links, members) = case(seed as u64, &system);
                    compared.fetch_add(links, Ordering::Relaxed);
                    moved.fetch_add(members, Ordering::Relaxed);
                }
            });
        }
    });
    let (compared, moved) = (compared.into_inner(), moved.into_inner());
    println!("{seeds} sets, {compared} links compared, {moved} members moved");
    // Else it shows nothing.
    assert!(
        compared >= seeds && moved >= seeds / 2,
        "{compared} {moved}"
    );
}
