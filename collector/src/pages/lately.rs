//! What is too dear to be asked for with every page: it is asked for again when it is old enough for what it cost.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::answer::Refusal;

/// Nothing is asked for more often than that.
const LEAST: Duration = Duration::from_secs(2);

/// An answer stands for so many times as long as it took: looking costs a twentieth of one connection at most.
const TIMES: u32 = 20;

/// An answer that stands for a while; those who ask meanwhile share it.
#[derive(Debug)]
pub struct Lately<T>(Mutex<Option<Kept<T>>>);

#[derive(Debug)]
struct Kept<T> {
    value: Arc<T>,
    until: Instant,
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Lately<T> {
    /// The answer, asked for anew when it is old.
    ///
    /// # Errors
    /// What asking comes to.
    pub async fn of<F: Future<Output = Result<T, Refusal>>>(&self, ask: impl FnOnce() -> F) -> Result<Arc<T>, Refusal> {
        // One asks, the others wait for its answer.
        let mut kept = self.0.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| Instant::now() < known.until) {
            return Ok(Arc::clone(&known.value));
        }
        let began = Instant::now();
        let value = Arc::new(ask().await?);
        let rest = (began.elapsed() * TIMES).max(LEAST);
        *kept = Some(Kept { value: Arc::clone(&value), until: Instant::now() + rest });
        Ok(value)
    }
}
