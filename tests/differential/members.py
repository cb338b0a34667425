"""Programs of members that define a few names at random, strongly and weakly, and refer to each other's: which
definition linkers take, and what they pull for it. Only what the linkers of the host and of the platform agree on is
compared."""

import random

from .model import Program, Source

START = 'int printf(const char *, ...);\n'


class Name:
    """A function or variable that several members may define."""

    def __init__(self, rng, spelled, weak_only):
        self.spelled, self.weak_only = spelled, weak_only
        self.variable = not rng.randrange(4)

    @property
    def declaration(self):
        return f'extern int {self.spelled};' if self.variable else f'int {self.spelled}(void);'

    @property
    def use(self):
        return f'({self.spelled} += 1)' if self.variable else f'{self.spelled}()'

    def definition(self, weak, number, calls):
        start = '__attribute__((weak)) ' if weak else ''
        if self.variable:
            return f'{start}int {self.spelled} = {number};'
        return f'{start}int {self.spelled}(void) {{ return {" + ".join([str(number), *calls])}; }}'


def member(rng, library, number, names, holders):
    """One member, and whether it has an export. `holders` says by name which member is sure to define it, and which
    one may strongly."""
    tag = f'{library}_{number}'
    value = 100 * (ord(library) - ord('a')) + 10 * number
    defined, asked = {}, set()
    for at, name in enumerate(names):
        chance = rng.randrange(100)
        sure, strong = holders[name]
        if chance < 35 or number == sure:
            defined[at] = name.weak_only or (number != strong and rng.randrange(100) > 7)
        elif chance < 60:
            asked.add(at)
    text = [START, *(names[at].declaration for at in range(len(names)) if at not in defined)]
    # A function calls only later names: calls come to an end.
    for at in sorted(defined, reverse=True):
        callees = [i for i in (*defined, *asked) if i > at and rng.randrange(100) < 40]
        text.append(names[at].definition(defined[at], value + at, [names[i].use for i in callees]))
    uses = [i for i in (*defined, *asked) if rng.randrange(100) < 70]
    if uses and rng.randrange(2):
        inner = rng.choice(uses)
        text.append(f'static __attribute__((noinline)) int inner(int n) {{ return n + {names[inner].use}; }}')
        terms = [f'inner({number})', *(names[i].use for i in uses if i != inner)]
    else:
        terms = [str(value), *(names[i].use for i in uses)]
    exported = number == 0 or rng.randrange(100) < 75
    if exported:
        text.append(f'int x_{tag}(void) {{ return {" + ".join(terms)}; }}')
    if rng.randrange(100) < 30:
        text.append(f'__attribute__((constructor)) static void start(void) {{ printf("~0 {library}/{number} {tag}\\n"); }}')
    style = [rng.choice(['-O0', '-O1', '-O2'])]
    if rng.randrange(2):
        style += ['-ffunction-sections', '-fdata-sections']
    return '\n'.join([*text, '']), tuple(style), exported, defined, asked


def generate(seed, platform, without=()):
    # The program is one on all platforms.
    linked, rng = random.Random(f'members {seed} link'), random.Random(f'members {seed}')
    linker, mode = linked.choice(platform.linkers), linked.choice([m for m in platform.modes if m != 'shared'])
    pic = () if platform.format != 'elf' else ('-fPIC',) if mode in ('pie', 'gc-sections') or linked.randrange(2) else ('-fno-pic',)
    chosen = 'ab'[:rng.choice([1, 1, 2])]
    shared = [Name(rng, f'meet{i}', True) for i in range(2)] if len(chosen) > 1 else []
    libraries, calls, parts, all_weak = {}, {}, [], set(shared)
    for library in chosen:
        names = [Name(rng, f'n{i}_{library}', False) for i in range(rng.randint(2, 4))] + shared
        rng.shuffle(names)
        count = rng.randint(2, 5)
        holders = {name: (rng.randrange(count), rng.randrange(2 * count)) for name in names}
        made = [member(rng, library, number, names, holders) for number in range(count)]
        somewhere = {at for _, _, _, defined, _ in made for at in defined}
        strong = {at for _, _, _, defined, _ in made for at, weak in defined.items() if not weak}
        all_weak |= {names[at] for at in somewhere - strong}
        sources = []
        for number, (text, style, exported, _, _) in enumerate(made):
            part = f'{library}{number}'
            if part in without:
                continue
            parts.append(part)
            sources.append(Source(part, text, 'c', (*style, *pic)))
            if exported and rng.randrange(100) < 65:
                calls.setdefault(library, []).append(number)
        libraries[library] = sources or [Source(f'{library}0', f'int x_nothing_{library};', 'c', pic)]
    # Names that libraries only have weakly may be the program's.
    own = [n for n in sorted(all_weak, key=lambda n: n.spelled) if rng.randrange(100) < 15]
    text = [START, *(n.definition(False, 7000 + i, []) for i, n in enumerate(own)), 'int main(void);']
    for library, numbers in calls.items():
        text += [f'#ifdef WITH_{library}', *(f'int x_{library}_{n}(void);' for n in numbers), '#endif']
    text.append('int main(void) {')
    for library, numbers in calls.items():
        rng.shuffle(numbers)
        text += [f'#ifdef WITH_{library}',
                 *(f'printf("{library}: {n} %d\\n", x_{library}_{n}());' for n in numbers), '#endif']
    text += ['return 0;', '}', '']
    main = [Source('main', '\n'.join(text), 'c', ('-O1', *pic))]
    return Program('members', seed, libraries, main, ['x_*'], linker, mode, linked.choice([['meld', 'prelink'], ['meld', 'dedup']]),
                   agreed=True, parts=parts)
