#!/usr/bin/env python3
"""Makes programs from seeds, links them with their libraries as built and with what the engine makes of them,
runs them and compares.

    tests/differential/run.py --kind csmith|own|members|both|all --seeds FROM-TO [--jobs N]
    tests/differential/run.py --kind own --seed 17              # one again, and make it smaller

The engine is $DRAGONFIRE or --engine. Each seed chooses its linker and strategies; --linkers and --strategies
say others. Differences are printed, and their folders kept in --keep: sources, objects, commands.txt. Exit
status 1 where there are any.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from differential import csmith, members, own  # noqa: E402
from differential.compare import Bench, Outcome  # noqa: E402
from differential.model import TooLong  # noqa: E402
from differential.platforms import PLATFORMS  # noqa: E402

GENERATORS = {'csmith': csmith.generate, 'own': own.generate, 'members': members.generate}


def examine(kind, seed, *, engine, platform='host', linkers=(), strategies=(), keep=None, without=()):
    """One program: its outcome. Where it differs its folder is kept."""
    place = PLATFORMS[platform]()
    folder = Path(tempfile.mkdtemp(prefix=f'{kind}-{seed}-'))
    try:
        program = GENERATORS[kind](seed, place, without)
        bench = Bench(program, place, engine, folder)
        outcome = bench.examine(linkers or [program.linker], strategies or program.strategies)
        outcome.parts = program.parts
        outcome.how = f'{program.mode}, {" ".join(linkers or [program.linker])}, libraries {" ".join(program.libraries)}'
        if outcome.verdict == 'different' and keep:
            kept = Path(keep) / f'{kind}-{platform}-{seed}'
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(folder, kept)
            (kept / 'difference.txt').write_text(f'{program}: {outcome.how}\n{" ".join(program.parts)}\n{outcome.detail}\n')
            outcome.detail += f'\nkept in {kept}'
    except TooLong as skip:
        outcome = Outcome('skipped', str(skip))
    except Exception:  # noqa: BLE001 - a fault of the generator must not end a long run
        outcome = Outcome('broken', traceback.format_exc())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def smaller(kind, seed, **how):
    """The parts that a program of ours can lack and still differ; what is left."""
    outcome = examine(kind, seed, **how)
    if outcome.verdict != 'different':
        return outcome, ()
    without, parts = [], outcome.parts
    for part in parts:
        fewer = examine(kind, seed, without=(*without, part), **{**how, 'keep': None})
        if fewer.verdict == 'different':
            without.append(part)
    if without:
        outcome = examine(kind, seed, without=tuple(without), **how)
    return outcome, tuple(without)


def one(task):
    kind, seed, how = task
    return kind, seed, examine(kind, seed, **how)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=[*GENERATORS, 'both', 'all'], default='both')
    parser.add_argument('--seeds', default='0-99', help='FROM-TO, both included')
    parser.add_argument('--seed', type=int, help='one, which is made smaller where it differs')
    parser.add_argument('--engine', default=os.environ.get('DRAGONFIRE'))
    parser.add_argument('--platform', choices=PLATFORMS, default='host')
    parser.add_argument('--linkers', default='', help='comma-separated: bfd,lld,mold')
    parser.add_argument('--strategies', default='', help='comma-separated: meld,prelink,dedup')
    parser.add_argument('--jobs', type=int, default=(os.cpu_count() or 1) + 1)  # they wait for processes, too
    parser.add_argument('--keep', default=str(Path(tempfile.gettempdir()) / 'dragonfire-differences'))
    parser.add_argument('--counts', help='a file that always has the counts so far')
    given = parser.parse_args()
    if not given.engine:
        parser.error('name the engine: --engine or $DRAGONFIRE')
    how = {'engine': Path(given.engine).resolve(strict=True), 'platform': given.platform, 'keep': given.keep,
           'linkers': [x for x in given.linkers.split(',') if x], 'strategies': [x for x in given.strategies.split(',') if x]}
    kinds = {'both': ['csmith', 'own'], 'all': list(GENERATORS)}.get(given.kind, [given.kind])
    if given.seed is not None:
        worst = 0
        for kind in kinds:
            outcome, without = smaller(kind, given.seed, **how)
            print(f'{kind} {given.seed}: {outcome.verdict} ({getattr(outcome, "how", "")}; {" ".join(getattr(outcome, "parts", []))})'
                  f'{" without " + " ".join(without) if without else ""} {" ".join(sorted(outcome.warnings))} {" ".join(outcome.refused)}\n{outcome.detail}')
            worst |= outcome.verdict in ('different', 'broken')
        return worst
    first, _, last = given.seeds.partition('-')
    tasks = [(kind, seed, how) for seed in range(int(first), int(last or first) + 1) for kind in kinds]
    return report(tasks, given)


def report(tasks, given):
    counts, refusals, links, more, began = Counter(), Counter(), 0, 0, time.monotonic()

    def summary():
        took = time.monotonic() - began
        lines = [f'{given.platform} {kind}: ' + ', '.join(f'{n} {verdict}' for (k, verdict), n in sorted(counts.items()) if k == kind)
                 for kind in GENERATORS if any(k == kind for k, _ in counts)]
        lines.append(f'{links} links of results compared, {took:.0f} s, {given.jobs} at a time')
        if more:
            lines.append(f'{more} programs that call some exports run constructors that others pull')
        lines += [f'refused: {n} {code}' for code, n in refusals.most_common()]
        return '\n'.join(lines)

    with Pool(given.jobs) as pool:
        for kind, seed, outcome in pool.imap_unordered(one, tasks):
            counts[kind, outcome.verdict] += 1
            refusals.update(outcome.refused)
            links += outcome.links
            more += bool(outcome.more)
            if outcome.verdict in ('different', 'broken'):
                print(f'{kind} {seed}: {outcome.verdict} ({getattr(outcome, "how", "")}; {" ".join(getattr(outcome, "parts", []))}; '
                      f'warned of {" ".join(sorted(outcome.warnings)) or "nothing"})\n{outcome.detail}\n', flush=True)
            elif outcome.verdict == 'skipped' and os.environ.get('SAY_SKIPPED'):
                print(f'{kind} {seed}: {outcome.detail}', flush=True)
            if given.counts:
                Path(given.counts).write_text(summary() + '\n')
    print(summary())
    return any(verdict in ('different', 'broken') for _, verdict in counts)


if __name__ == '__main__':
    sys.exit(main())
