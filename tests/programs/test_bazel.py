"""tests/bazel: a rule whose action melds, in Bazel's sandbox, and a cc_binary that links what it made."""

import os
import shutil
import subprocess

import pytest

from harness.cache import ROOT
from harness.run import run

pytestmark = pytest.mark.needs('bazel')
PLUGINS = ['pattern', 'record', 'worker']
# Bazel's own rules load these from repositories that it would fetch; all that is used of them is built in.
STAND_INS = {
    'rules_cc/cc': ['cc_binary', 'cc_import', 'cc_library', 'cc_proto_library', 'cc_test', 'cc_toolchain',
                    'cc_toolchain_suite', 'fdo_prefetch_hints', 'fdo_profile', 'objc_library'],
    'rules_java/java': ['java_binary', 'java_import', 'java_library', 'java_lite_proto_library', 'java_package_configuration',
                        'java_plugin', 'java_proto_library', 'java_runtime', 'java_test', 'java_toolchain'],
}


class Bazel:
    """A copy of tests/bazel with the engine and libraries in it, and a server of its own."""

    def __init__(self, folder, engine, workspace):
        self.folder, self.source = folder, folder / 'source'
        shutil.copytree(ROOT / 'tests/bazel', self.source)
        for plugin in PLUGINS:
            shutil.copy(workspace[f'gst{plugin}'], self.source)
        shutil.copy(ROOT / 'tests/workspace/host/main.c', self.source)
        (self.source / 'bin').mkdir()
        shutil.copy(engine, self.source / 'bin/dragonfire')
        (self.source / 'bin/BUILD.bazel').write_text('exports_files(["dragonfire"])\n')
        self.options = ['--override_repository=platforms=/usr/share/bazel/tools/platforms']
        for place, rules in STAND_INS.items():
            package = folder / place
            package.mkdir(parents=True)
            name = package.parent.name
            (package.parent / 'WORKSPACE').write_text(f'workspace(name = "{name}")\n')
            (package / 'BUILD').touch()
            (package / 'defs.bzl').write_text(''.join(f'def {rule}(**attrs):\n    native.{rule}(**attrs)\n\n' for rule in rules))
            self.options.append(f'--override_repository={name}={package.parent}')

    def __call__(self, command, *arguments, env=None):
        words = ['bazel', f'--output_user_root={self.folder / "root"}', '--max_idle_secs=60', command, *arguments]
        done = subprocess.run([str(w) for w in words], cwd=self.source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=600, env={**os.environ, **(env or {})})
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def build(self, env=None):
        said = self('build', '//:program', *self.options, *(f'--copt=-DWITH_{p.upper()}' for p in PLUGINS), env=env)
        made = self.source / 'bazel-bin/plugins'
        return said, {file.name: file.read_bytes() for file in made.iterdir()}


def test_hermetic_action(engine, workspace, tmp_path):
    outputs = []
    for name in 'one', 'two':
        (tmp_path / name).mkdir()
        bazel = Bazel(tmp_path / name, engine, workspace)
        try:
            # Whatever the environment says.
            said, made = bazel.build(env={'RUSTFLAGS': '--nonsense', 'CARGO_TARGET_DIR': '/nowhere', 'LANG': name})
            assert set(made) == {*(f'libgst{p}.a' for p in PLUGINS), 'libgstrsworkspace.a'}
            outputs.append(made)
            assert 'all right' in run([bazel.source / 'bazel-bin/program'])
            # Nothing changed: no action.
            again, _ = bazel.build()
            assert '1 process: 1 internal' in again, again
        finally:
            bazel('shutdown')
    assert outputs[0] == outputs[1]
