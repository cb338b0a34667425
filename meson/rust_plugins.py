#!/usr/bin/env python3
"""Speaks dragonfire's protocol for Meson, which can neither read JSON nor define functions.

--list    prints what a build makes, one library a line: NAME VERSION FILE.
          The workspace library comes first.
--build   makes those libraries, their .pc files and NAME.args, the arguments that a program
          linking NAME needs besides libraries of this workspace.
"""

import argparse
import json
import os
from pathlib import Path
import shlex
import subprocess
import sys

PROTOCOL = 1

# Cargo profile of each Meson buildtype, and what the profile is adjusted by.
BUILDTYPES = {
    'plain': ('release', {}),
    'debug': ('dev', {}),
    'debugoptimized': ('release', {'CARGO_PROFILE_RELEASE_DEBUG': 'true'}),
    'release': ('release', {}),
    'minsize': ('release', {'CARGO_PROFILE_RELEASE_OPT_LEVEL': 's'}),
    'custom': ('release', {}),
}

COMPILER_LAUNCHERS = ('ccache', 'sccache', 'distcc', 'icecc', 'buildcache', 'cachepot')


class Failure(Exception):
    """Something to tell the user."""


def arguments(argv):
    parser = argparse.ArgumentParser(prog='rust_plugins', description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument('--list', action='store_true', help='print the libraries that --build makes')
    mode.add_argument('--build', nargs='+', metavar='OUTPUT', help='make the libraries')
    mode.add_argument('--build-engine', type=Path, metavar='SOURCE',
                      help='build dragonfire itself and print where it is')

    workspace = parser.add_argument_group('the workspace')
    workspace.add_argument('--manifest-path', type=Path, help='the Cargo.toml')
    workspace.add_argument('--manifest', type=Path, help='dragonfire manifest, if not in Cargo.toml')
    workspace.add_argument('--package', action='append', default=[])
    workspace.add_argument('--features', action='append', default=[])
    workspace.add_argument('--all-features', action='store_true')
    workspace.add_argument('--no-default-features', action='store_true')
    workspace.add_argument('--buildtype', choices=sorted(BUILDTYPES), default='release',
                           help="Meson's option, which chooses the cargo profile")
    workspace.add_argument('--profile', help='cargo profile, whatever the buildtype')
    workspace.add_argument('--no-lto', action='store_true',
                           help='no link-time optimisation, whatever the profile says')
    workspace.add_argument('--target', help='Rust target triple')
    workspace.add_argument('--target-dir', type=Path)
    workspace.add_argument('--offline', action='store_true')
    workspace.add_argument('--locked', action='store_true')
    workspace.add_argument('--frozen', action='store_true')
    workspace.add_argument('--jobs', type=int)
    workspace.add_argument('--rustflag', action='append', default=[], metavar='FLAG',
                           help="flag for rustc, besides those of RUSTFLAGS and cargo's configuration")
    workspace.add_argument('--local-rustflag', action='append', default=[], metavar='FLAG',
                           help="the same for the workspace's own libraries, not what they depend on")
    workspace.add_argument('--cargo-flag', action='append', default=[], metavar='FLAG')
    workspace.add_argument('--cargo')
    workspace.add_argument('--env', action='append', default=[], metavar='NAME=VALUE')
    workspace.add_argument('--builder', choices=['auto', 'wrapper', 'cargo-c'])

    result = parser.add_argument_group('the result')
    result.add_argument('--strategy', choices=['auto', 'dedup', 'prelink', 'meld'],
                        help='auto: meld wherever objects can be melded, else dedup')
    result.add_argument('--export', action='append', default=[], metavar='GLOB')
    result.add_argument('--preset', action='append', default=[], metavar='NAME')
    result.add_argument('--exports-of', action='append', default=[], metavar='CRATE')
    result.add_argument('--symbols', choices=['keep', 'exports'])
    result.add_argument('--granularity', choices=['auto', 'plugin', 'export'],
                        help='what of a library a program can take alone')
    result.add_argument('--debug', choices=['lines', 'full', 'keep', 'strip'])
    result.add_argument('--default-library', choices=['static', 'shared', 'both'],
                        default='static',
                        help="Meson's option: are shared libraries installed too?")
    result.add_argument('--libdir', help='where the libraries will be installed')
    result.add_argument('--pkgconfigdir', help='where the .pc files will be installed; '
                        'pkgconfig in --libdir where not given')
    result.add_argument('--workspace-libdir', help='where the workspace library will be installed; '
                        '--libdir where not given')
    result.add_argument('--workspace-pkgconfigdir', help="where the workspace library's .pc file will be "
                        "installed; with the plugins' where not given")
    result.add_argument('--report', type=Path, help='write an HTML report')
    result.add_argument('--depfile', type=Path)

    machine = parser.add_argument_group('the machine (given by the subproject)')
    machine.add_argument('--engine', help='the dragonfire program')
    machine.add_argument('--argument-syntax', choices=['gcc', 'msvc'], default='gcc')
    for name in 'cc', 'cflag', 'cxx', 'cxxflag', 'pkg-config-path', 'pkg-config-libdir':
        machine.add_argument('--' + name, action='append', default=[])
    for name in 'ar', 'pkg-config', 'sysroot':
        machine.add_argument('--' + name)

    argv, rustc = without_rustc(argv)
    opts = parser.parse_args(argv)
    # What the user gave comes later, and wins.
    opts.env = [*rustc_environment(rustc, opts.target), *opts.env]
    if not opts.build_engine:
        for name in 'engine', 'strategy', 'manifest_path':
            if not getattr(opts, name):
                parser.error(f'--{name.replace("_", "-")} is missing')
    if opts.build and not (opts.depfile and opts.target_dir):
        parser.error('--build needs --depfile and --target-dir')
    for entry in opts.env:
        if '=' not in entry:
            parser.error(f'--env {entry}: NAME=VALUE expected')
    return opts


def without_rustc(argv):
    """The arguments without `--rustc WORD... --end-of-rustc`, and the words: they may look like options."""
    if '--rustc' not in argv:
        return argv, []
    start, end = argv.index('--rustc'), argv.index('--end-of-rustc')
    return argv[:start] + argv[end + 1:], argv[start + 1:end]


def rustc_environment(words, target):
    """A machine file's `rust`, as what cargo reads. Its target is known already."""
    words = [w for i, w in enumerate(words)
             if not (w.startswith('--target=') or '--target' in words[max(i - 1, 0):i + 1])]
    if len(words) < 2 or not target:
        return ['RUSTC=' + (words[0] if len(words) == 1 else shlex.join(words))] if words else []
    # Build scripts run on the build machine: its compilations have none of these arguments.
    options = [i for i, w in enumerate(words) if w.startswith('-')] or [len(words)]
    program, flags = words[:options[0]], words[options[0]:]
    if any(' ' in flag for flag in flags):
        raise Failure(f"cargo takes no argument of rustc's with a space: {shlex.join(flags)}")
    # Where RUSTFLAGS is set, cargo looks at no other.
    name = 'RUSTFLAGS'
    if name not in os.environ:
        name = f'CARGO_TARGET_{target.upper().replace("-", "_").replace(".", "_")}_RUSTFLAGS'
    flags = [*os.environ.get(name, '').split(), *flags]
    return ['RUSTC=' + (program[0] if len(program) == 1 else shlex.join(program)), f'{name}={" ".join(flags)}']


def build_engine(source, cargo, target_dir):
    """Builds the engine for the build machine and returns where cargo put it."""
    env = dict(os.environ)
    env.pop('CARGO_BUILD_TARGET', None)
    command = [cargo or 'cargo', 'build', '--release', '--locked', '--bin', 'dragonfire',
               '--manifest-path', str(source / 'Cargo.toml'), '--target-dir', str(target_dir),
               '--message-format', 'json-render-diagnostics']
    cargo = subprocess.run(command, env=env, stdout=subprocess.PIPE, encoding='utf-8')
    if cargo.returncode != 0:
        raise Failure(f'cargo failed with status {cargo.returncode}')
    for line in cargo.stdout.splitlines():
        message = json.loads(line)
        if message.get('executable') and message['target']['name'] == 'dragonfire':
            return message['executable']
    raise Failure('cargo built no program named dragonfire')


def cargo_environment(opts):
    """What Meson knows about compilers and pkg-config, in the names that build scripts read."""
    env = {}
    _, profile_env = BUILDTYPES[opts.buildtype]
    if not opts.profile:
        env.update(profile_env)

    # For another machine, variables with the target's name: the build scripts' own build, for this
    # machine, does not see them.
    suffix = '_' + opts.target.replace('-', '_') if opts.target else ''
    for name, words in ('CC', opts.cc), ('CXX', opts.cxx):
        if words:
            env[name + suffix] = ' '.join(words)
    for name, words in ('CFLAGS', opts.cflag), ('CXXFLAGS', opts.cxxflag):
        if words:
            env[name + suffix] = ' '.join(shlex.quote(word) for word in words)
            env['CC_SHELL_ESCAPED_FLAGS'] = '1'
    if opts.ar:
        env['AR' + suffix] = opts.ar
    if opts.target and opts.cc:
        # Cargo wants one program here; static libraries are not linked, so its arguments, which
        # matter for linking only, need not follow.
        linker = next((word for word in opts.cc if Path(word).stem not in COMPILER_LAUNCHERS), None)
        if linker:
            env[f'CARGO_TARGET{suffix.upper()}_LINKER'] = linker

    paths = list(opts.pkg_config_path)
    if os.environ.get('PKG_CONFIG_PATH'):
        paths += os.environ['PKG_CONFIG_PATH'].split(os.pathsep)
    if paths:
        env['PKG_CONFIG_PATH' + suffix] = os.pathsep.join(paths)
    if opts.pkg_config:
        env['PKG_CONFIG' + suffix] = opts.pkg_config
    if opts.pkg_config_libdir:
        env['PKG_CONFIG_LIBDIR' + suffix] = os.pathsep.join(opts.pkg_config_libdir)
    if opts.sysroot:
        env['PKG_CONFIG_SYSROOT_DIR' + suffix] = opts.sysroot
    if opts.target and opts.pkg_config:
        # Meson has chosen the pkg-config for the target.
        env['PKG_CONFIG_ALLOW_CROSS' + suffix] = '1'

    # The consumer's own settings win.
    env.update(entry.split('=', 1) for entry in opts.env)
    return env


def workspace(opts):
    profile, _ = BUILDTYPES[opts.buildtype]
    fields = {
        'manifest_path': absolute(opts.manifest_path),
        'packages': opts.package,
        'profile': opts.profile or profile,
        'features': opts.features,
        'all_features': opts.all_features,
        'no_default_features': opts.no_default_features,
        'no_lto': opts.no_lto,
        'target': opts.target,
        'target_dir': opts.target_dir and absolute(opts.target_dir / 'cargo'),
        'offline': opts.offline,
        'locked': opts.locked,
        'frozen': opts.frozen,
        'jobs': opts.jobs,
        'rustflags': opts.rustflag,
        'local_rustflags': opts.local_rustflag,
        'cargo_flags': opts.cargo_flag,
        'cargo': opts.cargo,
        'env': cargo_environment(opts),
        'builder': opts.builder,
    }
    return without_none(fields)


def absolute(path):
    return os.path.abspath(path)


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}


def ask(opts, request):
    """Sends a request to the engine and returns its response."""
    request['protocol'] = PROTOCOL
    if opts.manifest:
        request['manifest'] = absolute(opts.manifest)
    engine = subprocess.run([opts.engine, 'request'], input=json.dumps(request),
                            stdout=subprocess.PIPE, encoding='utf-8')
    try:
        response = json.loads(engine.stdout)
    except ValueError:
        raise Failure(f'{opts.engine} ended with status {engine.returncode} and no response')
    for warning in response.get('warnings', []):
        print('warning: ' + diagnostic(warning), file=sys.stderr)
    if not response['ok']:
        raise Failure('\n'.join(diagnostic(error) for error in response['errors']))
    return response


def diagnostic(entry):
    place = [entry[key] for key in ('file', 'member', 'symbol') if entry.get(key)]
    message = entry['message']
    if entry.get('shown'):
        # More lines are what cargo or a compiler said, and that has been on stderr already.
        message = message.partition('\n')[0].rstrip(':')
    lines = [': '.join(place + [message]) + f' [{entry["code"]}]']
    if entry.get('hint'):
        lines.append('hint: ' + entry['hint'])
    return '\n'.join(lines)


def list_libraries(opts):
    response = ask(opts, {'operation': 'discover', 'workspace': workspace(opts)})
    shared, plugins = response['workspace_library'], response['plugins']
    # No package has the workspace library's version.
    print(shared['library'], plugins[0]['version'], shared['file_name'])
    for plugin in plugins:
        print(plugin['library'], plugin['version'], plugin['file_name'])


def build(opts):
    out = Path(opts.build[0]).parent
    libdir = opts.libdir and Path(opts.libdir)
    metadata = without_none({
        'pkg_config': True,
        'pkg_config_private': opts.default_library != 'static',
        'pkg_config_dir': absolute(out),
        'libdir': opts.libdir,
        'installed_pkg_config_dir': opts.pkgconfigdir or (libdir and str(libdir / 'pkgconfig')),
        'workspace_libdir': opts.workspace_libdir,
        'installed_workspace_pkg_config_dir': opts.workspace_pkgconfigdir,
        'depfile': absolute(opts.depfile),
        # As ninja knows it, not as the engine does.
        'depfile_targets': [opts.build[0]],
    })
    request = without_none({
        'operation': 'meld' if opts.strategy == 'auto' else opts.strategy,
        'or_dedup': opts.strategy == 'auto',
        'source': {'workspace': workspace(opts)},
        'output': {'dir': absolute(out)},
        'exports': opts.export,
        'presets': opts.preset,
        'exports_of': opts.exports_of,
        'symbols': opts.symbols,
        'granularity': opts.granularity,
        'debug': opts.debug,
        'metadata': metadata,
        'report': opts.report and absolute(opts.report),
    })
    response = ask(opts, request)

    common = response['link']['linker_args']
    write_arguments(out, response['workspace_library']['library'], common, opts.argument_syntax)
    for plugin in response['plugins']:
        write_arguments(out, plugin['library'], common + plugin['native_static_libs'],
                        opts.argument_syntax)

    missing = [output for output in opts.build if not os.path.exists(output)]
    if missing:
        raise Failure(f'{", ".join(missing)} was not made: the workspace has other plugins than when '
                      'Meson configured; run "meson setup --reconfigure"')


def write_arguments(out, name, words, syntax):
    """Writes an argument file for the compiler driver, one word a line."""
    text = ''.join(quoted(word, syntax) + '\n' for word in words)
    path = out / f'{name}.args'
    temporary = out / f'{name}.args.tmp'
    temporary.write_text(text, encoding='utf-8')
    temporary.replace(path)


def quoted(word, syntax):
    if syntax == 'gcc':
        word = word.replace('\\', '\\\\').replace('"', '\\"')
    return f'"{word}"' if any(c.isspace() for c in word) or not word else word


def main():
    opts = arguments(sys.argv[1:])
    try:
        if opts.build_engine:
            print(build_engine(opts.build_engine, opts.cargo, opts.target_dir))
        elif opts.list:
            list_libraries(opts)
        else:
            build(opts)
    except (Failure, OSError) as error:
        sys.exit(f'dragonfire: {error}')


if __name__ == '__main__':
    main()
