//! A count that is none.
use stepwell_constructs::*;

fn main() {
    ItemBatcher::<JsonPath>::new().max_items_per_batch(2.5);
    Retry::new().max_attempts(-1);
}
