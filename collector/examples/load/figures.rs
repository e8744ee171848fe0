//! What a run comes to: rate, waiting times, processor time and memory.

use std::{fs, time::Duration};

/// A run's figures.
pub struct Run {
    pub what: String,
    pub events: usize,
    pub whole: Duration,
    pub times: Vec<Duration>,
}

impl Run {
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.whole.as_secs_f64()
    }

    pub fn print(&self) {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |share: usize| {
            let time = times.get(times.len() * share / 100);
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.2}", time.as_secs_f64() * 1e3))
        };
        println!("{:>9.0} {:>9} {:>9}  {}", self.rate(), at(50), at(99), self.what);
    }
}

pub fn heading() {
    println!("{:>9} {:>9} {:>9}  what", "events/s", "p50 ms", "p99 ms");
}

/// Processor time that a process has used, and the most memory that it ever held.
pub struct Used {
    pub seconds: f64,
    pub megabytes: f64,
}

pub fn used(pid: u32) -> Used {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name in brackets: state is field 3, user and system time are fields 14 and 15, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default();
    Used { seconds: (ticks(11) + ticks(12)) / 100.0, megabytes: kilobytes / 1024.0 }
}
