"""What two links of one program have in common, apart from where things lie: dynamic and global symbols, dynamic
relocations, what is needed, kinds of sections, sizes of what the linker makes, notes and attributes."""

import functools
import os
import re
import subprocess
from collections import Counter

READELF = os.environ.get('READELF', 'readelf')
# Hidden names that the engine gives, with digest and number.
CROSSING = re.compile(r'(\.[0-9a-f]{8,}\.\d+|^df\.[0-9a-f]+\.\d+)$')
# What the linker makes: its size does not depend on which object a thing is in.
MADE = {'.plt', '.plt.got', '.plt.sec', '.iplt', '.got', '.got.plt', '.init_array', '.fini_array', '.preinit_array', '.ctors', '.dtors',
        '.rela.dyn', '.rela.plt', '.rel.dyn', '.rel.plt', '.relr.dyn', '.dynsym', '.gnu.version_r', '.gnu.version_d', '.tdata', '.tbss',
        '.ARM.exidx', '.ARM.attributes', '.riscv.attributes', '.opd', '.branch_lt', '.bss.rel.ro', '.note.gnu.property'}
# Numbers of these say where something lies.
PLACES = {'INIT', 'FINI', 'HASH', 'GNU_HASH', 'STRTAB', 'SYMTAB', 'RELA', 'REL', 'RELR', 'JMPREL', 'PLTGOT', 'INIT_ARRAY', 'FINI_ARRAY',
          'PREINIT_ARRAY', 'VERSYM', 'VERNEED', 'VERDEF', 'STRSZ', 'DEBUG', 'TLSDESC_PLT', 'TLSDESC_GOT'}


@functools.cache
def said(options, path):
    done = subprocess.run([READELF, '-W', *options.split(), path], capture_output=True, text=True, errors='replace', check=False)
    return done.stdout.splitlines()


def everything(path):
    """A line's form says which table it is of."""
    return said('-S -s -r -d -h -l', path)


def sections(path):
    """Name, type, size and flags by number."""
    found = {}
    for line in everything(path):
        match = re.match(r'\s*\[\s*(\d+)\] (\S*)\s+([A-Z_0-9x]+)\s+[0-9a-f]{8,} [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+\s+([A-Za-z]*)\s', line)
        if match and match[1] != '0':
            found[match[1]] = (match[2], match[3], int(match[4], 16), match[5])
    return found


def symbols(path, named):
    """Global and dynamic symbols, with the name of their section."""
    tables, table = {'.dynsym': Counter(), '.symtab': Counter()}, None
    for line in everything(path):
        if match := re.match(r"Symbol table '(\S+)'", line):
            table = tables.setdefault(match[1], Counter())
        parts = line.split(None, 7)
        if table is None or len(parts) < 8 or not parts[0][:-1].isdigit() or parts[4] == 'LOCAL':
            continue
        name, rest = parts[7].strip(), ''
        if CROSSING.search(name):
            continue
        if match := re.search(r' \[.*$', name):
            name, rest = name[:match.start()], match[0]
        where = named[parts[6]][0] if parts[6] in named else parts[6]
        value = parts[1] if parts[6] == 'ABS' else ''
        table[' '.join((name, parts[3], parts[4], parts[5], f'size {parts[2]}', f'in {where}', value, rest))] += 1
    return tables['.dynsym'], tables['.symtab']


def relocations(path):
    found = Counter()
    for line in everything(path):
        if match := re.match(r'[0-9a-f]{8,}\s+[0-9a-f]+\s+(R_\w+)\s*(.*)', line):
            words = match[2].split()
            name = words[1] if len(words) > 1 else ''
            found[f'{match[1]} {name}{"".join(words[2:]) if name else ""}'] += 1
    return found


def dynamic(path):
    found = Counter()
    for line in everything(path):
        if match := re.match(r'\s*0x[0-9a-f]+ \((\w+)\)\s+(.*)', line):
            found[f'{match[1]} {"" if match[1] in PLACES else match[2].strip()}'] += 1
    return found


def view(path):
    named = sections(path)
    dynamic_symbols, global_symbols = symbols(path, named)
    header = Counter(line.strip() for line in everything(path) if re.match(r'\s*(Type|Machine|Flags|OS/ABI|ABI Version):', line))
    header['entry: ' + str(any(re.match(r'\s*Entry point address:\s+0x0*[1-9a-f]', line) for line in everything(path)))] += 1
    segments = Counter()
    for line in everything(path):
        if match := re.match(r'\s+([A-Z_]+)\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([RWE ]{3}) ', line):
            segments[f'{match[1]} {match[2]}'] += 1
    return {
        'header': header,
        'dynamic table': dynamic(path),
        'dynamic symbols': dynamic_symbols,
        'relocations': relocations(path),
        'global symbols': global_symbols,
        'sections made': Counter(f'{name} {size}' for name, _, size, _ in named.values() if name in MADE),
        'segments': segments,
        'sections': Counter(f'{name} {kind} {flags}' for name, kind, _, flags in named.values() if not name.startswith('.rel')),
        'notes': Counter(line.strip() for line in said('-n', path) if not re.search(r'Build ID|offset|^Displaying', line)),
    }


def differences(plain, other):
    """Lines `KIND: - what only the plain link has, + what only the other has`."""
    first, second = view(plain), view(other)
    for kind, counts in first.items():
        less, more = counts - second[kind], second[kind] - counts
        if less or more:
            lines = [f'- {t}' + (f' ×{n}' if n > 1 else '') for t, n in sorted(less.items())]
            lines += [f'+ {t}' + (f' ×{n}' if n > 1 else '') for t, n in sorted(more.items())]
            yield f'{kind}: ' + '; '.join(lines[:12])


def complaints(text):
    """What a linker says, without names of files, places and numbers."""
    lines = set()
    for line in text.splitlines():
        if match := re.search(r'(error|warning): (.*)', line):
            line = re.sub(r'\S*?[^\s:(]+\.?(tmp|o|a|so)\d?\S*?:\(([^)+]*)(\+0x[0-9A-Fa-f]+)?\)', r'FILE:(\2)', match[0])
            line = re.sub(r'[^\s:()\']*/[^\s:()\']*', 'FILE', line)
            lines.add(re.sub(r'\b(0x)?[0-9A-Fa-f]*\d[0-9A-Fa-f]*\b', 'N', line))
    return lines
