"""Windows programs on this machine: lld-link without Visual Studio, MinGW, and wine."""

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path

from . import cache
from .cargo import TESTS
from .link import versioned
from .run import run

SOURCES = TESTS / 'msvc'
WINE = Path('/usr/lib/wine')
MINGW_LIBS = Path('/usr/x86_64-w64-mingw32/lib')
# What std needs of the system.
SYSTEM = ['kernel32', 'ntdll', 'userenv', 'ws2_32', 'dbghelp']
CLANG = ['--target=x86_64-pc-windows-msvc', '-O1', '-ffreestanding', f'-I{SOURCES}', f'-I{SOURCES}/threads', '-c']


def runtime():
    """A folder with the start-up object, import libraries, and the DLL that wine lacks."""
    def make(folder):
        clang = versioned('clang')
        run([clang, *CLANG, SOURCES / 'crt.c', '-o', folder / 'crt.obj'])
        for dll in ('vcruntime140', 'ucrtbase'):
            run([versioned('llvm-dlltool'), '-m', 'i386:x86-64', '-d', SOURCES / f'{dll}.def',
                 '-l', folder / f'{dll}.lib'])
        run(['x86_64-w64-mingw32-gcc', '-O1', '-shared', SOURCES / 'bcryptprimitives.c',
             '-o', folder / 'bcryptprimitives.dll'])

    return cache.result('windows', 'runtime', cache.digest(SOURCES), make)


@functools.cache
def prefix():
    """Wine's folder of a system, made once. Its server stays for ten minutes after the last program: one
    that is about to end refuses the next program's connection."""
    path = cache.folder('wine')
    env = {**os.environ, 'WINEPREFIX': str(path), 'WINEDEBUG': '-all'}
    with open(cache.folder() / 'wine.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What is started here goes on when this is done, so it must not hold our pipes. A server that
        # runs already is no error.
        silent = dict.fromkeys(('stdin', 'stdout', 'stderr'), subprocess.DEVNULL)
        subprocess.run([WINE / 'wineserver64', '-p600'], env=env, check=False, **silent)
        if not (path / 'system.reg').exists():
            subprocess.run([WINE / 'wine64', 'wineboot', '--init'], env=env, check=True, **silent)
        # The first program brings up services, which keep its pipes for as long as the server stays.
        subprocess.run([WINE / 'wine64', 'cmd', '/c', 'exit'], env=env, check=True, **silent)
    return path


def wine_command():
    """What stands before a program's name."""
    return ['env', 'WINEDEBUG=-all', f'WINEPREFIX={prefix()}', Path(__file__).with_name('wine.sh'), WINE / 'wine64']


def wine(program):
    """The command that runs a program, with what wine needs beside it."""
    shutil.copy(runtime() / 'bcryptprimitives.dll', Path(program).parent)
    return [*wine_command(), program]


def msvc(out, sources, libraries, *, defines=(), flags=(), collect=True, system=SYSTEM):
    """Links a program with lld-link; gives the command that runs it. `collect` drops what nothing
    refers to, `system` are the system's libraries."""
    out = Path(out).with_suffix('.exe')
    objects = []
    for number, source in enumerate(sources):
        objects.append(out.with_name(f'{out.stem}-{number}.obj'))
        run([versioned('clang'), *CLANG, *defines, source, '-o', objects[-1]])
    run([versioned('lld-link'), '/entry:mainCRTStartup', '/subsystem:console', '/nodefaultlib',
         '/opt:ref' if collect else '/opt:noref', '/include:_tls_used', f'/out:{out}', *objects,
         *strictly(libraries), *crt(), *(MINGW_LIBS / f'lib{name}.a' for name in system), *flags])
    return wine(out)


def sdk():
    """A folder with the stand-ins, and import libraries of the system under Microsoft's names."""
    def make(folder):
        for path in runtime().iterdir():
            shutil.copy(path, folder)
        for name in SYSTEM:
            shutil.copy(MINGW_LIBS / f'lib{name}.a', folder / f'{name}.lib')

    return cache.result('windows', 'sdk', cache.digest(SOURCES), make)


def compile(out, text):
    """Compiles C from a text; gives the object."""
    source = Path(out).with_suffix('.c')
    source.write_text(text)
    run([versioned('clang'), *CLANG, source, '-o', out])
    return out


def system():
    """Import libraries of what std needs."""
    return [MINGW_LIBS / f'lib{name}.a' for name in SYSTEM]


def native():
    """The same for MinGW's compiler."""
    return [f'-l{name}' for name in SYSTEM]


def mingw(out, sources, libraries, *, defines=(), flags=()):
    """Links a program with MinGW's gcc and GNU ld; gives the command that runs it."""
    out = Path(out).with_suffix('.exe')
    run(['x86_64-w64-mingw32-gcc', '-O1', f'-I{SOURCES}/threads', *defines, *sources, '-o', out, *libraries, *flags,
         *(f'-l{name}' for name in SYSTEM)])
    return wine(out)


def strictly(arguments):
    """Without what makes missing symbols a warning: the fixtures lack none, dead code neither."""
    return [a for a in arguments if a != '/FORCE:UNRESOLVED']


def crt():
    """What stands in for the C runtime: import libraries of its DLLs, and its static part."""
    parts = runtime()
    return [parts / 'crt.obj', parts / 'vcruntime140.lib', parts / 'ucrtbase.lib']


def bare(out, sources, libraries, *, defines=(), flags=()):
    """Links a program that has no C runtime at all, and of the system kernel32; gives the command that
    runs it."""
    out = Path(out).with_suffix('.exe')
    objects = []
    for source in sources:
        objects.append(out.with_name(f'{out.stem}-{Path(source).stem}.obj'))
        run([versioned('clang'), *CLANG, '-fno-builtin', *defines, source, '-o', objects[-1]])
    run([versioned('lld-link'), '/entry:start', '/subsystem:console', '/nodefaultlib', '/opt:ref', f'/out:{out}',
         *objects, *strictly(libraries), MINGW_LIBS / 'libkernel32.a', *flags])
    return wine(out)
