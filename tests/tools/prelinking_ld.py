#!/usr/bin/env python3
"""A linker in front of another: the objects of a program are first made one library and prelinked, with all their
default-visible globals as exports, and the other linker links what comes of it.

    REAL_LD=ld.bfd DRAGONFIRE=dragonfire prelinking_ld.py ARGUMENTS OF THE LINKER

For tests of linkers: name it `ld` in a folder that the compiler is given with -B. Left alone are the compiler's
start files, archives, relocatable links (-r), objects that are no ELF objects or hold intermediate code, and those
that define nothing global: no linker would pull them out of an archive. Where
the engine refuses, so does this, with status 77. $PRELINKING_LOG is a file that gets a line for every link.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REFUSED = 77
# Options whose argument may look like an object.
NAMING = {'-o', '--output', '-Map', '-R', '--just-symbols', '-h', '-soname', '--soname', '-T', '--script', '-dT', '-b', '--format',
          '-e', '-u', '-init', '-fini', '--dependency-file', '--version-script', '--dynamic-list'}
# Objects from here on are no ordinary inputs.
STATES = {'--start-lib', '-start-lib', '--format=binary', '-b', '--just-symbols', '-R'}
START = re.compile(r'(crt1|[gMSr]crt1|rcrt1|crti|crtn|crtbegin[ST]?|crtend[S]?|crtfastmath|crtprec\d+)\.o')


def log(text):
    if path := os.environ.get('PRELINKING_LOG'):
        with open(path, 'a', encoding='utf-8') as file:
            file.write(text.replace('\n', ' ') + '\n')


def ordinary(path):
    """Is it an object of the program's own?"""
    if START.fullmatch(path.name) or not path.is_file():
        return False
    data = path.read_bytes()
    # ET_REL; intermediate code of GCC and LLVM stays the linker's.
    return data[:4] == b'\x7fELF' and data[16:18] in (b'\1\0', b'\0\1') and b'.gnu.lto_' not in data and b'\x00.llvm.lto' not in data


def globals_of(path):
    """Global names that an object defines, with their visibility."""
    listing = subprocess.run(['readelf', '-sW', path], capture_output=True, text=True, check=True, errors='replace').stdout
    rows = (line.split(None, 7) for line in listing.splitlines())
    return [(parts[7].strip(), parts[5]) for parts in rows
            if len(parts) == 8 and parts[0][:-1].isdigit() and parts[4] in ('GLOBAL', 'WEAK', 'UNIQUE', 'LOOS+0') and parts[6] != 'UND']


def exports(objects):
    """Those of all objects that others may see."""
    return sorted({name for path in objects for name, visibility in globals_of(path) if visibility in ('DEFAULT', 'PROTECTED')})


def prelink(objects, folder):
    """The linker's arguments that stand for the objects."""
    names = exports(objects)
    if not names:
        return None
    archive = folder / 'libobjects.a'
    # One name, several files: the archive is to have them all.
    copies = []
    for number, path in enumerate(objects):
        copies.append(folder / f'{number}-{path.name}')
        shutil.copy(path, copies[-1])
    subprocess.run(['ar', 'qcs', archive, *copies], check=True)
    (folder / 'manifest.json').write_text(json.dumps({'schema': 1, 'exports': [re.sub(r'([*?\[])', r'[\1]', n) for n in names]}))
    done = subprocess.run([os.environ['DRAGONFIRE'], 'prelink', '--json', '--out', folder / 'out', '--manifest', folder / 'manifest.json',
                           '--', archive], capture_output=True, text=True, errors='replace')
    if done.returncode:
        try:
            errors = json.loads(done.stdout)['errors']
            why = '; '.join(f'{e["code"]}: {e["message"]} [{e.get("symbol") or ""}]' for e in errors[:3])
        except (ValueError, KeyError):
            why = (done.stdout + done.stderr)[-500:]
        log(f'refused: {why}')
        print(f'prelinking_ld: {why}', file=sys.stderr)
        sys.exit(REFUSED)
    response = json.loads(done.stdout)
    log(f'prelinked {len(objects)} objects with {len(names)} exports')
    # Objects again, and no archive: --exclude-libs and the like are about archives.
    made = []
    for number, library in enumerate(response['link']['libraries']):
        place = folder / str(number)
        place.mkdir()
        subprocess.run(['ar', 'x', Path(library).resolve()], cwd=place, check=True)
        made += sorted(place.iterdir())
    linker = [part for a in response['link'].get('linker_args', []) for part in a.removeprefix('-Wl,').split(',')]
    return [*map(str, made), *linker]


def main():
    real, arguments = os.environ['REAL_LD'], sys.argv[1:]
    alone = {'-r', '--relocatable', '-i', '--version', '-v', '-V', '--help'} & set(arguments) or STATES & set(arguments)
    places = []
    for i, argument in enumerate(arguments):
        if argument.endswith('.o') and not argument.startswith('-') and not (i and arguments[i - 1] in NAMING) and ordinary(Path(argument)) \
                and globals_of(argument):
            places.append(i)
    if alone or not places:
        log(f'left alone: {" ".join(sorted(alone)) if alone else "no objects"}')
        os.execvp(real, [real, *arguments])
    folder = Path(tempfile.mkdtemp(prefix='prelinking-'))
    try:
        made = prelink([Path(arguments[i]) for i in places], folder)
        if made is None:
            log('left alone: nothing visible')
            made = [arguments[i] for i in places]
        rest = [a for i, a in enumerate(arguments) if i not in places[1:]]
        rest[places[0]:places[0] + 1] = made
        return subprocess.run([real, *rest], check=False).returncode
    finally:
        if os.environ.get('PRELINKING_KEEP'):
            log(f'kept {folder}')
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
