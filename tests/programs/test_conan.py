"""packaging/conan: Conan makes the package, and a CMake project that requires it finds the function and the engine."""

import os
import shutil
import sys

import pytest

from harness import cache
from harness.run import run

pytestmark = pytest.mark.needs('cmake')

CONSUMER = '''[tool_requires]
dragonfire/{version}
[generators]
CMakeToolchain
VirtualBuildEnv
[layout]
cmake_layout
'''
PROJECT = '''cmake_minimum_required(VERSION 3.23)
project(consumer VERSION 1.0 LANGUAGES C)
find_package(Dragonfire REQUIRED)
add_rust_staticlibs(rust LIBRARIES {libraries} EXPORTS gst_plugin_*)
message(STATUS "by ${{DRAGONFIRE_EXECUTABLE}}")
add_executable(program main.c)
target_link_libraries(program PRIVATE rust::all)
'''


@pytest.fixture
def conan(tmp_path):
    def make(folder):
        run([sys.executable, '-m', 'venv', folder])
        run([folder / 'bin/pip', '--quiet', '--disable-pip-version-check', 'install', 'conan==2.34.0'])

    # Its programs know the path that they were made under.
    folder = cache.folder('conan') / '2.34.0'
    with cache.alone(folder):
        if not (folder / 'bin/conan').is_file():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
    env = {**os.environ, 'CONAN_HOME': str(tmp_path / 'home')}
    call = lambda *arguments, **options: run([folder / 'bin/conan', *arguments], env=env, timeout=3600, **options)
    call('profile', 'detect')
    return call


@pytest.mark.parametrize('built', [False, pytest.param(True, marks=pytest.mark.long)], ids=['packed', 'built'])
def test_package_and_consumer(built, conan, engine, workspace, tmp_path):
    """The engine is built in the package, or one that is there is packed."""
    conan('create', cache.ROOT / 'packaging/conan', *([] if built else ['-c', f'user.dragonfire:executable={engine}']))
    # What is exported is a package as it stands, tests or not.
    exported, = (tmp_path / 'home/p').glob('*/es/Cargo.toml')
    run(['cargo', 'metadata', '--locked', '--offline', '--format-version', '1', '--manifest-path', exported])
    version = run(['cargo', 'pkgid', '--manifest-path', cache.ROOT / 'Cargo.toml']).strip().rpartition('#')[2].rpartition('@')[2]
    source = tmp_path / 'source'
    source.mkdir()
    libraries = sorted(workspace.values())
    (source / 'conanfile.txt').write_text(CONSUMER.format(version=version))
    (source / 'CMakeLists.txt').write_text(PROJECT.format(libraries=' '.join(f'"{library}"' for library in libraries)))
    shutil.copy(cache.ROOT / 'tests/workspace/host/main.c', source)
    conan('install', source)
    said = run(['cmake', '--preset', 'conan-release'], cwd=source)
    assert str(tmp_path / 'home') in next(line for line in said.splitlines() if 'by ' in line)
    run(['cmake', '--build', '--preset', 'conan-release'], cwd=source)
    assert run([source / 'build/Release/program'])
