"""Targets other than the machine's own: how their libraries are built, linked and run.

Debian's rustc knows every target and its package has the sources of std, which cargo then builds too;
libraries need no linker, and C in them a compiler of that target."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from .run import run

RUSTC = Path('/usr/bin/rustc')
# Optimised a little: std and all else is built quickest so.
QUICK = {'CARGO_PROFILE_RELEASE_DEBUG': '0', 'CARGO_PROFILE_RELEASE_OPT_LEVEL': '1'}


@dataclass
class Target:
    triple: str
    # The compiler that links programs, with its arguments.
    compiler: list
    # Puts a program on this machine's CPU or system.
    runner: list = field(default_factory=list)
    # What std needs of the system.
    native: list = field(default_factory=lambda: ['-lpthread', '-lm', '-ldl'])
    # For cc-rs: CC, AR and so on of the target.
    tools: dict = field(default_factory=dict)
    # Links dynamic libraries of Rust, where there is one. `true` makes none, and cargo does not mind.
    linker: str = None
    # Parts of the standard library to build, and its features.
    std: str = 'std,panic_unwind'
    features: str = ''
    # Another version of the compiler, as names of symbols have it: one compiler then stands for two.
    version: str = ''

    def __str__(self):
        return self.triple

    @property
    def build_env(self):
        name = self.triple.replace('-', '_')
        tools = {f'{tool}_{name}': value for tool, value in self.tools.items() if not tool.startswith('=')}
        plain = {tool[1:]: value for tool, value in self.tools.items() if tool.startswith('=')}
        linker = {f'CARGO_TARGET_{name.upper()}_LINKER': self.linker} if self.linker else {}
        version = {'RUSTC_FORCE_RUSTC_VERSION': self.version} if self.version else {}
        return {'RUSTC': str(RUSTC), 'RUSTC_BOOTSTRAP': '1', 'RUSTC_WRAPPER': '', **tools, **plain, **linker, **version}

    @property
    def cargo_args(self):
        features = [f'-Zbuild-std-features={self.features}'] if self.features else []
        return [f'-Zbuild-std={self.std}', *features, '--target', self.triple]

    def program(self, out, sources, libraries, *, defines=(), flags=()):
        """Links a program; gives the command that runs it."""
        run([*self.compiler, '-O1', *defines, *sources, '-o', out, *libraries, *flags, *self.native])
        return [*self.runner, out]


def gnu(triple, prefix, arch):
    # The loader would find another libc of that CPU in this machine's cache, where one is installed.
    path = f'LD_LIBRARY_PATH=/usr/{prefix}/lib'
    return Target(triple, [f'{prefix}-gcc'], [f'qemu-{arch}-static', '-E', path, '-L', f'/usr/{prefix}'],
                  linker=f'{prefix}-gcc')


def apple(arch):
    return Target(f'{arch}-apple-darwin', [], tools={'CC': 'clang-19', 'AR': 'llvm-ar-19', '=SDKROOT': '/'},
                  linker='true')


def zig(*arguments):
    """Zig's compiler driver, from the test environment's Python."""
    return [sys.executable, '-m', 'ziglang', 'cc', *arguments]


ELF = {
    'aarch64': gnu('aarch64-unknown-linux-gnu', 'aarch64-linux-gnu', 'aarch64'),
    'armv7': gnu('armv7-unknown-linux-gnueabihf', 'arm-linux-gnueabihf', 'arm'),
    'i686': gnu('i686-unknown-linux-gnu', 'i686-linux-gnu', 'i386'),
    'riscv64': gnu('riscv64gc-unknown-linux-gnu', 'riscv64-linux-gnu', 'riscv64'),
    # glibc's unwinder needs glibc: Zig brings musl and an unwinder of LLVM's.
    'musl': Target('x86_64-unknown-linux-musl', zig('-target', 'x86_64-linux-musl', '-static'),
                   native=['-lunwind'], tools={'CC': 'gcc'}, linker='true'),
}

OTHER = {
    'msvc': Target('x86_64-pc-windows-msvc', [], tools={'CC': 'clang-19', 'CXX': 'clang-19', 'AR': 'llvm-lib-19'},
                   linker='true'),
    'mingw': Target('x86_64-pc-windows-gnu', ['x86_64-w64-mingw32-gcc'], ['wine'],
                    native=['-lkernel32', '-lntdll', '-luserenv', '-lws2_32', '-ldbghelp'],
                    linker='x86_64-w64-mingw32-gcc'),
    'macos': apple('aarch64'),
    'macos-x86_64': apple('x86_64'),
    'android': Target('aarch64-linux-android', [], tools={'CC': 'clang-19', 'AR': 'llvm-ar-19'}, linker='true'),
}
TARGETS = {**ELF, **OTHER}
