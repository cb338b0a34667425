"""What the fixture workspaces hold and how each is built."""

import inspect
import json
import re
import shlex
import shutil
from dataclasses import replace
from itertools import combinations

from . import cache, cargo
from .apple import cxx_flags
from .cross import TARGETS
from .link import versioned
from .run import run

# Plugins of tests/workspace, by library name.
PLUGINS = ['gstpattern', 'gstrecord', 'gstworker', 'gstnative', 'gstrouter', 'gstidle']


def package(library):
    return 'gst-plugin-' + library.removeprefix('gst')


def defines(libraries, strategy):
    """The macros with which host/main.c calls these plugins."""
    macros = ['-DWITH_' + library.removeprefix('gst').upper() for library in libraries]
    return macros + (['-DAPART'] if strategy == 'prelink' else [])


def exports(library):
    """What the workspace's own manifest exports of a plugin."""
    plugin = library.removeprefix('gst')
    return [f'gst_plugin_{plugin}_*']


def entry_points(libraries, plugins):
    """The functions that these plugins' libraries define for programs, as their symbol tables have them."""
    found = set()
    for library in plugins:
        symbols = run([versioned('llvm-nm'), '--quiet', '--defined-only', '--extern-only', '--format=posix',
                       libraries[library]])
        name = re.compile('_?' + exports(library)[0].replace('*', r'\w+'))
        found |= {word for word in symbols.split() if name.fullmatch(word)}
    return found


def subsets(names):
    """Every subset that is not empty, small ones first."""
    return [list(c) for size in range(1, len(names) + 1) for c in combinations(names, size)]


def workspace(target=None):
    """Static libraries of tests/workspace. `router` declares none: cargo is told the crate type."""
    # Built together, features of shared dependencies unify: what plugins share is the same. Where
    # nothing links router's dynamic library, it is built apart and shares less.
    together = [p for p in PLUGINS if p != 'gstrouter' or not target or target.linker]
    return cargo.libraries('workspace', [
        ['build', '--release', *(part for library in together for part in ('-p', package(library)))],
        ['rustc', '--release', '-p', package('gstrouter'), '--lib', '--crate-type', 'staticlib'],
    ], target=target)


def nocrt(features=''):
    """Static libraries of tests/nocrt: no std, for Windows. `features` are compiler_builtins'."""
    target = replace(TARGETS['msvc'], std='core,alloc', features=features)
    return cargo.libraries('nocrt', [['build', '--release']], target=target)


HARD = {
    'release': ['alloc-first', 'alloc-second', 'alloc-system', 'clash-one', 'clash-two', 'needs', 'gives',
                'cxx-left', 'cxx-right', 'data', 'reg-left', 'reg-right', 'static-left', 'static-right',
                'unwind-left', 'unwind-right'],
    'fat': ['lto-left', 'lto-right'],
    'thin': ['lto-thin'],
    'abort': ['nostd'],
}


def hard(target=None):
    """Static libraries of tests/hard; for another target those that need no C++ compiler and no
    other profile; for Windows and Apple more."""
    chosen = HARD
    if target:
        chosen = {'release': [name for name in HARD['release'] if not name.startswith('cxx-')]}
        if 'windows' in target.triple:
            chosen['release'] += ['windows-left', 'windows-right', 'windows-program']
            chosen['fat'] = HARD['fat']
        if 'apple' in target.triple:
            # Each profile builds std once more.
            chosen = {'release': HARD['release'], 'fat': HARD['fat'], 'abort': HARD['abort']}
            target = replace(target, tools={**target.tools, 'CXX': versioned('clang'), 'CXXFLAGS': shlex.join(cxx_flags())})
    return cargo.libraries('hard', [
        ['build', '--profile', profile, *(p for name in names for p in ('-p', f'hard-{name}'))]
        for profile, names in chosen.items()
    ], target=target)


def of_another_rust(target):
    """One of tests/hard as a vendor with another Rust has it: all mangled names differ. rustc puts its version
    into every crate's hash, and can be told one; the runtime's own names have the true one whatever it is told."""
    built = cargo.libraries('hard', [['build', '--release', '-p', 'hard-unwind-right']],
                            target=replace(target, version='1.95.0'))
    path, = built.values()
    key = cache.digest(path.parent.name, inspect.getsource(of_another_rust))

    def make(folder):
        other = re.sub(rb'Cs\w{10,12}(?=_7___rustc)', lambda found: found[0][:-1] + b'0', path.read_bytes())
        (folder / path.name).write_bytes(other)

    return cache.result('another_rust', target.triple, key, make) / path.name


GSTREAMER = ['json', 'regex', 'textwrap', 'textahead', 'togglerecord', 'fallbackswitch', 'livesync', 'threadshare']


def gstreamer(engine):
    """Static libraries of GStreamer's real plugins as the engine builds them: 391 MB, so kept in the cache."""
    here = cargo.TESTS / 'gstreamer'
    key = cache.digest(here / 'Cargo.toml', here / 'Cargo.lock', run(['rustc', '-vV']))

    def make(folder):
        response = json.loads(run([
            engine, 'build', '--json', '--locked', '--manifest-path', here / 'Cargo.toml',
            '--target-dir', cache.folder('cargo', 'gstreamer')], timeout=3000))
        for plugin in response['plugins']:
            shutil.copy(plugin['path'], folder)

    home = cache.result('libraries', 'gstreamer', key, make)
    return {cargo.library_name(path): path for path in home.iterdir()}
