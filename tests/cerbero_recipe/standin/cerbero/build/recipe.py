"""The base of recipes: file lists by category, and the steps of a build."""

import asyncio
import os
import subprocess
from pathlib import Path

from cerbero.build import build, source
from cerbero.enums import LibraryType, Platform

STEPS = ('extract', 'configure', 'compile', 'install', 'post_install')


class FilesProvider:
    MODULE_EXTENSION = {Platform.WINDOWS: '.dll', Platform.DARWIN: '.dylib', Platform.IOS: '.dylib'}

    def __init__(self, config):
        extension = self.MODULE_EXTENSION.get(config.target_platform, '.so')
        self.extensions = {'mext': extension, 'libdir': config.rel_libdir}
        if not hasattr(self, 'files_devel'):
            self.files_devel = []
        if self.licenses:
            self.files_devel.append(f'share/licenses/{self.name}')
        self.update_categories()

    def update_categories(self):
        self.categories = sorted(a.removeprefix('files_') for a in dir(self) if self._is_category(a))

    def _is_category(self, attribute):
        return attribute.startswith('files_') and isinstance(getattr(self, attribute), (list, dict))

    def files_list_by_category(self, category, only_existing=True):
        files = []
        for attribute in dir(self):
            if attribute.startswith('files_') and attribute.endswith('_' + category):
                files += getattr(self, attribute)
        return self._list(files, only_existing)

    def devel_files_list(self, only_existing=True):
        """The files of every devel category, and the static ones of the libraries."""
        files = list(self.files_list_by_category('devel', only_existing))
        if self.library_type in (LibraryType.STATIC, LibraryType.BOTH):
            libraries = [f'%(libdir)s/{library}.a' for library in getattr(self, 'files_libs', [])]
            files += self._list(libraries, only_existing)
        return sorted(files)

    def dist_files_list(self, only_existing=True):
        """All files but those for development."""
        lists = [getattr(self, f'files_{c}') for c in self.categories if not c.endswith('devel')]
        return self._list(sum(lists, []), only_existing)

    def _list(self, files, only_existing):
        listed = set()
        for file in files:
            if '%(mext)s' in file and self.library_type == LibraryType.STATIC:
                continue
            file = file % self.extensions
            if file.endswith('.dll') and self.using_msvc():
                file = os.path.join(os.path.dirname(file), os.path.basename(file).removeprefix('lib'))
            if file.endswith('.la') and self.config.target_platform != Platform.ANDROID:
                continue
            listed.add(file)
        if only_existing:
            missing = {f for f in listed if not os.path.exists(os.path.join(self.config.prefix, f))}
            if missing:
                raise RuntimeError(f'listed files are missing: {sorted(missing)}')
        return sorted(listed)


class MetaRecipe(type):
    """Gives a recipe the bases that its `stype` and `btype` name."""

    def __new__(cls, name, bases, dct):
        if bases[0] is not FilesProvider and name.endswith('Recipe'):
            kinds = {'stype': bases[0].stype, 'btype': bases[0].btype}
            kinds.update({k: dct[k] for k in kinds if k in dct})
            bases += tuple(kinds.values())
        return super().__new__(cls, name, bases, dct)


class Recipe(FilesProvider, metaclass=MetaRecipe):
    name = None
    version = None
    licenses = []
    stype = source.SourceType.GIT
    btype = build.BuildType.CARGO
    logfile = None

    def __init__(self, config, env):
        self.config = config
        self.env = env.copy()
        FilesProvider.__init__(self, config)
        self.stype.__init__(self)
        self.btype.__init__(self)

    def prepare(self):
        pass

    async def run(self):
        """All steps, each with its log."""
        for step in STEPS:
            path = Path(self.config.logs, f'{self.name}-{step}.log')
            with path.open('w+', encoding='utf-8') as self.logfile:
                result = getattr(self, step)()
                if asyncio.iscoroutine(result):
                    await result
            self.logfile = None

    def post_install(self):
        licenses = Path(self.config.prefix, 'share', 'licenses', self.name)
        licenses.mkdir(parents=True, exist_ok=True)
        if self.name.startswith('gst') and self.config.target_platform == Platform.ANDROID:
            self.generate_gst_la_files()
        self._make_pc_files_relocatable()

    def generate_gst_la_files(self):
        """A .la file beside every static library that has a .pc file, all as if they were shared."""
        libdir = Path(self.config.libdir)
        search = [libdir / 'pkgconfig', libdir / 'gstreamer-1.0' / 'pkgconfig', *self.config.pkg_config_path]
        env = {**self.env, 'PKG_CONFIG_PATH': os.pathsep.join(map(str, search))}
        archives = [Path(self.config.prefix, f) for f in self.devel_files_list() if f.endswith('.a')]
        # A library's own .la file comes before those of the libraries that need it.
        for archive in sorted(archives, key=lambda a: a.parent != libdir):
            library = archive.stem.removeprefix('lib')
            if not (archive.parent / 'pkgconfig' / f'{library}.pc').is_file():
                continue
            command = ['pkg-config', '--static', '--libs-only-l', library]
            needs = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.split()
            needs = [n for n in needs if n != f'-l{library}']
            needs = [self._la_of(n.removeprefix('-l')) or n for n in needs]
            archive.with_suffix('.la').write_text(
                f"dlname='lib{library}.so'\nlibrary_names='lib{library}.so'\n"
                f"old_library='lib{library}.a'\ndependency_libs='{' '.join(needs)}'\n"
                f"libdir='{archive.parent}'\n"
            )

    def _la_of(self, library):
        la = Path(self.config.libdir, f'lib{library}.la')
        return str(la) if la.is_file() else None

    def _make_pc_files_relocatable(self):
        for file in self.devel_files_list():
            if not file.endswith('.pc'):
                continue
            path = Path(self.config.prefix, file)
            up = os.path.relpath('.', os.path.dirname(file))
            lines = path.read_text().split('\n')
            for i, line in enumerate(lines):
                if line.startswith('prefix=') and 'pcfiledir' not in line:
                    lines[i] = f'prefix=${{pcfiledir}}/{up}'
                elif f'={self.config.prefix}' in line:
                    lines[i] = line.replace(self.config.prefix, '${prefix}')
            path.write_text('\n'.join(lines))
