"""Run with cerbero's own modules: loads one recipe for one platform and says what its file lists are. With
`install` it also runs the recipe's install step, after a build system that only lays down what was given."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path


def configuration(asked):
    from cerbero.config import Config

    # Apple's configurations look whether there is an SDK, and read nothing of it.
    exists = os.path.exists
    os.path.exists = lambda path: str(path).startswith('/Applications/') or exists(path)
    config = Config()
    home = Path(asked['home'])
    settings = {'home_dir': str(home), 'recipes_dir': asked['recipes'], 'allow_system_recipes': False, 'interactive': False}
    (home / 'mini.cbc').write_text(''.join(f'{k} = {v!r}\n' for k, v in settings.items()))
    files = [str(Path(asked['cerbero'], 'config', asked['platform']))] if asked['platform'] else []
    config.load([*files, str(home / 'mini.cbc')], ['visualstudio'] if asked['msvc'] else None)
    return config


def lay_down(recipe, prebuilt):
    """As cargo-c and Meson would: libraries in their folder, .pc files in libdir/pkgconfig."""
    prefix, libdir = Path(recipe.config.prefix), Path(recipe.config.libdir)
    for file in recipe.devel_files_list(only_existing=False):
        target = prefix / file
        if target.suffix == '.a' and (prebuilt / target.name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(prebuilt / target.name, target)
        elif target.suffix == '.pc' and target.stem != 'gstrsworkspace':
            (libdir / 'pkgconfig').mkdir(parents=True, exist_ok=True)
            (libdir / 'pkgconfig' / target.name).write_text(
                f'libdir={libdir}\n\nName: {target.stem}\nDescription: {target.stem}\nVersion: 1.0\n'
                'Requires.private: gstreamer-1.0\nLibs: -L${libdir}\nLibs.private: -lc\n')


def main():
    asked = json.loads(sys.argv[1])
    sys.path[:0] = [asked['cerbero'], str(Path(asked['cerbero'], 'recipes'))]
    from cerbero.build import build
    from cerbero.build.cookbook import CookBook
    from cerbero.utils import imp_load_source

    # Where step 2 of the README puts it.
    imp_load_source('cerbero.utils.dragonfire', asked['mixin'])
    config = configuration(asked)
    recipe = CookBook(config).get_recipe(asked['recipe'])
    answer = {
        'categories': {c: sorted(recipe.files_list_by_category(c, only_existing=False)) for c in recipe.categories},
        'devel': sorted(recipe.devel_files_list(only_existing=False)),
        'dist': sorted(recipe.dist_files_list(only_existing=False)),
        'skip': sorted(getattr(recipe, 'skip_pdb_files', [])),
        'type': str(recipe.library_type),
        'prefix': config.prefix,
    }
    if asked.get('prebuilt'):
        async def install(self):
            lay_down(self, Path(asked['prebuilt']))

        for name in ('CargoC', 'Meson'):
            getattr(build, name).install = install
        asyncio.run(recipe.install())
        answer['log'] = ''.join(log.read_text() for log in Path(asked['home'], 'logs').rglob('*install*'))
    print(json.dumps(answer))


if __name__ == '__main__':
    main()
