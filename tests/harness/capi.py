"""Crates with C APIs: their static libraries, what their headers promise, and how a program calls them."""

import inspect
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import cache, cargo, link
from .cross import RUSTC as DEBIANS_RUSTC
from .run import run

HOME = cargo.TESTS / 'capi'
HOST = HOME / 'host'


@dataclass
class Crate:
    # The library's name, and the package's where it is another one.
    name: str
    package: str = None
    # The files of the package that say what its API is: headers, or Rust where it ships none.
    says: tuple = ()
    # Files of the package that its check reads.
    beside: tuple = ()
    # What the headers promise and the library has with other features only, and what it has besides.
    lacks: str = ''
    more: tuple = ()

    def __post_init__(self):
        self.package = self.package or self.name

    def __str__(self):
        return self.name


CRATES = [
    Crate('capi_ledger', 'capi-ledger', ('src/lib.rs',)),
    Crate('capi_markdown', 'capi-markdown', ('src/lib.rs',)),
    Crate('capi_reactor', 'capi-reactor', ('src/lib.rs',)),
    Crate('encoding_c', says=('include/encoding_rs.h', 'include/encoding_rs_statics.h')),
    Crate('hyper', says=('src/ffi/*.rs',)),
    Crate('libz_rs_sys', 'libz-rs-sys', ('include/zlib.h',), beside=('include/zconf.h',), lacks=r'gz\w+',
          more=('compress2_z', 'compressBound_z', 'compress_z', 'deflateBound_z', 'deflateUsed', 'uncompress2_z', 'uncompress_z')),
    Crate('mp4parse_capi', says=('src/lib.rs',)),
    Crate('rav1e', says=('src/capi.rs',)),
    Crate('rure', says=('include/rure.h',)),
    Crate('rustls_ffi', 'rustls-ffi', ('src/rustls.h',), beside=('testdata/localhost/*.pem',),
          lacks='rustls_(aws_lc_rs_crypto_provider|connection_read_2|default_fips_provider)'),
    Crate('tree_sitter', 'tree-sitter', ('include/tree_sitter/api.h',), lacks='ts_wasm_store_(language_count|load_language|new)',
          more=('ts_current_calloc', 'ts_current_free', 'ts_current_malloc', 'ts_current_realloc')),
    Crate('tree_sitter_json', 'tree-sitter-json', ('src/parser.c',)),
    Crate('yrs', 'yffi', ('src/lib.rs',)),
]
NAMES = [crate.name for crate in CRATES]
# Those that link together as they are built: not the one with an allocator of its own.
TOGETHER = [name for name in NAMES if name != 'capi_markdown']


def built():
    """The folder of the static libraries, and beside each a folder with what says its API."""
    key = cache.digest(HOME, run(['rustc', '-vV']), Path(__file__).name, json.dumps([[c.package, c.says, c.beside] for c in CRATES]))

    def make(folder):
        # Where cargo looks for flags, the folder that it runs in counts, not the manifest's.
        packages = {p['name']: Path(p['manifest_path']).parent for p in json.loads(
            run(['cargo', 'metadata', '--locked', '--format-version', '1'], cwd=HOME))['packages']}
        target_dir = cache.folder('cargo', 'capi')
        for crate in CRATES:
            made = cargo.cargo(HOME, ['rustc', '--release', '-p', crate.package, '--lib', '--crate-type', 'staticlib'],
                               env={}, target_dir=target_dir)
            shutil.copy(made[crate.name], folder)
            home = packages[crate.package]
            for pattern in (*crate.says, *crate.beside):
                for path in home.glob(pattern):
                    copy = folder / crate.name / path.relative_to(home)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copy)

    return cache.result('libraries', 'capi', key, make)


def libraries():
    """The static libraries, by name."""
    home = built()
    return {name: home / f'lib{name}.a' for name in NAMES}


# Libraries of vendors who build each in a way of their own: the profile, and the compiler where it is another one.
VENDORS = {
    'capi_ledger': ('fat', None),
    'capi_markdown': ('release', None),
    'capi_reactor': ('release', None),
    'encoding_c': ('fat', None),
    'libz_rs_sys': ('release', DEBIANS_RUSTC),
    'mp4parse_capi': ('abort', None),
    'rure': ('release', None),
}


def vendors():
    """The static libraries of VENDORS, by name."""
    key = cache.digest(built().name, run([DEBIANS_RUSTC, '-vV']), json.dumps([VENDORS], default=str))

    def make(folder):
        packages = {crate.name: crate.package for crate in CRATES}
        for name, (profile, rustc) in VENDORS.items():
            if (profile, rustc) == ('release', None):
                shutil.copy(libraries()[name], folder)
                continue
            made = cargo.cargo(
                HOME, ['rustc', '--profile', profile, '-p', packages[name], '--lib', '--crate-type', 'staticlib'],
                env={'RUSTC': str(rustc)} if rustc else {},
                target_dir=cache.folder('cargo', 'capi-debian' if rustc else 'capi'))
            shutil.copy(made[name], folder)

    home = cache.result('libraries', 'capi-vendors', key, make)
    return {name: home / f'lib{name}.a' for name in VENDORS}


def debians_version():
    return re.search(r'^release: (.+)$', run([DEBIANS_RUSTC, '-vV']), re.M)[1]


def exports():
    """What each library has for programs: what its headers say, with what is known to be otherwise."""
    home = built()
    found = {}
    for crate in CRATES:
        names = set(crate.more)
        for pattern in crate.says:
            for path in sorted((home / crate.name).glob(pattern)):
                read = of_rust if path.suffix == '.rs' else of_c
                names |= {name for name in read(path.read_text()) if not re.fullmatch(crate.lacks, name)}
        found[crate.name] = sorted(names)
    return found


def of_rust(text):
    """Names of items that are not mangled. hyper makes its functions with a macro."""
    text = re.sub(r'//.*', '', text)
    marked = re.findall(r'#\[(?:unsafe\()?no_mangle\)?\]\s*(?:#\[[^]]*\]\s*)*pub\s+(?:unsafe\s+)?(?:extern\s+(?:"C"\s+)?)?(?:fn|static)\s+(\w+)', text)
    return {*marked, *re.findall(r'ffi_fn!\s*\{\s*(?:#\[[^]]*\]\s*)*fn\s+(\w+)', text)}


def of_c(text):
    """Names of functions and of data that a header, or a file of generated C, has for others."""
    text = re.sub(r'/\*.*?\*/|//[^\n]*', '', text, flags=re.S)
    text = re.sub(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', '', text, flags=re.M)
    text = re.sub(r'\bextern\s+"C"\s*\{', '', text)
    # Macros that say something of the declaration.
    text = re.sub(r'\b[A-Z_]+\("[^"]*"\)', '', text)
    # What stands in braces declares nothing outside.
    while (bare := re.sub(r'\{[^{}]*\}', ';', text)) != text:
        text = bare
    names = set()
    for statement in text.split(';'):
        if re.match(r'\s*(typedef|static)\b', statement):
            continue
        if function := re.match(r'[^()=]*?\b(\w+)\s*\(', statement):
            names.add(function[1])
        elif data := re.match(r'\s*extern\b[^=]*?(\w+)\s*(?:\[[^]]*\]\s*)?$', statement):
            names.add(data[1])
    return names


def visible(library):
    """The names that a library defines for programs, as a linker sees them."""
    names = set()
    for line in run(['readelf', '-sW', library]).splitlines():
        match line.split():
            case [_, _, _, 'FUNC' | 'OBJECT', 'GLOBAL' | 'WEAK', 'DEFAULT', section, name] if section != 'UND':
                names.add(name)
    return names


def checks(out):
    """Compiles what checks each library; gives the objects, by library."""
    home = built()
    includes = [f'-I{home / crate.name / folder}' for crate in CRATES
                for folder in {str(Path(path).parent) for path in crate.says if path.endswith('.h')}]
    # tree-sitter's headers say `tree_sitter/api.h`.
    includes.append(f'-I{home / "tree_sitter" / "include"}')
    objects = {}
    for crate in CRATES:
        objects[crate.name] = out / f'{crate.name}.o'
        run(['gcc', '-O1', '-Wall', '-Werror', '-fPIE', *includes, f'-DTESTDATA="{home / "rustls_ffi" / "testdata"}"',
             '-c', HOST / f'{crate.name}.c', '-o', objects[crate.name]])
    return objects


def native(names):
    """The libraries besides Rust's usual ones that these need."""
    return ['-lstdc++'] if 'capi_ledger' in names else []


def program(out, names, objects, libraries, **how):
    """Links the program that checks these libraries."""
    listed = ' '.join(f'one({name})' for name in names)
    return link.program(out, [HOST / 'main.c', *(objects[name] for name in names)], [*libraries, *native(names)],
                        defines=[f'-DCHECKS(one)={listed}'], **how)


def one_call(out, name, libraries, **how):
    """Links the program that calls one function of a library; gives its size without symbols."""
    return stripped(link.program(out, [HOST / 'one.c'], [*libraries, *native([name])], defines=[f'-DONE_{name}'], **how))


def every_call(out, exports, libraries, **how):
    """Links the program that holds the address of every export of these libraries."""
    names = sorted({name for found in exports.values() for name in found})
    source = out.with_suffix('.c')
    declared = '\n'.join(f'extern char {name}[];' for name in names)
    source.write_text(f'{declared}\nchar *volatile all[] = {{{", ".join(names)}}};\n'
                      'int main(void) {\n    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)\n'
                      '        if (!all[i]) return 1;\n    return 0;\n}\n')
    return stripped(link.program(out, [source], [*libraries, *native(exports)], flags=['-fno-builtin'], **how))


def stripped(command):
    """Runs a program that prints nothing, and gives its size without symbols."""
    run(command)
    program = command[0]
    run(['strip', program])
    return program.stat().st_size


def plain_sizes():
    """How large each linker makes the programs from the libraries as built, with --gc-sections: of one call by
    library, and of all that can be linked together."""
    home = built()
    found = exports()
    key = cache.digest(HOST, home.name, inspect.getsource(plain_sizes), inspect.getsource(every_call))

    def make(folder):
        made = libraries()
        sizes = {'one': {}, 'every': {}}
        for linker in link.LINKERS:
            how = {'linker': linker, 'mode': 'gc-sections'}
            for name, library in made.items():
                sizes['one'].setdefault(name, {})[linker] = one_call(folder / 'program', name, [library], **how)
            sizes['every'][linker] = every_call(
                folder / 'program', {name: found[name] for name in TOGETHER}, [made[name] for name in TOGETHER], **how)
        (folder / 'program').unlink()
        (folder / 'sizes.json').write_text(json.dumps(sizes, indent=2))

    return json.loads((cache.result('capi', 'sizes', key, make) / 'sizes.json').read_text())
