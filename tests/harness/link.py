"""Compiles and links programs with each linker and in each mode, and runs them."""

import os
import shutil
from pathlib import Path

from . import cache
from .run import run

# How a program is linked. `shared` makes a library that a small program loads.
MODES = {
    'pie': ['-fPIE', '-pie'],
    'no-pie': ['-fno-pie', '-no-pie'],
    'gc-sections': ['-fPIE', '-pie', '-Wl,--gc-sections'],
    'static': ['-fno-pie', '-static'],
    'static-pie': ['-fPIE', '-static-pie'],
    'shared': ['-fPIC', '-shared'],
}
LINKERS = ['bfd', 'lld', 'mold']
# What Rust's std asks for on glibc.
NATIVE = ['-lpthread', '-lm', '-ldl']

LOADER = r'''
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **arguments) {
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    int (*entry)(void) = library && count == 2 ? (int (*)(void))dlsym(library, "entry") : 0;
    if (!entry) return fprintf(stderr, "%s\n", dlerror()), 99;
    return entry();
}
'''


def versioned(tool):
    """A tool of LLVM: Debian names them with their version."""
    for name in (f'{tool}-19', tool):
        if found := shutil.which(name):
            return found
    raise AssertionError(f'{tool} is not installed')


def linker_folder():
    """A folder where compilers, those for other machines too, find `ld.lld` and `ld.mold`."""
    path = cache.folder('bin')
    for name, target in (('ld.lld', versioned('ld.lld')), ('ld.mold', shutil.which('mold'))):
        link = path / name
        if target and not (link.is_symlink() and os.readlink(link) == target):
            fresh = path / f'{name}.{os.getpid()}'
            fresh.symlink_to(target)
            fresh.rename(link)
    return path


def program(out, sources, libraries, *, linker='bfd', mode='pie', defines=(), compiler=None, flags=()):
    """Links a program of C or C++ sources and libraries; gives the command that runs it."""
    compiler = compiler or ('g++' if any(str(s).endswith('.cpp') for s in sources) else 'gcc')
    command = [compiler, '-O1', '-g0', *MODES[mode], f'-fuse-ld={linker}']
    if linker == 'lld':
        command.append(f'-B{linker_folder()}')
    defines = [*defines, '-DENTRY=entry'] if mode == 'shared' else defines
    out = Path(out)
    run([*command, *defines, *sources, '-o', out, *libraries, *flags, *NATIVE])
    if mode != 'shared':
        return [out]
    return [loader(), out]


def loader():
    """The program that loads a shared library and calls its `entry`."""
    path = cache.folder('bin') / 'loader'
    if not path.exists():
        fresh = path.with_suffix('.new')
        run(['gcc', '-x', 'c', '-', '-o', fresh, '-ldl'], stdin=LOADER)
        fresh.rename(path)
    return path


def check(command, *, wants='all right', env=None, timeout=120):
    """Runs a program that must exit with 0 and say that all was right."""
    out = run(command, env={'RUST_BACKTRACE': '0', **(env or {})}, timeout=timeout)
    assert wants in out, out
    return out


def dynamic_symbols(path):
    """Names that a shared library defines for others."""
    out = run(['nm', '-D', '--defined-only', '--format=posix', path])
    return {line.split()[0].split('@')[0] for line in out.splitlines() if line.split()[1] not in 'Aa'}
