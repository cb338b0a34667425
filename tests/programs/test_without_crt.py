"""Programs without a C runtime: Windows programs that have kernel32 and nothing else, and static Linux
programs of both C libraries. `inspect` says who provides what is missing."""

import json

import pytest

from harness import fixtures, link, windows
from harness.cargo import TESTS
from harness.cross import ELF
from harness.engine import STRATEGIES, combine
from harness.fixtures import PLUGINS, defines, exports
from harness.run import Failed, run

NOCRT = TESTS / 'nocrt' / 'host'
PROGRAM, MEMORY, COMPILER = NOCRT / 'program.c', NOCRT / 'memory.c', NOCRT / 'compiler.c'
HOST = TESTS / 'workspace' / 'host' / 'main.c'
BARE = ['nocrt_tally', 'nocrt_words']
windows_tools = pytest.mark.needs('windows')
cross_tools = pytest.mark.needs('cross')


def inspect(engine, *arguments):
    """Who provides what libraries together lack, by symbol."""
    response = json.loads(run([engine, 'inspect', '--json', *arguments]))
    assert response['ok'], response
    return {external['symbol']: external['provider'] for external in response['inspection']['externals']
            if external['provider']['kind'] != 'given-library' and not external['weak']}


def with_macros(names):
    return ['-DWITH_' + name.removeprefix('nocrt_').upper() for name in names]


def bare(engine, folder, features='', strategy='dedup'):
    libraries = fixtures.nocrt(features)
    return combine(engine, strategy, [libraries[name] for name in BARE], folder / 'lib', exports=['nocrt_*'],
                   workspace_library='nocrtshared')


# Who provides what the plugins of tests/nocrt lack: the kind, and a part of the name.
PROVIDERS = {
    'HeapAlloc': ('system-dll', 'kernel32'), 'HeapFree': ('system-dll', 'kernel32'),
    'GetProcessHeap': ('system-dll', 'kernel32'), 'ExitProcess': ('system-dll', 'kernel32'),
    '_fltused': ('c-runtime', 'msvcrt.lib'), '__chkstk': ('c-runtime', 'msvcrt.lib'),
    'memcpy': ('c-runtime', 'vcruntime'), 'memmove': ('c-runtime', 'vcruntime'),
    'memset': ('c-runtime', 'vcruntime'), 'memcmp': ('c-runtime', 'vcruntime'), 'strlen': ('libc', 'ucrt'),
}
MEMORY_FUNCTIONS = {'memcpy', 'memmove', 'memset', 'memcmp', 'strlen'}


@windows_tools
@cross_tools
def test_inspect_names_providers(engine, tmp_path):
    """Every missing symbol has one, and what it names is what linkers miss."""
    combined = bare(engine, tmp_path)
    found = inspect(engine, *combined.libraries())
    assert {symbol: provider['kind'] for symbol, provider in found.items() if symbol in PROVIDERS} == {
        symbol: kind for symbol, (kind, _) in PROVIDERS.items()}
    for symbol, (_, name) in PROVIDERS.items():
        assert name in found[symbol]['name'] and found[symbol]['why'], found[symbol]
    assert not [symbol for symbol, provider in found.items() if provider['kind'] == 'unknown']
    with pytest.raises(Failed) as failure:
        windows.bare(tmp_path / 'program', [PROGRAM], combined.link(), defines=with_macros(BARE))
    missed = {line.split()[-1] for line in failure.value.output.splitlines() if 'undefined symbol' in line}
    assert missed and missed <= found.keys() - {s for s, (kind, _) in PROVIDERS.items() if kind == 'system-dll'}


@windows_tools
@cross_tools
@pytest.mark.parametrize('strategy', ['dedup', 'meld'])
@pytest.mark.parametrize('way', ['crt', 'builtins', 'provided'])
@pytest.mark.parametrize('plugins', [BARE, *([name] for name in BARE)], ids='+'.join)
def test_bare_windows_program(engine, way, plugins, strategy, tmp_path):
    """The three ways of docs/without-a-c-runtime.md."""
    combined = bare(engine, tmp_path, 'compiler-builtins-mem' if way == 'builtins' else '', strategy)
    missing = inspect(engine, *combined.libraries()).keys() & MEMORY_FUNCTIONS
    if way == 'builtins':
        assert not missing
    else:
        # What only dead code calls is missing from whole members alone.
        assert missing == MEMORY_FUNCTIONS if strategy == 'dedup' else missing <= MEMORY_FUNCTIONS
    out, libraries, macros = tmp_path / 'program', combined.link(plugins), with_macros(plugins)
    if way == 'crt':
        program = windows.msvc(out, [PROGRAM], libraries, defines=[*macros, '-DENTRY=main'])
    else:
        sources = [COMPILER] if way == 'builtins' else [COMPILER, MEMORY]
        program = windows.bare(out, [PROGRAM, *sources], libraries, defines=macros)
    link.check(program, timeout=300)
    imported = run([link.versioned('llvm-readobj'), '--coff-imports', tmp_path / 'program.exe'])
    dlls = {line.split()[-1].lower() for line in imported.splitlines() if line.strip().startswith('Name:')}
    assert 'kernel32.dll' in dlls
    assert dlls <= {'kernel32.dll', 'vcruntime140.dll', 'ucrtbase.dll'} if way == 'crt' else dlls == {'kernel32.dll'}


@windows_tools
@cross_tools
def test_panic_ends_program(engine, tmp_path):
    combined = bare(engine, tmp_path)
    program = windows.bare(tmp_path / 'program', [PROGRAM, COMPILER, MEMORY], combined.link(),
                           defines=[*with_macros(BARE), '-DPANIC'])
    run(program, status=101, timeout=300)


def static_program(name, libraries, strategy, out):
    if name == 'glibc':
        return link.program(out, [HOST], libraries, mode='static', defines=defines(PLUGINS, strategy))
    return ELF['musl'].program(out, [HOST], libraries, defines=defines(PLUGINS, strategy))


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('name', ['glibc', pytest.param('musl', marks=cross_tools)])
def test_static_linux_program(name, strategy, engine, tmp_path):
    """Nothing is loaded at run time: `ldd` says so, and there is no loader in the file."""
    libraries = fixtures.workspace(ELF['musl'] if name == 'musl' else None)
    combined = combine(engine, strategy, [libraries[p] for p in PLUGINS], tmp_path / 'lib',
                       exports=[p for library in PLUGINS for p in exports(library)])
    program = static_program(name, combined.link(), strategy, tmp_path / 'program')
    link.check(program)
    assert 'not a dynamic executable' in run(['sh', '-c', 'ldd "$0" 2>&1 || true', tmp_path / 'program'])
    assert 'INTERP' not in run(['readelf', '-lW', tmp_path / 'program'])


# As C that was compiled against glibc asks for it: through -fsignaling-nans, <math.h> calls __isinf, and
# until glibc 2.26 <string.h> turned strchr(text, 0) into __rawmemchr.
OF_GLIBC = '''
#include <math.h>
#include <stddef.h>
extern void *__rawmemchr(const void *text, int byte);
int old_infinite(double number) { return isinf(number); }
size_t old_length(const char *text) { return (const char *)__rawmemchr(text, 0) - text; }
'''


@cross_tools
@pytest.mark.parametrize('strategy', STRATEGIES)
def test_other_libc_is_reported(strategy, engine, tmp_path):
    """A C library that was compiled against glibc, beside plugins for musl."""
    source = tmp_path / 'old.c'
    source.write_text(OF_GLIBC)
    run(['gcc', '-O1', '-fsignaling-nans', '-c', source, '-o', tmp_path / 'old.o'])
    run(['ar', 'rcs', tmp_path / 'libold.a', tmp_path / 'old.o'])
    libraries = fixtures.workspace(ELF['musl'])
    combined = combine(engine, strategy, [libraries['gstidle'], libraries['gstnative']], tmp_path / 'lib',
                       exports=exports('gstidle') + exports('gstnative'))
    given = combined.libraries()
    clean = inspect(engine, '--target', 'x86_64-unknown-linux-musl', *given)
    assert not [symbol for symbol, provider in clean.items() if provider['kind'] == 'foreign']
    found = inspect(engine, '--target', 'x86_64-unknown-linux-musl', tmp_path / 'libold.a', *given)
    for symbol in ('__isinf', '__rawmemchr'):
        assert found[symbol]['kind'] == 'foreign' and 'glibc' in found[symbol]['name'], found[symbol]
    # At home they are nothing special.
    at_home = inspect(engine, '--target', 'x86_64-unknown-linux-gnu', tmp_path / 'libold.a')
    assert {at_home[symbol]['kind'] for symbol in ('__isinf', '__rawmemchr')} == {'libc'}
