"""Real C, C++ and assembly: their own tests, or ours of many of their functions, linked with the libraries as built and
with what the engine makes of them, say the same."""

from dataclasses import dataclass

import pytest

from harness import engine as dragonfire
from harness import real_c
from harness.link import LINKERS, MODES, linker_folder
from harness.run import run

EXPORTS = ['all', 'used']


@dataclass
class Linked:
    """Programs of a case, linked with some libraries."""
    case: real_c.Case
    built: real_c.Built
    folder: object

    def outputs(self, libraries, linker, mode):
        """What all its programs say, one after the other: a later one reads what an earlier one wrote."""
        said = {}
        driver = 'g++' if '-std=c++20' in self.case.flags else 'gcc'
        for program in self.case.programs:
            out = self.folder / program.name
            run([driver, *MODES[mode], f'-fuse-ld={linker}', f'-B{linker_folder()}', *self.built.programs[program.name], '-o', out,
                 *libraries, '-lm', '-lpthread', '-ldl'])
            said[program.name] = real_c.output(program, [out], self.folder)
            out.unlink()
        return said


def check(case, way, mode, engine, folder):
    built = real_c.build(case, way)
    linked = Linked(case, built, folder)
    plain = {linker: linked.outputs(built.libraries, linker, mode) for linker in LINKERS}
    assert all(text.strip() for said in plain.values() for text in said.values()), plain
    names = real_c.used(built)
    for exports in EXPORTS:
        # Names of C++ have no characters that patterns give a meaning to.
        # What is hidden is taken by its exact name alone.
        patterns = ['*', *names] if exports == 'all' else names
        for strategy in dragonfire.ATOMIC:
            made = dragonfire.combine(engine, strategy, built.libraries, folder / f'{strategy}-{exports}', exports=patterns)
            for linker in LINKERS:
                assert linked.outputs(made.link(), linker, mode) == plain[linker], (strategy, exports, linker)


@pytest.mark.parametrize('case', real_c.CASES, ids=str)
def test_real_c(case, engine, tmp_path):
    check(case, 'gcc', 'pie', engine, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize('mode', ['gc-sections', 'static', 'no-pie'])
@pytest.mark.parametrize('way', [w for w in real_c.WAYS])
@pytest.mark.parametrize('case', real_c.CASES, ids=str)
def test_real_c_in_every_way(case, way, mode, engine, tmp_path):
    check(case, way, mode, engine, tmp_path)
