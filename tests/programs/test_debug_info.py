"""Debug information of live code: what tools say of melded programs is what they say of programs as built."""

import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from harness import cache, cargo, fixtures, frames, link
from harness.cargo import TESTS
from harness.cross import ELF
from harness.engine import ATOMIC, Plain, combine, request
from harness.fixtures import PLUGINS, defines, exports
from harness.link import versioned
from harness.run import run

HOST = TESTS / 'workspace' / 'host' / 'main.c'
SMALL = TESTS / 'debug' / 'host' / 'main.c'
EXPORTS = ['debug_*']


def debug_libraries(target=None, **env):
    """Static libraries of tests/debug; `env` are settings of their build."""
    # Paths of this checkout stand in them: another one's libraries will not do.
    settings = {**env, 'env.DRAGONFIRE_TESTS': f'"{TESTS}"'}
    invocation = ['build', '--release', *(a for key, value in sorted(settings.items()) for a in ('--config', f'{key}={value}'))]
    way = cache.digest(str(sorted(env.items()))) if env else ''
    return cargo.libraries('debug', [invocation], target=target, way=way)


def source_line(path, text):
    """The number of the first line with this text."""
    lines = path.read_text().splitlines()
    return next(at for at, line in enumerate(lines, 1) if text in line)


@pytest.fixture(scope='module')
def programs(engine, workspace, tmp_path_factory):
    """Programs of the workspace's plugins: as built, prelinked, melded."""
    out = tmp_path_factory.mktemp('programs')
    patterns = [p for library in PLUGINS for p in exports(library)]
    made = {}
    for strategy in ('built', *ATOMIC):
        combined = Plain({p: workspace[p] for p in PLUGINS})
        if strategy in ATOMIC:
            combined = combine(engine, strategy, [workspace[p] for p in PLUGINS], out / strategy, exports=patterns)
        flags = ['-Wl,-z,muldefs'] if strategy == 'built' else []
        command = link.program(out / f'program-{strategy}', [HOST], combined.link(PLUGINS), mode='no-pie', flags=flags,
                               defines=defines(PLUGINS, strategy))
        made[strategy] = command[0]
    return made


# GNU's and elfutils' look at a whole unit for every place.
COUNTS = {'llvm': 30000, 'crate': 30000, 'gnu': 2000, 'elfutils': 300}


@pytest.mark.parametrize('tool', ['llvm', 'crate', 'gnu'])
@pytest.mark.parametrize('strategy', ATOMIC)
def test_frames(programs, strategy, tool):
    places = frames.common_places(programs['built'], programs[strategy], COUNTS[tool])
    wrong, known = frames.differences(tool, programs['built'], programs[strategy], places)
    assert not wrong, wrong[:3]
    assert len(places) == COUNTS[tool] and known > len(places) * 0.8, known


def test_frames_of_elfutils(programs):
    """elfutils knows no inlined functions of rustc's own sections (it gives the innermost place and the outermost
    function); of ours it knows them all."""
    places = frames.common_places(programs['built'], programs['meld'], COUNTS['elfutils'])
    before = frames.frames('elfutils', programs['built'], [a for a, _ in places])
    after = frames.frames('elfutils', programs['meld'], [b for _, b in places])
    wrong = [(a, b) for a, b in zip(before, after) if a[0].known and a[0].place != b[0].place]
    assert not wrong, wrong[:3]
    assert any(len(b) > 2 for b in after)


# What the program does not call is looked at, too.
WHOLE = ['--granularity', 'plugin']
# The standard library stays as it is: it need not be built anew.
FULL = {f'profile.release.package.debug-{name}.debug': '2' for name in ('common', 'left', 'right')}


@pytest.mark.needs('cross')
@pytest.mark.parametrize('debug', ['lines', 'full'])
@pytest.mark.parametrize('name', [name for name in ELF if name != 'musl'])
def test_frames_of_other_machines(engine, name, debug, tmp_path):
    target = ELF[name]
    libraries = debug_libraries(target, **(FULL if debug == 'full' else {}))
    combined = combine(engine, 'meld', libraries.values(), tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', debug, *WHOLE])
    assert 'warnings' not in combined.response
    built, melded = tmp_path / 'built', tmp_path / 'melded'
    target.program(built, [SMALL], libraries.values(), flags=['-Wl,-z,muldefs'])
    command = target.program(melded, [SMALL], combined.link())
    places = frames.common_places(built, melded, 4000, step=2)
    wrong, known = frames.differences('llvm', built, melded, places)
    assert not wrong, wrong[:3]
    assert known > len(places) * 0.5, (known, len(places))
    if debug == 'full':
        is_well_formed(melded)
        assert variables(melded)['shape'] == 2, variables(melded)
    said = subprocess.run(command, env={**os.environ, 'RUST_BACKTRACE': '1'}, capture_output=True, text=True, timeout=300)
    assert 'all right' in said.stdout
    backtrace_is_right(said.stderr)


def is_well_formed(program):
    said = run([versioned('llvm-dwarfdump'), '--verify', '--quiet', program], status=None)
    assert not said, said[:2000]


def variables(program):
    """How many variables and parameters there are of each name that say where they are."""
    counts, tag, place = Counter(), None, False
    for line in run([versioned('llvm-dwarfdump'), '--debug-info', program]).splitlines():
        if found := re.match(r'0x[0-9a-f]+: +(DW_TAG_\w+|NULL)', line):
            tag, place = found.group(1), False
        elif 'DW_AT_location' in line:
            place = True
        elif (found := re.search(r'DW_AT_(?:name|abstract_origin)\t.*"(.*)"\)', line)) and place:
            if tag in ('DW_TAG_variable', 'DW_TAG_formal_parameter'):
                counts[found.group(1)] += 1
    return counts


def backtrace_is_right(text):
    """Rust's own backtrace names the inlined functions and their lines."""
    own = TESTS / 'debug'
    for file, line in [(own / 'common/src/lib.rs', 'panic!("at the bottom")'), (own / 'common/src/lib.rs', 'descend(depth - 1)'),
                       (own / 'left/src/lib.rs', 'debug_common::descend(depth)'), (own / 'left/src/lib.rs', 'second_step(depth) + 1'),
                       (own / 'right/src/lib.rs', 'catch_unwind(||')]:
        place = f'{file.relative_to(own.parent)}:{source_line(file, line)}'
        assert place.removeprefix('debug/') in text, (place, text)


@pytest.fixture(scope='module')
def small(engine, tmp_path_factory):
    """The program of tests/debug, melded."""
    out = tmp_path_factory.mktemp('small')
    combined = combine(engine, 'meld', debug_libraries().values(), out / 'lib', exports=EXPORTS)
    return link.program(out / 'program', [SMALL], combined.link(), mode='no-pie')[0]


def test_panic(small):
    said = subprocess.run([small], env={**os.environ, 'RUST_BACKTRACE': '1'}, capture_output=True, text=True)
    assert 'all right' in said.stdout
    backtrace_is_right(said.stderr)


def test_debugger(small):
    """gdb stops by file and line within an inlined function, and shows all frames."""
    line = source_line(TESTS / 'debug/left/src/lib.rs', 'debug_common::descend(depth)')
    bottom = source_line(TESTS / 'debug/common/src/lib.rs', 'panic!(')
    said = run(['gdb', '-q', '-batch', '-nx', '-ex', f'break left/src/lib.rs:{line}', '-ex', 'run', '-ex', 'bt',
                '-ex', f'break common/src/lib.rs:{bottom}', '-ex', 'continue', '-ex', 'bt', small])
    assert re.search(rf'second_step.* at .*left/src/lib\.rs:{line}', said), said
    assert re.search(r'first_step.* at .*left/src/lib\.rs', said) and 'debug_left_panic' in said, said
    assert max(int(n) for n in re.findall(r'^#(\d+) ', said, re.M)) >= 10, said


def debugger_names(program):
    """What gdb calls the functions that it knows lines of, with types of arguments where it knows these."""
    said = run(['gdb', '-q', '-batch', '-nx', '-ex', 'info functions -n', program])
    return {re.sub(r'^\d+:', '', line).replace('static ', '').strip() for line in said.splitlines() if line.endswith(';')}


@pytest.mark.parametrize('mangling', ['legacy', 'v0'])
def test_names_in_debugger(engine, mangling, tmp_path):
    """gdb knows functions by the names that it knows them by as built: with crate and modules."""
    how = {} if mangling == 'legacy' else {'build.rustflags': '["-Csymbol-mangling-version=v0"]'}
    libraries = debug_libraries(**how)
    combined = combine(engine, 'meld', libraries.values(), tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', 'lines'])
    built = link.program(tmp_path / 'built', [SMALL], libraries.values(), mode='no-pie', flags=['-Wl,-z,muldefs'])[0]
    melded = link.program(tmp_path / 'melded', [SMALL], combined.link(), mode='no-pie')[0]
    names = debugger_names(melded)
    assert len(names) > 100 and not names - debugger_names(built), sorted(names - debugger_names(built))[:20]
    for name in ('debug_common::descend', 'std::panicking::', 'core::fmt::'):
        assert any(name in n for n in names), name
    for function in ('debug_left::second_step', 'debug_common::descend', 'debug_right::second_step'):
        shown = [re.findall(r'^#\d+ +(?:0x\w+ in )?(.*?) \(', gdb_at(program, function, 'bt'), re.M) for program in (built, melded)]
        assert shown[0] == shown[1] and function in shown[1][0], shown


MEASURE = '''
unsigned debug_left_measure(unsigned);
int main(void) { return debug_left_measure(5) != 32; }
'''


def test_variables_and_types(engine, tmp_path):
    """gdb shows variables, types and statics of a melded program as it does of the program as built."""
    libraries = debug_libraries(**FULL)
    (tmp_path / 'main.c').write_text(MEASURE)
    line = source_line(TESTS / 'debug/left/src/lib.rs', 'black_box(area) + parts')
    asked = ['info locals', 'info args', 'print *shape', 'ptype *shape', 'print shape.width * 2', 'print debug_left::MEASURED',
             'whatis debug_left::MEASURED', 'up', 'info locals', 'print shape', 'ptype shape', 'print shape.tint']
    answers = {}
    for debug in ('built', 'full', 'lines'):
        made = Plain(libraries)
        if debug != 'built':
            made = combine(engine, 'meld', libraries.values(), tmp_path / debug, exports=EXPORTS, arguments=['--debug', debug])
        flags = ['-Wl,-z,muldefs'] if debug == 'built' else []
        program = link.program(tmp_path / f'program-{debug}', [tmp_path / 'main.c'], made.link(), mode='no-pie', flags=flags)[0]
        said = run(['gdb', '-q', '-batch', '-nx', '-ex', f'break left/src/lib.rs:{line}', '-ex', 'run',
                    *(a for command in asked for a in ('-ex', command)), program], status=None)
        answers[debug] = [re.sub(r'0x[0-9a-f]+', 'ADDRESS', re.sub(r'^#1 .*', '#1', a)) for a in said.splitlines()[said.splitlines().index(f'{line}\t    black_box(area) + parts') + 1:]]
        if debug == 'full':
            is_well_formed(program)
    assert answers['full'] == answers['built'], answers
    shown = '\n'.join(answers['full'])
    for part in ('parts = 7', 'shape = debug_left::Shape {width: 5, name: "square", tint: debug_left::Tint::Mixed(3, 4)}',
                 '  name: &str,', '= 10', '{value: 47}'):
        assert part in shown, (part, shown)
    assert 'parts = 7' not in '\n'.join(answers['lines'])


@pytest.mark.parametrize('strategy', ATOMIC)
def test_frames_of_full(engine, strategy, tmp_path):
    libraries = debug_libraries(**FULL)
    combined = combine(engine, strategy, libraries.values(), tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', 'full'])
    assert 'warnings' not in combined.response
    built = link.program(tmp_path / 'built', [SMALL], libraries.values(), flags=['-Wl,-z,muldefs'])[0]
    melded = link.program(tmp_path / 'melded', [SMALL], combined.link())[0]
    is_well_formed(melded)
    # elfutils finds no inlined functions within namespaces, which are here as they were: it says the same of both.
    for tool, count in (('llvm', 20000), ('crate', 20000), ('gnu', 2000), ('elfutils', 300)):
        places = frames.common_places(built, melded, count)
        wrong, known = frames.differences(tool, built, melded, places)
        assert not wrong and known > len(places) * 0.6, (tool, known, wrong[:3])
    said = subprocess.run([melded], env={**os.environ, 'RUST_BACKTRACE': '1'}, capture_output=True, text=True)
    assert 'all right' in said.stdout
    backtrace_is_right(said.stderr)


def test_valgrind(small):
    said = run(['valgrind', '--trace-children=no', '--tool=callgrind', '--dump-instr=no', f'--callgrind-out-file={small}.out', small])
    assert 'all right' in said
    calls = run(['callgrind_annotate', '--threshold=100', f'{small}.out'])
    assert 'common/src/lib.rs' in calls, calls[:2000]


SPIN = '''
unsigned debug_left_measure(unsigned);
int main(void) {
    unsigned sum = 0;
    for (unsigned n = 0; n < 60000000; n++) sum += debug_left_measure(n & 7);
    return sum == 1;
}
'''


def perf_samples(program, data):
    """Addresses in `measure`, with the files and lines that perf gives. Where it can not record, those that GNU
    addr2line gives, which perf asks."""
    record = ['perf', 'record', '-q', '-e', 'cpu-clock:u', '-F', '999', '-o', data]
    try:
        run([*record, program])
    except (AssertionError, FileNotFoundError):
        (start, size), = frames.functions(program)[0]['debug_left_measure']
        addresses = list(range(start, start + size))
        said = [(f'{a:x}', found[0].place) for a, found in zip(addresses, frames.frames('gnu', program, addresses))]
    else:
        said = run(['perf', 'script', '-i', data, '-F', 'ip,sym,srcline', '--full-source-path'])
        said = re.findall(r'^ +([0-9a-f]+) .*measure.*\n +(\S+:\d+)', said, re.M)
    return [(int(ip, 16), place) for ip, place in said]


def test_perf(engine, tmp_path):
    """perf's samples of melded code have files and lines: those that llvm-symbolizer gives."""
    (tmp_path / 'main.c').write_text(SPIN)
    combined = combine(engine, 'meld', debug_libraries().values(), tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', 'lines'])
    program = link.program(tmp_path / 'program', [tmp_path / 'main.c'], combined.link(), mode='no-pie')[0]
    samples = perf_samples(program, tmp_path / 'perf.data')
    assert len(samples) > 20 and any('left/src/lib.rs:' in place for _, place in samples), samples[:5]
    places = frames.frames('llvm', program, [ip for ip, _ in samples])
    wrong = [(hex(ip), place, known) for (ip, place), known in zip(samples, places)
             if re.sub(r' \(discriminator.*', '', place) not in (known[0].place, known[0].place.rsplit(':', 1)[0])]
    assert not wrong, wrong[:5]


# What libraries come with, by settings of cargo: is anything said of it?
WAYS = {
    'version-5': ({'profile.release.debug': '1', 'build.rustflags': '["-Cdwarf-version=5"]'}, None),
    'full': ({'profile.release.debug': '2'}, None),
    'packed': ({'profile.release.debug': '2', 'profile.release.split-debuginfo': '"packed"'}, 'debug-info-elsewhere'),
    'unpacked': ({'profile.release.debug': '2', 'profile.release.split-debuginfo': '"unpacked"'}, 'debug-info-elsewhere'),
}


@pytest.mark.parametrize('way', WAYS)
def test_ways_of_rustc(engine, way, tmp_path):
    settings, warning = WAYS[way]
    libraries = debug_libraries(**settings)
    combined = combine(engine, 'meld', libraries.values(), tmp_path / 'lib', exports=EXPORTS)
    codes = {w['code'] for w in combined.response.get('warnings', [])}
    assert (warning in codes) if warning else not codes, codes
    built = link.program(tmp_path / 'built', [SMALL], libraries.values(), flags=['-Wl,-z,muldefs'])[0]
    melded = link.program(tmp_path / 'melded', [SMALL], combined.link())[0]
    places = frames.common_places(built, melded, 3000)
    # Files elsewhere are there while these run, and the as-built program finds them.
    wrong, known = frames.differences('llvm', built, melded, places)
    wrong = [w for w in wrong if not warning or w[1][0].place != w[2][0].place]
    assert not wrong and known, wrong[:3]


def test_without_own(engine, tmp_path):
    """Where only the standard library has debug information, none is written, but when asked for."""
    libraries = debug_libraries(**{'profile.release.debug': '0'}).values()
    for arguments, has in [([], False), (['--debug', 'lines'], True), (['--debug', 'strip'], False)]:
        response = request(engine, 'meld', libraries, tmp_path / 'lib', exports=EXPORTS, arguments=arguments)
        assert response['ok'] and (response['totals']['debug_bytes'] > 0) == has, response['totals']


def test_cost_by_crate(engine, tmp_path):
    """What is written is shared out among the crates that it speaks of, in the answer, the table and the report."""
    report = tmp_path / 'report.html'
    libraries = debug_libraries().values()
    response = request(engine, 'meld', libraries, tmp_path / 'lib', exports=EXPORTS, arguments=['--report', report])
    totals = response['totals']
    crates = {c['crate']: c['bytes'] for c in totals['debug_crates']}
    assert sum(crates.values()) == totals['debug_bytes'] > 0
    assert {'debug_common', 'debug_left', 'debug_right', 'std', 'core'} <= set(crates), crates
    assert crates['std'] > crates['debug_left'] > 0, crates
    tips = re.findall(r'data-t="(.*?) in gstrsworkspace&#10;([^"]*)"', report.read_text())
    debug = {krate: re.search('debug: ([0-9.]+ .?B)', kinds) for krate, kinds in tips}
    assert debug['std'] and debug['core'] and not debug['[linking]'], tips
    said = run([engine, 'meld', '--out', tmp_path / 'again', '--exports', *EXPORTS, '--', *libraries])
    assert re.search(r'^debug info by crate: (core|std) [0-9.]+ .B, (?!\1)(core|std) ', said, re.M), said
    stripped = request(engine, 'meld', libraries, tmp_path / 'lib', exports=EXPORTS, arguments=['--debug', 'strip'])
    assert 'debug_crates' not in stripped['totals']


C = '''
int c_calls = 41;
static inline int twice(int n) { return n + n; }
__attribute__((noinline)) int c_deep(volatile int *n) {
    if (*n > 100) return *n + c_calls;
    *n = twice(*n);
    return c_deep(n) + 1;
}
int c_entry(int n) { volatile int m = n; return c_deep(&m); }
'''
CXX = '''
namespace shapes {
template <class T> static inline T area(T a, T b) { return a * b; }
struct Box { int a, b; __attribute__((noinline)) int size(volatile int *n) { *n += area(a, b); return area(*n, 2); } };
}
extern "C" int cxx_entry(int n) { volatile int m = n; shapes::Box box{n, 3}; return box.size(&m); }
'''


@pytest.mark.parametrize('debug', ['lines', 'full'])
@pytest.mark.parametrize('version', ['2', '3', '4', '5'])
@pytest.mark.parametrize('compiler', ['gcc', 'clang'])
def test_c_and_cxx(engine, compiler, version, debug, tmp_path):
    c, cxx = (compiler, 'g++') if compiler == 'gcc' else (versioned('clang'), versioned('clang++'))
    (tmp_path / 'one.c').write_text(C)
    (tmp_path / 'two.cpp').write_text(CXX)
    (tmp_path / 'main.c').write_text('int c_entry(int); int cxx_entry(int);\nint main(int n, char **a) { return c_entry(n) + cxx_entry(n) == 0; }\n')
    # elfutils knows nothing of units without a table of addresses, which clang writes when asked only.
    flags = [f'-gdwarf-{version}', *(['-gdwarf-aranges'] if compiler == 'clang' else [])]
    for driver, source in ((c, 'one.c'), (cxx, 'two.cpp')):
        run([driver, '-O2', *flags, '-ffunction-sections', '-fno-exceptions', '-c', source], cwd=tmp_path)
    run(['ar', 'rcs', tmp_path / 'libboth.a', tmp_path / 'one.o', tmp_path / 'two.o'])
    combined = combine(engine, 'meld', [tmp_path / 'libboth.a'], tmp_path / 'lib', exports=['c_entry', 'cxx_entry'],
                       arguments=['--debug', debug])
    assert 'warnings' not in combined.response
    built = link.program(tmp_path / 'built', [tmp_path / 'main.c'], [tmp_path / 'libboth.a'])[0]
    melded = link.program(tmp_path / 'melded', [tmp_path / 'main.c'], combined.link())[0]
    places = [(a, b) for a, b in frames.common_places(built, melded, 3000)]
    for tool in ('llvm', 'gnu', 'elfutils'):
        wrong, known = frames.differences(tool, built, melded, places)
        assert not wrong and known > 50, (tool, known, wrong[:3])
    if debug == 'full':
        is_well_formed(melded)
        shown = [gdb_at(program, 'shapes::Box::size', 'ptype *this', 'info args', 'up', 'info locals') for program in (built, melded)]
        assert shown[0] == shown[1] and 'int a;' in shown[1], shown
        shown = [gdb_at(program, 'c_deep', 'print *n', 'whatis n', 'print c_calls') for program in (built, melded)]
        assert shown[0] == shown[1] and '= 41' in shown[1], shown
    else:
        shown = [re.findall(r'^#\d+ +(?:0x\w+ in )?(\S+) \(', gdb_at(program, 'shapes::Box::size', 'bt'), re.M)
                 for program in (built, melded)]
        assert shown[0] == shown[1] and shown[1][0].startswith('shapes::Box::size'), shown


# A lambda that stays a function of its own, in a function that more is inlined into after it; constructors of two names.
NESTED = '''
#include <cstdlib>
struct Base { int kept; Base(int n); virtual ~Base(); };
Base::Base(int n) : kept(n) { if (n == 41) abort(); }
Base::~Base() { kept = 0; }
struct Middle : virtual Base { int more; Middle(int n); ~Middle(); };
Middle::Middle(int n) : Base(n + 2) { more = n * 5; if (n == 43) abort(); }
Middle::~Middle() { more = kept; }
struct Last : Middle { Last(int n) : Base(n), Middle(n) { more += 7; } };
template <class F> static int each(F f, int n) { int sum = 0; for (int at = 0; at != n; at++) sum += f(at); return sum; }
extern "C" int nested_entry(int n) {
  struct Inner { int held; __attribute__((noinline)) int of(int m) { return held * m + (m > 90 ? rand() : 4); } };
  auto f = [&](int at) __attribute__((noinline)) { Inner inner{at}; return inner.of(n) + n * at; };
  int sum = f(6);
  sum += each(f, n);
  Last last(n);
  Middle middle(n);
  return sum + last.more + middle.kept;
}
'''


@pytest.mark.parametrize('debug', ['lines', 'full'])
@pytest.mark.parametrize('compiler, flags', [
    ('g++', '-gdwarf-4'), ('g++', '-gdwarf-5'), ('clang++', '-gdwarf-5'),
    ('g++', '-gdwarf-5 -fdebug-types-section'), ('clang++', '-gdwarf-5 -fdebug-types-section'), ('g++', '-gdwarf-4 -fdebug-types-section'),
    ('clang++', '-g -gz=zstd'), ('clang++', '-g -gz=zlib'), ('g++', '-g -gz=zlib-gnu'), ('g++', '-g -gz=zlib')])
def test_what_compilers_make(engine, compiler, flags, debug, tmp_path):
    """Functions within functions, type units, sections compressed in every way."""
    (tmp_path / 'nested.cpp').write_text(NESTED)
    (tmp_path / 'main.c').write_text('int nested_entry(int);\nint main(int n, char **a) { return nested_entry(n) == 0; }\n')
    driver = versioned(compiler) if compiler == 'clang++' else compiler
    run([driver, '-O2', *flags.split(), '-c', 'nested.cpp'], cwd=tmp_path)
    run(['ar', 'rcs', tmp_path / 'libnested.a', tmp_path / 'nested.o'])
    combined = combine(engine, 'meld', [tmp_path / 'libnested.a'], tmp_path / 'lib', exports=['nested_entry'],
                       # That there is some is found out: the default is lines.
                       arguments=['--debug', 'full'] if debug == 'full' else [])
    assert 'warnings' not in combined.response
    cxx = ['-lstdc++']
    built = link.program(tmp_path / 'built', [tmp_path / 'main.c'], [tmp_path / 'libnested.a'], flags=cxx)[0]
    melded = link.program(tmp_path / 'melded', [tmp_path / 'main.c'], combined.link(), flags=cxx)[0]
    places = frames.common_places(built, melded, 3000)
    # GNU's knows no ranges of clang's (DW_FORM_rnglistx), loses its way among type units, and knows all of ours.
    gnu = compiler == 'g++' and 'types' not in flags
    for tool in ('llvm', 'gnu') if gnu else ('llvm',):
        wrong, known = frames.differences(tool, built, melded, places)
        assert not wrong and known > 100, (tool, known, wrong[:3])
    shown = [re.findall(r'^#\d+ +(?:0x\w+ in )?(.*?) \(', gdb_at(program, 'Last::Last', 'bt'), re.M) for program in (built, melded)]
    assert shown[0] == shown[1] and len(shown[1]) > 2, shown
    if debug == 'full' and compiler == 'clang++':
        # On g++'s, as built too, llvm-dwarfdump does not come to an end: functions within functions.
        is_well_formed(melded)


MAP = '''
#include <map>
#include <string>
extern "C" int map_entry(int n) {
  std::map<int, std::string> names{{1, "one"}, {2, "two"}};
  return names.size() + n;
}
'''


def test_printers(engine, tmp_path):
    """gdb's printers of the C++ library look types up by name, which nothing refers to."""
    (tmp_path / 'map.cpp').write_text(MAP)
    (tmp_path / 'main.c').write_text('int map_entry(int);\nint main(int n, char **a) { return map_entry(n) == 0; }\n')
    run(['g++', '-g', '-O0', '-c', 'map.cpp'], cwd=tmp_path)
    run(['ar', 'rcs', tmp_path / 'libmap.a', tmp_path / 'map.o'])
    combined = combine(engine, 'meld', [tmp_path / 'libmap.a'], tmp_path / 'lib', exports=['map_entry'], arguments=['--debug', 'full'])
    shown = []
    for name, libraries in (('built', [tmp_path / 'libmap.a']), ('melded', combined.link())):
        program = link.program(tmp_path / name, [tmp_path / 'main.c'], libraries, flags=['-lstdc++'])[0]
        # Not -nx: the system's file brings the printers.
        line = source_line(tmp_path / 'map.cpp', 'names.size()')
        said = run(['gdb', '-q', '-batch', '-ex', f'break map.cpp:{line}', '-ex', 'run', '-ex', 'print names', program], status=None)
        shown.append([text for text in said.splitlines() if text.startswith(('$1', 'Python'))])
    assert shown[0] == shown[1] and '[1] = "one"' in shown[1][0], shown


def gdb_at(program, function, *commands):
    """What gdb says there."""
    said = run(['gdb', '-q', '-batch', '-nx', '-ex', f'break {function}', '-ex', 'run', '-ex', 'echo at it\\n',
                *(a for command in commands for a in ('-ex', command)), program], status=None)
    return re.sub('0x[0-9a-f]+', 'ADDRESS', said.split('at it\n')[-1])


def alloc_contents(path, folder):
    """Headers and contents of what gets into a program, member by member; the marker says of which run it is."""
    folder.mkdir()
    copy = shutil.copy(path, folder / 'copy.a')
    *_, marker = run(['ar', 't', copy]).splitlines()
    run(['ar', 'd', copy, marker])
    run(['strip', '-g', copy])
    return run(['objdump', '-s', '-r', copy])


@pytest.mark.parametrize('strategy', ATOMIC)
def test_code_is_the_same(engine, strategy, tmp_path):
    """Debug information takes no part in what is one: all else is equal."""
    made = {}
    for debug in ('strip', 'lines', 'full'):
        combined = combine(engine, strategy, debug_libraries(**FULL).values(), tmp_path / debug / 'lib', exports=EXPORTS,
                           arguments=['--debug', debug])
        made[debug] = [alloc_contents(path, tmp_path / debug / path.stem).replace(f'/{debug}/', '/')
                       for path in combined.libraries()]
    assert made['strip'] == made['lines'] == made['full']


def test_compression(engine, tmp_path):
    sizes = {}
    for how in ('zlib', 'none'):
        combined = combine(engine, 'meld', debug_libraries().values(), tmp_path / how, exports=EXPORTS,
                           arguments=['--debug-compress', how])
        sizes[how] = combined.response['totals']['debug_bytes']
        for linker in link.LINKERS:
            link.check(link.program(tmp_path / f'{how}-{linker}', [SMALL], combined.link(), linker=linker))
        headers = run(['readelf', '-SW', combined.workspace])
        assert bool(re.search(r'\.debug_info .* C ', headers)) == (how == 'zlib'), headers
    assert sizes['zlib'] * 2 < sizes['none'], sizes


def test_paths(engine, tmp_path):
    """A prefix replaced is nowhere any more, and what two folders give is equal then."""
    libraries = debug_libraries().values()
    made = []
    for folder in ('one', 'two'):
        combined = combine(engine, 'meld', libraries, tmp_path / folder, exports=EXPORTS,
                           arguments=['--debug-compress', 'none', '--remap-path-prefix', f'{TESTS}=/sources'])
        made.append([path.read_bytes() for path in combined.libraries()])
    assert made[0] == made[1]
    everything = b''.join(made[0])
    assert b'/sources/debug/left' in everything and str(TESTS).encode() not in everything
