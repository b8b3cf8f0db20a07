//! A task token for a service that cannot send one back.
use stepwell_constructs::*;

fn main() {
    GlueStartCrawlerRun::json_path("Crawl", "orders").wait_for_task_token(|token| obj!({ "token": token }));
}
