"""The fixtures on other CPUs under qemu, and with musl: subsets of the plugins, and the hard cases that
need no C++ compiler."""

import pytest

from harness import fixtures, link
from harness.cargo import TESTS
from harness.cross import ELF
from harness.engine import STRATEGIES, combine
from harness.fixtures import PLUGINS, defines, exports, subsets
from harness.hard_cases import CASES, host, make

pytestmark = pytest.mark.needs('cross')

HOST = TESTS / 'workspace' / 'host' / 'main.c'
HARD = [case for case in CASES if case.name not in ('cxx', 'lto')]


@pytest.fixture(scope='module')
def target(request):
    return ELF[request.param]


@pytest.fixture(scope='module')
def combined(request, engine, target, tmp_path_factory):
    libraries = fixtures.workspace(target)
    patterns = [p for library in PLUGINS for p in exports(library)]
    out = tmp_path_factory.mktemp(f'{target}-{request.param}')
    return combine(engine, request.param, [libraries[p] for p in PLUGINS], out / 'lib', exports=patterns)


def on(names, strategies):
    pairs = [(name, strategy) for name in names for strategy in strategies]
    return pytest.mark.parametrize('target, combined', pairs, indirect=True, scope='module',
                                   ids=['-'.join(pair) for pair in pairs])


def run_subset(target, combined, plugins, out, *flags):
    command = target.program(out, [HOST], combined.link(plugins), defines=defines(plugins, combined.strategy), flags=flags)
    link.check(command, timeout=300)


@on(ELF, STRATEGIES)
def test_full_set(target, combined, tmp_path):
    run_subset(target, combined, PLUGINS, tmp_path / 'program')


@on([name for name in ELF if name != 'musl'], STRATEGIES)
@pytest.mark.parametrize('linker', ['lld', 'mold'])
def test_other_linkers(target, combined, linker, tmp_path):
    """Statically, and position-independent: two ways at once."""
    flags = [f'-fuse-ld={linker}', f'-B{link.linker_folder()}']
    run_subset(target, combined, PLUGINS, tmp_path / 'pie', *flags, '-pie', '-fPIE')
    run_subset(target, combined, PLUGINS, tmp_path / 'static', *flags, '-static')


@on(ELF, ['meld'])
@pytest.mark.parametrize('plugins', subsets(PLUGINS)[:-1], ids='+'.join)
def test_subset(target, combined, plugins, tmp_path):
    run_subset(target, combined, plugins, tmp_path / 'program')


@pytest.mark.parametrize('name', [name for name in ELF if name != 'musl'])
@pytest.mark.parametrize('strategy', STRATEGIES)
def test_hard_cases(name, strategy, engine, tmp_path):
    target = ELF[name]
    libraries = fixtures.hard(target)
    for number, case in enumerate(HARD):
        if strategy not in case.strategies:
            continue
        combined = make(case, strategy, engine, libraries, tmp_path / str(number))
        source, macros = host(case, strategy)
        command = target.program(tmp_path / f'{number}.program', [source], combined.link(case.linked),
                                 defines=macros, flags=case.flags)
        link.check(command, timeout=300)
