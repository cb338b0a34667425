"""The mixin and the recipe with cerbero itself: CERBERO_CHECKOUT names a checkout, and cargo-c is
installed (CARGO_C names its folder of programs where they are not on PATH)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import contract
from consumer import PLUGINS, compile_and_run, expected, make_host, pkg_config, run

pytestmark = [pytest.mark.needs('cerbero'), pytest.mark.needs('cargo-c')]

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CERBERO = Path(os.environ['CERBERO_CHECKOUT']).resolve()
RECIPES = ROOT / 'cerbero-recipe'


class Cerbero:
    """A minimal configuration in `home`, and cerbero run with it."""

    def __init__(self, home, engine):
        self.home = home
        cargo_home = home / 'cargo-home'
        (cargo_home / 'bin').mkdir(parents=True)
        (home / 'recipes').mkdir()
        for tool in ('cargo', 'rustc', 'cargo-capi'):
            found = shutil.which(tool, path=os.environ.get('CARGO_C')) or shutil.which(tool)
            assert found, f'{tool} is not installed'
            (cargo_home / 'bin' / tool).symlink_to(found)
        tools = home / 'build-tools/bin'
        tools.mkdir(parents=True)
        if engine:
            (tools / 'dragonfire').symlink_to(engine)
        rustup = os.environ.get('RUSTUP_HOME', Path.home() / '.rustup')
        self.settings = {
            'home_dir': str(home),
            'recipes_dir': str(home / 'recipes'),
            'allow_system_recipes': False,
            'distro_packages_install': False,
            'interactive': False,
            'cargo_home': str(cargo_home),
            'rustup_home': str(rustup),
        }
        self.env = {
            **os.environ,
            'CERBERO_UNINSTALLED': '1',
            'DRAGONFIRE_MIXIN': str(RECIPES / 'dragonfire_mixin.py'),
        }

    def __call__(self, *arguments, fails=False):
        config = self.home / 'mini.cbc'
        config.write_text(''.join(f'{k} = {v!r}\n' for k, v in self.settings.items()))
        command = [sys.executable, CERBERO / 'cerbero-uninstalled', '-c', config, *arguments]
        done = subprocess.run(
            list(map(str, command)), env=self.env, cwd=self.home, text=True, capture_output=True
        )
        text = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, text + self.logs()
        return text

    def logs(self):
        logs = sorted((self.home / 'logs').rglob('*.log')) if (self.home / 'logs').exists() else []
        return ''.join(f'\n== {log}\n{log.read_text()}' for log in logs)

    @property
    def libdir(self):
        """`lib`, or `lib/x86_64-linux-gnu` as on Debian."""
        (library,) = (self.home / 'dist').rglob('libgstrsworkspace.a')
        return library.parent

    def moved(self, to):
        """A copy of libdir as deep in another place, for programs that link the plugins statically:
        `-l` finds shared ones first."""
        to /= self.libdir.relative_to(self.home / 'dist')
        shutil.copytree(self.libdir, to, ignore=shutil.ignore_patterns('*.so'))
        return to


@pytest.fixture(scope='module')
def cerbero(tmp_path_factory, engine):
    home = tmp_path_factory.mktemp('cerbero')
    cerbero = Cerbero(home, engine)
    tree = home / 'gst-plugins-demo'
    shutil.copytree(HERE / 'workspace', tree, ignore=shutil.ignore_patterns('target'))
    for licence in ('LICENSE-APACHE', 'LICENSE-MIT'):
        shutil.copy(ROOT / licence, tree)
    tarball = home / 'gst-plugins-demo.tar.gz'
    run(['tar', 'czf', tarball, '-C', home, tree.name])
    cerbero.env['DEMO_URL'] = tarball.as_uri()
    cerbero.env['DEMO_CHECKSUM'] = hashlib.sha256(tarball.read_bytes()).hexdigest()
    shutil.copy(HERE / 'recipes/gst-plugins-demo.recipe', home / 'recipes')
    return cerbero


PROBE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
contract = json.loads(sys.argv[2])
missing = []
for key, attributes in contract['modules'].items():
    module, _, kind = key.partition(':')
    target = importlib.import_module(module)
    target = getattr(target, kind) if kind else target
    missing += [f'{key}.{a}' for a in attributes if not hasattr(target, a)]
from cerbero.config import Config
from cerbero.build.cookbook import CookBook
config = Config()
config.load([sys.argv[3]])
recipe = CookBook(config, load=True).get_recipe('gst-plugins-demo')
missing += [f'recipe.{a}' for a in contract['recipe'] if not hasattr(recipe, a)]
missing += [f'config.{a}' for a in contract['config'] if not hasattr(recipe.config, a)]
print(json.dumps({'missing': missing, 'devel': recipe.files_devel}))
"""


def test_cerbero_keeps_the_contract(cerbero):
    cerbero('list')
    data = {
        'modules': {k: sorted(v) for k, v in contract.MODULES.items()},
        'recipe': sorted(contract.RECIPE),
        'config': sorted(contract.CONFIG),
    }
    command = [sys.executable, '-c', PROBE, CERBERO, json.dumps(data), cerbero.home / 'mini.cbc']
    answer = json.loads(run(command, env=cerbero.env, cwd=cerbero.home).splitlines()[-1])
    assert answer['missing'] == []
    assert {
        '%(libdir)s/libgstrsworkspace.a',
        '%(libdir)s/libgstrsworkspace.la',
        '%(libdir)s/pkgconfig/gstrsworkspace.pc',
    } <= set(answer['devel'])


def test_buildone(cerbero, tmp_path):
    """Built by cerbero and cargo-c, linked from a copy of the prefix, and run."""
    text = cerbero('buildone', 'gst-plugins-demo')
    assert 'Missing on-disk files' not in text
    host = make_host(tmp_path / 'host')
    moved = cerbero.moved(tmp_path / 'moved')
    for count in (1, 2, 3):
        plugins = PLUGINS[:count]
        link = pkg_config(moved, host, '--static', '--libs', *(f'gst{p}' for p in plugins))
        assert compile_and_run(tmp_path, plugins, link) == expected(plugins)
    for plugin in PLUGINS:
        assert (moved / f'gstreamer-1.0/libgst{plugin}.a').stat().st_size < 1_000_000
        assert not (moved / f'pkgconfig/gst{plugin}.pc').exists()
    assert (moved / 'libgstrsworkspace.la').is_file()
    assert 'already built' in cerbero('build', 'gst-plugins-demo')
    # Once more from the start: cargo-c installs whole libraries over the thinned ones.
    before = {p: p.read_bytes() for p in cerbero.libdir.rglob('*.a')}
    cerbero('buildone', 'gst-plugins-demo')
    assert {p: p.read_bytes() for p in cerbero.libdir.rglob('*.a')} == before


def todays_recipe():
    """cerbero's recipe of the real plugins with the demo's sources and packages: its build steps, and so
    how it calls dragonfire, are as they are."""
    text = (CERBERO / 'recipes/gst-plugins-rs.recipe').read_text()
    source = (
        'stype = SourceType.TARBALL\n'
        "    url = os.environ['DEMO_URL']\n"
        "    tarball_checksum = os.environ['DEMO_CHECKSUM']\n"
        "    tarball_dirname = 'gst-plugins-demo'\n"
    )
    for pattern, replacement in (
        (r'stype = SourceType\.GIT\n', source),
        (r"version = '.*?'", "version = '1.2.3'"),
        (r'cargo_packages = \[.*?\]', f'cargo_packages = {list(PLUGINS)}'),
        (r'deps = \[.*?\]', 'deps = []'),
        (r'components = \(.*?\)', 'components = ()'),
        (r'plugin_files = \{', f"plugin_files = {{'demo': {list(PLUGINS)},"),
    ):
        text, count = re.subn(pattern, replacement, text, count=1, flags=re.S)
        assert count == 1, pattern
    return text


def test_todays_recipe_with_our_program(cerbero, tmp_path):
    """The recipe that calls `dragonfire -o OUT -f gnu LIB...` needs no change."""
    cerbero('buildone', 'gst-plugins-demo')
    host = make_host(tmp_path / 'host')
    (cerbero.home / 'recipes/gst-plugins-rs.recipe').write_text(todays_recipe())
    cerbero.env['PYTHONPATH'] = str(CERBERO / 'recipes')
    cerbero('buildone', 'gst-plugins-rs')
    assert "'-f', 'gnu'" in cerbero.logs()
    moved = cerbero.moved(tmp_path / 'moved')
    # Its .pc files name a folder where the workspace library is not, and a plugin that requires
    # nothing else does not require it.
    link = pkg_config(moved, host, '--static', '--libs', *(f'gst{p}' for p in PLUGINS))
    link += [f'-L{moved}', '-lgstrsworkspace', '-lm']
    assert compile_and_run(tmp_path, PLUGINS, link) == expected(PLUGINS)
    for plugin in PLUGINS:
        assert (moved / f'gstreamer-1.0/libgst{plugin}.a').stat().st_size < 1_000_000


def test_the_build_tool(tmp_path):
    """dragonfire.recipe builds this repository's HEAD as a build tool."""
    cerbero = Cerbero(tmp_path, None)
    # Build tools have Rust where cerbero's bootstrap installs it, whatever the configuration says.
    (tmp_path / 'rust').mkdir()
    (tmp_path / 'rust/cargo').symlink_to(cerbero.settings['cargo_home'])
    (tmp_path / 'rust/rustup').symlink_to(cerbero.settings['rustup_home'])
    # cerbero has a recipe of this name already, for the first dragonfire: ours goes before it.
    (tmp_path / 'ours').mkdir()
    shutil.copy(RECIPES / 'dragonfire.recipe', tmp_path / 'ours')
    cerbero.settings['external_recipes'] = {'ours': (str(tmp_path / 'ours'), 9)}
    clone = tmp_path / 'clone'
    run(['git', 'clone', '--quiet', ROOT, clone])
    commit = run(['git', '-C', clone, 'rev-parse', 'HEAD']).strip()
    cerbero.settings['recipes_remotes'] = {'dragonfire': {'origin': clone.as_uri()}}
    cerbero.settings['recipes_commits'] = {'dragonfire': commit}
    cerbero('buildone', '--build-tools', 'dragonfire')
    program = tmp_path / 'build-tools/bin/dragonfire'
    assert run([program, '--version']).startswith('dragonfire')
