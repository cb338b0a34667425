"""Debug information of melded libraries on macOS: what dsymutil gathers of it into a .dSYM is what it gathers of
the libraries as built, and Rust's own backtraces find it in the libraries."""

import os
import random
import re
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from harness import apple, fixtures, frames, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import Plain, combine
from harness.fixtures import PLUGINS, defines, exports
from harness.link import versioned
from harness.run import run
from programs.test_debug_info import variables

pytestmark = pytest.mark.needs('cross')

HOST = TESTS / 'workspace' / 'host' / 'main.c'
WAYS = {'prelink': ('prelink', []), 'meld': ('meld', []), 'exports': ('meld', ['--symbols', 'exports'])}


def gathered(program, verify='all'):
    """The file in the .dSYM that dsymutil makes of the libraries in a program's debug map. LLVM finds no fault
    with what goes in and what comes out."""
    bundle = program.with_suffix('.dSYM')
    said = subprocess.run([versioned('dsymutil'), f'--verify-dwarf={verify}', program, '-o', bundle], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, '')
    debug, = (bundle / 'Contents' / 'Resources' / 'DWARF').iterdir()
    assert 'No errors.' in run([versioned('llvm-dwarfdump'), '--verify', debug])
    return debug


def functions(program):
    """Address and size of what one function alone is called; sizes are distances to the next one."""
    symbols = [line.split() for line in run([versioned('llvm-nm'), '--numeric-sort', program]).splitlines()]
    symbols = [(int(words[0], 16), frames.CROSSING.sub('', words[2])) for words in symbols if words[-2] in 'tT']
    addresses = sorted({address for address, _ in symbols})
    size = {a: b - a for a, b in pairwise(addresses)}
    count = Counter(name for _, name in symbols)
    return {name: (a, size[a]) for a, name in symbols if count[name] == 1 and a in size and name != '__mh_execute_header'}


def common_places(one, other, count):
    ours, theirs = functions(one), functions(other)
    same = [(ours[name], theirs[name][0]) for name in sorted(ours.keys() & theirs.keys())
            if ours[name][1] == theirs[name][1]]
    places = [(a + at, b + at) for (a, size), b in same for at in range(0, size, 4)]
    random.Random(count).shuffle(places)
    return places[:count]


def compare(before, after, count, known):
    """Programs, and what was gathered of them."""
    places = common_places(before[0], after[0], count)
    wrong, said = frames.differences('llvm', before[1], after[1], places)
    assert not wrong, wrong[:3]
    assert len(places) >= count and said >= known * count, (len(places), said)


def count_known(program, debug):
    """Places of which something is said, whatever functions they are of."""
    start, size = next((int(words[3], 16), int(words[2], 16))
                       for line in run([versioned('llvm-objdump'), '--section-headers', program]).splitlines()
                       if '__text' in (words := line.split()))
    return sum(found[0].known for found in frames.frames('llvm', debug, range(start, start + size, 4)))


@pytest.fixture(scope='module')
def machine(request):
    return request.param


@pytest.fixture(scope='module')
def plain(machine, tmp_path_factory):
    libraries = Plain(fixtures.workspace(TARGETS[machine]))
    program = link(machine, 'lld', tmp_path_factory.mktemp('plain') / 'program', libraries, 'dedup')
    return libraries, program, gathered(program)


def link(machine, linker, out, libraries, strategy):
    apple.LINKERS[linker](machine, out, HOST, libraries.link(PLUGINS), defines=defines(PLUGINS, strategy),
                          flags=['-dead_strip'] if linker == 'lld' else [], runs=True)
    return out


def panics(machine, program):
    """Rust's backtraces. Where there is no .dSYM beside the program, they look into the libraries by its debug map."""
    said = subprocess.run([*machorun.loader(machine), program], env={**os.environ, 'RUST_BACKTRACE': '1'}, timeout=300,
                          capture_output=True, text=True)
    assert 'all right' in said.stdout, said.stdout
    return re.sub(r'\(\d+\) panicked', 'panicked', said.stderr)


CASES = [('macos', 'meld', 'lld'), ('macos', 'exports', 'zig'), ('macos-x86_64', 'meld', 'zig'),
         ('macos-x86_64', 'exports', 'lld'), ('macos-x86_64', 'prelink', 'lld')]


@pytest.mark.parametrize('machine, way, linker', CASES, indirect=['machine'], ids=map('-'.join, CASES))
def test_frames(machine, plain, engine, way, linker, tmp_path):
    strategy, arguments = WAYS[way]
    patterns = [p for library in PLUGINS for p in exports(library)]
    combined = combine(engine, strategy, plain[0].link(PLUGINS), tmp_path / 'lib', exports=patterns, arguments=arguments)
    program = link(machine, linker, tmp_path / 'program', combined, strategy)
    if linker == 'lld':
        said = panics(machine, program)
        assert said == panics(machine, plain[1])
        for file in ('record/src/lib.rs', 'worker/src/lib.rs', 'support/src/lib.rs'):
            assert re.search(rf'^ +at \S*/{file}:\d+:\d+$', said, re.M), said
    compare(plain[1:], (program, gathered(program)), 4000, 0.75)


C = '''
static inline int twice(int n) { return n + n; }
__attribute__((noinline)) int c_deep(volatile int *n) {
    if (*n > 100) return *n;
    *n = twice(*n);
    return c_deep(n) + 1;
}
static __attribute__((noinline)) int again(volatile int *n) { return twice(*n) - 1; }
int c_entry(int n) { volatile int m = n; return c_deep(&m) + again(&m); }
'''
CXX = '''
namespace shapes {
template <class T> static inline T area(T a, T b) { return a * b; }
struct Box { int a, b; __attribute__((noinline)) int size(volatile int *n) { *n += area(a, b); return area(*n, 2); } };
}
static int again(volatile int *n) __asm__("_again");
static __attribute__((noinline)) int again(volatile int *n) { return shapes::area(*n, 3) + 1; }
extern "C" int cxx_entry(int n) { volatile int m = n; shapes::Box box{n, 3}; return box.size(&m) + again(&m); }
'''
MAIN = 'int c_entry(int); int cxx_entry(int);\nint main(int n, char **a) { return c_entry(n) + cxx_entry(n) == 0; }\n'


@pytest.mark.parametrize('machine, version, debug', [
    ('macos', '5', 'lines'), ('macos-x86_64', '2', 'lines'), ('macos-x86_64', '4', 'lines'), ('macos', '5', 'full'),
    ('macos', '4', 'full'), ('macos-x86_64', '2', 'full')], indirect=['machine'])
def test_c_and_cxx(machine, engine, version, debug, tmp_path):
    """Objects that clang made, in two languages; functions of one name."""
    (tmp_path / 'one.c').write_text(C)
    (tmp_path / 'two.cpp').write_text(CXX)
    (tmp_path / 'main.c').write_text(MAIN)
    for source in ('one.c', 'two.cpp'):
        run([versioned('clang'), f'--target={apple.MACHINES[machine][1]}', '-O2', f'-gdwarf-{version}', '-fno-exceptions', '-c',
             source], cwd=tmp_path)
    run([versioned('llvm-ar'), '--format=darwin', 'rcs', tmp_path / 'libboth.a', tmp_path / 'one.o', tmp_path / 'two.o'])
    pairs = []
    for symbols in ('keep', 'exports'):
        combined = combine(engine, 'meld', [tmp_path / 'libboth.a'], tmp_path / symbols, exports=['c_entry', 'cxx_entry'],
                           arguments=['--symbols', symbols, '--debug', debug])
        for out, libraries in (('built', [tmp_path / 'libboth.a']), (f'melded-{symbols}', combined.link())):
            apple.lld(machine, tmp_path / out, tmp_path / 'main.c', libraries)
            # What clang wrote of version 5 the verifier does not like.
            pairs.append((tmp_path / out, gathered(tmp_path / out, 'output' if out == 'built' else 'all')))
        compare(pairs[-2], pairs[-1], 40, 0.5)
        assert count_known(*pairs[-2]) == count_known(*pairs[-1]) > 40
        before, after = (variables(debug) for _, debug in pairs[-2:])
        assert before['this'] and after == (before if debug == 'full' else {}), (before, after)


@pytest.mark.parametrize('machine', ['macos'], indirect=True)
def test_without(machine, engine, plain, tmp_path):
    """`strip` leaves nothing, and the code is the same."""
    texts = []
    for debug in ('lines', 'strip'):
        combined = combine(engine, 'meld', plain[0].link(PLUGINS), tmp_path / debug, exports=['gst_plugin_*'],
                           arguments=['--debug', debug])
        program = link(machine, 'lld', tmp_path / f'program-{debug}', combined, 'meld')
        run([versioned('llvm-objcopy'), f'--dump-section=__TEXT,__text={program}.text', program, f'{program}.copy'])
        texts.append(Path(f'{program}.text').read_bytes())
        found = {section.name for path in combined.libraries() for _, _, _, data in apple.members(path)
                 for section in apple.sections(data)}
        assert ('__debug_info' in found) == (debug == 'lines') and not any(name.startswith('__apple') for name in found)
    assert texts[0] == texts[1]
