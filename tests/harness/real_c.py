"""Real libraries of C, C++ and assembly, from the bundles of packages that tests/real_c names: built once for each
compiler and way, and kept in the cache."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import cache
from .link import versioned
from .run import run

HOME = cache.ROOT / 'tests' / 'real_c'


@dataclass(frozen=True)
class Library:
    name: str
    # The package whose bundle it is; None: ours.
    package: str | None
    # Patterns of sources, and of those that are none of it.
    sources: tuple
    but: tuple = ()
    # Folders for includes: of its package, or (package, folder).
    includes: tuple = ()
    flags: tuple = ()


@dataclass(frozen=True)
class Program:
    """What drives the libraries: ours (in tests/real_c) or, `package`, upstream's own test."""
    name: str
    sources: tuple
    package: str | None = None
    arguments: tuple = ()
    # Upstream's tests say how far they are, by the clock: only this of their output counts.
    says: str = ''


@dataclass(frozen=True)
class Case:
    name: str
    libraries: tuple
    programs: tuple
    includes: tuple = ()
    flags: tuple = ()

    def __str__(self):
        return self.name


ZLIB = 'src/zlib'
LZ4 = ('lz4-sys', 'liblz4/lib'), ('lz4-sys', 'liblz4/programs')
PNG_FLAGS = ('-DPNG_INTEL_SSE_OPT=0',)

CASES = [
    Case('sqlite', (
        Library('sqlite', 'libsqlite3-sys', ('sqlite3/sqlite3.c',), flags=(
            '-DSQLITE_ENABLE_FTS5', '-DSQLITE_ENABLE_RTREE', '-DSQLITE_ENABLE_MATH_FUNCTIONS', '-DSQLITE_THREADSAFE=1')),
    ), (Program('sqlite', ('sqlite.c',)),), (('libsqlite3-sys', 'sqlite3'),)),
    Case('zstd', (
        Library('zstd', 'zstd-sys', (
            'zstd/lib/common/*.c', 'zstd/lib/compress/*.c', 'zstd/lib/decompress/*.c', 'zstd/lib/decompress/*.S', 'zstd/lib/dictBuilder/*.c'),
            includes=('zstd/lib',), flags=('-DZSTD_MULTITHREAD',)),
    ), (Program('zstd', ('zstd.c',)),), (('zstd-sys', 'zstd/lib'),)),
    Case('lz4', (
        Library('lz4', 'lz4-sys', ('liblz4/lib/*.c',), flags=('-DXXH_NAMESPACE=LZ4_',)),
    ), (
        Program('fuzzer', ('liblz4/tests/fuzzer.c', 'liblz4/programs/lorem.c'), 'lz4-sys', ('-i20', '-s7'), 'all tests completed successfully|.*ratio.*'),
        Program('frametest', ('liblz4/tests/frametest.c',), 'lz4-sys', ('-i50', '-s7'), 'Basic tests completed|All tests completed'),
    ), LZ4, ('-DXXH_NAMESPACE=LZ4_',)),
    Case('png', (
        Library('png', 'libpng-sys', ('vendor/*.c',), ('example.c', 'pngtest.c'), (('libz-sys', ZLIB),), PNG_FLAGS),
        Library('z', 'libz-sys', (f'{ZLIB}/*.c',), flags=('-DHAVE_UNISTD_H',)),
    ), (
        Program('png', ('png.c',)),
        Program('pngtest', ('vendor/pngtest.c',), 'libpng-sys', ('-m', 'made.png')),
    ), (('libpng-sys', 'vendor'), ('libz-sys', ZLIB)), PNG_FLAGS),
    Case('ring', (
        Library('ring', 'ring', (
            'crypto/**/*.c', 'pregenerated/*-x86_64-elf.S', 'pregenerated/*-x86_64-asm-elf.S', 'pregenerated/x86_64-*-elf.S', 'third_party/fiat/asm/*.S'),
            ('poly1305_arm.c', 'constant_time_test.c', 'aes_hw_arm.c'), ('include', 'pregenerated')),
    ), (Program('ring', ('ring.c',)),)),
    # GCC 12 refuses it without optimisation.
    Case('ada', (
        Library('urls', None, ('urls.cpp',), includes=(('ada-url', 'deps'),), flags=('-std=c++20',)),
        Library('ada', 'ada-url', ('deps/ada.cpp',), flags=('-std=c++20',)),
    ), (Program('ada', ('ada.cpp',)),), (('ada-url', 'deps'),), ('-std=c++20',)),
]

# Compiler, and its options.
WAYS = {
    'gcc': ('gcc', ('-O2', '-fPIC', '-ffunction-sections', '-fdata-sections')),
    'clang': ('clang', ('-O2', '-fPIC', '-ffunction-sections', '-fdata-sections')),
    'gcc-plain': ('gcc', ('-O3', '-fPIC', '-g')),
    'clang-size': ('clang', ('-Os', '-fPIC', '-fcommon')),
}


@dataclass
class Built:
    libraries: list
    # Objects by program.
    programs: dict = field(default_factory=dict)


def packages():
    """Folders of the bundles, by package; cargo gets those that are missing."""
    manifest = HOME / 'Cargo.toml'
    listed = json.loads(run(['cargo', 'metadata', '--locked', '--format-version', '1', '--manifest-path', manifest]))
    return {p['name']: Path(p['manifest_path']).parent for p in listed['packages']}


def build(case, way):
    """The case's libraries and its programs' objects."""
    name, options = WAYS[way]
    named = {source for part in [*case.libraries, *case.programs] if not part.package for source in part.sources}
    ours = [HOME / 'Cargo.lock', *sorted(p for p in HOME.iterdir() if p.name in named or p.suffix == '.h')]
    key = cache.digest(*ours, repr(case), repr(WAYS[way]), run([compilers(name)[0], '--version']))
    home = cache.result('real_c', f'{case.name}-{way}', key, lambda folder: make(case, name, options, folder))
    programs = {p.name: sorted(home.glob(f'program-{p.name}/*.o')) for p in case.programs}
    return Built([home / f'lib{library.name}.a' for library in case.libraries], programs)


def compilers(name):
    return ('gcc', 'g++') if name == 'gcc' else (versioned('clang'), versioned('clang++'))


def make(case, name, options, folder):
    bundles = packages()
    # What libpng's own build makes of its options.
    configured = folder / 'include'
    configured.mkdir()
    if any(library.package == 'libpng-sys' for library in case.libraries):
        shutil.copy(bundles['libpng-sys'] / 'vendor/scripts/pnglibconf.h.prebuilt', configured / 'pnglibconf.h')

    def include(place, package):
        package, path = place if isinstance(place, tuple) else (package, place)
        return f'-I{bundles[package] / path}'

    def compile_all(sources, flags, out):
        out.mkdir()
        for number, source in enumerate(sources):
            compiler = compilers(name)[source.suffix == '.cpp']
            # Numbered: bundles have files of one name in several folders.
            run([compiler, *options, '-w', *flags, f'-I{configured}', f'-I{HOME}', '-c', source, '-o', out / f'{number:03}-{source.stem}.o'])
        return sorted(out.iterdir())

    for library in case.libraries:
        root = bundles[library.package] if library.package else HOME
        found = {path for pattern in library.sources for path in root.glob(pattern) if path.name not in library.but}
        includes = [include(place, library.package) for place in library.includes]
        objects = compile_all(sorted(found), [*library.flags, *includes], folder / library.name)
        run(['ar', 'rcs', folder / f'lib{library.name}.a', *objects])
        shutil.rmtree(folder / library.name)
    for program in case.programs:
        root = bundles[program.package] if program.package else HOME
        includes = [include(place, None) for place in case.includes]
        compile_all([root / s for s in program.sources], [*case.flags, *includes], folder / f'program-{program.name}')


def used(built):
    """Names that the programs' objects and the libraries take from a library."""
    def symbols(paths, *how):
        out = run([versioned('llvm-nm'), '--quiet', '--extern-only', '--format=posix', *how, *paths])
        return {line.split()[0] for line in out.splitlines() if len(line.split()) > 1}

    found = symbols([o for objects in built.programs.values() for o in objects])
    for library in built.libraries:
        found |= symbols([library], '--undefined-only') - symbols([library], '--defined-only')
    return sorted(found & symbols(built.libraries, '--defined-only'))


def output(program, command, folder):
    """What a program prints that does not depend on the clock; it ends well."""
    done = subprocess.run([str(part) for part in [*command, *program.arguments]], cwd=folder, timeout=600, text=True, errors='replace',
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = f'{done.stdout}exit status {done.returncode}'
    assert done.returncode == 0, said
    if not program.says:
        return said
    return '\n'.join(line for line in re.split('[\r\n]', said) for line in re.findall(program.says, line))
