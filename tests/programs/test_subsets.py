"""Every subset of the fixture's plugins links and runs; the full set with every linker and mode."""

import pytest

from harness import link
from harness.cargo import TESTS
from harness.engine import ATOMIC, STRATEGIES, combine
from harness.fixtures import PLUGINS, defines, exports, subsets

HOST = TESTS / 'workspace' / 'host' / 'main.c'


@pytest.fixture(scope='module')
def combined(request, engine, workspace, tmp_path_factory):
    """All plugins of the workspace, combined by the strategy that the test names."""
    out = tmp_path_factory.mktemp(request.param)
    patterns = [p for library in PLUGINS for p in exports(library)]
    return combine(engine, request.param, [workspace[p] for p in PLUGINS], out / 'lib', exports=patterns)


def run_subset(combined, plugins, out, **how):
    command = link.program(out, [HOST], combined.link(plugins), defines=defines(plugins, combined.strategy), **how)
    printed = link.check(command)
    for plugin in plugins:
        assert plugin.removeprefix('gst') + ': ' in printed


def by(*strategies):
    return pytest.mark.parametrize('combined', strategies, indirect=True, scope='module')


@by(*STRATEGIES)
@pytest.mark.parametrize('plugins', subsets(PLUGINS), ids='+'.join)
def test_subset(combined, plugins, tmp_path):
    """lld is the quickest to link whole archives."""
    run_subset(combined, plugins, tmp_path / 'program', linker='lld')


@by(*STRATEGIES)
@pytest.mark.parametrize('mode', link.MODES)
@pytest.mark.parametrize('linker', link.LINKERS)
def test_full_set(combined, linker, mode, tmp_path):
    run_subset(combined, PLUGINS, tmp_path / 'program', linker=linker, mode=mode)


@by(*STRATEGIES)
@pytest.mark.parametrize('linker', link.LINKERS)
@pytest.mark.parametrize('plugin', PLUGINS)
def test_whole_archive(combined, plugin, linker, tmp_path):
    """A build system may pull every member of a plugin library."""
    first, *rest = combined.link([plugin])
    libraries = ['-Wl,--whole-archive', first, '-Wl,--no-whole-archive', *rest]
    link.check(link.program(tmp_path / 'program', [HOST], libraries, linker=linker, defines=defines([plugin], combined.strategy)))


@by(*ATOMIC)
@pytest.mark.parametrize('linker', link.LINKERS)
def test_shared_library_exports(combined, linker, tmp_path):
    """Nothing of the plugins is visible in a shared library but what they export."""
    out = tmp_path / 'libplugins.so'
    link.program(out, [HOST], combined.link(), linker=linker, mode='shared',
                 defines=defines(PLUGINS, combined.strategy))
    mine = {name for name in link.dynamic_symbols(out) if name != 'entry'}
    assert mine == {name for p in combined.response['plugins'] for name in p['exports']}
    assert len(mine) > len(PLUGINS)
