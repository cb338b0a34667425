"""A Meson project that has dragonfire as a subproject and a Cargo workspace of plugins.

Real cargo, engine, Meson (Debian's and the newest), linkers; the programs are run.
"""

import importlib.util
import json
import os
from pathlib import Path
import re
import shutil
import stat
import subprocess
import sys

import pytest

from harness import apple, cache, cross, machorun
from harness.terminal import on_terminal

HERE = Path(__file__).resolve().parent
REPOSITORY = cache.ROOT
PLUGINS = ['pattern', 'record', 'worker', 'native', 'router', 'idle']
WITH = {name: f'-DWITH_{name.upper()}' for name in PLUGINS}


def run(*command, cwd=None, env=None, status=0):
    """Runs a command, checks its status and returns what it printed."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, encoding='utf-8',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if status == 0:
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode != 0, done.stdout
    return done.stdout


@pytest.fixture(scope='session')
def cargo_cache():
    """One cargo target directory for all consumers: what they depend on is built once."""
    yield cache.folder('cargo', 'meson')
    for name in ('meson', 'meson-mingw', 'meson-macos'):
        cache.forget_copies(cache.folder('cargo', name))


@pytest.fixture(params=['debian', 'newest'])
def meson(request):
    if request.param == 'debian':
        found = shutil.which('meson', path=os.defpath)
    else:
        found = shutil.which('meson', path=str(Path(sys.executable).parent))
    return found or pytest.skip(f'no {request.param} Meson')


@pytest.fixture
def newest_meson():
    return shutil.which('meson', path=str(Path(sys.executable).parent)) or pytest.skip('no newest Meson')


class Consumer:
    """A copy of the consumer project with its own Cargo workspace, and a build directory."""

    def __init__(self, folder, meson, engine, cargo_cache):
        self.meson = meson
        self.source = folder / 'source'
        self.build = folder / 'build'
        shutil.copytree(HERE / 'consumer', self.source)
        shutil.copytree(REPOSITORY / 'tests/workspace', self.source / 'rust', dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns('target'))
        shutil.copy(REPOSITORY / 'tests/workspace/host/main.c', self.source)
        (self.source / 'subprojects').mkdir()
        (self.source / 'subprojects/dragonfire').symlink_to(REPOSITORY)
        path = [entry for entry in os.environ['PATH'].split(os.pathsep)
                if not (Path(entry) / 'dragonfire').exists()]
        if engine:
            (folder / 'bin').mkdir()
            (folder / 'bin/dragonfire').symlink_to(engine)
            path.insert(0, str(folder / 'bin'))
        self.env = {**os.environ, 'PATH': os.pathsep.join(path)}
        if cargo_cache:
            self.edit('rust/meson.build', "'@PRIVATE_DIR@'", repr(str(cargo_cache)))

    def setup(self, *options, status=0):
        return run(self.meson, 'setup', self.build, self.source, *options, env=self.env,
                   status=status)

    def compile(self, status=0):
        return run('ninja', '-C', self.build, env=self.env, status=status)

    def install(self, destdir=None):
        env = {**self.env, 'DESTDIR': str(destdir)} if destdir else self.env
        return run(self.meson, 'install', '-C', self.build, env=env)

    def program(self, name):
        return run(self.build / name)

    def edit(self, name, old, new):
        path = self.source / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def consumer(tmp_path, meson, engine, cargo_cache):
    return Consumer(tmp_path, meson, engine, cargo_cache)


@pytest.fixture
def newest_consumer(tmp_path, newest_meson, engine, cargo_cache):
    return Consumer(tmp_path, newest_meson, engine, cargo_cache)


def test_readme_shows_what_is_tested():
    readme = (REPOSITORY / 'meson/README.md').read_text()
    snippet, *_ = re.findall(r'```meson\n(.*?)```', readme, re.DOTALL)
    assert snippet == (HERE / 'consumer/rust/meson.build').read_text()
    assert len(snippet.splitlines()) <= 25


def test_versions_agree():
    in_cargo = re.search(r'^version = "(.*)"', (REPOSITORY / 'Cargo.toml').read_text(), re.M)
    in_meson = re.search(r"^  version: '(.*)'", (REPOSITORY / 'meson.build').read_text(), re.M)
    assert in_meson.group(1) == in_cargo.group(1)


def test_build_run_touch_install(consumer, tmp_path):
    prefix = tmp_path / 'prefix'
    consumer.setup('-Ddefault_library=static', '-Dbuildtype=release', f'--prefix={prefix}',
                   '--libdir=lib')
    consumer.compile()
    out = consumer.program('every')
    assert out.endswith('all right\n') and 'registered as number 5' in out
    assert consumer.program('one').endswith('all right\n')

    # Nothing changed: nothing is done.
    assert 'no work to do' in consumer.compile()

    # A source changes (same bytes, newer): cargo runs, and then there is nothing to do again.
    touched = consumer.source / 'rust/pattern/src/lib.rs'
    touched.touch()
    assert 'Generating rust' in consumer.compile()
    assert 'no work to do' in consumer.compile()

    # A dependency of plugins says something else: programs say it too.
    consumer.edit('rust/record/src/lib.rs', 'gst_plugin_record_version: c_int = 3',
                  'gst_plugin_record_version: c_int = 4')
    consumer.compile()
    assert 'gst_plugin_record_version == 3' in run(consumer.build / 'every', status=1)
    consumer.edit('rust/record/src/lib.rs', 'gst_plugin_record_version: c_int = 4',
                  'gst_plugin_record_version: c_int = 3')
    consumer.compile()
    consumer.program('every')
    assert 'no work to do' in consumer.compile()

    # Installed through DESTDIR, and then moved: .pc files are relocatable.
    consumer.install(tmp_path / 'destdir')
    moved = tmp_path / 'moved'
    (tmp_path / 'destdir' / prefix.relative_to('/')).rename(moved)
    assert sorted(path.name for path in (moved / 'lib').glob('*.*')) == sorted(
        [f'libgst{name}.a' for name in PLUGINS] + ['libgstrsworkspace.a'])
    for some in [PLUGINS, ['idle'], ['pattern', 'native'], ['worker', 'router']]:
        pkg_config_program(moved / 'lib/pkgconfig', some, tmp_path / 'program')


def pkg_config_program(pc_files, plugins, program):
    """Builds a program with these plugins from an install tree, and runs it."""
    env = {**os.environ, 'PKG_CONFIG_PATH': str(pc_files)}
    flags = run('pkg-config', '--static', '--cflags', '--libs',
                *[f'gst{name}' for name in plugins], env=env).split()
    run('cc', REPOSITORY / 'tests/workspace/host/main.c', *[WITH[name] for name in plugins],
        *flags, '-o', program)
    assert run(program).endswith('all right\n')


@pytest.mark.parametrize('kind', ['shared', 'both'])
def test_default_library(kind, consumer, tmp_path):
    prefix = tmp_path / 'prefix'
    consumer.setup(f'-Ddefault_library={kind}', f'--prefix={prefix}', '--libdir=lib')
    consumer.compile()
    assert consumer.program('one').endswith('all right\n')
    assert consumer.program('every').endswith('all right\n')
    needed = run('readelf', '-d', consumer.build / 'one')
    assert '[libgstpattern.so]' in needed
    needed = run('readelf', '-d', consumer.build / 'every')
    assert 'libgst' not in needed
    visible = run('nm', '-D', '--defined-only', consumer.build / 'rust/libgstpattern.so').split()
    assert [word for word in visible[2::3]] == ['gst_plugin_pattern_count',
                                                'gst_plugin_pattern_register']

    consumer.install()
    installed = {path.name for path in (prefix / 'lib').glob('*.*')}
    expected = {f'libgst{name}.so' for name in PLUGINS}
    if kind == 'both':
        expected |= {f'libgst{name}.a' for name in PLUGINS + ['rsworkspace']}
    assert installed == expected
    env = {**os.environ, 'PKG_CONFIG_PATH': str(prefix / 'lib/pkgconfig')}
    flags = run('pkg-config', '--libs', 'gstpattern', env=env).split()
    run('cc', consumer.source / 'main.c', WITH['pattern'], *flags, f'-Wl,-rpath,{prefix}/lib',
        '-o', tmp_path / 'program')
    assert run(tmp_path / 'program').endswith('all right\n')


@pytest.mark.parametrize('buildtype, folder, debug_info, optimized', [
    ('debug', 'debug', True, False),
    ('debugoptimized', 'release', True, True),
    ('release', 'release', None, True),
    ('minsize', 'release', None, True),
])
def test_buildtype(buildtype, folder, debug_info, optimized, newest_consumer, tmp_path):
    """What rustc was told, as build scripts see it."""
    consumer = newest_consumer
    log = tmp_path / 'log'
    (consumer.source / 'rust/idle/build.rs').write_text(f'''
        fn main() {{
            let get = |name| std::env::var(name).unwrap();
            std::fs::write({json.dumps(str(log))}, format!("{{}} {{}} {{}}",
                get("PROFILE"), get("DEBUG"), get("OPT_LEVEL"))).unwrap();
        }}''')
    consumer.setup('-Ddefault_library=static', f'-Dbuildtype={buildtype}')
    run('ninja', '-C', consumer.build, 'rust/libgstidle.a', env=consumer.env)
    profile, debug, level = log.read_text().split()
    assert profile == folder
    if debug_info:
        assert debug == 'true'
    assert (level != '0') == optimized
    if buildtype == 'minsize':
        assert level == 's'


def test_cargo_failure_is_shown_and_heals(newest_consumer):
    consumer = newest_consumer
    consumer.setup('-Ddefault_library=static')
    consumer.edit('rust/pattern/src/lib.rs', 'pub ', 'pub pub ')
    out = consumer.compile(status=1)
    assert 'error: ' in out and 'pattern/src/lib.rs' in out
    assert not list(consumer.build.glob('rust/*.a'))
    consumer.edit('rust/pattern/src/lib.rs', 'pub pub ', 'pub ')
    consumer.compile()
    consumer.program('every')


def test_progress_on_a_terminal(newest_consumer):
    """People see how far the engine is; the console is the driver's."""
    newest_consumer.setup('-Ddefault_library=static')
    said = on_terminal(['ninja', '-C', newest_consumer.build], env=newest_consumer.env)
    assert re.search(r'\d+/\d+ (crates|members|atoms)', said), said


def test_workspace_change_reconfigures(newest_consumer):
    consumer = newest_consumer
    consumer.setup('-Ddefault_library=static')
    consumer.edit('meson.build', ", 'idle']", ']')
    consumer.edit('meson.build', ", '-DWITH_IDLE']", ']')
    consumer.compile()
    assert (consumer.build / 'rust/libgstidle.a').exists()
    manifest = consumer.source / 'rust/Cargo.toml'
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text(''.join(line for line in lines if 'gst-plugin-idle' not in line))
    consumer.compile()
    assert 'libgstidle.a' not in (consumer.build / 'build.ninja').read_text()
    consumer.program('every')


@pytest.mark.parametrize('extra, message', [
    ("'--no-such-thing'", 'unrecognized arguments: --no-such-thing'),
    ("'--strategy', 'melt'", 'argument --strategy: invalid choice'),
    ("'--package', 'gst-plugin-recrod'", 'gst-plugin-recrod'),
])
def test_wrong_argument(extra, message, consumer):
    consumer.edit('rust/meson.build', "files('Cargo.toml')]", f"files('Cargo.toml'), {extra}]")
    assert message in consumer.setup(status=1)


def test_engine_built(tmp_path, newest_meson):
    """No dragonfire on PATH; a wrap that provides it, so that find_program falls back to it."""
    # What tests/run has built is what cargo finds in the build directory.
    consumer = Consumer(tmp_path, newest_meson, None, None)
    (consumer.source / 'subprojects/dragonfire.wrap').write_text(
        '[wrap-file]\ndirectory = dragonfire\n\n[provide]\nprogram_names = dragonfire\n')
    consumer.edit('meson.build', "subdir('rust')", "find_program('dragonfire')\nsubdir('rust')")
    engine_target = consumer.build / 'subprojects/dragonfire/meson/cargo'
    engine_target.parent.mkdir(parents=True)
    engine_target.symlink_to(REPOSITORY / 'target')
    out = consumer.setup('-Ddefault_library=static', '--wrap-mode=forcefallback')
    assert 'Building dragonfire with cargo' in out
    consumer.compile()
    consumer.program('every')
    assert 'no work to do' in consumer.compile()


def test_wrap_of_the_readme(tmp_path, meson, engine, cargo_cache):
    """The wrap works from any checkout: no release and no tag is needed."""
    origin = tmp_path / 'origin'
    origin.mkdir()
    for name in 'meson.build', 'meson_options.txt':
        shutil.copy(REPOSITORY / name, origin)
    shutil.copytree(REPOSITORY / 'meson', origin / 'meson', ignore=shutil.ignore_patterns('target'))
    git = ['git', '-C', origin, '-c', 'user.name=test', '-c', 'user.email=test@localhost']
    run(*git, 'init', '--quiet')
    run(*git, 'add', '--all')
    run(*git, 'commit', '--quiet', '-m', 'A checkout')
    readme = (REPOSITORY / 'meson/README.md').read_text()
    block = re.search(r'( *)# subprojects/dragonfire\.wrap\n(?:.*\n)*?(?=\n\s*`head`)', readme).group()
    wrap = re.sub('^ +', '', block, flags=re.M).replace('<this repository>', origin.as_uri())
    assert wrap.count(origin.as_uri()) == 1
    consumer = Consumer(tmp_path, meson, engine, cargo_cache)
    (consumer.source / 'subprojects/dragonfire').unlink()
    (consumer.source / 'subprojects/dragonfire.wrap').write_text(wrap)
    consumer.setup('-Ddefault_library=static')
    assert (consumer.source / 'subprojects/dragonfire/.git').is_dir()
    consumer.compile()
    consumer.program('every')


@pytest.mark.parametrize('asked', [[], ['--no-lto']], ids=['as it says', 'without'])
def test_link_time_optimisation(asked):
    spec = importlib.util.spec_from_file_location('rust_plugins', REPOSITORY / 'meson/rust_plugins.py')
    rust_plugins = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rust_plugins)
    opts = rust_plugins.arguments(['--list', '--engine=dragonfire', '--strategy=meld', '--manifest-path=Cargo.toml', *asked])
    assert rust_plugins.workspace(opts)['no_lto'] == bool(asked)


@pytest.mark.parametrize('strategy', ['dedup', 'prelink', 'meld'])
def test_strategy(strategy, newest_consumer):
    consumer = newest_consumer
    consumer.setup('-Ddefault_library=static', f'-Ddragonfire:strategy={strategy}')
    consumer.compile()
    # Prelinked plugins have a registry each, and `every` checks that there is one.
    consumer.program('one' if strategy == 'prelink' else 'every')
    assert 'no work to do' in consumer.compile()


@pytest.mark.needs('cross')
@pytest.mark.needs('windows')
def test_cross_mingw(tmp_path, meson, engine):
    """A cross file says everything: C compiler, Rust compiler and target, and how to run programs."""
    wine = shutil.which('wine64', path=f'/usr/lib/wine{os.pathsep}{os.environ["PATH"]}')
    consumer = Consumer(tmp_path, meson, engine, cache.folder('cargo', 'meson-mingw'))
    target = cross.TARGETS['mingw']
    consumer.env.update(target.build_env, **cross.QUICK, CARGO_UNSTABLE_BUILD_STD='std,panic_unwind',
                        WINEDEBUG='-all', WINEPREFIX=str(tmp_path / 'wine'))
    cross_file = tmp_path / 'cross.ini'
    cross_file.write_text(f'''
[binaries]
c = 'x86_64-w64-mingw32-gcc'
cpp = 'x86_64-w64-mingw32-g++'
ar = 'x86_64-w64-mingw32-ar'
strip = 'x86_64-w64-mingw32-strip'
rust = ['{cross.RUSTC}', '--target', '{target.triple}']
exe_wrapper = '{wine}'

[host_machine]
system = 'windows'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
''')
    # Rust's std wants a DLL that wine 8 does not have.
    (tmp_path / 'stub.c').write_text('int ProcessPrng(unsigned char *p, unsigned long long n)'
                                     '{ while (n--) *p++ = (unsigned char)(n * 37); return 1; }')
    consumer.setup('-Ddefault_library=static', '-Dbuildtype=release', '--cross-file', cross_file)
    run('x86_64-w64-mingw32-gcc', '-shared', tmp_path / 'stub.c', '-o',
        consumer.build / 'bcryptprimitives.dll')
    consumer.compile()
    assert 'no work to do' in consumer.compile()
    run(consumer.meson, 'test', '-C', consumer.build, '--timeout-multiplier=20', env=consumer.env)


PLAYER = """#include <stdio.h>
int gst_plugin_json_register(void);
int gst_plugin_regex_register(void);
int main(void) { return printf("%d %d\\n", gst_plugin_json_register(), gst_plugin_regex_register()) < 0; }
"""


def recipe_with_options():
    """The README's recipe for projects of gst-plugins-rs' shape: its meson.build, and the template of .pc files."""
    readme = (REPOSITORY / 'meson/README.md').read_text()
    snippet, recipe, loop = re.findall(r'```meson\n(.*?)```', readme, re.DOTALL)
    template, = re.findall(r'```\n(Name: .*?)```', readme, re.DOTALL)
    first, rest = snippet.split('\n', 1)
    assert first.startswith('rust = ') and rest.endswith('endforeach\n')
    rest = rest.removesuffix('endforeach\n') + loop + 'endforeach\n'
    return recipe + rest + "meson.add_devenv({'PKG_CONFIG_PATH': meson.current_build_dir()}, method: 'prepend')\n", template


@pytest.mark.parametrize('kind', ['static', 'both'])
def test_option_for_each_plugin(kind, meson, engine, tmp_path):
    """The recipe on a project that has three small plugins."""
    text, template = recipe_with_options()
    consumer = Consumer(tmp_path, meson, engine, None)
    rust = consumer.source / 'rust'
    shutil.rmtree(rust)
    plugins = ('json', 'regex', 'csound')
    for name in (*plugins, 'common'):
        (rust / name / 'src').mkdir(parents=True)
    (rust / 'meson.build').write_text(text)
    (rust / 'uninstalled.pc.in').write_text(template)
    (rust / 'Cargo.toml').write_text('[workspace]\nresolver = "2"\nmembers = ["json", "regex", "csound"]\n')
    (rust / 'common/Cargo.toml').write_text('[package]\nname = "common"\nversion = "1.0.0"\nedition = "2021"\n'
                                            '[features]\nv1_22 = []\nv1_26 = ["v1_22"]\n')
    (rust / 'common/src/lib.rs').write_text('pub fn features() -> i32 '
                                            '{ cfg!(feature = "v1_22") as i32 + 2 * cfg!(feature = "v1_26") as i32 }\n')
    for number, name in enumerate(plugins):
        (rust / name / 'Cargo.toml').write_text(
            f'[package]\nname = "gst-plugin-{name}"\nversion = "1.0.0"\nedition = "2021"\n'
            f'[lib]\nname = "gst{name}"\ncrate-type = ["staticlib", "cdylib", "rlib"]\n'
            '[dependencies]\ngst = { package = "common", path = "../common" }\n')
        (rust / name / 'src/lib.rs').write_text(
            f'#[no_mangle] pub extern "C" fn gst_plugin_{name}_register() -> i32 {{ {number}00 + gst::features() }}\n')
    (consumer.source / 'meson_options.txt').write_text(
        ''.join(f"option('{name}', type: 'feature', value: 'auto')\n" for name in plugins))
    (consumer.source / 'meson.build').write_text(
        "project('consumer', 'c')\n"
        "meson.override_dependency('gstreamer-1.0', declare_dependency(version: '1.24.5'))\n"
        "subdir('rust')\nif get_option('json').allowed()\n"
        "  executable('player', 'player.c', dependencies: [dependency('gstjson'), dependency('gstregex')])\nendif\n")
    (consumer.source / 'player.c').write_text(PLAYER)
    prefix = tmp_path / 'prefix'
    # No csound here: left out by itself, an error where it is asked for.
    consumer.env['PKG_CONFIG_PATH'] = str(tmp_path)
    said = consumer.setup(f'-Ddefault_library={kind}', f'--prefix={prefix}', '--libdir=lib')
    assert re.search(r'Rust plugins\s*: json regex\n', said)
    consumer.compile()
    assert consumer.program('player') == '1 101\n'
    consumer.install()
    installed = {path.name for path in (prefix / 'lib').glob('*.*')}
    assert installed == {'libgstjson.a', 'libgstregex.a', 'libgstrsworkspace.a',
                         *(['libgstjson.so', 'libgstregex.so'] if kind == 'both' else [])}
    # From the build tree, which the devenv of Meson 1.1 and older does not name.
    devenv = [meson, 'devenv', '-C', consumer.build]
    if run(meson, '--version').startswith(('1.0.', '1.1.')):
        devenv = ['env', f'PKG_CONFIG_PATH={consumer.build}/rust']
    flags = run(*devenv, 'pkg-config', '--libs', 'gstjson', 'gstregex', env=consumer.env).splitlines()[-1]
    run('cc', consumer.source / 'player.c', *flags.split(), '-o', tmp_path / 'player')
    assert run(tmp_path / 'player') == '1 101\n'

    run(meson, 'configure', consumer.build, '-Djson=disabled', '-Dregex=disabled')
    consumer.compile()
    assert 'csound' in consumer.setup('--wipe', '-Dcsound=enabled', status=1)


GSTREAMER = ('json', 'regex', 'threadshare')
LOADER = """#include <gst/gst.h>
int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        GstElementFactory *factory = gst_element_factory_find(argv[i]);
        if (!factory || !gst_element_factory_create(factory, NULL)) return i;
        g_print("%s\\n", gst_plugin_get_filename(gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(factory))));
    }
    return 0;
}
"""


@pytest.mark.long
@pytest.mark.needs('gstreamer')
def test_plugins_of_gstreamer(newest_meson, engine, tmp_path):
    """The recipe on real plugins: programs with static ones play, and GStreamer loads the shared ones."""
    text, template = recipe_with_options()
    consumer = Consumer(tmp_path, newest_meson, engine, None)
    rust = consumer.source / 'rust'
    shutil.rmtree(rust)
    shutil.copytree(REPOSITORY / 'tests/gstreamer', rust)
    csound = "  'csound': "
    assert csound in text
    text = text.replace(csound, f"  'threadshare': {{'package': 'gst-plugin-threadshare'}},\n{csound}")
    # GStreamer's folder of plugins, and the workspace library beside it.
    text = text.replace("dirs = []\n", """dirs = []
libdir = get_option('prefix') / get_option('libdir')
plugindir = libdir / 'gstreamer-1.0'
rust += ['--libdir', plugindir, '--workspace-libdir', libdir, '--workspace-pkgconfigdir', libdir / 'pkgconfig']
""")
    text = text.replace("  dirs += [kind == 'shared' ? false : get_option('libdir'), get_option('libdir') / 'pkgconfig', false]",
                        "  place = lib == libs[0] ? libdir : plugindir\n  dirs += [place, place / 'pkgconfig', false]")
    text = text.replace("link_language: 'c', install: true", "link_language: 'c', install: true, install_dir: plugindir")
    assert text.count('plugindir') == 4
    (rust / 'meson.build').write_text(text)
    (rust / 'uninstalled.pc.in').write_text(template)
    options = (*GSTREAMER, 'csound')
    (consumer.source / 'meson_options.txt').write_text(
        ''.join(f"option('{name}', type: 'feature', value: 'auto')\n" for name in options))
    (consumer.source / 'meson.build').write_text(f"""project('consumer', 'c')
subdir('rust')
all = [dependency('gstreamer-1.0')]
foreach name : {list(GSTREAMER)}
  all += dependency('gst' + name, static: true)
endforeach
executable('player', 'rust/main.c', dependencies: all, c_args: {[f'-DWITH_{name.upper()}' for name in GSTREAMER]})
executable('loader', 'loader.c', dependencies: dependency('gstreamer-1.0'))
""")
    (consumer.source / 'loader.c').write_text(LOADER)
    prefix = tmp_path / 'prefix'
    said = consumer.setup('-Ddefault_library=both', '-Dbuildtype=release', f'--prefix={prefix}', '--libdir=lib')
    assert re.search(r'Rust plugins\s*: json regex threadshare\n', said)
    consumer.compile()
    # Debian's GStreamer is 1.22.
    assert '--features gst/v1_22 ' in (consumer.build / 'build.ninja').read_text().replace("'", '')
    assert 'no work to do' in consumer.compile()
    consumer.install()
    env = {**os.environ, 'GST_REGISTRY': str(tmp_path / 'registry.bin')}
    made = [f'{name}: {element} made, pipeline to its end' for name, element in
            zip(GSTREAMER, ('jsongstenc', 'regex', 'ts-queue'), strict=True)]
    said = run(consumer.build / 'player', rust, env=env)
    assert [line for line in said.splitlines() if ' made, ' in line] == made

    # A packager's program, from what was installed.
    pc_files = f'{prefix}/lib/gstreamer-1.0/pkgconfig{os.pathsep}{prefix}/lib/pkgconfig'
    names = [f'gst{name}' for name in GSTREAMER]
    flags = run('pkg-config', '--cflags', '--static', '--libs', *names, env={**os.environ, 'PKG_CONFIG_PATH': pc_files}).split()
    # Where there is a shared one, linkers take it.
    shared = tmp_path / 'shared'
    shared.mkdir()
    for name in names:
        (prefix / f'lib/gstreamer-1.0/lib{name}.so').rename(shared / f'lib{name}.so')
    run('cc', rust / 'main.c', *(f'-DWITH_{name.upper()}' for name in GSTREAMER), '-Wno-format-extra-args', *flags,
        '-o', tmp_path / 'program')
    assert run(tmp_path / 'program', rust, env=env) == said
    env.update(GST_PLUGIN_PATH_1_0=str(shared), GST_PLUGIN_SYSTEM_PATH_1_0='', GST_REGISTRY=str(tmp_path / 'other.bin'))
    loaded = run(consumer.build / 'loader', 'jsongstenc', 'regex', 'ts-queue', env=env)
    assert loaded.splitlines() == [str(shared / f'lib{name}.so') for name in names]


@pytest.mark.parametrize('cross_build', [False, True], ids=['native', 'cross'])
def test_arguments_of_rustc(cross_build, meson, engine, tmp_path):
    """A machine file's `rust` keeps its arguments; those of a cross file are not for build scripts."""
    consumer = Consumer(tmp_path, meson, engine, None)
    # One small plugin, with a build script.
    rust = consumer.source / 'rust'
    shutil.rmtree(rust)
    (rust / 'told/src').mkdir(parents=True)
    shutil.copy(HERE / 'consumer/rust/meson.build', rust)
    (rust / 'Cargo.toml').write_text('[workspace]\nresolver = "2"\nmembers = ["told"]\n')
    (rust / 'told/Cargo.toml').write_text('[package]\nname = "told"\nversion = "1.0.0"\nedition = "2021"\n'
                                          '[lib]\nname = "gsttold"\ncrate-type = ["staticlib"]\n')
    (rust / 'told/build.rs').write_text('fn main() { println!("cargo::rustc-check-cfg=cfg(told, from_script)"); '
                                        'if cfg!(told) { println!("cargo::rustc-cfg=from_script"); } }\n')
    (rust / 'told/src/lib.rs').write_text('#[no_mangle] pub extern "C" fn gst_plugin_told_register() -> i32 '
                                          '{ cfg!(told) as i32 + 2 * cfg!(from_script) as i32 }\n')
    (consumer.source / 'meson.build').write_text(
        "project('consumer', 'c')\nsubdir('rust')\nexecutable('player', 'player.c', dependencies: dependency('gsttold'))\n")
    (consumer.source / 'player.c').write_text(
        '#include <stdio.h>\nint gst_plugin_told_register(void);\n'
        'int main(void) { return printf("%d\\n", gst_plugin_told_register()) < 0; }\n')
    target = run('rustc', '--print', 'host-tuple').strip()
    machine = tmp_path / 'machine.ini'
    machine.write_text(f"[binaries]\nc = 'cc'\nar = 'ar'\nrust = ['rustc', '--target', '{target}', '--cfg', 'told']\n"
                       f"[properties]\nrust_target = '{target}'\n" + cross_build * '''
[host_machine]
system = 'linux'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
''')
    consumer.setup('-Ddefault_library=static', '--cross-file' if cross_build else '--native-file', machine)
    consumer.compile()
    assert consumer.program('player') == ('1\n' if cross_build else '3\n')


@pytest.mark.needs('cross')
def test_cross_macos(tmp_path, newest_meson, engine):
    """clang and ld64.lld for macOS: melded where nothing is said, with one personality routine. Debian's Meson
    does not know this linker where it is not Xcode's."""
    consumer = Consumer(tmp_path, newest_meson, engine, cache.folder('cargo', 'meson-macos'))
    target = cross.TARGETS['macos']
    consumer.env.update(target.build_env, **cross.QUICK, CARGO_UNSTABLE_BUILD_STD='std,panic_unwind')
    compiler = ['clang-19', '--target=arm64-apple-macos11']
    libraries = ['-fuse-ld=lld', f'-L{apple.system_libraries(tmp_path / "sdk")}', str(machorun.unwinder('macos'))]
    *emulator, loader = machorun.loader('macos')
    wrapper = [*emulator, shutil.copy(loader, tmp_path)]
    cross_file = tmp_path / 'cross.ini'
    cross_file.write_text(f'''
[binaries]
c = {compiler}
ar = 'llvm-ar-19'
ranlib = 'llvm-ranlib-19'
strip = 'llvm-strip-19'
install_name_tool = 'llvm-install-name-tool-19'
exe_wrapper = {[str(word) for word in wrapper]}

[built-in options]
c_args = {apple.c_flags()}
c_link_args = {libraries}

[host_machine]
system = 'darwin'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
''')
    consumer.setup('-Ddefault_library=static', '-Dbuildtype=release', '--cross-file', cross_file)
    consumer.compile()
    assert 'no work to do' in consumer.compile()
    # Whole members would keep rustc's names.
    members = run('llvm-ar-19', 't', consumer.build / 'rust/libgstrsworkspace.a').split()
    assert members and not any('.rcgu.' in member for member in members)
    for name in ('one', 'every'):
        looks = apple.look(consumer.build / name)
        assert len(looks.personalities) == 1
        # Rust's names, of both manglings, or of its runtime.
        assert not [s for s in looks.exported if s.startswith(('__R', '_rust')) or '17h' in s]
    assert 'no_compact_unwind' not in (consumer.build / 'build.ninja').read_text()
    run(consumer.meson, 'test', '-C', consumer.build, '--timeout-multiplier=20', env=consumer.env)


def test_causes_of_failures(newest_consumer):
    """What cargo says is there, once, when Meson configures and when it builds."""
    path = newest_consumer.source / 'rust/idle/Cargo.toml'
    text = path.read_text()
    path.write_text(text + '\n[nonsense\n')
    said = newest_consumer.setup(status=1)
    assert '`cargo metadata` failed' in said and 'idle/Cargo.toml' in said and '[nonsense' in said
    path.write_text(text)
    newest_consumer.setup()
    newest_consumer.edit('rust/idle/src/lib.rs', '    1\n', '    "text"\n')
    said = newest_consumer.compile(status=1)
    assert said.count('mismatched types') == 1 and '`cargo build` failed [cargo-failed]' in said


def test_workspace_library_elsewhere(newest_consumer, tmp_path):
    """As GStreamer wants it: its folder of plugins has .pc files of plugins and no other."""
    made = 'rust/meson.build'
    newest_consumer.edit(made, "dirs = []\n", "dirs = []\nlibdir = get_option('prefix') / get_option('libdir')\n"
        "plugindir = libdir / 'gstreamer-1.0'\n"
        "rust += ['--libdir', plugindir, '--workspace-libdir', libdir, '--workspace-pkgconfigdir', libdir / 'pkgconfig']\n")
    newest_consumer.edit(made, "  dirs += [kind == 'shared' ? false : get_option('libdir'), get_option('libdir') / 'pkgconfig', false]",
                         "  place = lib == libs[0] ? libdir : plugindir\n  dirs += [place, place / 'pkgconfig', false]")
    newest_consumer.setup('-Ddefault_library=static', '-Dlibdir=lib', '--prefix=/usr')
    newest_consumer.compile()
    newest_consumer.install(tmp_path / 'root')
    lib = tmp_path / 'root/usr/lib'
    names = {p.name for p in (lib / 'gstreamer-1.0/pkgconfig').iterdir()}
    assert names == {f'gst{name}.pc' for name in PLUGINS}
    assert (lib / 'pkgconfig/gstrsworkspace.pc').is_file() and (lib / 'libgstrsworkspace.a').is_file()
    moved = tmp_path / 'moved'
    lib.rename(moved)
    env = {**os.environ, 'PKG_CONFIG_PATH': f'{moved}/gstreamer-1.0/pkgconfig{os.pathsep}{moved}/pkgconfig'}
    flags = run('pkg-config', '--libs', 'gstrecord', 'gstworker', env=env).split()
    run('cc', '-DWITH_RECORD', '-DWITH_WORKER', newest_consumer.source / 'main.c', '-o', tmp_path / 'program', *flags)
    assert 'all right' in run(tmp_path / 'program')


def test_engine_missing(consumer, tmp_path):
    (tmp_path / 'bin/dragonfire').unlink()
    out = consumer.setup('-Ddragonfire:engine=system', status=1)
    assert "'dragonfire' not found" in out or "`dragonfire` not found" in out


def test_engine_too_old(consumer, tmp_path):
    old = tmp_path / 'bin/dragonfire'
    old.unlink()
    old.write_text('#!/bin/sh\necho dragonfire 0.0.1\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    out = consumer.setup('-Ddragonfire:engine=system', status=1)
    assert '0.0.1' in out


def test_repository_alone(tmp_path, meson, engine):
    """The repository as the main project."""
    env = {**os.environ, 'PATH': f'{engine.parent}{os.pathsep}{os.environ["PATH"]}'}
    run(meson, 'setup', tmp_path / 'build', REPOSITORY, env=env)
    run('ninja', '-C', tmp_path / 'build', env=env)
