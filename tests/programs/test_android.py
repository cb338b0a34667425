"""Android: shared libraries of the plugins, linked with lld. Nothing here runs them; their dynamic
symbols say what leaks and what is asked for."""

import pytest

from harness import android, fixtures
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import ATOMIC, STRATEGIES, Plain, combine
from harness.fixtures import PLUGINS, defines, entry_points, exports

pytestmark = pytest.mark.needs('cross')

HOST = TESTS / 'workspace' / 'host' / 'main.c'
SUBSETS = [PLUGINS, ['gstidle'], ['gstworker'], ['gstnative', 'gstrouter']]


@pytest.fixture(scope='module')
def originals():
    return fixtures.workspace(TARGETS['android'])


@pytest.fixture(scope='module')
def combined(request, engine, originals, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    patterns = [p for library in PLUGINS for p in exports(library)]
    return combine(engine, request.param, [originals[p] for p in PLUGINS], out / 'lib', exports=patterns)


def by(*strategies):
    return pytest.mark.parametrize('combined', strategies, indirect=True, scope='module')


def shared(result, plugins, out, strategy):
    return android.shared(out, HOST, [str(a).removeprefix('-Wl,') for a in result.link(plugins)],
                          defines=defines(plugins, strategy))


@by(*STRATEGIES)
@pytest.mark.parametrize('plugins', SUBSETS, ids='+'.join)
def test_shared_library(combined, originals, plugins, tmp_path):
    """Asks the system for nothing that the libraries as built do not ask for. What takes members apart
    shows the plugins' exports alone; dedup shows what the libraries as built show."""
    out = shared(combined, plugins, tmp_path / 'libplugins.so', combined.strategy)
    plain = shared(Plain(originals), plugins, tmp_path / 'libplain.so', 'plain')
    assert android.undefined(out) <= android.undefined(plain)
    wanted = entry_points(originals, plugins)
    assert len(wanted) >= len(plugins)
    if combined.strategy == 'dedup':
        assert wanted <= android.visible(out)
        assert android.visible(out) == android.visible(plain)
    else:
        assert android.visible(out) == wanted


@by(*ATOMIC)
def test_size(combined, originals, tmp_path):
    """A shared library is no larger than one of the libraries as built."""
    out = shared(combined, ['gstworker'], tmp_path / 'libplugins.so', combined.strategy)
    plain = shared(Plain(originals), ['gstworker'], tmp_path / 'libplain.so', 'plain')
    assert out.stat().st_size < plain.stat().st_size
