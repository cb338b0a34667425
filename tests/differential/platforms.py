"""How objects, archives and programs are made and run for a platform."""

import functools
import shutil
from dataclasses import dataclass, field

from harness import apple, link, machorun, windows
from harness.cross import zig


@dataclass
class Platform:
    name: str
    format: str = 'elf'
    # Compiler by (name, language).
    compilers: dict = field(default_factory=dict)
    linkers: tuple = ('bfd', 'lld', 'mold')
    modes: tuple = ('pie', 'no-pie', 'gc-sections', 'static', 'shared')
    runner: tuple = ()
    # What compilers of objects are told, and what links are.
    flags: tuple = ()
    link_flags: tuple = ()
    archiver: tuple = ('ar', 'rcs')

    @property
    def languages(self):
        return {language for _, language in self.compilers}

    def compiler(self, source):
        found = self.compilers.get((source.compiler, source.language)) or self.compilers['gcc', source.language]
        return [found]

    def flags_of(self, source):
        return self.flags

    def link(self, out, objects, libraries, linker, mode, *, cxx):
        """The command that links, and the one that runs."""
        driver = self.compilers['gcc', 'cpp' if cxx else 'c']
        if self.format == 'coff':
            out = out.with_suffix('.exe')
            return [driver, *objects, '-o', out, *libraries, *self.link_flags], [*self.runner, out]
        command = [driver, *link.MODES[mode], f'-fuse-ld={linker}', f'-B{link.linker_folder()}', *objects, '-o', out,
                   *libraries, *self.link_flags]
        return command, [link.loader(), out] if mode == 'shared' else [*self.runner, out]


def host():
    compilers = {('gcc', 'c'): 'gcc', ('gcc', 'cpp'): 'g++', ('gcc', 's'): 'gcc'}
    compilers |= {('clang', 'c'): link.versioned('clang'), ('clang', 'cpp'): link.versioned('clang++')}
    return Platform('host', compilers=compilers, link_flags=('-lpthread', '-lm'))


def cross(prefix, arch):
    return Platform(arch, compilers={('gcc', 'c'): f'{prefix}-gcc'}, modes=('pie', 'no-pie', 'gc-sections', 'static'),
                    runner=(f'qemu-{arch}-static', '-L', f'/usr/{prefix}'), link_flags=('-lpthread', '-lm'))


def mingw():
    """Statically linked: wine finds no DLL of the compiler's."""
    prefix = 'x86_64-w64-mingw32'
    compilers = {('gcc', 'c'): f'{prefix}-gcc'}
    if shutil.which(f'{prefix}-g++'):
        compilers['gcc', 'cpp'] = f'{prefix}-g++'
    return Platform('mingw', 'coff', compilers, linkers=('bfd',), modes=('static',),
                    runner=tuple(windows.wine_command()), link_flags=('-static',))


class Apple(Platform):
    def flags_of(self, source):
        return [*self.flags, *(apple.cxx_flags() if source.language == 'cpp' else apple.c_flags())]

    def link(self, out, objects, libraries, linker, mode, *, cxx):
        inputs = [*objects, *libraries, *(machorun.cxx_runtime(self.name) if cxx else []), machorun.unwinder(self.name)]
        if linker == 'zig':
            command = [*zig('-target', apple.MACHINES[self.name][2]), *inputs, '-o', out]
        else:
            command = apple.ld64(self.name, out, inputs, ['-dead_strip'] if mode == 'dead_strip' else [])
        return command, [*machorun.loader(self.name), out]


def macos(name):
    clang = link.versioned('clang')
    compilers = {('gcc', language): clang for language in ('c', 'cpp')}
    linkers = ('lld', 'lld', 'zig') if ('zig', name) in apple.RUNS else ('lld',)
    return Apple(name, 'macho', compilers, linkers, ('plain', 'dead_strip'),
                 flags=(f'--target={apple.MACHINES[name][1]}', '-fcommon'),
                 archiver=(link.versioned('llvm-ar'), '--format=darwin', 'rcs'))


PLATFORMS = {
    'host': host,
    'aarch64': lambda: cross('aarch64-linux-gnu', 'aarch64'),
    'riscv64': lambda: cross('riscv64-linux-gnu', 'riscv64'),
    'mingw': mingw,
    **{name: functools.partial(macos, name) for name in apple.MACHINES},
}
