"""Sets melded apart, and a Rust program's own std, in one program."""

import pytest

from harness import link
from harness.cargo import TESTS
from harness.engine import combine
from harness.fixtures import PLUGINS, exports
from harness.run import run

HOSTS = TESTS / 'workspace' / 'host'


@pytest.mark.parametrize('linker', link.LINKERS)
def test_two_sets(linker, engine, workspace, tmp_path):
    """Two sets that share crates, melded apart: each has its own copy, and neither sees the other's."""
    halves = PLUGINS[:3], PLUGINS[3:]
    libraries = []
    for number, plugins in enumerate(halves):
        combined = combine(engine, 'meld', [workspace[p] for p in plugins], tmp_path / str(number),
                           exports=[p for name in plugins for p in exports(name)],
                           workspace_library=f'half{number}')
        libraries += combined.link()
    program = link.program(tmp_path / 'program', [HOSTS / 'two_sets.c'], libraries, linker=linker)
    link.check(program)


@pytest.mark.parametrize('linker', link.LINKERS)
def test_rust_program(linker, engine, workspace, tmp_path):
    """A Rust program of the same compiler has std too, and links the plugins beside it."""
    combined = combine(engine, 'meld', [workspace[p] for p in PLUGINS], tmp_path / 'lib',
                       exports=[p for name in PLUGINS for p in exports(name)])
    program = tmp_path / 'program'
    arguments = [f'-Clink-arg={argument}' for argument in combined.link()]
    run(['rustc', '-O', '--edition=2024', HOSTS / 'rust_host.rs', '-o', program, *arguments,
         f'-Clink-arg=-fuse-ld={linker}', f'-Clink-arg=-B{link.linker_folder()}'])
    link.check([program])
