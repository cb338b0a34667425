"""Builds the fixture workspaces with cargo, once for each content and target."""

import json
import os
import shutil
from pathlib import Path

from . import cache
from .run import run

TESTS = cache.ROOT / 'tests'


def cargo(workspace, arguments, *, env, target_dir):
    """Runs cargo and gives the static libraries it made, by package."""
    out = run(
        ['cargo', *arguments, '--locked', '--message-format=json-render-diagnostics'],
        cwd=workspace, env={'CARGO_TARGET_DIR': str(target_dir), **env}, timeout=3000)
    libraries = {}
    for line in out.splitlines():
        message = json.loads(line)
        if message.get('reason') != 'compiler-artifact':
            continue
        for name in message['filenames']:
            if name.endswith(('.a', '.lib')) and 'staticlib' in message['target']['crate_types']:
                libraries[message['target']['name']] = Path(name)
    return libraries


def libraries(name, invocations, *, target=None, way=''):
    """The static libraries of `tests/<name>`, by library name. `invocations` are argument lists for
    cargo (without --target); `target` is a `cross.Target`; what ways of building make is kept beside each other."""
    workspace = TESTS / name
    env = target.build_env if target else {}
    extra = target.cargo_args if target else []
    rustc = env.get('RUSTC') or os.environ.get('RUSTC', 'rustc')
    label = '-'.join([name, target.triple if target else 'host', *filter(None, [target and target.features, target and target.version, way])])
    key = cache.digest(workspace, run([rustc, '-vV']), json.dumps([invocations, extra, sorted(env.items())]))

    def make(folder):
        # What two workspaces have in common, std above all, is built once for a target.
        # Cargo does not know that a compiler pretends to be another one: such has a folder of its own.
        build = '-'.join(filter(None, [target.triple if target else 'host', target and target.version]))
        target_dir = cache.folder('cargo', build)
        for arguments in invocations:
            # Two ways at once would overwrite each other's libraries before they are copied.
            with cache.alone(target_dir):
                for made in cargo(workspace, [*arguments, *extra], env=env, target_dir=target_dir).values():
                    shutil.copy(made, folder)
                    forget(made)

    home = cache.result('libraries', label, key, make)
    return {library_name(path): path for path in sorted(home.iterdir())}


def forget(made):
    """Deletes a library from cargo's target folder, where it lies under two names: the copy is what tests
    use, and hundreds of them fill a disk."""
    for path in [made, *(made.parent / 'deps').glob(f'{made.stem}-*{made.suffix}')]:
        path.unlink(missing_ok=True)


def library_name(path):
    """`gstjson` of `libgstjson.a` and of `gstjson.lib`."""
    stem = path.name.rsplit('.', 1)[0]
    return stem[3:] if path.suffix == '.a' and stem.startswith('lib') else stem
