"""Tables that Rust code fills and walks, and a program in C that has entries of its own in them."""

import json

import pytest

from harness.engine import combine
from harness.run import run

LIBRARY = '''
#[used]
#[unsafe(link_section = "mytab")]
static ENTRY: u64 = 1;
unsafe extern "C" {
    #[link_name = "__start_mytab"]
    static START: u64;
    #[link_name = "__stop_mytab"]
    static STOP: u64;
}
#[unsafe(no_mangle)]
pub extern "C" fn a_sum() -> i32 {
    let (mut at, mut sum) = (&raw const START, 0);
    while at < &raw const STOP {
        unsafe { sum += *at; at = at.add(1) };
    }
    sum as i32
}
'''
PROGRAM = '''
#include <stdio.h>
int a_sum(void);
__attribute__((used, section("mytab"))) static unsigned long entry = 10;
int main(void) { printf("%d\\n", a_sum()); }
'''


@pytest.mark.parametrize('said, sums, warned', [({}, 1, True), ({'public': ['mytab']}, 11, False),
                                                ({'isolate': ['mytab']}, 1, False)])
def test_entries_of_the_program_in_a_table_of_rust(said, sums, warned, engine, tmp_path):
    """The table is the library's own, which the user is told, unless the manifest says whose it is."""
    (tmp_path / 'a.rs').write_text(LIBRARY)
    (tmp_path / 'main.c').write_text(PROGRAM)
    library = tmp_path / 'liba.a'
    run(['rustc', '--edition', '2024', '--crate-type', 'staticlib', '-O', '-Cpanic=abort', tmp_path / 'a.rs', '-o', library])
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(json.dumps({'schema': 1, **said}))
    made = combine(engine, 'meld', [library], tmp_path / 'out', exports=['a_*'], manifest=manifest)
    codes = [warning['code'] for warning in made.response.get('warnings', [])]
    assert ('table-of-its-own' in codes) == warned
    for link, expected in [([library], 11), (made.link(), sums)]:
        run(['gcc', tmp_path / 'main.c', *link, '-o', tmp_path / 'program'])
        assert run([tmp_path / 'program']) == f'{expected}\n'
