"""The engine, the fixture libraries, and the rule that CI skips nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from harness import fixtures
from harness.cache import ROOT
from harness.cross import TARGETS


@pytest.fixture(scope='session')
def engine():
    """The dragonfire program: $DRAGONFIRE, else built from this tree."""
    if given := os.environ.get('DRAGONFIRE'):
        return Path(given).resolve(strict=True)
    subprocess.run(['cargo', 'build', '--release', '--locked', '--message-format=short'], cwd=ROOT, check=True)
    return Path(os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')) / 'release' / 'dragonfire'


@pytest.fixture(scope='session')
def workspace():
    """Static libraries of tests/workspace, by library name."""
    return fixtures.workspace()


@pytest.fixture(scope='session')
def hard():
    """Static libraries of tests/hard, by library name."""
    return fixtures.hard()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Skips what `tests/run` found to have no tools: marked parts, and folders of that name. Where two
    processes share the work, an integration's tests and GStreamer's stay in one of them."""
    if not os.environ.get('DRAGONFIRE_LONG'):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker('long')])
        items[:] = [item for item in items if not item.get_closest_marker('long')]
    unavailable = set(os.environ.get('DRAGONFIRE_UNAVAILABLE', '').split())
    for item in items:
        parts = {mark.args[0] for mark in item.iter_markers('needs')} | set(item.path.parts[-3:-1])
        for part in sorted(parts & unavailable):
            item.add_marker(pytest.mark.skip(f'the tools of "{part}" are not installed'))
        if item.path.parent.name != 'programs' or 'gstreamer' in parts:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        elif hasattr(item, 'callspec'):
            # One process builds a target's libraries, and the other meanwhile another target's.
            targets = [target for target in TARGETS if f'-{target}-' in f'-{item.callspec.id}-']
            # One name begins with another one.
            if targets:
                item.add_marker(pytest.mark.xdist_group(max(targets, key=len)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not hasattr(report, 'wasxfail') and os.environ.get('CI') == 'true':
        report.outcome = 'failed'
        report.longrepr = f'skipped, which CI does not allow: {report.longrepr}'
    return report
