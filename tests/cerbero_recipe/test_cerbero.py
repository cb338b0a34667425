"""The mixin against the stand-in: real libraries, the real engine, programs that link and run."""

import ast
import importlib
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import contract
from consumer import PLUGINS, compile_and_run, expected, la_link_line, make_host, pkg_config, run, use_linker
from demo import RECIPES, Demo, plugins_in_c

from cerbero.enums import LibraryType, Platform
from cerbero.errors import FatalError
from cerbero.utils import messages

pytestmark = pytest.mark.needs('cerbero')

SUBSETS = [s for n in (1, 2, 3) for s in itertools.combinations(PLUGINS, n)]


@pytest.fixture(scope='module')
def host(tmp_path_factory):
    return make_host(tmp_path_factory.mktemp('host'))


@pytest.fixture(scope='module', params=['dedup', 'meld'])
def installed(request, tmp_path_factory, engine):
    """The demo recipe, built and installed for Linux."""
    demo = Demo(tmp_path_factory.mktemp(request.param), engine)
    return demo, demo.run(demo.recipe(dragonfire_strategy=request.param))


@pytest.fixture(scope='module')
def moved(installed, tmp_path_factory):
    """The same prefix elsewhere, as a package unpacks it."""
    return installed[0].moved(tmp_path_factory.mktemp('moved') / 'prefix')


def fields(pc):
    return dict(re.findall(r'^([\w.]+): *(.*)$', pc.read_text(), re.M))


# What cerbero must offer.


def names_used(path):
    """`self.X` and `super().X`, `self.config.X`, and attributes of what is imported from cerbero."""
    tree = ast.parse(path.read_text())
    imported, own, used = {}, set(), {'self': set(), 'config': set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith('cerbero'):
            for alias in node.names:
                imported[alias.asname or alias.name] = (node.module, alias.name)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            own.add(node.name)
        elif isinstance(node, ast.Assign):
            own.update(t.id for t in node.targets if isinstance(t, ast.Name))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        match node.value:
            case ast.Attribute(value=ast.Name(id='self'), attr='config'):
                used['config'].add(node.attr)
            case ast.Name(id='self') if node.attr not in own:
                used['self'].add(node.attr)
            case ast.Call(func=ast.Name(id='super')):
                used['self'].add(node.attr)
            case ast.Name(id=name) if name in imported:
                module, original = imported[name]
                kind = ':' if original[0].isupper() else '.'
                used.setdefault(f'{module}{kind}{original}', set()).add(node.attr)
    for module, original in imported.values():
        if original[0].isupper():
            used.setdefault(module, set()).add(original)
    return used


def test_the_mixin_uses_what_the_contract_names_and_no_more():
    used = names_used(RECIPES / 'dragonfire_mixin.py')
    recipe = names_used(RECIPES / 'dragonfire.recipe')
    assert used.pop('config') | recipe['config'] == contract.CONFIG
    assert used.pop('self') - {'__dict__'} == contract.RECIPE | contract.WRITTEN
    assert used == contract.MODULES


def test_the_stand_in_keeps_the_contract(tmp_path, engine):
    for key, attributes in contract.MODULES.items():
        module, _, kind = key.partition(':')
        target = importlib.import_module(module)
        target = getattr(target, kind) if kind else target
        assert not {a for a in attributes if not hasattr(target, a)}, key
    recipe = Demo(tmp_path, engine).recipe()
    assert not {a for a in contract.RECIPE if not hasattr(recipe, a)}
    assert not {a for a in contract.CONFIG if not hasattr(recipe.config, a)}


def test_readme_names_the_whole_contract():
    text = (RECIPES / 'README.md').read_text()
    names = set().union(contract.RECIPE, contract.CONFIG, contract.WRITTEN, *contract.MODULES.values())
    assert not {n for n in names if f'`{n}' not in text and f'.{n}`' not in text}


# What is installed.


def test_file_lists(installed):
    demo, recipe = installed
    assert '%(libdir)s/libgstrsworkspace.a' in recipe.files_devel
    assert '%(libdir)s/libgstrsworkspace.la' in recipe.files_devel
    assert '%(libdir)s/pkgconfig/gstrsworkspace.pc' in recipe.files_devel
    devel = recipe.devel_files_list()
    plugin_files = [f'lib/gstreamer-1.0/libgst{p}.a' for p in PLUGINS]
    plugin_files += [f'lib/gstreamer-1.0/pkgconfig/gst{p}.pc' for p in PLUGINS]
    workspace = ['lib/libgstrsworkspace.a', 'lib/pkgconfig/gstrsworkspace.pc']
    assert devel == sorted([*plugin_files, *workspace, 'share/licenses/gst-plugins-demo'])
    assert recipe.dist_files_list() == [f'lib/gstreamer-1.0/libgst{p}.so' for p in PLUGINS]
    assert recipe.files_list_by_category('plugins_effects_devel') == [
        'lib/gstreamer-1.0/libgstgamma.a',
        'lib/gstreamer-1.0/pkgconfig/gstgamma.pc',
    ]
    # Nothing is left where cargo-c put it, and nothing else appears.
    unlisted = set(demo.files()) - set(devel) - set(recipe.dist_files_list())
    assert unlisted == {
        'lib/libgstrsworkspace.la',
        *(f'lib/gstreamer-1.0/libgst{p}.la' for p in PLUGINS),
    }


def test_strategy_by_platform(tmp_path, engine):
    operations = {
        platform: Demo(tmp_path / platform, engine, platform).recipe().dragonfire_request()['operation']
        for platform in (Platform.LINUX, Platform.ANDROID, Platform.WINDOWS, Platform.DARWIN, Platform.IOS)
    }
    assert set(operations.values()) == {'meld'}


@pytest.mark.needs('windows')
@pytest.mark.parametrize('platform, target', [
    (Platform.WINDOWS, 'i686-pc-windows-gnu'),
    (Platform.IOS, 'arm64e-apple-ios14'),
    (Platform.IOS, 'armv7-apple-ios9'),
])
def test_objects_that_cannot_be_melded_are_deduplicated(tmp_path, engine, platform, target):
    """By the default strategy, and not where the recipe asks for melding alone."""
    kind = 'darwin' if Platform.is_apple(platform) else 'gnu'
    prebuilt = plugins_in_c(tmp_path, ['clang-19', f'--target={target}'], kind)
    demo = Demo(tmp_path, engine, platform, prebuilt=prebuilt)
    recipe = demo.run()
    members = run(['llvm-ar-19', 't', demo.prefix / 'lib/libgstrsworkspace.a']).split()
    assert 'shared.o' in members and recipe.dragonfire_request()['or_dedup']
    assert any('deduplicated in place of meld' in w and 'object-unsupported' in w for w in messages.warnings)
    meld = demo.recipe(dragonfire_strategy='meld')
    assert not meld.dragonfire_request()['or_dedup']
    with pytest.raises(FatalError, match='object-unsupported'):
        demo.run(meld)


def test_link_time_optimisation_is_left_out(tmp_path, engine):
    """The plugins share their standard library, whatever their profile asks for."""
    said = {}
    for no_lto in (False, True):
        demo = Demo(tmp_path / str(no_lto), engine)
        demo.config.env['CARGO_PROFILE_RELEASE_LTO'] = 'fat'
        demo.run(demo.recipe(dragonfire_no_lto=no_lto))
        said[no_lto] = Path(demo.config.libdir, 'libgstrsworkspace.a').stat().st_size
    assert said[False] * 4 < said[True]


def test_recipes_share_no_lists(tmp_path, engine):
    """As in universal builds, where one class makes an object for each architecture."""
    first = Demo(tmp_path / 'a', engine).recipe()
    second = type(first)(Demo(tmp_path / 'b', engine).config, {})
    second.prepare()
    assert second.files_devel == first.files_devel
    assert len(set(second.files_devel)) == len(second.files_devel)


def test_plugins_are_thinned(installed):
    demo, _ = installed
    for plugin in PLUGINS:
        before = Path(demo.config.sources, 'gst-plugins-demo-1.2.3/_builddir/release', f'libgst{plugin}.a')
        after = demo.prefix / f'lib/gstreamer-1.0/libgst{plugin}.a'
        assert after.stat().st_size * 10 < before.stat().st_size
    assert run(['ar', 't', demo.prefix / 'lib/libgstrsworkspace.a'])


def test_pc_files(installed):
    demo, _ = installed
    pc = demo.prefix / 'lib/gstreamer-1.0/pkgconfig'
    requires = {p: fields(pc / f'gst{p}.pc')['Requires.private'] for p in PLUGINS}
    assert requires['beta'] == 'gstrsworkspace'
    for plugin in ('alpha', 'gamma'):
        modules = re.split(r'[ ,]+', requires[plugin])
        assert 'gstrsworkspace' in modules and 'demo-host' in modules, requires
    assert 'demo-base' in requires['alpha'] and '>= 1.0' in requires['alpha']
    workspace = fields(demo.prefix / 'lib/pkgconfig/gstrsworkspace.pc')
    assert workspace['Version'] == '1.2.3'
    assert workspace['Description'] == 'What the plugins of gst-plugins-demo share'
    for path in [*pc.glob('*.pc'), demo.prefix / 'lib/pkgconfig/gstrsworkspace.pc']:
        assert str(demo.folder) not in path.read_text(), path


@pytest.mark.parametrize('linker', ['bfd', 'lld', 'mold'])
@pytest.mark.parametrize('plugins', SUBSETS, ids='-'.join)
def test_every_subset_links_through_pkg_config(moved, host, tmp_path, plugins, linker):
    link = pkg_config(moved / 'lib', host, '--static', '--libs', *(f'gst{p}' for p in plugins))
    assert compile_and_run(tmp_path, plugins, link, *use_linker(linker)) == expected(plugins)


def test_la_files_link_as_libtool_reads_them(installed, host, tmp_path):
    demo, _ = installed
    text = (demo.prefix / 'lib/libgstrsworkspace.la').read_text()
    assert f"libdir='{demo.config.libdir}'" in text
    assert "dlname=''" in text and "library_names=''" in text
    link = la_link_line(demo.prefix, PLUGINS)
    link += pkg_config(demo.prefix / 'lib', host, '--libs', 'demo-host')
    assert compile_and_run(tmp_path, PLUGINS, link) == expected(PLUGINS)


def test_la_files_link_with_libtool(installed, host, tmp_path):
    demo, _ = installed
    consumer = tmp_path / 'consumer.o'
    defines = [f'-D{p.upper()}' for p in PLUGINS]
    run(['cc', '-c', *defines, Path(__file__).parent / 'host/consumer.c', '-o', consumer])
    libraries = [demo.prefix / f'lib/gstreamer-1.0/libgst{p}.la' for p in PLUGINS]
    command = ['libtool', '--tag=CC', '--mode=link', 'cc', '-o', tmp_path / 'program', consumer]
    run([*command, *libraries, f'-L{host}', '-ldemohost'], cwd=tmp_path)
    assert run([tmp_path / 'program']) == expected(PLUGINS)


# Building again.


def test_a_second_run_changes_nothing(tmp_path, engine):
    demo = Demo(tmp_path, engine)
    demo.run()
    first = demo.files()
    demo.run()
    log = (tmp_path / 'logs/gst-plugins-demo-compile.log').read_text()
    assert 'Finished' in log and 'Compiling' not in log
    assert demo.files() == first


def test_rebuild_after_a_touch(tmp_path, engine, host):
    demo = Demo(tmp_path, engine)
    recipe = demo.run()
    source = Path(recipe.src_dir, 'common/src/lib.rs')
    source.write_text(source.read_text().replace('GENERATION: c_int = 1', 'GENERATION: c_int = 2'))
    demo.run()
    moved = demo.moved(tmp_path / 'moved')
    link = pkg_config(moved / 'lib', host, '--static', '--libs', *(f'gst{p}' for p in PLUGINS))
    assert compile_and_run(tmp_path, PLUGINS, link) == expected(PLUGINS, generation=2)


def test_thinned_libraries_are_not_combined_again(installed, engine):
    """As when the step after cargo-c's is done a second time: what the plugins lost stays."""
    demo, recipe = installed
    before = demo.files()
    request = recipe.dragonfire_request()
    done = subprocess.run([engine, 'request'], input=json.dumps(request), capture_output=True, text=True)
    response = json.loads(done.stdout)
    assert response['ok'] or response['errors'][0]['code'] == 'input-already-thinned'
    after = demo.files()
    libraries = [f for f in before if f.endswith('.a')]
    assert {f: after[f] for f in libraries} == {f: before[f] for f in libraries}


def test_the_recipe_depends_on_the_mixin(installed):
    assert str(RECIPES / 'dragonfire_mixin.py') in installed[1]._get_files_dependencies()


# Failures.


def test_without_the_build_tool(tmp_path, engine):
    demo = Demo(tmp_path, None)
    with pytest.raises(FatalError, match='is the build tool dragonfire built'):
        demo.run()


def test_errors_of_the_engine_reach_the_user(tmp_path, engine):
    demo = Demo(tmp_path, engine)
    with pytest.raises(FatalError, match='request-invalid|manifest-invalid'):
        demo.run(demo.recipe(dragonfire_manifest={'schema': 1, 'export': []}))
    assert not (demo.prefix / 'lib/libgstrsworkspace.a').exists()


def test_a_plugin_that_cargo_c_did_not_install(tmp_path, engine):
    demo = Demo(tmp_path, engine)
    recipe = demo.recipe(cargo_packages=['gst-plugin-alpha', 'gst-plugin-beta'])
    with pytest.raises(FatalError, match='cargo-c installed no gstgamma.pc'):
        demo.run(recipe)


def test_no_plugin_enabled(tmp_path, engine):
    recipe = Demo(tmp_path, engine).recipe()
    recipe._dragonfire_plugins().clear()
    with pytest.raises(FatalError, match='enable_plugin'):
        recipe.dragonfire_request()


# Other platforms and kinds.


def test_android(tmp_path, engine, host):
    """Static only, with .la files packaged; cerbero makes its own, except the workspace library's."""
    demo = Demo(tmp_path / 'build', engine, Platform.ANDROID)
    demo.config.pkg_config_path = [host]
    recipe = demo.run()
    assert recipe.library_type == LibraryType.STATIC
    devel = recipe.devel_files_list()
    assert 'lib/libgstrsworkspace.la' in devel
    assert {f'lib/gstreamer-1.0/libgst{p}.la' for p in PLUGINS} <= set(devel)
    assert recipe.dist_files_list() == []
    assert "dlname=''" in (demo.prefix / 'lib/libgstrsworkspace.la').read_text()
    moved = demo.moved(tmp_path / 'moved')
    demo.prefix.rename(tmp_path / 'gone')
    link = la_link_line(moved, PLUGINS, moved_from=demo.prefix)
    link += pkg_config(moved / 'lib', host, '--libs', 'demo-host')
    assert compile_and_run(tmp_path, PLUGINS, link) == expected(PLUGINS)


def test_shared_only(tmp_path, engine):
    demo = Demo(tmp_path, engine)

    def prepare(recipe):
        recipe.library_type = LibraryType.SHARED
        for plugin in PLUGINS:
            recipe.enable_plugin(plugin, 'core')

    recipe = demo.run(demo.recipe(prepare=prepare))
    pc = [f'lib/gstreamer-1.0/pkgconfig/gst{p}.pc' for p in PLUGINS]
    assert recipe.devel_files_list() == [*pc, 'share/licenses/gst-plugins-demo']
    assert len(recipe.dist_files_list()) == len(PLUGINS)
    assert not list(demo.prefix.rglob('*.a')) and not list(demo.prefix.rglob('*workspace*'))


WINE = '/usr/lib/wine/wine64'

FOREIGN = {
    'msvc': {
        'platform': Platform.WINDOWS,
        'msvc': True,
        'compile': ['clang-19', '--target=x86_64-pc-windows-msvc'],
        'native': '-lkernel32 -lntdll -lwindows.0.53.0 -lws2_32',
        'kind': 'coff',
    },
    'mingw': {
        'platform': Platform.WINDOWS,
        'msvc': False,
        'compile': ['x86_64-w64-mingw32-gcc'],
        'native': '-lkernel32 -lwinapi_ntdll -luserenv -lwindows.0.53.0 -lws2_32',
        'kind': 'gnu',
    },
    'darwin': {
        'platform': Platform.DARWIN,
        'msvc': False,
        'compile': ['clang-19', '--target=arm64-apple-macos11'],
        'native': '-liconv -lSystem -lc -lm',
        'kind': 'darwin',
    },
}


@pytest.fixture(scope='module', params=[pytest.param(f, marks=pytest.mark.needs('windows')) for f in FOREIGN])
def foreign(request, tmp_path_factory, engine):
    """Libraries of three plugins made of C: an object of its own each, one that all have."""
    kind = FOREIGN[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    prebuilt = plugins_in_c(folder, kind['compile'], kind['kind'])
    demo = Demo(folder, engine, kind['platform'], kind['msvc'], prebuilt, kind['native'])
    return request.param, demo, demo.run(demo.recipe(dragonfire_strategy='dedup'))


def test_foreign_names(foreign):
    name, demo, recipe = foreign
    devel = recipe.devel_files_list()
    assert 'lib/libgstrsworkspace.a' in devel and 'lib/pkgconfig/gstrsworkspace.pc' in devel
    assert {f'lib/gstreamer-1.0/libgst{p}.a' for p in PLUGINS} <= set(devel)
    module = {'msvc': 'gst{}.dll', 'mingw': 'libgst{}.dll', 'darwin': 'libgst{}.dylib'}[name]
    assert recipe.dist_files_list() == [f'lib/gstreamer-1.0/{module.format(p)}' for p in PLUGINS]
    present = {Path(f).name for f in demo.files()}
    assert not {f for f in present if f.endswith('.lib')}
    if name == 'mingw':
        assert 'libgstalpha.dll.a' in present and 'gstalpha.dll.a' not in present


def test_foreign_libraries(foreign):
    _, demo, recipe = foreign
    members = {
        f.stem: run(['llvm-ar-19', 't', f]).split() for f in demo.prefix.rglob('*.a') if '.dll' not in f.name
    }
    assert members.pop('libgstrsworkspace').count('shared.o') == 1
    for plugin in PLUGINS:
        assert f'{plugin}.o' in members[f'libgst{plugin}'] and 'shared.o' not in members[f'libgst{plugin}']
    index = run(['llvm-nm-19', '--print-armap', demo.prefix / 'lib/libgstrsworkspace.a'])
    assert re.search(r'^_?demo_shared in ', index, re.M)


def test_foreign_pc_files(foreign):
    name, demo, _ = foreign
    texts = {p.stem: p.read_text() for p in demo.prefix.rglob('*.pc')}
    assert set(texts) == {'gstrsworkspace', *(f'gst{p}' for p in PLUGINS)}
    for text in texts.values():
        assert '-lwindows.' not in text and '-lwinapi_' not in text
    for plugin in PLUGINS:
        pc = fields(demo.prefix / f'lib/gstreamer-1.0/pkgconfig/gst{plugin}.pc')
        assert 'gstrsworkspace' in pc['Requires.private']
    workspace = fields(demo.prefix / 'lib/pkgconfig/gstrsworkspace.pc')
    native = ' '.join(workspace.get(k, '') for k in ('Libs', 'Libs.private'))
    wanted = {'msvc': '-lws2_32', 'mingw': '-lntdll', 'darwin': '-liconv'}[name]
    assert wanted in native.split()
    # What MSVC's linker cannot do without when dead code is in what the plugins share.
    assert ('/FORCE:UNRESOLVED' in native) == (name == 'msvc')


def test_msvc_can_keep_link_exe_names(tmp_path, engine, foreign):
    name, demo, _ = foreign
    if name != 'msvc':
        return
    config = demo.config
    other = Demo(tmp_path, engine, Platform.WINDOWS, True, config.prebuilt, config.native_static_libs)
    recipe = other.run(other.recipe(dragonfire_keep_lib_names=True, dragonfire_strategy='dedup'))
    devel = recipe.devel_files_list()
    assert 'lib/gstrsworkspace.lib' in devel
    assert {f'lib/gstreamer-1.0/gst{p}.lib' for p in PLUGINS} <= set(devel)
    assert not list(other.prefix.rglob('*.a'))


@pytest.mark.parametrize('strategy', ['dedup', 'meld'])
def test_mingw_program_runs(foreign, strategy, engine, tmp_path):
    name, demo, _ = foreign
    if name != 'mingw':
        return
    if strategy == 'meld':
        config = demo.config
        demo = Demo(tmp_path / 'melded', engine, Platform.WINDOWS, False, config.prebuilt, config.native_static_libs)
        demo.run()
    for module in ('demo-host', 'demo-base'):
        (tmp_path / f'{module}.pc').write_text(f'Name: {module}\nDescription: test\nVersion: 1.4\n')
    link = pkg_config(demo.prefix / 'lib', tmp_path, '--static', '--libs', 'gstalpha', 'gstbeta')
    program = tmp_path / 'program.exe'
    consumer = Path(__file__).parent / 'host/consumer.c'
    static = [f for f in link if f.startswith(('-L', '-lgst'))]
    system = [f for f in link if f not in static]
    # Melded too: who has the functions of the host is not known, so that no library is left out.
    assert '-lntdll' in system
    command = ['x86_64-w64-mingw32-gcc', '-DALPHA', '-DBETA', consumer, '-o', program]
    run([*command, '-Wl,-Bstatic', *static, '-Wl,-Bdynamic', *system])
    wine = {'WINEDEBUG': '-all', 'WINEPREFIX': str(tmp_path / 'wine')}
    output = run([WINE, program], env={**os.environ, **wine})
    # One counter: what the plugins share is there once.
    assert output.split() == ['alpha=1/1', 'beta=2/1']


# Today's recipe, which calls the program's first command line.


def test_the_first_command_line_in_place(tmp_path, engine, host, installed):
    """`dragonfire -o OUT -f gnu LIB...` in the prefix, with paths as gst-plugins-rs.recipe gives them."""
    built = Path(installed[1].build_dir, 'release')
    prefix = tmp_path / 'prefix'
    plugins = prefix / 'lib/gstreamer-1.0'
    plugins.mkdir(parents=True)
    for plugin in PLUGINS:
        shutil.copy(built / f'libgst{plugin}.a', plugins)
    relative = [f'lib/gstreamer-1.0/libgst{p}.a' for p in PLUGINS]
    run([engine, '-o', prefix / 'lib/libgstrsworkspace.a', '-f', 'gnu', *relative], cwd=prefix)
    link = [*(prefix / f for f in relative), f'-L{prefix}/lib', '-lgstrsworkspace']
    link += [*pkg_config(prefix / 'lib', host, '--libs', 'demo-host'), '-lm', '-ldl', '-lpthread']
    assert compile_and_run(tmp_path, PLUGINS, link) == expected(PLUGINS)
    sizes = [(plugins / f'libgst{p}.a').stat().st_size for p in PLUGINS]
    assert all(s * 10 < (built / f'libgst{p}.a').stat().st_size for s, p in zip(sizes, PLUGINS))
    assert not list(prefix.rglob('*.bak'))


def test_entry_points_that_there_are(engine, workspace, tmp_path):
    """A plugin without _get_desc, which only shared ones need, is a plugin."""
    tree = ast.parse((RECIPES / 'dragonfire_mixin.py').read_text())
    manifest, = (ast.literal_eval(node.value) for node in ast.walk(tree)
                 if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'dragonfire_manifest')
    asked = {'protocol': 1, 'operation': 'meld', 'manifest': manifest, 'output': {'dir': str(tmp_path)},
             'source': {'libraries': [{'path': str(workspace['gstidle'])}]}}
    answer = json.loads(subprocess.run([engine, 'request'], input=json.dumps(asked), stdout=subprocess.PIPE, text=True).stdout)
    assert answer['ok'] and answer['plugins'][0]['exports'] == ['gst_plugin_idle_register'], answer
