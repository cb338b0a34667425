#!/usr/bin/env python3
"""Writes the tables of this folder from the libraries that really provide the symbols.

Needs Debian packages (libc6 and its cross variants, gcc and cross gccs, musl-dev, mingw-w64, wine,
llvm, the GStreamer development packages) and, for Apple, a text stub of libSystem:

    generate.py path/to/libSystem.tbd [llvm-nm] [llvm-readobj]

A table is lines of `[provider]` followed by symbol names; `name@2.34` says which version of the
provider has it first, where that matters.
"""

import collections
import glob
import os
import re
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
TBD = sys.argv[1]
NM = sys.argv[2] if len(sys.argv) > 2 else "llvm-nm"
READOBJ = sys.argv[3] if len(sys.argv) > 3 else "llvm-readobj"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def write(name, what, sections):
    with open(os.path.join(HERE, name), "w") as out:
        out.write(f"# {what} Written by generate.py.\n")
        for provider, symbols in sections:
            out.write(f"[{provider}]\n")
            words = " ".join(sorted(symbols))
            if words:
                out.write(
                    textwrap.fill(words, 100, break_long_words=False, break_on_hyphens=False) + "\n"
                )


def dynamic(path):
    """Symbol -> default version, of a shared library."""
    found = {}
    for line in run("nm", "-D", "--defined-only", path).splitlines():
        parts = line.split()
        name = parts[-1]
        if "GLIBC_PRIVATE" in name or len(parts) < 3 or parts[-2] == "A":
            continue
        # One @: only for old programs.
        base, sep, version = name.partition("@@")
        if not sep and "@" in name:
            continue
        found[base] = version
    return found


def static(path):
    found = set()
    for line in run(NM, "-g", "--defined-only", path).splitlines():
        parts = line.split()
        if len(parts) == 3:
            found.add(parts[2])
    return found


def plain(names):
    return {n for n in names if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", n)}


def glibc():
    roots = ["/lib/x86_64-linux-gnu"] + sorted(glob.glob("/usr/*-linux-gnu*/lib"))
    sections = []
    seen = set()
    for provider, pattern in [
        ("libc", "libc.so.6"),
        ("libm", "libm.so.6"),
        ("ld.so", "ld-linux*.so.*"),
        ("libresolv", "libresolv.so.2"),
        ("libanl", "libanl.so.1"),
    ]:
        names = {}
        for root in roots:
            for path in glob.glob(os.path.join(root, pattern)):
                for name, version in dynamic(path).items():
                    names.setdefault(name, []).append(version)
        out = set()
        for name, versions in names.items():
            if name in seen or not plain([name]):
                continue
            seen.add(name)
            # The oldest of the machines counts; what every distribution has is not worth saying.
            numbers = [tuple(map(int, v[6:].split("."))) for v in versions if v[6:].replace(".", "").isdigit()]
            oldest = min(numbers, default=(2, 0))
            # riscv64 came with 2.27 and arm64 with 2.17: their symbols say nothing before that.
            out.add(f"{name}@{oldest[0]}.{oldest[1]}" if oldest >= (2, 28) else name)
        sections.append((provider, out))
    write("glibc.txt", "What the GNU C library's shared libraries export.", sections)


def musl():
    write(
        "musl.txt",
        "What musl's libc.a defines.",
        [("libc", plain(static("/usr/lib/x86_64-linux-musl/libc.a")))],
    )


def runtime(names):
    """Without decimal floating point and what is the compiler's own business."""
    noise = r"dpd|bid|__x86\.|__wrap_|isinfd|__d(32|64|128)|_(sd|dd|td)[234]?$|(sd|dd|td)[234]$|to(sd|dd|td)"
    return {n for n in names if not re.search(noise, n) and not n.startswith("__dec")}


def gcc():
    sections = []
    for provider, file in [("libgcc_eh", "libgcc_eh.a"), ("libgcc", "libgcc.a")]:
        names = set()
        for path in glob.glob(f"/usr/lib/gcc*/*-linux-gnu*/*/{file}"):
            names |= plain(static(path))
        names = {n for n in runtime(names) if not n.startswith("DW.ref.")}
        sections.append((provider, names))
    # ARM's unwinder and its helpers are in libgcc.a there.
    unwinder = {n for n in sections[1][1] if n.startswith(("_Unwind_", "__gnu_Unwind", "__gnu_unwind"))}
    eh = sections[0][1] | unwinder | {n for n in sections[1][1] if "aeabi_unwind" in n}
    lib = sections[1][1] - eh
    atomic = set(dynamic("/usr/lib/x86_64-linux-gnu/libatomic.so.1")) - {"LIBATOMIC"}
    write(
        "gcc.txt",
        "What gcc's runtime libraries define.",
        [("libgcc_eh", eh), ("libgcc", lib), ("libatomic", {n for n in plain(atomic) if n.startswith("__atomic")})],
    )


DLLS = """kernel32 ntdll ws2_32 advapi32 userenv bcrypt synchronization user32 gdi32 shell32 ole32
oleaut32 secur32 crypt32 ncrypt iphlpapi dbghelp psapi winmm avrt ksuser dsound mmdevapi shlwapi version
setupapi cfgmgr32 powrprof pdh rpcrt4 mswsock dnsapi winhttp netapi32 dwmapi shcore propsys opengl32 d3d9
d3d11 d3d12 dxgi dxva2 d2d1 dwrite mf mfplat mfreadwrite windowscodecs wtsapi32 runtimeobject
pathcch""".split()

# What the C library is for, though a system DLL has it too (ntdll's memcpy is nobody's business).
C_LIBRARY = set()


def mingw_imports(library):
    path = f"/usr/x86_64-w64-mingw32/lib/lib{library.removesuffix('.drv')}.a"
    dlls = run("x86_64-w64-mingw32-dlltool", "-I", path).split()
    names = {n[6:] for n in static(path) if n.startswith("__imp_")}
    return dlls, plain(names)


def windows_dlls():
    sections = []
    seen = set()
    for library in DLLS:
        dlls, names = mingw_imports(library)
        if not names:
            sys.exit(f"no import library of {library}")
        names -= seen | C_LIBRARY
        seen |= names
        # The Zw names of Nt functions are for drivers.
        names = {n for n in names if not re.match(r"Zw[A-Z]|pSetup|_", n)}
        dll = dlls[0].lower() if len(dlls) == 1 else library + ".dll"
        sections.append((f"{dll} {library.removesuffix('.drv')}", names))
    write(
        "windows-dlls.txt",
        "Which system DLL exports a function: the DLL, its import library, the functions.",
        sections,
    )


def windows_crt():
    wine = "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"

    def exports(dll):
        text = run(READOBJ, "--coff-exports", f"{wine}/{dll}")
        return plain(re.findall(r"Name: (\S+)", text))

    vcruntime = exports("vcruntime140.dll")
    vcruntime1 = {"__CxxFrameHandler4"}
    _, ucrt = mingw_imports("ucrtbase")
    ucrt = {n for n in ucrt if not n.startswith("_o_")} - vcruntime
    _, msvcrt = mingw_imports("msvcrt")
    base = "/usr/x86_64-w64-mingw32/lib/"
    gcc_eh, libgcc = set(), set()
    for folder in glob.glob("/usr/lib/gcc/*-w64-mingw32/*-win32/"):
        for names, file in [(gcc_eh, "libgcc_eh.a"), (libgcc, "libgcc.a")]:
            found = plain(static(folder + file))
            if "/i686-" in folder:
                # Without what 32-bit Windows puts in front of C names; assembly has its own ways.
                found = {n[1:] for n in found if n.startswith("_") and "chkstk" not in n and n != "__alloca"}
            names |= found
    libgcc = runtime(libgcc)
    sections = [
        ("vcruntime140", vcruntime),
        ("vcruntime140_1", vcruntime1),
        ("ucrt", ucrt),
        ("libgcc_eh", gcc_eh),
        ("libgcc", libgcc - gcc_eh),
        ("mingw32", plain(static(base + "libmingw32.a"))),
        ("mingwex", plain(static(base + "libmingwex.a"))),
        ("msvcrt", msvcrt | plain(static(base + "libmsvcrt.a"))),
        ("winpthread", plain(static(base + "libwinpthread.a"))),
    ]
    C_LIBRARY.update(vcruntime, ucrt, msvcrt)
    drop = lambda names: {
        n for n in names if not n.startswith(("__imp_", "_head_", "__lib64_", "__lib32_")) and not n.endswith("_iname")
    }
    write(
        "windows-crt.txt",
        "What the C runtimes of MSVC and MinGW define.",
        [(p, drop(n)) for p, n in sections],
    )


def apple():
    skip = "corecrypto cache collections quarantine secinit sandbox symptoms containermanager".split()
    skip += "eligibility featureflags configuration coreservices darwindirectory networkextension".split()
    names = set()
    for document in re.split(r"^--- ", open(TBD).read(), flags=re.M):
        name = re.search(r"install-name:\s*'([^']*)'", document)
        if not name or any(word in name.group(1) for word in skip):
            continue
        for group in re.findall(r"(?:weak-|thread-local-)?symbols:\s*\[([^\]]*)\]", document):
            for symbol in group.replace("'", "").split(","):
                symbol = symbol.strip()
                # Two underscores in C: the system's own business, but for the runtimes.
                private = symbol.startswith("__") and not re.search(
                    r"/lib(compiler_rt|unwind|system_(c|m|kernel|pthread|platform|blocks)|dyld)\.", name.group(1)
                )
                if symbol.startswith("_") and "$" not in symbol and not private:
                    names.add(symbol[1:])
    write("apple.txt", "What libSystem exports.", [("libSystem", plain(names))])


MODULES = """glib-2.0 gobject-2.0 gio-2.0 gio-unix-2.0 gmodule-2.0 gstreamer-1.0 gstreamer-base-1.0
gstreamer-video-1.0 gstreamer-audio-1.0 gstreamer-app-1.0 gstreamer-net-1.0 gstreamer-rtp-1.0
gstreamer-rtsp-1.0 gstreamer-sdp-1.0 gstreamer-pbutils-1.0 gstreamer-tag-1.0 gstreamer-allocators-1.0
gstreamer-check-1.0 gstreamer-controller-1.0 gstreamer-webrtc-1.0 gstreamer-mpegts-1.0
gstreamer-play-1.0 gstreamer-player-1.0 gstreamer-transcoder-1.0 gstreamer-codecparsers-1.0
gstreamer-fft-1.0 gstreamer-riff-1.0 gstreamer-gl-1.0 gstreamer-gl-egl-1.0 gstreamer-gl-wayland-1.0
gstreamer-gl-x11-1.0 gstreamer-insertbin-1.0 gstreamer-photography-1.0 gstreamer-sctp-1.0
gstreamer-va-1.0 gstreamer-vulkan-1.0 gstreamer-wayland-1.0 gstreamer-cuda-1.0
gstreamer-bad-audio-1.0""".split()


def modules():
    """Module of each symbol, folded to the shortest prefixes of whole words that decide it."""
    owner = {}
    where = "/usr/lib/x86_64-linux-gnu"
    for module in MODULES:
        text = open(f"{where}/pkgconfig/{module}.pc").read()
        libs = re.search(r"^Libs:(.*)$", text, re.M)
        for library in re.findall(r"-l(\S+)", libs.group(1)) if libs else []:
            for symbol in dynamic(f"{where}/lib{library}.so"):
                if re.fullmatch(r"_?(g|gst)_[a-z0-9_]+", symbol):
                    owner.setdefault(symbol, module)
    out = collections.defaultdict(set)

    def fold(symbols, depth):
        """`symbols` agree in their first `depth` words."""
        owners = {owner[s] for s in symbols}
        if len(owners) == 1 and depth > 1 and len(symbols) > 1:
            prefix = "_".join(symbols[0].split("_")[:depth])
            exact = [s for s in symbols if s == prefix]
            out[owners.pop()] |= {prefix + "_*", *exact}
            return
        groups = collections.defaultdict(list)
        for symbol in symbols:
            words = symbol.split("_")
            if len(words) == depth:
                out[owner[symbol]].add(symbol)
            else:
                groups[words[depth]].append(symbol)
        for group in groups.values():
            if len(group) == 1:
                out[owner[group[0]]].add(group[0])
            else:
                fold(group, depth + 1)

    fold(sorted(owner), 0)
    write(
        "pkgconfig.txt",
        "Which pkg-config module has a symbol of GLib or GStreamer; * stands for any rest.",
        [(module, out[module]) for module in MODULES if out[module]],
    )


glibc()
musl()
gcc()
windows_crt()
windows_dlls()
apple()
modules()
