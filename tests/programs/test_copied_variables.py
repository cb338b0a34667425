"""Variables of a shared library that a program has copies of (copy relocations): the library uses the program's
copy, by whatever name it knows the variable."""

import pytest

from harness.engine import ATOMIC, combine
from harness.link import LINKERS, linker_folder
from harness.run import run

LIBRARY = {
    'names.c': '''
        int __env = 1;
        extern int a_env __attribute__((weak, alias("__env")));
        int a_get(void) { return __env; }
    ''',
    'other.c': '''
        extern int __env;
        int a_other(void) { return __env; }
    ''',
}
PROGRAM = '''
#include <stdio.h>
extern int a_env;
int a_get(void), a_other(void);
int main(void) { a_env = 5; printf("%d %d", a_get(), a_other()); return 0; }
'''
# It has a variable of that name of its own: the library's is another.
OWN = '''
#include <stdio.h>
int a_env = 7;
int a_get(void), a_other(void);
int main(void) { printf("%d %d %d", a_get(), a_other(), a_env); return 0; }
'''
HOW = {**{strategy: [] for strategy in ATOMIC}, 'pieces': ['--granularity', 'export']}


@pytest.fixture(scope='module')
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp('copied')
    objects = []
    for name, text in LIBRARY.items():
        (folder / name).write_text(text)
        objects.append(folder / f'{name}.o')
        run(['gcc', '-O2', '-fPIC', '-c', folder / name, '-o', objects[-1]])
    run(['ar', 'rcs', folder / 'liba.a', *objects])
    return folder / 'liba.a'


@pytest.mark.parametrize('how', ['built', *HOW])
@pytest.mark.parametrize('linker', LINKERS)
def test_copied(engine, library, tmp_path, how, linker):
    linked = [library]
    if how != 'built':
        strategy = 'meld' if how == 'pieces' else how
        linked = combine(engine, strategy, [library], tmp_path / 'out', exports=['a_*'], arguments=HOW[how]).link()
    tool = ['gcc', f'-fuse-ld={linker}', f'-B{linker_folder()}']
    shared = tmp_path / 'libshared.so'
    run([*tool, '-shared', '-o', shared, '-Wl,--whole-archive', *linked, '-Wl,--no-whole-archive'])
    for name, text, says in [('copies', PROGRAM, '5 5'), ('own', OWN, '1 1 7')]:
        source, program = tmp_path / f'{name}.c', tmp_path / name
        source.write_text(text)
        if name == 'copies':
            run([*tool, '-O1', '-fno-pie', '-no-pie', source, shared, '-o', program])
            assert run([program]) == says
        run([*tool, '-O1', source, *linked, '-o', tmp_path / 'static'])
        assert run([tmp_path / 'static']) == says
