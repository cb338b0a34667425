"""The hard cases of tests/hard: each linked by every linker and run."""

import pytest

from harness import link
from harness.cargo import TESTS
from harness.engine import ATOMIC, STRATEGIES, combine
from harness.hard_cases import CASES, host, make
from harness.run import run


def runs():
    """Every case by every strategy that can do it."""
    for case in CASES:
        for strategy in STRATEGIES:
            if strategy in case.strategies:
                yield pytest.param(case, strategy, id='-'.join([case.name, *case.defines, strategy]))


def build(case, strategy, combined, out, **how):
    source, macros = host(case, strategy)
    return link.program(out, [source], combined.link(case.linked), defines=macros, flags=case.flags, **how)


@pytest.mark.parametrize('case, strategy', list(runs()))
def test_case(case, strategy, engine, hard, tmp_path):
    combined = make(case, strategy, engine, hard, tmp_path / 'lib')
    for linker in link.LINKERS:
        for mode in ('pie', 'gc-sections', 'static'):
            out = link.check(build(case, strategy, combined, tmp_path / f'{linker}-{mode}', linker=linker, mode=mode))
            assert all(text in out for text in case.wants)


@pytest.mark.parametrize('strategy', ATOMIC)
def test_no_memory_error(strategy, engine, hard, tmp_path):
    """Three allocators in one program: valgrind sees no crossing free and no invalid access."""
    case = CASES[0]
    combined = make(case, strategy, engine, hard, tmp_path / 'lib')
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
