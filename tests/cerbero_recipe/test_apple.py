"""The mixins for macOS and iOS: plugins melded and a library prelinked, without cerbero's own prelinking;
programs of real Rust libraries for macOS link and run, all with one personality routine."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

from consumer import PLUGINS, expected, pkg_config, run
from demo import RECIPES, Demo, plugins_in_c
from harness import apple, cargo, machorun
from harness.cross import TARGETS

from cerbero.enums import LibraryType, Platform
from cerbero.errors import FatalError

pytestmark = [pytest.mark.needs('cerbero'), pytest.mark.needs('cross')]

HOST = Path(__file__).parent / 'host'
SUBSETS = [s for n in (1, 2, 3) for s in itertools.combinations(PLUGINS, n)]
# Never asked for: without compact unwind tables no panic is caught.
NEVER = '-no_compact_unwind'


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """The demo's static libraries for macOS, in a folder as cargo leaves them."""
    packages = [
        ['rustc', '--release', '-p', f'gst-plugin-{p}', '--lib', '--crate-type', 'staticlib'] for p in PLUGINS
    ]
    libraries = cargo.libraries('cerbero_recipe/workspace', packages, target=TARGETS['macos'])
    folder = tmp_path_factory.mktemp('built')
    for library in libraries.values():
        (folder / library.name).symlink_to(library)
    return folder


@pytest.fixture(scope='module')
def macos(built, engine, tmp_path_factory):
    """The demo recipe, installed for macOS by the strategy that is chosen where none is named."""
    demo = Demo(tmp_path_factory.mktemp('macos'), engine, Platform.DARWIN, False, built, '-lSystem -lc -lm')
    return demo, demo.run()


@pytest.fixture(scope='module')
def moved(macos, tmp_path_factory):
    """Its prefix without the shared libraries, which a linker would take first."""
    return macos[0].moved(tmp_path_factory.mktemp('moved') / 'prefix')


@pytest.fixture(scope='module')
def prelinked(built, engine, tmp_path_factory):
    """gamma, which catches a panic, as if it were another vendor's library."""
    folder = tmp_path_factory.mktemp('prelinked')
    (folder / 'prebuilt').mkdir()
    shutil.copy(built / 'libgstgamma.a', folder / 'prebuilt/libdemo-proto.a')
    demo = Demo(folder, engine, Platform.DARWIN, False, folder / 'prebuilt')
    demo.run(demo.recipe('demo-proto', dragonfire_exports=['gst_plugin_gamma_*']))
    return demo


def link(prefix, plugins, folder):
    """What pkg-config says, less the system's libraries: for them there is libSystem's stub."""
    for module in ('demo-host', 'demo-base'):
        (folder / f'{module}.pc').write_text(f'Name: {module}\nDescription: test\nVersion: 1.4\n')
    flags = pkg_config(prefix / 'lib', folder, '--static', '--libs', *(f'gst{p}' for p in plugins))
    assert NEVER not in flags
    return [f for f in flags if f.startswith(('-L', '-lgst'))]


def program(out, plugins, libraries):
    given = [apple.compiled('macos', f'{out}.{name}.o', HOST / f'{name}.c', []) for name in ('demo_host', 'cosine')]
    defines = [f'-D{p.upper()}' for p in plugins]
    apple.lld('macos', out, HOST / 'consumer.c', [*given, *libraries], defines=defines, flags=['-dead_strip'], runs=True)
    return machorun.run('macos', out)


def test_plugins_are_melded(macos, built):
    demo, recipe = macos
    assert recipe.dragonfire_request()['operation'] == 'meld'
    members = run(['llvm-ar-19', 't', demo.prefix / 'lib/libgstrsworkspace.a']).split()
    assert members and not any('.rcgu.' in member for member in members)
    for plugin in PLUGINS:
        before = (built / f'libgst{plugin}.a').stat().st_size
        assert (demo.prefix / f'lib/gstreamer-1.0/libgst{plugin}.a').stat().st_size * 10 < before
    devel = recipe.devel_files_list()
    assert {'lib/libgstrsworkspace.a', 'lib/pkgconfig/gstrsworkspace.pc'} <= set(devel)
    assert recipe.dist_files_list() == [f'lib/gstreamer-1.0/libgst{p}.dylib' for p in PLUGINS]
    for pc in demo.prefix.rglob('*.pc'):
        assert NEVER not in pc.read_text()


@pytest.mark.parametrize('plugins', SUBSETS, ids='-'.join)
def test_every_subset_runs(moved, tmp_path, plugins):
    printed = program(tmp_path / 'program', plugins, link(moved, plugins, tmp_path))
    assert printed == expected(plugins)
    assert len(apple.look(tmp_path / 'program').personalities) == 1


def test_melded_plugins_and_a_prelinked_library(moved, prelinked, tmp_path):
    """Two vendors in one program: each has its own Rust, a panic is caught, there is one personality."""
    library = prelinked.prefix / 'lib/libdemo-proto.a'
    given = link(moved, PLUGINS[:2], tmp_path)
    for order in ([library, *given], [*given, library]):
        printed = program(tmp_path / 'program', PLUGINS, order)
        # Its registry is its own.
        assert printed == expected(PLUGINS[:2]) + expected(['gamma'])
        look = apple.look(tmp_path / 'program')
        assert len(look.personalities) == 1
        assert {s for s in look.exported if 'panic' in s or 'personality' in s} == set()


def test_melded_plugins_and_a_whole_library(moved, built, tmp_path):
    """The same beside a library as cargo made it, before and after."""
    given = link(moved, PLUGINS[:2], tmp_path)
    for order in ([built / 'libgstgamma.a', *given], [*given, built / 'libgstgamma.a']):
        printed = program(tmp_path / 'program', PLUGINS, order)
        assert printed == expected(PLUGINS[:2]) + expected(['gamma'])
        assert len(apple.look(tmp_path / 'program').personalities) == 1


def test_a_prelinked_library_is_what_its_exports_reach(prelinked, built):
    library = prelinked.prefix / 'lib/libdemo-proto.a'
    assert not any('.rcgu.' in member for member in run(['llvm-ar-19', 't', library]).split())
    assert library.stat().st_size * 4 < (built / 'libgstgamma.a').stat().st_size
    # Neither a workspace library nor the folder it was in.
    assert [p.name for p in (prelinked.prefix / 'lib').iterdir()] == ['libdemo-proto.a']


def proto_in_c(folder):
    """A library with a C API for an iOS device."""
    (folder / 'prebuilt').mkdir()
    source = folder / 'proto.c'
    source.write_text('int inner(void) { return 3; }\nint demo_proto_count(void) { return inner(); }\n')
    run(['clang-19', '--target=arm64-apple-ios14', '-c', source, '-o', folder / 'proto.o'])
    run(['llvm-ar-19', '--format=darwin', 'rcs', folder / 'prebuilt/libdemo-proto.a', folder / 'proto.o'])
    return folder / 'prebuilt'


def names(library, *flags):
    return set(re.findall(r'(?m)^(_\w+) ', run(['llvm-nm-19', '--format=posix', '--quiet', *flags, library])))


def test_prelink_for_ios(engine, tmp_path):
    demo = Demo(tmp_path, engine, Platform.IOS, False, proto_in_c(tmp_path))
    recipe = demo.run(demo.recipe('demo-proto', library_type=LibraryType.STATIC))
    library = demo.prefix / 'lib/libdemo-proto.a'
    assert names(library, '--extern-only', '--defined-only') == {'_demo_proto_count'}
    assert 'platform ios' in run(['llvm-objdump-19', '--macho', '--private-headers', library]).lower()
    request = recipe.dragonfire_request(library, 'folder')
    assert request['operation'] == 'prelink' and request['exports'] == ['demo_proto_*']
    log = (tmp_path / 'logs/demo-proto-install.log').read_text()
    assert '"operation": "prelink"' in log


def test_patterns_are_names_in_c(engine, tmp_path):
    """As cerbero's own prelinking spells them they match nothing, which is an error and changes nothing."""
    prebuilt = proto_in_c(tmp_path)
    demo = Demo(tmp_path, engine, Platform.IOS, False, prebuilt)
    with pytest.raises(FatalError, match='manifest-export-unmatched'):
        demo.run(demo.recipe('demo-proto', dragonfire_exports=['_demo_proto*']))
    installed = demo.prefix / 'lib/libdemo-proto.a'
    assert installed.read_bytes() == (prebuilt / 'libdemo-proto.a').read_bytes()
    assert [p.name for p in installed.parent.iterdir()] == [installed.name]


def test_other_platforms_do_not_prelink(tmp_path):
    """No engine is asked."""
    demo = Demo(tmp_path, None, Platform.LINUX, False, proto_in_c(tmp_path))
    demo.run(demo.recipe('demo-proto'))
    assert names(demo.prefix / 'lib/libdemo-proto.a') == {'_inner', '_demo_proto_count'}


def test_a_library_that_was_not_installed(engine, tmp_path):
    (tmp_path / 'prebuilt').mkdir()
    demo = Demo(tmp_path, engine, Platform.IOS, False, tmp_path / 'prebuilt')
    with pytest.raises(FatalError, match='libdemo-proto.a is listed, and was not installed'):
        demo.run(demo.recipe('demo-proto'))


def test_plugins_for_ios(engine, tmp_path):
    """Static only, melded; iOS's own linker flags, and what an app has of the set is one of each."""
    prebuilt = plugins_in_c(tmp_path, ['clang-19', '--target=arm64-apple-ios14'], 'darwin')
    demo = Demo(tmp_path, engine, Platform.IOS, False, prebuilt)
    recipe = demo.run()
    assert recipe.library_type == LibraryType.STATIC and recipe.dist_files_list() == []
    assert recipe.dragonfire_request()['archive'] == 'darwin'
    host = tmp_path / 'consumer.o'
    flags = ['-DALPHA', '-DBETA', '-DGAMMA', *apple.c_flags()]
    run(['clang-19', '--target=arm64-apple-ios14', *flags, '-c', HOST / 'consumer.c', '-o', host])
    app = tmp_path / 'app'
    run(['ld64.lld-19', '-arch', 'arm64', '-platform_version', 'ios', '14.0', '14.0', '-undefined', 'dynamic_lookup',
         '-fatal_warnings', '-o', app, host, *link(demo.prefix, PLUGINS, tmp_path)])
    defined = run(['llvm-nm-19', '--defined-only', app])
    # By its own name and by the one that crosses objects.
    assert len(set(re.findall(r'(?m)^(\w+) . _demo_shared\b', defined))) == 1
    assert defined.count(' _count\n') == 1
    assert {f'_gst_plugin_{p}_register' for p in PLUGINS} <= set(defined.split())


def test_readme_never_asks_for_what_breaks_panics():
    text = (RECIPES / 'README.md').read_text()
    added = [line for line in text.splitlines() if line.strip().startswith('+')]
    assert added and not [line for line in added if NEVER in line or 'Prelink(' in line]
    assert NEVER not in (RECIPES / 'dragonfire_mixin.py').read_text()
