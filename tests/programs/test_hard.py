"""The hard cases of tests/hard: each linked by every linker and run.

`prelink` gives each library its own std, so there statics of shared crates are apart (-DAPART), and
what `dedup` cannot do, because today's linking cannot, is left to the others."""

from dataclasses import dataclass, field

import pytest

from harness import link
from harness.cargo import TESTS
from harness.engine import combine
from harness.run import run

STRATEGIES = ['dedup', 'prelink', 'meld']


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


APART = ['-DAPART']
ATOMIC = ('prelink', 'meld')
BOTH_UNWIND = ['hard_unwind_left', 'hard_unwind_right']
BOTH_REG = ['hard_reg_left', 'hard_reg_right']
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


def runs():
    """Every case by every strategy that can do it."""
    for case in CASES:
        for strategy in STRATEGIES:
            if strategy in case.strategies:
                yield pytest.param(case, strategy, id='-'.join([case.name, *case.defines, strategy]))


def make(case, strategy, engine, hard, folder):
    return combine(engine, strategy, [hard[name] for name in case.libraries], folder / 'lib',
                   exports=['hard_*'], workspace_library='hardshared', arguments=case.arguments)


def build(case, strategy, combined, out, **how):
    host = TESTS / 'hard' / case.name / case.host
    defines = case.defines + (case.apart if strategy == 'prelink' else [])
    return link.program(out, [host], combined.link(case.linked), defines=defines, flags=case.flags, **how)


@pytest.mark.parametrize('case, strategy', list(runs()))
def test_case(case, strategy, engine, hard, tmp_path):
    combined = make(case, strategy, engine, hard, tmp_path)
    # Symbols of the program itself are what a backtrace names.
    for linker in link.LINKERS:
        for mode in ('pie', 'gc-sections', 'static'):
            out = link.check(build(case, strategy, combined, tmp_path / f'{linker}-{mode}', linker=linker, mode=mode))
            assert all(text in out for text in case.wants)


@pytest.mark.parametrize('strategy', [s for s in STRATEGIES if s in ATOMIC])
def test_no_memory_error(strategy, engine, hard, tmp_path):
    """Three allocators in one program: valgrind sees no crossing free and no invalid access."""
    case = CASES[0]
    combined = make(case, strategy, engine, hard, tmp_path)
    program = build(case, strategy, combined, tmp_path / 'program')
    link.check(['valgrind', '--quiet', '--error-exitcode=9', *program])


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('linker', link.LINKERS)
def test_program_without_libc(strategy, linker, engine, hard, tmp_path):
    """`memcpy` of a no_std plugin serves a program that has no other."""
    combined = combine(engine, strategy, [hard['hard_nostd']], tmp_path / 'lib', exports=['hard_*'],
                       workspace_library='hardshared')
    program = tmp_path / 'program'
    run(['gcc', '-O1', '-ffreestanding', '-fno-builtin', '-nostdlib', '-static', '-no-pie', '-fno-pie',
         f'-fuse-ld={linker}', f'-B{link.linker_folder()}', TESTS / 'hard' / 'nostd' / 'host.c',
         '-o', program, *combined.link()])
    run([program])
