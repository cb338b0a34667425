#!/usr/bin/env python3
"""Runs lld's tests of ELF from a checkout plainly, and with every link's own objects passed through prelink.

    tests/tools/lld_tests.py CHECKOUT [NAME...] [--llvm /usr/lib/llvm-19] [--jobs 2] [--keep FOLDER] [--features x86,aarch64]

CHECKOUT is LLVM's source of the version of the tools, LLVM those tools: lld, FileCheck, not, split-file, llvm-mc and
what prints objects (Debian: lld-19, llvm-19, llvm-19-tools). The engine is $DRAGONFIRE. Most of these tests look at
addresses, which nobody promises; so each link is made both ways and compared (compare_links.py), and a test that fails
is counted by what that says. `dropped`: it passes when nothing is dropped that the exports do not reach, and every object
is pulled (all are linked plainly; an archive gives what is asked of it). None of lld's code is in this repository.
"""

import argparse
import errno
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE = 180
BUILT = {'x86', 'aarch64', 'amdgpu', 'arm', 'avr', 'hexagon', 'loongarch', 'mips', 'msp430', 'ppc', 'riscv', 'sparc', 'systemz', 'wasm'}
HAVE = {'system-linux', 'shell', 'gnutar', 'zlib', 'zstd', 'libxml2', 'llvm-64-bits', 'plugins', 'default_triple'}


def holds(condition, features):
    """`x86, !system-windows` and the like."""
    def word(match):
        return match[0] if match[0] in ('and', 'or', 'not') else str(match[0] in features)
    text = condition.replace('&&', ' and ').replace('||', ' or ').replace(',', ' and ').replace('!', ' not ')
    return bool(eval(re.sub(r'[A-Za-z_][\w.-]*', word, text)))  # pylint: disable=eval-used


class Test:
    def __init__(self, path, root):
        self.path, self.name = path, str(path.relative_to(root))
        self.lines, self.requires, unfinished = [], [], None
        self.expected_to_fail = False
        for number, line in enumerate(path.read_text(errors='replace').splitlines(), 1):
            if match := re.search(r'(REQUIRES|UNSUPPORTED|XFAIL|RUN):\s*(.*)', line):
                key, text = match[1], match[2].strip()
                if key == 'RUN':
                    if unfinished is not None:
                        self.lines[-1] = (unfinished, self.lines[-1][1][:-1] + ' ' + text)
                    else:
                        self.lines.append((number, text))
                    unfinished = self.lines[-1][0] if text.endswith('\\') else None
                elif key == 'REQUIRES' and text:
                    self.requires.append(text)
                elif key == 'UNSUPPORTED' and text:
                    self.requires += [f'!({part})' for part in text.split(',')]
                else:
                    self.expected_to_fail = True

    def script(self, folder):
        stem = folder / (self.path.name + '.tmp')
        words = {'%s': self.path, '%S': self.path.parent, '%p': self.path.parent, '%t': stem, '%T': folder, '%%': '%', '%/s': self.path,
                 '%/S': self.path.parent, '%/t': stem, '%:s': self.path, '%python': sys.executable, '%basename_t': stem.name,
                 '%errc_ENOENT': f"'{os.strerror(errno.ENOENT)}'", '%errc_EISDIR': f"'{os.strerror(errno.EISDIR)}'",
                 '%errc_EACCES': f"'{os.strerror(errno.EACCES)}'", '%errc_EINVAL': f"'{os.strerror(errno.EINVAL)}'"}
        pattern = re.compile('|'.join(re.escape(k) for k in sorted(words, key=len, reverse=True)))
        text = ['set +B -o pipefail']
        for number, line in self.lines:
            line = pattern.sub(lambda m: str(words[m[0]]), line)
            text.append(f'{{ {line}\n}} || {{ echo "failed: {number}: "{shlex.quote(line)} >&2; exit 1; }}')
        return '\n'.join(text) + '\n'


def run(test, folder, given, prelinking, keep_all=False):
    """Does it pass; what it printed; what the linker in front did."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / 'bin').mkdir(parents=True)
    (folder / 'work').mkdir()
    real = given.llvm / 'bin/ld.lld'
    if prelinking:
        ld = folder / 'bin/ld.lld'
        ld.write_text(f'#!/bin/sh\nREAL_LD={real} exec {sys.executable} {HERE / "prelinking_ld.py"} "$@"\n')
        ld.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith('PRELINKING_')}
    env |= {'PATH': f'{folder / "bin"}:{given.llvm / "bin"}:{os.environ["PATH"]}', 'LC_ALL': 'C', 'LLD_IN_TEST': '1', 'LLD_VERSION': 'LLD 1.0',
            'PRELINKING_LOG': str(folder / 'log'), 'PRELINKING_COMPARE': '1', 'READELF': 'llvm-readelf', 'AR': 'llvm-ar', 'OBJCOPY': 'llvm-objcopy'}
    if keep_all:
        env['PRELINKING_KEEP_ALL'] = '1'
    (folder / 'script').write_text(test.script(folder / 'work'))
    with open(folder / 'printed', 'wb') as out:
        process = subprocess.Popen(['bash', folder / 'script'], cwd=folder / 'work', env=env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
    text = (folder / 'printed').read_text(errors='replace')
    log = folder / 'log'
    return not status, text, log.read_text(errors='replace') if log.exists() else ''


def reasons(log):
    """What the logs say, the gravest first."""
    if codes := sorted(set(re.findall(r'^refused: ([a-z-]+)', log, re.M))):
        return 'refused: ' + ', '.join(codes)
    kinds = re.findall(r'^differs: ([a-z ]+):', log, re.M)
    order = ['status', 'messages', 'dynamic table', 'dynamic symbols', 'relocations', 'global symbols', 'sections made', 'header', 'notes', 'segments',
             'sections']
    kind = next((k for k in order if k in kinds), None)
    if match := re.search(r'^differs: status: (\d+), prelinked (\d+).*?error: (.{60})', log, re.M):
        kind = f'status: {match[1]}, prelinked {match[2]}: {re.sub(r":.*|[^ ]*/.*", "", match[3])}'
    return f'differs in {kind}' if kind else 'places, order or maps alone' if 'prelinked' in log else 'nothing prelinked'


def examine(test, given):
    if not test.lines or test.expected_to_fail or not all(holds(c, given.have) for c in test.requires):
        return test, 'skipped', '', ''
    folder = Path(given.keep or tempfile.mkdtemp(prefix='lld-tests-')).resolve() / test.name.replace('/', '-')
    try:
        passes, _, _ = run(test, folder / 'plain', given, False)
        if not passes:
            return test, 'fails plainly', '', ''
        passes, _, log = run(test, folder / 'so', given, True)
        if passes:
            touched = 'prelinked' if re.search('^prelinked', log, re.M) else 'nothing prelinked'
            return test, 'passes', touched, log
        if 'refused' not in log:
            # What is not dropped says more about the rest.
            passes, _, log = run(test, folder / 'keep', given, True, True)
            if passes:
                return test, 'fails', 'dropped', log
        return test, 'fails', reasons(log), log
    finally:
        if not given.keep:
            shutil.rmtree(folder.parent, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('checkout', type=Path, help='the folder that holds lld/')
    parser.add_argument('names', nargs='*', help='patterns of names below lld/test/ELF')
    parser.add_argument('--llvm', type=Path, default=Path('/usr/lib/llvm-19'))
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--keep', help='a folder for what the tests make')
    parser.add_argument('--features', default='x86', help='CPUs: a test that requires others is left out')
    given = parser.parse_args()
    if 'DRAGONFIRE' not in os.environ:
        parser.error('name the engine: $DRAGONFIRE')
    given.have = HAVE | set(given.features.split(',')) & BUILT
    root = given.checkout.resolve() / 'lld/test/ELF'
    paths = [p for p in sorted(root.rglob('*')) if p.suffix in ('.s', '.test', '.ll', '.yaml') and 'Inputs' not in p.parts
             and (not given.names or any(p.relative_to(root).match(n) for n in given.names))]
    counts, reasons_of, softly = Counter(), defaultdict(list), defaultdict(list)
    with ThreadPoolExecutor(given.jobs) as pool:
        for test, verdict, reason, log in pool.map(lambda p: examine(Test(p, root), given), paths):
            counts[verdict, reason if verdict == 'passes' else ''] += 1
            if verdict == 'fails':
                reasons_of[reason].append(test.name)
                print(f'{test.name}: fails so: {reason}', flush=True)
            elif verdict == 'passes' and 'differs' in log:
                softly[reasons(log)].append(test.name)
                print(f'{test.name}: passes so; {reasons(log)}', flush=True)
            elif given.names:
                print(f'{test.name}: {verdict} {reason}', flush=True)
    passing = sum(n for (verdict, _), n in counts.items() if verdict == 'passes')
    failing = counts['fails', '']
    print(f'\n{len(paths)} tests; {counts["skipped", ""]} skipped, {counts["fails plainly", ""]} fail plainly, {passing + failing} pass plainly.\n'
          f'Of those {passing} pass prelinked ({counts["passes", "prelinked"]} with objects that were prelinked), {failing} do not:')
    for reason, names in sorted(reasons_of.items(), key=lambda item: -len(item[1])):
        print(f'{len(names):5} {reason}')
    print('Links that differ although the test passes:')
    for reason, names in sorted(softly.items(), key=lambda item: -len(item[1])):
        print(f'{len(names):5} {reason}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
