//! Reading the store while it is written: a few connections that see whole transactions only.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    answer::Refusal,
    sql::{Connection, Result},
    store::Place,
};

/// Connections that are kept open. One reader of a page takes one for some milliseconds.
const KEPT: usize = 4;

/// Hands out connections that only read; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    /// Over a store that exists.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(place: Place) -> Result<Self> {
        let first = place.reader()?;
        Ok(Self { shared: Arc::new(Shared { place, idle: Mutex::new(vec![first]) }) })
    }

    /// Reads, away from the threads that answer requests. `what` is what a log calls it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn run<R: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Result<R> + Send + 'static,
    ) -> std::result::Result<R, Refusal> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || shared.read(work)).await;
        match read {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                crate::say!("store: {what} cannot be read: {error}");
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}

impl Shared {
    fn read<R>(&self, work: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle.filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.place.reader()?,
        };
        let found = work(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(found)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A client of PostgreSQL waits when it closes, which a thread that answers requests may not.
        std::thread::spawn(move || drop(idle));
    }
}
