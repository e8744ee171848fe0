//! `petitfour-collector access`: names people and programs at the store itself, with or without a collector that runs.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{Role, roll, token};
use crate::store::{Store, now};

/// What to do with the roll.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Make a token for somebody, or for a program, and show it, this once
    Add {
        /// Whose it is
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "viewer")]
        role: Role,
    },
    /// Show who has a token
    List,
    /// End every token of a name, and every session that was opened with one
    End {
        /// The name
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// When the store cannot be used, or what was asked for cannot be done.
pub fn run(command: &Command, store: &mut Store, out: &mut impl Write) -> anyhow::Result<()> {
    let at = now();
    match command {
        Command::Add { name, role } => {
            if !roll::is_name(name) {
                bail!("a name has letters, digits, spaces and . _ - @, 64 at most");
            }
            let secret = token::make().context("no randomness")?;
            store.write(at, |graph| roll::add(graph.connection, &secret, name, *role, at))?;
            writeln!(out, "{secret}")?;
        }
        Command::List => {
            for entry in roll::all(store.connection())? {
                let made = jiff::Timestamp::from_millisecond(entry.created)?;
                let state = if entry.ended.is_some() { "ended" } else { "open" };
                writeln!(out, "{}\t{}\t{state}\tmade {made}", entry.name, entry.role.text())?;
            }
        }
        Command::End { name } => {
            let ended = store.write(at, |graph| {
                let named = roll::all(graph.connection)?.into_iter().filter(|entry| entry.name == *name);
                let mut ended = 0;
                for entry in named.filter(|entry| entry.ended.is_none()) {
                    ended += i32::from(roll::end(graph.connection, &entry.hash, at)?);
                }
                Ok(ended)
            })?;
            if ended == 0 {
                bail!("no open token of this name, or it is the last admin's: name another admin first");
            }
            writeln!(out, "{ended} ended")?;
        }
    }
    Ok(())
}
