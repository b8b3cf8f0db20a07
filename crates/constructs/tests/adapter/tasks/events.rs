//! EventBridgePutEvents and EventBridgeSchedulerCreateScheduleTask.

use stepwell_constructs::*;

use super::adapt;
use crate::adapter::case::Cx;
use crate::adapter::convert::{self, Lang};
use crate::adapter::eval::V;
use crate::adapter::states::{AnyNode, Input};
use crate::adapter::{Answer, refs, unknown};

pub fn task(cx: &Cx, construct: &str, input: &mut Input) -> Option<Answer<AnyNode>> {
    Some(match construct {
        "EventBridgePutEvents" => put_events(cx, input),
        "EventBridgeSchedulerCreateScheduleTask" => create_schedule(cx, input),
        _ => return None,
    })
}

fn put_events(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let events = input.props.need("entries")?;
    if input.pattern.as_deref() == Some("WAIT_FOR_TASK_TOKEN") {
        input.pattern = None;
        return adapt!(cx, input, PutEventsAndWait(entries::<L>(cx, &events)?) {} patterns "WAIT_FOR_TASK_TOKEN");
    }
    adapt!(cx, input, PutEvents(entries::<L>(cx, &events)?) {} patterns "REQUEST_RESPONSE")
}

/// The constructors of a task that does not wait.
struct PutEvents;

/// The constructors of a task that waits for its token.
struct PutEventsAndWait;

macro_rules! put_events {
    ($language:ident $new:ident) => {
        impl PutEvents {
            fn $new(
                id: &str,
                entries: Vec<EventBridgePutEventsEntry<$language>>,
            ) -> EventBridgePutEvents<$language, RequestResponse> {
                EventBridgePutEvents::$new(id).entries(entries)
            }
        }
        impl PutEventsAndWait {
            fn $new(
                id: &str,
                entries: Vec<EventBridgePutEventsEntry<$language>>,
            ) -> EventBridgePutEvents<$language, WaitForTaskToken> {
                EventBridgePutEvents::$new(id).wait_for_task_token(|_token| entries)
            }
        }
    };
}
put_events!(JsonPath json_path);
put_events!(Jsonata jsonata);

fn entries<L: Lang>(cx: &Cx, value: &V) -> Answer<Vec<EventBridgePutEventsEntry<L>>> {
    let entries = value.items()?.iter().map(|entry| {
        let mut props = entry.props()?;
        let detail = convert::field::<L>(&props.need("detail")?)?;
        let detail_type = convert::val::<String, L>(&props.need("detailType")?)?;
        let source = convert::val::<String, L>(&props.need("source")?)?;
        let mut entry = EventBridgePutEventsEntry::new(detail, detail_type, source);
        if let Some(bus) = props.take("eventBus") {
            entry = entry.event_bus(EventBusRef::from_arn(cx.attr(&bus, "eventBusArn")?));
        }
        props.done("EventBridgePutEventsEntry")?;
        Ok(entry)
    });
    entries.collect()
}

fn create_schedule(cx: &Cx, input: &mut Input) -> Answer<AnyNode> {
    let name = input.props.need("scheduleName")?;
    let when = schedule(&input.props.need("schedule")?)?;
    let aim = input.props.need("target")?;
    adapt!(cx, input, EventBridgeSchedulerCreateScheduleTask(
        convert::val::<String, L>(&name)?, when.clone(), target::<L>(cx, &aim)?
    ) {
        "actionAfterCompletion" => action_after_completion: [action],
        "clientToken" => client_token: text,
        "description" => description: text,
        "enabled" => enabled: bool,
        "startDate" => start_date: (date),
        "endDate" => end_date: (date),
        "flexibleTimeWindow" => flexible_time_window: duration,
        "groupName" => group_name: text,
        "kmsKey" => kms_key: (refs::key),
        "timezone" => timezone: text,
    } patterns "REQUEST_RESPONSE")
}

fn schedule(value: &V) -> Answer<Schedule> {
    let V::Call(call, args) = value else { return unknown(format!("a schedule from {value:?}")) };
    Ok(match call.as_str() {
        "Schedule.rate" => Schedule::rate(args[0].duration()?),
        "Schedule.oneTime" => Schedule::one_time(time(&args[0])?),
        "Schedule.cron" => {
            let mut props = args[0].props()?;
            let mut cron = Cron::new();
            for (name, set) in [
                ("minute", Cron::minute as fn(Cron, &str) -> Cron),
                ("hour", Cron::hour),
                ("day", Cron::day),
                ("month", Cron::month),
                ("weekDay", Cron::week_day),
                ("year", Cron::year),
            ] {
                if let Some(v) = props.take(name) {
                    cron = set(cron, v.text()?);
                }
            }
            props.done("CronOptions")?;
            Schedule::cron(cron)
        }
        other => return unknown(other),
    })
}

fn time(value: &V) -> Answer<UtcTime> {
    match value {
        V::Date(text) => Ok(UtcTime::from(text.as_str())),
        other => unknown(format!("a date from {other:?}")),
    }
}

fn date(_: &Cx, value: &V) -> Answer<UtcTime> {
    time(value)
}

fn target<L: Lang>(cx: &Cx, value: &V) -> Answer<EventBridgeSchedulerTarget<L>> {
    let mut props = value.props()?;
    let arn = convert::val::<String, L>(&props.need("arn")?)?;
    let mut target = EventBridgeSchedulerTarget::new(arn, refs::role(cx, &props.need("role")?)?);
    if let Some(v) = props.take("input") {
        target = target.input(convert::val::<String, L>(&v)?);
    }
    if let Some(v) = props.take("retryPolicy") {
        let mut retry = v.props()?;
        let attempts = retry.need("maximumRetryAttempts")?.u32()?;
        target = target.retry_policy(RetryPolicy::new(attempts, retry.need("maximumEventAge")?.duration()?));
        retry.done("RetryPolicy")?;
    }
    if let Some(queue) = props.take("deadLetterQueue") {
        let queue = QueueRef::from_attributes(cx.attr(&queue, "queueUrl")?, cx.attr(&queue, "queueArn")?);
        target = target.dead_letter_queue(queue);
    }
    props.done("EventBridgeSchedulerTarget")?;
    Ok(target)
}

fn action(word: &str) -> Answer<ActionAfterCompletion> {
    Ok(match word {
        "NONE" => ActionAfterCompletion::None,
        "DELETE" => ActionAfterCompletion::Delete,
        other => return unknown(other),
    })
}
