//! What the system says of a process (proc(5)): processor time and memory.

use super::fault::BenchFault;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Ticks a second in /proc/PID/stat: USER_HZ, which Linux fixes at 100 for what it shows to programs.
const TICKS_PER_SECOND: u64 = 100;
const US_PER_SECOND: u64 = 1_000_000;
const BYTES_PER_MB: f64 = 1_000_000.0;

/// Memory of a process, in MB of a million bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// The most that was ever resident (VmHWM).
    pub(crate) peak_mb: f64,
    /// What is resident now (VmRSS).
    pub(crate) now_mb: f64,
}

/// Processor time that a process has used, user and system, all threads together, in microseconds; counted in ticks of 10 ms.
pub(crate) fn cpu_us(pid: u32) -> Result<u64, BenchFault> {
    read(pid, "stat").and_then(|(path, stat)| {
        ticks(&stat)
            .map(|ticks| ticks * US_PER_SECOND / TICKS_PER_SECOND)
            .ok_or_else(|| BenchFault::Itself(format!("{} has an unknown form", path.display())))
    })
}

/// Processor time of the threads that live, in nanoseconds: far finer than ticks, for a process that hardly does anything. A
/// thread that ended takes its time with it.
pub(crate) fn threads_cpu_ns(pid: u32) -> Result<u64, BenchFault> {
    let folder = PathBuf::from(format!("/proc/{pid}/task"));
    let threads = fs::read_dir(&folder).map_err(BenchFault::file(&folder))?;
    let mut sum = 0;
    for thread in threads {
        let path = thread.map_err(BenchFault::file(&folder))?.path().join("schedstat");
        // A thread may end while it is asked after.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let ran = text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok());
        sum += ran.ok_or_else(|| BenchFault::Itself(format!("{} has an unknown form", path.display())))?;
    }
    Ok(sum)
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory, BenchFault> {
    let (path, status) = read(pid, "status")?;
    let of = |name| {
        let found = kib(&status, name);
        found.ok_or_else(|| BenchFault::Itself(format!("{} names no {name}", path.display())))
    };
    let mb = |kib: u64| kib as f64 * 1024.0 / BYTES_PER_MB;
    Ok(Memory { peak_mb: mb(of("VmHWM:")?), now_mb: mb(of("VmRSS:")?) })
}

fn read(pid: u32, name: &str) -> Result<(PathBuf, String), BenchFault> {
    let path = PathBuf::from(format!("/proc/{pid}/{name}"));
    let text = fs::read_to_string(&path).map_err(BenchFault::file(&path))?;
    Ok((path, text))
}

/// `utime` and `stime` of /proc/PID/stat together: the 12th and 13th field after the name, which stands in parentheses and may
/// hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    Some(fields.next()?? + fields.next()??)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194304 1000 0 0 0 37 5 0 0 20 0 4 0 100 0 0";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("12 (a) S 1"), None);
    }

    #[test]
    fn the_peak_of_this_process_is_no_less_than_what_it_holds_now() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.peak_mb >= memory.now_mb && memory.now_mb > 0.5, "{memory:?}");
    }
}
