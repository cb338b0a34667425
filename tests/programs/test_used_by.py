"""`--used-by`: what one program's own objects and libraries leave undefined is exported, and nothing else."""

import json
import struct

import pytest

from harness.engine import request
from harness.link import LINKERS, linker_folder, versioned
from harness.run import run

LEFT = '''
static int table[4] = {1, 2, 3, 4};
int left_used(int i) { return table[i & 3]; }
int left_weakly(void) { return 20; }
int left_idle(void) { return table[0] + 77; }
int both(void) { return 1; }
'''
RIGHT = '''
int left_used(int);
int right_used(int i) { return left_used(i) + 100; }
int right_idle(void) { return 5; }
int data_used = 6;
'''
SECOND = 'int both(void) { return 2; }'
# Its own `own`, whoever else has one; both libraries have `both`, and the first one serves.
MAIN = '''
#include <stdio.h>
int right_used(int), in_app(void), both(void);
int own(void) { return 9; }
__attribute__((weak)) int left_weakly(void), nowhere(void);
extern int data_used;
int main(void) {
    printf("%d %d %d %d %d %d\\n", right_used(2), in_app(), both(), data_used, left_weakly ? left_weakly() : -1, nowhere ? 1 : 0);
}
'''
APP = 'int left_used(int), own(void); int in_app(void) { return left_used(0) + own(); }'


class Program:
    def __init__(self, folder):
        self.folder = folder
        self.libraries = [self.library('left', LEFT), self.library('right', RIGHT, SECOND)]
        self.app = self.library('app', APP)
        self.main = self.object('main', MAIN)

    def object(self, name, text, compiler=('gcc', '-O1', '-ffunction-sections', '-fdata-sections')):
        source = self.folder / f'{name}.c'
        source.write_text(text)
        run([*compiler, '-c', source, '-o', source.with_suffix('.o')])
        return source.with_suffix('.o')

    def library(self, name, *texts):
        path = self.folder / f'lib{name}.a'
        run(['ar', 'rcs', path, *(self.object(f'{name}{at}', text) for at, text in enumerate(texts))])
        return path

    def meld(self, engine, *used_by, strategy='meld', arguments=()):
        return request(engine, strategy, self.libraries, self.folder / 'out',
                       arguments=[*arguments, *(part for path in used_by for part in ('--used-by', path))])

    def output(self, libraries, linker):
        out = self.folder / 'program'
        # What the libraries need of each other, for linkers that read an archive once.
        run(['gcc', f'-fuse-ld={linker}', f'-B{linker_folder()}', self.main, self.app, *libraries, *libraries, '-o', out])
        return run([out]).strip()


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


SENTENCE = 'a sentence that each of them says'
# A table refers to strings by address, code to the string and the number by distance.
SAYS = '''
#include <stdio.h>
static const char *const all[] = {"a sentence that each of them says", "and NAME another"};
const char *NAME(int i) { puts("a sentence that each of them says"); return all[i]; }
double NAME_number(double x) { return x * 1.2345e67; }
'''
ASKS = '''
#include <stdio.h>
const char *left(int), *right(int);
double left_number(double), right_number(double);
int main(void) {
    printf("%s %s %s\\n", left(0), left(1), right(1));
    return puts("a sentence that each of them says") < 0 || left_number(2) != right_number(2);
}
'''


@pytest.mark.parametrize('linker', LINKERS)
@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_equal_strings_are_one(engine, program, strategy, linker):
    """Those of the libraries and the program's own, and constants, as linkers make them one of libraries as built."""
    program.libraries = [program.library(name, SAYS.replace('NAME', name)) for name in ('left', 'right')]
    program.main = program.object('main', ASKS)
    program.app = program.library('app', 'int unused;')
    plain = program.output(program.libraries, linker)

    def counts():
        contents = (program.folder / 'program').read_bytes()
        return contents.count(SENTENCE.encode()), contents.count(struct.pack('<d', 1.2345e67))

    wanted = counts()
    assert wanted[0] == 1
    assert program.meld(engine, program.main, strategy=strategy)['ok']
    out = [program.folder / 'out' / name for name in ('libleft.a', 'libright.a', 'libgstrsworkspace.a')]
    assert program.output(out, linker) == plain
    assert counts() == wanted


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_a_program_gets_what_it_uses(engine, program, strategy):
    response = program.meld(engine, program.main, program.app, strategy=strategy,
                            arguments=['--depfile', program.folder / 'out.d'])
    assert response['ok'], response
    exports = {p['library']: p['exports'] for p in response['plugins']}
    assert exports == {'left': ['both', 'left_used', 'left_weakly'], 'right': ['data_used', 'right_used']}
    assert all(p['exports_found'] == {'by': 'program'} for p in response['plugins'])
    out = [program.folder / 'out' / name for name in ('libleft.a', 'libright.a', 'libgstrsworkspace.a')]
    symbols = run(['nm', *out], status=None)
    assert 'left_idle' not in symbols and 'right_idle' not in symbols
    for linker in LINKERS:
        plain = program.output(program.libraries, linker)
        assert program.output(out, linker) == plain == '103 10 1 6 20 0'
    depended = (program.folder / 'out.d').read_text()
    assert str(program.main) in depended and str(program.app) in depended


# Strong, weak and common ones that the library defines too, and one that a member of its own has.
MEETS = '''
#include <stdio.h>
extern int left_begin(void) __attribute__((weak));
__attribute__((weak)) int hook(void) { return 1; }
int verbose __attribute__((common));
int message(void) { return 1; }
int left_sum(void);
int main(void) { printf("%d %d %d %d\\n", left_begin ? left_begin() : -1, hook(), verbose, left_sum()); }
'''
MET = '''
int message(void);
int left_begin(void) { return 40; }
int hook(void) { return 2; }
int verbose = 300;
int left_sum(void) { return hook() + verbose + 10000 * message(); }
'''
MESSAGE = 'int message(void) { return 2; }'


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_what_the_program_defines_itself(engine, program, strategy):
    """Its weak definitions give way to the library's, its strong ones serve the library, as with it as built."""
    program.libraries = [program.library('left', MET, MESSAGE)]
    program.main = program.object('main', MEETS)
    program.app = program.library('app', 'int unused;')
    assert program.meld(engine, program.main, strategy=strategy)['ok']
    out = [program.folder / 'out' / name for name in ('libleft.a', 'libgstrsworkspace.a')]
    out = [path for path in out if path.exists()]
    for linker in LINKERS:
        plain = program.output(program.libraries, linker)
        assert program.output(out, linker) == plain == '40 2 300 10302'


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_what_a_member_that_nobody_pulls_defines(engine, program, strategy):
    """Whether it or the library's serves, the line decides."""
    program.libraries = [program.library('left', 'int one(void) { return 1; }', 'int two(void) { return 2; }')]
    program.main = program.object('main', """
        #include <stdio.h>
        int one(void), in_app(void);
        int main(void) { printf("%d %d\\n", one(), in_app()); }
    """)
    program.app = program.library('app', 'int one(void) { return 100; } int idle(void) { return 7; }',
                                  'int two(void); int in_app(void) { return two(); }')
    assert program.meld(engine, program.main, program.app, strategy=strategy)['ok']
    out = program.folder / 'out'
    for linker in LINKERS:
        printed = []
        for libraries in (program.libraries, sorted(out.glob('*.a'))):
            made = program.folder / f'order-{linker}'
            # The program's archive stands behind the library and before it.
            run(['gcc', f'-fuse-ld={linker}', f'-B{linker_folder()}', program.main, *libraries, program.app, *libraries, '-o', made])
            printed.append(run([made]).strip())
        assert printed[0] == printed[1] == '1 2', (linker, printed)


@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_a_library_with_the_program_in_it(engine, program, strategy):
    """main is the library's (test runners, SDL): the C runtime's object asks for it."""
    program.libraries = [program.library('left', """
        #include <stdio.h>
        int told(void);
        int main(void) { printf("%d\\n", told()); }
    """)]
    program.main = program.object('main', 'int told(void) { return 8; }')
    program.app = program.library('app', 'int unused;')
    assert program.meld(engine, program.main, strategy=strategy)['ok']
    out = sorted((program.folder / 'out').glob('*.a'))
    for linker in LINKERS:
        assert program.output(out, linker) == program.output(program.libraries, linker) == '8'


def code(response):
    assert not response['ok'], response
    return response['errors'][0]['code']


def test_what_cannot_be_seen_is_refused(engine, program):
    thin = program.object('thin', MAIN, compiler=[versioned('clang'), '-flto'])
    assert code(program.meld(engine, thin)) == 'bitcode-member'
    slim = program.object('slim', MAIN, compiler=['gcc', '-flto', '-fno-fat-lto-objects'])
    assert code(program.meld(engine, slim)) == 'bitcode-member'
    text = program.folder / 'notes.txt'
    text.write_text('no object')
    assert code(program.meld(engine, text)) == 'input-unreadable'
    other = program.object('other', MAIN, compiler=[versioned('clang'), '--target=aarch64-linux-gnu'])
    assert code(program.meld(engine, other)) == 'mixed-formats'
    assert code(program.meld(engine, program.folder / 'absent.o')) == 'input-not-found'


def test_a_program_that_uses_nothing(engine, program):
    idle = program.object('idle', 'int idle;')
    assert code(program.meld(engine, idle)) == 'exports-not-found'
    assert code(program.meld(engine, program.main, arguments=['--exports', 'left_*'])) == 'request-invalid'
    assert code(program.meld(engine, program.main, strategy='dedup')) == 'request-invalid'


def test_a_request(engine, program):
    asked = {'protocol': 1, 'operation': 'meld', 'source': {'libraries': [{'path': str(p)} for p in program.libraries]},
             'output': {'dir': str(program.folder / 'out')}, 'used_by': [str(program.main)]}
    response = json.loads(run([engine, 'request'], stdin=json.dumps(asked)))
    assert response['plugins'][1]['exports'] == ['data_used', 'right_used']
    # What one library needs of another stays, as always.
    assert 'left_used' in response['plugins'][0]['exports']
