"""How far a run is: events for programs, a bar on a terminal."""

import json
import os
import re
import shlex
import subprocess
import time

import pytest

from harness.cache import ROOT
from harness.terminal import on_terminal

PHASES = ['build', 'discover', 'build', 'read', 'plan', 'write', 'verify', 'commit']


@pytest.fixture
def project(tmp_path):
    """Two plugins and six packages that they depend on, so that cargo has something to count."""
    members = ['one', 'two', *(f'part{i}' for i in range(6))]
    root = tmp_path / 'project'
    for name in members:
        (root / name / 'src').mkdir(parents=True)
        plugin = name in ('one', 'two')
        depends = ''.join(f'part{i} = {{ path = "../part{i}" }}\n' for i in range(6)) if plugin else ''
        kind = '"staticlib"' if plugin else '"rlib"'
        (root / name / 'Cargo.toml').write_text(
            f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n'
            f'[lib]\nname = "{"gst" if plugin else ""}{name}"\ncrate-type = [{kind}]\n[dependencies]\n{depends}')
        body = ' + '.join(f'part{i}::value()' for i in range(6)) if plugin else '1'
        head = f'#[no_mangle] pub extern "C" fn gst_plugin_{name}_register() -> i32' if plugin else 'pub fn value() -> i32'
        (root / name / 'src/lib.rs').write_text(f'{head} {{ {body} }}\n')
    (root / 'Cargo.toml').write_text(f'[workspace]\nresolver = "2"\nmembers = {json.dumps(members)}\n')
    return root


def command(engine, project, *more):
    return [engine, 'meld', '--manifest-path', project / 'Cargo.toml', '--target-dir', project / 'target',
            '--out', project / 'out', '--offline', *more]


def test_events(engine, project):
    start = time.monotonic()
    done = subprocess.run(command(engine, project, '--events'), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          text=True, check=True)
    took = time.monotonic() - start
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [e['name'] for e in events if e['event'] == 'phase'] == PHASES
    told = {}
    phase = None
    for event in events:
        if event['event'] == 'phase':
            phase = event['name']
        elif event['event'] == 'progress':
            told.setdefault((phase, event['unit']), []).append((event['done'], event['total']))
        else:
            # cargo's lines are whole and without its bar.
            assert not re.search(r'\] \d+/\d+|\r', event['text'])
    assert set(told) == {('build', 'crates'), ('read', 'bytes'), ('plan', 'members'), ('plan', 'atoms'), ('write', 'bytes')}
    for steps in told.values():
        assert steps == sorted(steps) and len({total for _, total in steps}) == 1, told
    for key, steps in told.items():
        assert key == ('build', 'crates') or steps[-1][0] == steps[-1][1], (key, steps)
    # Eight packages, and what is told is on the way.
    assert told['build', 'crates'][-1][1] == 8 and len(told['build', 'crates']) >= 2
    libraries = [project / f'target/release/libgst{name}.a' for name in ('one', 'two')]
    assert told['read', 'bytes'][-1][1] == sum(path.stat().st_size for path in libraries)
    assert sum(map(len, told.values())) <= 10 * took + 8 + len(told)
    assert any('Compiling part0' in e.get('text', '') for e in events)


def test_bar(engine, project):
    """On a terminal; cargo's own lines stay above it."""
    text = on_terminal(command(engine, project), stdout=subprocess.DEVNULL)
    counted = {int(n) for n in re.findall(r'(\d+)/8 crates', text)}
    assert len(counted) >= 2, text
    assert 'Compiling part0' in text and 'Building [' not in text


@pytest.mark.needs('terminal')
def test_screens(engine, tmp_path):
    """What stands on a terminal while real plugins are built: the bar moves, and leaves nothing behind."""
    tmux = ['tmux', '-S', str(tmp_path / 'socket'), '-f', '/dev/null']
    # The README's first command, but for cargo's part in it; its paths count from the repository.
    command, = re.findall(r'^    cargo run --release -- (meld .*)$', (ROOT / 'README.md').read_text(), re.M)
    (tmp_path / 'tests').symlink_to(ROOT / 'tests')
    environment = shlex.join([f'CARGO_TARGET_DIR={tmp_path / "cargo"}', str(engine)])
    said = tmp_path / 'said'
    # Only the table goes elsewhere; and what is left on the screen stays until it is looked at.
    shell = f'cd {shlex.quote(str(tmp_path))}; env {environment} {command} >said; echo ended with $?; read -r line'
    subprocess.run([*tmux, 'new-session', '-d', '-x', '90', '-y', '20', shell], check=True)
    screens = []
    try:
        deadline = time.monotonic() + 900
        while not (screens and re.search(r'^ended with ', screens[-1], re.M)):
            assert time.monotonic() < deadline, screens[-1]
            seen = subprocess.run([*tmux, 'capture-pane', '-p'], capture_output=True, text=True, check=True).stdout.rstrip()
            if not screens or seen != screens[-1]:
                screens.append(seen)
            time.sleep(0.05)
    finally:
        subprocess.run([*tmux, 'kill-server'], check=False)
    assert screens[-1].endswith('ended with 0'), screens[-1]
    steps = [re.search(r'build (\S+) .*?(\d+)/(\d+) crates$', line) for screen in screens for line in screen.splitlines()]
    drawn = [(step[1].count('█'), int(step[2]), int(step[3])) for step in steps if step]
    # More is done, and the bar is longer, from screen to screen.
    assert drawn == sorted(drawn) and len({done for _, done, _ in drawn}) > 5 and len({total for *_, total in drawn}) == 1
    assert drawn[0][0] < drawn[-1][0], drawn
    # One bar on a screen, and none when all is done.
    assert all(len(re.findall(r'crates$', screen, re.M)) <= 1 for screen in screens)
    assert 'crates' not in screens[-1] and '█' not in screens[-1]
    assert 'gstpattern' in said.read_text() and (tmp_path / 'target/example/libgstrsworkspace.a').is_file()
    if keep := os.environ.get('DRAGONFIRE_SCREENS'):
        # For people: each screen under a line.
        with open(keep, 'w') as file:
            file.write(''.join(f'{screen}\n{"-" * 90}\n' for screen in screens))
