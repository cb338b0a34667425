"""Shared libraries for Android, linked without its NDK: what bionic provides stays undefined."""

from .apple import zig_folder
from .link import dynamic_symbols, versioned
from .run import run

TRIPLE = 'aarch64-linux-android24'


def shared(out, source, libraries, *, defines=(), flags=()):
    """Links a shared library whose `entry` calls the plugins."""
    # musl's headers declare what the program uses as bionic's do.
    headers = [zig_folder() / 'include' / name for name in ('aarch64-linux-musl', 'generic-musl')]
    object_file = f'{out}.o'
    run([versioned('clang'), f'--target={TRIPLE}', '-O1', '-fPIC', *(f'-isystem{path}' for path in headers),
         '-DENTRY=entry', *defines, '-c', source, '-o', object_file])
    run([versioned('ld.lld'), '-shared', '--gc-sections', '-z', 'undefs', '-soname', 'libplugins.so', '-o', out,
         object_file, *libraries, *flags])
    return out


def undefined(path):
    """What the loader must find elsewhere; what is weak may be nowhere."""
    out = run([versioned('llvm-nm'), '-D', '--undefined-only', '--format=posix', path])
    return {line.split()[0].split('@')[0] for line in out.splitlines() if line.split()[1] == 'U'}


def visible(path):
    """What it defines for others, but for the function of its own source."""
    return dynamic_symbols(path) - {'entry'}
