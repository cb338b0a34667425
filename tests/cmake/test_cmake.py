"""The CMake package, used by projects: configured, built, run, changed, installed and used again."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import apple, cache, cross, fixtures, link, machorun, mobile, windows
from harness.cmake import NEWEST, OLDEST, cmake, python_cmake
from harness.run import run

HERE = Path(__file__).parent
PROGRAMS = ['everything', 'some', 'one']
# std is built where this machine has it for itself only.
ENV = {'RUSTC': cross.RUSTC, 'RUSTC_BOOTSTRAP': '1', **cross.QUICK}
BUILD_STD = ';'.join(['CARGO_FLAGS', '-Zbuild-std=std,panic_unwind', 'ENV', *(f'{k}={v}' for k, v in ENV.items())])


@pytest.fixture(scope='session')
def target_dir():
    """cargo's target folder for all of this file: dependencies are built once."""
    folder = cache.folder('cargo', 'cmake')
    yield folder
    cache.forget_copies(folder)


@pytest.fixture
def sources():
    """A copy of the fixture workspace, to change. It is always the same folder, brought up to date, so
    that cargo builds only what a test changes."""
    original = fixtures.cargo.TESTS / 'workspace'
    copy = cache.folder('sources', 'cmake') / 'plugins in rust'
    wanted = {p.relative_to(original) for p in original.rglob('*') if p.is_file()}
    wanted = {p for p in wanted if 'target' not in p.parts}
    for path in list(copy.rglob('*')):
        if path.is_file() and path.relative_to(copy) not in wanted:
            path.unlink()
    for path in wanted:
        if not (copy / path).is_file() or (copy / path).read_bytes() != (original / path).read_bytes():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original / path, copy / path)
    return copy


@pytest.fixture(scope='session')
def package(engine, tmp_path_factory):
    """Dragonfire's own install tree."""
    build = tmp_path_factory.mktemp('package') / 'build'
    prefix = build.parent / 'prefix'
    cmake('-S', cache.ROOT, '-B', build, f'-DDRAGONFIRE_EXECUTABLE={engine}', f'-DCMAKE_INSTALL_PREFIX={prefix}')
    cmake('--build', build)
    cmake('--install', build)
    assert (prefix / 'bin/dragonfire').stat().st_mode & 0o111
    return prefix


def test_manual_and_completions(package, engine, tmp_path):
    """The package brings what its engine says of its command line, below DESTDIR too."""
    build = package.parent / 'build'
    cmake('--install', build, '--prefix', '/usr', env={'DESTDIR': tmp_path})
    for share in (package / 'share', tmp_path / 'usr/share'):
        assert '.SH SYNOPSIS' in (share / 'man/man1/dragonfire-meld.1').read_text()
        assert run([engine, 'completions', 'bash']) == (share / 'bash-completion/completions/dragonfire').read_text()
        assert (share / 'zsh/site-functions/_dragonfire').read_text().startswith('#compdef dragonfire')
        assert 'meld' in (share / 'fish/vendor_completions.d/dragonfire.fish').read_text()


def test_engine_without_manual(engine, tmp_path):
    """An engine that is older or for another machine is installed all the same."""
    old = tmp_path / 'dragonfire'
    old.write_text(f'#!/bin/sh\ncase "$1" in man|completions) exit 2;; esac\nexec {engine} "$@"\n')
    old.chmod(0o755)
    cmake('-S', cache.ROOT, '-B', tmp_path / 'build', f'-DDRAGONFIRE_EXECUTABLE={old}')
    said = cmake('--install', tmp_path / 'build', '--prefix', tmp_path / 'prefix')
    assert 'none are installed' in said
    assert (tmp_path / 'prefix/bin/dragonfire').is_file() and not (tmp_path / 'prefix/share').exists()


@dataclass
class Tree:
    """A build tree of the consumer project."""
    build: Path
    config: str = ''
    # Runs programs of another machine.
    runner: tuple = ()
    suffix: str = ''

    def make(self, *arguments, **options):
        config = ['--config', self.config] if self.config else []
        return cmake('--build', self.build, *config, *arguments, **options)

    def program(self, name):
        return self.build / self.config / (name + self.suffix)

    def run(self, status=0):
        return {name: run([*self.runner, self.program(name)], status=status if name != 'one' else 0,
                          env={'WINEDEBUG': '-all'})
                for name in PROGRAMS}

    def works(self):
        said = self.run()
        assert said['everything'].count('registered as number') == 5
        assert 'idle: here' in said['everything']
        assert 'record: registered as number 1' in said['some']
        assert said['one'].split() == ['3', 'words']

    def products(self):
        """Age of everything that a build makes."""
        suffixes = {'.a', '.lib', '.o', '.obj', '.rsp', '.pc', '.cmake'}
        files = [p for p in self.build.rglob('*')
                 if p.is_file() and (p.suffix in suffixes or p.name in {*PROGRAMS, 'built'})]
        assert len(files) > 20
        return {path: path.stat().st_mtime_ns for path in files}


def configure(build, generator, sources, target_dir, *arguments, config='', **options):
    cmake('-G', generator, '-S', HERE / 'consumer', '-B', build, f'-DWORKSPACE={sources}',
          f'-DDRAGONFIRE_TARGET_DIR={target_dir}', *arguments, **options)
    return Tree(build, config)


def nothing_to_do(tree, generator):
    before = tree.products()
    said = tree.make()
    assert tree.products() == before
    if 'Ninja' in generator:
        assert 'no work to do' in said
    assert 'Building' not in said and 'Linking' not in said


def change_version(sources, old, new):
    """Changes what the record plugin answers; the programs ask for 3."""
    path = sources / 'record/src/lib.rs'
    text = path.read_text()
    assert f'c_int = {old};' in text
    path.write_text(text.replace(f'c_int = {old};', f'c_int = {new};'))


@pytest.mark.parametrize('generator,provide', [
    ('Ninja', 'find_package'),
    ('Unix Makefiles', 'FetchContent'),
    ('Ninja Multi-Config', 'add_subdirectory'),
])
def test_generators(generator, provide, engine, package, sources, target_dir, tmp_path):
    """Builds, runs, does nothing when nothing changed, and builds again what did."""
    multi = 'Multi' in generator
    arguments = [f'-DPROVIDE={provide}', '' if multi else '-DCMAKE_BUILD_TYPE=Release']
    if provide == 'find_package':
        # Finds the engine of its own install tree.
        arguments.append(f'-DDragonfire_ROOT={package}')
    else:
        arguments += [f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}']
    tree = configure(tmp_path / 'a build', generator, sources, target_dir, *filter(None, arguments),
                     config='Release' if multi else '')
    tree.make()
    tree.works()
    nothing_to_do(tree, generator)

    change_version(sources, 3, 4)
    tree.make()
    said = tree.run(status=1)
    assert 'all right' not in said['everything'] + said['some']
    nothing_to_do(tree, generator)
    change_version(sources, 4, 3)
    tree.make()
    tree.works()

    # Configuring again is no reason to build.
    cmake(tree.build)
    nothing_to_do(tree, generator)


@pytest.mark.parametrize('generator', ['Ninja', 'Ninja Multi-Config', 'Unix Makefiles'])
@pytest.mark.parametrize('version', [OLDEST, NEWEST])
def test_versions(version, generator, engine, sources, target_dir, tmp_path, monkeypatch):
    """The oldest CMake and a new one read the depfile, build again what changed and nothing else."""
    assert f'CMake {OLDEST.rpartition(".")[0]} or newer' in (cache.ROOT / 'cmake/README.md').read_text()
    monkeypatch.setenv('PATH', str(python_cmake(version)), prepend=os.pathsep)
    assert f'cmake version {version}\n' in cmake('--version')
    config = 'Release' if 'Multi' in generator else ''
    tree = configure(
        tmp_path / 'a build', generator, sources, target_dir, '-DPROVIDE=add_subdirectory',
        f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}',
        *([] if config else ['-DCMAKE_BUILD_TYPE=Release']), config=config)
    tree.make()
    tree.works()
    nothing_to_do(tree, generator)
    change_version(sources, 3, 4)
    tree.make()
    assert 'all right' not in tree.run(status=1)['some']
    nothing_to_do(tree, generator)


def test_cross_configurations(engine, sources, target_dir, tmp_path, monkeypatch):
    """Commands of one configuration in the build file of another: older CMakes crash, and it is said before."""
    # Debian's CMake may be either; pip's are known.
    asked = ['-G', 'Ninja Multi-Config', '-S', HERE / 'consumer', f'-DWORKSPACE={sources}', '-DCMAKE_CROSS_CONFIGS=all',
             f'-DDRAGONFIRE_TARGET_DIR={target_dir}', '-DPROVIDE=add_subdirectory',
             f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}']
    with monkeypatch.context() as old:
        old.setenv('PATH', str(python_cmake(OLDEST)), prepend=os.pathsep)
        said = ' '.join(cmake(*asked, '-B', tmp_path / 'old', status=1).split())
    assert f'add_rust_staticlibs(rust): CMake {OLDEST} crashes where CMAKE_CROSS_CONFIGS is set' in said
    monkeypatch.setenv('PATH', str(python_cmake(NEWEST)), prepend=os.pathsep)
    cmake(*asked, '-B', tmp_path / 'new')
    run(['ninja', '-C', tmp_path / 'new', '-f', 'build-Debug.ninja', 'some:Release'])
    assert 'all right' in run([tmp_path / 'new/Release/some'])


def test_configurations(engine, sources, target_dir, tmp_path):
    """Debug and Release of one build tree have the libraries of their own cargo profiles."""
    build = tmp_path / 'build'
    arguments = ['-DPROVIDE=add_subdirectory', f'-DDRAGONFIRE_SOURCE={cache.ROOT}',
                 f'-DDRAGONFIRE_EXECUTABLE={engine}', '-DDRAGONFIRE_PROFILE_RELWITHDEBINFO=dev']
    trees = {config: configure(build, 'Ninja Multi-Config', sources, target_dir, *arguments, config=config)
             for config in ['Debug', 'Release', 'RelWithDebInfo']}
    for tree in trees.values():
        tree.make()
        tree.works()
        nothing_to_do(tree, 'Ninja')

    def library(config):
        return (build / 'dragonfire/rust' / config / 'lib/libgstpattern.a').read_bytes()

    assert library('Debug') != library('Release')
    assert library('Debug') == library('RelWithDebInfo')


def test_install(engine, sources, target_dir, tmp_path):
    """What is installed serves CMake and pkg-config users, wherever the tree is moved."""
    tree = configure(tmp_path / 'build', 'Ninja', sources, target_dir, '-DPROVIDE=add_subdirectory',
                     f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}',
                     '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_INSTALL_LIBDIR=lib')
    tree.make()
    cmake('--install', tree.build, '--prefix', tmp_path / 'first')
    prefix = tmp_path / 'moved here'
    (tmp_path / 'first').rename(prefix)
    shutil.rmtree(tree.build)

    installed = {str(p.relative_to(prefix)) for p in prefix.rglob('*') if p.is_file()}
    names = [*fixtures.PLUGINS, 'gstrsworkspace']
    assert installed >= {f'lib/lib{name}.a' for name in names} | {f'lib/pkgconfig/{name}.pc' for name in names}
    package = {f'lib/cmake/rust/{name}' for name in
               ['rustConfig.cmake', 'rustConfigVersion.cmake', 'rust-targets.cmake']}
    assert package <= installed
    for path in prefix.rglob('*'):
        if path.suffix in {'.pc', '.cmake'}:
            assert str(tmp_path) not in path.read_text(), path

    build = tmp_path / 'second'
    cmake('-G', 'Ninja', '-S', HERE / 'installed', '-B', build, f'-Drust_ROOT={prefix}', f'-DWORKSPACE={sources}')
    cmake('--build', build)
    assert run([build / 'everything']).count('registered as number') == 5
    assert 'all right' in run([build / 'some'])

    found = {'PKG_CONFIG_PATH': str(prefix / 'lib/pkgconfig')}
    flags = run(['pkg-config', '--static', '--libs', 'gstrecord', 'gstworker'], env=found)
    for static in ['', '-static']:
        command = f'cc {static} -DWITH_RECORD -DWITH_WORKER -o "$OUT" "$MAIN" {flags}'
        run(['sh', '-c', command], env={'OUT': str(build / 'third'), 'MAIN': str(sources / 'host/main.c')})
        assert 'all right' in run([build / 'third'])


@pytest.mark.parametrize('machine', [
    pytest.param('aarch64', marks=pytest.mark.needs('cross')),
    pytest.param('mingw', marks=[pytest.mark.needs('cross'), pytest.mark.needs('windows')]),
])
def test_cross(machine, engine, sources, target_dir, tmp_path):
    """A toolchain file is all it takes."""
    target = cross.TARGETS[machine]
    tree = configure(
        tmp_path / 'build', 'Ninja', sources, target_dir, '-DPROVIDE=add_subdirectory',
        f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}', '-DCMAKE_BUILD_TYPE=Release',
        f'-DCMAKE_TOOLCHAIN_FILE={HERE / machine}.cmake',
        f'-DEXTRA={BUILD_STD}')
    tree.runner = target.runner
    asked = json.loads((tree.build / 'dragonfire/rust/request.json').read_text())['source']['workspace']
    assert asked['target'] == target.triple
    name = target.triple.replace('-', '_')
    assert asked['env'][f'CC_{name}'].endswith(target.compiler[0])
    assert asked['env'][f'CARGO_TARGET_{name.upper()}_LINKER'].endswith(target.compiler[0])
    assert asked['env'][f'AR_{name}']
    tree.make()
    if machine == 'mingw':
        tree.suffix = '.exe'
        run([*target.compiler, '-shared', '-o', tree.build / 'bcryptprimitives.dll', HERE / 'bcryptprimitives.c'])
    tree.works()
    nothing_to_do(tree, 'Ninja')


@pytest.mark.needs('cross')
@pytest.mark.needs('windows')
def test_msvc(engine, sources, target_dir, tmp_path, monkeypatch):
    """clang and lld-link for Microsoft's ABI: melded, a program needs no option of the linker."""
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/lld-link').symlink_to(link.versioned('lld-link'))
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'), prepend=os.pathsep)
    monkeypatch.setenv('CRT', str(windows.sdk()))
    monkeypatch.setenv('CRT_SOURCES', str(windows.SOURCES))
    tree = configure(
        tmp_path / 'build', 'Ninja', sources, target_dir, '-DPROVIDE=add_subdirectory',
        f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}', '-DCMAKE_BUILD_TYPE=Release',
        f'-DCMAKE_TOOLCHAIN_FILE={HERE / "msvc.cmake"}',
        f'-DEXTRA={BUILD_STD}')
    asked = json.loads((tree.build / 'dragonfire/rust/request.json').read_text())
    assert asked['operation'] == 'meld' and asked['source']['workspace']['target'] == 'x86_64-pc-windows-msvc'
    tree.make()
    tree.suffix = '.exe'
    for name in PROGRAMS:
        *tree.runner, _ = windows.wine(tree.build / f'{name}.exe')
    tree.works()
    assert 'FORCE' not in (tree.build / 'build.ninja').read_text()
    nothing_to_do(tree, 'Ninja')


@pytest.mark.needs('cross')
def test_macos(engine, sources, target_dir, tmp_path, monkeypatch):
    """clang and ld64.lld for macOS: melded where nothing is said, with one personality routine and no option
    of the linker."""
    monkeypatch.setenv('SYSTEM', str(apple.system_libraries(tmp_path / 'sdk')))
    monkeypatch.setenv('HEADERS', apple.c_flags()[1])
    monkeypatch.setenv('UNWINDER', str(machorun.unwinder('macos')))
    tree = configure(
        tmp_path / 'build', 'Ninja', sources, target_dir, '-DPROVIDE=add_subdirectory',
        f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}', '-DCMAKE_BUILD_TYPE=Release',
        f'-DCMAKE_TOOLCHAIN_FILE={HERE / "apple.cmake"}',
        f'-DEXTRA={BUILD_STD};SDKROOT=/')
    asked = json.loads((tree.build / 'dragonfire/rust/request.json').read_text())
    assert asked['operation'] == 'meld' and asked['or_dedup']
    assert asked['source']['workspace']['target'] == 'aarch64-apple-darwin'
    tree.make()
    answer = json.loads((tree.build / 'dragonfire/rust/response.json').read_text())
    assert answer['operation'] == 'meld' and 'warnings' not in answer, answer
    tree.runner = machorun.loader('macos')
    tree.works()
    for name in PROGRAMS:
        assert len(apple.look(tree.program(name)).personalities) == 1
    assert 'no_compact_unwind' not in (tree.build / 'build.ninja').read_text()
    nothing_to_do(tree, 'Ninja')


@pytest.mark.needs('cross')
def test_osx_architectures(engine, tmp_path, monkeypatch):
    """Several architectures: one set of universal libraries, in the places of any other."""
    monkeypatch.setenv('HEADERS', apple.c_flags()[1])
    # CMake looks which architectures an SDK is for.
    (tmp_path / 'sdk').mkdir()
    settings = ';'.join(f'{name}={value}' for name, value in mobile.ENV.items())
    packages = ';'.join(mobile.PACKAGES)
    tree = configure(
        tmp_path / 'build', 'Ninja', fixtures.cargo.TESTS / 'workspace', mobile.target_dir(), '-DPROVIDE=add_subdirectory',
        f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}', '-DCMAKE_BUILD_TYPE=Release',
        f'-DCMAKE_TOOLCHAIN_FILE={HERE / "apple.cmake"}', '-DCMAKE_OSX_ARCHITECTURES=x86_64;arm64',
        # clang would need lipo for an object of both.
        '-DCMAKE_C_COMPILER_WORKS=1', '-DCMAKE_C_ABI_COMPILED=1', f'-DCMAKE_OSX_SYSROOT={tmp_path / "sdk"}', '-DPROGRAMS=OFF',
        f'-DEXTRA=PACKAGES;{packages};CARGO_FLAGS;-Zbuild-std=std,panic_unwind;ENV;{settings}')
    asked = json.loads((tree.build / 'dragonfire/rust/request.json').read_text())['source']['workspace']
    assert asked['targets'] == mobile.MACOS[::-1] and 'target' not in asked
    for target in mobile.MACOS:
        name = target.replace('-', '_')
        assert asked['env'][f'CC_{name}'].endswith('clang-19') and f'CFLAGS_{name}' not in asked['env']
    tree.make()
    folder = tree.build / 'dragonfire/rust/lib'
    for library in [*mobile.PLUGINS, 'gstrsworkspace']:
        assert mobile.architectures(folder / f'lib{library}.a') == ['arm64', 'x86_64']
    # What a target's users link is the file that was built.
    targets = (folder / 'cmake/rust/rust-targets.cmake').read_text()
    assert 'libgstworker.a' in targets
    assert 'no work to do' in tree.make()


def test_broken_rust(engine, sources, target_dir, tmp_path):
    """rustc's own words reach the user, and the next build mends it."""
    tree = configure(tmp_path / 'build', 'Ninja', sources, target_dir, '-DPROVIDE=add_subdirectory',
                     f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DDRAGONFIRE_EXECUTABLE={engine}',
                     '-DCMAKE_BUILD_TYPE=Release')
    path = sources / 'idle/src/lib.rs'
    text = path.read_text()
    path.write_text(text + '\nfn broken() -> u32 { "text" }\n')
    said = tree.make('--target', 'dragonfire-rust', status=1)
    # Once, and not again in what CMake says of the failure.
    assert said.count('mismatched types') == 1 and '`cargo build` failed (cargo-failed)' in said
    path.write_text(text)
    tree.make('--target', 'dragonfire-rust')


def test_diagnostics(tmp_path):
    """Each warning with its symbol, and not hundreds of them."""
    warnings = [{'code': 'implicit-export', 'message': 'another library needs it', 'file': '/l/liba.a',
                 'symbol': f'_R{i}x', 'hint': 'name it'} for i in range(619)]
    failed = {'code': 'cargo-failed', 'message': '`cargo metadata` failed:\nits own words'}
    told = {**failed, 'message': '`cargo build` failed:\nits own words', 'shown': True}
    engine = tmp_path / 'engine'
    (tmp_path / 'ask.cmake').write_text(
        f'include({cache.ROOT}/cmake/DragonfireRequest.cmake)\n'
        f'_dragonfire_request("{engine}" /dev/null "{tmp_path}/out.json" response "here:")\n')

    def said(response):
        (tmp_path / 'response.json').write_text(json.dumps({'protocol': 1, **response}))
        engine.write_text(f'#!/bin/sh\ncat {tmp_path}/response.json\n')
        engine.chmod(0o755)
        return cmake('-P', tmp_path / 'ask.cmake', status=0 if response['ok'] else 1)

    text = said({'ok': True, 'warnings': warnings})
    assert '  /l/liba.a: another library needs it: _R0x [implicit-export]\n  hint: name it' in text
    assert text.count('implicit-export') == 20 and f'and 599 more: see {tmp_path}/out.json' in text
    assert '_R3x' in said({'ok': True, 'warnings': warnings[:4]})
    assert 'its own words' in said({'ok': False, 'errors': [failed]})
    text = said({'ok': False, 'errors': [told]})
    assert 'its own words' not in text and '`cargo build` failed [cargo-failed]' in text


def call(package, tmp_path, arguments, *, status=0, twice='', extra=()):
    """Configures a project with one call; gives what CMake said on one line."""
    said = cmake('-G', 'Ninja', '-S', HERE / 'arguments', '-B', tmp_path / 'build', f'-DDragonfire_ROOT={package}',
                 f'-DCALL={";".join(map(str, arguments))}', f'-DTWICE={";".join(map(str, twice))}', *extra,
                 status=status)
    return ' '.join(said.split())


WRONG = {
    'name': (['not a name', 'MANIFEST_PATH', '{w}/Cargo.toml'], '"not a name"'),
    'unknown': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'PACKAGE', 'y'], 'unknown argument "PACKAGE", "y"'),
    'spare value': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'PROFILE', 'dev', 'release'], '"release"'),
    'no value': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'PROFILE'], 'no value for PROFILE'),
    'no values': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'FEATURES', 'LOCKED'], 'no value for FEATURES'),
    'no workspace': (['x', 'LOCKED'], 'MANIFEST_PATH'),
    'missing workspace': (['x', 'MANIFEST_PATH', '{w}/Nothing.toml'], 'MANIFEST_PATH'),
    'folder': (['x', 'MANIFEST_PATH', '{w}'], 'MANIFEST_PATH'),
    'missing manifest': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'MANIFEST', 'none.json'], 'MANIFEST'),
    'strategy': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'STRATEGY', 'magic'], 'STRATEGY "magic"'),
    'package': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'PACKAGES', 'gst-plugin-idel'], 'gst-plugin-idle'),
    'features': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'FEATURES', 'a,b'], 'FEATURES "a,b"'),
    'environment': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'ENV', 'NAME'], 'ENV "NAME"'),
    'flags': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'CARGO_FLAGS', '--target=y'], 'CARGO_FLAGS "--target=y"'),
    'export': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'EXPORT', 'y'], 'EXPORT'),
    'destination': (['x', 'MANIFEST_PATH', '{w}/Cargo.toml', 'DESTINATION', 'y'], 'DESTINATION'),
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong_arguments(case, package, sources, tmp_path):
    arguments, message = WRONG[case]
    said = call(package, tmp_path, [a.format(w=sources) for a in arguments], status=1)
    assert f'add_rust_staticlibs({arguments[0]}):' in said and message in said, said


@pytest.mark.parametrize('asked', [[], ['NO_LTO']], ids=['as it says', 'without'])
def test_link_time_optimisation(asked, package, sources, tmp_path):
    call(package, tmp_path, ['x', 'MANIFEST_PATH', sources / 'Cargo.toml', *asked])
    requests = [json.loads(path.read_text()) for path in (tmp_path / 'build/dragonfire/x').rglob('request.json')]
    assert [r['source']['workspace']['no_lto'] for r in requests] == [bool(asked)]


def test_wrong_second_call(package, sources, tmp_path):
    path = sources / 'Cargo.toml'
    said = call(package, tmp_path, ['x', 'MANIFEST_PATH', path], twice=['x', 'MANIFEST_PATH', path], status=1)
    assert 'add_rust_staticlibs(x): this name was used before' in said
    # Two workspace libraries of one name in one folder.
    one = ['x', 'MANIFEST_PATH', path, 'PACKAGES', 'gst-plugin-idle', 'INSTALL', 'DESTINATION', 'lib']
    other = ['y', *one[1:4], 'gst-plugin-record', *one[5:]]
    assert 'x installs a libgstrsworkspace.a to lib too' in call(package, tmp_path, one, twice=other, status=1)
    other[-1] = 'lib/y'
    call(package, tmp_path, one, twice=other)


def test_wrong_engine(package, sources, tmp_path):
    arguments = ['x', 'MANIFEST_PATH', sources / 'Cargo.toml']
    said = call(package, tmp_path, arguments, extra=['-DDRAGONFIRE_EXECUTABLE=/nowhere/dragonfire'], status=1)
    assert 'DRAGONFIRE_EXECUTABLE "/nowhere/dragonfire" is not a file' in said
    other = shutil.which('true')
    said = call(package, tmp_path, arguments, extra=[f'-DDRAGONFIRE_EXECUTABLE={other}'], status=1)
    assert f'"{other}" gave no response' in said


def test_engine_from_source(sources, tmp_path):
    """Without an engine on PATH, the source tree's is built, and installed with the package."""
    path = os.pathsep.join(d for d in os.environ['PATH'].split(os.pathsep) if not (Path(d) / 'dragonfire').exists())
    # Where tests/run has built it already.
    target = os.environ.get('CARGO_TARGET_DIR', cache.ROOT / 'target')
    asked = [f'-DDRAGONFIRE_ENGINE_DIR={target}']
    said = cmake('-G', 'Ninja', '-S', HERE / 'arguments', '-B', tmp_path / 'build',
                 f'-DDRAGONFIRE_SOURCE={cache.ROOT}', f'-DCALL=x;MANIFEST_PATH;{sources / "Cargo.toml"}', *asked,
                 env={'PATH': path})
    assert 'Building the dragonfire engine' in said and 'Rust plugins of x: pattern, record' in said

    cmake('-S', cache.ROOT, '-B', tmp_path / 'own', *asked)
    cmake('--build', tmp_path / 'own')
    cmake('--install', tmp_path / 'own', '--prefix', tmp_path / 'prefix')
    assert 'dragonfire' in run([tmp_path / 'prefix/bin/dragonfire', '--version'])


def test_new_plugin(package, sources, tmp_path):
    """Plugins that the manifest gains are found without being told."""
    manifest = sources / 'some.json'
    text = '{"schema": 1, "exports": ["gst_plugin_{plugin}_register"], "plugins": [{"package": "gst-plugin-idle"}%s]}'
    manifest.write_text(text % '')
    said = call(package, tmp_path, ['x', 'MANIFEST_PATH', sources / 'Cargo.toml', 'MANIFEST', manifest])
    assert 'Rust plugins of x: idle' in said and 'record' not in said
    # Not in the future: ninja would configure again and again until then.
    made = (tmp_path / 'build/build.ninja').stat().st_mtime_ns
    while manifest.stat().st_mtime_ns <= made:
        manifest.write_text(text % ', {"package": "gst-plugin-record"}')
    said = run(['ninja', '-C', tmp_path / 'build', 'build.ninja'])
    assert 'Rust plugins of x: idle, record' in said


def test_triples():
    """Rust's names for targets of other machines."""
    cmake(f'-DMODULES={cache.ROOT / "cmake"}', '-P', HERE / 'triples.cmake')
