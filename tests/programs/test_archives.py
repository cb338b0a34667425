"""Archives of every kind, as LLVM's tools read them, and as they would have written them."""

import re
import subprocess
from collections import Counter

import pytest

from harness import fixtures
from harness.cross import TARGETS
from harness.engine import combine
from harness.fixtures import PLUGINS, exports
from harness.link import versioned
from harness.run import run

cross_tools = pytest.mark.needs('cross')
# By name in cross.TARGETS: the archive format, as llvm-ar calls it.
KINDS = {'host': 'gnu', 'musl': 'gnu', 'android': 'gnu', 'msvc': 'coff', 'mingw': 'gnu', 'macos': 'darwin'}


@pytest.fixture(scope='module', params=[
    pytest.param(name, marks=[] if name == 'host' else [cross_tools]) for name in KINDS])
def combined(request, engine, tmp_path_factory):
    libraries = fixtures.workspace(None if request.param == 'host' else TARGETS[request.param])
    patterns = [p for library in PLUGINS for p in exports(library)]
    made = combine(engine, 'dedup', [libraries[p] for p in PLUGINS], tmp_path_factory.mktemp('archives') / 'lib',
                   exports=patterns)
    return request.param, libraries, made


def member_names(archive):
    return run([versioned('llvm-ar'), 't', archive]).splitlines()


def nm(archive, *arguments):
    return run([versioned('llvm-nm'), '--format=posix', '--quiet', *arguments, archive])


def index_of(archive):
    """What the symbol index says: how often each symbol, by the member's name. Where an archive has two
    indexes, both."""
    armap, _, _ = nm(archive, '--print-armap').partition('\n\n')
    lines = [line for line in armap.splitlines() if ' in ' in line]
    return Counter(tuple(line.split(' in ', 1)) for line in lines)


def definitions(archive):
    """What the members' own symbol tables define for others."""
    found, member = Counter(), None
    for line in nm(archive, '--defined-only', '--extern-only').splitlines():
        if line.endswith(']:') or line.endswith(':') and ' ' not in line:
            member = line.rsplit('[', 1)[-1].rstrip(']:')
        elif line:
            found[line.split()[0], member] += 1
    return found


def test_members(combined):
    """Every member of the libraries as built is in one of the archives, and nothing else but markers."""
    _, libraries, made = combined
    lists = {path: member_names(path) for path in made.libraries()}
    before = {name for p in PLUGINS for name in member_names(libraries[p])}
    after = {name for names in lists.values() for name in names}
    assert after - before <= {'dragonfire.marker.o'}
    # Allocator shims say the same under each library's name: one is enough. So it is of members that are
    # the same byte for byte.
    shims = {name for name in before if re.fullmatch(r'gst\w+-[0-9a-f]{16}\.[0-9a-z]{25}\.rcgu\.o', name)}
    assert not shims <= before - after
    outputs = [path.read_bytes() for path in lists]
    for name in before - after - shims:
        library = next(libraries[p] for p in PLUGINS if name in member_names(libraries[p]))
        contents = subprocess.run([versioned('llvm-ar'), 'p', library, name], check=True, stdout=subprocess.PIPE).stdout
        assert len(contents) > 60 and any(contents in output for output in outputs), name
    for path, names in lists.items():
        listed = run([versioned('llvm-lib'), '/list', path]).splitlines()
        assert Counter(listed) == Counter(names), path


def test_index(combined):
    """The index has what members define, no more and no less."""
    kind, _, made = combined
    for path in made.libraries():
        index, defined = index_of(path), definitions(path)
        assert len(index) > 0
        if KINDS[kind] == 'coff':
            # Each symbol once: the first member that defines it.
            assert {symbol for symbol, _ in index} == {symbol for symbol, _ in defined}
            assert index.keys() <= defined.keys()
        else:
            assert index == defined


def test_same_bytes(combined, tmp_path):
    """llvm-ar writes the same archive of the same members."""
    kind, _, made = combined
    for path in made.libraries():
        fresh = tmp_path / path.name
        run([versioned('llvm-ar'), f'--format={KINDS[kind]}', 'qcL', fresh, path])
        assert fresh.read_bytes() == path.read_bytes(), path
        fresh.unlink()
