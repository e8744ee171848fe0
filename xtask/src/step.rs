//! A step is a named piece of work: announced when it begins, timed when it ends, silent in between unless it has
//! something to say.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Runs `work` under a name and says how long it took.
///
/// # Errors
/// Whatever the work returns.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("▸ {name}");
    let began = Instant::now();
    let answer = work()?;
    println!("  {name}: {}", seconds(began.elapsed()));
    Ok(answer)
}

/// A duration as a person reads it: `0.4 s`, `3 min 12 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Runs a command with its output on the terminal.
///
/// # Errors
/// When it cannot be started, or ends in anything but success; the message carries the line that repeats it.
pub fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{line}`"))?;
    if status.success() { Ok(()) } else { bail!("`{line}` failed ({status})") }
}

/// Runs a command silently and returns what it printed; on failure what it printed is shown.
///
/// # Errors
/// As [`run`].
pub fn quiet(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        return Ok(text);
    }
    bail!("`{line}` failed ({status})\n{text}{}", String::from_utf8_lossy(&stderr))
}

/// Runs a command with its output on the terminal, and hands every line of its standard output to `each` as well.
///
/// # Errors
/// As [`run`].
pub fn watch(command: &mut Command, mut each: impl FnMut(&str)) -> Result<()> {
    let line = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    if let Some(stdout) = child.stdout.take() {
        let mut terminal = std::io::stdout();
        for printed in BufReader::new(stdout).lines() {
            let printed = printed?;
            // A closed terminal must not end the work that it watched.
            let _ = writeln!(terminal, "{printed}");
            each(&printed);
        }
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { bail!("`{line}` failed ({status})") }
}

/// A command as it would be typed.
pub fn shown(command: &Command) -> String {
    let mut line = file_name(command.get_program());
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        line.push(' ');
        if argument.contains(' ') {
            line.push_str(&format!("'{argument}'"));
        } else {
            line.push_str(&argument);
        }
    }
    line
}

/// The program without its folder: nobody types the full path.
fn file_name(program: &std::ffi::OsStr) -> String {
    std::path::Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}
