"""The hard cases of tests/hard on macOS: linked as built, where that links at all, and as each strategy
makes them, and run."""

import pytest

from harness import apple, fixtures, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import APPLE_STRATEGIES, Plain, combine
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


VENDORS = r'''
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif
int hard_left_catches(void);
int hard_left_joins(void);
#ifdef __cplusplus
int hard_right_catches(void (*)(void));
void hard_right_throws(void);
}
#define RIGHT (hard_right_catches(hard_right_throws) == 22)
#else
int hard_right_catches(void);
#define RIGHT (hard_right_catches() == 1)
#endif
#ifdef __cplusplus
extern "C"
#endif
int gst_plugin_worker_catches(void);
int main(void) {
    if (hard_left_catches() == 1 && hard_left_joins() == 1 && RIGHT && gst_plugin_worker_catches() == 1) printf("all right\n");
    return 0;
}
'''


@pytest.mark.parametrize('right, suffix, personalities', [('hard_unwind_right', 'c', 1), ('hard_cxx_right', 'cpp', 2)])
def test_vendors(machine, right, suffix, personalities, engine, libraries, tmp_path):
    """Libraries of three vendors, each prelinked by itself: one personality routine of Rust's, also where one
    of them is as its compiler made it, whoever comes first; with a library of C++'s there are two."""
    plain = {**libraries, **fixtures.workspace(TARGETS[machine])}
    names = ['hard_unwind_left', right, 'gstworker']
    apart = {}
    for name in names:
        made = combine(engine, 'prelink', [plain[name]], tmp_path / name, exports=['gst_plugin_*' if name == 'gstworker' else 'hard_*'],
                       workspace_library=f'{name}shared')
        apart[name] = made.link()
    source = tmp_path / f'vendors.{suffix}'
    source.write_text(VENDORS)
    mixed = [apart['hard_unwind_left'], apart[right], [plain['gstworker']]]
    for number, order in enumerate([list(apart.values()), mixed, mixed[::-1]]):
        program = tmp_path / f'program{number}'
        apple.lld(machine, program, source, [path for paths in order for path in paths], runs=True,
                  flags=['-dead_strip', '-U', '_plain_absent', '-U', '_host_hook'])
        assert len(apple.look(program).personalities) == personalities
        machorun.check(machine, program)
