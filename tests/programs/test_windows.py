"""Windows: every subset of the plugins links with lld-link (MSVC) and with MinGW, and runs in wine."""

import pytest

from harness import fixtures, link, windows
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import combine
from harness.fixtures import PLUGINS, defines, exports, subsets

pytestmark = [pytest.mark.needs('cross'), pytest.mark.needs('windows')]

HOST = TESTS / 'workspace' / 'host' / 'main.c'
LINK = {'msvc': windows.msvc, 'mingw': windows.mingw}
STRATEGIES = ['dedup']


@pytest.fixture(scope='module')
def combined(request, engine, tmp_path_factory):
    name, strategy = request.param
    libraries = fixtures.workspace(TARGETS[name])
    patterns = [p for library in PLUGINS for p in exports(library)]
    out = tmp_path_factory.mktemp('-'.join(request.param))
    return name, combine(engine, strategy, [libraries[p] for p in PLUGINS], out / 'lib', exports=patterns)


everywhere = pytest.mark.parametrize('combined', [(name, strategy) for name in LINK for strategy in STRATEGIES],
                                     indirect=True, scope='module', ids='-'.join)


@everywhere
@pytest.mark.parametrize('plugins', subsets(PLUGINS), ids='+'.join)
def test_subset(combined, plugins, tmp_path):
    name, result = combined
    program = LINK[name](tmp_path / 'program', [HOST], result.link(plugins), defines=defines(plugins, result.strategy))
    link.check(program, timeout=300)


@everywhere
def test_size(combined):
    """std, and what goes with it, is there once: also where each library's own objects name their source
    files in debug information, or bring type information of panics that std has too."""
    _, result = combined
    totals = result.response['totals']
    assert totals['bytes_after'] <= 0.4 * totals['bytes_before']
