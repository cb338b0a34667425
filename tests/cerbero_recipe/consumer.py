"""Programs that use the installed plugins: through pkg-config, and through .la files as libtool and
ndk-build read them."""

import os
import re
import shlex
import subprocess
from pathlib import Path

from harness.link import linker_folder

HERE = Path(__file__).parent
PLUGINS = ('alpha', 'beta', 'gamma')


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f'{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}'
    return done.stdout


def make_host(folder):
    """A C library with its .pc files, which two of the plugins require."""
    folder.mkdir(exist_ok=True)
    run(['cc', '-c', HERE / 'host' / 'demo_host.c', '-o', folder / 'demo_host.o'])
    run(['ar', 'rcs', folder / 'libdemohost.a', folder / 'demo_host.o'])
    text = 'prefix=${pcfiledir}\nName: %s\nDescription: test\nVersion: 1.4\nLibs: %s\n'
    (folder / 'demo-host.pc').write_text(text % ('demo-host', '-L${prefix} -ldemohost'))
    (folder / 'demo-base.pc').write_text(text % ('demo-base', ''))
    return folder


def expected(plugins, generation=1):
    """What the program prints: the count goes on over all plugins, so they share one registry."""
    factor = {'alpha': 10, 'beta': 1, 'gamma': 1}
    return ''.join(f'{p}={(i + 1) * factor[p]}/{generation}\n' for i, p in enumerate(plugins))


def pkg_config(libdir, host, *arguments):
    search = [libdir / 'gstreamer-1.0/pkgconfig', libdir / 'pkgconfig', host]
    env = {**os.environ, 'PKG_CONFIG_LIBDIR': os.pathsep.join(map(str, search))}
    env.pop('PKG_CONFIG_PATH', None)
    return shlex.split(run(['pkg-config', *arguments], env=env))


def use_linker(linker):
    return [f'-fuse-ld={linker}', f'-B{linker_folder()}']


def compile_and_run(work, plugins, link, *flags):
    program = work / '-'.join(plugins)
    defines = [f'-D{p.upper()}' for p in plugins]
    run(['cc', *defines, HERE / 'host' / 'consumer.c', '-o', program, *flags, *link])
    return run([program])


def la_link_line(prefix, plugins, moved_from=None):
    """Follows `dependency_libs` of the plugins' .la files, as cerbero's tools.mk for ndk-build does."""
    archives, libraries, seen = [], [], set()

    def follow(la):
        if la in seen:
            return
        seen.add(la)
        fields = dict(re.findall(r"^(\w+)='(.*)'$", la.read_text(), re.M))
        archive = la.parent / fields['old_library']
        assert archive.is_file(), archive
        archives.append(archive)
        for word in fields['dependency_libs'].split():
            if moved_from:
                word = word.replace(str(moved_from), str(prefix))
            if word.endswith('.la'):
                follow(Path(word))
            else:
                libraries.append(word)

    for plugin in plugins:
        follow(prefix / f'lib/gstreamer-1.0/libgst{plugin}.la')
    # A library's needs stand after it; the workspace library is what all plugins need.
    archives.sort(key=lambda a: a.parent.name != 'gstreamer-1.0')
    return [*archives, *libraries]
