"""Loading of Python files by path."""

import importlib.util
import sys


def imp_load_source(modname, fname):
    spec = importlib.util.spec_from_file_location(modname, fname)
    module = importlib.util.module_from_spec(spec)
    sys.modules[modname] = module
    spec.loader.exec_module(module)
    return module
