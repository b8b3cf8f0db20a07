//! Child processes that never outlive us, and ports that are free.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A child process; it is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints is appended to the file `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Process, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |err: io::Error| format!("{program}: {err}");
        let out = File::options().create(true).append(true).open(log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(failed)?;
        Ok(Process { child, log: log.to_owned() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it, as `kill -9` does, and waits for its end.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits so long at most; what is not over by then is killed.
    pub(super) fn terminate(&mut self, limit: Duration) -> Option<ExitStatus> {
        let _ = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        let ended = self.wait(limit);
        self.kill();
        ended
    }

    /// Waits for its end, so long at most.
    pub(super) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }

    /// Memory of its own that is not swapped out, in KiB.
    pub(super) fn resident_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// The end of what it printed.
    pub(super) fn last_words(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| file.read_to_end(&mut text));
        match read {
            Ok(_) => {
                let text = String::from_utf8_lossy(&text);
                let lines: Vec<_> = text.lines().collect();
                lines[lines.len().saturating_sub(10)..].join("\n")
            }
            Err(err) => format!("{}: {err}", self.log.display()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback address that nobody listens on.
pub(super) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|err| format!("no port is free: {err}"))
}

/// Waits until somebody listens on a port of the loopback address, while `alive`.
pub(super) fn wait_for_port(port: u16, limit: Duration, mut alive: impl FnMut() -> bool) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let start = Instant::now();
    while start.elapsed() < limit && alive() {
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

/// An empty folder in the target folder, for what a suite writes.
pub(super) fn empty_folder(name: &str) -> Result<PathBuf, String> {
    let folder = crate::command::target().join(name);
    match fs::remove_dir_all(&folder) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(format!("{}: {err}", folder.display())),
        _ => {}
    }
    fs::create_dir_all(&folder).map_err(|err| format!("{}: {err}", folder.display()))?;
    Ok(folder)
}
