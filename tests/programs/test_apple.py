"""macOS: programs linked by LLVM's linker and by Zig's. Nothing here runs them: what a linker made of
the libraries is compared with what it makes of the libraries as built."""

import pytest

from harness import apple, fixtures
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import Plain, combine
from harness.fixtures import PLUGINS, defines, entry_points, exports

pytestmark = pytest.mark.needs('cross')

HOST = TESTS / 'workspace' / 'host' / 'main.c'
SUBSETS = [PLUGINS, ['gstidle'], ['gstworker'], ['gstpattern', 'gstrecord'], ['gstnative', 'gstrouter']]
STRATEGIES = ['dedup']


@pytest.fixture(scope='module', params=apple.MACHINES)
def machine(request):
    return request.param


@pytest.fixture(scope='module')
def originals(machine):
    return Plain(fixtures.workspace(TARGETS[machine]))


@pytest.fixture(scope='module', params=STRATEGIES)
def combined(request, engine, originals, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    patterns = [p for library in PLUGINS for p in exports(library)]
    return combine(engine, request.param, [originals.plugins[p] for p in PLUGINS], out / 'lib', exports=patterns)


@pytest.mark.parametrize('linker', apple.LINKERS)
@pytest.mark.parametrize('plugins', SUBSETS, ids='+'.join)
def test_program(machine, originals, combined, linker, plugins, tmp_path):
    def link(libraries, name):
        out = tmp_path / name
        apple.LINKERS[linker](machine, out, HOST, libraries.link(plugins), defines=defines(plugins, combined.strategy),
                              flags=['-dead_strip'] if linker == 'lld' else [])
        return apple.look(out)

    made, plain = link(combined, 'program'), link(originals, 'plain')
    called = entry_points(combined.plugins, plugins) & plain.exported
    assert len(called) >= len(plugins) and called <= made.exported
    # What is asked of the system, and what programs that load it see, is no more than before.
    assert made.undefined <= plain.undefined
    assert made.exported <= plain.exported
    # Apple's linker refuses more than three.
    assert len(made.personalities) == len(plain.personalities) == (plugins != ['gstidle'])
    # Panics pass through these.
    functions = made.functions.keys() & plain.functions.keys()
    assert len(functions) >= 0.9 * len(plain.functions)
    assert [f for f in functions if made.unwinding(f) != plain.unwinding(f)] == []
    assert plugins == ['gstidle'] or sum(made.unwinding(function) != 0 for function in functions) > 500


@pytest.mark.parametrize('plugin', PLUGINS)
def test_all_members(machine, combined, plugin, tmp_path):
    """Everything in a plugin library, as `-all_load` takes it."""
    first, workspace = combined.link([plugin])
    apple.lld(machine, tmp_path / 'program', HOST, [workspace], defines=defines([plugin], combined.strategy),
              flags=['-force_load', first])
    assert entry_points(combined.plugins, [plugin]) <= apple.look(tmp_path / 'program').exported


def test_all_load(machine, combined, tmp_path):
    apple.lld(machine, tmp_path / 'program', HOST, combined.link(), defines=defines(PLUGINS, combined.strategy),
              flags=['-all_load'])
    assert entry_points(combined.plugins, PLUGINS) <= apple.look(tmp_path / 'program').exported


def test_members_are_aligned(originals, combined):
    """Apple's linkers map members and read their words in place: 64-bit objects begin at multiples of 8,
    and what pads a member counts as part of it, else the next one is looked for in the wrong place."""
    before = {data.rstrip(b'\n') for path in originals.plugins.values() for _, _, _, data in apple.members(path)}
    count = 0
    for path in combined.libraries():
        for name, at, size, data in apple.members(path):
            assert at % 8 == 0 and size % 8 == 0, (path, name)
            if name.startswith('__.SYMDEF'):
                continue
            count += 1
            assert data.startswith(b'\xcf\xfa\xed\xfe'), (path, name)
            assert name == 'dragonfire.marker.o' or data.rstrip(b'\n') in before, (path, name)
    assert count > 100
