"""The hard cases of tests/hard on macOS: linked as built, where that links at all, and as each strategy
makes them, and run."""

import pytest

from harness import apple, fixtures, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import APPLE_STRATEGIES, Plain, combine
from harness.hard_cases import APPLE_CASES, host, make
from harness.link import versioned
from harness.run import run

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


RUSTS = r'''
#include <stdio.h>
int hard_left_catches(void), hard_left_joins(void), hard_right_catches(void), hard_right_joins(void);
int main(void) {
    if (hard_left_catches() + hard_left_joins() + hard_right_catches() + hard_right_joins() == 4) printf("all right\n");
    return 0;
}
'''


@pytest.fixture(scope='module')
def two_rusts(machine, libraries):
    """Libraries of two vendors, who have two versions of Rust."""
    return {'hard_unwind_left': libraries['hard_unwind_left'], 'hard_unwind_right': fixtures.of_another_rust(TARGETS[machine])}


def with_two_rusts(machine, folder, given):
    """Links and runs a program; gives what is in it."""
    source = folder / 'rusts.c'
    source.write_text(RUSTS)
    apple.lld(machine, folder / 'program', source, given, runs=True, flags=['-dead_strip'])
    machorun.check(machine, folder / 'program')
    return apple.look(folder / 'program')


def test_two_rusts_as_built(machine, two_rusts, tmp_path):
    """Names that are mangled differ in all of them. The personality routine's is not, and clashes."""
    defined = [set(run([versioned('llvm-nm'), '--quiet', '--defined-only', '--extern-only', '--format=just-symbols', path]).split())
               for path in two_rusts.values()]
    common = defined[0] & defined[1]
    assert '_rust_eh_personality' in common and not [name for name in common if name.startswith('__R')]
    with pytest.raises(AssertionError, match='duplicate symbol: _rust_eh_personality'):
        with_two_rusts(machine, tmp_path, list(two_rusts.values()))


def test_two_rusts_apart(machine, engine, two_rusts, tmp_path):
    """Each prelinked by its vendor, in either order, and one as its compiler made it: a panic is caught in each,
    by the personality routine of one."""
    apart = {name: combine(engine, 'prelink', [path], tmp_path / name, exports=['hard_*'], workspace_library=f'{name}shared').link()
             for name, path in two_rusts.items()}
    left, right = apart.values()
    for given in ([*left, *right], [*right, *left], [two_rusts['hard_unwind_right'], *left]):
        assert len(with_two_rusts(machine, tmp_path, given).personalities) == 1


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_two_rusts_together(machine, strategy, engine, two_rusts, tmp_path):
    """Nothing is shared between them but the personality routine, and no warning is due."""
    made = combine(engine, strategy, list(two_rusts.values()), tmp_path / 'lib', exports=['hard_*'], workspace_library='hardshared')
    assert not made.response.get('warnings')
    program = with_two_rusts(machine, tmp_path, made.link())
    assert len(program.personalities) == 1
    # Each has its own runtime.
    assert len([name for name in program.functions if name.endswith('___rust_panic_cleanup')]) == 2
