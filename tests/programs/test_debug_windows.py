"""Debug information of live code on Windows: DWARF in MinGW's objects, CodeView in MSVC's, of which the linker makes
a PDB. What tools say of a melded program is what they say of the program as built."""

import os
import random
import re
import subprocess

import pytest

from harness import cargo, fixtures, frames, windows
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import combine
from harness.fixtures import PLUGINS, defines, exports
from harness.link import versioned
from harness.run import run
from programs.test_debug_info import EXPORTS, FULL, debug_libraries, is_well_formed, variables

pytestmark = [pytest.mark.needs('cross'), pytest.mark.needs('windows')]

HOST = TESTS / 'workspace' / 'host' / 'main.c'
LINK = {'msvc': windows.msvc, 'mingw': windows.mingw}
# lld-link lists functions that are not external in its map only; llvm-symbolizer goes through a whole object's
# records for each place in a PDB.
COUNTS = {'msvc': 2000, 'mingw': 20000}


def link(name, out, sources, libraries, **how):
    out.mkdir()
    flags = ['/debug', '/opt:noicf', f'/map:{out / "program.map"}'] if name == 'msvc' else []
    return LINK[name](out / 'program', sources, libraries, flags=flags, **how)


def functions(program):
    """By name as the compiler gave it: (address, size up to the next one) of functions with one place."""
    if (table := program.with_suffix('.map')).exists():
        line = re.compile(r' 0001:[0-9a-f]{8}\s+(\S+)\s+([0-9a-f]{16}) ')
        found = [(int(m[2], 16), m[1]) for m in map(line.match, table.read_text().splitlines()) if m]
    else:
        lines = [row.split() for row in run([versioned('llvm-nm'), program]).splitlines()]
        found = [(int(row[0], 16), row[2]) for row in lines if len(row) == 3 and row[1] in 'tT']
    starts = sorted({address for address, _ in found})
    ends = dict(zip(starts, starts[1:]))
    by_name = {}
    for address, name in found:
        if address in ends and name.startswith('_R'):
            by_name.setdefault(frames.CROSSING.sub('', name), set()).add((address, ends[address] - address))
    return {name: next(iter(places)) for name, places in by_name.items() if len(places) == 1}


def common_places(one, other, count):
    ours, theirs = functions(one), functions(other)
    places = []
    for name in sorted(ours.keys() & theirs.keys()):
        (a, size), (b, again) = ours[name], theirs[name]
        # What fills the space behind a function may belong to it or not.
        places += [(a + at, b + at) for at in range(0, min(size, again) - 16)]
    random.Random(1).shuffle(places)
    return places[:count]


# Where code begins in the programs: their first section.
CODE = 0x140001000


def line_tables(program):
    """Lines of what is not inlined in a PDB: by start and end of the functions, (address, line, file)."""
    tables, file, rows = {}, None, []
    for line in run([versioned('llvm-pdbutil'), 'dump', '-l', program.with_suffix('.pdb')]).splitlines():
        if re.match(r'\S', line):
            # With a checksum as built. Of modules without lines llvm-pdbutil repeats those of the one before.
            file = re.sub(r' \([^(]*\)$', '', line)
        elif found := re.match(r' +0001:([0-9A-F]+)-([0-9A-F]+), line', line):
            rows = tables.setdefault((CODE + int(found[1], 16), CODE + int(found[2], 16)), []) if file else []
        else:
            rows += [(CODE + int(at, 16), int(number), file) for number, at in re.findall(r'(\d+) ([0-9A-F]{8}) ', line + ' ')]
    return tables


def outermost(tables, address):
    """What they say of the place."""
    (rows,) = [rows for (start, end), rows in tables.items() if start <= address < end]
    return max(((at, number, file) for at, number, file in rows if at <= address), key=lambda row: row[0])[1:]


@pytest.mark.parametrize('name', LINK)
def test_frames(engine, name, tmp_path):
    libraries = fixtures.workspace(TARGETS[name])
    combined = combine(engine, 'meld', [libraries[p] for p in PLUGINS], tmp_path / 'lib',
                       exports=[p for library in PLUGINS for p in exports(library)])
    assert not combined.response.get('warnings')
    how = {'defines': defines(['gstworker'], 'meld')}
    built = link(name, tmp_path / 'built', [HOST], [libraries['gstworker']], **how)[-1]
    melded = link(name, tmp_path / 'melded', [HOST], combined.link(['gstworker']), **how)[-1]
    places = common_places(built, melded, COUNTS[name])
    before = frames.frames('llvm', built, [a for a, _ in places])
    after = frames.frames('llvm', melded, [b for _, b in places])
    # Of the outermost function another symbol may be chosen: where several are one, or one is not external.
    def inner(frames):
        return [(f.place, f.function) for f in frames[:-1]]

    def lines(frames):
        return [(f.place.rsplit(':', 1)[1], f.function) for f in frames[:-1]]

    wrong = [(place, a, b) for place, a, b in zip(places, before, after)
             if all(f.known for f in a) and (inner(a) != inner(b) or a[-1].place != b[-1].place)]
    if name == 'msvc':
        # A function with lines of several files has as many tables in a PDB, which all begin where it does. LLVM's
        # reader puts one behind the other, in any order, and looks among them as if they were sorted: what it finds
        # for the outermost frame depends on what else is in the program. The tables themselves are equal.
        tables = [line_tables(program) for program in (built, melded)]
        other = [w for w in wrong if outermost(tables[0], w[0][0]) != outermost(tables[1], w[0][1])]
        wrong = [w for w in wrong if inner(w[1]) != inner(w[2])]
        # It also takes a change to the first of an object's files for none, which objects as built have.
        files = [w for w in wrong if lines(w[1]) == lines(w[2])]
        assert len(files) <= 3, files
        wrong = other + [w for w in wrong if w not in files]
    known = sum(all(f.known for f in a) for a in before)
    assert not wrong, (len(wrong), wrong[:3])
    assert len(places) == COUNTS[name] and known > 0.8 * len(places), known
    assert sum(len(a) > 2 for a in after) > 0.3 * len(places)


@pytest.mark.parametrize('name', LINK)
def test_panic(engine, name, tmp_path):
    """Rust's own backtrace, where it knows lines of the program as built."""
    libraries = cargo.libraries('debug', [['build', '--release']], target=TARGETS[name])
    combined = combine(engine, 'meld', libraries.values(), tmp_path / 'lib', exports=['debug_*'])
    command = link(name, tmp_path / 'melded', [TESTS / 'debug' / 'host' / 'main.c'], combined.link())
    # Wine's dbghelp finds functions in lld's PDBs, inlined ones too, but no lines, as built or not.
    mode, wanted = {'mingw': ('1', [rf'{crate}[/\\]src[/\\]lib\.rs:\d+' for crate in ('common', 'left', 'right')]),
                    'msvc': ('full', ['second_step', 'first_step', 'debug_left_panic'])}[name]
    said = subprocess.run(command, env={**os.environ, 'RUST_BACKTRACE': mode}, capture_output=True, text=True, timeout=300)
    assert 'all right' in said.stdout
    for one in wanted:
        assert re.search(one, said.stderr), said.stderr
    if name == 'msvc':
        # The walk is std's and wine's; the lines of its return addresses are read from the PDB.
        walked = [int(address, 16) - 1 for address in re.findall(r'^ *\d+: +0x([0-9a-f]+) - ', said.stderr, re.M)]
        walked = [address for address in walked if address >> 28 == 0x14]
        lines = [frame.place for found in frames.frames('llvm', command[-1], walked) for frame in found]
        for crate in ('common', 'left', 'right'):
            assert any(re.search(rf'{crate}[/\\]src[/\\]lib\.rs:\d+', line) for line in lines), (said.stderr, lines)


def test_variables(engine, tmp_path):
    """MinGW's DWARF keeps variables and types; of CodeView lines are kept, which is said."""
    libraries = debug_libraries(TARGETS['mingw'], **FULL)
    combined = combine(engine, 'meld', libraries.values(), tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', 'full', '--granularity', 'plugin'])
    assert 'warnings' not in combined.response
    command = link('mingw', tmp_path / 'melded', [TESTS / 'debug' / 'host' / 'main.c'], combined.link())
    # Not the program: LLVM's verifier does not come to an end with MinGW's own startup code in it.
    for library in combined.libraries():
        is_well_formed(library)
    assert variables(command[-1])['shape'] == 2
    said = subprocess.run(command, env={**os.environ, 'RUST_BACKTRACE': '1'}, capture_output=True, text=True, timeout=300)
    assert 'all right' in said.stdout and re.search(r'left[/\\]src[/\\]lib\.rs:\d+', said.stderr), said.stderr
    libraries = debug_libraries(TARGETS['msvc'], **FULL)
    made = [combine(engine, 'meld', libraries.values(), tmp_path / debug, exports=EXPORTS, arguments=['--debug', debug])
            for debug in ('lines', 'full')]
    assert [w['code'] for w in made[1].response['warnings']] == ['debug-info-reduced']
    sizes = [m.response['totals']['debug_bytes'] for m in made]
    assert sizes[0] == sizes[1] > 0, sizes
