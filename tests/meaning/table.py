#!/usr/bin/env python3
"""What becomes of the cases of tests/meaning, as a table: case, target and program against strategy and link.

    tests/meaning/table.py [--engine PROGRAM] [--targets NAMES] [--strategies NAMES] [--failing] [PATTERN...]

PATTERNs choose cases by name (`commons/*`). `.` is as expected, `differs` another output, `link` a failed
link, `hangs`; else the code of the engine's error. Without --engine: $DRAGONFIRE, else this tree's release
build. --verbose says after the table what was found instead."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from harness import meaning  # noqa: E402
from harness.run import Failed  # noqa: E402


def verdict(bench, strategy, program, link):
    """A word, and what there is to say."""
    try:
        meaning.judge(bench, strategy, program, link)
    except meaning.Refused as problem:
        return problem.errors[0]['code'], str(problem)
    except Failed as problem:
        return 'link', problem.output.strip() or str(problem)
    except subprocess.TimeoutExpired:
        return 'hangs', ''
    except AssertionError as problem:
        return 'differs', str(problem)
    return '.', ''


def rows(case, target, arguments):
    with tempfile.TemporaryDirectory() as folder:
        bench = meaning.Bench(case, target, arguments.engine, folder)
        found = {}
        for on, strategy, program, link in meaning.runs(case):
            if on == target and strategy in arguments.strategies:
                row = found.setdefault(program.name, {})
                row.setdefault(strategy, []).append((link, *verdict(bench, strategy, program, link)))
        return [(case, target, program, row) for program, row in found.items()]


def cell(results):
    """One word where all links agree."""
    words = Counter(word for _, word, _ in results)
    if len(words) == 1:
        return next(iter(words))
    return ' '.join(f'{link}:{word}' for link, word, _ in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('patterns', nargs='*', metavar='PATTERN')
    parser.add_argument('--engine', type=Path, default=os.environ.get('DRAGONFIRE', ROOT / 'target/release/dragonfire'))
    parser.add_argument('--targets', type=lambda text: text.split(','))
    parser.add_argument('--strategies', type=lambda text: text.split(','),
                        default=[meaning.BUILT, 'dedup', 'prelink', 'meld'])
    parser.add_argument('--failing', action='store_true', help='leave out what is all as expected')
    parser.add_argument('--verbose', action='store_true')
    arguments = parser.parse_args()
    chosen = [case for case in meaning.cases()
              if not arguments.patterns or any(fnmatch(case.name, p) or p == case.name for p in arguments.patterns)]
    jobs = [(case, target) for case in chosen for target in case.targets
            if not arguments.targets or target in arguments.targets]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        table = [row for rs in pool.map(lambda job: rows(*job, arguments), jobs) for row in rs]

    totals = Counter()
    print(f'{"case":56} ' + ' '.join(f'{strategy:12}' for strategy in arguments.strategies))
    for case, target, program, row in table:
        cells = [cell(row[s]) if s in row else '' for s in arguments.strategies]
        for strategy, results in row.items():
            totals[strategy, 'right'] += sum(word == '.' for _, word, _ in results)
            totals[strategy, 'all'] += len(results)
        if arguments.failing and set(cells) <= {'.', ''}:
            continue
        print(f'{" ".join(filter(None, [case.name, target, program])):56} ' + ' '.join(f'{c:12}' for c in cells).rstrip())
        for strategy, results in row.items() if arguments.verbose else ():
            for link, word, said in results:
                if word != '.':
                    lines = ' | '.join(line.strip() for line in said.splitlines())
                    print(f'    {strategy} {link}: {lines[:400]}')
    print(f'{"as expected, of all":56} '
          + ' '.join(f'{totals[s, "right"]}/{totals[s, "all"]}'.ljust(12) for s in arguments.strategies))


if __name__ == '__main__':
    main()
