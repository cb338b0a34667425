"""What packaging/release makes: archives that are whole, and programs that run where there is nothing else."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from harness import machorun
from harness.cache import ROOT
from harness.run import run

# One process makes the archives.
pytestmark = [pytest.mark.long, pytest.mark.needs('cross'), pytest.mark.xdist_group('release')]
APPLE = {'x86_64-apple-darwin': 'macos-x86_64', 'aarch64-apple-darwin': 'macos'}
MUSL = 'x86_64-unknown-linux-musl'


@pytest.fixture(scope='module')
def release(tmp_path_factory):
    """All archives that can be made here, or those of $DRAGONFIRE_RELEASE_TARGETS, unpacked; by target."""
    if not shutil.which('rustup'):
        pytest.skip('needs rustup, for the standard library of other targets')
    out = tmp_path_factory.mktemp('release')
    wanted = os.environ.get('DRAGONFIRE_RELEASE_TARGETS', '').split()
    # cargo-zigbuild is in the tests' Python environment, and macOS' programs are run by our own loader.
    env = {'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
           **{f'RELEASE_RUN_{target.replace("-", "_")}': shlex.join(map(str, machorun.loader(name)))
              for target, name in APPLE.items()}}
    said = run([ROOT / 'packaging/release', '--out', out, *wanted], env=env, timeout=7200)
    targets = {}
    for archive in out.glob('*.tar.gz'):
        with tarfile.open(archive) as tar:
            tar.extractall(out, filter='data')
        name = archive.name.removesuffix('.tar.gz')
        targets[re.sub(r'^dragonfire-[0-9.]+-', '', name)] = out / name
    return out, targets, said


def test_archives(release):
    out, targets, said = release
    assert MUSL in targets
    sums = dict(reversed(line.split()) for line in (out / 'SHA256SUMS').read_text().splitlines())
    assert sums == {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in out.glob('*.tar.gz')}
    locked = set(re.findall(r'^name = "(.*)"', (ROOT / 'Cargo.lock').read_text(), re.M))
    for target, folder in targets.items():
        licences = dict(line.split(': ') for line in (folder / 'LICENCES.txt').read_text().splitlines())
        names = {name.split(' ')[0] for name in licences}
        assert {'dragonfire', 'object', 'clap', 'blake3'} <= names <= locked
        # Tests' own dependencies are in no program.
        assert 'proptest' not in names
        assert (folder / 'LICENSE-MIT').is_file()
        assert f'Run: {target}' in said or f'Not run: {target}' in said
        program, = (p for p in folder.glob('dragonfire*') if p.suffix in ('', '.exe'))
        assert str(ROOT).encode() not in program.read_bytes()
    assert (targets[MUSL] / 'man/dragonfire-meld.1').is_file()
    assert (targets[MUSL] / 'completions/dragonfire.zsh').read_text().startswith('#compdef')


def test_programs_of_macos(release, engine, workspace, tmp_path):
    """They meld as ours does, byte for byte."""
    _, targets, _ = release
    made_here = [target for target in APPLE if target in targets]
    if not made_here:
        pytest.skip('none among $DRAGONFIRE_RELEASE_TARGETS')
    libraries = sorted(workspace.values())[:3]
    arguments = ['meld', '--quiet', '--out']
    run([engine, *arguments, tmp_path / 'ours', *libraries])
    made = sorted(path.name for path in (tmp_path / 'ours').iterdir())
    assert len(made) == 4
    for target in made_here:
        theirs = tmp_path / target
        machorun.run(APPLE[target], targets[target] / 'dragonfire', *arguments, theirs, *libraries)
        assert made == sorted(path.name for path in theirs.iterdir())
        for name in made:
            assert (tmp_path / 'ours' / name).read_bytes() == (theirs / name).read_bytes(), (target, name)


def test_on_a_bare_root(release, workspace, tmp_path):
    """No libc, no /proc, no shell: the program alone melds libraries."""
    _, targets, _ = release
    root = tmp_path / 'root'
    root.mkdir()
    shutil.copy(targets[MUSL] / 'dragonfire', root)
    libraries = sorted(workspace.values())[:2]
    for library in libraries:
        shutil.copy(library, root)
    chroot = ['chroot'] if os.geteuid() == 0 else ['unshare', '--map-root-user', 'chroot']
    # One that needs a libc does not start there.
    shutil.copy('/bin/true', root)
    assert subprocess.run([*chroot, root, '/true'], stderr=subprocess.DEVNULL).returncode != 0
    run([*chroot, root, '/dragonfire', 'meld', '--out', '/out', *(f'/{library.name}' for library in libraries)])
    written = [root / 'out' / library.name for library in libraries]
    assert all(file.stat().st_size < (root / file.name).stat().st_size for file in written)
    # As where there is a system.
    run([targets[MUSL] / 'dragonfire', 'meld', '--out', tmp_path / 'out', *libraries])
    for file in (root / 'out').iterdir():
        assert file.read_bytes() == (tmp_path / 'out' / file.name).read_bytes()
