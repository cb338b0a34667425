//! Line programs of inlined functions (binary annotations of `S_INLINESITE`).

use super::opcode;

/// A line of a function, for some of its code (bytes from the start of the outermost function).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub start: u32,
    pub end: u32,
    /// Bytes from the start of the table of files.
    pub file: u32,
    pub line: u32,
}

/// Numbers of one, two or four bytes, as .NET's metadata has them (ECMA-335, II.23.2).
fn number(data: &[u8], at: &mut usize) -> Option<u32> {
    let rest = data.get(*at..)?;
    let (value, length) = match *rest {
        [a @ 0..0x80, ..] => (u32::from(a), 1),
        [a @ 0x80..0xC0, b, ..] => (u32::from_be_bytes([0, 0, a & 0x3F, b]), 2),
        [a @ 0xC0..0xE0, b, c, d, ..] => (u32::from_be_bytes([a & 0x1F, b, c, d]), 4),
        _ => return None,
    };
    *at += length;
    Some(value)
}

fn signed(value: u32) -> i32 {
    let half = (value >> 1) as i32;
    if value & 1 == 0 { half } else { -half }
}

/// Runs the program of a function that stands at `line` of `file`.
pub(super) fn decode(data: &[u8], file: u32, line: u32) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let (mut file, mut line, mut offset) = (file, line, 0u32);
    // The last line's end is not known yet.
    let mut open = false;
    let begin = |offset: u32, file: u32, line: u32, open: &mut bool, out: &mut Vec<Line>| {
        close(offset, open, out);
        *open = true;
        out.push(Line {
            start: offset,
            end: offset,
            file,
            line,
        });
    };
    let mut at = 0;
    while let Some(code) = number(data, &mut at) {
        // Zero fills the record.
        if code == 0 {
            break;
        }
        let Some(operand) = number(data, &mut at) else {
            break;
        };
        match code {
            opcode::CODE_OFFSET | opcode::CHANGE_CODE_OFFSET => {
                offset = offset.saturating_add(operand);
                begin(offset, file, line, &mut open, &mut out);
            }
            opcode::CHANGE_CODE_LENGTH => {
                offset = offset.saturating_add(operand);
                close(offset, &mut open, &mut out);
            }
            opcode::CHANGE_FILE => file = operand,
            opcode::CHANGE_LINE_OFFSET => line = line.wrapping_add_signed(signed(operand)),
            opcode::CHANGE_CODE_OFFSET_AND_LINE_OFFSET => {
                line = line.wrapping_add_signed(signed(operand >> 4));
                offset = offset.saturating_add(operand & 0xF);
                begin(offset, file, line, &mut open, &mut out);
            }
            opcode::CHANGE_CODE_LENGTH_AND_CODE_OFFSET => {
                let Some(delta) = number(data, &mut at) else {
                    break;
                };
                offset = offset.saturating_add(delta);
                begin(offset, file, line, &mut open, &mut out);
                offset = offset.saturating_add(operand);
                close(offset, &mut open, &mut out);
            }
            // Columns, and what no compiler writes.
            _ => {}
        }
    }
    out.retain(|l| l.start < l.end);
    out
}

fn close(offset: u32, open: &mut bool, out: &mut [Line]) {
    if let (true, Some(last)) = (*open, out.last_mut()) {
        last.end = offset.max(last.start);
    }
    *open = false;
}

fn put(out: &mut Vec<u8>, value: u32) {
    let bytes = value.to_be_bytes();
    match value {
        0..0x80 => out.push(bytes[3]),
        0x80..0x4000 => out.extend_from_slice(&[bytes[2] | 0x80, bytes[3]]),
        // Nothing is larger than 29 bits can say in code that a section of an object holds.
        _ => out.extend_from_slice(&[bytes[0] & 0x1F | 0xC0, bytes[1], bytes[2], bytes[3]]),
    }
}

fn zigzag(value: i32) -> u32 {
    let twice = value.unsigned_abs() << 1;
    if value < 0 { twice | 1 } else { twice }
}

/// The program of a function that stands at `line` of `file`; `lines` sorted and apart. At most so many bytes.
pub(super) fn encode(lines: &[Line], file: u32, line: u32, longest: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut file, mut line, mut offset) = (file, line, 0);
    let mut end: Option<u32> = None;
    for l in lines.iter().filter(|l| l.start < l.end) {
        if end.is_some_and(|e| l.start < e) {
            continue;
        }
        // What a line and the end take at most.
        if out.len() + 40 > longest {
            break;
        }
        if let Some(end) = end
            && end < l.start
        {
            put(&mut out, opcode::CHANGE_CODE_LENGTH);
            put(&mut out, end - offset);
            offset = end;
        }
        if l.file != file {
            file = l.file;
            put(&mut out, opcode::CHANGE_FILE);
            put(&mut out, file);
        }
        let lines = zigzag(l.line.wrapping_sub(line) as i32);
        let bytes = l.start - offset;
        if lines < 8 && bytes < 16 {
            put(&mut out, opcode::CHANGE_CODE_OFFSET_AND_LINE_OFFSET);
            put(&mut out, lines << 4 | bytes);
        } else {
            // LLVM's reader takes the next line for one that is not said.
            if lines != 0 || end.is_none() {
                put(&mut out, opcode::CHANGE_LINE_OFFSET);
                put(&mut out, lines);
            }
            put(&mut out, opcode::CHANGE_CODE_OFFSET);
            put(&mut out, bytes);
        }
        line = l.line;
        offset = l.start;
        end = Some(l.end);
    }
    if let Some(end) = end {
        put(&mut out, opcode::CHANGE_CODE_LENGTH);
        put(&mut out, end - offset);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Line, decode, encode};

    #[test]
    fn programs_come_back() {
        let line = |start, end, file, line| Line {
            start,
            end,
            file,
            line,
        };
        let lines = [
            line(8, 12, 0x50, 101),
            line(12, 0x400, 0x50, 90),
            line(0x10_0000, 0x10_0001, 0x98, 70_000),
            line(0x10_0001, 0x10_0009, 0x98, 70_003),
        ];
        let program = encode(&lines, 0x50, 100, usize::MAX);
        assert_eq!(decode(&program, 0x50, 100), lines);
        // ChangeCodeOffsetAndLineOffset, as compilers write it.
        assert_eq!(program[..2], [0xB, 0x28]);
        let short = encode(&lines, 0x50, 100, 44);
        assert_eq!(decode(&short, 0x50, 100).first(), lines.first());
    }

    #[test]
    fn broken_programs_end() {
        for data in [
            &[0xFF][..],
            &[3],
            &[3, 0x80],
            &[3, 0xDF, 0xFF, 0xFF, 0xFF, 3, 0xDF, 0xFF, 0xFF, 0xFF],
            &[12, 1],
            &[4, 1, 4, 1, 6, 0xDF],
        ] {
            decode(data, 0, u32::MAX);
        }
    }
}
