"""Runs CMake."""

import os
import subprocess

# No engine and no package that this machine happens to have.
CLEAN = {'CMAKE_PREFIX_PATH': '', 'CMAKE_EXPORT_COMPILE_COMMANDS': '', 'CMAKE_GENERATOR': ''}


def cmake(*arguments, status=0, env=()):
    """What it printed, errors too; messages that CMake wrapped are joined again."""
    done = subprocess.run(
        ['cmake', *map(str, arguments)], env={**os.environ, **CLEAN, **dict(env)}, timeout=2400,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    assert done.returncode == 0 if status == 0 else done.returncode != 0, done.stdout[-8000:]
    return done.stdout
