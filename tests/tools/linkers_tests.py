#!/usr/bin/env python3
"""Runs mold's tests from a checkout plainly, and with every program's own objects passed through prelink.

    tests/tools/linkers_tests.py CHECKOUT [NAME...] [--linker mold] [--jobs 2] [--keep FOLDER]

Prints a table: which pass plainly, which of those pass so too, and why the others do not. The engine is
$DRAGONFIRE. None of their code is in this repository: any public checkout will do.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 120


def working_folder(folder, linker, prelinking):
    """What the tests expect in the folder where they run: `mold` and `ld`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ('mold', 'ld.mold'):
        (folder / name).symlink_to(linker)
    ld = folder / 'ld'
    if prelinking:
        ld.write_text(f'#!/bin/sh\nREAL_LD={linker} exec {sys.executable} {HERE / "prelinking_ld.py"} "$@"\n')
        ld.chmod(0o755)
    else:
        ld.symlink_to(linker)
    return folder


def run(test, folder, log):
    """passes, skipped, fails; what it printed; what the linker in front did."""
    env = {**os.environ, 'PRELINKING_LOG': str(log), 'LC_ALL': 'C'}
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(['bash', test], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
        out.seek(0)
        text = out.read().decode(errors='replace')
    verdict = 'fails' if status else 'skipped' if re.search(r'^(\+ echo )?skipped$', text, re.M) else 'passes'
    return verdict, text, log.read_text() if log.exists() else ''


def examine(test, given, linker):
    name = test.stem
    folder = Path(given.keep or tempfile.mkdtemp(prefix='linkers-')) / name
    shutil.rmtree(folder, ignore_errors=True)
    try:
        plainly, _, _ = run(test, working_folder(folder / 'plain', linker, False), folder / 'plain.log')
        if plainly != 'passes':
            return name, plainly, '', ''
        so, text, log = run(test, working_folder(folder / 'so', linker, True), folder / 'so.log')
        (folder / 'so.txt').write_text(text)
        if so == 'passes':
            return name, plainly, so, 'prelinked' if 'prelinked' in log else 'nothing prelinked'
        refused = re.search(r'refused: (.*)', log)
        lines = [line for line in text.splitlines() if not line.startswith('+')]
        failed = next((line for line in lines if line.startswith('command failed')), '')
        said = [line for line in lines if 'error' in line or 'undefined' in line or 'fault' in line.lower()]
        return name, plainly, so, refused[0] if refused else f'{failed}; {" | ".join(said[-2:])}'
    finally:
        if not given.keep:
            shutil.rmtree(folder.parent, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('checkout', type=Path)
    parser.add_argument('names', nargs='*')
    parser.add_argument('--linker', default='mold')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--keep', help='a folder for what the tests make')
    given = parser.parse_args()
    if 'DRAGONFIRE' not in os.environ:
        parser.error('name the engine: $DRAGONFIRE')
    linker = Path(shutil.which(given.linker) or parser.error(f'no {given.linker}')).resolve()
    machine = os.uname().machine
    tests = [t for t in sorted((given.checkout.resolve() / 'test').glob('*.sh'))
             if (not t.name.startswith('arch-') or t.name.startswith(f'arch-{machine}-'))
             and (not given.names or t.stem in given.names)]
    counts, touched = Counter(), 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for name, plainly, so, why in pool.map(lambda t: examine(t, given, linker), tests):
            counts[plainly, so] += 1
            touched += why == 'prelinked'
            if so == 'fails' or given.names:
                print(f'{name:45} {plainly} plainly, {so or "-"} so: {why}'[:400], flush=True)
    passing = counts['passes', 'passes'] + counts['passes', 'fails']
    print(f'\n{len(tests)} tests; {counts["skipped", ""]} skipped, {counts["fails", ""]} fail plainly, {passing} pass plainly.\n'
          f'Of those {counts["passes", "passes"]} pass prelinked ({touched} with objects that were prelinked), '
          f'{counts["passes", "fails"]} do not.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
