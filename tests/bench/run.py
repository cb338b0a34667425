#!/usr/bin/env python3
"""Speed, memory and size of the strategies on real libraries, as ratios within one run.

    tests/bench/run.py [--engine PROGRAM] [--times N] [--json FILE] LIB...

Best of N (5), inputs in the page cache, outputs on tmpfs where there is one. What other tools take
is measured beside it: cp and sha256sum of the same files, the same deduplication with llvm-ar, and,
where `armerge` is on PATH, prelinking each library with it. With the GStreamer libraries that
tests/run builds: tests/bench/run.py ~/.cache/dragonfire-tests/libraries/gstreamer/*/*.a
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def timed(work, times, before=lambda: None):
    best = None
    for _ in range(times):
        before()
        start = time.perf_counter()
        work()
        took = time.perf_counter() - start
        best = took if best is None else min(best, took)
    return best


def quiet(command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def anonymous_memory(command):
    """Peak of RssAnon in bytes, sampled."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            for line in Path(f'/proc/{process.pid}/status').read_text().splitlines():
                if line.startswith('RssAnon:'):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            pass
        time.sleep(0.001)
    return peak


def by_llvm_ar(libraries, work, ar):
    """What a script around llvm-ar does: unpack, find equal members, pack anew with an index."""
    shutil.rmtree(work, ignore_errors=True)
    seen = {}
    members = []
    for library in libraries:
        folder = work / library.stem
        folder.mkdir(parents=True)
        subprocess.run([ar, 'x', '--output', folder, library], check=True)
        for member in sorted(folder.iterdir()):
            digest = hashlib.blake2b(member.read_bytes()).digest()
            seen.setdefault(digest, []).append(library)
            members.append((library, member, digest))
    own = {library: [] for library in libraries}
    shared = {}
    for library, member, digest in members:
        if len(set(seen[digest])) > 1:
            shared.setdefault(digest, member)
        else:
            own[library].append(member)
    for library, kept in own.items():
        quiet([ar, 'rcs', work / library.name, *kept])
    quiet([ar, 'rcs', work / 'libshared.a', *shared.values()])


def size(folder):
    return sum(path.stat().st_size for path in Path(folder).glob('*.a'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('libraries', nargs='+', type=Path)
    parser.add_argument('--engine', type=Path, default=ROOT / 'target/release/dragonfire')
    parser.add_argument('--times', type=int, default=5)
    parser.add_argument('--json', type=Path)
    parser.add_argument('--exports', nargs='*', default=[])
    args = parser.parse_args()
    libraries = sorted(args.libraries)
    before = sum(path.stat().st_size for path in libraries)
    memory = Path('/dev/shm')
    base = memory if memory.is_dir() and shutil.disk_usage(memory).free > 3 * before else None
    out = Path(tempfile.mkdtemp(prefix='dragonfire-bench-', dir=base))
    figures = {}
    try:
        for path in libraries:
            path.read_bytes()
        # `--` ends the patterns.
        exports = [part for pattern in args.exports for part in ('--exports', pattern)]

        def engine(strategy, some=libraries, *more):
            return [args.engine, strategy, '--quiet', '--out', out / strategy, *more, *exports, '--', *some]

        def fresh(folder):
            return lambda: shutil.rmtree(out / folder, ignore_errors=True)

        def cp():
            (out / 'cp').mkdir()
            quiet(['cp', *libraries, out / 'cp'])

        seconds = {
            'cp': timed(cp, args.times, fresh('cp')),
            'sha256sum': timed(lambda: quiet(['sha256sum', *libraries]), args.times),
        }
        shutil.rmtree(out / 'cp')
        for strategy in ('dedup', 'meld', 'prelink'):
            more = [] if strategy == 'dedup' else ['--symbols', 'exports', '--debug', 'strip']
            seconds[strategy] = timed(lambda: quiet(engine(strategy, libraries, *more)), args.times, fresh(strategy))
            figures[f'{strategy} bytes'] = size(out / strategy)
            figures[f'{strategy} anonymous memory'] = anonymous_memory(engine(strategy, libraries, *more))
        for count in (2, 4, 8):
            if count <= len(libraries):
                some = libraries[:count]
                took = timed(lambda: quiet(engine('meld', some, '--debug', 'strip')), args.times, fresh('meld'))
                figures[f'meld of {count}: seconds per GB'] = took / sum(p.stat().st_size for p in some) * 1e9
        if ar := shutil.which('llvm-ar-19') or shutil.which('llvm-ar'):
            seconds['dedup with llvm-ar'] = timed(lambda: by_llvm_ar(libraries, out / 'ar', ar), 1)
            shutil.rmtree(out / 'ar', ignore_errors=True)
        if armerge := shutil.which('armerge'):
            def merge():
                for path in libraries:
                    quiet([armerge, '-k', '^gst_plugin_', '-o', out / f'{path.stem}.armerge', path])
            try:
                seconds['armerge of each'] = timed(merge, 1)
                figures['armerge bytes'] = sum(path.stat().st_size for path in out.glob('*.armerge'))
            except subprocess.CalledProcessError as e:
                # The `ranlib` that it calls may stumble over joined bitcode sections.
                print(f'armerge ended with status {e.returncode}: not measured')
        figures['seconds'] = seconds
        figures['bytes as built'] = before
    finally:
        shutil.rmtree(out)

    for name, took in seconds.items():
        print(f'{name:22} {took:7.3f} s   {took / seconds["cp"]:6.2f} times cp   {took / seconds["sha256sum"]:6.2f} times sha256sum')
    for name, value in figures.items():
        if name.endswith(('bytes', 'memory')):
            print(f'{name:26} {value / 1e6:8.2f} MB')
        elif not isinstance(value, dict):
            print(f'{name:26} {value:8.2f}')
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')


if __name__ == '__main__':
    main()
