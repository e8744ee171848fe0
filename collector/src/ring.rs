//! The key ring: write keys as the store has them, and what makes and ends them.
//!
//! A secret is shown once, when its key is made; the store has its SHA-256 alone. A running collector looks at the table every two seconds,
//! so a key that was made or taken back by another process counts from then on.

use std::{io::Write, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use petitfour::consent::Permissions;

use crate::{
    hex,
    key::{Key, Keys, Kind, RATE},
    params,
    reader::Reader,
    sql::{Connection, Result},
    store::{Store, now},
};

/// How often the table is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Bytes of a secret: 128 random bits.
const SECRET: usize = 16;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and show its secret, this once
    Add {
        /// Name that its events come under: lower-case letters, digits, ".", "_" and "-"
        name: String,
        /// Pages and apps have a browser key, programs of the shop's own a server key
        #[arg(long)]
        kind: Holder,
        /// Origin whose pages may use a browser key, such as https://shop.example; may be given several times. * is all
        #[arg(long, value_name = "ORIGIN")]
        origin: Vec<String>,
        /// What is permitted where an event says nothing: store, personalise, measure, share. A browser key has to say it
        #[arg(long, value_name = "LIST", value_delimiter = ',')]
        permit: Option<Vec<String>>,
        /// Events a second, and how many may come at once
        #[arg(long, default_value_t = RATE)]
        rate: u32,
        /// Let the other keys of this name end after so many seconds: programs have as long to take the new secret
        #[arg(long, value_name = "SECONDS")]
        retire: Option<u32>,
    },
    /// Show all keys, without their secrets
    List,
    /// End every key of a name now
    End {
        /// The name
        name: String,
    },
}

/// [`Kind`] on a command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Holder {
    /// Everybody can read it.
    Browser,
    /// A secret.
    Server,
}

/// Does it.
///
/// # Errors
/// When the store cannot be used, or what was asked for is no key.
pub fn run(command: &Command, store: &mut Store, out: &mut impl Write) -> anyhow::Result<()> {
    let at = now();
    match command {
        Command::Add { name, kind, origin, permit, rate, retire } => {
            let secret = secret().context("no randomness")?;
            let kind = if matches!(kind, Holder::Server) { Kind::Server } else { Kind::Browser };
            let mut key = Key::new(name, kind, &secret, at);
            key.rate = (*rate).max(1);
            key.origins.clone_from(origin);
            check(&key)?;
            match permit {
                Some(permit) => key.otherwise = permissions(permit)?,
                None if kind == Kind::Browser => {
                    bail!(
                        "say what visitors of these pages have permitted where an event says nothing: --permit store,measure, or --permit \"\" for nothing"
                    )
                }
                None => {}
            }
            store.write(at, |graph| {
                if let Some(seconds) = retire {
                    end(graph.connection, name, at, at.saturating_add(i64::from(*seconds) * 1_000))?;
                }
                add(graph.connection, &key)
            })?;
            writeln!(out, "{secret}")?;
        }
        Command::List => {
            for key in read(store.connection())? {
                let kind = if key.kind == Kind::Server { "server" } else { "browser" };
                let state = if key.is_live(at) { "live" } else { "ended" };
                let made = Timestamp::from_millisecond(key.created)?;
                let digest = hex::write(key.secret.get(..4).unwrap_or_default());
                let origins = key.origins.join(" ");
                writeln!(
                    out,
                    "{}\t{kind}\t{state}\tmade {made}\t{} a second\tsha256 {digest}…\t{origins}",
                    key.name, key.rate
                )?;
            }
        }
        Command::End { name } => {
            let ended = store.write(at, |graph| end(graph.connection, name, i64::MAX, at))?;
            if ended == 0 {
                bail!("there is no live key of this name");
            }
            writeln!(out, "{ended} ended")?;
        }
    }
    Ok(())
}

pub(crate) fn check(key: &Key) -> anyhow::Result<()> {
    if !Key::is_name(&key.name) {
        bail!("a name has lower-case letters, digits, \".\", \"_\" and \"-\", 64 at most");
    }
    for origin in &key.origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
        if origin != "*" && (host.is_empty() || host.contains('/') || host.contains(char::is_whitespace)) {
            bail!("{origin:?} is not an origin: write it as https://shop.example");
        }
    }
    if key.kind == Kind::Server && !key.origins.is_empty() {
        bail!("no page may use a server key, so it has no origins");
    }
    Ok(())
}

pub(crate) fn permissions(names: &[String]) -> anyhow::Result<Permissions> {
    let mut bits = 0_u8;
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let place = Permissions::NAMES.iter().position(|known| *known == name);
        bits |= 1 << place.with_context(|| format!("{name:?} is none of {}", Permissions::NAMES.join(", ")))?;
    }
    Ok(Permissions::from_bits(bits))
}

/// A secret that nobody has had before, in hex.
///
/// # Errors
/// When the system has no randomness to give.
pub fn secret() -> std::io::Result<String> {
    let mut bytes = [0; SECRET];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::write(&bytes))
}

/// Every key, also those that have ended.
///
/// # Errors
/// Any error of the store.
pub fn read(connection: &Connection) -> Result<Vec<Key>> {
    let rows = connection.query(
        "SELECT name, kind, hash, created, expires, rate, origins, permitted FROM write_keys ORDER BY name, created, hash",
        params![],
    )?;
    rows.iter()
        .map(|row| {
            let kind = if row.get::<i64>(1)? == Kind::Server as i64 { Kind::Server } else { Kind::Browser };
            let origins: String = row.get(6)?;
            Ok(Key {
                name: row.get(0)?,
                kind,
                secret: row.get(2)?,
                created: row.get(3)?,
                expires: row.get(4)?,
                rate: u32::try_from(row.get::<i64>(5)?).unwrap_or(u32::MAX),
                origins: origins.split(' ').filter(|origin| !origin.is_empty()).map(str::to_owned).collect(),
                otherwise: Permissions::from_bits(u8::try_from(row.get::<i64>(7)?).unwrap_or_default()),
            })
        })
        .collect()
}

/// Adds a key.
///
/// # Errors
/// Any error of the store.
pub fn add(connection: &Connection, key: &Key) -> Result<()> {
    let added = connection.execute(
        "INSERT INTO write_keys (hash, name, kind, rate, origins, permitted, created, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            &key.secret,
            &key.name,
            key.kind as u8,
            i64::from(key.rate),
            &key.origins.join(" "),
            key.otherwise.bits(),
            key.created,
            key.expires
        ],
    );
    added.map(drop)
}

/// Ends the keys of that name at that time, but for those made at `made` or later; how many they were.
///
/// # Errors
/// Any error of the store.
pub fn end(connection: &Connection, name: &str, made: i64, at: i64) -> Result<u64> {
    connection.execute(
        "UPDATE write_keys SET expires = ?3 WHERE name = ?1 AND created < ?2 AND (expires IS NULL OR expires > ?3)",
        params![name, made, at],
    )
}

/// Looks at the table once.
pub async fn refresh(reader: &Reader, keys: &Keys) {
    // Without an answer of the store what was known goes on; the fault is in its log.
    if let Ok(found) = reader.run("write keys", read).await {
        keys.replace(found);
    }
}

/// Looks at the table again and again, and never ends.
pub async fn watch(reader: Reader, keys: Arc<Keys>) {
    loop {
        tokio::time::sleep(EVERY).await;
        refresh(&reader, &keys).await;
    }
}
