"""Runs CMake."""

import os
import subprocess
import sys

from . import cache
from .run import run

# No engine and no package that this machine happens to have.
CLEAN = {'CMAKE_PREFIX_PATH': '', 'CMAKE_EXPORT_COMPILE_COMMANDS': '', 'CMAKE_GENERATOR': ''}


def cmake(*arguments, status=0, env=()):
    """What it printed, errors too; messages that CMake wrapped are joined again."""
    done = subprocess.run(
        ['cmake', *map(str, arguments)], env={**os.environ, **CLEAN, **dict(env)}, timeout=2400,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    assert done.returncode == 0 if status == 0 else done.returncode != 0, done.stdout[-8000:]
    return done.stdout


# As CMakeLists.txt and README say; and a new one. Debian's stands between them.
OLDEST, NEWEST = '3.22.0', '4.4.5'


def python_cmake(version):
    """The folder of another version's programs."""
    def make(folder):
        run([sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check', 'install', '--no-deps',
             '--target', folder, f'cmake=={version}'])
    return cache.result('cmake', version, version, make) / 'cmake/data/bin'
