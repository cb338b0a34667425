//! Expressions: copied operation by operation, but for what speaks of places and other entries.

use gimli::constants as dw;
use gimli::{Expression, Operation, UnitOffset};

use super::{FixTo, ULEB};
use crate::debuginfo::dwarf::read::{Budget, Bytes, Fault, UnitReader};
use crate::debuginfo::dwarf::sections::Reader;

/// Entries within entries within entries come from broken files only.
const DEEPEST: usize = 4;

/// An expression in the making.
#[derive(Default)]
pub(super) struct Made {
    pub bytes: Vec<u8>,
    pub fixes: Vec<(u32, Target)>,
}

/// What a field speaks of.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Address(u32, u32),
    /// Of the same unit.
    Type(UnitOffset),
    /// Of the section.
    Entry(usize),
}

impl Target {
    /// The field, once entries have numbers.
    pub fn fix(self, number: u32) -> FixTo {
        match self {
            Self::Address(atom, offset) => FixTo::Address(atom, offset),
            Self::Type(_) => FixTo::Type(number),
            Self::Entry(_) => FixTo::Entry(number),
        }
    }
}

/// The expression as it is to be written; `None` where it cannot be said there.
///
/// # Errors
/// What does not parse, or too much of it.
pub(super) fn convert<'a>(
    reader: &UnitReader<'_, 'a>,
    expression: &Expression<Reader<'a>>,
    budget: &mut Budget,
) -> Result<Option<Made>, Fault> {
    nested(reader, expression, budget, 0)
}

fn nested<'a>(
    reader: &UnitReader<'_, 'a>,
    expression: &Expression<Reader<'a>>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Option<Made>, Fault> {
    let bytes = expression.0.bytes();
    budget.spend(bytes.len() as u64 + 1)?;
    if depth > DEEPEST {
        return Ok(None);
    }
    let address_size = usize::from(reader.unit.encoding().address_size);
    let mut out = Made::default();
    let (mut jumps, mut moved) = (false, false);
    let mut operations = expression.clone().operations(reader.unit.encoding());
    let mut start = 0;
    while let Some(operation) = operations.next()? {
        let end = operations.offset_from(expression);
        let own = bytes.get(start..end).unwrap_or_default();
        start = end;
        let code = own.first().copied().unwrap_or(0);
        let before = out.bytes.len();
        match operation {
            Operation::Address { address } => {
                if !out.address(reader, address, address_size) {
                    return Ok(None);
                }
            }
            Operation::AddressIndex { index } => {
                let address = reader.dwarf.address(reader.unit, index)?;
                if !out.address(reader, address, address_size) {
                    return Ok(None);
                }
            }
            Operation::Deref {
                base_type, size, ..
            } if base_type.0 != 0 => {
                out.bytes.extend([code, size]);
                out.type_(base_type);
            }
            Operation::RegisterOffset {
                register,
                base_type,
                ..
            } if base_type.0 != 0 => {
                out.bytes.push(code);
                out.uleb(u64::from(register.0));
                out.type_(base_type);
            }
            Operation::TypedLiteral { base_type, value } => {
                let value = value.bytes();
                out.bytes.push(code);
                out.type_(base_type);
                out.bytes.push(value.len() as u8);
                out.bytes.extend_from_slice(value);
            }
            Operation::Convert { base_type } | Operation::Reinterpret { base_type }
                if base_type.0 != 0 =>
            {
                out.bytes.push(code);
                out.type_(base_type);
            }
            Operation::ImplicitPointer { value, byte_offset } => {
                out.bytes.push(code);
                out.fixes
                    .push((out.bytes.len() as u32, Target::Entry(value.0)));
                out.bytes.extend([0; 4]);
                out.sleb(byte_offset);
            }
            Operation::EntryValue { expression } => {
                let Some(made) = nested(reader, &Expression(expression), budget, depth + 1)? else {
                    return Ok(None);
                };
                out.bytes.push(code);
                out.uleb(made.bytes.len() as u64);
                let base = out.bytes.len() as u32;
                out.bytes.extend_from_slice(&made.bytes);
                let fixes = made.fixes.into_iter().map(|(at, to)| (base + at, to));
                out.fixes.extend(fixes);
            }
            // Thread-local places are numbers that only linkers know; calls into other entries are of no
            // compiler that we know.
            Operation::TLS
            | Operation::ConstantIndex { .. }
            | Operation::Call { .. }
            | Operation::VariableValue { .. }
            | Operation::ParameterRef { .. } => return Ok(None),
            Operation::Bra { .. } | Operation::Skip { .. } => {
                jumps = true;
                out.bytes.extend_from_slice(own);
            }
            _ => out.bytes.extend_from_slice(own),
        }
        moved |= out.bytes.len() - before != own.len();
    }
    Ok((!jumps || !moved).then_some(out))
}

impl Made {
    fn address(&mut self, reader: &UnitReader<'_, '_>, address: u64, size: usize) -> bool {
        let Some((atom, offset)) = reader.places.at(address) else {
            return false;
        };
        self.bytes.push(dw::DW_OP_addr.0);
        self.fixes
            .push((self.bytes.len() as u32, Target::Address(atom, offset)));
        self.bytes.extend(std::iter::repeat_n(0, size.min(8)));
        true
    }

    fn type_(&mut self, entry: UnitOffset) {
        self.fixes
            .push((self.bytes.len() as u32, Target::Type(entry)));
        self.bytes.extend([0; ULEB]);
    }

    fn uleb(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn sleb(&mut self, mut value: i64) {
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
                return self.bytes.push(byte);
            }
            self.bytes.push(byte | 0x80);
        }
    }
}
