"""Libraries for Apple: every member is taken apart, and inspect says what is in them."""

import json
import os
import subprocess

import pytest

from harness import apple, fixtures
from harness.cache import ROOT
from harness.cross import TARGETS
from harness.fixtures import PLUGINS, exports
from harness.link import versioned
from harness.run import run

pytestmark = pytest.mark.needs('cross')


@pytest.fixture(scope='module', params=list(apple.MACHINES))
def target(request):
    return request.param


@pytest.fixture(scope='module')
def libraries(target):
    return fixtures.workspace(TARGETS[target])


def test_every_member_is_taken_apart(libraries):
    """Atoms fill their sections, relocations have a place and a target, Rust functions unwind."""
    given = '\n'.join(str(libraries[plugin]) for plugin in PLUGINS)
    subprocess.run(
        ['cargo', 'test', '--locked', '--quiet', '--test', 'macho', '--', '--ignored', 'every_member_of_given_libraries'],
        cwd=ROOT, env={**os.environ, 'DRAGONFIRE_APPLE_LIBRARIES': given}, check=True)


def inspect(engine, libraries, *arguments):
    paths = [str(libraries[plugin]) for plugin in PLUGINS]
    return json.loads(run([engine, 'inspect', '--json', *arguments, '--', *paths]))['inspection']


def test_inspect_adds_up(engine, libraries):
    patterns = [p for plugin in PLUGINS for p in exports(plugin)]
    seen = inspect(engine, libraries, '--exports', ','.join(patterns))
    for library in seen['libraries']:
        kinds = library['kinds']
        assert sum(size for kind, size in kinds.items() if kind != 'bss') == library['bytes']
        for kind in ('code', 'read_only', 'unwind', 'symbols', 'relocations'):
            assert kinds[kind] > 0, kind
        # As programs in C call them: without the underscore.
        name = library['library'].removeprefix('gst')
        assert any(e.startswith(f'gst_plugin_{name}_') for e in library['exports'])
    assert {e['provider']['kind'] for e in seen['externals']}.isdisjoint({'unknown', 'foreign'})
    by_name = {e['symbol']: e for e in seen['externals']}
    assert by_name['_pthread_self']['provider']['link'] == ['-lSystem']


def test_what_melding_would_keep(engine, libraries):
    """The reader's atoms, followed from the exports: every plugin alone, and what they share."""
    patterns = [p for plugin in PLUGINS for p in exports(plugin)]
    seen = inspect(engine, libraries, '--melded', '--exports', ','.join(patterns))
    melded = seen['melded']
    whole = sum(seen['kinds'][kind] for kind in ('code', 'read_only', 'data', 'unwind'))
    assert 0 < melded['bytes'] < whole / 4
    assert melded['atoms'] > 1000


def test_reach_agrees_with_the_linker(engine, target, libraries, tmp_path):
    """A program of one plugin, dead code stripped by ld64.lld: its code is what we say is live."""
    host = tmp_path / 'main.c'
    host.write_text('int gst_plugin_pattern_register(void), gst_plugin_pattern_count(void);\n'
                    'int main(void) { return gst_plugin_pattern_register() + gst_plugin_pattern_count(); }\n')
    library = libraries['gstpattern']
    apple.lld(target, tmp_path / 'program', host, [library], flags=['-dead_strip'])
    sections = run([versioned('llvm-size'), '-A', tmp_path / 'program'])
    code = next(int(line.split()[1]) for line in sections.splitlines() if line.startswith('__text '))
    seen = json.loads(run([engine, 'inspect', '--json', '--melded', '--exports', 'gst_plugin_pattern_*', '--', library]))
    melded = seen['inspection']['melded']
    ours = sum(crate['kinds']['code'] for crate in melded['crates'])
    # What waits for others to ask, std's weak `__isOSVersionAtLeast`, this program does not have.
    ours -= sum(reach_set['bytes'] for reach_set in melded['reach_sets'] if 'gstpattern' not in reach_set['plugins'])
    # `main`, and the padding between functions, are the program's alone.
    assert 0.98 * code < ours < code
