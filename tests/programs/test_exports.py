"""Exports that are found where nobody names them: those that rustc gives a shared library, and what C and C++
libraries show; programs that link the result."""

import json
import os
import shutil
import subprocess

import pytest

from harness import cache, link
from harness.cargo import TESTS
from harness.run import run

HERE = TESTS / 'exports'
HOST = HERE / 'host'

# Of tests/exports, by whose they are. C objects are no part of what rustc exports.
OWN = {'own_call', 'own_private', 'own.dotted$name', 'own_rust_abi', 'OWN_DATA', 'OWN_MUTABLE',
       '_Reset', '_Zap', '__wasi', '__gnu_own', '__rustls_init', 'anon.own'}
OWN_NATIVE = {'own_native', 'own_native_unused'}
OTHERS = {'dep_call', 'dep_private', 'DEP_DATA', 'deep_call', 'deep_inside'}


def built(profile):
    """The folder with the static and the shared libraries of a profile."""
    rustc = run(['rustc', '-vV'])

    def make(folder):
        target = cache.folder('cargo', 'exports')
        run(['cargo', 'build', '--locked', '--profile', profile, '--manifest-path', HERE / 'Cargo.toml',
             '--target-dir', target], timeout=900)
        for name in ('own', 'facade'):
            for file in (f'libexports_{name}.a', f'libexports_{name}.so'):
                shutil.copy(target / profile / file, folder)

    return cache.result('exports', profile, cache.digest(HERE, rustc, profile), make)


def exports(engine, *arguments, status=0):
    """What `--print exports` says, as a list."""
    return run([engine, 'meld', '--print', 'exports', '-q', *arguments], status=status).split()


def failure(engine, *arguments):
    """The errors of a command that fails."""
    response = json.loads(run([engine, *arguments, '--json'], status=1))
    assert not response['ok']
    return response['errors']


@pytest.mark.parametrize('profile', ['release', 'thin', 'fat'])
def test_what_rustc_exports(profile, engine):
    """From a workspace the exports are those of the shared library that rustc makes of the same crate, and the
    C objects of its own build script where the archive tells whose objects are whose."""
    folder = built(profile)
    shown = link.dynamic_symbols(folder / 'libexports_own.so')
    assert shown == OWN | OTHERS
    found = exports(engine, '--manifest-path', HERE / 'Cargo.toml', '--package', 'exports-own', '--profile', profile,
                    '--locked', '--target-dir', cache.folder('cargo', 'exports'))
    natives = OWN_NATIVE if profile == 'release' else set()
    assert set(found) == shown | natives
    assert found == sorted(found)


@pytest.mark.parametrize('profile', ['release', 'thin', 'fat'])
def test_a_library_alone(profile, engine, tmp_path):
    """Of a library given as a file, its own crate's count; what looks like API beside them is said."""
    library = built(profile) / 'libexports_own.a'
    # The name of the file says nothing.
    renamed = shutil.copy(library, tmp_path / 'libexports_dep.a')
    expected = {'release': OWN | OWN_NATIVE, 'thin': OWN, 'fat': OWN | OTHERS}[profile]
    assert set(exports(engine, renamed)) == expected
    request = {'protocol': 1, 'operation': 'exports', 'source': {'libraries': [{'path': str(library)}]}}
    response = json.loads(run([engine, 'request'], stdin=json.dumps(request)))
    plugin, = response['plugins']
    assert set(plugin['exports']) == expected
    assert plugin['exports_found'] == {'by': 'api', 'crates': ['exports_own']}
    warning, = response['warnings']
    assert warning['code'] == 'exports-left-out'
    left = {'release': '5 more look like API', 'thin': '7 more look like API', 'fat': 'dep_native_unused, own_native_unused'}
    assert left[profile] in warning['message']
    whole = {'release': {'dep_native', 'dep_native_unused'}}.get(profile, set())
    wanted = expected | {'dep_call', 'dep_private', 'DEP_DATA'} | whole
    if profile != 'fat':
        assert set(exports(engine, library, '--exports-of', 'exports-dep')) == wanted


def test_a_facade_is_asked_about(engine):
    """A crate that only shows another's API: the message says whose."""
    library = built('release') / 'libexports_facade.a'
    error, = failure(engine, 'meld', '--out', 'nowhere', library)
    assert error['code'] == 'exports-not-found'
    assert '`exports_dep` (5: DEP_DATA, dep_call, dep_native, …), `exports_deep` (2: ' in error['message']
    assert '--exports-of exports_dep' in error['hint']
    found = exports(engine, library, '--exports-of', 'exports_dep,exports_deep')
    assert set(found) == OTHERS | {'dep_native', 'dep_native_unused'}
    # From its workspace it is known.
    assert set(exports(engine, '--manifest-path', HERE / 'Cargo.toml', '--package', 'exports-facade', '--locked',
                       '--target-dir', cache.folder('cargo', 'exports'))) == OTHERS


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_program(strategy, engine, tmp_path):
    """No word but the libraries: a program of C calls what was found."""
    folder = built('release')
    out = run([engine, strategy, '--out', tmp_path / 'out', folder / 'libexports_own.a'])
    assert 'exports_own: 14 exports: C API of crate exports_own\n' in out
    libraries = sorted((tmp_path / 'out').glob('*.a'))
    for linker in link.LINKERS:
        link.check(link.program(tmp_path / linker, [HOST / 'program.c'], libraries, linker=linker))
    # All of the crates, and both libraries, which share the most.
    out = run([engine, strategy, '--out', tmp_path / 'whole', '--exports-of', 'exports_dep,exports_deep',
               '--', folder / 'libexports_own.a', folder / 'libexports_facade.a'])
    libraries = [tmp_path / 'whole' / f'libexports_{name}.a' for name in ('own', 'facade')]
    libraries += sorted(set((tmp_path / 'whole').glob('*.a')) - set(libraries))
    for linker in link.LINKERS:
        link.check(link.program(tmp_path / linker, [HOST / 'program.c'], libraries, linker=linker, defines=['-DWHOLE']))


@pytest.mark.parametrize('first', [True, False])
def test_c_and_rust_in_one_archive(first, engine, tmp_path):
    """C objects that somebody put before or behind rustc's are API, as in any library of C."""
    (tmp_path / 'api.c').write_text('int own_call(int);\nint api_run(int a) { return own_call(a); }\n'
                                    'int api_version(void) { return 3; }\n')
    (tmp_path / 'main.c').write_text('#include <stdio.h>\nint api_run(int), api_version(void);\n'
                                     'int main(void) { if (api_version() == 3 && api_run(4)) puts("all right"); }\n')
    run(['gcc', '-c', tmp_path / 'api.c', '-o', tmp_path / 'api.o'])
    parts = [tmp_path / 'api.o', built('release') / 'libexports_own.a']
    library = tmp_path / 'libboth.a'
    run([link.versioned('llvm-ar'), 'qcsL', library, *(parts if first else reversed(parts))])
    assert set(exports(engine, library)) == OWN | OWN_NATIVE | {'api_run', 'api_version'}
    run([engine, 'meld', '--out', tmp_path / 'out', library])
    libraries = [tmp_path / 'out' / 'libboth.a', tmp_path / 'out' / 'libboth_shared.a']
    link.check(link.program(tmp_path / 'program', [tmp_path / 'main.c'], libraries))


def test_verify_knows_what_was_asked(engine, tmp_path):
    """What a request or a program says of exports need not be said again to verify; a lost one is found."""
    (tmp_path / 'a.c').write_text('int a_run(void) { return 1; }\nint a_other(void) { return 2; }\n')
    (tmp_path / 'main.c').write_text('int a_run(void);\nint main(void) { return a_run(); }\n')
    for name in ('a', 'main'):
        run(['gcc', '-c', tmp_path / f'{name}.c', '-o', tmp_path / f'{name}.o'])
    run(['ar', 'rcs', tmp_path / 'liba.a', tmp_path / 'a.o'])
    for said in (['--exports', 'a_run'], ['--used-by', tmp_path / 'main.o']):
        out = tmp_path / said[0].strip('-')
        run([engine, 'meld', *said, '--out', out, '--', tmp_path / 'liba.a'])
        verify = ['verify', out / 'liba.a', '--workspace-library', out / 'liba_shared.a', '--original', tmp_path / 'liba.a']
        run([engine, *verify])
        members = run(['ar', 't', out / 'liba.a']).split()
        run(['ar', 'd', out / 'liba.a', *(m for m in members if m != 'dragonfire.marker.o')])
        error, = failure(engine, *verify)
        assert error['code'] == 'verify-failed' and error['symbol'] == 'a_run'


def test_patterns_of_a_list(engine, tmp_path):
    """A comma within braces is the pattern's own; every pattern that matches nothing is told."""
    (tmp_path / 'a.c').write_text('int a_run(void) { return 1; }\nint a_other(void) { return 2; }\nint b(void) { return 3; }\n')
    library = archive(tmp_path, 'a', [tmp_path / 'a.c'])
    assert exports(engine, library, '--exports', 'a_{run,other},b') == ['a_other', 'a_run', 'b']
    errors = failure(engine, 'meld', '--out', tmp_path / 'out', library, '--exports', 'a_run,one,a_other,two')
    assert [e['symbol'] for e in errors] == ['one', 'two']


def test_depfile_names_all_inputs(engine, tmp_path):
    """The manifest and a thin archive's members are what a result depends on."""
    (tmp_path / 'a.c').write_text('int a_run(void) { return 1; }\n')
    run(['gcc', '-c', tmp_path / 'a.c', '-o', tmp_path / 'a.o'])
    run(['ar', 'rcsT', tmp_path / 'libthin.a', tmp_path / 'a.o'])
    (tmp_path / 'm.json').write_text('{"schema": 1, "exports": ["a_*"]}')
    run([engine, 'meld', '--out', tmp_path / 'out', '--manifest', tmp_path / 'm.json', '--depfile', tmp_path / 'd',
         tmp_path / 'libthin.a'])
    rule = (tmp_path / 'd').read_text().replace('\\\n', '').splitlines()[0].split(':')[1].split()
    assert set(rule) == {str(tmp_path / name) for name in ('libthin.a', 'a.o', 'm.json')}


def test_folder_whose_name_is_no_text(engine, tmp_path):
    """The working folder may have any name."""
    folder = os.fsencode(tmp_path) + b'/n\xff'
    os.mkdir(folder)
    (tmp_path / 'a.c').write_text('int a_run(void) { return 1; }\n')
    library = archive(tmp_path, 'a', [tmp_path / 'a.c'])
    subprocess.run([engine, 'meld', '--out', 'o', library], cwd=folder, check=True)
    assert os.path.isfile(folder + b'/o/liba.a')


def archive(folder, name, sources, *flags):
    """A static library of C and C++ sources."""
    objects = []
    for source in sources:
        made = folder / f'{name}-{source.stem}.o'
        run(['g++' if source.suffix == '.cpp' else 'gcc', '-g', '-ffunction-sections', *flags, '-c', source, '-o', made])
        objects.append(made)
    library = folder / f'lib{name}.a'
    run(['ar', 'rcs', library, *objects])
    return library


@pytest.mark.parametrize('level', ['-O0', '-O2'])
@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_libraries_of_cxx(strategy, level, engine, tmp_path):
    """C++ libraries are inputs as others: all that they show is API, templates that a header leaves to them too;
    inline functions and variables that both have are no clash, and stay one."""
    left = archive(tmp_path, 'left', [HOST / 'left.cpp'], level)
    right = archive(tmp_path, 'right', [HOST / 'right.cpp'], level)
    out = run([engine, strategy, '--out', tmp_path / 'out', left, right])
    assert 'exports: all that it shows, nothing in it is Rust\'s' in out
    libraries = [tmp_path / 'out' / name for name in ('libleft.a', 'libright.a')]
    libraries += sorted(set((tmp_path / 'out').glob('*.a')) - set(libraries))
    for linker in link.LINKERS:
        link.check(link.program(tmp_path / linker, [HOST / 'cxx.cpp'], libraries, linker=linker))


def test_left_out_and_hidden(engine, tmp_path):
    """Globs never take hidden symbols, names do; what a pattern leaves out beside its matches is said."""
    library = built('release') / 'libexports_own.a'
    assert 'own_native_hidden' not in exports(engine, library, '--exports', 'own_*')
    assert 'own_native_hidden' in exports(engine, library, '--exports', 'own_call', 'own_native_hidden')
    told = subprocess.run([engine, 'meld', '--print', 'exports', library, '--exports', 'own_*'], capture_output=True,
                          text=True, check=True)
    assert '9 more look like API: OWN_DATA, OWN_MUTABLE, _Reset, _Zap, __gnu_own, …' in told.stderr
    error, = failure(engine, 'meld', '--out', tmp_path / 'out', library, '--exports', '*_native_hidden')
    assert error['code'] == 'manifest-export-unmatched'
    assert 'only hidden symbols match (own_native_hidden)' in error['hint']
    error, = failure(engine, 'meld', '--out', tmp_path / 'out', library, '--exports', 'own_cal')
    assert '`own_call`' in error['hint']


def test_one_name_for_two_things(engine, tmp_path):
    """Two libraries with different exports of one name: who would get it is said."""
    sources = {}
    for name, value in (('one', 1), ('two', 2)):
        source = tmp_path / f'{name}.c'
        source.write_text(f'int answer(void) {{ return {value}; }} int {name}(void) {{ return answer(); }}\n')
        sources[name] = archive(tmp_path, name, [source])
    for strategy in ('prelink', 'meld'):
        error, = failure(engine, strategy, '--out', tmp_path / 'out', sources['one'], sources['two'])
        assert error['code'] == 'conflicting-definitions' and error['symbol'] == 'answer'
        assert error['message'].startswith('`one` and `two` export different things')
        assert "every program would get `one`'s" in error['message']


def test_manifest_of_something_else(engine, tmp_path):
    """Entries may name libraries; one that names none of them is an error."""
    library = built('release') / 'libexports_own.a'
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(json.dumps({'schema': 1, 'plugins': [{'library': 'exports_own', 'exports': ['own_call']}]}))
    assert exports(engine, library, '--manifest', manifest) == ['own_call']
    manifest.write_text(json.dumps({'schema': 1, 'plugins': [{'library': 'export_own'}]}))
    error, = failure(engine, 'meld', '--out', tmp_path / 'out', library, '--manifest', manifest)
    assert error['code'] == 'manifest-entry-unknown'
    assert '`exports_own`' in error['hint']
    manifest.write_text(json.dumps({'schema': 1, 'exports_of': 'exports_dep', 'preset': ['jni']}))
    error, = failure(engine, 'meld', '--out', tmp_path / 'out', library, '--manifest', manifest)
    assert error['message'] == 'no library exports anything of the preset `jni`'


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_short_backtrace(strategy, engine, hard, tmp_path):
    """Where only exports keep their names, a panic still shows its frames: std finds the first by its name."""
    out = tmp_path / 'out'
    run([engine, strategy, '-q', '--symbols', 'exports', '--debug', 'strip', '--out', out, hard['hard_unwind_left']])
    source = tmp_path / 'main.c'
    source.write_text('int hard_left_catches(void); int main(void) { return hard_left_catches() != 1; }\n')
    program, = link.program(tmp_path / 'program', [source], sorted(out.glob('*.a')))
    told = subprocess.run([program], env={'RUST_BACKTRACE': '1'}, capture_output=True, text=True)
    assert told.returncode == 0
    frames = told.stderr.split('stack backtrace:\n')[1]
    assert frames.lstrip().startswith('0: '), told.stderr


def test_quiet_and_names(engine, tmp_path):
    """`-q` leaves warnings out; the library that is shared has one option, with or without what its file has around
    it, and else the first library's name."""
    library = built('release') / 'libexports_own.a'

    def made(*arguments):
        done = subprocess.run([engine, 'meld', '-q', '--out', tmp_path / 'out', library, *arguments],
                              capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ('', '')
        names = {path.name for path in (tmp_path / 'out').iterdir()} - {'libexports_own.a'}
        shutil.rmtree(tmp_path / 'out')
        return names

    assert made() == {'libexports_own_shared.a'}
    for option in ('--workspace-lib', '--workspace-library'):
        for name in ('common', 'libcommon.a'):
            assert made(option, name) == {'libcommon.a'}


RUNTIME = '''
int runtime_calls;
static int own;
int runtime_next(void) { return ++own; }
int runtime_sum(int a, int b) { runtime_calls++; return a + b; }
'''


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_one_runtime_of_two_vendors(strategy, engine, tmp_path):
    """Two libraries with a runtime of one source, each compiled in a folder of its own: what both export is no
    clash, and the program has one of it, as when it links the libraries as they came."""
    libraries = []
    for name in ('first', 'second'):
        folder = tmp_path / name
        folder.mkdir()
        (folder / 'runtime.c').write_text(RUNTIME)
        (folder / f'{name}.c').write_text(
            f'int runtime_next(void); int runtime_sum(int, int);\n'
            f'int {name}_next(void) {{ return runtime_next(); }} int {name}_sum(int a) {{ return runtime_sum(a, 1); }}\n')
        libraries.append(archive(folder, name, [folder / 'runtime.c', folder / f'{name}.c']))
    # Debug information names the folders.
    first, second = (path.read_bytes() for path in sorted(tmp_path.rglob('*-runtime.o')))
    assert first != second
    source = tmp_path / 'main.c'
    source.write_text('''#include <stdio.h>
int first_next(void), second_next(void), runtime_next(void), first_sum(int), second_sum(int);
extern int runtime_calls;
int main(void) {
    int right = first_next() == 1 && second_next() == 2 && runtime_next() == 3;
    right = right && first_sum(1) == 2 && second_sum(2) == 3 && runtime_calls == 2;
    puts(right ? "all right" : "wrong");
    return !right;
}
''')
    link.check(link.program(tmp_path / 'plain', [source], libraries))
    out = tmp_path / 'out'
    run([engine, strategy, '-q', '--out', out, *libraries])
    made = [out / 'libfirst.a', out / 'libsecond.a', out / 'libfirst_shared.a']
    for linker in link.LINKERS:
        link.check(link.program(tmp_path / linker, [source], made, linker=linker))
    # Either of them alone.
    alone = tmp_path / 'alone.c'
    alone.write_text('#include <stdio.h>\nint second_sum(int); int main(void) { puts(second_sum(2) == 3 ? "all right" : "wrong"); }\n')
    link.check(link.program(tmp_path / 'one', [alone], made[1:]))
