#!/usr/bin/env python3
"""What works for which target, done here and now: the plugins of tests/workspace are built for it (or taken
from the cache), combined by every strategy there is for it, inspected, linked into a program, and run.

    tests/bench/targets.py [--engine PROGRAM] [--out FILE] [TARGET...]

Writes a table in Markdown; a cell says what was done, or what failed. With the Python environment that
tests/run makes: $DRAGONFIRE_CACHE/venv/bin/python. Exit status 1 where anything failed.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from harness import android, apple, fixtures, link, machorun, windows  # noqa: E402
from harness.cross import ELF, TARGETS  # noqa: E402
from harness.engine import APPLE_STRATEGIES, STRATEGIES, combine  # noqa: E402
from harness.fixtures import PLUGINS, defines, exports  # noqa: E402
from harness.run import run  # noqa: E402

HOST = ROOT / 'tests' / 'workspace' / 'host' / 'main.c'
COLUMNS = ['target', 'strategy', 'MB before', 'MB after', 'inspect', 'link', 'run']


@dataclass
class Linked:
    """A program or library, what linked it, and how it is run or looked at."""
    by: str
    # Gives the cell's text; an exception where it does not work.
    try_it: callable


def runs(by, how, command):
    return Linked(by, lambda: (link.check(command, timeout=300), how)[1])


def on_host(combined, out):
    program = link.program(out, [HOST], combined.link(), defines=defines(PLUGINS, combined.strategy))
    return runs('gcc, bfd', 'natively', program)


def elf(target, how):
    def by(combined, out):
        program = target.program(out, [HOST], combined.link(), defines=defines(PLUGINS, combined.strategy))
        return runs(target.compiler[0] if target.runner else 'Zig, static', how, program)
    return by


def on_windows(linker, by):
    return lambda combined, out: runs(by, 'wine', linker(
        out, [HOST], combined.link(), defines=defines(PLUGINS, combined.strategy)))


def for_android(combined, out):
    android.shared(out, HOST, [str(a).removeprefix('-Wl,') for a in combined.link()],
                   defines=defines(PLUGINS, combined.strategy))

    def look():
        exported = fixtures.entry_points(combined.plugins, PLUGINS)
        visible = android.visible(out)
        assert exported <= visible
        return f'not here; {len(visible)} dynamic symbols, {len(exported)} of them exports'
    return Linked('lld, shared', look)


def for_apple(name):
    def by(combined, out):
        macros = defines(PLUGINS, combined.strategy)
        programs = []
        for linker, linked_by in apple.LINKERS.items():
            programs.append(out.with_name(linker))
            linked_by(name, programs[-1], HOST, combined.link(), defines=macros, runs=True)

        def look():
            said = []
            for program in programs:
                if (program.name, name) in apple.RUNS:
                    machorun.check(name, program)
                found = apple.look(program)
                assert fixtures.entry_points(combined.plugins, PLUGINS) & found.exported and found.unwound
                said.append(f'{len(found.unwound)} unwind entries, {len(found.personalities)} personality')
            emulator = [command.removesuffix('-static') for command in machorun.loader(name)[:-1]]
            return ', '.join(['machorun', *emulator]) + '; ' + ' / '.join(said)
        return Linked('ld64.lld / Zig', look)
    return by


# By target: what links there, and the strategies that know its format.
WAYS = {
    'x86_64-unknown-linux-gnu': (None, on_host, STRATEGIES),
    **{target.triple: (target, elf(target, f'qemu-{name}' if target.runner else 'natively'), STRATEGIES)
       for name, target in ELF.items()},
    'aarch64-linux-android': (TARGETS['android'], for_android, STRATEGIES),
    'x86_64-pc-windows-msvc': (TARGETS['msvc'], on_windows(windows.msvc, 'lld-link'), STRATEGIES),
    'x86_64-pc-windows-gnu': (TARGETS['mingw'], on_windows(windows.mingw, 'MinGW, bfd'), STRATEGIES),
    'aarch64-apple-darwin': (TARGETS['macos'], for_apple('macos'), APPLE_STRATEGIES),
    'x86_64-apple-darwin': (TARGETS['macos-x86_64'], for_apple('macos-x86_64'), APPLE_STRATEGIES),
}


def inspect(engine, triple, libraries):
    response = json.loads(run([engine, 'inspect', '--json', '--target', triple, *libraries]))
    needed = [e['provider']['kind'] for e in response['inspection']['externals']
              if e['provider']['kind'] != 'given-library' and not e['weak']]
    nobody = sum(kind == 'unknown' for kind in needed)
    return f'{len(needed)} symbols needed' + (f', {nobody} of them nobody has' if nobody else '')


class Table:
    def __init__(self, engine):
        self.engine, self.rows, self.failed = engine, [], False

    def cell(self, row, column, work):
        """Puts what `work` says into the row; gives its result unless it failed."""
        try:
            said, result = work()
        except Exception as error:  # noqa: BLE001
            self.failed = True
            lines = [line for line in str(error).splitlines() if 'rror' in line] or [str(error)]
            said, result = 'FAILED: ' + lines[-1][:120].replace('|', '/'), None
        row[column] = said
        return result

    def target(self, triple, folder):
        target, ways, strategies = WAYS[triple]
        libraries = None
        for strategy in strategies:
            row = dict.fromkeys(COLUMNS, '')
            row |= {'target': triple, 'strategy': strategy}
            self.rows.append(row)
            if libraries is None:
                def build():
                    made = fixtures.workspace(target)
                    return f'{sum(made[p].stat().st_size for p in PLUGINS) / 1e6:.1f}', made
                libraries = self.cell(row, 'MB before', build)
            if libraries:
                row['MB before'] = f'{sum(libraries[p].stat().st_size for p in PLUGINS) / 1e6:.1f}'
                self.strategy(row, triple, ways, libraries, folder / f'{triple}-{strategy}')

    def strategy(self, row, triple, ways, libraries, folder):
        folder.mkdir()

        def combining():
            strip = [] if row['strategy'] == 'dedup' else ['--debug', 'strip']
            made = combine(self.engine, row['strategy'], [libraries[p] for p in PLUGINS], folder / 'lib',
                           exports=[p for library in PLUGINS for p in exports(library)], arguments=strip)
            return f'{sum(path.stat().st_size for path in made.libraries()) / 1e6:.1f}', made

        def linking():
            made = ways(combined, folder / 'program')
            return made.by, made

        combined = self.cell(row, 'MB after', combining)
        if combined:
            self.cell(row, 'inspect', lambda: (inspect(self.engine, triple, combined.libraries()), None))
            if linked := self.cell(row, 'link', linking):
                self.cell(row, 'run', lambda: (linked.try_it(), None))

    def markdown(self):
        lines = [' | '.join(['', *COLUMNS, '']).strip(), ' | '.join(['', *['---'] * len(COLUMNS), '']).strip()]
        lines += [' | '.join(['', *(row[c] for c in COLUMNS), '']).strip() for row in self.rows]
        return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('targets', nargs='*', metavar='TARGET', help=', '.join(WAYS))
    parser.add_argument('--engine', type=Path, default=ROOT / 'target/release/dragonfire')
    parser.add_argument('--out', type=Path, help='the table goes here, else to standard output')
    args = parser.parse_args()
    if strangers := set(args.targets) - set(WAYS):
        parser.error(f'unknown: {", ".join(sorted(strangers))}; known: {", ".join(WAYS)}')
    table = Table(args.engine.resolve())
    with tempfile.TemporaryDirectory(prefix='dragonfire-targets-') as folder:
        for triple in args.targets or WAYS:
            started = time.monotonic()
            table.target(triple, Path(folder))
            print(f'{triple}: {time.monotonic() - started:.0f} s', file=sys.stderr)
    if args.out:
        args.out.write_text(table.markdown())
    else:
        print(table.markdown(), end='')
    return 1 if table.failed else 0


if __name__ == '__main__':
    sys.exit(main())
