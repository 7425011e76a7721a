//! A file system of its own for a node's data: an ext4 image on a loop device, that can lose its power, become read-only, and be
//! mounted again. Needs root.
//!
//! The power is cut with the ioctl `EXT4_IOC_SHUTDOWN` and the flag `NOLOGFLUSH`: from that moment on nothing reaches the image
//! any more, neither data nor the file system's own journal. What was in the page cache alone is gone, as after a power cut; what
//! an fsync had returned for must be there after the next mount. No Rust without `unsafe` makes this call, so a small python3
//! process makes it for us.

use crate::failure::{Doing, Failure};
use crate::programs::done;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Reads a mount point from each line and takes its power away: `_IOR('X', 125, __u32)` with the flag 2.
const BREAKER: &str = "
import fcntl, os, struct, sys
for line in sys.stdin:
    folder = os.open(line.rstrip('\\n'), os.O_RDONLY)
    fcntl.ioctl(folder, 0x8004587D, struct.pack('I', 2))
    os.close(folder)
    print('cut', flush=True)
";
/// How often a mount point is given up again while something still holds it.
const TRIES: usize = 50;
/// So much is left when a disk is filled at once; it may need it for itself.
const MARGIN_BYTES: u64 = 8 << 20;
const FILLING: [u8; 4096] = [7; 4096];
const PAUSE: Duration = Duration::from_millis(20);

/// An image that is mounted somewhere.
#[derive(Debug)]
pub struct Volume {
    image: PathBuf,
    at: PathBuf,
    mounted: bool,
}

/// The process that cuts the power of volumes. It ends with this value.
#[derive(Debug)]
pub struct Breaker {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Volume {
    /// Makes an image of so many bytes, sparse, and mounts it at a folder, which is made where it is missing.
    pub fn make(image: PathBuf, at: PathBuf, bytes: u64) -> Result<Self, Failure> {
        let file = std::fs::File::create(&image).doing("making an image")?;
        file.set_len(bytes).doing("making an image")?;
        done(Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image))?;
        std::fs::create_dir_all(&at).doing("making a mount point")?;
        let mut volume = Self { image, at, mounted: false };
        // The mark that no node has run there yet belongs to the folder, wherever it lies.
        let mark = volume.at.join("placement");
        let new = std::fs::read(&mark).ok();
        volume.mount()?;
        if let Some(new) = new {
            std::fs::write(&mark, new).doing("marking a volume as new")?;
            done(Command::new("sync").arg(&mark).arg(&volume.at))?;
        }
        Ok(volume)
    }

    /// Mounts it; the file system plays its journal back.
    pub fn mount(&mut self) -> Result<(), Failure> {
        done(
            Command::new("mount")
                .args(["-o", "loop,noatime,errors=remount-ro"])
                .arg(&self.image)
                .arg(&self.at),
        )?;
        self.mounted = true;
        Ok(())
    }

    /// Takes it off its mount point. Nobody may use it any more.
    pub fn unmount(&mut self) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            match done(Command::new("umount").arg(&self.at)) {
                Ok(_) => {
                    self.mounted = false;
                    return Ok(());
                }
                Err(failure) if tries == TRIES => return Err(failure),
                Err(_) => sleep(PAUSE),
            }
            tries += 1;
        }
    }

    /// Makes it refuse every write, as the kernel does by itself after an error of the disk. Only a new mount mends it.
    pub fn abort(&self) -> Result<(), Failure> {
        done(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.at)).map(drop)
    }

    /// Fills it until only so many bytes are free; gives the file that does it.
    pub fn fill(&self, left: u64) -> Result<PathBuf, Failure> {
        let filler = self.at.join("filler");
        let free = done(Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.at))?;
        let mut numbers = free.split_whitespace().map(|number| number.parse::<u64>().unwrap_or(0));
        let free = numbers.next().unwrap_or(0).saturating_mul(numbers.next().unwrap_or(0));
        // What the file system keeps for itself is not told; so the rest is written until it is full.
        let bytes = free.saturating_sub(left).saturating_sub(MARGIN_BYTES).max(1).to_string();
        done(Command::new("fallocate").args(["-l", &bytes]).arg(&filler))?;
        let mut file = std::fs::OpenOptions::new().append(true).open(&filler).doing("filling a disk")?;
        while left == 0 && file.write_all(&FILLING).is_ok() {}
        Ok(filler)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.mounted {
            drop(self.unmount());
        }
    }
}

impl Breaker {
    /// Starts the process.
    pub fn start() -> Result<Self, Failure> {
        let mut command = Command::new("python3");
        command.args(["-u", "-c", BREAKER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().doing("starting python3")?;
        let ask = child.stdin.take();
        let answers =
            child.stdout.take().ok_or_else(|| Failure::unable("starting python3", "it has no output"))?;
        Ok(Self { child, ask, answers: BufReader::new(answers) })
    }

    /// Cuts the power of a volume; on return it is gone.
    pub fn cut(&mut self, volume: &Volume) -> Result<(), Failure> {
        let ask = self.ask.as_mut().ok_or_else(|| Failure::unable("cutting the power", "python3 ended"))?;
        writeln!(ask, "{}", volume.at.display()).and_then(|()| ask.flush()).doing("cutting the power")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).doing("cutting the power")?;
        if answer.trim() == "cut" {
            return Ok(());
        }
        Err(Failure::unable("cutting the power", "python3 ended; the kernel may not know the call"))
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        // The end of its input is its own.
        self.ask = None;
        drop(self.child.wait());
    }
}
