"""Eight of GStreamer's real plugins, built by the engine, combined, linked with Debian's GStreamer:
every element is made and plays a pipeline to its end."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from harness import cache, fixtures, link
from harness.cargo import TESTS
from harness.engine import STRATEGIES, combine
from harness.run import Failed, run

pytestmark = pytest.mark.needs('gstreamer')

HERE = TESTS / 'gstreamer'
PLUGINS = fixtures.GSTREAMER
SUBSETS = [['json', 'regex'], ['fallbackswitch'], ['textwrap', 'livesync', 'threadshare']]
CORE = ['gstreamer-1.0', 'gio-2.0']
MODULES = CORE + [f'gstreamer-{m}-1.0' for m in ('base', 'audio', 'video', 'net', 'app', 'rtp')]


def library(plugin):
    return f'gst{plugin}'


@pytest.fixture(scope='session')
def originals(engine):
    return fixtures.gstreamer(engine)


def pkg_config(*arguments):
    return run(['pkg-config', *arguments]).split()


def program(plugins, libraries, out, linker, *, modules=MODULES):
    defines = [f'-DWITH_{plugin.upper()}' for plugin in plugins]
    # Not every plugin's pipeline reads a file.
    flags = ['-Wno-format-extra-args', *pkg_config('--cflags', 'gstreamer-1.0')]
    return link.program(out, [HERE / 'main.c'], [*libraries, *pkg_config('--libs', *modules)],
                        linker=linker, defines=[*defines, *flags])


def play(command, plugins):
    """The registry of installed plugins would take seconds to make and is not needed to be kept."""
    out = link.check([*command, HERE], env={'GST_REGISTRY': str(cache.folder('gstreamer') / 'registry.bin')})
    assert sorted(line.split(':')[0] for line in out.splitlines() if ' made, pipeline to its end' in line) == sorted(plugins)


@pytest.fixture(scope='module')
def combined(request, engine, originals, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param) / 'lib'
    patterns = [f'gst_plugin_{plugin}_{what}' for plugin in PLUGINS for what in ('register', 'get_desc')]
    yield combine(engine, request.param, [originals[library(p)] for p in PLUGINS], out, exports=patterns)
    shutil.rmtree(out)


def by(*strategies):
    return pytest.mark.parametrize('combined', strategies, indirect=True, scope='module')


@by(*STRATEGIES)
@pytest.mark.parametrize('linker', ['bfd', 'lld'])
@pytest.mark.parametrize('plugins', [PLUGINS, *SUBSETS], ids='+'.join)
def test_plays(combined, plugins, linker, tmp_path):
    libraries = combined.link([library(p) for p in plugins])
    play(program(plugins, libraries, tmp_path / 'program', linker), plugins)


@by('prelink', 'meld')
@pytest.mark.parametrize('linker', ['bfd', 'lld'])
@pytest.mark.parametrize('plugin', PLUGINS)
def test_plays_alone(combined, plugin, linker, tmp_path):
    play(program([plugin], combined.link([library(plugin)]), tmp_path / 'program', linker), [plugin])


@by('meld')
def test_dead_code_asks_for_nothing(combined, tmp_path):
    """Against GStreamer's core and GIO alone, a program with the fallbackswitch plugin lacks what its
    live code takes from the audio, video and base libraries; as built, it lacks 245 symbols."""
    with pytest.raises(Failed) as failed:
        program(['fallbackswitch'], combined.link([library('fallbackswitch')]), tmp_path / 'program', 'bfd',
                modules=CORE)
    missing = set(re.findall(r'undefined reference to `(\w+)', failed.value.output))
    assert len(missing) == 8 and all(name.startswith(('gst_audio_', 'gst_flow_', 'gst_video_')) for name in missing), missing


# Bytes that all libraries may have together. dedup keeps debug information: 110.7 MB of members, each
# once, and 5.2 MB of symbol indexes. The others keep the names of functions, and lines of what lives.
LIMITS = {'dedup': 117_000_000, 'prelink': 28_000_000, 'meld': 18_000_000}


@by(*STRATEGIES)
def test_size(combined, originals):
    before = sum(path.stat().st_size for path in originals.values())
    after = sum(path.stat().st_size for path in [*combined.plugins.values(), combined.workspace])
    totals = combined.response['totals']
    assert (totals['bytes_before'], totals['bytes_after']) == (before, after)
    assert after <= LIMITS[combined.strategy]


def test_meld_without_names(engine, originals, tmp_path):
    """Only what linking needs: 9 MB of 391, and a shared library shows the exports alone."""
    libraries = [originals[library(p)] for p in PLUGINS]
    combined = combine(engine, 'meld', libraries, tmp_path / 'lib', arguments=['--symbols', 'exports', '--debug', 'strip'])
    assert sum(path.stat().st_size for path in (tmp_path / 'lib').glob('*.a')) <= 9_000_000
    shared = tmp_path / 'two.so'
    whole = ['-Wl,--whole-archive', *(combined.plugins[library(p)] for p in ('json', 'regex')),
             '-Wl,--no-whole-archive', combined.workspace]
    run(['gcc', '-shared', '-o', shared, *whole, *pkg_config('--libs', *MODULES), '-lm'])
    shown = {line.split()[-1] for line in run(['nm', '-D', '--defined-only', shared]).splitlines()}
    assert shown == {f'gst_plugin_{p}_{what}' for p in ('json', 'regex') for what in ('register', 'get_desc')}


def test_meld_without_lines(engine, originals, tmp_path):
    """Names of functions, and no debug information."""
    libraries = [originals[library(p)] for p in PLUGINS]
    combine(engine, 'meld', libraries, tmp_path / 'lib', arguments=['--debug', 'strip'])
    assert sum(path.stat().st_size for path in (tmp_path / 'lib').glob('*.a')) <= 10_300_000


def test_original_command_line(engine, originals, tmp_path):
    """In place, as cerbero's recipe runs the first dragonfire; then once more, which changes nothing."""
    libraries = [Path(shutil.copy(originals[library(p)], tmp_path)) for p in PLUGINS]
    shared = tmp_path / 'libgstrsworkspace.a'
    command = [engine, '-o', shared, '-f', 'gnu', *libraries]
    run(command)
    inputs = [*libraries, shared]
    for plugins in (PLUGINS, SUBSETS[0]):
        chosen = [path for path in libraries if path.stem.removeprefix('libgst') in plugins]
        play(program(plugins, [*chosen, shared], tmp_path / 'program', 'bfd'), plugins)
    before = [path.read_bytes() for path in inputs]
    run(command, status=None)
    assert before == [path.read_bytes() for path in inputs]


def test_picture_in_the_readme(engine, originals):
    """docs/before-and-after.svg is drawn from figures that still are these, to a twentieth."""
    spec = importlib.util.spec_from_file_location('picture', TESTS / 'bench/picture.py')
    picture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(picture)
    figures = re.compile(r'<title>(.*?): ([0-9.]+) MB')
    drawn = picture.PICTURE.read_text()
    before, after = re.search(r'([0-9.]+) MB as built, ([0-9.]+) MB melded', drawn).groups()
    rows, workspace = picture.measured(engine, [originals[library(p)] for p in PLUGINS])
    assert abs(sum(row[1] for row in rows) / 1e6 - float(before)) < float(before) / 20
    assert abs(sum(row[2] for row in [*rows, workspace]) / 1e6 - float(after)) < float(after) / 20
    now, then = (dict(figures.findall(text)) for text in (picture.drawn(rows, workspace), drawn))
    assert now.keys() == then.keys()
    assert all(abs(float(now[k]) - float(then[k])) <= max(float(then[k]) / 20, 0.2) for k in now), (now, then)
    readme = (TESTS.parent / 'README.md').read_text()
    assert f'{float(before):.0f} MB as built, {float(after):.0f} MB melded](docs/before-and-after.svg)' in readme
    assert f'lines of live code | {after} |' in readme
