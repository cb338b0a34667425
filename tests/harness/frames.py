"""What tools that read debug information say of places in a program: functions, files and lines, inlined ones
too; and places that two links of the same code have in common."""

import random
import re
from collections import defaultdict
from dataclasses import dataclass

from . import cache
from .link import versioned
from .run import run

# A name that crosses members of a result, and the hash in a mangled one: functions that differ in nothing but
# that are one in the result.
CROSSING = re.compile(r'\.[0-9a-f]{10}\.\d+$')
HASH = re.compile(r'17h[0-9a-f]{16}E')


def addr2line_crate():
    """The program of the crate that Rust's own backtraces use."""
    version = '0.25.1'

    def make(folder):
        run(['cargo', 'install', '--quiet', '--locked', '--version', version, '--features', 'bin', '--root', folder,
             'addr2line'], env={'CARGO_TARGET_DIR': str(cache.folder('cargo', 'tools'))})

    return cache.result('tools', 'addr2line', cache.digest(version), make) / 'bin' / 'addr2line'


TOOLS = {
    'llvm': lambda program: [versioned('llvm-symbolizer'), f'--obj={program}', '--no-demangle', '--addresses', '-i', '-f',
                             '--output-style=GNU'],
    'gnu': lambda program: ['addr2line', '-i', '-f', '-a', '-e', program],
    'elfutils': lambda program: ['eu-addr2line', '-i', '-f', '-a', '-e', program],
    'crate': lambda program: [addr2line_crate(), '-i', '-f', '-a', '-e', program],
}


@dataclass(frozen=True)
class Frame:
    function: str
    place: str

    @property
    def known(self):
        return not self.place.startswith('??') and not re.search(r':[0?](?![0-9])', self.place)


def frames(tool, program, addresses):
    """By address: its frames, innermost first."""
    if not addresses:
        # Without any, tools say something of nothing.
        return []
    # elfutils' fails where it knows nothing of a place; that each has its answer is looked at below.
    out = run(TOOLS[tool](program), stdin='\n'.join(f'{a:#x}' for a in addresses) + '\n',
              status=None if tool == 'elfutils' else 0)
    answers = []
    for line in out.splitlines():
        if re.fullmatch('0x[0-9a-f]+', line):
            answers.append([])
        else:
            answers[-1].append(line)
    assert len(answers) == len(addresses), (tool, len(answers))
    return [[Frame(*pair) for pair in zip(lines[::2], lines[1::2])] for lines in answers]


def functions(program):
    """By name as the source's compiler gave it: (address, size) of each function; and names by address."""
    by_name, by_address = defaultdict(set), defaultdict(set)
    for line in run([versioned('llvm-nm'), '-S', '--defined-only', program]).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in 'tTwW':
            name, address, size = CROSSING.sub('', words[3]), int(words[0], 16), int(words[1], 16)
            by_name[name].add((address, size))
            by_address[address].add(name)
    return by_name, by_address


def common_places(one, other, count, *, step=1):
    """Pairs of addresses of the same code in both programs: at most `count`, always the same ones."""
    ours, theirs = functions(one)[0], functions(other)[0]
    pairs = []
    for name, found in sorted(ours.items()):
        again = theirs.get(name, ())
        if len(found) == 1 and len(again) == 1:
            (a, size), = found
            (b, same), = again
            if size == same:
                pairs += [(a + at, b + at) for at in range(0, size, step)]
    random.Random(count).shuffle(pairs)
    return pairs[:count]


def bare(name):
    """Mach-O's symbols have an underscore more in front than names elsewhere."""
    return HASH.sub('', CROSSING.sub('', name)).lstrip('_')


def differences(tool, one, other, places):
    """Places of which the tool says something else in `other`, and how many are known in `one`."""
    before = frames(tool, one, [a for a, _ in places])
    after = frames(tool, other, [b for _, b in places])
    names = [functions(program)[1] for program in (one, other)]
    alike = {}
    for by_address in names:
        for same in by_address.values():
            for name in same:
                alike.setdefault(bare(name), set()).update(map(bare, same))

    def name(frame):
        return bare(frame.function)

    def same(a, b):
        if len(a) != len(b):
            return False
        for at, (x, y) in enumerate(zip(a, b)):
            # Of several symbols at one address tools choose any for the outermost frame.
            named = name(x) == name(y) or (at == len(a) - 1 and name(y) in alike.get(name(x), ()))
            # Where nothing is known, the symbol table's word for the file is shown.
            if not named or (x.place != y.place and (x.known or y.known)):
                return False
        return True

    wrong = [(place, a, b) for place, a, b in zip(places, before, after) if not same(a, b)]
    return wrong, sum(bool(a) and all(f.known for f in a) for a in before)
