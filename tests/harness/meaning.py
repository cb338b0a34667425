"""The cases of tests/meaning: what a program does that links libraries as built, it does with the result.

A case is one file, tests/meaning/KIND/NAME.toml (tests/meaning/README.md has its keys). It holds the sources
of libraries and of programs, and what each program prints. A `Bench` builds one case for one target: objects
once, libraries once for each strategy, and programs when they are asked for."""

import functools
import json
import re
import shutil
import struct
import subprocess
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from . import apple, cache, machorun, windows
from .cargo import TESTS, library_name
from .cross import ELF, zig
from .engine import STRATEGIES, combined, request
from .link import LINKERS, LOADER, MODES, linker_folder, loader, versioned
from .run import run

HOME = TESTS / 'meaning'
BUILT = 'built'
# What a library of plugins is compiled with, and a program.
LIBRARY = ['-O1', '-ffunction-sections', '-fdata-sections']
PROGRAM = ['-O1']
# Where a case does not say how its programs are linked.
LINKS = {'x86_64': LINKERS, 'msvc': ['lld'], 'macos': ['lld-gc'], 'macos-x86_64': ['lld']}
# `gc` is -dead_strip, `all` -all_load, `objc` -ObjC; Zig's programs for x86_64 cannot be run (harness/apple.py).
APPLE_LINKS = {target: ['lld', 'lld-gc', 'lld-all', 'lld-all-gc', 'lld-objc', 'lld-objc-gc', *(['zig'] if ('zig', target) in apple.RUNS else [])]
               for target in apple.MACHINES}
# Links for machines of which there are no other linkers here.
DEFAULT_LINKS = ['bfd']
# What is no option of a program but the text of a source.
SOURCE = re.compile(r'\.(c|cc|s|S|m)$')
# How long a program may take, in seconds.
PATIENCE = {'msvc': 30, 'mingw': 30}


@dataclass
class Program:
    """One program of a case: its sources, the libraries it links, and what it prints."""
    name: str
    sources: dict
    # None: all.
    libraries: list = None
    prints: str = ''
    # Other texts: of a linker ('lld'), a link ('lld-gc'), a target ('armv7').
    but: dict = field(default_factory=dict)
    # Texts of a strategy where it must not do what linking as built does: libraries are apart.
    apart: dict = field(default_factory=dict)
    links: list = None
    targets: list = None
    flags: list = field(default_factory=list)

    def expects(self, target, strategy, link):
        """What it prints."""
        for key in (f'{target}:{link}', link, link.partition('-')[0], target):
            if key in self.but:
                return self.but[key]
        return self.apart.get(known_as(strategy), self.prints)


@dataclass
class Case:
    """A case, as its file says it; see tests/meaning/README.md."""
    path: Path
    shows: str
    mechanism: int
    libraries: dict
    programs: list
    exports: list
    targets: list
    strategies: list
    links: list
    without: list
    # gcc or clang, of all sources or by pattern.
    compiler: str | dict
    flags: dict
    with_: list
    files: dict
    error: dict
    warning: dict
    symbols: list
    # Options of readelf, and what of its output about a program is as it is as built: what fits a pattern.
    same: dict
    # Options of readelf, and a pattern that fits its output about the result.
    says: list
    # Kinds of search of weak externals, by source: no compiler makes all.
    searches: dict
    manifest: dict
    # Of the engine's command.
    arguments: list
    # Sources of DLLs, and whose import libraries are part of which library.
    dlls: dict
    bundles: dict
    # The libraries' objects have no local symbols.
    stripped: bool

    @property
    def name(self):
        return f'{self.path.parent.name}/{self.path.stem}'

    def __str__(self):
        return self.name

    def links_of(self, target, program):
        links = program.links or self.links or LINKS.get(target, DEFAULT_LINKS)
        if target in apple.MACHINES:
            return [link for link in links if link in APPLE_LINKS[target]] or LINKS[target]
        if target in LINKS:
            return [link for link in links if target != 'msvc' or link.startswith('lld')] or LINKS[target]
        # One linker for each other CPU, and in the modes that the case is about.
        modes = [link for link in links if link.startswith('bfd')] or DEFAULT_LINKS
        return modes if target != 'mingw' else ['bfd']

    def is_clangs(self, path):
        """Does clang compile a source of this CPU's?"""
        if isinstance(self.compiler, str):
            return self.compiler == 'clang'
        return any(fnmatch(path, pattern) and name == 'clang' for pattern, name in self.compiler.items())

    def flags_of(self, path):
        """Options for a source, `a/one.c`: what each pattern that fits it adds."""
        return [flag for pattern, flags in self.flags.items() if fnmatch(path, pattern) for flag in flags.split()]


def read(path):
    """The case of a file."""
    table = tomllib.loads(path.read_text())
    top = table.pop('program', None)
    programs = {'': top} if top is not None else table.pop('programs', {})

    def program(name, entries):
        sources = {key: text for key, text in entries.items() if SOURCE.search(key)}
        rest = {key: value for key, value in entries.items() if key not in sources}
        for key in ('prints', 'but', 'apart'):
            if key in table:
                rest.setdefault(key, table[key])
        return Program(name, sources, **rest)

    programs = [program(name, entries) for name, entries in programs.items()]
    for key in ('prints', 'but', 'apart'):
        table.pop(key, None)
    libraries = table.pop('libraries')
    several = len(libraries) > 1
    case = Case(
        path, table.pop('shows'), table.pop('mechanism'), libraries, programs,
        table.pop('exports'), table.pop('targets', ['x86_64']),
        table.pop('strategies', STRATEGIES if several else [s for s in STRATEGIES if s != 'dedup']),
        table.pop('links', None), table.pop('without', []), table.pop('compiler', 'gcc'), table.pop('flags', {}), table.pop('with', []), table.pop('files', {}),
        table.pop('error', {}), table.pop('warning', {}), table.pop('symbols', []), table.pop('same', {}), table.pop('says', []), table.pop('searches', {}),
        table.pop('manifest', {}), table.pop('arguments', []), table.pop('dlls', {}), table.pop('bundles', {}), table.pop('stripped', False))
    assert not table, f'{path}: what is {", ".join(table)}?'
    return case


@functools.cache
def cases():
    """All of them."""
    return [read(path) for path in sorted(HOME.glob('*/*.toml'))]


def runs(case):
    """(target, strategy, program, link) of a case."""
    for target in case.targets:
        for strategy in [BUILT, *case.strategies]:
            for program in case.programs:
                if target in (program.targets or [target]):
                    for link in case.links_of(target, program):
                        if f'{target}:{link}' not in case.without:
                            yield target, strategy, program, link


@dataclass
class Tools:
    """How a target's objects, libraries and programs are made and run."""
    target: str

    @property
    def elf(self):
        return self.target not in ('msvc', 'mingw') and not self.apple

    @property
    def apple(self):
        return self.target in apple.MACHINES

    def compiler(self, case, path):
        """The compiler of a source, with what it always needs."""
        cxx = path.endswith('.cc')
        if self.target == 'msvc':
            return [versioned('clang'), *windows.CLANG]
        if self.apple:
            return [versioned('clang'), f'--target={apple.MACHINES[self.target][1]}', *(apple.cxx_flags() if cxx else apple.c_flags()), '-c']
        if self.target == 'mingw':
            return [f'x86_64-w64-mingw32-{"g++" if cxx else "gcc"}', '-c']
        if self.target != 'x86_64':
            assert not cxx, 'no C++ compilers for other CPUs here'
            return [*ELF[self.target].compiler, '-c']
        return [versioned('clang' + '++' * cxx) if case.is_clangs(path) else 'g++' if cxx else 'gcc', '-c']

    def object(self, case, path, source, out, flags):
        text = [] if path.endswith(('.s', '.S')) else flags
        run([*self.compiler(case, path), *text, *case.flags_of(path), source, '-o', out])
        if path in case.searches:
            search_weakly(out, case.searches[path])

    def strip(self, objects):
        """Takes local symbols away, as far as they are not needed."""
        assert self.target != 'msvc', 'llvm-strip takes what others refer to'
        if self.target in ('x86_64', 'mingw'):
            run(['strip' if self.target == 'x86_64' else 'x86_64-w64-mingw32-strip', '--strip-unneeded', *objects])
        else:
            run([versioned('llvm-strip'), '-x' if self.apple else '--strip-unneeded', *objects])

    def library(self, out, objects):
        out.unlink(missing_ok=True)
        if self.target == 'msvc':
            run([versioned('llvm-lib'), f'/out:{out}', *objects])
        elif self.apple:
            run([versioned('llvm-ar'), '--format=darwin', 'rcs', out, *objects])
        else:
            # Of MinGW's objects llvm-ar makes what Microsoft's librarian does.
            run([{'x86_64': 'ar', 'mingw': 'x86_64-w64-mingw32-ar'}.get(self.target) or versioned('llvm-ar'), 'rcs', out, *objects])

    def dll(self, name, folder, objects):
        """Makes a DLL that exports what its objects say; gives its import library."""
        imports = folder / self.file_name(name)
        if self.target == 'msvc':
            run([versioned('lld-link'), '/dll', '/noentry', '/nodefaultlib', f'/out:{folder / name}.dll', f'/implib:{imports}', *objects])
        else:
            run(['x86_64-w64-mingw32-gcc', '-shared', '-nostdlib', '-Wl,-e,entry', f'-Wl,--out-implib,{imports}', *objects,
                 '-o', folder / f'{name}.dll', '-x', 'c', '-'], stdin='int entry(void) { return 1; }')
        return imports

    def members(self, archive, folder):
        """What an import library holds, as files; Microsoft's librarian takes one as it is."""
        if self.target == 'msvc':
            return [archive]
        folder.mkdir()
        run([versioned('llvm-ar'), 'x', '--output', folder, archive])
        return sorted(folder.iterdir())

    def file_name(self, library):
        return f'{library}.lib' if self.target == 'msvc' else f'lib{library}.a'

    def link(self, case, program, link, out, objects, libraries):
        """Links; gives the command that runs it."""
        linker, _, mode = link.partition('-')
        rest = [flag.replace('{files}', str(out.parent)) for flag in [*program.flags, *case.with_]]
        if self.target == 'msvc':
            out = out.with_suffix('.exe')
            run([versioned('lld-link'), '/entry:mainCRTStartup', '/subsystem:console', '/nodefaultlib',
                 '/opt:noref' if mode == 'keep' else '/opt:ref', '/opt:noicf', '/include:_tls_used', f'/out:{out}', *objects,
                 *windows.strictly(libraries), *windows.crt(), *windows.system(), *rest])
            return windows.wine(out)
        cxx = any(path.endswith('.cc') for path in [*program.sources, *(p for ps in case.libraries.values() for p in ps)])
        if self.apple:
            return self.link_apple(link, out, [*objects, *libraries, *rest], cxx)
        if self.target == 'mingw':
            out = out.with_suffix('.exe')
            run([f'x86_64-w64-mingw32-{"g++" if cxx else "gcc"}', '-static', *objects, '-o', out, *libraries, *rest])
            return windows.wine(out)
        driver, runner = ['g++' if cxx else 'gcc'], []
        if self.target != 'x86_64':
            driver, runner = ELF[self.target].compiler, ELF[self.target].runner
        flags = MODES[MODE_OF.get(mode, mode)]
        run([*driver, *flags, f'-fuse-ld={linker}', f'-B{linker_folder()}', *objects, '-o', out, *libraries, *rest])
        return [*runner, self.loader(), out] if mode == 'shared' else [*runner, out]

    def link_apple(self, link, out, inputs, cxx):
        linker, *modes = link.split('-')
        inputs = [*inputs, *(machorun.cxx_runtime(self.target) if cxx else []), machorun.unwinder(self.target)]
        if linker == 'zig':
            run([*zig('-target', apple.MACHINES[self.target][2]), *inputs, '-o', out])
        else:
            flags = {'gc': '-dead_strip', 'all': '-all_load', 'objc': '-ObjC'}
            run(apple.ld64(self.target, out, inputs, [flags[mode] for mode in modes]))
        return [*machorun.loader(self.target), out]

    def said(self, path, option, pattern):
        """What readelf, or objdump for Apple, prints of a file, as much as fits the pattern."""
        tool = [versioned('llvm-objdump'), '--macho'] if self.apple else [versioned('llvm-readelf')]
        return sorted(found.group(0) for found in re.finditer(pattern, run([*tool, option, path])))

    def loader(self):
        """The program that loads a shared library, for this machine."""
        if self.target == 'x86_64':
            return loader()
        path = cache.folder('bin') / f'loader-{self.target}'
        if not path.exists():
            fresh = path.with_suffix('.new')
            run([*ELF[self.target].compiler, '-x', 'c', '-', '-o', fresh, '-ldl'], stdin=LOADER)
            fresh.rename(path)
        return path

    def program_flags(self, link):
        """Options for a program's sources, by how it is linked; a shared library's `main` is its entry."""
        if not self.elf:
            return PROGRAM
        mode = link.partition('-')[2]
        flags = [flag for flag in MODES[MODE_OF.get(mode, mode)] if flag.startswith('-f')]
        return [*PROGRAM, *flags, *(['-Dmain=entry'] if mode == 'shared' else [])]


MODE_OF = {'': 'pie', 'gc': 'gc-sections', 'nopie': 'no-pie'}


# Meld, with an object for each export.
PIECES = 'pieces'


def known_as(strategy):
    """What cases call it."""
    return 'meld' if strategy == PIECES else strategy


class Refused(AssertionError):
    """The engine's errors."""

    def __init__(self, errors):
        super().__init__('; '.join(f'{e["message"]} ({e["code"]})' for e in errors))
        self.errors = errors


class Bench:
    """Builds one case for one target."""

    def __init__(self, case, target, engine, folder):
        self.case, self.target, self.engine, self.folder = case, target, engine, Path(folder)
        self.tools = Tools(target)
        self.objects, self.done = {}, {}
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in case.files.items():
            (self.folder / name).write_text(text.lstrip('\n'))

    def once(self, key, make):
        """What `make` gave or raised, which it does once for a key."""
        if key not in self.done:
            try:
                self.done[key] = make(), None
            except (AssertionError, OSError, subprocess.SubprocessError) as problem:
                self.done[key] = None, problem
        result, problem = self.done[key]
        if problem:
            raise problem
        return result

    def compiled(self, group, sources, flags):
        """Objects of sources, in the order in which they are written down."""
        def make():
            objects = []
            for name, text in sources.items():
                source = self.folder / group / name
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text(text.lstrip('\n'))
                objects.append(source.with_name(f'{source.name}.o'))
                self.tools.object(self.case, f'{group.partition("@")[0]}/{name}', source, objects[-1], flags)
            return objects

        return self.once(group, make)

    def built(self):
        """The libraries as built, by name."""
        def make():
            home = self.folder / BUILT
            home.mkdir(exist_ok=True)
            pic = ['-fPIC'] if self.tools.elf else []
            libraries = {}
            for name, sources in self.case.libraries.items():
                libraries[name] = home / self.tools.file_name(name)
                objects = self.compiled(name, sources, [*LIBRARY, *pic])
                imports = [member for dll in self.case.bundles.get(name, []) for member in self.imports(dll)]
                if self.case.stripped:
                    self.tools.strip(objects)
                self.tools.library(libraries[name], [*objects, *imports])
            return libraries

        return self.once(BUILT, make)

    def imports(self, dll):
        """The members of a DLL's import library; the DLL lies beside the programs."""
        def make():
            objects = self.compiled(f'dlls/{dll}', self.case.dlls[dll], PROGRAM)
            return self.tools.members(self.tools.dll(dll, self.folder, objects), self.folder / f'imports-{dll}')

        return self.once(('imports', dll), make)

    def combined(self, strategy):
        """What the engine makes of them; `Refused` with its errors."""
        def make():
            out = self.folder / strategy
            shutil.rmtree(out, ignore_errors=True)
            how = {}
            if self.case.manifest:
                how['manifest'] = self.folder / 'manifest.json'
                how['manifest'].write_text(json.dumps({'schema': 1, **self.case.manifest}))
            pieces = ['--granularity', 'export'] if strategy == PIECES else []
            response = request(self.engine, known_as(strategy), self.built().values(), out, exports=self.case.exports,
                               arguments=[*self.case.arguments, *pieces], **how)
            if not response['ok']:
                raise Refused(response['errors'])
            return combined(known_as(strategy), response, out)

        return self.once(('combined', strategy), make)

    def libraries(self, strategy, names):
        """What a program links."""
        if strategy == BUILT:
            libraries = self.built()
            return [libraries[name] for name in (libraries if names is None else names)]
        result = self.combined(strategy)
        # By the names that the case has for them.
        plugins = {library_name(Path(self.tools.file_name(name))): name for name in self.case.libraries}
        chosen = [plugin for plugin in result.plugins if names is None or plugins.get(plugin, plugin) in names]
        return result.link(sorted(chosen, key=(names or list(self.case.libraries)).index))

    def program(self, strategy, program, link):
        """Where it is."""
        suffix = '.exe' if self.target in ('msvc', 'mingw') else ''
        return self.folder / f'{program.name or "program"}.{strategy}.{link}{suffix}'

    def output(self, strategy, program, link):
        """What the program prints, linked so with what the strategy made."""
        def make():
            flags = self.tools.program_flags(link)
            group = f'program@{program.name}{"".join(flags)}'
            objects = self.compiled(group, program.sources, flags)
            command = self.tools.link(self.case, program, link, self.program(strategy, program, link), objects,
                                      self.libraries(strategy, program.libraries))
            return ran(command, PATIENCE.get(self.target, 10))

        return self.once((strategy, program.name, link), make)


def ran(command, patience):
    """A program's output, and how it ended where that was not well."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=patience, text=True, errors='replace', check=False)
    out = ' | '.join(line.strip() for line in done.stdout.strip().splitlines())
    return out if done.returncode == 0 else f'{out} [{done.returncode}]'.strip()


def judge(bench, strategy, program, link):
    """Raises an AssertionError that says what is not as it should be."""
    case, target = bench.case, bench.target
    if strategy != BUILT and (wanted := of_strategy(case.error, strategy)):
        refused(bench, strategy, wanted)
        return
    expected = program.expects(target, strategy, link)
    if strategy != BUILT and known_as(strategy) not in program.apart:
        plain = bench.output(BUILT, program, link)
        assert plain == program.expects(target, BUILT, link), f'as built it prints {plain!r}'
    try:
        found = bench.output(strategy, program, link)
    except Refused as problem:
        if (allowed := of_strategy(case.error, 'may')) and mentions(problem.errors, allowed):
            return
        raise
    assert found in (expected if isinstance(expected, list) else [expected]), \
        f'{case.shows}\n  prints {found!r}\n  not    {expected!r}'
    if strategy != BUILT:
        for wanted in [w for w in [of_strategy(case.warning, strategy)] if w]:
            warnings = bench.combined(strategy).response.get('warnings', [])
            if 'never' in wanted:
                assert not any(w['code'] == wanted['never'] for w in warnings), f'{case.shows}\n  {warnings}'
                continue
            assert mentions(warnings, wanted), f'no such warning: {wanted}: {warnings}'
        for wanted in case.symbols:
            symbol_is(bench, strategy, wanted)
        for wanted in case.says:
            found = [t for path in bench.combined(strategy).libraries()
                     for t in bench.tools.said(path, wanted['option'], wanted['pattern'])]
            assert bool(found) != wanted.get('never', False), f'{case.shows}\n  {wanted}: {found}'
        for option, pattern in case.same.items():
            plain, ours = (bench.tools.said(bench.program(s, program, link), option, pattern) for s in (BUILT, strategy))
            assert plain and ours == plain, f'{case.shows}\n  {ours}\n  not {plain}'


def of_strategy(table, strategy):
    """`{code, names}` for a strategy: a table of all strategies, or one for each."""
    if not table or strategy == 'dedup':
        return None
    if not table.keys().isdisjoint(('code', 'names', 'never')):
        return table if strategy != 'may' else None
    return table.get(known_as(strategy))


def mentions(messages, wanted):
    """Whether one of the engine's messages has this code and names this symbol."""
    return any(wanted.get('code', message['code']) == message['code']
               and wanted.get('names', '') in f'{message["message"]} {message.get("symbol", "")}'
               and message['code'] not in ('internal', 'verify-failed') for message in messages)


def refused(bench, strategy, wanted):
    try:
        bench.combined(strategy)
    except Refused as problem:
        assert mentions(problem.errors, wanted), f'{problem}, not {wanted}'
    else:
        raise AssertionError(f'{bench.case.shows}\n  not refused: {wanted}')


def search_weakly(path, kind):
    """Rewrites a COFF object: its weak externals are searched for in this way."""
    data = bytearray(path.read_bytes())
    at, count = struct.unpack_from('<II', data, 8)
    number = changed = 0
    while number < count:
        place = at + 18 * number
        storage, auxiliary = data[place + 16], data[place + 17]
        if storage == 105 and auxiliary:
            struct.pack_into('<I', data, place + 18 + 4, kind)
            changed += 1
        number += 1 + auxiliary
    assert changed, f'no weak external in {path}'
    path.write_bytes(data)


# A line of `readelf --symbols`: number, value, size, type, binding, visibility, section, name.
ENTRY = re.compile(r'\s*\d+: (?P<value>\S+)\s+(?P<size>\S+) (?P<type>\S+)\s+(?P<bind>\S+)\s+(?P<visibility>\S+)\s+'
                   r'(?P<flags>.*?)(?P<section>\S+) (?P<name>\S+)$')


def entries(paths):
    """All entries of the symbol tables of libraries: dicts of strings."""
    for path in paths:
        for line in run([versioned('llvm-readelf'), '--symbols', '--wide', path]).splitlines():
            if found := ENTRY.match(line):
                yield {**found.groupdict(), 'library': library_name(path)}


def symbol_is(bench, strategy, wanted):
    """Checks `symbols` of a case: some entry of that name is so, or with `never` none is."""
    wanted = dict(wanted)
    if strategy not in wanted.pop('strategies', [strategy]):
        return
    never = wanted.pop('never', False)
    found = [e for e in entries(bench.combined(strategy).libraries()) if fnmatch(e['name'], wanted['name'])]
    fits = [e for e in found if all(fnmatch(e[key], value) for key, value in wanted.items())]
    assert bool(fits) != never, f'{"a" if never else "no"} symbol as {wanted}: {found}'
