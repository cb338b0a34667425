"""Crates with C APIs from the registry, and three written here: C programs that call them check the results,
and pay for what they call."""

from itertools import combinations

import pytest

from harness import capi, link
from harness.engine import ATOMIC, STRATEGIES, Plain, combine
from harness.run import run

# One process has the libraries combined, for all tests.
pytestmark = pytest.mark.xdist_group('capi')
# Without dedup: what is linked as it is has one allocator.
NAMES = {'plain': capi.TOGETHER, 'dedup': capi.TOGETHER, 'prelink': capi.NAMES, 'meld': capi.NAMES}
PAIRS = list(combinations(capi.NAMES, 2))


@pytest.fixture(scope='module')
def exports():
    """What the libraries' headers declare."""
    return capi.exports()


@pytest.fixture(scope='module')
def checks(tmp_path_factory):
    """Objects that check a library each, by library."""
    return capi.checks(tmp_path_factory.mktemp('checks'))


def make(engine, strategy, libraries, out, **how):
    """Nobody says what the libraries export: that is found."""
    return combine(engine, strategy, libraries.values(), out, workspace_library='capishared', **how)


@pytest.fixture(scope='module')
def combined(engine, tmp_path_factory):
    """All libraries, by strategy."""
    libraries = capi.libraries()
    made = {'plain': Plain(libraries)}
    for strategy in STRATEGIES:
        some = {name: libraries[name] for name in NAMES[strategy]}
        made[strategy] = make(engine, strategy, some, tmp_path_factory.mktemp(strategy))
    return made


@pytest.mark.parametrize('strategy', ATOMIC)
@pytest.mark.parametrize('library', capi.NAMES)
def test_exports_found_are_those_of_the_headers(library, strategy, combined, exports):
    found, = (set(p['exports']) for p in combined[strategy].response['plugins'] if p['library'] == library)
    if library == 'capi_ledger':
        # Of C++ and cxx there is more: the preset's, for programs of C++.
        found = {name for name in found if 'cxxbridge1$' not in name and not name.startswith('_Z')}
    assert found == set(exports[library])


def check(out, names, checks, libraries, **how):
    said = link.check(capi.program(out, names, checks, libraries, **how))
    assert f'all right: {len(names)} libraries' in said
    out.unlink()


@pytest.mark.parametrize('linker', link.LINKERS)
@pytest.mark.parametrize('strategy', NAMES)
def test_all(strategy, linker, combined, checks, tmp_path):
    check(tmp_path / 'program', NAMES[strategy], checks, combined[strategy].link(NAMES[strategy]), linker=linker)


@pytest.mark.parametrize('linker, mode', [('bfd', 'static'), ('lld', 'gc-sections'), ('mold', 'no-pie')])
@pytest.mark.parametrize('strategy', ['prelink', 'meld'])
def test_all_in_other_modes(strategy, linker, mode, combined, checks, tmp_path):
    check(tmp_path / 'program', capi.NAMES, checks, combined[strategy].link(), linker=linker, mode=mode)


@pytest.mark.parametrize('linker', link.LINKERS)
@pytest.mark.parametrize('strategy', ATOMIC)
def test_native_libraries_are_known_of_files(strategy, linker, combined, checks, tmp_path):
    """Nobody said which: C++ and mathematics among them. The link line is all that a program needs."""
    said = combined[strategy].response['link']
    assert '-lstdc++' in said['native_static_libs'] and '-lm' in said['native_static_libs']
    assert not {'-lc', '-lgcc', '-lgcc_s'} & set(said['native_static_libs'])
    natives = {p['library']: p['native_static_libs'] for p in combined[strategy].response['plugins']}
    assert '-lstdc++' in natives['capi_ledger'] and '-lstdc++' not in natives['rure']
    listed = ' '.join(f'one({name})' for name in capi.NAMES)
    run(['gcc', '-O1', f'-fuse-ld={linker}', f'-B{link.linker_folder()}', f'-DCHECKS(one)={listed}', capi.HOST / 'main.c',
         *(checks[name] for name in capi.NAMES), *said['libraries'], *said['native_static_libs'], *said['linker_args'],
         '-o', tmp_path / 'program'])
    link.check([tmp_path / 'program'])
    (tmp_path / 'program').unlink()


@pytest.mark.parametrize('linker', link.LINKERS)
def test_what_objects_ask_their_linker_for(linker, engine, tmp_path):
    """`#pragma comment(lib, …)` of Clang's, which only lld reads: of any linker it is in the link line and in the .pc."""
    (tmp_path / 'asks.c').write_text('#pragma comment(lib, "expat")\nint XML_ExpatVersionInfo(void *); int asks(void *p) { return XML_ExpatVersionInfo(p); }\n')
    (tmp_path / 'expat.c').write_text('int XML_ExpatVersionInfo(void *p) { return p == 0; }\n')
    (tmp_path / 'main.c').write_text('int asks(void *); int main(void) { return asks(0) != 1; }\n')
    for name in ('asks', 'expat'):
        run([link.versioned('clang'), '-O1', '-fPIC', '-c', tmp_path / f'{name}.c', '-o', tmp_path / f'{name}.o'])
        run(['ar', 'rcs', tmp_path / f'lib{name}.a', tmp_path / f'{name}.o'])
    made = combine(engine, 'meld', [tmp_path / 'libasks.a'], tmp_path / 'out', exports=['asks'], arguments=['--pkg-config'])
    assert made.response['link']['native_static_libs'] == ['-lexpat']
    assert '-lexpat' in next((tmp_path / 'out').rglob('asks.pc')).read_text()
    run(['gcc', f'-fuse-ld={linker}', f'-B{link.linker_folder()}', tmp_path / 'main.c', *made.response['link']['libraries'],
         f'-L{tmp_path}', *made.response['link']['native_static_libs'], '-o', tmp_path / 'program'])
    run([tmp_path / 'program'])


@pytest.mark.parametrize('order', [['rure', 'capi_markdown'], ['encoding_c', 'capi_ledger'], ['rure', 'libz_rs_sys']], ids='+'.join)
@pytest.mark.needs('cross')
def test_vendors_do_not_link_as_built(order, checks, tmp_path):
    """Two allocators, two of fat LTO, two compilers: `test_vendors_mixed` has all of them."""
    libraries = capi.vendors()
    with pytest.raises(AssertionError, match='duplicate symbol'):
        check(tmp_path / 'program', order, checks, [libraries[name] for name in order], linker='lld')


@pytest.mark.parametrize('pair', PAIRS, ids='+'.join)
def test_pair(pair, combined, checks, tmp_path):
    check(tmp_path / 'program', pair, checks, combined['meld'].link(pair), linker='lld')


@pytest.mark.long
@pytest.mark.parametrize('linker', link.LINKERS)
@pytest.mark.parametrize('strategy', NAMES)
@pytest.mark.parametrize('pair', PAIRS, ids='+'.join)
def test_pair_by_each_linker(pair, strategy, linker, combined, checks, tmp_path):
    if set(pair) <= set(NAMES[strategy]):
        check(tmp_path / 'program', pair, checks, combined[strategy].link(pair), linker=linker)


@pytest.mark.long
@pytest.mark.parametrize('pair', PAIRS, ids='+'.join)
def test_pair_melded_alone(pair, engine, checks, tmp_path):
    libraries = {name: path for name, path in capi.libraries().items() if name in pair}
    made = make(engine, 'meld', libraries, tmp_path / 'lib')
    for linker in link.LINKERS:
        check(tmp_path / 'program', pair, checks, made.link(), linker=linker)


def test_shared_library_exports(combined, tmp_path):
    """Nothing of the libraries is visible in a shared library that has them but what they export, and what C++ has
    in common with whoever else has it."""
    out = tmp_path / 'libchecks.so'
    libraries = ['-Wl,--whole-archive', *combined['meld'].libraries(), '-Wl,--no-whole-archive', *combined['meld'].linker_args]
    link.program(out, [capi.HOST / 'nothing.c'], [*libraries, *capi.native(capi.NAMES)], linker='lld', mode='shared')
    promised = {name for plugin in combined['meld'].response['plugins'] for name in plugin['exports']}
    visible = link.dynamic_symbols(out)
    assert promised <= visible
    assert {name for name in visible - promised if not name.startswith('_Z')} == set()


@pytest.mark.parametrize('library', capi.NAMES)
def test_one_call(library, combined, tmp_path):
    """Each program says by its exit status whether the call was right. Without --gc-sections it is as small as the
    smallest that linkers make with it of the library as built; a linker's own measure is its own, and bfd's programs
    grow by pages."""
    plain = capi.plain_sizes()['one'][library]
    sizes = {linker: capi.one_call(tmp_path / 'program', library, combined['meld'].link([library]), linker=linker)
             for linker in link.LINKERS}
    assert min(sizes.values()) <= 1.1 * min(plain.values()), (sizes, plain)
    for linker, size in sizes.items():
        assert size <= 1.1 * plain[linker] + 4096, (linker, sizes, plain)


def test_pieces_by_export_ship_a_fifth_more_at_most(combined, engine, tmp_path):
    whole = make(engine, 'meld', capi.libraries(), tmp_path / 'lib', arguments=['--granularity', 'plugin'])
    shipped = [sum(path.stat().st_size for path in made.libraries()) for made in (combined['meld'], whole)]
    assert shipped[1] < shipped[0] <= 1.2 * shipped[1], shipped


def test_every_call_is_not_larger_than_collected(combined, exports, tmp_path):
    """The program that holds every export, without --gc-sections, against the smallest that linkers make of the
    libraries as built with it."""
    found = {name: exports[name] for name in capi.TOGETHER}
    smallest = min(capi.plain_sizes()['every'].values())
    for linker in link.LINKERS:
        size = capi.every_call(tmp_path / 'program', found, combined['meld'].link(capi.TOGETHER), linker=linker)
        assert size <= 1.05 * smallest, (linker, size, smallest)


@pytest.fixture(scope='module')
def vendors(engine, tmp_path_factory):
    """Libraries with mimalloc, of fat LTO, of another compiler and without unwinding, melded."""
    return make(engine, 'meld', capi.vendors(), tmp_path_factory.mktemp('vendors'))


@pytest.mark.needs('cross')
@pytest.mark.parametrize('linker', link.LINKERS)
def test_vendors_mixed(linker, vendors, checks, tmp_path):
    check(tmp_path / 'program', list(capi.VENDORS), checks, vendors.link(), linker=linker)


@pytest.mark.needs('cross')
def test_vendors_are_told_apart(vendors, engine, exports, tmp_path):
    """The response and the table say of each library what keeps it from sharing with the others."""
    sharing = vendors.response['sharing']
    assert sharing['groups'] == [['capi_ledger'], ['capi_markdown'], ['capi_reactor', 'rure'], ['encoding_c'], ['libz_rs_sys'],
                                 ['mp4parse_capi']]
    said = {}
    for apart in sharing['apart']:
        said.setdefault(apart['library'], []).append((apart['reason'], apart['message']))
    assert said == {
        'capi_ledger': [('fat-lto', 'fat LTO: nothing to share')],
        'capi_markdown': [('own-allocator', 'own #[global_allocator]')],
        'encoding_c': [('fat-lto', 'fat LTO: nothing to share')],
        'libz_rs_sys': [('other-compiler', f'std of another compiler (rustc {capi.debians_version()})')],
        'mp4parse_capi': [('panic-abort', 'panic=abort')],
    }
    # With one more that is made as usual.
    names = ['capi_markdown', 'libz_rs_sys', 'rure']
    libraries = [capi.vendors()[name] for name in names] + [capi.libraries()['tree_sitter_json'], capi.libraries()['yrs']]
    patterns = [name for library in [*names, 'tree_sitter_json', 'yrs'] for name in exports[library]]
    table = run([engine, 'meld', '--out', tmp_path, *(f'--exports={name}' for name in patterns), '--', *libraries])
    assert table.partition('not all libraries share:\n')[2].splitlines()[:4] == [
        '  rure, yrs share with each other',
        '  capi_markdown: own #[global_allocator]',
        f'  libz_rs_sys: std of another compiler (rustc {capi.debians_version()})',
        '  tree_sitter_json: nothing in common with the others',
    ]


def test_those_that_share_are_not_spoken_of(combined):
    apart = combined['meld'].response['sharing']['apart']
    # Their functions are C, or take only what other libraries have in other versions.
    alike = {'tree_sitter', 'tree_sitter_json'}
    assert {entry['library']: entry['reason'] for entry in apart} == {
        'capi_markdown': 'own-allocator', **dict.fromkeys(alike, 'nothing-in-common')}
