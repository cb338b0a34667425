"""The commands that the documentation shows, as it shows them: each is run, and each that needs nothing which a
machine may lack has to succeed."""

import json
import os
import re
import shlex
import subprocess

import pytest

from harness.cache import ROOT

PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')), ROOT / 'meson/README.md', ROOT / 'cmake/README.md',
         ROOT / 'cerbero-recipe/README.md']
# What needs another machine's standard library, or libraries that another test makes.
NOT_HERE = ('apple', 'jni-libs', 'nocrt')


FENCED = re.compile(r'^```(\w*)\n(.*?)^```$', re.M | re.S)


def blocks(text):
    """What stands in a block of its own, indented by four or fenced; not what is run as a script."""
    fenced = None
    for line in text.splitlines():
        if line.startswith('```'):
            fenced = None if fenced is not None else line.removeprefix('```')
        elif fenced is not None:
            if fenced != 'sh':
                yield line
        elif line.startswith('    '):
            yield line.removeprefix('    ')


def commands():
    for page in PAGES:
        lines = iter(blocks(page.read_text()))
        for line in lines:
            line = line.removeprefix('$ ')
            while line.endswith('\\'):
                line = line[:-1] + next(lines).strip()
            if re.match(r'(cargo )?dragonfire [a-z-]', line) and '…' not in line:
                marks = [pytest.mark.needs('static-linux')] if '-linux-musl' in line else []
                yield pytest.param(line, marks=marks, id=f'{page.relative_to(ROOT)}: {line}')


@pytest.fixture(scope='module')
def built(engine, tmp_path_factory):
    """A workspace with the packages that the pages speak of, and its libraries."""
    root = tmp_path_factory.mktemp('docs') / 'workspace'
    for name in ('json', 'regex'):
        (root / name / 'src').mkdir(parents=True)
        (root / name / 'Cargo.toml').write_text(
            f'[package]\nname = "gst-plugin-{name}"\nversion = "1.0.0"\nedition = "2021"\n'
            f'[lib]\nname = "gst{name}"\ncrate-type = ["staticlib", "rlib"]\n')
        (root / name / 'src/lib.rs').write_text(
            f'#[no_mangle] pub extern "C" fn gst_plugin_{name}_register() -> i32 {{ std::env::args().count() as i32 }}\n')
    (root / 'Cargo.toml').write_text('[workspace]\nresolver = "2"\nmembers = ["json", "regex"]\n')
    done = subprocess.run([engine, 'build', '--json', '--manifest-path', root / 'Cargo.toml', '--target-dir',
                           root / 'target'], stdout=subprocess.PIPE, check=True)
    return root, [plugin['path'] for plugin in json.loads(done.stdout)['plugins']]


@pytest.fixture
def place(built, tmp_path):
    """A folder in which commands find what they name."""
    root, libraries = built
    for entry in root.iterdir():
        os.symlink(entry, tmp_path / entry.name)
    (tmp_path / 'lib').mkdir()
    for library in libraries:
        for folder in (tmp_path, tmp_path / 'lib'):
            name = os.path.basename(library)
            (folder / name).write_bytes(open(library, 'rb').read())
    return tmp_path


@pytest.mark.parametrize('command', list(commands()))
def test_command(command, engine, place):
    path = f'{engine.parent}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(['sh', '-c', command], cwd=place, env={**os.environ, 'PATH': path}, capture_output=True, text=True)
    if any(word in command for word in NOT_HERE):
        # The program knows every option, and what is missing is not its fault.
        assert done.returncode in (0, 1) and 'internal' not in done.stderr, done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout


def scripts():
    """Pages with blocks of sh: these are run as one script, in a folder where the page's files of C stand."""
    for page in PAGES:
        found = FENCED.findall(page.read_text())
        script = ''.join(body for kind, body in found if kind == 'sh')
        files = {re.match(r'/\* (\S+) \*/\n', body)[1]: body for kind, body in found if kind == 'c'}
        if script:
            yield pytest.param(script, files, id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize('script, files', list(scripts()))
def test_page(script, files, engine, place):
    for name, text in files.items():
        (place / name).write_text(text)
    path = f'{engine.parent}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(['sh', '-e', '-u', '-x', '-c', script], cwd=place, env={**os.environ, 'PATH': path},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_subject_has_its_page():
    """In the README's list, and every page of docs/ is in it."""
    text = (ROOT / 'README.md').read_text()
    listed = set(re.findall(r'\]\(([^)#:]+)\)', text))
    assert all((ROOT / name).exists() for name in listed), [n for n in listed if not (ROOT / n).exists()]
    pages = {str(page.relative_to(ROOT)) for page in PAGES} - {'README.md'}
    assert pages <= listed, pages - listed


def test_links_between_pages():
    for page in PAGES:
        for name in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', page.read_text()):
            assert (page.parent / name).exists(), f'{page}: {name}'


def test_requests_in_the_protocols_page(engine):
    """Each is one, but for the files that it speaks of."""
    text = (ROOT / 'docs/protocol.md').read_text()
    found = [block for block in re.findall(r'(?:^    .*\n)+', text, re.M) if '"operation"' in block and '"ok"' not in block]
    assert found
    for block in found:
        done = subprocess.run([engine, 'request'], input=block, capture_output=True, text=True)
        answer = json.loads(done.stdout)
        if json.loads(block)['operation'] == 'capabilities':
            assert done.returncode == 0 and answer['ok'], answer
        else:
            assert done.returncode == 1 and answer['errors'][0]['code'] == 'input-not-found', answer


def test_there_are_commands():
    assert len(list(commands())) >= 8
    for command in commands():
        shlex.split(command.values[0])
