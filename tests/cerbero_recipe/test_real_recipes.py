"""The three recipes of cerbero's that are about Rust libraries, as they are and with the README's changes, loaded by
cerbero itself for every platform: CERBERO_CHECKOUT names a checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consumer import run

pytestmark = pytest.mark.needs('cerbero')

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / 'cerbero-recipe'
CERBERO = Path(os.environ['CERBERO_CHECKOUT']).resolve()
# By platform: cerbero's configuration, and whether it is with Visual Studio.
PLATFORMS = {
    'linux': ('', False),
    'mingw': ('cross-win64.cbc', False),
    'msvc': ('cross-win64.cbc', True),
    'android': ('cross-android-arm64.cbc', False),
    'macos': ('cross-macos-arm64.cbc', False),
    'ios': ('cross-ios-arm64.cbc', False),
    'tvos': ('cross-tvos-arm64.cbc', False),
}
APPLE = ('macos', 'ios', 'tvos')
# Apple's SDK is asked for where it is, and this program answers; nothing of it is read.
XCODEBUILD = '#!/bin/sh\ncase "$*" in *Path*) echo /Applications/Xcode.sdk ;; *) echo Xcode 26.0 ;; esac\n'


def original(name):
    return (CERBERO / f'recipes/{name}.recipe').read_text()


def replaced(text, pattern, replacement=''):
    text, count = re.subn(pattern, lambda _: replacement, text, flags=re.S)
    assert count == 1, pattern
    return text


def changed(name):
    """The recipe with the README's changes: step 3 and step 4."""
    text = original(name)
    prelink = 'from cerbero.utils.rust import Prelink\n'
    assert prelink in text
    mixin = 'from cerbero.utils.dragonfire import DragonfirePrelinkMixin\n'
    if name == 'gst-plugins-rs':
        text = text.replace(prelink, 'from cerbero.utils.dragonfire import DragonfireMixin\n')
        for line in ('from cerbero.tools.pkgconfig import PkgConfigWriter\n', 'from cerbero.utils import shell\n', 'import re\n'):
            assert line in text
            text = text.replace(line, '')
        text = text.replace('class Recipe(recipe.Recipe)', 'class Recipe(DragonfireMixin)')
        text = replaced(text, r'    def enable_plugin.*?(?=    def prepare)')
        text = replaced(text, r'        if self\.requires_melding\(\):\n            self\.workspace_lib.*?libgstrsworkspace\.a.\]\n\n(?= +if)')
        return replaced(text, r'\n    async def install.*')
    if name == 'rice-proto':
        text = text.replace(prelink, mixin)
        text = text.replace("await super(recipe.Recipe, self).install()", 'await super().install()')
        text = replaced(text, r'        elif self\.config\.target_platform == Platform\.DARWIN.*rice-proto\.pc.\)\n')
        exports = 'rice_*'
    else:
        text = text.replace(prelink, mixin + prelink)
        text = replaced(text, r"        # It's not actually needed.*librsvg-2\.0\.pc.\)\n")
        exports = 'rsvg_*'
    text = text.replace('class Recipe(recipe.Recipe)', 'class Recipe(DragonfirePrelinkMixin)')
    return text.replace(f"    name = '{name}'\n", f"    name = '{name}'\n    dragonfire_exports = ['{exports}']\n")


class Loader:
    def __init__(self, home, engine):
        self.home = home
        (home / 'bin').mkdir()
        (home / 'bin/xcodebuild').write_text(XCODEBUILD)
        (home / 'bin/xcodebuild').chmod(0o755)
        (home / 'build-tools/bin').mkdir(parents=True)
        (home / 'build-tools/bin/dragonfire').symlink_to(engine)

    def __call__(self, name, text, platform, prebuilt=None):
        """What cerbero makes of a recipe."""
        recipes = self.home / 'recipes'
        shutil.rmtree(recipes, ignore_errors=True)
        recipes.mkdir()
        (recipes / f'{name}.recipe').write_text(text)
        cbc, msvc = PLATFORMS[platform]
        asked = {'cerbero': str(CERBERO), 'home': str(self.home), 'recipes': str(recipes), 'platform': cbc, 'msvc': msvc,
                 'recipe': name, 'mixin': str(RECIPES / 'dragonfire_mixin.py'), 'prebuilt': prebuilt and str(prebuilt)}
        # No Android NDK is read either.
        env = {**os.environ, 'CERBERO_UNINSTALLED': '1', 'ANDROID_NDK_HOME': str(self.home), 'CERBERO_LOGLEVEL': '0',
               'PATH': f'{self.home / "bin"}{os.pathsep}{os.environ["PATH"]}'}
        done = subprocess.run([sys.executable, HERE / 'cerbero_probe.py', json.dumps(asked)], env=env, capture_output=True,
                              text=True, cwd=self.home)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def load(tmp_path, engine):
    return Loader(tmp_path, engine)


@pytest.mark.parametrize('platform', PLATFORMS)
def test_file_lists_of_the_plugins(load, platform):
    """All files that today's recipe packages, in the same categories, and what Apple's platforms and Android gain."""
    before = load('gst-plugins-rs', original('gst-plugins-rs'), platform)
    after = load('gst-plugins-rs', changed('gst-plugins-rs'), platform)
    assert len(before['devel']) > 100
    more = set()
    if platform in APPLE:
        # Not melded there until now.
        more = {'lib/libgstrsworkspace.a', 'lib/pkgconfig/gstrsworkspace.pc'}
    if platform == 'android':
        # Android's builds read .la files.
        more = {'lib/libgstrsworkspace.la'}
    assert set(after['devel']) - set(before['devel']) == more
    assert set(before['devel']) <= set(after['devel'])
    assert after['dist'] == before['dist'] and after['type'] == before['type']
    assert bool(after['dist']) == (platform not in ('android', 'ios', 'tvos'))
    for category, files in before['categories'].items():
        assert set(after['categories'][category]) - set(files) <= more, category
    # None of them has a symbol file of a DLL.
    assert set(before['skip']) <= set(after['skip']) == {'%(libdir)s/libgstrsworkspace.a'}


def object_file(folder, name, triple, text):
    (folder / f'{name}.c').write_text(text)
    run(['clang-19', f'--target={triple}', '-c', folder / f'{name}.c', '-o', folder / f'{name}.o'])
    return folder / f'{name}.o'


TRIPLE = {'macos': 'arm64-apple-macos11', 'ios': 'arm64-apple-ios14', 'tvos': 'arm64-apple-tvos14'}
LIBRARIES = {'librsvg': ('librsvg-2.a', 'rsvg_version'), 'rice-proto': ('librice-proto.a', 'rice_version')}


@pytest.mark.needs('windows')
@pytest.mark.parametrize('platform', APPLE)
@pytest.mark.parametrize('name', LIBRARIES)
def test_libraries_of_apples_platforms(load, name, platform, tmp_path):
    """librsvg and rice-proto: their own install step, then one call, and no tool of Xcode's."""
    library, export = LIBRARIES[name]
    prebuilt = tmp_path / 'prebuilt'
    prebuilt.mkdir()
    part = object_file(prebuilt, 'part', TRIPLE[platform], f'int inner(void) {{ return 3; }}\nint {export}(void) {{ return inner(); }}\n')
    run(['llvm-ar-19', '--format=darwin', 'rcs', prebuilt / library, part])
    answer = load(name, changed(name), platform, prebuilt)
    assert f'lib/{library}' in answer['devel']
    made = Path(answer['prefix'], 'lib', library)
    seen = run(['llvm-nm-19', '--format=posix', '--extern-only', '--defined-only', '--quiet', made])
    assert set(re.findall(r'(?m)^(_\w+) ', seen)) == {f'_{export}'}
    assert answer['log'].count('"operation": "prelink"') == 1
    assert not list(Path(answer['prefix']).rglob('*sworkspace*'))


@pytest.mark.needs('windows')
@pytest.mark.parametrize('platform', APPLE)
def test_plugins_of_apples_platforms(load, platform, tmp_path):
    """gst-plugins-rs with all its plugins: melded, .pc files and all, by one call."""
    text = changed('gst-plugins-rs')
    files = load('gst-plugins-rs', text, platform)['devel']
    names = sorted(Path(f).stem.removeprefix('libgst') for f in files if '/gstreamer-1.0/' in f and f.endswith('.a'))
    assert len(names) > 40
    prebuilt = tmp_path / 'prebuilt'
    prebuilt.mkdir()
    shared = object_file(prebuilt, 'shared', TRIPLE[platform], 'int counter;\nint shared(void) { return ++counter; }\n')
    for name in names:
        own = object_file(prebuilt, name, TRIPLE[platform],
                          f'int shared(void);\nint gst_plugin_{name}_register(void) {{ return shared(); }}\n')
        run(['llvm-ar-19', '--format=darwin', 'rcs', prebuilt / f'libgst{name}.a', own, shared])
    answer = load('gst-plugins-rs', text, platform, prebuilt)
    assert answer['log'].count('"operation": "meld"') == 1
    prefix = Path(answer['prefix'])
    missing = [f for f in answer['devel'] if f.endswith(('.a', '.pc')) and not (prefix / f).is_file()]
    assert missing == []
    for name in names:
        listed = run(['llvm-nm-19', '--format=posix', '--defined-only', '--quiet', prefix / f'lib/gstreamer-1.0/libgst{name}.a'])
        assert f'_gst_plugin_{name}_register ' in listed and '_counter ' not in listed
        pc = (prefix / f'lib/gstreamer-1.0/pkgconfig/gst{name}.pc').read_text()
        assert 'gstrsworkspace' in pc and '-no_compact_unwind' not in pc
