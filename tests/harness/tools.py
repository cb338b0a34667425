"""Programs of crates that make bindings, installed once."""

from . import cache
from .run import run


def cargo_program(crate, version, program):
    """The program of this version."""
    def make(folder):
        run(['cargo', 'install', '--quiet', '--locked', '--version', version, '--root', folder, crate],
            env={'CARGO_TARGET_DIR': str(cache.folder('cargo', 'tools'))})

    return cache.result('tools', crate, cache.digest(version), make) / 'bin' / program


def cbindgen():
    return cargo_program('cbindgen', '0.29.4', 'cbindgen')


def cxxbridge():
    """Of the version of the crate cxx in tests/capi and tests/cmake."""
    return cargo_program('cxxbridge-cmd', '1.0.205', 'cxxbridge')
