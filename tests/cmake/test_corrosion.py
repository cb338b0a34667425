"""The kinds of projects that Corrosion tests itself with: corrosion/README.md lists them, and every static library
of the list is built, linked and run here."""

import os
import re
from pathlib import Path

import pytest

from harness import cache, tools
from harness.cmake import NEWEST, OLDEST, cmake, python_cmake
from harness.run import run

HERE = Path(__file__).parent / 'corrosion'
PROJECTS = sorted(path.parent.name for path in HERE.glob('*/CMakeLists.txt'))

# What each program says; a project's program has its name where nothing else is written.
SAYS = {
    'cargo_config_rustflags': ['all flags'],
    'cargo_flags': ['three features'],
    'cbindgen_auto': ['moved to 4712,42'],
    'cbindgen_manual': ['moved to 4712,42'],
    'config_discovery': ['found'],
    'crate_type': ['library 1', 'library 2'],
    'cxxbridge_circular': ['asked for five', 'asked for seven'],
    'cxxbridge_exported_impls': ['outcome of one', 'outcome of nothing', 'no name'],
    'cxxbridge_rust2cpp': ['first: [7, 8, 9]', 'second: 24'],
    'envvar': ['environment'],
    'features': ['feature one', 'feature two'],
    'gensource': ['generated'],
    'install_lib': ['sum: 11'],
    'multitarget': ['21'],
    'nostd': [],
    'output_directory': ['from another folder'],
    'override_crate_type': ['no static library by itself'],
    'profile_dev': ['assertions: yes'],
    'profile_release': ['assertions: yes'],
    'profile_own': ['assertions: no'],
    'rust2cpp': ['Rust greets C++'],
    'rustflags': ['flags of debug'],
    'workspace': ['first', 'second'],
}
FOLDER = {name: 'profiles' if name.startswith('profile_') else name for name in SAYS}


@pytest.fixture(scope='session')
def arguments(engine):
    return ['-S', HERE, f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}',
            f'-DDRAGONFIRE_CBINDGEN={tools.cbindgen()}', f'-DDRAGONFIRE_CXXBRIDGE={tools.cxxbridge()}',
            f'-DDRAGONFIRE_TARGET_DIR={cache.folder("cargo", "cmake-corrosion")}']


@pytest.fixture(scope='session')
def tree(arguments, tmp_path_factory):
    """All of them in one build, each call beside others; what fails is left to its own test."""
    build = tmp_path_factory.mktemp('corrosion') / 'a build'
    cmake(*arguments, '-G', 'Ninja', '-B', build, '-DCMAKE_BUILD_TYPE=Debug', f'-DPROJECTS={";".join(PROJECTS)}')
    # Without a status: which failed is seen by what is missing.
    (build / 'said.txt').write_text(run(['cmake', '--build', build, '--', '-k', '0'], status=None))
    return build


@pytest.mark.parametrize('program', SAYS)
def test_project(program, tree):
    """It is built, linked and says what it should."""
    path = tree / FOLDER[program] / program
    if not path.is_file():
        cmake('--build', tree, '--target', program)
    assert run([path]).splitlines() == SAYS[program]


def test_list():
    """The list has every project here, and says of each other one why it is not."""
    rows = re.findall(r'^\| (`[^|]+) \|[^|]*\|([^|]*)\|', (HERE / 'README.md').read_text(), re.M)
    ours = {name.strip('`').split(',')[0] for name, result in rows if result.startswith(' ran')}
    others = [name for name, result in rows if result.startswith(' not ours')]
    assert len(rows) == 31 and len(others) == 8
    assert ours - {'cbindgen install'} == set(PROJECTS) == set(FOLDER.values())


def test_nothing_to_do(tree):
    """Generated headers and requests that are complete late are no reason to build again."""
    cmake('--build', tree)
    assert 'no work to do' in cmake('--build', tree)
    cmake(tree)
    assert 'no work to do' in cmake('--build', tree)


def test_installed(tree, arguments, tmp_path):
    """A component has libraries, headers and the licence; a program finds all of them."""
    cmake('--build', tree)
    prefix = tmp_path / 'prefix'
    cmake('--install', tree, '--prefix', prefix, '--component', 'rust')
    found = {str(path.relative_to(prefix)) for path in prefix.rglob('*') if path.is_file()}
    assert found >= {'lib/libinstalled_sum.a', 'lib/cmake/sum/sum-headers.cmake', 'include/installed/sum.h',
                     'include/installed/generated.h', 'share/licenses/sum/LICENSE.txt'}
    (tmp_path / 'CMakeLists.txt').write_text(
        'cmake_minimum_required(VERSION 3.22)\nproject(user LANGUAGES CXX)\nfind_package(sum REQUIRED)\n'
        f'add_executable(user {HERE}/install_lib/main.cpp)\ntarget_link_libraries(user PRIVATE sum::installed_sum)\n')
    cmake('-G', 'Ninja', '-S', tmp_path, '-B', tmp_path / 'user', f'-Dsum_ROOT={prefix}')
    cmake('--build', tmp_path / 'user')
    assert run([tmp_path / 'user/user']) == 'sum: 11\n'
    found = {'PKG_CONFIG_PATH': str(prefix / 'lib/pkgconfig')}
    flags = run(['pkg-config', '--static', '--cflags', '--libs', 'installed_sum'], env=found)
    run(['sh', '-c', f'c++ -o {tmp_path}/third {HERE}/install_lib/main.cpp {flags}'])
    assert run([tmp_path / 'third']) == 'sum: 11\n'


@pytest.mark.long
@pytest.mark.parametrize('generator', ['Ninja', 'Ninja Multi-Config', 'Unix Makefiles'])
@pytest.mark.parametrize('version', [OLDEST, NEWEST])
def test_versions(version, generator, arguments, tmp_path, monkeypatch):
    """All of them by the oldest CMake and a new one."""
    monkeypatch.setenv('PATH', str(python_cmake(version)), prepend=os.pathsep)
    cmake(*arguments, '-G', generator, '-B', tmp_path, '-DCMAKE_BUILD_TYPE=Debug', f'-DPROJECTS={";".join(PROJECTS)}')
    cmake('--build', tmp_path, '--config', 'Debug')
    below = Path('Debug') if 'Multi' in generator else Path()
    for program, says in SAYS.items():
        assert run([tmp_path / FOLDER[program] / below / program]).splitlines() == says, program
