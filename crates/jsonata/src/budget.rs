//! What an evaluation may use up: depth, fuel, memory, the caller's deadline and the thread's stack.

use std::fmt;

/// The limits of one evaluation. What is used up is gone: take a new budget for the next expression.
pub struct Budget {
    /// Evaluations inside one another, counted as the reference's `evaluate` is entered and left.
    pub(crate) depth_max: u32,
    /// One unit per node evaluated, callback and element handled inside a built-in.
    pub(crate) fuel: u64,
    /// Bytes that may be allocated in sum, by AWS's model; what is freed is not given back.
    pub(crate) bytes: u64,
    /// Longest result as JSON text.
    pub(crate) result_bytes_max: u64,
    /// Bytes of the thread's stack that the evaluation may use.
    pub(crate) stack_bytes: usize,
    pub(crate) deadline: Option<Box<dyn FnMut() -> bool>>,
}

/// Deepest nesting of evaluations on AWS: `1+1+…` of 100 terms passes, 101 fail (reference, 3.6).
pub const DEPTH_AWS: u32 = 100;

/// What stands for AWS's one second: about so many units are used in a second on one core of 2026.
pub const FUEL_AWS: u64 = 20_000_000;

/// AWS's allocation limit, 10 MiB (reference, 3.6).
pub const BYTES_AWS: u64 = 10_485_760;

/// The deadline is asked once per so many units of fuel.
pub(crate) const DEADLINE_FUEL: u64 = 1_024;

/// Fits a thread of 512 KiB, with room for built-ins at the innermost place. Frames of a build without
/// optimisation are several times larger: there it fits a thread of 2 MiB.
pub(crate) const STACK_BYTES: usize = if cfg!(debug_assertions) { 1280 * 1024 } else { 320 * 1024 };

impl Budget {
    /// AWS's limits.
    pub fn aws() -> Budget {
        Budget {
            depth_max: DEPTH_AWS,
            fuel: FUEL_AWS,
            bytes: BYTES_AWS,
            result_bytes_max: BYTES_AWS,
            stack_bytes: STACK_BYTES,
            deadline: None,
        }
    }

    /// Limits that only stop what would never end, for measurements and tests.
    pub fn wide() -> Budget {
        Budget {
            depth_max: 500,
            fuel: u64::MAX,
            bytes: u64::MAX,
            result_bytes_max: u64::MAX,
            stack_bytes: STACK_BYTES,
            deadline: None,
        }
    }

    /// Sets how many evaluations may be open inside one another.
    pub fn with_depth(mut self, depth_max: u32) -> Budget {
        self.depth_max = depth_max;
        self
    }

    /// Sets the fuel.
    pub fn with_fuel(mut self, fuel: u64) -> Budget {
        self.fuel = fuel;
        self
    }

    /// Sets the bytes that may be allocated in sum.
    pub fn with_bytes(mut self, bytes: u64) -> Budget {
        self.bytes = bytes;
        self.result_bytes_max = bytes;
        self
    }

    /// Sets the bytes of stack that the evaluation may use; the thread must have about 192 KiB more.
    pub fn with_stack_bytes(mut self, stack_bytes: usize) -> Budget {
        self.stack_bytes = stack_bytes;
        self
    }

    /// Asks `is_past` every [`DEADLINE_FUEL`](FUEL_AWS) units of fuel (1,024) and fails once it says yes.
    pub fn with_deadline(mut self, is_past: impl FnMut() -> bool + 'static) -> Budget {
        self.deadline = Some(Box::new(is_past));
        self
    }

    /// Fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.fuel
    }

    /// Bytes that are left.
    pub fn bytes_left(&self) -> u64 {
        self.bytes
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("depth_max", &self.depth_max)
            .field("fuel", &self.fuel)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Where the stack stood when work began, and how far it may go.
///
/// Recursion is bounded by its own counts; this is the second line, for frames that are larger than expected
/// (builds without optimisation) and threads that are smaller.
#[derive(Clone, Copy)]
pub(crate) struct Stack {
    start: usize,
    bytes_max: usize,
}

impl Stack {
    #[inline(never)]
    pub(crate) fn here(bytes_max: usize) -> Stack {
        Stack { start: address(), bytes_max }
    }

    #[inline(always)]
    pub(crate) fn is_exhausted(self) -> bool {
        self.start.abs_diff(address()) > self.bytes_max
    }
}

#[inline(always)]
fn address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)) as usize
}
