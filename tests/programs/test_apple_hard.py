"""The hard cases of tests/hard on macOS: linked as built, where that links at all, and as each strategy
makes them, and run."""

import pytest

from harness import apple, fixtures, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import APPLE_STRATEGIES, Plain
from harness.hard_cases import APPLE_CASES, host, make

pytestmark = pytest.mark.needs('cross')


def runs():
    """Every case as built (None) and by every strategy that can do it. What today's linking cannot do,
    dedup cannot either."""
    for case in APPLE_CASES:
        for strategy in [None, *APPLE_STRATEGIES]:
            if (strategy or 'dedup') in case.strategies:
                yield pytest.param(case, strategy, id='-'.join([case.name, *case.defines, strategy or 'plain']))


@pytest.fixture(scope='module', params=list(apple.MACHINES))
def machine(request):
    return request.param


@pytest.fixture(scope='module')
def libraries(machine):
    return fixtures.hard(TARGETS[machine])


@pytest.mark.parametrize('case, strategy', list(runs()))
def test_case(machine, case, strategy, engine, libraries, tmp_path):
    if strategy:
        combined = make(case, strategy, engine, libraries, tmp_path / 'lib')
    else:
        combined = Plain({name: libraries[name] for name in case.libraries})
    source, macros = host(case, strategy)
    for linker, link in apple.LINKERS.items():
        # Zig's linker cannot be told of a single symbol that it may be absent.
        if (linker, machine) in apple.RUNS and not (case.flags and linker == 'zig'):
            program = tmp_path / linker
            link(machine, program, source, combined.link(case.linked), defines=macros,
                 flags=['-dead_strip', *case.flags] if linker == 'lld' else [], runs=True)
            printed = machorun.check(machine, program)
            assert all(text in printed for text in case.wants)
