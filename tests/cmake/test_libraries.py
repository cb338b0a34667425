"""LIBRARIES and USED_BY: libraries that other rules build, and what the program uses of them."""

from pathlib import Path

import pytest

from harness import cache
from harness.cmake import cmake
from harness.run import run

HERE = Path(__file__).parent / 'libraries'


def configure(build, engine, generator, *arguments, status=0):
    return cmake('-G', generator, '-S', HERE, '-B', build, f'-DDRAGONFIRE_SOURCE={cache.ROOT}',
                 f'-DDRAGONFIRE_EXECUTABLE={engine}', f'-DTARGET_DIR={cache.folder("cargo", "cmake-libraries")}',
                 *arguments, status=status)


def names(library):
    return run(['nm', '--defined-only', '--extern-only', library])


@pytest.mark.parametrize('generator', ['Ninja', 'Unix Makefiles', 'Ninja Multi-Config'])
def test_libraries(generator, engine, tmp_path):
    """Targets of Corrosion's shape and files are combined, installed, and cut down to what the program uses."""
    build = tmp_path / 'a build'
    config = ['--config', 'Debug'] if 'Multi' in generator else []
    below = Path('Debug') if config else Path()
    configure(build, engine, generator)
    cmake('--build', build, *config)
    assert run([build / below / 'whole']).split() == ['alpha', 'beta']
    assert run([build / below / 'little']).split() == ['alpha', 'beta']
    assert run([build / below / 'one']).split() == ['alpha']

    whole, used = (build / 'dragonfire' / name / below / 'lib/libalpha.a' for name in ('rust', 'used'))
    assert 'alpha_further' in names(whole)
    assert 'alpha_word' in names(used) and 'alpha_further' not in names(used)
    before = used.stat().st_mtime_ns
    assert 'Building the Rust' not in cmake('--build', build, *config)
    assert used.stat().st_mtime_ns == before

    # The program uses more.
    configure(build, engine, generator, '-DDEFINITIONS=FURTHER')
    said = cmake('--build', build, *config)
    assert 'Building the Rust plugins of used' in said and 'Rust plugins of rust' not in said.split('Generating done')[-1]
    assert 'alpha further' in run([build / below / 'little'])
    assert 'alpha_further' in names(used)

    cmake('--install', build, '--prefix', tmp_path / 'prefix', *config)
    targets = next((tmp_path / 'prefix').rglob('rust-targets.cmake')).read_text()
    assert '-lpthread' in targets and 'rust::beta' in targets


WRONG = {
    'executable': 'USED_BY "whole" is of type EXECUTABLE',
    'cycle': 'USED_BY "words" links x::alpha: the Rust libraries wait for its objects',
    'missing': 'LIBRARIES "gamma" is neither a target nor the file of a static library',
    'no library': 'LIBRARIES "whole" is a target of type EXECUTABLE',
    'twice': 'LIBRARIES names two of the name libalpha.a',
    'workspace': 'FEATURES is for a workspace that is built',
    'exports': 'USED_BY and EXPORTS both say what is exported',
    'dedup': 'USED_BY is for the strategies meld and prelink',
}


@pytest.mark.parametrize('case', WRONG)
def test_wrong(case, engine, tmp_path):
    said = configure(tmp_path, engine, 'Ninja', f'-DCASE={case}', status=1)
    assert 'add_rust_staticlibs(x): ' + WRONG[case] in ' '.join(said.split())
