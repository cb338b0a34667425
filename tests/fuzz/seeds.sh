#!/usr/bin/env bash
# Makes the seeds in corpus/ anew: small objects and libraries of every format.
# Needs clang-19 and llvm-19.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$PWD/corpus
rm -rf "$out"
mkdir -p "$out"/{archive,object,pipeline,dedup}
cd "$work"

cat > cxx.cpp <<'SOURCE'
extern "C" int printf(const char *, ...);
struct Noisy { ~Noisy(); int x; };
inline int shared(int x) { static int calls = 3; return x + ++calls; }
extern "C" int helper(int);
extern "C" int gst_plugin_a_register(int x) {
    Noisy n{x};
    try { return helper(x) + shared(x); } catch (int y) { printf("%d\n", y); return n.x; }
}
extern "C" int helper(int x) { if (x > 7) throw x; return x * 2; }
Noisy::~Noisy() { printf("gone %d\n", x); }
SOURCE
cat > c.c <<'SOURCE'
extern int ext[];
static int loc[4] = {1, 2, 3, 4};
int common[7];
int *p = &loc[2], *q = ext + 3;
__attribute__((weak)) int maybe(void) { return 1; }
int gst_plugin_a_register(int x) {
    switch (x) {
        case 0: return loc[x];
        case 1: return common[x];
        case 2: return *p;
        case 3: return maybe();
        case 4: return *q;
        default: return ext[x];
    }
}
SOURCE
cat > inlined.c <<'SOURCE'
static inline int twice(int a) { return a * 2 + 1; }
static inline int four(int a) { return twice(a) ^ twice(a + 3); }
int f(int a) { if (a > 3) a = four(a); return a + twice(a); }
int g(int a) { return four(f(a)); }
SOURCE
cat > tls.c <<'SOURCE'
_Thread_local int own = 4;
__attribute__((constructor)) static void begin(void) { own = 5; }
int gst_plugin_a_register(void) { return own; }
SOURCE

make() { # NAME TARGET SOURCE FLAG...
    local name=$1 target=$2 source=$3
    shift 3
    clang-19 --target="$target" -c -Os -w -fno-ident -fdebug-compilation-dir=. "$@" "$source" -o "$name.o"
    cp "$name.o" "$out/object/$name.o"
}

elf=(x86_64-linux-gnu aarch64-linux-gnu i686-linux-gnu armv7-linux-gnueabihf riscv64-linux-gnu)
for target in "${elf[@]}"; do make "elf-${target%%-*}" "$target" cxx.cpp -fPIC -ffunction-sections; done
make elf-groups x86_64-linux-gnu c.c -fPIC -fcommon -ffunction-sections -fdata-sections
make elf-tls x86_64-linux-gnu tls.c -fPIC
make elf-debug x86_64-linux-gnu tls.c -g -gz
cat > lines.c <<'SOURCE'
static inline int twice(int n) { return 2 * n; }
int gst_plugin_a_register(volatile int *n) { return twice(*n) + *n; }
SOURCE
make elf-lines x86_64-linux-gnu lines.c -gdwarf-4 -ffunction-sections
make elf-lines-5 x86_64-linux-gnu lines.c -gdwarf-5 -ffunction-sections
make elf-lines-riscv64 riscv64-linux-gnu lines.c -gdwarf-5 -ffunction-sections
for target in x86_64-pc-windows-msvc i686-pc-windows-msvc x86_64-pc-windows-gnu; do
    make "coff-$target" "$target" c.c -fcommon -ffunction-sections -mno-incremental-linker-compatible
done
make coff-dwarf x86_64-pc-windows-gnu inlined.c -O2 -g1 -ffunction-sections
make coff-codeview x86_64-pc-windows-msvc inlined.c -O2 -g1 -gcodeview -gno-codeview-command-line -ffunction-sections \
    -Xclang -object-file-name=inlined.obj
make coff-unwind x86_64-pc-windows-gnu cxx.cpp -fexceptions
make macho-arm64 arm64-apple-macos11 cxx.cpp
make macho-x86_64 x86_64-apple-macos11 cxx.cpp
make macho-i386 i386-apple-macos10.6 c.c -fPIC
make macho-tls arm64-apple-macos11 tls.c
make macho-bitcode arm64-apple-macos11 tls.c -fembed-bitcode=all
printf 'BC\xc0\xde' > "$out/object/bitcode"

printf 'LIBRARY other.dll\nEXPORTS\none\ntwo @2\n' > other.def
llvm-dlltool-19 -m i386:x86-64 -d other.def -l imports.lib
ar() { llvm-ar-19 "$@"; }
ar --format=gnu rcsD gnu.a elf-x86_64.o elf-groups.o
ar --format=gnu rcsD groups.a elf-groups.o
ar --format=gnu rcsD tls.a elf-tls.o
ar --format=gnu rcsD lines.a elf-lines.o elf-lines-5.o
ar --format=bsd rcsD bsd.a elf-aarch64.o
ar --format=darwin rcsD darwin.a macho-arm64.o
ar --format=darwin rcsD darwin-x86_64.a macho-x86_64.o
ar --format=darwin rcsD darwin-bitcode.a macho-bitcode.o
ar --format=coff rcsD coff.lib coff-x86_64-pc-windows-msvc.o
ar --format=gnu rcsDT thin.a elf-tls.o
llvm-lipo-19 -create -output fat.a darwin.a darwin-x86_64.a
llvm-lipo-19 -create -fat64 -output fat64.a darwin-bitcode.a darwin-x86_64.a
cp gnu.a bsd.a darwin.a coff.lib imports.lib thin.a fat.a fat64.a "$out/archive"
ar --format=gnu rcsD unwind.a coff-unwind.o
cp gnu.a groups.a tls.a lines.a bsd.a coff.lib unwind.a darwin.a darwin-x86_64.a "$out/pipeline"
cp groups.a darwin-bitcode.a coff.lib imports.lib fat.a fat64.a "$out/dedup"
du -sb "$out"
