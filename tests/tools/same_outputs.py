#!/usr/bin/env python3
"""Do two engines make the same of all fixtures, byte for byte? Every strategy on the libraries of
tests/workspace, tests/hard and tests/gstreamer, for the targets whose libraries are there or can be built.

    tests/tools/same_outputs.py OLD NEW [TARGET...]

With the Python environment that tests/run makes: $DRAGONFIRE_CACHE/venv/bin/python. Prints a line for each
difference and a count; exit status 1 where anything differs, or where an engine failed alone.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))

from harness import fixtures  # noqa: E402
from harness.cross import TARGETS  # noqa: E402

# What a run is asked for besides its libraries.
WAYS = [
    ('dedup', []),
    ('prelink', ['--symbols', 'keep']),
    ('prelink', ['--symbols', 'exports']),
    ('meld', ['--symbols', 'keep']),
    ('meld', ['--symbols', 'exports', '--report', '{out}/report.html', '--pkg-config', '--libtool', '--cmake']),
]


def sets(engine, target):
    """Named lists of libraries, with export patterns."""
    workspace = fixtures.workspace(target)
    yield 'workspace', [workspace[p] for p in fixtures.PLUGINS], [e for p in fixtures.PLUGINS
                                                                  for e in fixtures.exports(p)]
    hard = fixtures.hard(target)
    groups = {}
    for name, path in hard.items():
        groups.setdefault(name.split('_')[1] if '_' in name else name, []).append(path)
    for name, libraries in groups.items():
        yield f'hard-{name}', libraries, ['hard_*']
    if target is None:
        gstreamer = fixtures.gstreamer(engine)
        yield 'gstreamer', [gstreamer[f'gst{p}'] for p in fixtures.GSTREAMER], []


def made(engine, strategy, extra, libraries, exports, out):
    """The digests of all files that a run wrote, or the codes of its errors."""
    command = [engine, strategy, '--out', out, *(a.format(out=out) for a in extra)]
    command += [a for e in exports for a in ('--exports', e)]
    done = subprocess.run([*command, '--', *libraries], capture_output=True, text=True)
    files = {str(p.relative_to(out)): hashlib.blake2b(p.read_bytes()).hexdigest()
             for p in sorted(Path(out).rglob('*')) if p.is_file()}
    return done.returncode, files


def compare(old, new, label, strategy, extra, libraries, exports):
    """A line for each difference, and how many files there are."""
    results = []
    for engine in (old, new):
        # The same folder: metadata files name it.
        with tempfile.TemporaryDirectory(prefix='same-') as folder:
            out = Path(folder).parent / 'dragonfire-same-outputs'
            subprocess.run(['rm', '-rf', out], check=True)
            out.mkdir()
            results.append(made(engine, strategy, extra, libraries, exports, out))
            subprocess.run(['rm', '-rf', out], check=True)
    (before, old_files), (after, new_files) = results
    if before != after:
        return [f'{label} {strategy}: exit {before} and {after}'], 0
    names = sorted(old_files.keys() | new_files.keys())
    return [f'{label} {strategy} {" ".join(extra[:2])}: {name}'
            for name in names if old_files.get(name) != new_files.get(name)], len(names)


def main():
    old, new, *chosen = sys.argv[1:]
    different, files, runs = [], 0, 0
    for name in chosen or ['host', *TARGETS]:
        target = None if name == 'host' else TARGETS[name]
        for label, libraries, exports in sets(old, target):
            for strategy, extra in WAYS:
                lines, count = compare(old, new, f'{name}/{label}', strategy, extra, libraries, exports)
                different += lines
                files += count
                runs += 1
        print(f'{name}: {runs} runs, {files} files, {len(different)} different', flush=True)
    print('\n'.join(different))
    return 1 if different else 0


if __name__ == '__main__':
    sys.exit(main())
