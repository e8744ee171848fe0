//! Exporting while the collector runs: logs every so often, tables of state once an hour, and tombstones at once.
//!
//! Reading has a connection of its own; nothing waits for the lake. What could not be exported is exported the next time.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::Notify};

use super::{Lake, Manifest, Order, export};
use crate::{
    sql,
    store::{Place, now},
};

/// How old the tables of state may become, in ms: they are written anew as a whole.
const STATE: i64 = 60 * 60 * 1000;

/// Wakes the exporter when somebody was deleted. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Somebody was deleted: the lake is to know now.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// Exports for ever. Run it as a task and drop it to stop: what was not published is exported after the next start.
pub async fn follow(place: Place, lake: String, pause: Duration, bell: Bell) {
    loop {
        let (place, lake) = (place.clone(), lake.clone());
        let step = tokio::task::spawn_blocking(move || once(&place, &lake)).await;
        match step {
            Ok(Ok(())) => {}
            Ok(Err(error)) => crate::say!("lake: not exported, tried again later: {error:#}"),
            Err(_) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = bell.0.notified() => {}
        }
    }
}

fn once(place: &Place, lake: &str) -> anyhow::Result<()> {
    let lake = Lake::open(lake, Handle::current())?;
    let known = Manifest::latest(&lake)?;
    let order = Order {
        state: known.as_ref().is_none_or(|manifest| now().saturating_sub(manifest.state) > STATE),
        with_digests: known.is_some_and(|manifest| manifest.with_digests),
        ..Order::default()
    };
    let connection =
        place.reader().map_err(|error: sql::Error| anyhow::anyhow!("the store cannot be read: {error}"))?;
    export::run(&connection, &lake, &order, &|_, _| ()).map(drop)
}
