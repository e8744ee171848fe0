//! Reads what strace wrote, and says which answers left before their data was on disk.
//!
//! The order of lines is the proof. strace stops a thread when it enters a system call and again when the call has
//! returned, and writes a line (or its half: `<unfinished ...>`, `<... resumed>`) at each stop before the thread goes on. So
//! a call that was seen to return on an earlier line than another was seen to begin had returned before the other began.

use std::collections::{BTreeMap, HashMap};

/// One system call.
#[derive(Debug, Default, Clone)]
struct Call {
    name: String,
    /// File descriptor and what stands behind it.
    file: String,
    /// What was written or read, and the rest of the arguments.
    bytes: Vec<u8>,
    result: String,
    /// Lines on which it was entered and had returned.
    entered: usize,
    returned: usize,
}

/// What the trace says of the answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Answers `200` to a request that carried one of the markers.
    pub answers: usize,
    /// Those that were begun before a sync of the log, begun after the data was in it, had returned.
    pub early: usize,
    /// Syncs of the log that returned 0.
    pub syncs: usize,
}

/// Judges a trace (`strace -f -y -o FILE`). Each sync carries markers, bytes that stand in its request and are stored as they
/// are; `request` finds the sync, and all of `stored` must be in the log before the sync that counts.
pub fn judge(trace: &str, log: &str, markers: &[Markers]) -> Verdict {
    let calls = calls(trace);
    let is_log = |call: &&Call| call.file.ends_with(log);
    let syncs: Vec<&Call> = calls
        .iter()
        .filter(|call| matches!(call.name.as_str(), "fsync" | "fdatasync") && call.result.starts_with('0'))
        .filter(is_log)
        .collect();
    let writes = calls.iter().filter(|call| call.name.starts_with("pwrite")).filter(is_log);
    let written = first_written(writes, markers);

    let mut verdict = Verdict { syncs: syncs.len(), ..Verdict::default() };
    let mut received: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    // In order of entry for writes, of return for reads: what a call brought is known when it returned.
    let mut events: Vec<(usize, &Call)> = calls
        .iter()
        .filter_map(|call| match call.name.as_str() {
            "read" | "recvfrom" => Some((call.returned, call)),
            "write" | "writev" | "sendto" | "sendmsg" => Some((call.entered, call)),
            _ => None,
        })
        .filter(|(_, call)| call.file.contains("socket:") || call.file.contains("TCP"))
        .collect();
    events.sort_by_key(|(line, _)| *line);
    for (line, call) in events {
        if call.name.starts_with('r') {
            received.entry(&call.file).or_default().extend_from_slice(&call.bytes);
            continue;
        }
        if !contains(&call.bytes, b"HTTP/1.1 ") {
            continue;
        }
        let request = received.remove(call.file.as_str()).unwrap_or_default();
        let Some(markers) = markers.iter().find(|markers| contains(&request, &markers.request)) else { continue };
        if !contains(&call.bytes, b"HTTP/1.1 200") {
            continue;
        }
        verdict.answers += 1;
        // The last of the first writes of each marker; none when one was never written.
        let lines: Option<Vec<usize>> =
            markers.stored.iter().map(|marker| written.get(marker.as_slice()).copied()).collect();
        let written = lines.and_then(|lines| lines.into_iter().max());
        let durable =
            written.is_some_and(|written| syncs.iter().any(|sync| sync.entered > written && sync.returned < line));
        if !durable {
            verdict.early += 1;
        }
    }
    verdict
}

/// How one sync is known in the trace.
pub struct Markers {
    /// In the request.
    pub request: Vec<u8>,
    /// In the log, once it is written.
    pub stored: Vec<Vec<u8>>,
}

/// For each marker the line on which the first write that holds it had returned. One pass over the writes, since they are
/// megabytes: eight bytes find the marker, the rest is compared.
fn first_written<'m>(writes: impl Iterator<Item = &'m Call>, markers: &'m [Markers]) -> HashMap<&'m [u8], usize> {
    let mut waiting: HashMap<[u8; 8], &[u8]> = HashMap::new();
    for marker in markers.iter().flat_map(|markers| &markers.stored) {
        waiting.insert(*marker.first_chunk().expect("a marker has eight bytes"), marker);
    }
    let mut found = HashMap::new();
    for write in writes {
        let mut rest = write.bytes.as_slice();
        while let Some(chunk) = rest.first_chunk::<8>() {
            if let Some(marker) = waiting.get(chunk).filter(|marker| rest.starts_with(marker)) {
                found.entry(*marker).or_insert(write.returned);
            }
            rest = &rest[1..];
        }
    }
    found
}

fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut open: BTreeMap<(&str, String), Call> = BTreeMap::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // With -ttt there is a time before the call.
        let rest = match rest.split_once(' ') {
            Some((time, rest)) if time.starts_with(|c: char| c.is_ascii_digit()) => rest,
            _ => rest,
        };
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((name, rest)) = resumed.split_once(" resumed>") else { continue };
            let Some(mut call) = open.remove(&(thread, name.to_owned())) else { continue };
            finish(&mut call, rest, number);
            calls.push(call);
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        let file = arguments.split_inclusive('>').next().unwrap_or_default();
        let file = file.split_once('<').map_or("", |(_, behind)| behind.trim_end_matches('>'));
        let mut call = Call { name: name.to_owned(), file: file.to_owned(), entered: number, ..Call::default() };
        if let Some(begun) = arguments.strip_suffix("<unfinished ...>") {
            call.bytes = unescape(begun);
            open.insert((thread, call.name.clone()), call);
        } else {
            finish(&mut call, arguments, number);
            calls.push(call);
        }
    }
    calls
}

fn finish(call: &mut Call, text: &str, number: usize) {
    call.returned = number;
    let (arguments, result) = text.rsplit_once(" = ").unwrap_or((text, ""));
    call.bytes.extend(unescape(arguments));
    result.clone_into(&mut call.result);
}

/// Undoes C escapes: strace writes `\n`, `\"`, up to three octal digits, or `\xNN`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&kind, after)) = rest.split_first() else { break };
        rest = after;
        let (digits, radix) = match kind {
            b'0'..=b'7' => {
                let more = rest.iter().take(2).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
                let digits = [&[kind], &rest[..more]].concat();
                rest = &rest[more..];
                (digits, 8)
            }
            b'x' => {
                let digits = rest[..2].to_vec();
                rest = &rest[2..];
                (digits, 16)
            }
            other => {
                out.push(match other {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 0x0B,
                    b'f' => 0x0C,
                    plain => plain,
                });
                continue;
            }
        };
        let digits = String::from_utf8(digits).expect("digits");
        out.push(u8::from_str_radix(&digits, radix).expect("an escaped byte"));
    }
    out
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
