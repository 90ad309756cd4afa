//! Answers made comparable: what COPY sends as rows, however it is cut into messages; OIDs of a session's own objects without
//! their number, which is the cluster's.

use pgveil_tests::client::{Answer, Message};

/// The same answer with a row for each line, or each tuple in binary format, that was copied out. `shared`: the highest OID of what
/// is not a session's own.
pub fn normal(answer: Answer, shared: u32) -> Answer {
    let mut messages = Vec::with_capacity(answer.messages.len());
    let mut format = None;
    let mut data = Vec::new();
    for message in answer.messages {
        match message {
            Message::Other('H', body) => {
                format = body.first().copied();
                messages.push(Message::Other('H', body));
                // No description of columns holds for what follows.
                messages.push(Message::RowDescription(Vec::new()));
            }
            Message::CopyData(bytes) => data.extend(bytes),
            Message::RowDescription(mut fields) => {
                for field in &mut fields {
                    for oid in [&mut field.table, &mut field.type_oid] {
                        *oid = if *oid > shared { u32::MAX } else { *oid };
                    }
                }
                messages.push(Message::RowDescription(fields));
            }
            other => {
                if let Some(format) = format.take_if(|_| matches!(other, Message::Other('c', _) | Message::Error(_))) {
                    let all = std::mem::take(&mut data);
                    messages.extend(if format == 0 { lines(&all) } else { tuples(&all) });
                }
                messages.push(other);
            }
        }
    }
    Answer { messages, broken: answer.broken }
}

fn lines(data: &[u8]) -> Vec<Message> {
    let line = |line: &[u8]| Message::DataRow(line.split(|b| b"\t,;\"".contains(b)).map(|cell| Some(cell.to_vec())).collect());
    data.split(|b| *b == b'\n').map(line).collect()
}

/// PostgreSQL documentation, COPY, "Binary Format". What does not read so is one cell.
fn tuples(data: &[u8]) -> Vec<Message> {
    let mut out = Vec::new();
    let Some(mut rest) = data.get(19..) else { return vec![Message::DataRow(vec![Some(data.to_vec())])] };
    while let Some((count, after)) = rest.split_first_chunk::<2>() {
        rest = after;
        let mut row = Vec::new();
        for _ in 0..i16::from_be_bytes(*count).max(0) {
            let Some((length, after)) = rest.split_first_chunk::<4>() else { break };
            let length = usize::try_from(i32::from_be_bytes(*length));
            let (cell, after) = after.split_at(length.unwrap_or(0).min(after.len()));
            row.push(length.is_ok().then(|| spelled(cell)));
            rest = after;
        }
        out.push(Message::DataRow(row));
    }
    out
}

/// Values as long as a bigint or a uuid in text format, by which pseudonyms are known.
fn spelled(cell: &[u8]) -> Vec<u8> {
    match cell.len() {
        8 => i64::from_be_bytes(cell.try_into().unwrap()).to_string().into_bytes(),
        16 => {
            let digits: String = cell.iter().map(|b| format!("{b:02x}")).collect();
            let cut = |from: usize, to: usize| &digits[from..to];
            [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-").into_bytes()
        }
        _ => cell.to_vec(),
    }
}
