"""Several targets in one run of the engine. The plugins of tests/workspace that need no C compiler and
little to build, for Apple's platforms; a plugin without std for Android's CPUs."""

import json

from . import apple, cache
from .cargo import TESTS
from .cross import RUSTC
from .run import run

PLUGINS = ['gstworker', 'gstidle']
PACKAGES = ['gst-plugin-worker', 'gst-plugin-idle']
MACOS = ['aarch64-apple-darwin', 'x86_64-apple-darwin']
SIMULATOR = ['aarch64-apple-ios-sim', 'x86_64-apple-ios']
APPLE = [*MACOS, 'aarch64-apple-ios', *SIMULATOR]
# Optimised a little: that is built quickest.
ENV = {'RUSTC': str(RUSTC), 'RUSTC_BOOTSTRAP': '1', 'RUSTC_WRAPPER': '', 'SDKROOT': '/',
       'CARGO_PROFILE_RELEASE_DEBUG': '0', 'CARGO_PROFILE_RELEASE_OPT_LEVEL': '1'}


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


def platforms(data):
    """Of an object: the platforms that LC_BUILD_VERSION or an older command names, by number."""
    word = lambda at: int.from_bytes(data[at:at + 4], 'little')
    assert word(0) == 0xfeedfacf
    older = {0x24: 1, 0x25: 2, 0x2f: 3, 0x30: 4}
    found, at = set(), 32
    for _ in range(word(16)):
        if word(at) == 0x32:
            found.add(word(at + 8))
        elif word(at) in older:
            found.add(older[word(at)])
        at += word(at + 4)
    return found


def objects(library):
    """Name and bytes of an archive's members, without its index."""
    return [(name, data) for name, _, _, data in apple.members(library) if not name.startswith('__.SYMDEF')]
