"""The engine, and which tests there are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Against a checkout of cerbero, where one is named: there is none in CI.
if not os.environ.get('CERBERO_CHECKOUT'):
    collect_ignore = ['test_real_cerbero.py']

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope='session')
def engine():
    """The dragonfire program."""
    if given := os.environ.get('DRAGONFIRE'):
        return Path(given).resolve(strict=True)
    command = ['cargo', 'build', '--release', '--locked', '--message-format', 'short']
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get('CARGO_TARGET_DIR', ROOT / 'target'))
    return target / 'release' / 'dragonfire'
