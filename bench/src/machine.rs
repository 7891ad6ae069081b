//! The machine: its cores, and the processor time and memory of a process tree, from proc(5).

use std::fs;

use anyhow::{Context, Result, bail};
use rustix::param::clock_ticks_per_second;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// Which core the server and the load generator are pinned to.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    pub count: usize,
    pub server: usize,
    pub generator: usize,
}

impl Cores {
    /// Two cores that share nothing they compute with. Two threads of one core would slow each other down.
    pub fn find() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("asking which cores may be used")?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        let Some(server) = cores.first().copied() else { bail!("no core may be used") };
        let path = format!("/sys/devices/system/cpu/cpu{server}/topology/thread_siblings_list");
        let siblings = parse_cpu_list(&fs::read_to_string(path).unwrap_or_else(|_| server.to_string()));
        let Some(generator) = cores.iter().copied().find(|core| !siblings.contains(core)) else {
            bail!("measuring needs two cores: one for the server, one for what sends the requests");
        };
        Ok(Self { count: cores.len(), server, generator })
    }
}

/// Pins this thread to one core.
pub fn pin_to_core(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("pinning to core {core}"))
}

/// As /proc/cpuinfo names it.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

/// Seconds of processor time that this thread has taken.
pub fn thread_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A process and all its descendants.
#[derive(Debug)]
pub struct ProcessTree(Vec<Process>);

#[derive(Debug)]
struct Process {
    id: u32,
    parent: u32,
    name: String,
    /// Of processor time.
    seconds: f64,
}

impl ProcessTree {
    pub fn of(root: u32) -> Result<Self> {
        let mut all: Vec<Process> = Vec::new();
        for entry in fs::read_dir("/proc").context("reading /proc")?.flatten() {
            // An entry that is not a process, or a process that has ended meanwhile, has no stat.
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            all.extend(Process::read(&stat));
        }
        let mut tree: Vec<Process> = all.extract_if(.., |process| process.id == root).collect();
        if tree.is_empty() {
            bail!("the process {root} has ended");
        }
        loop {
            let is_below = |process: &mut Process| tree.iter().any(|above| above.id == process.parent);
            let below: Vec<Process> = all.extract_if(.., is_below).collect();
            if below.is_empty() {
                return Ok(Self(tree));
            }
            tree.extend(below);
        }
    }

    /// The first program of this name (its first 15 bytes, as Linux keeps it).
    pub fn find(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|process| process.name == name).map(|process| process.id)
    }

    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|process| process.seconds).sum()
    }

    /// The proportional set size of each, in bytes, by name. Shared pages count in part, so that the sum is what the tree
    /// takes.
    pub fn memory(&self) -> Result<Vec<(String, f64)>> {
        let mut memory = Vec::new();
        for (index, process) in self.0.iter().enumerate() {
            match process.memory() {
                Ok(bytes) => memory.push((process.name.clone(), bytes)),
                // One of those that it started may have ended since.
                Err(error) if index == 0 => return Err(error),
                Err(_) => {}
            }
        }
        Ok(memory)
    }
}

impl Process {
    /// From /proc/PID/stat. The name stands in parentheses and may hold some itself.
    fn read(stat: &str) -> Option<Self> {
        let (start, rest) = stat.rsplit_once(')')?;
        let (id, name) = start.split_once('(')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
        Some(Self {
            id: id.trim().parse().ok()?,
            parent: fields.get(1)?.parse().ok()?,
            name: name.to_owned(),
            seconds: (ticks(11)? + ticks(12)?) / clock_ticks_per_second() as f64,
        })
    }

    fn memory(&self) -> Result<f64> {
        let path = format!("/proc/{}/smaps_rollup", self.id);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        parse_pss(&text).with_context(|| format!("{path} has no Pss"))
    }
}

/// `Pss` of a `smaps_rollup`, in bytes.
fn parse_pss(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

/// `0,2-4` is 0, 2, 3, 4.
fn parse_cpu_list(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse::<usize>().ok()?..=last.trim().parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cores_is_read_with_its_ranges() {
        assert_eq!(parse_cpu_list("0\n"), [0]);
        assert_eq!(parse_cpu_list("0,2-4\n"), [0, 2, 3, 4]);
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_is_read() {
        let stat = "17 (a (b) c) S 4 17 17 0 -1 4194304 1 0 0 0 50 25 0 0 20 0 1 0 100 1 1";
        let process = Process::read(stat).unwrap();
        let seconds = 75.0 / clock_ticks_per_second() as f64;
        let expected = (17, 4, "a (b) c", seconds);
        assert_eq!((process.id, process.parent, process.name.as_str(), process.seconds), expected);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(
            parse_pss("00-ff ---p [rollup]\nRss:  9 kB\nPss:      2 kB\nPss_Dirty: 1 kB\n"),
            Some(2048.0)
        );
    }

    #[test]
    fn the_tree_of_this_process_has_memory_and_its_child() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let tree = ProcessTree::of(std::process::id()).unwrap();
        // Between fork and exec the child still has its parent's name.
        assert!(tree.0.iter().any(|process| process.id == child.id()));
        let own = tree.memory().unwrap().first().unwrap().1;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(own > 100_000.0, "{own}");
    }
}
