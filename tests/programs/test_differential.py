"""Programs made from seeds: with what the engine makes of their libraries they do what they do as built. More of
them: `tests/run --long`."""

import pytest

from differential.run import examine
from harness import apple, link

# About a minute for all of these on two cores.
EACH = 7
CHUNKS = [pytest.param(kind, number, id=f'{kind}-{number}') for kind in ('csmith', 'own', 'members') for number in range(6)]


def check(kind, seeds, engine, keep, least=None, **how):
    """None differs, and most link as built, or at `least` so many."""
    outcomes = {seed: examine(kind, seed, engine=engine, keep=keep, **how) for seed in seeds}
    wrong = [f'{kind} {seed}: {o.verdict}: {o.detail}' for seed, o in outcomes.items() if o.verdict in ('different', 'broken')]
    assert not wrong, '\n\n'.join(wrong) + f'\n\nOnce more, made smaller: tests/differential/run.py --kind {kind} --seed N'
    least = least or len(outcomes) // 2 + 1
    assert sum(o.verdict == 'same' for o in outcomes.values()) >= least, outcomes


@pytest.mark.parametrize('kind, number', CHUNKS)
def test_programs(kind, number, engine, tmp_path):
    check(kind, range(number * EACH, (number + 1) * EACH), engine, tmp_path)


@pytest.mark.needs('cross')
@pytest.mark.parametrize('kind', ['csmith', 'own'])
def test_aarch64(kind, engine, tmp_path):
    check(kind, range(5), engine, tmp_path, platform='aarch64')


@pytest.mark.needs('windows')
def test_mingw(engine, tmp_path):
    check('own', range(5), engine, tmp_path, platform='mingw')
    # What GNU ld does not find for a weak external, the host's linkers do: few are alike.
    check('members', range(600, 612), engine, tmp_path, least=3, platform='mingw')


@pytest.mark.needs('cross')
@pytest.mark.parametrize('machine', apple.MACHINES)
def test_macos(machine, engine, tmp_path):
    check('own', range(6), engine, tmp_path, platform=machine)
    check('csmith', range(3), engine, tmp_path, platform=machine)
    check('members', range(330, 342), engine, tmp_path, platform=machine)


@pytest.mark.parametrize('linker', link.LINKERS)
def test_every_linker(linker, engine, tmp_path):
    """The seeds' other choices, with one linker and all strategies."""
    check('own', range(100, 103), engine, tmp_path, linkers=[linker])
