"""The wheel that pyproject.toml makes: installed by pip, it is a program that Meson finds."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.cache import ROOT
from harness.run import run

# One process makes it.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group('wheel')]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp('wheel')
    # maturin moves what cargo built out of cargo's folder and puts it back: others' tests run the program that is there.
    run([sys.executable, '-m', 'pip', '--disable-pip-version-check', 'wheel', '--quiet', '--no-deps', '--wheel-dir', out, ROOT],
        env={'CARGO_TARGET_DIR': str(tmp_path_factory.mktemp('target'))}, timeout=3600)
    made, = out.iterdir()
    return made


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """A Python environment with nothing but the wheel in it."""
    venv = tmp_path_factory.mktemp('installed') / 'venv'
    run([sys.executable, '-m', 'venv', venv])
    run([venv / 'bin/pip', '--disable-pip-version-check', 'install', '--quiet', '--no-index', wheel])
    return venv / 'bin'


def test_what_is_in_it(wheel, engine):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata, = (archive.read(n).decode() for n in names if n.endswith('.dist-info/METADATA'))
    programs = {Path(n).name for n in names if '.data/scripts/' in n}
    assert programs == {'dragonfire', 'cargo-dragonfire'}
    version = run([engine, '--version']).split()[1]
    assert f'\nName: dragonfire\nVersion: {version}\n' in metadata
    assert 'MIT OR Apache-2.0' in metadata and '# dragonfire' in metadata
    # Programs, their metadata, licences: no sources.
    assert not [n for n in names if n.endswith(('.rs', '.py'))]


def test_it_melds(installed, workspace, tmp_path):
    libraries = sorted(workspace.values())
    run([installed / 'dragonfire', 'meld', '--out', tmp_path / 'out', *libraries])
    for library in libraries:
        assert (tmp_path / 'out' / library.name).stat().st_size < library.stat().st_size


def test_cargo_finds_it(installed):
    env = {**os.environ, 'PATH': f'{installed}{os.pathsep}{os.environ["PATH"]}'}
    said = subprocess.run(['cargo', 'dragonfire', '--version'], env=env, capture_output=True, text=True, check=True).stdout
    assert said == run([installed / 'dragonfire', '--version'])


@pytest.mark.needs('meson')
def test_meson_finds_it(installed, tmp_path):
    meson = Path(sys.executable).parent / 'meson'
    path = [entry for entry in os.environ['PATH'].split(os.pathsep) if not shutil.which('dragonfire', path=entry)]
    env = {**os.environ, 'PATH': os.pathsep.join([str(installed), *path])}
    said = subprocess.run([meson, 'setup', tmp_path / 'build', ROOT, '-Dengine=system'], env=env, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout
    assert f'({installed}/dragonfire)' in said.stdout
