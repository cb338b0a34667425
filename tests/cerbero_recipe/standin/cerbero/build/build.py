"""Build systems: cargo for tools, cargo-c, whose files are laid out as cargo-c 0.10 lays them out, and Meson
as far as it installs what it was given."""

import asyncio
import os
import re
import shutil
import tomllib
from pathlib import Path

from cerbero.enums import LibraryType, Platform
from cerbero.utils import shell


class Cargo:
    can_msvc = True
    cargo_packages = None
    library_type = LibraryType.BOTH
    srcdir = '.'

    def __init__(self):
        self.config_src_dir = os.path.join(self.src_dir, self.srcdir)
        self.build_dir = os.path.join(self.src_dir, '_builddir')
        self.target_triple = self.config.target_triple
        self.cargo_packages = self.cargo_packages or []

    def using_msvc(self):
        return self.can_msvc and self.config.variants.visualstudio

    async def configure(self):
        os.makedirs(self.build_dir, exist_ok=True)

    async def compile(self):
        raise NotImplementedError

    async def install(self):
        await shell.async_call(
            ['cargo', 'install', '--path', self.src_dir, '--root', self.config.prefix, '--offline'],
            logfile=self.logfile,
            env=self.env,
        )


class CargoC(Cargo):
    """`cargo capi build` and `cargo capi install`. With config.prebuilt the libraries of another
    platform are taken from there instead of being built."""

    async def compile(self):
        self.native_static_libs = {}
        if self.config.prebuilt:
            return
        for package in self.cargo_packages:
            process = await asyncio.create_subprocess_exec(
                *['cargo', 'rustc', '--offline', '--release', '--lib', '--crate-type', 'staticlib', '-p', package],
                *['--target-dir', self.build_dir, '--', '--print', 'native-static-libs'],
                cwd=self.src_dir,
                env={**self.env, 'CARGO_TERM_COLOR': 'never'},
                stderr=asyncio.subprocess.PIPE,
            )
            _, stderr = await process.communicate()
            self.logfile.write(stderr.decode())
            if process.returncode != 0:
                raise RuntimeError(stderr.decode())
            note = re.search(r'native-static-libs: *(.*)', stderr.decode())
            self.native_static_libs[package] = note.group(1) if note else ''

    async def install(self):
        for package in self.cargo_packages:
            await self._install_package(package)

    async def _install_package(self, package):
        folder = Path(self.src_dir, package.removeprefix('gst-plugin-'))
        manifest = tomllib.loads((folder / 'Cargo.toml').read_text())
        library = manifest['lib']['name']
        capi = manifest['package']['metadata']['capi']
        libdir = Path(self.config.libdir)
        subdir = capi['library']['install_subdir']
        (libdir / subdir).mkdir(parents=True, exist_ok=True)
        (libdir / 'pkgconfig').mkdir(exist_ok=True)
        for built, installed in self._libraries(library):
            shutil.copy(built, libdir / subdir / installed)
        native = self.native_static_libs.get(package) or self.config.native_static_libs
        libs = f'-L${{libdir}}/{subdir} -l{library}'
        if self.library_type == LibraryType.STATIC:
            libs += f' {native}'
        pc = [
            f'prefix={self.config.prefix}',
            'exec_prefix=${prefix}',
            'libdir=${prefix}/lib',
            'includedir=${prefix}/include',
            '',
            f'Name: {library}',
            f'Description: {manifest["package"]["description"]}',
            f'Version: {self.version}',
            f'Libs: {libs}',
            'Cflags: ',
            f'Libs.private: {native}',
        ]
        requires = capi.get('pkg_config', {}).get('requires_private')
        if requires:
            pc.append(f'Requires.private: {requires}')
        (libdir / 'pkgconfig' / f'{library}.pc').write_text('\n'.join(pc) + '\n')

    def _libraries(self, library):
        """What is copied, and to which names."""
        built = Path(self.config.prebuilt or Path(self.build_dir, 'release'), f'lib{library}.a')
        static = f'{library}.lib' if self.using_msvc() else f'lib{library}.a'
        if self.library_type in (LibraryType.STATIC, LibraryType.BOTH):
            yield built, static
        if self.library_type in (LibraryType.SHARED, LibraryType.BOTH):
            # The contents of shared libraries do not matter here, their names do.
            if self.config.target_platform == Platform.WINDOWS:
                yield __file__, f'{library}.dll'
                if not self.using_msvc():
                    yield __file__, f'{library}.dll.a'
            elif Platform.is_apple(self.config.target_platform):
                yield __file__, f'lib{library}.dylib'
            else:
                yield __file__, f'lib{library}.so'


class Meson:
    """Installs static libraries that are there already, from config.prebuilt."""

    can_msvc = True
    library_type = LibraryType.BOTH

    def __init__(self):
        self.build_dir = os.path.join(self.src_dir, '_builddir')

    def using_msvc(self):
        return self.can_msvc and self.config.variants.visualstudio

    async def configure(self):
        pass

    async def compile(self):
        pass

    async def install(self):
        libdir = Path(self.config.libdir)
        libdir.mkdir(exist_ok=True)
        for library in self.files_libs:
            for built in Path(self.config.prebuilt).glob(f'{library}.a'):
                shutil.copy(built, libdir)


class BuildType:
    CARGO = Cargo
    CARGO_C = CargoC
    MESON = Meson
