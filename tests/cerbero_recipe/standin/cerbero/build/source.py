"""Where sources come from: here a folder that stands for an unpacked tarball."""

import os
import shutil


class Tarball:
    patches = []

    def __init__(self):
        self.src_dir = os.path.join(self.config.sources, f'{self.name}-{self.version}')

    def _get_files_dependencies(self):
        return [self.__file__]

    async def extract(self):
        if not os.path.isdir(self.src_dir):
            shutil.copytree(self.config.unpacked[self.name], self.src_dir)


class Git(Tarball):
    commit = None


class SourceType:
    TARBALL = Tarball
    GIT = Git
