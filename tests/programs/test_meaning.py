"""The cases of tests/meaning: each program, linked by each linker with what each strategy made, prints what
it prints with the libraries as built. tests/meaning/table.py shows the same as a table."""

import functools
import shutil

import pytest

from harness import apple, meaning


def needs(target):
    return {'x86_64': [], 'mingw': ['windows'], 'msvc': ['windows']}.get(target, ['cross'])


def parameters():
    for case in meaning.cases():
        for target, strategy, program, link in meaning.runs(case):
            if target in apple.MACHINES:
                continue
            # What is compiled once should be compiled by one process.
            marks = [pytest.mark.xdist_group(case.name), *map(pytest.mark.needs, needs(target))]
            yield pytest.param(case, target, strategy, program, link, marks=marks,
                               id=':'.join(filter(None, [case.name, target, strategy, program.name, link])))


@pytest.fixture(scope='session')
def bench(engine, tmp_path_factory):
    """The bench of a case and target. pytest keeps parameters in order, so one at a time is enough."""
    home = tmp_path_factory.mktemp('meaning')

    @functools.lru_cache(maxsize=1)
    def make(name, target):
        for old in home.iterdir():
            shutil.rmtree(old)
        case = next(case for case in meaning.cases() if case.name == name)
        return meaning.Bench(case, target, engine, home / f'{name.replace("/", ".")}.{target}')

    return make


@pytest.mark.parametrize('case, target, strategy, program, link', list(parameters()))
def test_meaning(case, target, strategy, program, link, bench):
    meaning.judge(bench(case.name, target), strategy, program, link)


def in_pieces():
    """Each case with the first linker of its programs, but those that say themselves how far to take apart."""
    for case in meaning.cases():
        if '--granularity' in case.arguments:
            continue
        for target in case.targets:
            if target in ('x86_64', 'msvc') and 'meld' in case.strategies:
                marks = [pytest.mark.xdist_group(case.name), *map(pytest.mark.needs, needs(target))]
                yield pytest.param(case, target, marks=marks, id=f'{case.name}:{target}')


@pytest.mark.parametrize('case, target', list(in_pieces()))
def test_meaning_in_pieces(case, target, bench):
    """The same with an object for each export."""
    made = bench(case.name, target)
    for program in case.programs:
        links = [link for link in case.links_of(target, program) if f'{target}:{link}' not in case.without]
        if target in (program.targets or [target]) and links:
            meaning.judge(made, meaning.PIECES, program, links[0])


@pytest.mark.needs('cross')
@pytest.mark.parametrize('case, target', [pytest.param(case, target, id=f'{case.name}:{target}') for case in meaning.cases()
                                          for target in case.targets if target in apple.MACHINES])
def test_meaning_on_apple(case, target, bench):
    """The same, all programs of a case at once."""
    wrong = []
    for on, strategy, program, link in meaning.runs(case):
        if on == target:
            try:
                meaning.judge(bench(case.name, target), strategy, program, link)
            except AssertionError as problem:
                wrong.append(f'{strategy} {program.name} {link}: {problem}')
    assert not wrong, '\n'.join(wrong)


def test_every_case_says_what_it_shows():
    for case in meaning.cases():
        first = case.path.read_text().partition('\n')[0]
        assert first.startswith('shows = '), case.path
        assert 1 <= case.mechanism <= 16, case.path
        assert all(program.prints for program in case.programs), case.path
