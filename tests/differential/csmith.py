"""Programs of csmith: one C file of random functions and variables, taken apart and spread over the members
of libraries and the program."""

import random
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .model import Program, Source, TooLong

# csmith asks a file in the folder where it runs, and writes one where there is none.
SIZES = 'integer size = 4\npointer size = 8\n'
# Blocks and labels that a program comes to until it counts as endless.
STEPS = 1_000_000

HEAD = '''#include "csmith.h"
#include <stdio.h>
static void say(const char *name, unsigned long long value) { printf("%s %llx\\n", name, value); }
#undef transparent_crc
#define transparent_crc(value, name, flag) say(name, (unsigned long long)(value))
'''


@dataclass
class Piece:
    """A function or a variable."""
    name: str
    # What declares it for others, without storage class, and what follows in the definition.
    declaration: str
    rest: str
    variable: bool
    needs: set = field(default_factory=set)
    # A library's number, or None: the program.
    home: int = None
    member: int = 0
    storage: str = ''


def text_of(seed):
    """csmith's C file for a seed, small: most of a test's time is the compiler's."""
    rng = random.Random(f'csmith {seed}')
    options = ['--seed', seed + 1, '--concise', '--no-argc', '--max-funcs', rng.randint(4, 9), '--max-block-depth', rng.randint(2, 3),
               '--max-block-size', 3, '--max-expr-complexity', rng.randint(3, 7), '--max-array-len-per-dim', 5,
               rng.choice(['--packed-struct', '--no-packed-struct']), rng.choice(['--bitfields', '--no-bitfields'])]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'platform.info').write_text(SIZES)
        done = subprocess.run(['csmith', *map(str, options)], cwd=folder, capture_output=True, text=True, check=True)
        refuse_endless(done.stdout, folder)
    return done.stdout


def refuse_endless(text, folder):
    """Counts the blocks and labels that the program comes to: a clock would say another thing each time."""
    counted = re.sub(r'^( *(?:\{|lbl_\d+:))', r'\1 if (++steps_so_far > MOST) exit(77);', text, flags=re.MULTILINE)
    start = f'#include <stdlib.h>\n#define MOST {STEPS}\nstatic long steps_so_far;\n'
    program = Path(folder, 'counted')
    subprocess.run(['gcc', '-O0', '-w', '-fwrapv', '-fno-strict-aliasing', '-I/usr/include/csmith', '-x', 'c', '-', '-o', program],
                   input=start + counted, text=True, check=True)
    if subprocess.run([program], stdout=subprocess.DEVNULL, check=False).returncode == 77:
        raise TooLong(f'comes to more than {STEPS} blocks')


def take_apart(text):
    """Types, pieces in the order of the file, and the statements with which the program prints a variable."""
    lines = text.splitlines()
    main = next(i for i, line in enumerate(lines) if line.startswith('int main'))
    first = next(i for i, line in enumerate(lines) if re.match(r'static .*\b(g_\d+|func_\d+)\b', line))
    types = '\n'.join(line for line in lines[:first] if not line.startswith(('#include', 'static long __undefined')))
    pieces = {}
    i = first
    while i < main:
        line = lines[i]
        if match := re.match(r'static (.*?\b(g_\d+)\b[^=;]*)( = .*)?;', line):
            declaration, name, rest = match.groups()
            pieces[name] = Piece(name, declaration.strip(), rest or '', True)
        elif (match := re.match(r'static (?:inline )?(.*?\b(func_\d+)\(.*\))$', line)) and lines[i + 1].startswith('{'):
            end = next(k for k in range(i, main) if lines[k].startswith('}'))
            pieces[match[2]] = Piece(match[2], match[1], '\n'.join(lines[i + 1:end + 1]), False)
            i = end
        i += 1
    for piece in pieces.values():
        piece.needs = set(re.findall(r'\b(?:g_\d+|func_\d+)\b', piece.rest)) & pieces.keys() - {piece.name}
    prints, statement = [], []
    for line in lines[main + 1:]:
        statement.append(line)
        if re.match(r'    (\S.*;|})$', line):
            joined = '\n'.join(statement)
            if 'transparent_crc' in joined:
                prints.append((re.search(r'\bg_\d+\b', joined)[0], joined))
            statement = []
    return types, pieces, prints


def lay_out(pieces, rng, count):
    """A home for each piece, such that libraries need only later ones and the program."""
    names = [name for name, piece in pieces.items() if not piece.variable]
    users = {name: [p for p in pieces.values() if name in p.needs] for name in pieces}
    # Callers come before those they call, in this order and on the link line.
    order, done = [], set()

    def visit(name):
        if name not in done:
            done.add(name)
            for needed in sorted(pieces[name].needs, reverse=True):
                visit(needed)
            order.append(name)

    for name in [*names, *pieces]:
        visit(name)
    for name in reversed(order):
        piece = pieces[name]
        least = max((u.home for u in users[name] if u.home is not None), default=0)
        if piece.variable and not rng.randrange(5):
            piece.home = None
        else:
            piece.home = least if rng.randrange(3) else rng.randint(least, count - 1)
        piece.member = rng.randrange(3)
    pieces['func_1'].home = 0
    for name in names:
        # Functions stay out of the program; a loop of calls stays in one library.
        pieces[name].home = pieces[name].home or 0
    changed = True
    while changed:
        changed = False
        for piece in pieces.values():
            for needed in (pieces[n] for n in piece.needs):
                if piece.home is not None and needed.home is not None and needed.home < piece.home:
                    needed.home, changed = piece.home, True


def storages(pieces, rng, printed):
    """How each piece is visible: as static as it can be, or not."""
    for piece in pieces.values():
        users = [p for p in pieces.values() if piece.name in p.needs]
        same_member = all((u.home, u.member) == (piece.home, piece.member) for u in users) and piece.name not in printed
        same_home = all(u.home == piece.home for u in users) and piece.name not in printed and piece.home is not None
        choices = ['', '']
        if piece.name == 'func_1':
            pass
        elif same_member:
            choices = ['static ', 'static ', '']
        elif same_home:
            choices = ['', '__attribute__((visibility("hidden"))) ', '__attribute__((weak)) ', '__attribute__((visibility("protected"))) ']
        elif piece.home is not None:
            choices = ['', '', '', '__attribute__((weak)) ']
        zero = piece.variable and re.fullmatch(r' = (\(?0?x?0U?L*\)?|\(void\*\)0)', piece.rest) and ' const' not in f' {piece.declaration}'
        piece.storage = rng.choice(choices)
        # gcc may count on a weak constant's value no more than on a common's.
        if zero and piece.storage == '' and rng.randrange(2):
            piece.rest = ''


def generate(seed, platform, without=()):
    rng = random.Random(f'csmith split {seed}')
    types, pieces, prints = take_apart(text_of(seed))
    count = rng.choice([2, 2, 3])
    names = 'abc'[:count]
    lay_out(pieces, rng, count)
    # In order: that of a set is another in each run of Python.
    printed = sorted({name for name, _ in prints})
    style = Style(rng, platform)
    # Half of the variables that the program prints it names itself; the others a function of their library prints.
    direct = {name for name in printed if pieces[name].home is None or rng.randrange(2)}
    told = [name for name in printed if name not in direct]
    for name in told:
        pieces[name].printer = pieces[name].member if rng.randrange(2) else rng.randrange(3)
    storages(pieces, rng, direct | {n for n in told if pieces[n].printer != pieces[n].member})
    # What the program's own variables point to, and what it prints itself.
    wanted = {n for piece in pieces.values() if piece.home is None for n in piece.needs} | direct | {'func_1'}
    exports = sorted(name for name in wanted if pieces[name].home is not None)
    members = {}
    for name, piece in pieces.items():
        members.setdefault((piece.home, piece.member), [[], []])[0].append(piece)
    calls = []
    for name, statement in prints:
        if name in direct:
            calls.append(statement)
            continue
        piece = pieces[name]
        function = f'x_print_{names[piece.home]}{piece.printer}'
        members.setdefault((piece.home, piece.printer), [[], []])[1].append((function, piece, statement))
        if f'    {function}();' not in calls:
            calls.append(f'    {function}();')
    # The program calls some of the printing functions only.
    calls = [call for call in calls if not call.startswith('    x_print') or rng.randrange(5)]
    exports += sorted({function for _, printers in members.values() for function, _, _ in printers})

    def source(name, mine, printers, body=''):
        own = {piece.name for piece in mine}
        needed = {n for piece in mine for n in piece.needs} | {p.name for _, p, _ in printers} | set(re.findall(r'\b(?:g_\d+|func_\d+)\b', body))
        lines = [HEAD, types]
        for piece in pieces.values():
            if piece.name in own:
                lines.append(f'{piece.storage or ("extern " if piece.variable else "")}{piece.declaration};')
            elif piece.name in needed:
                seen = piece.storage if 'visibility' in piece.storage and rng.randrange(2) else ''
                lines.append(f'extern {seen}{piece.declaration};')
        for piece in mine:
            lines.append(f'{piece.storage}{piece.declaration}{piece.rest};' if piece.variable else f'{piece.storage}{piece.declaration}\n{piece.rest}')
        for function in sorted({f for f, _, _ in printers}):
            statements = '\n'.join(s for f, _, s in printers if f == function)
            lines.append(f'void {function}(void) {{ int i, j, k, print_hash_value = 0;\n{statements}\n}}')
        return Source(name, '\n'.join([*lines, body, '']), 'c', style.flags(rng), style.compiler)

    # Each library has an export: the engine refuses one that has none.
    bare = [name for index, name in enumerate(names) if not any(pieces[e].home == index for e in exports if e in pieces)
            and not any(e.startswith(f'x_print_{name}') for e in exports)]
    libraries = {name: [] for name in names}
    main_pieces = []
    for (home, member), (mine, printers) in sorted(members.items(), key=lambda item: (item[0][0] is None, item[0])):
        if home is None:
            main_pieces += mine
        else:
            libraries[names[home]].append(source(f'{names[home]}{member}', mine, printers))
    for name in bare:
        libraries[name].append(Source(f'{name}9', f'int x_print_{name}9(void) {{ return {ord(name)}; }}\n', 'c', (), style.compiler))
        exports.append(f'x_print_{name}9')
        calls.append(f'    x_print_{name}9();')
    declarations = '\n'.join(f'void {f}(void);' for f in exports if f.startswith('x_print'))
    body = '\n'.join([declarations, 'int main(void)', '{', '    int i, j, k, print_hash_value = 0;',
                      '    printf("func_1\\n"); func_1();', *calls, '    return 0;', '}'])
    order = list(pieces)
    main_pieces.sort(key=lambda piece: order.index(piece.name))
    main = source('main', main_pieces, [], body)
    for sources in libraries.values():
        rng.shuffle(sources)
    strategies = rng.choice([['meld', 'prelink'], ['meld', 'prelink'], ['meld', 'dedup']])
    return Program('csmith', seed, libraries, [main], exports, rng.choice(platform.linkers), style.mode, strategies)


class Style:
    """Compiler and flags; structures are laid out the same way everywhere, so there is one compiler."""

    def __init__(self, rng, platform):
        self.mode = rng.choice(platform.modes)
        self.compiler = rng.choice(['gcc', 'gcc', 'clang'])
        if (self.compiler, 'c') not in platform.compilers:
            self.compiler = 'gcc'
        pic = {'no-pie': ['-fno-pic', '-fPIC'], 'static': ['-fno-pic', '-fPIC'], 'shared': ['-fPIC']}
        self.pic = pic.get(self.mode, ['-fPIC', '-fPIE']) if platform.format == 'elf' else []
        self.common = rng.choice(['-fcommon', '-fno-common'])

    def flags(self, rng):
        # Volatile and overflowing arithmetic is csmith's; what aliases is not always right in it.
        flags = ['-I/usr/include/csmith', '-fno-strict-aliasing', '-fwrapv', rng.choice(['-O0', '-O1', '-O1', '-O2', '-Os']), self.common]
        if self.compiler == 'clang':
            # An endless loop would become a function without an instruction, which goes on in whatever follows it.
            flags += ['-fno-finite-loops', '-mllvm', '-trap-unreachable']
        flags += [rng.choice(self.pic)] if self.pic else []
        if rng.randrange(3):
            flags += ['-ffunction-sections', '-fdata-sections']
        if not rng.randrange(5):
            flags.append('-g')
        return tuple(flags)
