"""macOS: programs linked by LLVM's linker and by Zig's, and run. What a linker made of the libraries is
compared with what it makes of the libraries as built, and so is what the programs print."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import apple, fixtures, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.engine import APPLE_STRATEGIES, Plain, combine
from harness.fixtures import PLUGINS, defines, entry_points, exports, subsets
from harness.link import versioned
from harness.run import run

pytestmark = pytest.mark.needs('cross')

HOST = TESTS / 'workspace' / 'host' / 'main.c'
SUBSETS = [PLUGINS, ['gstidle'], ['gstworker'], ['gstpattern', 'gstrecord'], ['gstnative', 'gstrouter']]


@dataclass
class Made:
    """A linked program, and what it prints where it can be run."""
    path: Path
    looks: apple.Program
    printed: str = None


@dataclass
class Originals(Plain):
    """The libraries as cargo made them, and programs of them by linker and plugins: every strategy is
    compared with the same."""
    folder: Path
    programs: dict = field(default_factory=dict)
    printed: dict = field(default_factory=dict)


@pytest.fixture(scope='module', params=apple.MACHINES)
def machine(request):
    return request.param


@pytest.fixture(scope='module')
def originals(machine, tmp_path_factory):
    return Originals(fixtures.workspace(TARGETS[machine]), tmp_path_factory.mktemp('plain'))


@pytest.fixture(scope='module', params=APPLE_STRATEGIES)
def combined(request, engine, originals, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    patterns = [p for library in PLUGINS for p in exports(library)]
    return combine(engine, request.param, [originals.plugins[p] for p in PLUGINS], out / 'lib', exports=patterns)


def link(machine, linker, out, libraries, plugins, strategy):
    apple.LINKERS[linker](machine, out, HOST, libraries.link(plugins), defines=defines(plugins, strategy),
                          flags=['-dead_strip'] if linker == 'lld' else [], runs=True)
    return out


def made_of(machine, linker, out, libraries, plugins, strategy):
    out = link(machine, linker, out, libraries, plugins, strategy)
    printed = machorun.check(machine, out) if (linker, machine) in apple.RUNS else None
    return Made(out, apple.look(out), printed)


def as_built(machine, linker, originals, plugins):
    key = f'{linker}-{"+".join(plugins)}'
    if key not in originals.programs:
        originals.programs[key] = made_of(machine, linker, originals.folder / key, originals, plugins, 'dedup')
    return originals.programs[key]


def said(printed, strategy):
    """Where each library has its own registry, a plugin is always the first one."""
    return re.sub(r'number \d+', 'number', printed) if strategy == 'prelink' and printed else printed


@pytest.mark.parametrize('linker', apple.LINKERS)
@pytest.mark.parametrize('plugins', SUBSETS, ids='+'.join)
def test_program(machine, originals, combined, linker, plugins, tmp_path):
    strategy = combined.strategy
    program = made_of(machine, linker, tmp_path / 'program', combined, plugins, strategy)
    original = as_built(machine, linker, originals, plugins)
    assert said(program.printed, strategy) == said(original.printed, strategy)
    made, plain = program.looks, original.looks
    called = entry_points(combined.plugins, plugins) & plain.exported
    assert len(called) >= len(plugins) and called <= made.exported
    # What is asked of the system, and what programs that load it see, is no more than before.
    assert made.undefined <= plain.undefined
    assert made.exported <= plain.exported
    # Apple's linker refuses more than three.
    assert len(made.personalities) == len(plain.personalities) == (plugins != ['gstidle'])
    # Panics pass through these. The others leave dead ones out, and prelink has some once for each plugin.
    functions = made.functions.keys() & plain.functions.keys()
    assert strategy != 'dedup' or len(functions) >= 0.9 * len(plain.functions)
    assert [f for f in functions if made.unwinding(f) != plain.unwinding(f)] == []
    unwound = sum(made.unwinding(function) != 0 for function in functions)
    assert plugins == ['gstidle'] or unwound > {'dedup': 500, 'prelink': 150, 'meld': 300}[strategy]


@pytest.mark.parametrize('plugins', [s for s in subsets(PLUGINS) if s not in SUBSETS], ids='+'.join)
def test_subset(machine, originals, combined, plugins, tmp_path):
    """Every other subset: lld is the quicker one."""
    program = link(machine, 'lld', tmp_path / 'program', combined, plugins, combined.strategy)
    key = '+'.join(plugins)
    if key not in originals.printed:
        plain = link(machine, 'lld', originals.folder / key, originals, plugins, 'dedup')
        originals.printed[key] = machorun.check(machine, plain)
        plain.unlink()
    assert said(machorun.check(machine, program), combined.strategy) == said(originals.printed[key], combined.strategy)


@pytest.mark.parametrize('plugin', PLUGINS)
def test_all_members(machine, combined, plugin, tmp_path):
    """Everything in a plugin library, as `-all_load` takes it."""
    first, workspace = combined.link([plugin])
    program = tmp_path / 'program'
    apple.lld(machine, program, HOST, [workspace], defines=defines([plugin], combined.strategy),
              flags=['-force_load', first], runs=True)
    machorun.check(machine, program)
    assert entry_points(combined.plugins, [plugin]) <= apple.look(program).exported


def test_all_load(machine, combined, tmp_path):
    program = tmp_path / 'program'
    apple.lld(machine, program, HOST, combined.link(), defines=defines(PLUGINS, combined.strategy),
              flags=['-all_load'], runs=True)
    machorun.check(machine, program)
    assert entry_points(combined.plugins, PLUGINS) <= apple.look(program).exported


def test_members_are_aligned(originals, combined):
    """Apple's linkers map members and read their words in place: 64-bit objects begin at multiples of 8,
    and what pads a member counts as part of it, else the next one is looked for in the wrong place."""
    before = {data.rstrip(b'\n') for path in originals.plugins.values() for _, _, _, data in apple.members(path)}
    count = 0
    for path in combined.libraries():
        for name, at, size, data in apple.members(path):
            assert at % 8 == 0 and size % 8 == 0, (path, name)
            if name.startswith('__.SYMDEF'):
                continue
            count += 1
            assert data.startswith(b'\xcf\xfa\xed\xfe'), (path, name)
            if combined.strategy == 'dedup' and name != 'dragonfire.marker.o':
                assert data.rstrip(b'\n') in before, (path, name)
    assert count > (100 if combined.strategy == 'dedup' else 10)


def test_what_members_ask_of_others_is_no_label(combined):
    """Apple's classic linker reads no name that begins with `l` in sections of strings and numbers, whoever
    asks for it: what other members need must have another one."""
    for path in combined.libraries():
        asked = run([versioned('llvm-nm'), '--quiet', '--undefined-only', '--format=just-symbols', path]).split()
        assert [name for name in asked if name[0] in 'lL' and not name.endswith(':')] == [], path


def test_every_unwind_entry_has_its_function(machine, engine, originals, tmp_path):
    """Members of compiler_builtins too, whose entries a linker of Apple's found without ("compact unwind must
    have at least 1 fixup") where objects were cut carelessly. The engine itself checks symbols' numbers."""
    made = combine(engine, 'meld', [originals.plugins[p] for p in PLUGINS], tmp_path / 'lib', exports=['*'],
                   workspace_library='everything')
    entries = 0
    for path in made.libraries():
        for name, _, _, data in apple.members(path):
            for section in apple.sections(data):
                if section.name == '__compact_unwind':
                    functions = {r for r in section.relocated if r % 32 == 0}
                    assert functions == set(range(0, section.size, 32)), (path, name)
                    entries += len(functions)
    assert entries > 5000


def test_sizes(machine, engine, originals, tmp_path):
    """What is shipped is a tenth of what dedup ships, and little more than what is linked."""
    patterns = [p for library in PLUGINS for p in exports(library)]

    def shipped(strategy, *arguments):
        made = combine(engine, strategy, [originals.plugins[p] for p in PLUGINS], tmp_path / strategy, exports=patterns,
                       arguments=arguments)
        return made, sum(path.stat().st_size for path in made.libraries())

    _, dedup = shipped('dedup')
    made, meld = shipped('meld', '--symbols', 'exports', '--debug', 'strip')
    program = link(machine, 'lld', tmp_path / 'program', made, PLUGINS, 'meld')
    apple.strip(program)
    assert meld * 10 <= dedup
    assert meld <= 1.5 * program.stat().st_size
