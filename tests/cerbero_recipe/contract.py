"""What cerbero-recipe/ uses of cerbero. The stand-in and cerbero itself are checked against this list.

Keys are modules, or `module:Class`. Attributes of recipes are those of an object made from a recipe
file with BuildType.CARGO_C; those of the configuration are what such an object has as `config`.
"""

MODULES = {
    'cerbero.build.recipe': {'Recipe'},
    'cerbero.enums': {'LibraryType', 'Platform'},
    'cerbero.enums:LibraryType': {'BOTH', 'SHARED', 'STATIC'},
    'cerbero.enums:Platform': {'WINDOWS', 'is_apple'},
    'cerbero.errors': {'FatalError'},
    'cerbero.utils.messages': {'warning'},
    'cerbero.utils.shell': {'CPU_BOUND_SEMAPHORE', 'DRY_RUN'},
}

# `super().X`: also what the mixin overrides.
RECIPE = {
    '_get_files_dependencies',
    'compile',
    'config',
    'config_src_dir',
    'devel_files_list',
    'env',
    'generate_gst_la_files',
    'install',
    'library_type',
    'logfile',
    'name',
    'target_triple',
    'update_categories',
    'using_msvc',
    'version',
}

# Written by the mixin, read by cerbero's file lists where they exist.
WRITTEN = {'skip_pdb_files'}

CONFIG = {'build_tools_prefix', 'libdir', 'prefix', 'prefix_is_build_tools', 'target_platform'}
