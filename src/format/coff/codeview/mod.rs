//! CodeView: the debug information of Microsoft's compilers and linkers (`.debug$S`, `.debug$T`), as
//! <https://llvm.org/docs/PDB/CodeViewSymbols.html> and <https://github.com/microsoft/microsoft-pdb> have it.

mod annotations;
mod cover;
mod functions;
mod ids;
pub mod read;
mod records;
mod symbols;
mod tables;
pub mod write;

/// CV_SIGNATURE_C13, which both sections begin with.
const SIGNATURE: u32 = 4;
/// Numbers below stand for types without a record.
const FIRST_INDEX: u32 = 0x1000;
/// Longest record that tools take.
const LONGEST: usize = 0xFF00;

/// Kinds of subsections of `.debug$S`.
mod subsection {
    pub const SYMBOLS: u32 = 0xF1;
    pub const LINES: u32 = 0xF2;
    pub const STRINGS: u32 = 0xF3;
    pub const FILES: u32 = 0xF4;
    pub const INLINEES: u32 = 0xF6;
}

/// Kinds of symbol records.
mod symbol {
    pub const END: u16 = 0x0006;
    pub const OBJNAME: u16 = 0x1101;
    pub const THUNK32: u16 = 0x1102;
    pub const BLOCK32: u16 = 0x1103;
    pub const WITH32: u16 = 0x1104;
    pub const LPROC32: u16 = 0x110F;
    pub const GPROC32: u16 = 0x1110;
    pub const SEPCODE: u16 = 0x1132;
    pub const COMPILE3: u16 = 0x113C;
    pub const LPROC32_ID: u16 = 0x1146;
    pub const GPROC32_ID: u16 = 0x1147;
    pub const BUILDINFO: u16 = 0x114C;
    pub const INLINESITE: u16 = 0x114D;
    pub const INLINESITE_END: u16 = 0x114E;
    pub const PROC_ID_END: u16 = 0x114F;
    pub const LPROC32_DPC: u16 = 0x1155;
    pub const LPROC32_DPC_ID: u16 = 0x1156;
    pub const INLINESITE2: u16 = 0x115D;
}

/// Kinds of type records.
mod leaf {
    pub const PROCEDURE: u16 = 0x1008;
    pub const ARGLIST: u16 = 0x1201;
    pub const CLASS: u16 = 0x1504;
    pub const STRUCTURE: u16 = 0x1505;
    pub const UNION: u16 = 0x1506;
    pub const ENUM: u16 = 0x1507;
    pub const INTERFACE: u16 = 0x1519;
    pub const FUNC_ID: u16 = 0x1601;
    pub const MFUNC_ID: u16 = 0x1602;
    pub const BUILDINFO: u16 = 0x1603;
    pub const STRING_ID: u16 = 0x1605;
}

/// Opcodes of an inlined function's line program (`CodeViewBinaryAnnotations`).
mod opcode {
    pub const CODE_OFFSET: u32 = 1;
    pub const CHANGE_CODE_OFFSET: u32 = 3;
    pub const CHANGE_CODE_LENGTH: u32 = 4;
    pub const CHANGE_FILE: u32 = 5;
    pub const CHANGE_LINE_OFFSET: u32 = 6;
    pub const CHANGE_CODE_OFFSET_AND_LINE_OFFSET: u32 = 11;
    pub const CHANGE_CODE_LENGTH_AND_CODE_OFFSET: u32 = 12;
}

/// Languages: CodeView's number (`CV_CFL_LANG`) and DWARF's.
const LANGUAGES: [(u8, gimli::DwLang); 6] = [
    (0x00, gimli::DW_LANG_C99),
    (0x01, gimli::DW_LANG_C_plus_plus),
    (0x02, gimli::DW_LANG_Fortran90),
    (0x03, gimli::DW_LANG_Mips_Assembler),
    (0x13, gimli::DW_LANG_Swift),
    (0x15, gimli::DW_LANG_Rust),
];

#[cfg(test)]
mod tests;
