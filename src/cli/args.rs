//! What the command line looks like.

use std::ffi::OsString;

use camino::Utf8PathBuf;
use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum};

use super::Presentation;
use crate::exports::presets::Preset;
use crate::protocol::request::{
    ArchiveFlavour, Builder, Debug, DebugCompress, Granularity, Symbols,
};
use crate::protocol::schema;

/// Links, shrinks and ships the Rust plugins of a workspace as static libraries.
#[derive(Debug, Parser)]
#[command(
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    override_usage = "dragonfire <COMMAND> [OPTIONS]\n       dragonfire -o <OUT> [-f <gnu|coff|darwin>] <LIB>...",
    after_help = "Without a command, -o thins the libraries LIB in place and writes the workspace library OUT.\n\
        --version --verbose tells formats, machines, operations and the version of the protocol too."
)]
pub(super) struct Cli {
    /// Colours in errors and help [default: on a terminal, unless NO_COLOR is set]
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        value_enum,
        help_heading = "Output"
    )]
    pub color: Option<ColorChoice>,
    #[command(subcommand)]
    pub command: Command,
}

/// Thins libraries in place: the command line of the first dragonfire.
#[derive(Debug, Parser)]
#[command(name = "dragonfire", version)]
pub(super) struct DropIn {
    /// The workspace library to write
    #[arg(short, long, value_name = "OUT")]
    pub output: Utf8PathBuf,
    /// Kind of archive to write [default: as the libraries]
    #[arg(short, long, value_name = "KIND", value_enum)]
    pub format: Option<ArchiveFlavour>,
    /// The libraries, thinned in place
    #[arg(value_name = "LIB", required = true)]
    pub libraries: Vec<Utf8PathBuf>,
}

/// Are the program's arguments those of the first dragonfire? They have `-o` and no command.
pub(super) fn is_drop_in(arguments: &[OsString]) -> bool {
    let mut arguments = arguments.iter().skip(1).filter_map(|a| a.to_str());
    let command = Cli::command();
    let is_command = |name: &str| name == "help" || command.find_subcommand(name).is_some();
    let Some(first) = arguments.next() else {
        return false;
    };
    let is_output = |argument: &str| {
        argument.starts_with("-o") || argument == "--output" || argument.starts_with("--output=")
    };
    !is_command(first) && (is_output(first) || arguments.take_while(|a| *a != "--").any(is_output))
}

/// Is it `--version` with `--verbose`, or short, and nothing else?
pub(super) fn is_verbose_version(arguments: &[OsString]) -> bool {
    let given: Vec<&str> = arguments
        .iter()
        .skip(1)
        .filter_map(|a| a.to_str())
        .collect();
    match given.as_slice() {
        ["-vV" | "-Vv"] => true,
        [one, other] => [(one, other), (other, one)]
            .into_iter()
            .any(|(version, verbose)| {
                ["--version", "-V"].contains(version) && ["--verbose", "-v"].contains(verbose)
            }),
        _ => false,
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell what this engine can do: formats, machines, operations, the protocol's version
    Capabilities {
        #[command(flatten)]
        presentation: PresentationArgs,
    },
    /// List the plugins of a workspace
    Discover(WorkspaceCommand),
    /// Build the plugins of a workspace as static libraries
    Build(WorkspaceCommand),
    /// Move whole members that several libraries hold to the workspace library
    Dedup(Combine),
    /// Make one object of each library: only what its exports reach
    Prelink(Combine),
    /// Take all libraries together: only what exports reach, each piece once
    Meld(Combine),
    /// Show what is in libraries, and who provides what they lack
    Inspect(Inspect),
    /// Check libraries that an earlier run made
    Verify(Verify),
    /// Show what keeps a symbol or section
    Why(Why),
    /// Print a JSON Schema
    Schema {
        #[arg(value_enum)]
        subject: schema::Subject,
    },
    /// Print completions of this command line for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to a folder
    Man {
        #[arg(value_name = "DIR")]
        dir: Utf8PathBuf,
    },
    /// Carry out one JSON request from stdin; the JSON response goes to stdout
    Request(RequestArgs),
}

/// Where a request comes from and its response goes.
#[derive(Debug, Default, Args)]
pub(super) struct RequestArgs {
    /// Report progress on stderr, one JSON object a line
    #[arg(long)]
    pub events: bool,
    /// Read the request from this file, not from stdin
    #[arg(long, value_name = "FILE")]
    pub from: Option<Utf8PathBuf>,
    /// Write the response to this file, not to stdout, and its errors and warnings to stderr for people
    #[arg(long, value_name = "FILE")]
    pub to: Option<Utf8PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct PresentationArgs {
    /// Print the response as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Report progress on stderr, one JSON object a line
    #[arg(long, help_heading = "Output")]
    events: bool,
    /// Print errors only, and what --print or --json asks for
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

/// A Cargo workspace.
#[derive(Debug, Args)]
pub(super) struct WorkspaceArgs {
    /// Take the plugins of this Cargo workspace
    #[arg(long, value_name = "CARGO_TOML", help_heading = "Workspace")]
    pub manifest_path: Option<Utf8PathBuf>,
    /// Target triple: to build for [default: the host's], or of the given libraries; several times to
    /// build for several
    #[arg(long, value_name = "TRIPLE", help_heading = "Workspace")]
    pub target: Vec<String>,
    #[command(flatten)]
    pub options: WorkspaceOptions,
}

/// What else is said of a workspace.
#[derive(Debug, Args)]
#[group(id = "workspace-options", multiple = true)]
pub(super) struct WorkspaceOptions {
    /// Packages that are plugins [default: the manifest's, else all that are]
    #[arg(
        short,
        long,
        value_name = "PACKAGE",
        value_delimiter = ',',
        help_heading = "Workspace"
    )]
    pub package: Vec<String>,
    /// Cargo profile [default: release]
    #[arg(long, value_name = "NAME", help_heading = "Workspace")]
    pub profile: Option<String>,
    /// Cargo features
    #[arg(
        short = 'F',
        long,
        value_name = "FEATURE",
        value_delimiter = ',',
        help_heading = "Workspace"
    )]
    pub features: Vec<String>,
    #[arg(long, help_heading = "Workspace")]
    pub all_features: bool,
    #[arg(long, help_heading = "Workspace")]
    pub no_default_features: bool,
    /// Without link-time optimisation, whatever the profile says: what it makes cannot be shared
    #[arg(long, help_heading = "Workspace")]
    pub no_lto: bool,
    #[arg(long, value_name = "DIR", help_heading = "Workspace")]
    pub target_dir: Option<Utf8PathBuf>,
    #[arg(long, help_heading = "Workspace")]
    pub offline: bool,
    #[arg(long, help_heading = "Workspace")]
    pub locked: bool,
    #[arg(long, help_heading = "Workspace")]
    pub frozen: bool,
    /// Cargo's parallel jobs
    #[arg(short, long, value_name = "N", help_heading = "Workspace")]
    pub jobs: Option<u32>,
    /// A flag for rustc, besides those of RUSTFLAGS and cargo's configuration
    #[arg(
        long,
        value_name = "FLAG",
        allow_hyphen_values = true,
        help_heading = "Workspace"
    )]
    pub rustflag: Vec<String>,
    /// A flag for rustc where it compiles the workspace's own libraries
    #[arg(
        long,
        value_name = "FLAG",
        allow_hyphen_values = true,
        help_heading = "Workspace"
    )]
    pub local_rustflag: Vec<String>,
    /// A further argument for cargo
    #[arg(
        long,
        value_name = "ARG",
        allow_hyphen_values = true,
        help_heading = "Workspace"
    )]
    pub cargo_flag: Vec<String>,
    /// How packages that declare no static library are built
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Workspace")]
    pub builder: Option<Builder>,
}

/// Which symbols plugins export.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Manifest of the plugins and their exports (JSON)
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<Utf8PathBuf>,
    /// Globs of symbols that plugins export, besides the manifest's
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    pub exports: Vec<String>,
    /// Exports by what makes them, besides the manifest's
    #[arg(long, value_enum, value_name = "NAME", value_delimiter = ',')]
    pub preset: Vec<Preset>,
    /// Crates in the libraries whose C API is exported
    #[arg(long, value_name = "CRATE", value_delimiter = ',')]
    pub exports_of: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct WorkspaceCommand {
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Manifest of the plugins and their exports (JSON)
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<Utf8PathBuf>,
    #[command(flatten)]
    presentation: PresentationArgs,
}

#[derive(Debug, Args)]
pub(super) struct Combine {
    /// Libraries, where --manifest-path names no workspace to build
    #[arg(value_name = "LIB", conflicts_with_all = ["manifest_path", "workspace-options"])]
    pub libraries: Vec<Utf8PathBuf>,
    /// Write the result to this folder; no input is touched
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "in_place",
        required_unless_present_any = ["in_place", "print"]
    )]
    pub out: Option<Utf8PathBuf>,
    /// Replace the libraries; the workspace library is written beside the first one
    #[arg(long, conflicts_with = "manifest_path")]
    pub in_place: bool,
    /// Name of the library that takes what libraries share [default: gstrsworkspace for GStreamer's plugins, else
    /// the first library's with _shared behind]
    #[arg(long, visible_alias = "workspace-lib", value_name = "NAME")]
    pub workspace_library: Option<String>,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Objects and static libraries of one program: what they leave undefined is exported, and nothing else
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub used_by: Vec<Utf8PathBuf>,
    /// Which names stay [default: keep]
    #[arg(long, value_enum)]
    pub symbols: Option<Symbols>,
    /// What of a library a program can take alone [default: auto]
    #[arg(long, value_enum)]
    pub granularity: Option<Granularity>,
    /// What happens to debug information [default: keep for dedup, else lines where the libraries' own
    /// code has any]
    #[arg(long, value_enum)]
    pub debug: Option<Debug>,
    /// Compression of the debug information that prelink and meld write [default: zlib]
    #[arg(long, value_enum)]
    pub debug_compress: Option<DebugCompress>,
    /// Replace a prefix of the paths in debug information that prelink and meld write
    #[arg(long, value_name = "FROM=TO")]
    pub remap_path_prefix: Vec<String>,
    /// Empty the bitcode sections of Apple objects; prelink and meld always do
    #[arg(long)]
    pub drop_bitcode: bool,
    /// Deduplicate where objects of this format cannot be prelinked or melded
    #[arg(long)]
    pub or_dedup: bool,
    /// Kind of archive to write [default: as the inputs]
    #[arg(long, value_enum, value_name = "KIND")]
    pub archive: Option<ArchiveFlavour>,
    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    #[command(flatten)]
    pub metadata: MetadataArgs,
    #[command(flatten)]
    pub packages: PackageArgs,
    /// Write a self-contained HTML page of what was done
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<Utf8PathBuf>,
    /// Print this alone on stdout
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        help_heading = "Output",
        conflicts_with = "json"
    )]
    pub print: Option<Print>,
    #[command(flatten)]
    presentation: PresentationArgs,
}

/// Something to print in place of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Print {
    /// What a program's link line needs, in order
    LinkArgs,
    /// The exports of each library, one a line; nothing is written then
    Exports,
}

#[derive(Debug, Args)]
pub(super) struct MetadataArgs {
    /// Write .pc files
    #[arg(long, help_heading = "Metadata")]
    pub pkg_config: bool,
    /// Folder for .pc files [default: pkgconfig in the output folder]
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub pkg_config_dir: Option<Utf8PathBuf>,
    /// Folder for the workspace library's .pc file, where it is another
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub workspace_pkg_config_dir: Option<Utf8PathBuf>,
    /// Patch this .pc file (of cargo-c, say) in place
    #[arg(long, value_name = "FILE", help_heading = "Metadata")]
    pub patch_pkg_config: Vec<Utf8PathBuf>,
    /// Keep what only static linking needs in the private fields of .pc files, for shared libraries
    /// of the same names
    #[arg(long, help_heading = "Metadata")]
    pub pkg_config_private: bool,
    /// Write libtool .la files
    #[arg(long, help_heading = "Metadata")]
    pub libtool: bool,
    /// Write a CMake targets file
    #[arg(long, help_heading = "Metadata")]
    pub cmake: bool,
    /// Name of the CMake targets file [default: cmake/<workspace library>-targets.cmake in the output
    /// folder]
    #[arg(long, value_name = "FILE", help_heading = "Metadata")]
    pub cmake_file: Option<Utf8PathBuf>,
    /// The configuration that the CMake targets are of, where a package has several
    #[arg(long, value_name = "NAME", help_heading = "Metadata")]
    pub cmake_configuration: Option<String>,
    /// Folder where headers will be installed, for .pc files
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub include_dir: Option<Utf8PathBuf>,
    /// Namespace of the CMake targets [default: the workspace library's name]
    #[arg(long, value_name = "NAME", help_heading = "Metadata")]
    pub cmake_namespace: Option<String>,
    /// Version of the workspace library in metadata [default: the first plugin's]
    #[arg(long, value_name = "VERSION", help_heading = "Metadata")]
    pub workspace_version: Option<String>,
    /// Folder the libraries will be installed in
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub libdir: Option<Utf8PathBuf>,
    /// Folder the workspace library will be installed in, where it is another
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub workspace_libdir: Option<Utf8PathBuf>,
    /// Folder the .pc files will be installed in
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub installed_pkg_config_dir: Option<Utf8PathBuf>,
    /// Folder the workspace library's .pc file will be installed in, where it is another
    #[arg(long, value_name = "DIR", help_heading = "Metadata")]
    pub installed_workspace_pkg_config_dir: Option<Utf8PathBuf>,
    /// Write a dependency file for make or ninja
    #[arg(long, value_name = "FILE", help_heading = "Metadata")]
    pub depfile: Option<Utf8PathBuf>,
    /// What the depfile's rule makes [default: the written libraries]
    #[arg(long, value_name = "FILE", help_heading = "Metadata")]
    pub depfile_target: Vec<Utf8PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct PackageArgs {
    /// Write an .xcframework of the libraries for Apple's targets
    #[arg(
        long,
        value_name = "BUNDLE",
        help_heading = "Packages",
        requires = "manifest_path"
    )]
    pub xcframework: Option<Utf8PathBuf>,
    /// Headers for the .xcframework; a module map is written where they have none
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Packages",
        requires = "xcframework"
    )]
    pub headers: Option<Utf8PathBuf>,
    /// Lay out the libraries for Android's targets by ABI in this folder
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Packages",
        requires = "manifest_path"
    )]
    pub jni_libs: Option<Utf8PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Libraries, where --manifest-path names no workspace to build
    #[arg(value_name = "LIB", conflicts_with_all = ["manifest_path", "workspace-options"])]
    pub libraries: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub exports: ExportArgs,
    /// Explain this symbol only; without libraries, for --for, else for every system
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Vec<String>,
    /// The system that providers are named for: a target triple, or a word (msvc, mingw, musl, ...)
    /// [default: what the libraries are for]
    #[arg(long = "for", value_name = "TARGET")]
    pub for_target: Option<String>,
    /// Meld in memory: reach sets, the biggest pieces, what each plugin alone costs
    #[arg(long)]
    pub melded: bool,
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    #[command(flatten)]
    presentation: PresentationArgs,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Plugin libraries of one run
    #[arg(value_name = "LIB", required = true)]
    pub libraries: Vec<Utf8PathBuf>,
    /// Their workspace library
    #[arg(long, visible_alias = "workspace-lib", value_name = "LIB")]
    pub workspace_library: Option<Utf8PathBuf>,
    /// A library as it was before, to compare externals with
    #[arg(long, value_name = "LIB")]
    pub original: Vec<Utf8PathBuf>,
    #[command(flatten)]
    pub exports: ExportArgs,
    #[command(flatten)]
    presentation: PresentationArgs,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// Libraries (none with --manifest-path), then the symbol or section
    #[arg(value_name = "LIB... SYMBOL", required = true)]
    pub names: Vec<String>,
    #[command(flatten)]
    pub exports: ExportArgs,
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    #[command(flatten)]
    presentation: PresentationArgs,
}

impl Command {
    /// How its response is to be shown.
    pub(super) fn presentation(&self) -> Presentation {
        let (args, print) = match self {
            Self::Capabilities { presentation } => (presentation, None),
            Self::Discover(c) | Self::Build(c) => (&c.presentation, None),
            Self::Dedup(c) | Self::Prelink(c) | Self::Meld(c) => (&c.presentation, c.print),
            Self::Inspect(c) => (&c.presentation, None),
            Self::Verify(c) => (&c.presentation, None),
            Self::Why(c) => (&c.presentation, None),
            Self::Schema { .. }
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Request { .. } => return Presentation::default(),
        };
        Presentation {
            json: args.json,
            events: args.events,
            quiet: args.quiet,
            print,
        }
    }
}
