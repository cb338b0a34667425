"""Windows: melded and prelinked libraries link as they are, without /FORCE and without collecting
sections, and run in wine; a program asks for what its own plugins need, and no more."""

import re

import pytest

from harness import fixtures, link, windows
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import ATOMIC, combine
from harness.fixtures import PLUGINS, defines, exports, subsets
from harness.hard_cases import CASES, WINDOWS_CASES, host, make
from harness.run import Failed, run

pytestmark = [pytest.mark.needs('cross'), pytest.mark.needs('windows')]

HOSTS = TESTS / 'workspace' / 'host'
HOST = HOSTS / 'main.c'
LINK = {'msvc': windows.msvc, 'mingw': windows.mingw}
# What exceptions of C++ need.
CXX = {'msvc': [], 'mingw': ['-static', '-lstdc++']}
# `cxx` needs a C++ library, `lto` has thin LTO as well.
HARD = [*(case for case in CASES if case.name not in ('cxx', 'lto')), *WINDOWS_CASES]
IMPORT = re.compile(r'^__imp_|^__IMPORT_|^__NULL_IMPORT_|_NULL_THUNK_DATA$|^_head_|_iname$')
CROSSING = re.compile(r'.+\.[0-9a-f]{10}\.[0-9]+')


@pytest.fixture(scope='module')
def combined(request, engine, tmp_path_factory):
    name, strategy = request.param
    libraries = fixtures.workspace(TARGETS[name])
    patterns = [p for library in PLUGINS for p in exports(library)]
    out = tmp_path_factory.mktemp('-'.join(request.param))
    return name, combine(engine, strategy, [libraries[p] for p in PLUGINS], out / 'lib', exports=patterns,
                         arguments=['--symbols', 'exports'] if strategy in ATOMIC else [])


def over(*pairs):
    return pytest.mark.parametrize('combined', pairs, indirect=True, scope='module', ids='-'.join)


EVERY = over(*((name, strategy) for name in LINK for strategy in ATOMIC))
MELDED = over(*((name, 'meld') for name in LINK))


def build(combined, plugins, out, **how):
    name, result = combined
    return LINK[name](out, [HOST], result.link(plugins), defines=defines(plugins, result.strategy), **how)


@MELDED
@pytest.mark.parametrize('plugins', subsets(PLUGINS), ids='+'.join)
def test_subset(combined, plugins, tmp_path):
    how = {'collect': False} if combined[0] == 'msvc' else {}
    link.check(build(combined, plugins, tmp_path / 'program', **how), timeout=300)


@EVERY
@pytest.mark.parametrize('collect', [False, True])
def test_full_set(combined, collect, tmp_path):
    flags = {'msvc': ['/opt:icf'], 'mingw': ['-Wl,--gc-sections']}[combined[0]] if collect else []
    how = {'collect': collect} if combined[0] == 'msvc' else {}
    link.check(build(combined, PLUGINS, tmp_path / 'program', flags=flags, **how), timeout=300)


@EVERY
def test_nothing_else_is_external(combined):
    """What programs may bind to: exports, and between our own objects names that no other set has."""
    _, result = combined
    expected = {name for p in result.response['plugins'] for name in p['exports']}
    found = set()
    for library in result.libraries():
        for names in definitions(library).values():
            # Imports of DLLs are as the compiler made them: a pointer, and a function beside it.
            imports = {n for n in names if IMPORT.search(n) or f'__imp_{n}' in names}
            found |= {n for n in names - imports if not CROSSING.fullmatch(n)}
    assert expected <= found
    assert found - expected <= {'memcpy', 'memmove', 'memset', 'memcmp', 'bcmp', 'strlen', '___chkstk_ms', '__chkstk'}


def definitions(library):
    """External definitions of each member."""
    out = run([link.versioned('llvm-nm'), '--extern-only', '--defined-only', '--format=posix', library])
    members, own = {}, set()
    for number, line in enumerate(out.splitlines()):
        if line.endswith(':'):
            own = members.setdefault((number, line), set())
        elif line:
            own.add(line.split()[0])
    return members


@over(('msvc', 'meld'), ('mingw', 'meld'))
def test_imports_are_the_plugins_own(combined, tmp_path):
    """A program with the plugin that uses nothing imports what its own start-up code does, and one with
    threads waits by the system's means."""
    def imports(plugins):
        program = build(combined, plugins, tmp_path / '+'.join(plugins))[-1]
        out = run([link.versioned('llvm-readobj'), '--coff-imports', program])
        return set(re.findall(r'Symbol: (\w+)', out)), set(re.findall(r'Name: (\S+)', out))

    idle, idle_dlls = imports(['gstidle'])
    worker, worker_dlls = imports(['gstworker'])
    assert idle_dlls < worker_dlls and 'api-ms-win-core-synch-l1-2-0.dll' not in idle_dlls
    assert 'WaitOnAddress' in worker and not idle & {'WaitOnAddress', 'CreateThread', 'GetConsoleMode'}


def test_whole_members_ask_for_dead_code(engine, tmp_path):
    """One plugin, with the libraries that its live code needs: only the melded one links."""
    libraries = fixtures.workspace(TARGETS['msvc'])
    how = {'system': ['kernel32', 'ntdll'], 'defines': ['-DWITH_WORKER'], 'collect': False}
    for strategy in ('meld', 'dedup'):
        result = combine(engine, strategy, [libraries[p] for p in PLUGINS], tmp_path / strategy,
                         exports=[p for library in PLUGINS for p in exports(library)])
        inputs = result.libraries(['gstworker'])
        if strategy == 'meld':
            link.check(windows.msvc(tmp_path / 'melded', [HOST], inputs, **how), timeout=300)
        else:
            with pytest.raises(Failed) as failed:
                windows.msvc(tmp_path / 'whole', [HOST], inputs, **how)
            assert 'undefined symbol' in failed.value.output


@pytest.mark.parametrize('name', LINK)
def test_library_exports_what_is_asked(name, engine, tmp_path):
    """A DLL of melded plugins exports what its definition file names."""
    libraries = fixtures.workspace(TARGETS[name])
    result = combine(engine, 'meld', [libraries[p] for p in PLUGINS], tmp_path / 'lib',
                     exports=[p for library in PLUGINS for p in exports(library)])
    wanted = sorted(e for p in result.response['plugins'] for e in p['exports'])
    out = tmp_path / 'plugins.dll'
    definition = tmp_path / 'plugins.def'
    definition.write_text('EXPORTS\n' + ''.join(f'  {e}\n' for e in wanted))
    if name == 'msvc':
        main = windows.compile(tmp_path / 'main.obj', 'int main(void) { return 0; }')
        run([link.versioned('lld-link'), '/dll', '/noentry', main, '/nodefaultlib', '/include:_tls_used', f'/def:{definition}',
             f'/out:{out}', *result.link(), *windows.crt(), *windows.system()])
        unasked = []
    else:
        run(['x86_64-w64-mingw32-gcc', '-shared', '-o', out, definition, *result.link(), *windows.native()])
        # Without a list, GNU ld exports every global: ours are hidden from that.
        free = tmp_path / 'free.dll'
        run(['x86_64-w64-mingw32-gcc', '-shared', '-o', free, '-Wl,--whole-archive', *result.link(),
             '-Wl,--no-whole-archive', *windows.native()])
        unasked = [e for e in exported(free) if CROSSING.fullmatch(e)]
    assert sorted(exported(out)) == wanted
    assert not unasked


def exported(dll):
    out = run([link.versioned('llvm-readobj'), '--coff-exports', dll])
    return re.findall(r'^\s*Name: (\S+)$', out, re.MULTILINE)


@pytest.mark.parametrize('name', LINK)
def test_two_sets(name, engine, tmp_path):
    """Two sets melded apart link into one program, each with its own copy of what they share."""
    built = fixtures.workspace(TARGETS[name])
    libraries = []
    for number, plugins in enumerate((PLUGINS[:3], PLUGINS[3:])):
        combined = combine(engine, 'meld', [built[p] for p in plugins], tmp_path / str(number),
                           exports=[p for plugin in plugins for p in exports(plugin)],
                           workspace_library=f'half{number}')
        libraries += combined.link()
    link.check(LINK[name](tmp_path / 'program', [HOSTS / 'two_sets.c'], libraries), timeout=300)


@pytest.mark.parametrize('name', LINK)
@pytest.mark.parametrize('strategy', ATOMIC)
def test_hard_cases(name, strategy, engine, tmp_path):
    libraries = fixtures.hard(TARGETS[name])
    for number, case in enumerate(HARD):
        if strategy not in case.strategies:
            continue
        combined = make(case, strategy, engine, libraries, tmp_path / str(number))
        source, macros = host(case, strategy)
        # MinGW's C emulates thread locals; names of MSVC's programs are in files of their own.
        macros = [*macros, '-DEMULATED' if name == 'mingw' else '-DNO_NAMES']
        command = LINK[name](tmp_path / f'{number}-program', [source], combined.link(case.linked), defines=macros,
                             flags=CXX[name])
        link.check(command, timeout=300)


@pytest.mark.parametrize('name', LINK)
def test_rust_program(name, engine, tmp_path):
    """A Rust program has a std of its own beside the melded one."""
    libraries = fixtures.hard(TARGETS[name])
    case = next(case for case in HARD if case.name == 'unwind')
    combined = make(case, 'meld', engine, libraries, tmp_path / 'lib')
    empty = tmp_path / 'empty.c'
    empty.write_text('typedef int nothing;\n')
    flags = [libraries['hard_windows_program']]
    link.check(LINK[name](tmp_path / 'program', [empty], [*flags, *combined.link()]), timeout=300)


@pytest.mark.parametrize('name', LINK)
def test_each_dll_is_imported_once_reached(name, engine, tmp_path):
    """Two plugins import one function of a DLL, one of them something of another DLL as well."""
    libraries = fixtures.hard(TARGETS[name])
    both = WINDOWS_CASES[0]
    combined = make(both, 'meld', engine, libraries, tmp_path / 'lib')
    source, _ = host(both, 'meld')
    right = LINK[name](tmp_path / 'right', [source], combined.link(['hard_windows_right']), defines=['-DONLY_RIGHT'],
                       flags=CXX[name])
    left = LINK[name](tmp_path / 'both', [source], combined.link(), flags=CXX[name])
    for program, expected in ((right[-1], False), (left[-1], True)):
        imports = run([link.versioned('llvm-readobj'), '--coff-imports', program]).lower()
        assert ('version.dll' in imports) == expected


@pytest.mark.parametrize('name', LINK)
def test_sizes(name, engine, tmp_path):
    """Melded: at most a sixth of the deduplicated libraries, and near the program with all of them."""
    libraries = fixtures.workspace(TARGETS[name])
    total = {}
    for strategy in ('dedup', 'meld'):
        result = combine(engine, strategy, [libraries[p] for p in PLUGINS], tmp_path / strategy,
                         exports=[p for library in PLUGINS for p in exports(library)],
                         arguments=['--symbols', 'exports', '--debug', 'strip'] if strategy == 'meld' else [])
        total[strategy] = sum(path.stat().st_size for path in result.libraries())
    program = LINK[name](tmp_path / 'program', [HOST], result.link(), defines=defines(PLUGINS, 'meld'))[-1]
    run([link.versioned('llvm-strip'), program])
    assert total['meld'] * 6 <= total['dedup'], total
    assert total['meld'] <= 1.6 * program.stat().st_size, (total, program.stat().st_size)


# Calls and tables through pages, and a thread-local variable.
ARM64 = {
    'a': '''
extern int scaled(int);
static int table[4] = {1, 2, 3, 4};
static const char *names[] = {"one", "two", "three"};
__declspec(thread) int own = 4;
static __attribute__((noinline)) int inner(int x) { return table[x & 3] + scaled(x) + own; }
int arm_plugin_register(int x) { table[x & 3]++; return inner(x) + names[x % 3][0]; }
int dead(void) { return scaled(5) + 1; }
''',
    'b': '''
extern int outside(void);
int scaled(int x) { return x * outside(); }
double arm_plugin_value(double x) { return x * 3.25 + 1.5; }
''',
    'host': '''
int arm_plugin_register(int);
double arm_plugin_value(double);
unsigned _tls_index;
int _fltused;
int outside(void) { return 7; }
__declspec(dllexport) int entry(int x) { return arm_plugin_register(x) + (int)arm_plugin_value(x); }
''',
}


def test_arm64(engine, tmp_path):
    """ARM64 is linked here and looked at: as much code, data and unwinding as the linker's own
    collection leaves."""
    objects = {}
    for name, text in ARM64.items():
        (tmp_path / f'{name}.c').write_text(text)
        objects[name] = tmp_path / f'{name}.obj'
        run([link.versioned('clang'), '--target=aarch64-pc-windows-msvc', '-O1', '-ffunction-sections',
             '-fdata-sections', '-c', tmp_path / f'{name}.c', '-o', objects[name]])
    library = tmp_path / 'armplugin.lib'
    run([link.versioned('llvm-lib'), f'/out:{library}', objects['a'], objects['b']])
    melded = combine(engine, 'meld', [library], tmp_path / 'lib', exports=['arm_plugin_*'])

    def linked(out, option, libraries):
        run([link.versioned('lld-link'), '/dll', '/noentry', '/nodefaultlib', '/machine:arm64', option,
             objects['host'], *libraries, f'/out:{out}'])
        said = run([link.versioned('llvm-readobj'), '--sections', '--unwind', out])
        sizes = dict(re.findall(r'Name: (\.\w+) [^}]*?VirtualSize: (0x[0-9A-F]+)', said))
        return said.count('RuntimeFunction {'), sizes['.text'], exported(out)

    assert linked(tmp_path / 'melded.dll', '/opt:noref', melded.libraries()) == linked(
        tmp_path / 'whole.dll', '/opt:ref', [library])


WEAK = '''
extern int maybe(void) __attribute__((weak));
__attribute__((weak)) int often(void) { return 10; }
int weak_plugin_register(void) { return (maybe ? maybe() : 5) + often(); }
'''
WEAK_HOST = '''
#include <stdio.h>
int weak_plugin_register(void);
#ifdef MAYBE
int maybe(void) { return 7; }
#endif
int main(void) {
    printf("%d\\n", weak_plugin_register());
    return 0;
}
'''


@pytest.mark.parametrize('name', LINK)
def test_weak_references(name, engine, tmp_path):
    """A weak reference binds to what the program has, and to nothing where it has nothing."""
    (tmp_path / 'weak.c').write_text(WEAK)
    (tmp_path / 'host.c').write_text(WEAK_HOST)
    triple = {'msvc': 'x86_64-pc-windows-msvc', 'mingw': 'x86_64-pc-windows-gnu'}[name]
    run([link.versioned('clang'), f'--target={triple}', '-O1', '-ffunction-sections', '-c', tmp_path / 'weak.c',
         '-o', tmp_path / 'weak.o'])
    library = tmp_path / 'libweakplugin.a'
    run([link.versioned('llvm-ar'), 'rcs', library, tmp_path / 'weak.o'])
    for strategy in ATOMIC:
        combined = combine(engine, strategy, [library], tmp_path / strategy, exports=['weak_plugin_*'])
        for macros, expected in (([], '15'), (['-DMAYBE'], '17')):
            program = LINK[name](tmp_path / f'{strategy}{expected}', [tmp_path / 'host.c'], combined.libraries(),
                                 defines=macros)
            assert run(program, timeout=300).split() == [expected]
