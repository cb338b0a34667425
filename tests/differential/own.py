"""Programs of our own, for what csmith lacks: each is a handful of features (features_*.py), spread over the
members of its libraries."""

import random

from . import features_c, features_cxx, features_elf
from .model import Program, Source

FEATURES = [*features_c.FEATURES, *features_cxx.FEATURES, *features_elf.FEATURES]
START = 'int printf(const char *, ...);\n'
START_CXX = 'extern "C" int printf(const char *, ...);\n'


class Scope:
    """What one feature adds to a program. In its texts, QQ is the suffix of names that are a library's own,
    XX of names that are unique in the program, TT of names that libraries have in common, LIB the library,
    and KK a number that is another one in each library."""

    def __init__(self, maker, tag, rng, meets):
        self.maker, self.tag, self.rng, self.meets = maker, tag, rng, meets
        self.used = {}
        self.numbers = {library: 1000 * (index + 1) + rng.randrange(900)
                        for index, library in enumerate(maker.libraries)}

    @property
    def libraries(self):
        return list(self.maker.libraries)

    def some(self, least=1):
        """Some libraries, in order."""
        chosen = self.rng.sample(self.libraries, self.rng.randint(min(least, len(self.libraries)), len(self.libraries)))
        return sorted(chosen)

    def chance(self, percent):
        return self.rng.randrange(100) < percent

    def fill(self, text, library=''):
        own = self.tag if self.maker.clash else f'{self.tag}_{library}'
        for key, value in (('QQ', own), ('XX', f'{self.tag}_{library}'), ('TT', self.tag), ('LIB', library),
                           ('KK', str(self.numbers.get(library, 7)))):
            text = text.replace(key, value)
        return text

    def member(self, library, text, language='c', flags=(), slot=0, compiler=None):
        """A fragment of a member: one slot's stay together, different slots' come to different members."""
        self.maker.place(self, library, slot, self.fill(text, library), language, tuple(flags), compiler)

    def same(self, libraries, text, language='c', flags=()):
        """A member that these libraries have in common."""
        self.maker.common(self, libraries, self.fill(text), language, tuple(flags))

    def call(self, library, statement, declaration=''):
        """A statement of the program, of those that it makes where the library is linked."""
        self.maker.calls[library].append((self.fill(declaration, library), self.fill(statement, library)))

    def program(self, text, language='c', flags=()):
        """A source of the program's own."""
        self.maker.program.append((self.fill(text), language, tuple(flags)))


class Maker:
    def __init__(self, seed, platform, without):
        rng = random.Random(f'own {seed}')
        self.libraries = {name: [] for name in 'abc'[:rng.choice([1, 2, 2, 2, 3])]}
        self.calls = {name: [] for name in self.libraries}
        self.program = []
        # A library's members need another library.
        self.needs_all = False
        several = len(self.libraries) > 1
        manner = rng.choice(['plain', 'plain', 'plain', 'shared', 'clash']) if several else 'plain'
        self.clash, self.shared = manner == 'clash', manner == 'shared'
        self.mode = rng.choice(platform.modes)
        self.platform = platform
        self.linker = rng.choice(platform.linkers)
        self.styles = [self.style(rng) for _ in range(2)]
        self.parts = []
        fitting = [f for f in FEATURES if self.fits(f)]
        count = min(rng.randint(2, 6), len(fitting))
        chosen = rng.sample(fitting, count)
        if self.shared and not any(f.shared for f in chosen):
            chosen[0] = rng.choice([f for f in fitting if f.shared])
        for number, feature in enumerate(chosen):
            part = f'{feature.__name__}.{number}'
            if part not in without:
                self.parts.append(part)
                feature(Scope(self, f'f{number}', random.Random(f'own {seed} {number}'), not (self.clash or self.shared)))
        lone = rng.choice(list(self.libraries))
        self.alone = lone if several and not self.needs_all else None
        self.strategies = ['meld', 'prelink'] if self.clash else rng.choice([['meld', 'prelink'], ['meld', 'dedup']])
        # Some programs make some of the calls only.
        self.left = random.Random(f'own {seed} calls')
        self.partial = self.left.randrange(2) == 0

    def fits(self, feature):
        return (self.platform.format in feature.formats and feature.language in self.platform.languages
                and self.mode not in feature.not_in
                and self.platform.name in feature.only_on
                and not (feature.shared and not self.shared) and not (feature.meets and (self.clash or self.shared)))

    def style(self, rng):
        """Compiler and flags of objects."""
        pic = {'no-pie': ['-fno-pic', '-fPIC'], 'static': ['-fno-pic', '-fPIC'], 'shared': ['-fPIC']}
        flags = [rng.choice(['-O0', '-O1', '-O2', '-O2', '-Os'])]
        if self.platform.format == 'elf':
            flags.append(rng.choice(pic.get(self.mode, ['-fPIC', '-fPIE'])))
        if rng.randrange(3):
            flags += ['-ffunction-sections', '-fdata-sections']
        if not rng.randrange(4):
            flags.append('-g')
        compiler = rng.choice(['gcc', 'gcc', 'clang'])
        if not rng.randrange(4) and self.platform.format == 'elf':
            flags.append(rng.choice(['-fno-plt', '-fno-asynchronous-unwind-tables', '-fno-semantic-interposition']))
        return compiler, tuple(flags)

    def place(self, scope, library, slot, text, language, flags, compiler):
        used = scope.used.setdefault(library, {})
        if slot not in used:
            style = scope.rng.choice(self.styles)
            key = language, compiler or style[0], (*style[1], *flags)
            fitting = [m for m in self.libraries[library] if m['key'] == key and not m['name'].startswith('common')
                       and m not in used.values()]
            if fitting and scope.chance(50):
                used[slot] = scope.rng.choice(fitting)
            else:
                used[slot] = {'key': key, 'texts': [], 'name': f'{library}{len(self.libraries[library])}'}
                self.libraries[library].append(used[slot])
        used[slot]['texts'].append(text)

    def common(self, scope, libraries, text, language, flags):
        compiler, style = scope.rng.choice(self.styles)
        name = f'common_{scope.tag}_{sum(m["name"].startswith("common") for m in self.libraries[libraries[0]])}'
        for library in libraries:
            place = scope.rng.randint(0, len(self.libraries[library]))
            self.libraries[library].insert(place, {'key': (language, compiler, (*style, *flags)), 'texts': [text],
                                                   'name': name})

    def main(self):
        declarations, body = [START, 'int printf(const char *, ...);\n'], []
        for library, calls in self.calls.items():
            kept = [call for call in calls if not self.partial or self.left.randrange(3)] or calls[:1]
            declarations.append(f'#ifdef WITH_{library}')
            declarations += [declaration for declaration, _ in kept]
            declarations.append('#endif')
            body.append(f'#ifdef WITH_{library}')
            body += [statement for _, statement in kept]
            body.append('#endif')
        declarations = [d for i, d in enumerate(declarations) if d.startswith('#') or d not in declarations[:i]]
        return '\n'.join([*declarations, 'int main(void) {', *body, 'return 0;', '}', ''])


def generate(seed, platform, without=()):
    maker = Maker(seed, platform, without)

    def source(name, texts, language, flags, compiler):
        start = '' if language == 's' else START_CXX if language == 'cpp' else START
        return Source(name, start + '\n'.join(texts), language, flags, compiler)

    libraries = {library: [source(m['name'], m['texts'], m['key'][0], m['key'][2], m['key'][1]) for m in members]
                 for library, members in maker.libraries.items()}
    # A library without members is no archive that a linker reads.
    for library, members in libraries.items():
        if not members:
            members.append(source(f'{library}0', [f'int x_nothing_{library};'], 'c', (), 'gcc'))
    compiler, flags = maker.styles[0]
    main = [source('main', [maker.main()], 'c', flags, compiler)]
    for number, (text, language, extra) in enumerate(maker.program):
        main.append(source(f'program{number}', [text], language, (*flags, *extra), compiler))
    return Program('own', seed, libraries, main, ['x_*'], maker.linker, maker.mode, maker.strategies, maker.alone,
                   maker.shared, maker.clash, maker.partial, maker.parts)
