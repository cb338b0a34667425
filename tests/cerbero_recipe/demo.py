"""Builds the demo recipe with the stand-in."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / 'cerbero-recipe'
sys.path.insert(0, str(HERE / 'standin'))
sys.dont_write_bytecode = True

from cerbero.build import cookbook  # noqa: E402
from cerbero.enums import Platform  # noqa: E402

TRIPLES = {
    Platform.LINUX: 'x86_64-unknown-linux-gnu',
    Platform.ANDROID: 'x86_64-linux-android',
    Platform.DARWIN: 'aarch64-apple-darwin',
    Platform.IOS: 'aarch64-apple-ios',
    Platform.WINDOWS: 'x86_64-pc-windows-gnu',
}


def plugins_in_c(folder, compiler, kind):
    """Libraries of three plugins made of C: an object of its own each, one that all have."""
    prebuilt = folder / 'prebuilt'
    prebuilt.mkdir()
    shared = prebuilt / 'shared.o'
    subprocess.run([*compiler, '-c', HERE / 'host/shared.c', '-o', shared], check=True)
    for plugin in ('alpha', 'beta', 'gamma'):
        own = prebuilt / f'{plugin}.o'
        subprocess.run([*compiler, '-c', f'-DPLUGIN={plugin}', HERE / 'host/plugin.c', '-o', own], check=True)
        library = prebuilt / f'libgst{plugin}.a'
        subprocess.run(['llvm-ar-19', f'--format={kind}', 'rcs', library, own, shared], check=True)
    return prebuilt


class Demo:
    """A prefix, sources and the recipe of one configuration."""

    def __init__(self, folder, engine, platform=Platform.LINUX, msvc=False, prebuilt=None, native=''):
        self.folder = folder
        self.prefix = folder / 'prefix'
        for name in ('prefix', 'logs', 'sources', 'build-tools/bin'):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if engine:
            (folder / 'build-tools/bin/dragonfire').symlink_to(engine)
        triple = 'x86_64-pc-windows-msvc' if msvc else TRIPLES[platform]
        self.config = SimpleNamespace(
            build_tools_prefix=str(folder / 'build-tools'),
            env={k: v for k, v in os.environ.items() if not k.startswith('CARGO_')},
            libdir=str(self.prefix / 'lib'),
            logs=str(folder / 'logs'),
            native_static_libs=native,
            pkg_config_path=[],
            prebuilt=prebuilt,
            prefix=str(self.prefix),
            prefix_is_build_tools=lambda: False,
            rel_libdir='lib',
            sources=str(folder / 'sources'),
            target_platform=platform,
            target_triple=triple,
            unpacked={'gst-plugins-demo': HERE / 'workspace', 'demo-proto': HERE / 'workspace'},
            variants=SimpleNamespace(visualstudio=msvc),
        )

    def recipe(self, name='gst-plugins-demo', **attributes):
        """A recipe, its class given `attributes`."""
        os.environ['DRAGONFIRE_MIXIN'] = str(RECIPES / 'dragonfire_mixin.py')
        os.environ['DEMO_URL'] = os.environ['DEMO_CHECKSUM'] = 'not fetched'
        path = HERE / 'recipes' / f'{name}.recipe'
        return cookbook.load(path, self.config, attributes)

    def run(self, recipe=None):
        """All build steps."""
        recipe = recipe or self.recipe()
        asyncio.run(recipe.run())
        return recipe

    def moved(self, to):
        """A copy of the prefix at another place, for programs that link the plugins statically: `-l`
        finds shared ones first."""
        shutil.copytree(self.prefix, to, ignore=shutil.ignore_patterns('*.so', '*.dylib'))
        return to

    def files(self):
        """Relative path and bytes of every file of the prefix."""
        paths = sorted(p for p in self.prefix.rglob('*') if p.is_file())
        return {str(p.relative_to(self.prefix)): p.read_bytes() for p in paths}
