"""Beside Corrosion itself, of which CORROSION_CHECKOUT names a checkout: its users add one call and keep the rest."""

import os
import shutil
from pathlib import Path

import pytest

from harness import cache
from harness.cmake import cmake
from harness.run import run

CORROSION = Path(os.environ['CORROSION_CHECKOUT']).resolve()
PROJECTS = Path(__file__).parent / 'corrosion'
HEAD = f'''cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C CXX)
add_subdirectory("{CORROSION}" corrosion)
add_subdirectory("{cache.ROOT}" dragonfire)
'''


class Project:
    def __init__(self, name, folder, engine):
        self.source, self.build, self.engine = folder / 'source', folder / 'build', engine
        shutil.copytree(PROJECTS / name, self.source)

    def make(self, text, *arguments, generator='Ninja'):
        (self.source / 'CMakeLists.txt').write_text(HEAD + text)
        config = ['--config', 'Release'] if 'Multi' in generator else []
        cmake('-G', generator, '-S', self.source, '-B', self.build, f'-DDRAGONFIRE_EXECUTABLE={self.engine}',
              '-DCMAKE_BUILD_TYPE=Release', *arguments)
        cmake('--build', self.build, *config)
        self.below = self.build / 'Release' if config else self.build


@pytest.mark.parametrize('generator', ['Ninja', 'Unix Makefiles', 'Ninja Multi-Config'])
@pytest.mark.parametrize('target', ['simple_library', 'simple_library-static'])
def test_one_call_more(target, generator, engine, tmp_path):
    """A crate that is both kinds of library; Corrosion builds it, once, and the program links what we made of it."""
    project = Project('rust2cpp', tmp_path, engine)
    project.make(f'''corrosion_import_crate(MANIFEST_PATH Cargo.toml)
add_rust_staticlibs(x LIBRARIES {target})
add_executable(ours main.cpp)
target_link_libraries(ours PRIVATE x::simple_library)
add_executable(theirs main.cpp)
target_link_libraries(theirs PRIVATE simple_library-static)
''', generator=generator)
    ours, theirs = project.below / 'ours', project.below / 'theirs'
    assert run([ours]) == run([theirs]) == 'Rust greets C++\n'
    combined = project.build / 'dragonfire/x' / ('Release' if 'Multi' in generator else '.') / 'lib/libsimple_library.a'
    ours = project.build / 'dragonfire'
    as_built = next(p for p in project.build.rglob('libsimple_library.a') if ours not in p.parents)
    assert combined.stat().st_size * 2 < as_built.stat().st_size
    config = ['--config', 'Release'] if 'Multi' in generator else []
    assert 'Building the Rust' not in cmake('--build', project.build, *config)


def test_several_crates(engine, tmp_path):
    """Two crates that Corrosion builds share what they have in common."""
    project = Project('workspace', tmp_path, engine)
    # It makes what the manifest says alone.
    for manifest in project.source.glob('*/Cargo.toml'):
        manifest.write_text(manifest.read_text().replace('["lib", "cdylib"]', '["lib", "staticlib"]'))
    project.make('''corrosion_import_crate(MANIFEST_PATH Cargo.toml CRATES first-member second-member)
add_rust_staticlibs(x LIBRARIES first_member-static second_member-static)
add_executable(ours main.cpp)
target_link_libraries(ours PRIVATE x::all)
''')
    assert run([project.below / 'ours']).split() == ['first', 'second']
