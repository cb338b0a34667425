#!/usr/bin/env python3
"""Draws docs/before-and-after.svg: libraries as built and melded, by their sizes.

    tests/bench/picture.py [--engine PROGRAM] [--out FILE] LIB...

With the GStreamer libraries that tests/run builds: tests/bench/picture.py ~/.cache/dragonfire-tests/libraries/gstreamer/*/*.a
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / 'docs/before-and-after.svg'
WIDTH, LEFT, RIGHT, ROW, TOP = 760, 190, 80, 34, 64


def measured(engine, libraries):
    """Name, bytes as built and bytes melded of each, the largest first; then the workspace library's."""
    with tempfile.TemporaryDirectory(prefix='dragonfire-picture-') as out:
        done = subprocess.run([engine, 'meld', '--quiet', '--json', '--out', out, '--', *libraries],
                              stdout=subprocess.PIPE, check=True)
        shared = Path(json.loads(done.stdout)['workspace_library']['path'])
        rows = [(path.name, path.stat().st_size, Path(out, path.name).stat().st_size) for path in libraries]
        workspace = shared.name, 0, Path(out, shared.name).stat().st_size
    return sorted(rows, key=lambda row: (-row[1], row[0])), workspace


def text(x, y, content, kind, anchor='start'):
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(content)}</text>'


def bar(x, y, width, height, kind, title):
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" class="{kind}"><title>{escape(title)}</title></rect>'


def mb(size):
    return f'{size / 1e6:.1f} MB'


def drawn(rows, workspace):
    before, after = sum(row[1] for row in rows), sum(row[2] for row in [*rows, workspace])
    scale = (WIDTH - LEFT - RIGHT) / max(row[1] for row in rows)
    height = TOP + ROW * (len(rows) + 1) + 14
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif" font-size="13">',
        f'<title>{len(rows)} plugin libraries: {mb(before)} as built, {mb(after)} melded</title>',
        '<style>.page{fill:#fff}.was{fill:#b8bcc4}.is{fill:#d9480f}text{fill:#222}.head{font-size:16px;font-weight:bold}'
        '.small{font-size:11px;fill:#555}</style>',
        f'<rect width="{WIDTH}" height="{height}" class="page"/>',
        text(16, 26, f'{len(rows)} plugin libraries: {mb(before)} as built, {mb(after)} melded', 'head'),
        bar(16, 38, 12, 9, 'was', 'as built'), text(33, 47, 'as cargo built them', 'small'),
        bar(150, 38, 12, 9, 'is', 'melded'), text(167, 47, 'dragonfire meld, with the lines of what lives', 'small'),
    ]
    for number, (name, was, now) in enumerate([*rows, workspace]):
        y = TOP + ROW * number
        lines.append(text(LEFT - 10, y + (16 if was else 14), name, 'name', 'end'))
        if was:
            lines.append(bar(LEFT, y, was * scale, 11, 'was', f'{name} as built: {mb(was)}'))
            lines.append(text(LEFT + was * scale + 6, y + 10, mb(was), 'small'))
        y += 13 if was else 5
        lines.append(bar(LEFT, y, now * scale, 11, 'is', f'{name} melded: {mb(now)}'))
        lines.append(text(LEFT + now * scale + 6, y + 10, mb(now) + ('' if was else ': what they share, once'), 'small'))
    return '\n'.join([*lines, '</svg>', ''])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('libraries', nargs='+', type=Path)
    parser.add_argument('--engine', type=Path, default=ROOT / 'target/release/dragonfire')
    parser.add_argument('--out', type=Path, default=PICTURE)
    args = parser.parse_args()
    args.out.write_text(drawn(*measured(args.engine, args.libraries)))


if __name__ == '__main__':
    main()
