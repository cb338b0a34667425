#!/usr/bin/env python3
"""What debug information costs and whether it is right, on the GStreamer plugins that tests/run builds.

    tests/bench/debug.py [--engine PROGRAM] [--times N] [--places N]

For each way of keeping it: bytes of the libraries, CPU time of meld, time to link a program with all eight (bfd,
lld, mold), bytes of that program before and after `strip -g`. Then, at N places of the program as built, frames
are compared in four tools: those whose answers differ are counted. With 0 places, or fewer than 20 for elfutils,
there is nothing to compare.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from harness import fixtures, frames  # noqa: E402
from harness.engine import Plain, combine  # noqa: E402
from harness.run import run  # noqa: E402
from programs.test_gstreamer import PLUGINS, library, program  # noqa: E402

WAYS = {
    'strip': ['--debug', 'strip'],
    'lines, plain': ['--debug', 'lines', '--debug-compress', 'none'],
    'lines, zlib': ['--debug', 'lines'],
    'full, zlib': ['--debug', 'full'],
}


def cpu(work):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return result, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--engine', type=Path, default=ROOT / 'target/release/dragonfire')
    parser.add_argument('--times', type=int, default=3)
    parser.add_argument('--places', type=int, default=30000)
    args = parser.parse_args()
    libraries = fixtures.gstreamer(args.engine)
    originals = [libraries[library(p)] for p in PLUGINS]
    out = Path(tempfile.mkdtemp(prefix='dragonfire-debug-'))
    try:
        made = {'as built': Plain({library(p): libraries[library(p)] for p in PLUGINS})}
        print(f'{"":14} {"MB":>6} {"CPU s":>6} {"bfd s":>6} {"lld s":>6} {"mold s":>6} {"program":>8} {"strip -g":>8}')
        for name, arguments in [('as built', None), *WAYS.items()]:
            spent = 0.0
            if arguments is not None:
                folder = out / name.replace(', ', '-')
                runs = [cpu(lambda: combine(args.engine, 'meld', originals, folder, arguments=arguments)) for _ in range(args.times)]
                made[name], spent = runs[0][0], min(took for _, took in runs)
            files = made[name].link([library(p) for p in PLUGINS])
            size = sum(os.path.getsize(f) for f in files if os.path.exists(f))
            linked = []
            for linker in ('bfd', 'lld', 'mold'):
                target = out / f'{name}-{linker}'.replace(', ', '-').replace(' ', '-')
                best = []
                for _ in range(args.times):
                    start = time.perf_counter()
                    program(PLUGINS, files, target, linker)
                    best.append(time.perf_counter() - start)
                linked.append(min(best))
            target = out / f'{name}-bfd'.replace(', ', '-').replace(' ', '-')
            whole = target.stat().st_size
            bare = Path(shutil.copy(target, out / 'bare'))
            run(['strip', '-g', bare])
            print(f'{name:14} {size / 1e6:6.1f} {spent:6.2f} {linked[0]:6.2f} {linked[1]:6.2f} {linked[2]:6.2f} '
                  f'{whole / 1e6:8.1f} {bare.stat().st_size / 1e6:8.1f}', flush=True)
        one, other = out / 'as-built-bfd', out / 'lines-zlib-bfd'
        for tool, share in (('llvm', 1), ('crate', 1), ('gnu', 1), ('elfutils', 20)):
            places = frames.common_places(one, other, args.places // share)
            if tool == 'elfutils':
                # It knows no inlined functions as built: the places are compared.
                before = frames.frames(tool, one, [a for a, _ in places])
                after = frames.frames(tool, other, [b for _, b in places])
                wrong = [a for a, b in zip(before, after) if a[0].known and a[0].place != b[0].place]
                known = sum(a[0].known for a in before)
            else:
                wrong, known = frames.differences(tool, one, other, places)
            print(f'{tool}: {len(places)} places, {known} known as built, {len(wrong)} different', flush=True)
    finally:
        shutil.rmtree(out)


if __name__ == '__main__':
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(str(e))
