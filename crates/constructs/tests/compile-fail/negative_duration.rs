//! A time before now.
use std::time::Duration;

use stepwell_constructs::*;

fn main() {
    Retry::new().interval(Duration::from_secs(-1));
}
