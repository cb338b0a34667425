"""Runs macOS programs on this machine, by tests/machorun: those for x86_64 as they are, those for arm64
under qemu. A program brings LLVM's unwinder, for libSystem's is not there."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import cache
from .cargo import TESTS
from .cross import zig
from .link import versioned
from .run import run as command

SOURCES = TESTS / 'machorun'
# By name in cross.TARGETS: what compiles the loader, what runs it, Zig's target.
LOADERS = {
    'macos': (['aarch64-linux-gnu-gcc', '-static'], ['qemu-aarch64-static'], 'aarch64-macos'),
    'macos-x86_64': (['gcc'], [], 'x86_64-macos'),
}
WARNINGS = ['-Wall', '-Wextra', '-Werror']


def loader(name):
    """The command that runs a program of this machine."""
    compiler, runner, _ = LOADERS[name]
    key = cache.digest(SOURCES, command([compiler[0], '--version']), *compiler, *WARNINGS)

    def make(folder):
        command([*compiler, '-O1', *WARNINGS, '-o', folder / 'machorun', *sorted(SOURCES.glob('*.[cS]'))])

    return [*runner, cache.result('machorun', name, key, make) / 'machorun']


def run(name, program, *arguments, status=0, timeout=120):
    """What a program of this machine prints. Backtraces, where addresses differ, are left out."""
    return command([*loader(name), program, *arguments], env={'RUST_BACKTRACE': '0'}, status=status, timeout=timeout)


def check(name, program, *arguments, wants='all right'):
    """Runs a program that must exit with 0 and say that all was right."""
    printed = run(name, program, *arguments)
    assert wants in printed, printed
    return printed


def unwinder(name):
    """A static library of LLVM's unwinder, of the sources that Zig brings."""
    import ziglang
    home = Path(ziglang.__file__).parent / 'lib' / 'libunwind'
    target = LOADERS[name][2]
    cxx = ['-std=c++17', '-fno-exceptions', '-fno-rtti', '-nostdinc++']
    # Exceptions pass through these.
    c = ['-std=c99', '-fexceptions']
    sources = {'libunwind.cpp': cxx, 'UnwindLevel1.c': c, 'UnwindLevel1-gcc-ext.c': c,
               'UnwindRegistersSave.S': [], 'UnwindRegistersRestore.S': []}
    key = cache.digest(home, target, sources)

    def make(folder):
        objects = []
        for source, flags in sources.items():
            objects.append(folder / f'{source}.o')
            command([*zig('-target', target), '-O2', f'-I{home / "include"}', '-D_LIBUNWIND_IS_NATIVE_ONLY', '-DNDEBUG',
                 *flags, '-c', home / 'src' / source, '-o', objects[-1]])
        command([versioned('llvm-ar'), '--format=darwin', 'rcs', folder / 'libunwind.a', *objects])

    return cache.result('unwinder', name, key, make) / 'libunwind.a'


def cxx_runtime(name):
    """Zig's libc++ and libc++abi as static libraries. Zig builds them for a program and says where they are."""
    target = LOADERS[name][2]
    key = cache.digest(command(zig('--version')), target)
    libraries = ['libc++.a', 'libc++abi.a']

    def make(folder):
        (folder / 'main.cpp').write_text('int main() {}\n')
        said = subprocess.run(
            [sys.executable, '-m', 'ziglang', 'build-exe', '-target', target, 'main.cpp', '-lc++', '--verbose-link'],
            cwd=folder, check=True, capture_output=True, text=True)
        for library in libraries:
            shutil.copy(next(word for word in said.stderr.split() if Path(word).name == library), folder)

    home = cache.result('cxx', name, key, make)
    return [home / library for library in libraries]
