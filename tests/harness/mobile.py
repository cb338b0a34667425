"""Several targets in one run of the engine. The plugins of tests/workspace that need no C compiler and
little to build, for Apple's platforms; a plugin without std for Android's CPUs."""

import json

from . import apple, cache
from .cargo import TESTS
from .cross import QUICK, RUSTC
from .link import versioned
from .run import run

PLUGINS = ['gstworker', 'gstidle']
PACKAGES = ['gst-plugin-worker', 'gst-plugin-idle']
MACOS = ['aarch64-apple-darwin', 'x86_64-apple-darwin']
SIMULATOR = ['aarch64-apple-ios-sim', 'x86_64-apple-ios']
APPLE = [*MACOS, 'aarch64-apple-ios', *SIMULATOR]
# The linkers, which have nothing to do, are part of what cargo knows a library by: CMake would name its own.
ENV = {'RUSTC': str(RUSTC), 'RUSTC_BOOTSTRAP': '1', 'RUSTC_WRAPPER': '', 'SDKROOT': '/', **QUICK,
       **{f'CARGO_TARGET_{target.upper().replace("-", "_")}_LINKER': 'true' for target in APPLE}}


def target_dir():
    """What is slow to build, std for each target, is there from run to run."""
    return cache.folder('cargo', 'mobile')


def engine_run(engine, strategy, targets, *arguments, workspace=TESTS / 'workspace', packages=PACKAGES, std='std,panic_unwind'):
    """Runs the engine on a workspace for these targets; gives its response, an error too."""
    named = [word for target in targets for word in ('--target', target)]
    command = [engine, strategy, '--json', '--manifest-path', workspace / 'Cargo.toml', *named,
               '--target-dir', target_dir(), f'--cargo-flag=-Zbuild-std={std}']
    for package in packages:
        command += ['--package', package]
    return json.loads(run([*command, *arguments], env=ENV, timeout=3000, status=None))


def made(response):
    assert response['ok'], response['errors']
    return response


CPUS = {0x0100_000c: 'arm64', 0x0100_0007: 'x86_64'}


def word(data, at):
    return int.from_bytes(data[at:at + 4], 'little')


def platforms(data):
    """Of an object: the platforms that LC_BUILD_VERSION or an older command names, by number."""
    assert word(data, 0) == 0xfeedfacf
    older = {0x24: 1, 0x25: 2, 0x2f: 3, 0x30: 4}
    if CPUS[word(data, 4)] == 'x86_64':
        # The older commands do not tell a simulator; there are no devices with this CPU.
        older |= {0x25: 7, 0x2f: 8}
    found, at = set(), 32
    for _ in range(word(data, 16)):
        if word(data, at) == 0x32:
            found.add(word(data, at + 8))
        elif word(data, at) in older:
            found.add(older[word(data, at)])
        at += word(data, at + 4)
    return found


def architectures(library):
    """Of a universal library by llvm-lipo; of another one by its objects, for llvm-lipo 19 crashes on it."""
    if library.read_bytes().startswith(b'!<arch>'):
        return sorted({CPUS[word(data, 4)] for _, data in objects(library)})
    return sorted(run([versioned('llvm-lipo'), '-archs', library]).split())


def objects(library):
    """Name and bytes of an archive's members, without its index."""
    return [(name, data) for name, _, _, data in apple.members(library) if not name.startswith('__.SYMDEF')]
