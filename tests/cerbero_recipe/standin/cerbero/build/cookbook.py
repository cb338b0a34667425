"""Loads a recipe file: what names it finds, and how its class is made an object. Tests may give its
class other attributes."""

import os

from cerbero.build import recipe
from cerbero.build.build import BuildType
from cerbero.build.source import SourceType
from cerbero.enums import LibraryType, License, Platform
from cerbero.errors import FatalError


def load(path, config, attributes=None):
    names = {
        '__file__': str(path),
        'BuildType': BuildType,
        'FatalError': FatalError,
        'LibraryType': LibraryType,
        'License': License,
        'Platform': Platform,
        'SourceType': SourceType,
        'recipe': recipe,
    }
    with open(path, encoding='utf-8') as file:
        exec(compile(file.read(), str(path), 'exec'), names)
    for name, value in (attributes or {}).items():
        setattr(names['Recipe'], name, value)
    loaded = names['Recipe'](config, config.env)
    loaded.__file__ = os.path.abspath(path)
    loaded.prepare()
    return loaded
