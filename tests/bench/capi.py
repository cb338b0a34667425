#!/usr/bin/env python3
"""What programs pay for calls into the libraries of tests/capi: exports, pieces, bytes shipped, and the size of a
program that calls one function, by granularity, beside what each linker makes of the libraries as built.

    tests/bench/capi.py [--engine PROGRAM] [--found] [MORE ARGUMENTS FOR meld]

--found leaves the exports to the engine. The libraries are those that tests/run builds, in its cache.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from harness import capi, link  # noqa: E402
from harness.engine import combine  # noqa: E402
from harness.run import run  # noqa: E402

GRANULARITIES = ['plugin', 'export', 'auto']


def members(archive):
    return len(run(['ar', 't', archive]).splitlines())


def smallest(sizes):
    return min(sizes.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--engine', type=Path, default=ROOT / 'target/release/dragonfire')
    parser.add_argument('--found', action='store_true')
    args, more = parser.parse_known_args()
    libraries = capi.libraries()
    exports = capi.exports()
    patterns = [] if args.found else [name for found in exports.values() for name in found]
    plain = capi.plain_sizes()
    out = Path(tempfile.mkdtemp(prefix='dragonfire-bench-'))
    try:
        made = {
            granularity: combine(args.engine, 'meld', libraries.values(), out / granularity, exports=patterns,
                                 workspace_library='capishared', arguments=['--granularity', granularity, *more])
            for granularity in GRANULARITIES
        }
        program = out / 'program'

        def one_calls(name, granularity):
            return {linker: capi.one_call(program, name, made[granularity].link([name]), linker=linker)
                    for linker in link.LINKERS}

        print('Libraries: exports, members and kB shipped')
        print(f'{"":18}{"exports":>8}', *(f'{g + " members":>16}{"kB":>8}' for g in GRANULARITIES))
        for name in [*capi.NAMES, 'shared']:
            paths = [made[g].workspace if name == 'shared' else made[g].plugins[name] for g in GRANULARITIES]
            count = len(exports[name]) if name in exports else ''
            print(f'{name:18}{count:>8}', *(f'{members(p):>16}{p.stat().st_size / 1e3:>8.0f}' for p in paths))
        total = {g: sum(p.stat().st_size for p in made[g].libraries()) for g in GRANULARITIES}
        print(f'{"all":18}{sum(map(len, exports.values())):>8}', *(f'{"":16}{total[g] / 1e3:>8.0f}' for g in GRANULARITIES))
        print(f'{"":26}', *(f'{"":16}{total[g] / total["plugin"] - 1:>+8.1%}' for g in GRANULARITIES))

        print('\nPrograms with one call, bytes: as built with --gc-sections, and melded without (the smallest of the '
              'linkers, over the smallest as built)')
        print(f'{"":18}', *(f'{linker:>9}' for linker in link.LINKERS), *(f'{g:>16}' for g in GRANULARITIES))
        for name in capi.NAMES:
            base = plain['one'][name]
            sizes = [smallest(one_calls(name, g)) for g in GRANULARITIES]
            print(f'{name:18}', *(f'{base[linker]:>9}' for linker in link.LINKERS),
                  *(f'{size:>9} ({size / smallest(base):5.2f})' for size in sizes))
        base = plain['every']
        found = {name: exports[name] for name in capi.TOGETHER}
        sizes = [min(capi.every_call(program, found, made[g].link(capi.TOGETHER), linker=linker) for linker in link.LINKERS)
                 for g in GRANULARITIES]
        print(f'{"every export":18}', *(f'{base[linker]:>9}' for linker in link.LINKERS),
              *(f'{size:>9}({size / smallest(base):6.3f})' for size in sizes))
    finally:
        shutil.rmtree(out)


if __name__ == '__main__':
    main()
