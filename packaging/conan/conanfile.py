"""Conan 2 recipe of this checkout: the engine and its CMake package, a tool for projects to require.

    conan create packaging/conan

`-c user.dragonfire:executable=FILE` packs an engine that is there in place of building it. A project says `tool_requires('dragonfire/VERSION')`; CMakeToolchain makes find_package(Dragonfire) find it.
"""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.cmake import CMake
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class DragonfireConan(ConanFile):
    name = 'dragonfire'
    description = 'Links, shrinks and ships the Rust libraries of a workspace as static libraries'
    license = 'MIT OR Apache-2.0'
    package_type = 'application'
    # The engine is a Rust program: whichever C compiler a profile names is not asked.
    settings = 'os', 'arch'
    generators = 'CMakeToolchain'

    def _checkout(self):
        return Path(self.recipe_folder).parents[1]

    def set_version(self):
        text = load(self, self._checkout() / 'Cargo.toml')
        self.version = self.version or re.search(r'^version = "(.*)"', text, re.M).group(1)

    def export_sources(self):
        for pattern in ('Cargo.toml', 'Cargo.lock', 'CMakeLists.txt', 'README.md', 'CHANGELOG.md', 'LICENSE-*', 'src/*',
                        'schema/*', 'docs/*', 'cmake/*'):
            copy(self, pattern, self._checkout(), self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def build(self):
        variables = {'CMAKE_INSTALL_LIBDIR': 'lib'}
        if engine := self.conf.get('user.dragonfire:executable', check_type=str):
            variables['DRAGONFIRE_EXECUTABLE'] = engine
        cmake = CMake(self)
        cmake.configure(variables=variables)
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, 'LICENSE-*', self.source_folder, Path(self.package_folder, 'licenses'))

    def package_info(self):
        # The package's own files say where everything is; Conan generates none beside them.
        self.cpp_info.set_property('cmake_find_mode', 'none')
        self.cpp_info.builddirs = ['lib/cmake/Dragonfire']
        self.cpp_info.includedirs = []
        self.cpp_info.libdirs = []
