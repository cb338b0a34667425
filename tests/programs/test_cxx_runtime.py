"""C++'s own library, with constructors in many members and copies of each inline function: a program linked with what
the engine makes of it says what it says as built."""

import pytest

from harness import engine as dragonfire
from harness.cargo import TESTS
from harness.link import LINKERS, linker_folder
from harness.run import run


@pytest.mark.parametrize('exports', ['all', 'main'])
def test_libstdcxx(exports, engine, tmp_path):
    program = tmp_path / 'standard.o'
    run(['g++', '-std=c++17', '-O1', '-c', TESTS / 'real_c/standard.cpp', '-o', program])
    built = run(['g++', '-print-file-name=libstdc++.a']).strip()
    # All that the library has, or what the program asks for.
    names = {file: {line.split()[-1] for line in run(['nm', '-g', option, file]).splitlines() if ' ' in line.strip()}
             for file, option in [(program, '-u'), (built, '--defined-only')]}
    patterns = ['*'] if exports == 'all' else sorted(names[program] & names[built])
    made = dragonfire.combine(engine, 'prelink', [built], tmp_path / 'made', exports=patterns)
    for linker in LINKERS:
        for mode in [], ['-static']:
            said = []
            for libraries in [built], made.link():
                out = tmp_path / 'program'
                run(['gcc', *mode, f'-fuse-ld={linker}', f'-B{linker_folder()}', program, *libraries, '-lm', '-o', out])
                said.append(run([out], cwd=tmp_path))
            assert said[0] == said[1] and 'brown=1' in said[0], (linker, mode)
