# SPDX-License-Identifier: MIT OR Apache-2.0
"""What cerbero recipes of Rust libraries do after their build system's install step.

DragonfireMixin is for a CARGO_C recipe of GStreamer plugins, which derives from it instead of
recipe.Recipe and calls enable_plugin(); file lists, file names, .pc and .la files and the workspace
library follow. DragonfirePrelinkMixin is for a recipe of a library with a C API of its own. How
libraries and their metadata are written is the engine's business: it is asked through its JSON protocol.

README.md beside this file lists what is used of cerbero.
"""

import asyncio
import json
import os
import tempfile
from pathlib import Path

from cerbero.build import recipe
from cerbero.enums import LibraryType, Platform
from cerbero.errors import FatalError
from cerbero.utils import messages as m
from cerbero.utils import shell

PROTOCOL = 1

# How libraries are combined where the recipe does not say: melding keeps only what a plugin's exports
# reach. Where objects of a machine cannot be melded, whole members are deduplicated.
DEFAULT_STRATEGY = 'meld'


class DragonfireEngine(recipe.Recipe):
    """What the mixins have in common: the build tool that they ask."""

    def _get_files_dependencies(self):
        # A recipe is built again when what it is made of changes.
        return [*super()._get_files_dependencies(), os.path.abspath(__file__)]

    async def _ask_dragonfire(self, request):
        engine = os.path.join(self.config.build_tools_prefix, 'bin', 'dragonfire')
        text = json.dumps(request, indent=2)
        self._log(f'Asking {engine}:\n{text}\n')
        async with shell.CPU_BOUND_SEMAPHORE:
            try:
                process = await asyncio.create_subprocess_exec(
                    engine,
                    'request',
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=self.logfile,
                    env=self.env,
                )
            except OSError as e:
                raise FatalError(f'cannot run {engine}: {e}; is the build tool dragonfire built?') from e
            output, _ = await process.communicate(text.encode('utf-8'))
        answer = output.decode('utf-8', errors='replace')
        self._log(f'{answer}\n')
        try:
            response = json.loads(answer)
        except ValueError as e:
            raise FatalError(f'{engine} gave no answer, exit status {process.returncode}') from e
        if process.returncode != 0 or not response.get('ok'):
            errors = [_sentence(error) for error in response.get('errors', [])]
            raise FatalError('\n'.join([f'{self.name}: dragonfire failed', *errors]))
        for warning in response.get('warnings', []):
            m.warning(f'{self.name}: {_sentence(warning)}')
        return response

    def _log(self, text):
        if self.logfile:
            self.logfile.write(text)
            self.logfile.flush()


class DragonfireMixin(DragonfireEngine):
    """Base of a CARGO_C recipe whose packages are plugins."""

    # Library that takes what the plugins share. It is no plugin, so its .pc file must not stand with
    # the plugins': programs take every .pc file there for a plugin and call its register function.
    dragonfire_workspace = 'gstrsworkspace'
    # Folder of the plugins below libdir, the same as cargo-c's `install_subdir`.
    dragonfire_subdir = 'gstreamer-1.0'
    # 'dedup', 'prelink' or 'meld'; None: the best one for the platform.
    dragonfire_strategy = None
    # What programs may use of a plugin: the engine's manifest, or its path from the source folder (a
    # JSON file, or a Cargo.toml with [workspace.metadata.dragonfire]).
    # As here, the entry points of GStreamer plugins: those of gst_plugin_NAME_register and _get_desc that there are.
    dragonfire_manifest = {'schema': 1}
    # Build without link-time optimisation, whatever the release profile says: plugins optimised by themselves have
    # nothing in common.
    dragonfire_no_lto = False
    # With MSVC cargo-c installs NAME.lib. cerbero and Meson call static libraries libNAME.a there too,
    # and cerbero takes every .lib for an import library; set this to keep the name link.exe looks for.
    dragonfire_keep_lib_names = False

    # For the recipe.

    def enable_plugin(self, name, category):
        """List the files of the plugin library `gst<name>` in `category`."""
        if not self._dragonfire_plugins():
            self._list_workspace_library()
        library = f'gst{name}'
        if library in self._dragonfire_plugins():
            return
        self._dragonfire_plugins().append(library)
        folder = f'%(libdir)s/{self.dragonfire_subdir}'
        devel = [f'{folder}/pkgconfig/{library}.pc']
        if self.library_type in (LibraryType.STATIC, LibraryType.BOTH):
            devel += [f'{folder}/{self.static_library_name(library)}', f'{folder}/lib{library}.la']
        self._add_files(f'plugins_{category}_devel', devel)
        if self.library_type in (LibraryType.SHARED, LibraryType.BOTH):
            self._add_files(f'plugins_{category}', [f'{folder}/lib{library}%(mext)s'])

    def requires_melding(self):
        """Whether there are static libraries to combine."""
        return self.library_type in (LibraryType.STATIC, LibraryType.BOTH)

    def static_library_name(self, library):
        """File name of a static library as it is packaged."""
        if self._is_msvc() and self.dragonfire_keep_lib_names:
            return f'{library}.lib'
        return f'lib{library}.a'

    @property
    def workspace_lib(self):
        return Path(self.config.libdir, self.static_library_name(self.dragonfire_workspace))

    @property
    def workspace_la(self):
        return Path(self.config.libdir, f'lib{self.dragonfire_workspace}.la')

    @property
    def workspace_pc(self):
        return Path(self.config.libdir, 'pkgconfig', f'{self.dragonfire_workspace}.pc')

    # Build steps and hooks of cerbero.

    async def compile(self):
        if self.dragonfire_no_lto:
            self.env['CARGO_PROFILE_RELEASE_LTO'] = 'false'
        await super().compile()

    async def install(self):
        await super().install()
        if shell.DRY_RUN:
            return
        if self.config.target_platform == Platform.WINDOWS:
            self._rename_windows_libraries()
        self._move_pkg_config_files()
        if self.requires_melding():
            await self._ask_dragonfire(self.dragonfire_request())
            for path in (self.workspace_lib, self.workspace_pc, self.workspace_la):
                if not path.is_file():
                    raise FatalError(f'{self.name}: dragonfire has not written {path}')

    def generate_gst_la_files(self):
        # cerbero writes .la files for Android from the .pc files, and takes all that is not a plugin
        # for a shared library: ndk-build and libtool would look for libgstrsworkspace.so.
        kept = self.workspace_la.read_bytes() if self.workspace_la.is_file() else None
        super().generate_gst_la_files()
        if kept is not None:
            self.workspace_la.write_bytes(kept)

    # The request.

    def dragonfire_request(self):
        """The engine's request: combine the installed plugin libraries in place."""
        plugin_dir = self._plugin_dir()
        libraries = self._dragonfire_plugins()
        if not libraries:
            raise FatalError(f'{self.name}: no plugin enabled, call enable_plugin() in prepare()')
        manifest = self.dragonfire_manifest
        if isinstance(manifest, str):
            manifest = os.path.join(self.config_src_dir, manifest)
        return {
            'protocol': PROTOCOL,
            'operation': self.dragonfire_strategy or DEFAULT_STRATEGY,
            # For all platforms alike: the engine knows which objects it cannot meld.
            'or_dedup': self.dragonfire_strategy is None,
            'source': {
                'libraries': [{'path': str(plugin_dir / self.static_library_name(lib))} for lib in libraries],
            },
            'output': {'in-place': str(self.workspace_lib)},
            'workspace_library': self.dragonfire_workspace,
            'archive': self._archive_kind(),
            'target': self.target_triple,
            'manifest': manifest,
            'metadata': {
                'pkg_config': True,
                'pkg_config_dir': str(plugin_dir / 'pkgconfig'),
                'patch_pkg_config': [str(plugin_dir / 'pkgconfig' / f'{lib}.pc') for lib in libraries],
                'workspace_pkg_config_dir': str(self.workspace_pc.parent),
                'workspace_description': f'What the plugins of {self.name} share',
                'workspace_version': self.version,
                'libtool': True,
            },
        }

    def _archive_kind(self):
        if Platform.is_apple(self.config.target_platform):
            return 'darwin'
        # MinGW's linker reads GNU archives of COFF objects, which is what rustc makes for it.
        return 'coff' if self._is_msvc() else 'gnu'

    # Files.

    def _dragonfire_plugins(self):
        return self.__dict__.setdefault('_dragonfire_libraries', [])

    def _plugin_dir(self):
        return Path(self.config.libdir, self.dragonfire_subdir)

    def _is_msvc(self):
        return self.config.target_platform == Platform.WINDOWS and self.using_msvc()

    def _add_files(self, category, files):
        # A new list: the class's own belongs to every architecture's instance of the recipe.
        attribute = f'files_{category}'
        setattr(self, attribute, [*getattr(self, attribute, []), *files])
        self.update_categories()

    def _list_workspace_library(self):
        if not self.requires_melding():
            return
        library = f'%(libdir)s/{self.static_library_name(self.dragonfire_workspace)}'
        # cerbero itself drops .la files from the lists of all platforms but Android.
        self._add_files(
            'devel',
            [
                library,
                f'%(libdir)s/lib{self.dragonfire_workspace}.la',
                f'%(libdir)s/pkgconfig/{self.dragonfire_workspace}.pc',
            ],
        )
        # There is no DLL of it, so no symbol file either.
        self.skip_pdb_files = [*getattr(self, 'skip_pdb_files', []), library]

    def _move_pkg_config_files(self):
        """cargo-c installs all .pc files in libdir/pkgconfig; the plugins' stand below the plugins."""
        destination = self._plugin_dir() / 'pkgconfig'
        destination.mkdir(parents=True, exist_ok=True)
        for library in self._dragonfire_plugins():
            installed = Path(self.config.libdir, 'pkgconfig', f'{library}.pc')
            if not installed.is_file():
                raise FatalError(
                    f'{self.name}: cargo-c installed no {library}.pc: is the package in cargo_packages, and '
                    f'is {library} the name of its library?'
                )
            os.replace(installed, destination / installed.name)

    def _rename_windows_libraries(self):
        """Names as the rest of cerbero has them; renamed, since a copy of each would be packaged."""
        for library in self._dragonfire_plugins():
            if self._is_msvc():
                names = [(f'{library}.lib', self.static_library_name(library))]
            else:
                names = [(f'{library}{suffix}', f'lib{library}{suffix}') for suffix in ('.dll', '.dll.a')]
            for installed, packaged in names:
                source = self._plugin_dir() / installed
                if installed != packaged and source.exists():
                    os.replace(source, self._plugin_dir() / packaged)


class DragonfirePrelinkMixin(DragonfireEngine):
    """Base of a recipe whose static libraries are Rust with a C API, and no plugins: each keeps what its
    exports reach, and only those are seen from outside."""

    # What programs may use: globs of names as C has them, without the underscore that symbols of Apple's
    # objects begin with. None: the C API of the library's own crate.
    dragonfire_exports = ()
    # Crates in the library whose C API is meant besides.
    dragonfire_exports_of = ()

    def requires_prelinking(self):
        """Whether there are static libraries to prelink: where linkers refuse two whole ones of Rust."""
        return Platform.is_apple(self.config.target_platform) and self.library_type in (
            LibraryType.STATIC,
            LibraryType.BOTH,
        )

    async def install(self):
        await super().install()
        if shell.DRY_RUN or not self.requires_prelinking():
            return
        for path in self._static_libraries():
            if not path.is_file():
                raise FatalError(f'{self.name}: {path} is listed, and was not installed')
            # Beside it, so that replacing it is all or nothing.
            with tempfile.TemporaryDirectory(prefix='dragonfire-', dir=path.parent) as folder:
                await self._ask_dragonfire(self.dragonfire_request(path, folder))
                # One library shares nothing: the workspace library beside it is empty.
                os.replace(Path(folder, path.name), path)

    def dragonfire_request(self, path, folder):
        """The engine's request: prelink one library into a folder."""
        return {
            'protocol': PROTOCOL,
            'operation': 'prelink',
            'source': {'libraries': [{'path': str(path)}]},
            'output': {'dir': folder},
            'exports': list(self.dragonfire_exports),
            'exports_of': list(self.dragonfire_exports_of),
        }

    def _static_libraries(self):
        files = [f for f in self.devel_files_list(only_existing=False) if f.endswith('.a')]
        # MinGW's import libraries are called .dll.a.
        paths = [Path(self.config.prefix, f) for f in files if not f.endswith('.dll.a')]
        if not paths:
            raise FatalError(f'{self.name}: no static library is listed, so none is prelinked')
        return paths


def _sentence(diagnostic):
    """One line for people of an error or warning of the engine."""
    where = ''.join(f'{diagnostic[key]}: ' for key in ('file', 'member', 'symbol') if diagnostic.get(key))
    hint = f' ({diagnostic["hint"]})' if diagnostic.get('hint') else ''
    return f'{where}{diagnostic.get("message", "")} [{diagnostic.get("code", "")}]{hint}'
