"""What one call can be told besides a workspace, in small projects of each test's own: toolchains, job pools,
headers that are generated, several configurations in one package."""

import json
import re
import shutil
from pathlib import Path

import pytest

from harness import cache, tools
from harness.cmake import cmake
from harness.run import run
from harness.terminal import on_terminal

CORROSION = Path(__file__).parent / 'corrosion'


class Project:
    """One of the projects of corrosion/, in a copy, with calls of the test's own."""

    def __init__(self, name, folder, engine):
        self.source, self.build, self.engine = folder / 'source', folder / 'build', engine
        shutil.copytree(CORROSION / name, self.source)

    def configure(self, text, *arguments, generator='Ninja', languages='C CXX', status=0):
        (self.source / 'CMakeLists.txt').write_text(
            f'cmake_minimum_required(VERSION 3.22)\nproject(test VERSION 1.0 LANGUAGES {languages})\n'
            f'add_subdirectory("{cache.ROOT}" dragonfire)\n{text}\n')
        said = cmake('-G', generator, '-S', self.source, '-B', self.build, f'-DDRAGONFIRE_EXECUTABLE={self.engine}',
                     f'-DDRAGONFIRE_TARGET_DIR={cache.folder("cargo", "cmake-corrosion")}',
                     '-DCMAKE_INSTALL_LIBDIR=lib', *arguments, status=status)
        return ' '.join(said.split())

    def make(self, *arguments, **options):
        return cmake('--build', self.build, *arguments, **options)

    def asked(self, name='x', file='request.json'):
        return json.loads((self.build / f'dragonfire/{name}' / file).read_text())['source']['workspace']


@pytest.fixture
def simple(engine, tmp_path):
    return Project('rust2cpp', tmp_path, engine)


CALL = 'add_rust_staticlibs(x MANIFEST_PATH Cargo.toml {})\n'
PROGRAM = 'add_executable(program main.cpp)\ntarget_link_libraries(program PRIVATE x::{})\n'


@pytest.mark.parametrize('given', [
    {'Rust_COMPILER': 'RUSTC', 'Rust_CARGO': 'cargo'},
    # As its find_package(Rust) leaves them.
    {'Rust_COMPILER_CACHED': 'RUSTC', 'Rust_CARGO_CACHED': 'cargo'},
    {'CMAKE_Rust_COMPILER': 'RUSTC', 'DRAGONFIRE_CARGO': 'cargo'},
], ids=['set', 'found', 'of CMake'])
def test_toolchain_of_corrosion(given, simple, tmp_path):
    """The programs that its variables name are run, for the target that they name."""
    host = run(['rustc', '-vV']).split('host: ')[1].split()[0]
    variables = []
    for variable, role in given.items():
        program = tmp_path / role
        program.write_text(f'#!/bin/sh\ntouch {tmp_path}/ran-{role}\nexec {role.lower()} "$@"\n')
        program.chmod(0o755)
        variables.append(f'-D{variable}={program}')
    simple.configure(CALL.format('') + PROGRAM.format('simple_library'), *variables, f'-DRust_CARGO_TARGET={host}')
    assert simple.asked()['target'] == host
    simple.make()
    assert (tmp_path / 'ran-RUSTC').is_file() and (tmp_path / 'ran-cargo').is_file()
    assert run([simple.build / 'program']) == 'Rust greets C++\n'


def test_toolchain_by_name(simple, tmp_path):
    """A toolchain of rustup; what the call says itself comes first."""
    # Has none of these toolchains.
    cargo = tmp_path / 'cargo'
    cargo.write_text('#!/bin/sh\nunset RUSTUP_TOOLCHAIN\nexec cargo "$@"\n')
    cargo.chmod(0o755)
    for own, name in [('', 'one'), ('ENV RUSTUP_TOOLCHAIN=other', 'other')]:
        simple.configure(CALL.format(own), '-DRust_TOOLCHAIN=one', f'-DRust_CARGO={cargo}')
        assert simple.asked()['env']['RUSTUP_TOOLCHAIN'] == name


def test_job_pool(simple):
    """A pool that is there is used as it is, and one that is not is made; without one it is the console."""
    simple.configure(CALL.format(''))
    assert 'pool = console' in rule(simple)
    simple.configure(CALL.format('JOB_POOL mine'))
    assert 'pool = mine' in rule(simple)
    assert 'pool mine\n  depth = 2' in (simple.build / 'CMakeFiles/rules.ninja').read_text()
    simple.configure('set_property(GLOBAL PROPERTY JOB_POOLS mine=5)\n' + CALL.format('JOB_POOL mine'))
    assert 'pool mine\n  depth = 5' in (simple.build / 'CMakeFiles/rules.ninja').read_text()


@pytest.mark.parametrize('generator, shown', [('Ninja', True), ('Unix Makefiles', True), ('Ninja with a pool', False)])
def test_progress_on_a_terminal(generator, shown, simple, tmp_path):
    """People see how far cargo is, where the tool leaves them the terminal."""
    call = CALL.format('' if shown else 'JOB_POOL mine')
    # Everything is to be built.
    simple.configure(call, f'-DDRAGONFIRE_TARGET_DIR={tmp_path / "cargo"}', generator=generator.partition(' with')[0])
    said = on_terminal(['cmake', '--build', simple.build])
    assert bool(re.findall(r'\d+/\d+ crates', said)) == shown, said
    assert ('Compiling' in said) and 'Building the Rust plugins of x' in said


def rule(project):
    text = (project.build / 'build.ninja').read_text()
    return text.split('build dragonfire/x/built ')[1].split('\n\n')[0]


def test_pairs_known_late(simple):
    """What is known late joins the request, and what a condition left out is nothing."""
    late = 'FEATURES $<$<CONFIG:Debug>:a> $<$<CONFIG:Debug>:b> $<$<CONFIG:Release>:c> RUSTFLAGS "--cfg=q=\\"a b\\"" $<0:x> '
    simple.configure(CALL.format(late + 'ENV "A=$<UPPER_CASE:x;y>" B=2'), '-DCMAKE_BUILD_TYPE=Debug')
    # There are no such features.
    assert "'simple-library' does not contain these features: a, b" in simple.make(status=1)
    asked = simple.asked(file='request-complete.json')
    assert asked['features'] == ['a', 'b'] and asked['rustflags'] == ['--cfg=q="a b"']
    assert asked['env']['A'] == 'X;Y' and asked['env']['B'] == '2'


def test_configurations_in_one_package(simple, tmp_path):
    """A folder for each configuration's libraries, and one package that knows all of them."""
    simple.configure(
        CALL.format('INSTALL DESTINATION lib/$<LOWER_CASE:$<CONFIG>>') + PROGRAM.format('simple_library'),
        generator='Ninja Multi-Config')
    prefix = tmp_path / 'prefix'
    for config in ['Debug', 'Release']:
        simple.make('--config', config)
        assert run([simple.build / config / 'program']) == 'Rust greets C++\n'
        cmake('--install', simple.build, '--prefix', prefix, '--config', config)
    prefix = prefix.rename(tmp_path / 'moved')
    user = tmp_path / 'user'
    user.mkdir()
    (user / 'CMakeLists.txt').write_text(
        'cmake_minimum_required(VERSION 3.22)\nproject(user LANGUAGES CXX)\nfind_package(x REQUIRED)\n'
        f'add_executable(user {simple.source}/main.cpp)\ntarget_link_libraries(user PRIVATE x::simple_library)\n'
        'file(GENERATE OUTPUT library-$<CONFIG> CONTENT $<TARGET_FILE:x::simple_library>)\n')
    cmake('-G', 'Ninja Multi-Config', '-S', user, '-B', user / 'build', f'-Dx_ROOT={prefix}')
    for config in ['Debug', 'Release']:
        cmake('--build', user / 'build', '--config', config)
        assert run([user / 'build' / config / 'user']) == 'Rust greets C++\n'
        library = (user / f'build/library-{config}').read_text()
        assert Path(library).resolve(strict=True) == prefix / 'lib' / config.lower() / 'libsimple_library.a'


def test_generated_header_follows_its_source(engine, tmp_path):
    """Made again when a module changes, and what includes it only when it says something else."""
    project = Project('cbindgen_auto', tmp_path, engine)
    program = PROGRAM.format('point_of_c')
    project.configure(CALL.format('CBINDGEN point-of-c=points/point.h') + program,
                      f'-DDRAGONFIRE_CBINDGEN={tools.cbindgen()}')
    project.make()
    limits = project.source / 'src/limits.rs'
    limits.write_text(limits.read_text().replace('4711', '4710 + 1'))
    assert 'main.cpp' in project.make()
    limits.write_text(limits.read_text() + '// No more.\n')
    said = project.make()
    assert 'Generating points/point.h' in said and 'Building CXX' not in said
    assert 'no work to do' in project.make()


def test_header_of_c(engine, tmp_path):
    """A project of C gets a header of C where cbindgen.toml says nothing else."""
    project = Project('install_lib', tmp_path, engine)
    project.configure(CALL.format('CBINDGEN installed-sum'), f'-DDRAGONFIRE_CBINDGEN={tools.cbindgen()}', languages='C')
    project.make('--target', 'dragonfire-x-headers')
    text = (project.build / 'dragonfire/x/include/installed-sum.h').read_text()
    assert 'uint64_t installed_sum(uint64_t left, uint64_t right);' in text and 'extern "C"' not in text


WRONG = {
    'cbindgen': ('CBINDGEN simple-library', 'CBINDGEN needs the program cbindgen. Get it with `cargo install cbindgen`'),
    'cxxbridge': ('CXXBRIDGE src/lib.rs', 'CXXBRIDGE needs the program cxxbridge. Get it with `cargo install cxxbridge-cmd`'),
    'package': ('CBINDGEN other', 'CBINDGEN "other" is none of the packages that are built: simple-library'),
    'bridge': ('CXXBRIDGE src/none.rs', 'src/none.rs" is not a file'),
    'headers': ('HEADERS none', 'none" is not a folder'),
    'licence': ('INSTALL LICENSE none', 'none" is not a file'),
    'component': ('COMPONENT c', 'COMPONENT says how to install; give INSTALL too'),
    'native libraries': ('NATIVE_LIBRARIES m', 'NATIVE_LIBRARIES says what LIBRARIES need'),
    'folder': ('INSTALL DESTINATION lib/$<CONFIG>', 'where the generator makes several configurations'),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong(case, simple):
    arguments, message = WRONG[case]
    absent = case in ('cbindgen', 'cxxbridge')
    programs = [f'-DDRAGONFIRE_CBINDGEN={"/none" if absent else tools.cbindgen()}',
                f'-DDRAGONFIRE_CXXBRIDGE={"/none" if absent else tools.cxxbridge()}']
    said = simple.configure(CALL.format(arguments), *programs, status=1)
    assert 'add_rust_staticlibs(x):' in said and message in said


@pytest.mark.parametrize('generator', ['Ninja', 'Unix Makefiles'])
def test_bridges_use_rust(generator, engine, tmp_path):
    """Where only what is used is exported, bridges count with the program's own objects."""
    project = Project('cxxbridge_rust2cpp', tmp_path, engine)
    project.configure(
        'add_library(core OBJECT main.cpp)\n'
        + CALL.format('LOCKED USED_BY core CXXBRIDGE src/lib.rs src/further/mod.rs')
        + 'target_link_libraries(core PRIVATE x::headers)\nadd_executable(program)\n'
        'target_link_libraries(program PRIVATE core x::called_from_cxx)\n',
        f'-DDRAGONFIRE_CXXBRIDGE={tools.cxxbridge()}', generator=generator)
    project.make()
    assert run([project.build / 'program']).splitlines() == ['first: [7, 8, 9]', 'second: 24']
    asked = json.loads((project.build / 'dragonfire/x/request-complete.json').read_text())
    assert sum(path.endswith('.rs.cc.o') for path in asked['used_by']) == 2


def test_bridges_in_pc_files(engine, tmp_path):
    """Who links with pkg-config gets the bridges too, and they find each other."""
    project = Project('cxxbridge_rust2cpp', tmp_path, engine)
    project.configure(CALL.format('LOCKED CXXBRIDGE src/lib.rs src/further/mod.rs INSTALL'),
                      f'-DDRAGONFIRE_CXXBRIDGE={tools.cxxbridge()}')
    project.make()
    cmake('--install', project.build, '--prefix', tmp_path / 'prefix')
    found = {'PKG_CONFIG_PATH': str(tmp_path / 'prefix/lib/pkgconfig')}
    flags = run(['pkg-config', '--static', '--cflags', '--libs', 'called_from_cxx'], env=found)
    run(['sh', '-c', f'c++ -o {tmp_path}/program {project.source}/main.cpp {flags}'])
    assert run([tmp_path / 'program']).splitlines() == ['first: [7, 8, 9]', 'second: 24']


def test_bridge_of_another_version(engine, tmp_path):
    """The two halves of a bridge are of one version, or it is said."""
    project = Project('cxxbridge_rust2cpp', tmp_path, engine)
    lock = project.source / 'Cargo.lock'
    lock.write_text(lock.read_text().replace('name = "cxx"\nversion = "1.0.205"', 'name = "cxx"\nversion = "1.0.100"'))
    other = tmp_path / 'cxxbridge'
    other.write_text(f'#!/bin/sh\nexec {tools.cxxbridge()} "$@"\n')
    other.chmod(0o755)
    said = project.configure(CALL.format('CXXBRIDGE src/lib.rs'), f'-DDRAGONFIRE_CXXBRIDGE={other}')
    assert 'the workspace has cxx 1.0.100' in said and 'cargo install cxxbridge-cmd --version 1.0.100' in said
