"""A compiler cache behind dragonfire's own wrapper: two folders share what they build."""

import os
import re
import socket
import subprocess

import pytest

from harness.cache import ROOT
from harness.run import run

pytestmark = pytest.mark.needs('sccache')


@pytest.fixture
def sccache(tmp_path, monkeypatch):
    """The environment of a server with an empty cache."""
    # Of tests/run: both folders would have one, and the second nothing to compile.
    monkeypatch.delenv('CARGO_TARGET_DIR', raising=False)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    env = {'SCCACHE_DIR': str(tmp_path / 'cache'), 'SCCACHE_SERVER_PORT': str(port), 'SCCACHE_IDLE_TIMEOUT': '600'}
    # It does not let go of what it is given to write to.
    subprocess.run(['sccache', '--start-server'], env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    yield env
    run(['sccache', '--stop-server'], env=env)


def project(folder):
    """Crates of a registry that other tests' workspaces have too, and a plugin, whose package has no static library
    of its own: dragonfire wraps all compilations."""
    (folder / 'src').mkdir(parents=True)
    (folder / 'Cargo.toml').write_text(
        '[package]\nname = "plugin"\nversion = "1.0.0"\nedition = "2021"\n[lib]\nname = "gstplugin"\n'
        'crate-type = ["cdylib", "rlib"]\n[dependencies]\nmemchr = "2"\nitoa = "1"\n[package.metadata.capi]\n')
    (folder / 'src/lib.rs').write_text(
        '#[no_mangle] pub extern "C" fn gst_plugin_plugin_register() -> i32 {\n'
        '    memchr::memchr(b\'7\', itoa::Buffer::new().format(std::process::id()).as_bytes()).is_some() as i32\n}\n')
    return folder


def test_two_folders_share(engine, sccache, tmp_path):
    page = (ROOT / 'docs/build-farms.md').read_text()
    command, = re.findall(r'^    (RUSTC_WRAPPER=sccache dragonfire .*)$', page, re.M)
    env = {**sccache, 'PATH': f'{engine.parent}{os.pathsep}{os.environ["PATH"]}'}

    def hits():
        return int(re.search(r'^Cache hits +(\d+)$', run(['sccache', '--show-stats'], env=env), re.M)[1])

    run(['sh', '-c', command], env=env, cwd=project(tmp_path / 'one'))
    assert hits() == 0
    run(['sh', '-c', command], env=env, cwd=project(tmp_path / 'two'))
    assert hits() >= 2
    # What plain cargo makes is the same compilation.
    run(['cargo', 'build', '--release', '--quiet', '--lib'], env={**env, 'RUSTC_WRAPPER': 'sccache'}, cwd=project(tmp_path / 'three'))
    assert hits() >= 4
