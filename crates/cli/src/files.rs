//! How many files the process may have open, and who gets how many of them: each connection is one.

/// Files for all connections that the server takes and makes unless the system allows fewer.
const WANTED: u64 = 16_384;

/// What macOS allows at most where it says that there is no bound.
#[cfg(unix)]
const OFTEN_ALLOWED: u64 = 10_240;

/// Open files that the system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenFiles {
    max: u64,
}

impl OpenFiles {
    /// What the system allows, after having asked it for as many as are wanted.
    #[cfg(unix)]
    pub(crate) fn ask() -> OpenFiles {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let found = getrlimit(Resource::Nofile);
        let most = found.maximum.unwrap_or(u64::MAX).min(WANTED);
        for wanted in [most, most.min(OFTEN_ALLOWED)] {
            if found.current.is_none_or(|current| current >= wanted) {
                break;
            }
            let raised = Rlimit { current: Some(wanted), maximum: found.maximum };
            if setrlimit(Resource::Nofile, raised).is_ok() {
                break;
            }
        }
        OpenFiles { max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) }
    }

    /// Other systems have no such bound.
    #[cfg(not(unix))]
    pub(crate) fn ask() -> OpenFiles {
        OpenFiles { max: u64::MAX }
    }

    /// Connections of clients at a time: half of the files, so that data, logs and functions can always be reached.
    pub(crate) fn for_clients(self, wanted: usize) -> usize {
        share(self.max / 2, wanted)
    }

    /// Connections to functions at a time: a quarter of them.
    pub(crate) fn for_functions(self, wanted: usize) -> usize {
        share(self.max / 4, wanted)
    }

    /// A sentence for whoever may change it, if clients do not get all that they could have.
    pub(crate) fn remark(self, wanted: usize) -> Option<String> {
        let clients = self.for_clients(wanted);
        (clients < wanted).then(|| {
            let max = self.max;
            format!(
                "note: {clients} connections at a time, since {max} files may be open; for {wanted}: ulimit -n {WANTED}"
            )
        })
    }
}

fn share(files: u64, wanted: usize) -> usize {
    usize::try_from(files).unwrap_or(usize::MAX).clamp(1, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        let plenty = OpenFiles { max: WANTED };
        assert_eq!((plenty.for_clients(8_192), plenty.for_functions(512)), (8_192, 512));
        assert_eq!(plenty.remark(8_192), None);
        let few = OpenFiles { max: 1_024 };
        assert_eq!((few.for_clients(8_192), few.for_functions(512)), (512, 256));
        assert_eq!(
            few.remark(8_192).as_deref(),
            Some("note: 512 connections at a time, since 1024 files may be open; for 8192: ulimit -n 16384")
        );
    }
}
