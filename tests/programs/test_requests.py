"""What reaches the engine from outside: requests that its schema and it must judge alike, and mistakes that are
answered with what helps."""

import copy
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from harness import cache
from harness.run import run


@pytest.fixture(scope='module')
def validator(engine):
    """A validator that others wrote, with the schema as the engine prints it."""
    version = '4.26.0'

    def make(folder):
        run([sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check', 'install',
             '--target', folder, f'jsonschema=={version}'])

    folder = cache.result('python', 'jsonschema', version, make)
    sys.path.append(str(folder))
    try:
        import jsonschema
        yield jsonschema.Draft202012Validator(json.loads(run([engine, 'schema', 'request'])))
    finally:
        sys.path.remove(str(folder))


def ask(engine, text):
    done = subprocess.run([engine, 'request'], input=text, capture_output=True, timeout=300)
    response = json.loads(done.stdout)
    assert response['ok'] == (done.returncode == 0)
    return done.returncode, response


MELD = {'protocol': 1, 'operation': 'meld', 'source': {'libraries': [{'path': '/nowhere/liba.a'}]},
        'output': {'dir': '/nowhere/out'}}
BUILD = {'protocol': 1, 'operation': 'build', 'workspace': {'manifest_path': '/nowhere/Cargo.toml'}}
VERIFY = {'protocol': 1, 'operation': 'verify', 'libraries': ['/nowhere/liba.a'], 'workspace_library': '/nowhere/libw.a'}
INSPECT = {'protocol': 1, 'operation': 'inspect', 'symbols': ['malloc']}
WHY = {'protocol': 1, 'operation': 'why', 'source': MELD['source'], 'what': 'x'}

# A request, the path to a field of it, its value; whether that is a request.
JUDGED = [
    (MELD, 'threads', 2, True), (MELD, 'threads', 2.0, True), (MELD, 'threads', 0, False), (MELD, 'threads', 1.5, False),
    (MELD, 'threads', -1, False), (MELD, 'threads', None, True), (MELD, 'protocol', 1.0, True), (MELD, 'protocol', 2, False),
    (MELD, 'source.libraries', [], False), (MELD, 'source', {}, False), (MELD, 'source.libraries.0.path', '', False),
    (MELD, 'output.dir', '', False), (MELD, 'output', {'in-place': ''}, False), (MELD, 'output', {'in-place': 'l.a'}, True),
    *((MELD, 'workspace_library', name, good) for name, good in [
        ('gstrsworkspace', True), ('../x', False), ('', False), ('a b', False), ('-x', False), ('.x', False), ('a\\b', False),
        ('c:x', False), ('my.lib-2', True), (None, True)]),
    *((MELD, 'manifest', {'schema': 1, 'workspace_library': name}, good) for name, good in [('x', True)]),
    (MELD, 'manifest', {'schema': 1}, True), (MELD, 'manifest', {'schema': 1.0}, True), (MELD, 'manifest', {'schema': 2}, False),
    (MELD, 'manifest', {}, False), (MELD, 'manifest', 'x.json', True), (MELD, 'exports', [], True),
    (MELD, 'remap_path_prefix', ['a'], False), (MELD, 'remap_path_prefix', ['a=b'], True), (MELD, 'nothing', 1, False),
    (MELD, 'metadata', {'depfile_targets': []}, True),
    (BUILD, 'workspace', {}, False), (BUILD, 'workspace.manifest_path', '', False), (BUILD, 'workspace.jobs', 0, False),
    (BUILD, 'workspace.jobs', 3.0, True), (BUILD, 'workspace.packages', [], True), (BUILD, 'workspace.target', '', False),
    (BUILD, 'workspace.targets', [''], False), (BUILD, 'workspace.targets', [], True),
    (BUILD, 'manifest', {'schema': 3}, False),
    (VERIFY, 'libraries', [], False), (VERIFY, 'workspace_library', None, False), (VERIFY, 'originals', [], True),
    (INSPECT, 'source', {'libraries': []}, False), (INSPECT, 'symbols', ['free'], True),
    (WHY, 'what', '', False), (WHY, 'what', 'y', True),
]


@pytest.mark.parametrize('request_,path,value,good', JUDGED, ids=lambda v: v if isinstance(v, str) else None)
def test_schema_and_engine_agree(request_, path, value, good, engine, validator):
    asked = copy.deepcopy(request_)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split('.')]
    place = asked
    for part in parents:
        place = place[part]
    place[last] = value
    status, response = ask(engine, json.dumps(asked).encode())
    # What is well asked fails for other reasons, if it does: nothing is where it says.
    assert (status != 2) == good, response
    assert validator.is_valid(asked) == good


def test_byte_order_mark(engine, tmp_path):
    """As PowerShell writes them."""
    manifest = tmp_path / 'm.json'
    manifest.write_bytes(b'\xef\xbb\xbf{"schema": 1}')
    status, response = ask(engine, b'\xef\xbb\xbf' + json.dumps({**MELD, 'manifest': str(manifest)}).encode())
    assert status == 1 and response['errors'][0]['code'] == 'input-not-found', response


def test_many_missing_inputs(engine, tmp_path):
    """Each is named once, in a time that grows as they do."""
    count = 4000
    start = time.monotonic()
    done = subprocess.run([engine, 'dedup', '--out', tmp_path / 'out', *(tmp_path / f'lib{i}.a' for i in range(count))],
                          capture_output=True, text=True)
    took = time.monotonic() - start
    assert done.returncode == 1 and done.stderr.count('input-not-found') == count
    assert took < 3, took


def command(engine, *arguments, **options):
    return subprocess.run([engine, *map(str, arguments)], stderr=subprocess.PIPE, text=True, **options)


def test_mistyped_command(engine):
    done = command(engine, 'meldd', 'liba.a', '--out', 'x')
    assert done.returncode == 2 and "similar subcommand exists: 'meld'" in done.stderr and '--output' not in done.stderr
    done = command(engine, 'liba.a')
    assert done.returncode == 2 and "unrecognized subcommand 'liba.a'" in done.stderr
    done = command(engine, 'meld', '-o', 'x', 'liba.a')
    assert done.returncode == 2 and "unexpected argument '-o'" in done.stderr


@pytest.mark.parametrize('spelling', [['-o', 'libw.a'], ['-olibw.a'], ['--output', 'libw.a'], ['--output=libw.a']])
@pytest.mark.parametrize('first', [True, False])
def test_first_dragonfires_command_line(spelling, first, engine, workspace, tmp_path):
    library = tmp_path / 'libgstidle.a'
    library.write_bytes(workspace['gstidle'].read_bytes())
    rest = ['-f', 'gnu', library]
    done = command(engine, *([*spelling, *rest] if first else [*rest, *spelling]), cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'libw.a').is_file()


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs /dev/full')
@pytest.mark.parametrize('arguments', [['schema', 'request'], ['inspect', '--symbol', 'malloc']])
def test_full_disk_on_stdout(arguments, engine):
    with open('/dev/full', 'w') as full:
        done = command(engine, *arguments, stdout=full)
    assert done.returncode == 1 and 'No space left' in done.stderr and 'output-disk-full' in done.stderr


def test_reader_that_went_away(engine):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, 'w') as gone:
        done = command(engine, 'schema', 'request', stdout=gone)
    assert done.returncode == 1 and done.stderr == ''


def test_files_in_place_of_streams(engine, tmp_path):
    """The same response as on stdout, and its errors for people."""
    request, response = tmp_path / 'request.json', tmp_path / 'response.json'
    source = {'libraries': [{'path': f'/nowhere/lib{i}.a'} for i in range(30)]}
    request.write_text(json.dumps({**MELD, 'source': source}))
    done = command(engine, 'request', '--from', request, '--to', response, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and done.stdout == ''
    status, said = ask(engine, request.read_bytes())
    assert (done.returncode, json.loads(response.read_text())) == (status, said) and len(said['errors']) == 30
    assert done.stderr.count('/nowhere/lib') == 20 and f'and 10 more errors: see {response}' in done.stderr
    done = command(engine, 'request', '--from', tmp_path / 'none', '--to', response)
    assert done.returncode == 2 and json.loads(response.read_text())['errors'][0]['code'] == 'request-not-json'
    done = command(engine, 'request', '--from', request, '--to', tmp_path)
    assert done.returncode == 1 and 'output-unwritable' in done.stderr


def test_outputs_that_are_no_files(engine, workspace, tmp_path):
    """A pipe is written into and stays a pipe, as does what stdout is."""
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    meld = [engine, 'meld', '--quiet', '--out', tmp_path / 'out', workspace['gstidle'], '--depfile']
    process = subprocess.Popen([*map(str, meld), str(pipe)])
    text = pipe.read_text()
    assert process.wait(60) == 0 and str(workspace['gstidle']) in text
    assert pipe.is_fifo()
    assert run([*meld, '/dev/stdout']) == text
    kept = tmp_path / 'kept'
    with open(kept, 'w') as file:
        file.write('before\n')
        file.flush()
        subprocess.run([*map(str, meld), '/dev/stdout'], stdout=file, check=True)
    assert kept.read_text() == 'before\n' + text


def test_more_threads_than_make_sense(engine, workspace, tmp_path):
    start = time.monotonic()
    run([engine, 'meld', '--quiet', '--threads', '70000', '--out', tmp_path / 'out', workspace['gstidle']])
    assert time.monotonic() - start < 20


def test_outputs_do_not_overwrite_inputs_or_each_other(engine, workspace, tmp_path):
    library = tmp_path / 'libgstidle.a'
    manifest = tmp_path / 'manifest.json'
    out = tmp_path / 'out'
    link = tmp_path / 'link'
    link.symlink_to(library)
    for more in [['--report', library], ['--depfile', library], ['--report', link], ['--report', out / library.name],
                 ['--report', tmp_path / 'x', '--depfile', tmp_path / 'x'], ['--report', manifest]]:
        library.write_bytes(workspace['gstidle'].read_bytes())
        manifest.write_text('{"schema": 1}')
        shutil.rmtree(out, ignore_errors=True)
        done = command(engine, 'meld', '--quiet', '--manifest', manifest, '--out', out, *more, library)
        assert done.returncode == 1 and 'output-is-input' in done.stderr, more
        assert library.read_bytes() == workspace['gstidle'].read_bytes() and manifest.read_text() == '{"schema": 1}'
        assert not out.exists() and not (tmp_path / 'x').exists()


def test_many_slips_in_a_manifest(engine, tmp_path):
    """Each is named, in a time that grows as they do."""
    count = 4000
    manifest = {'schema': 1, 'plugins': [{'package': f'other{i}'} for i in range(count)]}
    source = {'libraries': [{'path': f'/nowhere/libnone{i}.a'} for i in range(count)]}
    start = time.monotonic()
    status, response = ask(engine, json.dumps({**MELD, 'source': source, 'manifest': manifest}).encode())
    took = time.monotonic() - start
    assert status == 1 and len(response['errors']) == count and took < 5, took
    assert len(json.dumps(response)) < 400 * count
