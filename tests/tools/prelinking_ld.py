#!/usr/bin/env python3
"""A linker in front of another: the objects of a program are first made one library and prelinked, with all their
default-visible globals as exports, and the other linker links what comes of it.

    REAL_LD=ld.bfd DRAGONFIRE=dragonfire prelinking_ld.py ARGUMENTS OF THE LINKER

For tests of linkers: name it `ld` in a folder that the compiler is given with -B. Left alone are the compiler's
start files, archives, relocatable links (-r), objects that are no ELF objects or hold intermediate code, and those
that define nothing global: no linker would pull them out of an archive. Where
the engine refuses, so does this, with status 77. $PRELINKING_LOG is a file that gets a line for every link. With
$PRELINKING_COMPARE the link is made from the objects as they are too, and the log says what differs; with
$PRELINKING_KEEP_ALL nothing is dropped and every object is pulled, whoever else defines what it does.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import compare_links

REFUSED = 77
# Options whose argument may look like an object.
NAMING = {'-o', '--output', '-Map', '-R', '--just-symbols', '-h', '-soname', '--soname', '-T', '--script', '-dT', '-b', '--format',
          '-e', '-u', '-init', '-fini', '--dependency-file', '--version-script', '--dynamic-list'}
# Objects from here on are no ordinary inputs.
STATES = {'--start-lib', '-start-lib', '--format=binary', '-b', '--just-symbols', '-R'}
START = re.compile(r'(crt1|[gMSr]crt1|rcrt1|crti|crtn|crtbegin[ST]?|crtend[S]?|crtfastmath|crtprec\d+)\.o')


OBJCOPY = os.environ.get('OBJCOPY', 'objcopy')


def log(text):
    if path := os.environ.get('PRELINKING_LOG'):
        with open(path, 'a', encoding='utf-8') as file:
            file.write(text.replace('\n', ' ') + '\n')


def ordinary(path):
    """Is it an object of the program's own?"""
    if START.fullmatch(path.name) or not path.is_file():
        return False
    with open(path, 'rb') as file:
        if file.read(4) != b'\x7fELF':
            return False
    data = path.read_bytes()
    # ET_REL; intermediate code of GCC and LLVM stays the linker's.
    return data[16:18] in (b'\1\0', b'\0\1') and b'.gnu.lto_' not in data and b'\x00.llvm.lto' not in data


def globals_of(path):
    """Global names that an object defines, with their visibility."""
    listing = subprocess.run([compare_links.READELF, '-sW', path], capture_output=True, text=True, check=True, errors='replace').stdout
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
        mark = ['--add-symbol', f'prelinking.{number}=0,global,hidden'] if os.environ.get('PRELINKING_KEEP_ALL') else None
        if mark and not subprocess.run([OBJCOPY, *mark, path, copies[-1]], capture_output=True, check=False).returncode:
            names.append(mark[1].partition('=')[0])
        else:
            shutil.copy(path, copies[-1])
    subprocess.run([os.environ.get('AR', 'ar'), 'qcs', archive, *copies], check=True)
    manifest = {'schema': 1, 'exports': [re.sub(r'([*?\[])', r'[\1]', n) for n in names]}
    if os.environ.get('PRELINKING_KEEP_ALL'):
        manifest['keep'] = ['*']
    (folder / 'manifest.json').write_text(json.dumps(manifest))
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
        subprocess.run([os.environ.get('AR', 'ar'), 'x', Path(library).resolve()], cwd=place, check=True)
        # No linker takes the marker out of an archive.
        made += sorted(p for p in place.iterdir() if p.name != 'dragonfire.marker.o')
    linker = [part for a in response['link'].get('linker_args', []) for part in a.removeprefix('-Wl,').split(',')]
    return [*map(str, made), *linker]


def output_of(arguments):
    """The place of the output's name among the arguments, and what stands before the name there."""
    for i, argument in enumerate(arguments):
        if argument in ('-o', '--output') and i + 1 < len(arguments):
            return i + 1, ''
        for start in ('-o', '--output='):
            if argument.startswith(start) and argument not in ('-omagic', start):
                return i, start
    return None, ''


def compare(real, plain, arguments, folder):
    """Links both ways, the way of the prelinked last; what differs goes into the log."""
    place, start = output_of(plain)
    other, output = list(plain), folder / 'plain'
    if place is None:
        other += ['-o', str(output)]
    else:
        other[place] = start + str(output)
    before = subprocess.run([real, *other], check=False, capture_output=True, text=True, errors='replace')
    after = subprocess.run([real, *arguments], check=False, capture_output=True, text=True, errors='replace')
    sys.stdout.write(after.stdout)
    sys.stderr.write(after.stderr)
    if before.returncode != after.returncode:
        log(f'differs: status: {before.returncode}, prelinked {after.returncode} {(before.stderr + after.stderr)[:600]}')
        return after.returncode
    less, more = (sorted(compare_links.complaints(a) - compare_links.complaints(b))
                  for a, b in ((before.stderr, after.stderr), (after.stderr, before.stderr)))
    if less or more:
        log('differs: messages: ' + '; '.join([f'- {t}' for t in less] + [f'+ {t}' for t in more]))
    made = Path('a.out' if place is None else arguments[output_of(arguments)[0]].removeprefix(start))
    if not after.returncode and output.is_file() and made.is_file():
        for line in compare_links.differences(output, made):
            log(f'differs: {line}')
    return after.returncode


def main():
    real, arguments = os.environ['REAL_LD'], sys.argv[1:]
    alone = {'-r', '--relocatable', '-i', '--version', '-v', '-V', '--help'} & set(arguments) or STATES & set(arguments)
    places = []
    for i, argument in enumerate(arguments):
        if not argument.startswith('-') and not (i and arguments[i - 1] in NAMING) and ordinary(Path(argument)) \
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
        if os.environ.get('PRELINKING_COMPARE'):
            return compare(real, arguments, rest, folder)
        return subprocess.run([real, *rest], check=False).returncode
    finally:
        if os.environ.get('PRELINKING_KEEP'):
            log(f'kept {folder}')
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
