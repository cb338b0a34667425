"""The table of hard cases: the libraries of tests/hard, the program, and which strategies can do it.

`prelink` gives each library its own std, so there statics of shared crates are apart (-DAPART). What
`dedup` cannot do, because today's linking cannot, is left to the others."""

from dataclasses import dataclass, field

from .cargo import TESTS
from .engine import combine


@dataclass
class Case:
    name: str
    libraries: list
    host: str = 'host.c'
    strategies: tuple = ('dedup', 'prelink', 'meld')
    # Macros for the program: for prelinked libraries, and for all.
    apart: list = field(default_factory=list)
    defines: list = field(default_factory=list)
    # Plugins that the program links, where not all.
    linked: list = None
    flags: list = field(default_factory=list)
    arguments: list = field(default_factory=list)
    # What the program prints.
    wants: tuple = ('all right',)

    def __str__(self):
        return self.name


# Where today's linking fails.
ATOMIC = ('prelink', 'meld')
APART = ['-DAPART']
BOTH_UNWIND = ['hard_unwind_left', 'hard_unwind_right']
BOTH_REG = ['hard_reg_left', 'hard_reg_right']
# Fat LTO: two such libraries do not link as they are.
FAT = Case('lto', ['hard_lto_left', 'hard_lto_right'], strategies=ATOMIC, defines=['-DNO_THIN'])
# Of Windows alone.
WINDOWS_CASES = [
    Case('windows', ['hard_windows_left', 'hard_windows_right'], strategies=ATOMIC),
    Case('windows', ['hard_windows_left', 'hard_windows_right'], defines=['-DONLY_RIGHT'],
         linked=['hard_windows_right'], strategies=ATOMIC),
    FAT,
]
CASES = [
    Case('allocators', ['hard_alloc_first', 'hard_alloc_second', 'hard_alloc_system'], strategies=ATOMIC),
    Case('clash', ['hard_clash_one', 'hard_clash_two'], strategies=ATOMIC),
    Case('crossneed', ['hard_needs', 'hard_gives']),
    # The linker merges the tails of strings too, where it can.
    Case('cxx', ['hard_cxx_left', 'hard_cxx_right'], host='host.cpp', strategies=ATOMIC, flags=['-Wl,-O2'],
         wants=('all right', 'destroyed 1', 'destroyed 2')),
    Case('data', ['hard_data']),
    Case('lto', ['hard_lto_left', 'hard_lto_right', 'hard_lto_thin'], strategies=ATOMIC),
    Case('registries', BOTH_REG, apart=APART),
    Case('registries', BOTH_REG, defines=['-DONLY_LEFT'], linked=['hard_reg_left']),
    Case('statics', ['hard_static_left', 'hard_static_right'], apart=APART),
    Case('unwind', BOTH_UNWIND, apart=APART),
    Case('unwind', BOTH_UNWIND, apart=APART, defines=['-DNAMELESS'], strategies=ATOMIC,
         arguments=['--symbols', 'exports']),
]
# Nobody defines it, which Apple's linkers want to be told. Weak references pull members there.
ABSENT = ['-U', '_plain_absent']
# On Apple's systems, where a program without a C library is none.
APPLE_CASES = [case for case in CASES if case.name not in ('cxx', 'lto')] + [
    Case('cxx', ['hard_cxx_left', 'hard_cxx_right'], host='host.cpp', strategies=ATOMIC, defines=['-DWEAK_PULLS'],
         flags=ABSENT, wants=('all right', 'destroyed 1', 'destroyed 2')),
    Case('cxx', ['hard_cxx_left'], host='host/one.cpp', defines=['-DWEAK_PULLS', '-DONE'], flags=ABSENT,
         wants=('all right', 'destroyed 1')),
    FAT,
    Case('nostd', ['hard_nostd'], host='host/system.c'),
]


def make(case, strategy, engine, hard, out):
    """Combines the case's libraries."""
    return combine(engine, strategy, [hard[name] for name in case.libraries], out,
                   exports=['hard_*'], workspace_library='hardshared', arguments=case.arguments)


def host(case, strategy):
    """The case's program: its source and its macros."""
    return TESTS / 'hard' / case.name / case.host, case.defines + (case.apart if strategy == 'prelink' else [])
