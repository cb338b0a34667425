"""meld() combines static libraries of Rust by one hermetic action; what it gives can be linked by cc rules."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _meld(ctx):
    libraries = ctx.files.libraries
    out = [ctx.actions.declare_file(ctx.label.name + "/" + library.basename) for library in libraries]
    # What they share comes last on the line.
    out.append(ctx.actions.declare_file("%s/lib%s.a" % (ctx.label.name, ctx.attr.workspace_library)))
    arguments = ctx.actions.args()
    arguments.add_all(["meld", "--quiet", "--workspace-library", ctx.attr.workspace_library])
    arguments.add_all(ctx.attr.exports, before_each = "--exports")
    arguments.add("--out", out[-1].dirname)
    arguments.add_all(libraries)
    ctx.actions.run(
        executable = ctx.executable.engine,
        arguments = [arguments],
        inputs = libraries,
        outputs = out,
        # Nothing of the environment changes what it writes.
        env = {},
        mnemonic = "Meld",
        progress_message = "Melding %d libraries" % len(libraries),
    )
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(ctx = ctx, cc_toolchain = toolchain)
    link = cc_common.create_linker_input(
        owner = ctx.label,
        libraries = depset([
            cc_common.create_library_to_link(
                actions = ctx.actions,
                feature_configuration = features,
                cc_toolchain = toolchain,
                static_library = file,
            )
            for file in out
        ], order = "topological"),
        user_link_flags = depset(ctx.attr.linkopts),
    )
    return [
        DefaultInfo(files = depset(out)),
        CcInfo(linking_context = cc_common.create_linking_context(linker_inputs = depset([link]))),
    ]

meld = rule(
    implementation = _meld,
    attrs = {
        "libraries": attr.label_list(allow_files = [".a", ".lib"], mandatory = True),
        "workspace_library": attr.string(default = "workspace"),
        "exports": attr.string_list(doc = "patterns; empty: what the libraries export"),
        "linkopts": attr.string_list(doc = "native libraries that their code needs"),
        "engine": attr.label(executable = True, cfg = "exec", allow_single_file = True, mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    fragments = ["cpp"],
)
