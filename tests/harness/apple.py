"""macOS programs on this machine: linked by LLVM's linker and by Zig's, and looked at. machorun.py runs them."""

import bisect
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from . import machorun
from .cross import zig
from .link import versioned
from .run import run

# By name in cross.TARGETS: ld64's architecture, clang's target, Zig's target.
MACHINES = {
    'macos': ('arm64', 'arm64-apple-macos11', 'aarch64-macos'),
    'macos-x86_64': ('x86_64', 'x86_64-apple-macos11', 'x86_64-macos'),
}

# The encoding's mode that means DWARF: ARM64's and x86_64's.
DWARF = (0x0300_0000, 0x0400_0000)


def zig_folder():
    """Where the test environment has Zig: with it come C headers and Apple's stub library."""
    import ziglang
    return Path(ziglang.__file__).parent / 'lib' / 'libc'


def system_libraries(folder):
    """A folder where a compiler driver finds libSystem by all the names that an SDK gives it."""
    folder.mkdir()
    for name in ('System', 'c', 'm'):
        (folder / f'lib{name}.tbd').symlink_to(zig_folder() / 'darwin' / 'libSystem.tbd')
    return folder


def c_flags():
    return ['-isystem', str(zig_folder() / 'include' / 'any-macos-any')]


def cxx_flags():
    """Zig's libc++ has these settings on its command lines, where others have a header of them."""
    libc = zig_folder()
    switched_on = ['MONOTONIC_CLOCK', 'TERMINAL', 'RANDOM_DEVICE', 'LOCALIZATION', 'UNICODE', 'WIDE_CHARACTERS', 'NO_STD_MODULES']
    return ['-nostdinc++', '-std=c++17', '-isystem', str(libc.parent / 'libcxx' / 'include'),
            '-isystem', str(libc.parent / 'libcxxabi' / 'include'), *c_flags(),
            '-D_LIBCPP_ABI_VERSION=1', '-D_LIBCPP_ABI_NAMESPACE=__1', '-D_LIBCPP_HAS_THREADS=1', '-D_LIBCPP_HAS_MUSL_LIBC=0',
            '-D_LIBCPP_HAS_FILESYSTEM=1', '-D_LIBCPP_HAS_VENDOR_AVAILABILITY_ANNOTATIONS=0', '-D_LIBCPP_PSTL_BACKEND_SERIAL',
            '-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_NONE', '-D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS',
            '-D_LIBCXXABI_DISABLE_VISIBILITY_ANNOTATIONS', *(f'-D_LIBCPP_HAS_{name}' for name in switched_on)]


def is_cxx(source):
    return Path(source).suffix == '.cpp'


def compiled(name, out, source, defines):
    run([versioned('clang'), f'--target={MACHINES[name][1]}', '-O1', *(cxx_flags() if is_cxx(source) else c_flags()), *defines,
         '-c', source, '-o', out])
    return out


def runtime(name, source, runs):
    """What a program that is run needs before libSystem, which would have it on a Mac."""
    return [*(machorun.cxx_runtime(name) if is_cxx(source) else []), *([machorun.unwinder(name)] if runs else [])]


def lld(name, out, source, libraries, *, defines=(), flags=(), runs=False):
    """Links with LLVM's ld64.lld. What `runs` may be given to machorun."""
    object_file = compiled(name, f'{out}.o', source, defines)
    run(ld64(name, out, [object_file, *libraries, *runtime(name, source, runs)], flags))


def ld64(name, out, inputs, flags):
    """LLVM's linker's command."""
    return [versioned('ld64.lld'), '-arch', MACHINES[name][0], '-platform_version', 'macos', '11.0', '11.0',
            '-o', out, *inputs, zig_folder() / 'darwin' / 'libSystem.tbd', *flags]


def by_zig(name, out, source, libraries, *, defines=(), flags=(), runs=False):
    """Links with Zig's own linker, which puts libSystem last."""
    object_file = compiled(name, f'{out}.o', source, defines)
    run([*zig('-target', MACHINES[name][2]), object_file, '-o', out, *libraries, *runtime(name, source, runs), *flags])


LINKERS = {'lld': lld, 'zig': by_zig}
# Zig's linker writes pointers to personality functions 4 bytes too high in DWARF tables, which x86_64 has for
# frames that compact unwind cannot describe: what it links does not panic, as built or not.
RUNS = {(linker, name) for linker in LINKERS for name in MACHINES} - {('zig', 'macos-x86_64')}


@dataclass
class Program:
    """What is in a linked file."""
    # What it defines for others.
    exported: set
    # Addresses of its functions, by name, where one has it alone.
    functions: dict
    undefined: set
    # Where the addresses of personality functions are, by the compact unwind table and by DWARF's.
    personalities: set
    # The compact unwind table: where an entry begins, from the start of the file's image, and how what is
    # there is unwound. Linkers fold neighbours of one encoding.
    unwound: list
    base: int

    def unwinding(self, symbol):
        """How a function is unwound: 0 is not at all. Where it is by DWARF, without the place of that."""
        at = bisect.bisect_right(self.unwound, (self.functions[symbol] - self.base, 1 << 32)) - 1
        encoding = self.unwound[at][1] if at >= 0 else 0
        return encoding & 0xff00_0000 if encoding & 0x0f00_0000 in DWARF else encoding


def look(path):
    """Takes a linked program apart with LLVM's tools."""
    exported, functions, undefined, repeated, base = set(), {}, set(), set(), None
    for line in run([versioned('llvm-nm'), '--format=posix', path]).splitlines():
        name, kind, *address = line.split()
        if kind == 'U':
            undefined.add(name)
        elif kind not in '-a':
            if kind.isupper():
                exported.add(name)
            if name == '__mh_execute_header':
                base = int(address[0], 16)
            # Zig's linker puts jumps between distant functions.
            elif kind in 'Tt' and not name.endswith('__thunk'):
                if name in functions:
                    repeated.add(name)
                functions[name] = int(address[0], 16)
    table = run([versioned('llvm-objdump'), '--macho', '--unwind-info', path])
    dwarf = run([versioned('llvm-dwarfdump'), '--eh-frame', path])
    # Slots of 8 bytes; Zig's linker adds 4 to DWARF's on x86_64.
    personalities = {int(at, 16) & ~7 for at in re.findall(r'Personality Address: ([0-9a-fA-F]+)', dwarf)}
    personalities |= {base + int(at, 16) for at in re.findall(r'personality\[\d+\]: (0x[0-9a-fA-F]+)', table)}
    # The index names the first function of each page, and each page all of its own.
    pages = table.partition('Second level indices')[2]
    entries = re.findall(r'function offset=(0x[0-9a-fA-F]+),\s*encoding\S*=(0x[0-9a-fA-F]+)', pages)
    unwound = sorted((int(at, 16), int(encoding, 16)) for at, encoding in entries)
    functions = {name: at for name, at in functions.items() if name not in repeated}
    return Program(exported, functions, undefined, personalities, unwound, base)


def members(archive):
    """Offset of each member's data, its size as the header has it, and its bytes. A reader of our own,
    for no tool tells these offsets: after the name that BSD archives put before the data."""
    data = Path(archive).read_bytes()
    assert data.startswith(b'!<arch>\n')
    at, found = 8, []
    while at < len(data):
        header = data[at:at + 60]
        assert header[58:] == b'`\n' and header.startswith(b'#1/'), header
        name_size, size = int(header[3:16]), int(header[48:58])
        begin = at + 60
        name = data[begin:begin + name_size].rstrip(b'\0').decode()
        found.append((name, begin + name_size, size - name_size, data[begin + name_size:begin + size]))
        at = begin + size
    return found


@dataclass
class Section:
    name: str
    size: int
    # Offsets that have a relocation.
    relocated: list


def sections(data):
    """Of a 64-bit object, as the file says it."""
    found = []
    if len(data) < 32 or data[:4] != b'\xcf\xfa\xed\xfe':
        return found
    count, at = struct.unpack_from('<I', data, 16)[0], 32
    for _ in range(count):
        command, size = struct.unpack_from('<II', data, at)
        if command == 0x19:
            for number in range(struct.unpack_from('<I', data, at + 64)[0]):
                header = at + 72 + 80 * number
                length = struct.unpack_from('<Q', data, header + 40)[0]
                start, entries = struct.unpack_from('<II', data, header + 56)
                relocated = [struct.unpack_from('<I', data, start + 8 * i)[0] for i in range(entries)]
                found.append(Section(data[header:header + 16].rstrip(b'\0').decode(), length, relocated))
        at += size
    return found


def strip(program):
    run([versioned('llvm-strip'), '-x', '-S', program])
