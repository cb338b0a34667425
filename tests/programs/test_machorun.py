"""machorun can fail: a program that works, broken in what unwinding and thread locals stand on, does not."""

import struct

import pytest

from harness import apple, fixtures, machorun
from harness.cargo import TESTS
from harness.cross import TARGETS
from harness.fixtures import PLUGINS, defines
from harness.run import Failed, run

pytestmark = pytest.mark.needs('cross')

LC_SEGMENT_64 = 0x19


@pytest.fixture(scope='module', params=list(apple.MACHINES))
def machine(request):
    return request.param


@pytest.fixture(scope='module')
def program(machine, tmp_path_factory):
    """All plugins, as built: panics, threads, thread locals with destructors."""
    libraries = fixtures.workspace(TARGETS[machine])
    out = tmp_path_factory.mktemp('machorun') / 'program'
    apple.lld(machine, out, TESTS / 'workspace' / 'host' / 'main.c', [libraries[plugin] for plugin in PLUGINS],
              defines=defines(PLUGINS, 'dedup'), flags=['-dead_strip'], runs=True)
    return out


def sections(data):
    """Offset and size of each section's contents, by name."""
    found, at = {}, 32
    for _ in range(struct.unpack_from('<I', data, 16)[0]):
        command, size = struct.unpack_from('<2I', data, at)
        if command == LC_SEGMENT_64:
            for section in range(at + 72, at + 72 + 80 * struct.unpack_from('<I', data, at + 64)[0], 80):
                name = data[section:section + 16].rstrip(b'\0').decode()
                _, length, offset = struct.unpack_from('<QQI', data, section + 32)
                found[name] = offset, length
        at += size
    return found


def no_unwind_info(data):
    """The compact unwind table keeps its header alone."""
    at, size = sections(data)['__unwind_info']
    data[at + 28:at + size] = bytes(size - 28)


def other_personality(data):
    """Pointers to the personality function lead 4 bytes further, as Zig's linker writes them: those of DWARF's
    CIEs, and those of the compact table."""
    at, size = sections(data)['__eh_frame']
    end, changed = at + size, 0
    while at < end:
        length, kind = struct.unpack_from('<II', data, at)
        if length == 0:
            break
        if kind == 0:
            # Augmentation, then code and data factors, register, length and encoding: a byte each.
            name_end = data.index(b'\0', at + 9)
            if b'P' in data[at + 9:name_end]:
                place = name_end + 1 + 5
                struct.pack_into('<i', data, place, struct.unpack_from('<i', data, place)[0] + 4)
                changed += 1
        at += 4 + length
    table, _ = sections(data)['__unwind_info']
    first, count = struct.unpack_from('<2I', data, table + 12)
    for place in range(table + first, table + first + 4 * count, 4):
        struct.pack_into('<I', data, place, struct.unpack_from('<I', data, place)[0] + 4)
        changed += 1
    assert changed


def no_lsdas(data):
    """What says where panics are caught."""
    at, size = sections(data)['__gcc_except_tab']
    data[at:at + size] = bytes(size)


def thread_locals(data):
    """Where the thread-local variables have their offsets."""
    at, size = sections(data)['__thread_vars']
    assert size >= 3 * 24
    return range(at + 16, at + size, 24)


def thread_locals_moved(data):
    """All but the first, by a word."""
    for place in thread_locals(data)[1:]:
        struct.pack_into('<Q', data, place, struct.unpack_from('<Q', data, place)[0] + 8)


def thread_locals_in_one_place(data):
    for place in thread_locals(data)[1:]:
        struct.pack_into('<Q', data, place, 0)


BREAKAGES = [no_unwind_info, other_personality, no_lsdas, thread_locals_moved, thread_locals_in_one_place]


def test_whole(machine, program):
    machorun.check(machine, program)


@pytest.mark.parametrize('breakage', BREAKAGES, ids=lambda breakage: breakage.__name__)
def test_broken(machine, program, breakage, tmp_path):
    data = bytearray(program.read_bytes())
    breakage(data)
    assert data != program.read_bytes()
    (tmp_path / 'broken').write_bytes(data)
    with pytest.raises(Failed) as failed:
        machorun.check(machine, tmp_path / 'broken')
    print(failed.value.output)
    assert 'all right' not in failed.value.output


def test_missing_function(machine, tmp_path):
    """A function without a shim is named when it is called, not before."""
    source = tmp_path / 'main.c'
    source.write_text('int acct(const char *); int main(int n, char **a) { return n > 1 ? acct(a[1]) : 0; }\n')
    apple.lld(machine, tmp_path / 'program', source, [])
    machorun.run(machine, tmp_path / 'program')
    with pytest.raises(Failed, match='_acct, which has no shim'):
        machorun.run(machine, tmp_path / 'program', 'file')
