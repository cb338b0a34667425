"""A folder outside the source tree for what is slow to build, kept from run to run."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def folder(*parts):
    """A folder of the cache, made where it is missing."""
    base = os.environ.get('DRAGONFIRE_CACHE')
    if not base:
        home = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
        base = Path(home) / 'dragonfire-tests'
    path = Path(base).joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*things):
    """A name for what follows from these: strings, files, folders of sources. The programs that test
    fixtures (host.c, host/) are no part of them."""
    state = hashlib.blake2b(digest_size=12)
    for thing in things:
        if isinstance(thing, Path) and thing.is_dir():
            for path in sorted(p for p in thing.rglob('*') if p.is_file()):
                parts = path.relative_to(thing).parts
                if not {'target', 'host'} & set(parts) and path.stem != 'host':
                    state.update(str(path.relative_to(thing)).encode() + b'\0' + path.read_bytes() + b'\0')
        elif isinstance(thing, Path):
            state.update(thing.read_bytes() + b'\0')
        else:
            state.update(str(thing).encode() + b'\0')
    return state.hexdigest()


@contextmanager
def alone(folder):
    """One process of a run after the other."""
    with open(folder.with_name(f'{folder.name}.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def result(kind, name, key, make):
    """The folder that `make(folder)` filled, for this key; a new one replaces those of other keys."""
    home = folder(kind, name)
    done = home / key
    if done.is_dir():
        return done
    with alone(home):
        if not done.is_dir():
            fresh = Path(tempfile.mkdtemp(prefix='new-', dir=home))
            try:
                make(fresh)
                for old in home.iterdir():
                    if old != fresh:
                        shutil.rmtree(old, ignore_errors=True)
                fresh.rename(done)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
    return done


def forget_copies(target_dir):
    """Deletes from a cargo target folder what belongs to a copy of the fixture workspace: its path is
    another one in every test, so nobody finds it again. What the copies depend on stays."""
    for pattern in ('deps', '.fingerprint', 'build', 'incremental'):
        for folder in Path(target_dir).rglob(pattern):
            for stem in ('libgst', 'gst', 'libplugin_support', 'plugin_support', 'plugin-support'):
                for path in folder.glob(f'{stem}*'):
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        path.unlink(missing_ok=True)
