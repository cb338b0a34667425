"""Several targets in one run: universal libraries, an .xcframework, Android's folder of ABIs."""

import os
import plistlib
from pathlib import Path

import pytest

from harness import apple, machorun, mobile
from harness.cargo import TESTS
from harness.fixtures import defines
from harness.link import versioned
from harness.mobile import APPLE, MACOS, PLUGINS, architectures
from harness.run import run

# The folder that all targets are built in is one.
pytestmark = [pytest.mark.needs('cross'), pytest.mark.xdist_group('mobile')]

HOST = TESTS / 'workspace' / 'host' / 'main.c'
FILES = ['libgstworker.a', 'libgstidle.a', 'libgstrsworkspace.a']
# The platform's number in LC_BUILD_VERSION.
BUNDLE = {
    'ios-arm64': (['arm64'], 'ios', None, 2),
    'ios-arm64_x86_64-simulator': (['arm64', 'x86_64'], 'ios', 'simulator', 7),
    'macos-arm64_x86_64': (['arm64', 'x86_64'], 'macos', None, 1),
}
MACHINES = pytest.mark.parametrize('machine', apple.MACHINES, ids=['arm64', 'x86_64'])


@pytest.fixture(scope='module')
def headers(tmp_path_factory):
    folder = tmp_path_factory.mktemp('headers')
    (folder / 'rust').mkdir()
    (folder / 'worker.h').write_text('int gst_plugin_worker_register(void);\n')
    (folder / 'rust' / 'idle.h').write_text('int gst_plugin_idle_register(void);\n')
    (folder / '.hidden').write_text('')
    return folder


@pytest.fixture(scope='module')
def out(engine, headers, tmp_path_factory):
    """Everything, from one command."""
    out = tmp_path_factory.mktemp('mobile')
    response = mobile.made(mobile.engine_run(
        engine, 'meld', APPLE, '--locked', '--out', out / 'lib', '--headers', headers,
        '--xcframework', out / 'Rust.xcframework', '--depfile', out / 'inputs.d'))
    return out, response


def thin(library, architecture, folder):
    """The archive for one architecture."""
    if architectures(library) == [architecture]:
        return library
    part = folder / f'{library.parent.name}-{library.stem}-{architecture}.a'
    run([versioned('llvm-lipo'), library, '-thin', architecture, '-output', part])
    return part


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_sets_are_platforms(out):
    """A folder for each platform, universal where there are two CPUs."""
    folder, response = out
    names = {'macos-arm64_x86_64': MACOS, 'aarch64-apple-ios': ['aarch64-apple-ios'],
             'ios-arm64_x86_64-simulator': mobile.SIMULATOR}
    assert {s['name']: s['targets'] for s in response['sets']} == names
    assert 'plugins' not in response and 'link' not in response
    for set_ in response['sets']:
        library = folder / 'lib' / set_['name']
        assert sorted(p.name for p in library.iterdir()) == sorted(FILES)
        assert set_['link']['libraries'] == [str(library / name) for name in FILES]
        for plugin in set_['plugins']:
            path = Path(plugin['path'])
            assert plugin['bytes_after'] == path.stat().st_size < plugin['bytes_before'] / 10
            assert architectures(path) == (['arm64', 'x86_64'] if len(set_['targets']) == 2 else ['arm64'])
    depfile = (folder / 'inputs.d').read_text()
    assert 'worker.h' in depfile and 'worker/src/lib.rs' in depfile


def test_bundle_lists_what_is_there(out):
    """Keys and values as `xcodebuild -create-xcframework` writes them, and every path that they name."""
    bundle = out[0] / 'Rust.xcframework'
    expected = {'Info.plist'}
    for identifier in BUNDLE:
        expected |= {f'{identifier}/{name}' for name in
                     ('libRust.a', 'Headers/worker.h', 'Headers/rust/idle.h', 'Headers/module.modulemap')}
    assert set(tree(bundle)) == expected
    info = plistlib.loads((bundle / 'Info.plist').read_bytes())
    assert list(info) == ['AvailableLibraries', 'CFBundlePackageType', 'XCFrameworkFormatVersion']
    assert (info['CFBundlePackageType'], info['XCFrameworkFormatVersion']) == ('XFWK', '1.0')
    wanted = []
    for identifier, (cpus, platform, variant, _) in BUNDLE.items():
        library = {'BinaryPath': 'libRust.a', 'HeadersPath': 'Headers', 'LibraryIdentifier': identifier,
                   'LibraryPath': 'libRust.a', 'SupportedArchitectures': cpus, 'SupportedPlatform': platform}
        wanted.append({**library, **({'SupportedPlatformVariant': variant} if variant else {})})
    assert info['AvailableLibraries'] == wanted
    modules = (bundle / 'ios-arm64' / 'Headers' / 'module.modulemap').read_text()
    assert modules.startswith('module Rust {\n    header "rust/idle.h"\n    header "worker.h"\n')


@pytest.mark.parametrize('identifier', BUNDLE)
def test_slices_are_what_they_are_called(out, identifier, tmp_path):
    """Architectures, and of every object the platform; members have names of their own, plugins' first."""
    cpus, _, _, platform = BUNDLE[identifier]
    library = out[0] / 'Rust.xcframework' / identifier / 'libRust.a'
    assert architectures(library) == cpus
    for cpu in cpus:
        members = mobile.objects(thin(library, cpu, tmp_path))
        names = [name for name, _ in members]
        assert len(set(names)) == len(names) and 'dragonfire.marker.o' not in names
        owners = [name.rsplit('-', 1)[0] for name in names]
        assert owners == sorted(owners, key=[*PLUGINS, 'gstrsworkspace'].index)
        for name, data in members:
            assert mobile.platforms(data) == {platform}, (cpu, name)


@MACHINES
def test_program_links_the_bundle_alone(out, machine, tmp_path):
    library = out[0] / 'Rust.xcframework' / 'macos-arm64_x86_64' / 'libRust.a'
    for plugins in (PLUGINS, PLUGINS[:1], PLUGINS[1:]):
        program = tmp_path / '+'.join(plugins)
        apple.lld(machine, program, HOST, [library], defines=defines(plugins, 'meld'), flags=['-dead_strip'], runs=True)
        printed = machorun.check(machine, program)
        assert all(plugin.removeprefix('gst') + ': ' in printed for plugin in plugins)
        # Nothing of a plugin that the program does not call.
        assert ('_gst_plugin_worker_sum' in apple.look(program).functions) == ('gstworker' in plugins)


def test_same_bytes_however_asked(engine, out, headers):
    """Another order of the targets; and a bundle is replaced whole."""
    folder, _ = out
    before, libraries = tree(folder / 'Rust.xcframework'), tree(folder / 'lib')
    (folder / 'Rust.xcframework' / 'stale').write_text('')
    mobile.made(mobile.engine_run(
        engine, 'meld', APPLE[::-1], '--out', folder / 'lib', '--headers', headers,
        '--xcframework', folder / 'Rust.xcframework', '--threads', '1'))
    assert tree(folder / 'Rust.xcframework') == before
    assert tree(folder / 'lib') == libraries
    assert [p.name for p in folder.iterdir() if p.name.startswith('.')] == []


@pytest.mark.parametrize('strategy', ['dedup', 'prelink'])
def test_other_strategies(engine, strategy, tmp_path):
    """CPUs of one platform are one set: it goes into the folder itself. No headers."""
    response = mobile.made(mobile.engine_run(
        engine, strategy, MACOS, '--out', tmp_path / 'lib', '--xcframework', tmp_path / 'libplugins.xcframework',
        '--pkg-config'))
    assert response['targets'] == MACOS and 'target' not in response and 'sets' not in response
    assert [p['file_name'] for p in response['plugins']] == FILES[:2]
    assert (tmp_path / 'lib' / 'pkgconfig' / 'gstworker.pc').is_file()
    library = tmp_path / 'libplugins.xcframework' / 'macos-arm64_x86_64' / 'libplugins.a'
    info = plistlib.loads((tmp_path / 'libplugins.xcframework' / 'Info.plist').read_bytes())
    assert 'HeadersPath' not in info['AvailableLibraries'][0]
    for machine in apple.MACHINES:
        program = tmp_path / machine
        apple.lld(machine, program, HOST, [library], defines=defines(PLUGINS, strategy), runs=True)
        machorun.check(machine, program)
        # Libraries as written, in their order.
        apple.lld(machine, program, HOST, response['link']['libraries'], defines=defines(PLUGINS, strategy), runs=True)
        machorun.check(machine, program)


# Two of Android's CPUs, to build less; a unit test has all names.
ANDROID = {'aarch64-linux-android': ('arm64-v8a', 'AArch64'), 'armv7-linux-androideabi': ('armeabi-v7a', 'ARM')}


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """A plugin without std, for targets of which std would take long."""
    folder = tmp_path_factory.mktemp('small')
    (folder / 'Cargo.toml').write_text(
        '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2024"\n[lib]\npath = "lib.rs"\n'
        'crate-type = ["staticlib"]\n[profile.release]\npanic = "abort"\n'
        '[workspace.metadata.dragonfire]\nschema = 1\nexports = ["small_*"]\nplugins = [{ package = "small" }]\n[workspace]\n')
    (folder / 'lib.rs').write_text(
        '#![no_std]\n#[unsafe(no_mangle)]\npub extern "C" fn small_answer() -> i32 { 42 }\n'
        '#[panic_handler]\nfn panic(_: &core::panic::PanicInfo<'"'"'_>) -> ! { loop {} }\n')
    return folder


def small_run(engine, small, targets, *arguments, **options):
    return mobile.engine_run(engine, 'meld', targets, *arguments, workspace=small, packages=[], std='core', **options)


def test_android_abis(engine, small, tmp_path):
    response = mobile.made(small_run(
        engine, small, ANDROID, '--out', tmp_path / 'lib', '--jni-libs', tmp_path / 'jni'))
    libraries = {f'{abi}/{name}' for abi, _ in ANDROID.values() for name in ('libsmall.a', 'libsmall_shared.a')}
    assert set(tree(tmp_path / 'jni')) == libraries
    written = {f['path'] for f in response['files'] if f['kind'] == 'jni-library'}
    assert written == {str(tmp_path / 'jni' / name) for name in libraries}
    for target, (abi, machine) in ANDROID.items():
        library = tmp_path / 'jni' / abi / 'libsmall.a'
        assert library.read_bytes() == (tmp_path / 'lib' / target / 'libsmall.a').read_bytes()
        described = run([versioned('llvm-readelf'), '--file-headers', library])
        assert machine in described
        assert 'small_answer' in run([versioned('llvm-nm'), '--quiet', '--defined-only', library])


def test_build_is_a_set_a_target(engine, small):
    """Nothing is joined where nothing is written."""
    targets = ['aarch64-apple-ios', 'aarch64-linux-android']
    response = mobile.made(mobile.engine_run(engine, 'build', targets, workspace=small, packages=[], std='core'))
    assert response['targets'] == targets and [s['name'] for s in response['sets']] == targets
    for set_ in response['sets']:
        path = Path(set_['plugins'][0]['path'])
        assert path.is_file() and set_['name'] in path.parts


def test_both_kinds_of_packages(engine, small, tmp_path):
    """Each takes its own targets."""
    targets = ['aarch64-apple-ios', 'aarch64-linux-android']
    mobile.made(small_run(engine, small, targets, '--out', tmp_path / 'lib', '--jni-libs', tmp_path / 'jni',
                          '--xcframework', tmp_path / 'a.xcframework'))
    assert sorted(p.name for p in (tmp_path / 'jni').iterdir()) == ['arm64-v8a']
    assert sorted(p.name for p in (tmp_path / 'a.xcframework').iterdir()) == ['Info.plist', 'ios-arm64']


BAD = {
    'unknown': (['aarch64-apple-iso'], [], 'target-unknown', 'target-list'),
    'twice': (['aarch64-apple-ios', 'aarch64-apple-ios'], [], 'target-duplicate', 'one of them'),
    'one slice': (['armv7-linux-androideabi', 'thumbv7neon-linux-androideabi'], ['--jni-libs', 'jni'],
                  'target-duplicate', 'one of them'),
    'not for Apple': (['aarch64-linux-android'], ['--xcframework', 'a.xcframework'], 'target-unsuitable', 'aarch64-apple-ios'),
    'host': ([], ['--xcframework', 'a.xcframework'], 'target-unsuitable', 'aarch64-apple-ios'),
    'not for Android': (['aarch64-apple-ios'], ['--jni-libs', 'jni'], 'target-unsuitable', 'aarch64-linux-android'),
    'no headers': (['aarch64-apple-ios'], ['--xcframework', 'a.xcframework', '--headers', 'none'], 'input-not-found', 'include'),
    'no bundle': (['aarch64-apple-ios'], ['--xcframework', 'a.framework'], 'request-invalid', None),
    'own headers': (['aarch64-apple-ios'], ['--xcframework', 'out/a.xcframework', '--headers', '.'], 'output-is-input', 'folder'),
    'not ours': (['aarch64-apple-ios'], ['--xcframework', 'mine.xcframework'], 'output-unwritable', 'remove'),
    'one place': (['aarch64-apple-ios', 'aarch64-apple-darwin'], ['--pkg-config-dir', 'pc'], 'request-invalid', 'one platform'),
}


@pytest.mark.parametrize('case', BAD)
def test_errors(engine, small, case, tmp_path, monkeypatch):
    targets, arguments, code, hint = BAD[case]
    monkeypatch.chdir(tmp_path)
    Path('mine.xcframework').mkdir()
    Path('mine.xcframework/precious').write_text('')
    response = small_run(engine, small, targets, '--out', tmp_path / 'lib', *arguments)
    assert not response['ok']
    first = response['errors'][0]
    assert first['code'] == code, first
    assert hint is None or hint in first['hint']
    # Nothing is left behind.
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*')) == ['mine.xcframework', 'mine.xcframework/precious']


def test_std_that_is_not_there(engine, small, tmp_path):
    """What cargo says comes through, with the set that it is about."""
    response = mobile.engine_run(engine, 'meld', ['aarch64-apple-ios', 'aarch64-apple-tvos'], '--out', tmp_path / 'lib',
                                 workspace=small, packages=[], std='core,nothing')
    first = response['errors'][0]
    assert first['code'] == 'cargo-failed' and 'aarch64-apple-ios: ' in first['message']
    assert os.listdir(tmp_path) == []
