"""Sections with very many symbols, which compilers make of large tables and of code that is not cut into functions,
take time by what they hold, not by the square of that."""

import time

import pytest

from harness import link
from harness.engine import request
from harness.run import run

MANY = 100_000
# A few seconds in a debug build; each step that is quadratic takes minutes in a release build.
PATIENCE = 60
TARGETS = {'elf': 'x86_64-linux-gnu', 'coff': 'x86_64-pc-windows-msvc', 'macho': 'x86_64-apple-macos11'}
WEAK = {'elf': '.weak {0}', 'coff': '.weak {0}', 'macho': '.globl {0}\n.weak_definition {0}'}
REFERENCE = {'elf': 'movq {}@GOTPCREL(%rip), %rcx', 'coff': 'leaq {}(%rip), %rcx', 'macho': 'movq {}@GOTPCREL(%rip), %rcx'}


@pytest.mark.needs('cross')
@pytest.mark.parametrize('weak', [False, True], ids=['strong', 'weak'])
@pytest.mark.parametrize('format', TARGETS)
def test_many_symbols_of_a_section_take_no_time(format, weak, engine, tmp_path):
    underscore = '_' if format == 'macho' else ''
    names = [f'{underscore}v{at}' for at in range(MANY)]

    def object(name, lines):
        source = tmp_path / f'{name}.s'
        source.write_text('\n'.join(lines) + '\n')
        run([link.versioned('clang'), f'--target={TARGETS[format]}', '-c', source, '-o', source.with_suffix('.o')])
        return source.with_suffix('.o')

    def library(name):
        entry = f'{underscore}{name}_reg'
        own = object(name, ['.text', f'.globl {entry}', f'{entry}:', *map(REFERENCE[format].format, names), 'ret'])
        path = tmp_path / f'lib{name}.a'
        run([link.versioned('llvm-ar'), 'rcs', path, own, table])
        return path

    binding = WEAK[format] if weak else '.globl {0}'
    table = object('table', ['.data', *(line for at, name in enumerate(names) for line in (binding.format(name), f'{name}: .long {at}'))])
    libraries = [library('a'), library('b')]
    for strategy in ('prelink', 'meld'):
        begun = time.monotonic()
        response = request(engine, strategy, libraries, tmp_path / strategy, exports=['a_*', 'b_*'])
        took = time.monotonic() - begun
        assert response['ok'], response['errors']
        assert took < PATIENCE, f'{strategy}: {took:.0f} s'
