//! Wrong tokens by where they came from: who shows too many is not listened to for the rest of the minute.
//!
//! A token has 256 bits and is not to be guessed; this keeps a program with an old token, or somebody who tries anyway, from costing a
//! look-up each time. Behind a proxy on this machine, the address is the last one that the proxy wrote down.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::HeaderMap;

/// Wrong tokens that an address may show in [`SPAN`].
const MOST: u32 = 10;

/// How long they are held against it.
const SPAN: Duration = Duration::from_secs(60);

/// Addresses that are remembered: 64 KiB or so.
const ADDRESSES: usize = 1_024;

/// Who showed wrong tokens lately.
#[derive(Debug, Default)]
pub struct Tries(Mutex<HashMap<IpAddr, (Instant, u32)>>);

impl Tries {
    /// Is this address not to be listened to now?
    pub fn is_over(&self, from: IpAddr) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&from).is_some_and(|(since, count)| *count >= MOST && since.elapsed() < SPAN)
    }

    /// Another wrong token came from there.
    pub fn note(&self, from: IpAddr) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ADDRESSES {
            known.retain(|_, (since, _)| since.elapsed() < SPAN);
        }
        // More addresses than that at once: an attack from everywhere, and each has its ten look-ups.
        if known.len() >= ADDRESSES && !known.contains_key(&from) {
            return;
        }
        let entry = known.entry(from).or_insert((Instant::now(), 0));
        if entry.0.elapsed() >= SPAN {
            *entry = (Instant::now(), 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }
}

/// The address that a request is held against.
#[must_use]
pub fn address(peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    if !peer.is_loopback() {
        return peer;
    }
    let told = headers.get_all("x-forwarded-for").iter().next_back().and_then(|line| line.to_str().ok());
    let last = told.and_then(|line| line.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
    last.unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_wrong_token_of_a_minute_is_not_looked_at_and_others_are() {
        let (tries, one, two) = (Tries::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..MOST {
            assert!(!tries.is_over(one));
            tries.note(one);
        }
        assert!(tries.is_over(one) && !tries.is_over(two));
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let headers: HeaderMap =
            [("x-forwarded-for".parse().unwrap(), "1.1.1.1, 9.9.9.9".parse().unwrap())].into_iter().collect();
        assert_eq!(address(Some(([127, 0, 0, 1], 1).into()), &headers), IpAddr::from([9, 9, 9, 9]));
        assert_eq!(address(Some(([10, 0, 0, 1], 1).into()), &headers), IpAddr::from([10, 0, 0, 1]));
    }
}
