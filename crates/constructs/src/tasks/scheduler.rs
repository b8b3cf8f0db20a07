//! EventBridge Scheduler: EventBridgeSchedulerCreateScheduleTask.

use std::time::Duration;

use stepwell_value::Value;

use crate::cfn::Cfn;
use crate::field::{whole_minutes, whole_seconds};
use crate::json::{Fields, Json, ToJson};
use crate::references::{KeyRef, QueueRef, RoleRef};
use crate::state::words;
use crate::task::{Task, TaskContext, TaskFields, record, task};
use crate::tasks::roles;

task! {
    /// Makes a schedule that invokes a target, once or again and again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let queue = QueueRef::from_logical_id("Reminders");
    /// let target = EventBridgeSchedulerTarget::new(queue.arn(), &RoleRef::from_logical_id("SchedulerRole"));
    /// let daily = Schedule::cron(Cron::new().minute("0").hour("8"));
    /// w.add(EventBridgeSchedulerCreateScheduleTask::json_path("Remind", path("$.name"), daily, target)
    ///     .timezone("Europe/Vienna")
    ///     .flexible_time_window(Duration::from_secs(600)));
    /// ```
    EventBridgeSchedulerCreateScheduleTask(CreateScheduleProps) {
        patterns { RequestResponse }
        required {
            /// The name of the schedule.
            #[doc(alias = "scheduleName")]
            schedule_name: text => "Name",
            /// When it invokes its target.
            schedule: (Schedule) => "ScheduleExpression",
            /// What it invokes.
            target: {EventBridgeSchedulerTarget} => "Target",
        }
        optional {
            /// What becomes of the schedule when it has invoked its target for the last time; it stays by default (field `ActionAfterCompletion`).
            #[doc(alias = "actionAfterCompletion")]
            action_after_completion: (ActionAfterCompletion),
            /// A word by which a repeated request is known, at most 64 characters; made up if nothing is said.
            #[doc(alias = "clientToken")]
            client_token: text => "ClientToken",
            /// What the schedule is for, at most 512 characters.
            description: text => "Description",
            /// Whether the schedule is at work; it is by default (field `State`).
            enabled: (bool),
            /// The first moment of the schedule.
            #[doc(alias = "startDate")]
            start_date: (UtcTime) => "StartDate",
            /// The last moment of the schedule.
            #[doc(alias = "endDate")]
            end_date: (UtcTime) => "EndDate",
            /// How late the target may be invoked, 1 to 1,440 whole minutes; on time by default
            /// (field `FlexibleTimeWindow`).
            #[doc(alias = "flexibleTimeWindow")]
            flexible_time_window: (Duration),
            /// The group of the schedule, at most 64 characters; `default` if nothing is said.
            #[doc(alias = "groupName")]
            group_name: text => "GroupName",
            /// The key that encrypts the schedule's data; the target's role may use it then (field `KmsKeyArn`).
            #[doc(alias = "kmsKey")]
            kms_key: (KeyRef),
            /// The time zone of the schedule, such as `America/New_York`; UTC by default.
            timezone: text => "ScheduleExpressionTimezone",
        }
    }
}

record! {
    /// What a schedule invokes, and the role that lets it.
    EventBridgeSchedulerTarget(TargetData) custom {
        required {
            /// The ARN of what is invoked.
            arn: text => "Arn",
            /// The role that the scheduler assumes (field `RoleArn`).
            role: (RoleRef),
        }
        optional {
            /// What the target gets, at least one character; a notice of the service by default.
            input: text => "Input",
            /// How often and how long a failed invocation is repeated.
            #[doc(alias = "retryPolicy")]
            retry_policy: (RetryPolicy) => "RetryPolicy",
            /// Where invocations go that have failed for good (field `DeadLetterConfig`).
            #[doc(alias = "deadLetterQueue")]
            dead_letter_queue: (QueueRef),
        }
    }
}

/// How often and how long a failed invocation of a schedule's target is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    maximum_retry_attempts: u32,
    maximum_event_age: Duration,
}

impl RetryPolicy {
    /// At most so many repetitions, up to 185, for at most this time, 60 seconds to 24 hours.
    #[doc(alias = "maximumRetryAttempts")]
    #[doc(alias = "maximumEventAge")]
    pub fn new(maximum_retry_attempts: u32, maximum_event_age: Duration) -> RetryPolicy {
        RetryPolicy { maximum_retry_attempts, maximum_event_age }
    }
}

impl ToJson for RetryPolicy {
    fn to_json(&self) -> Json {
        Fields::new()
            .set("MaximumEventAgeInSeconds", whole_seconds(self.maximum_event_age))
            .set("MaximumRetryAttempts", Value::from(self.maximum_retry_attempts))
            .into()
    }
}

/// When a schedule invokes its target.
///
/// ```
/// use std::time::Duration;
/// use stepwell_constructs::{Cron, Schedule};
///
/// let often = Schedule::rate(Duration::from_secs(5 * 60));
/// let monthly = Schedule::cron(Cron::new().minute("0").hour("12").day("1"));
/// let once = Schedule::one_time("2030-01-01T00:00:00Z");
/// ```
#[derive(Clone, Debug)]
pub struct Schedule(Json);

impl Schedule {
    /// Again and again after this time, at least one minute and whole minutes.
    #[doc(alias = "Schedule.rate")]
    pub fn rate(interval: Duration) -> Schedule {
        const MINUTE: u64 = 60;
        if interval < Duration::from_secs(MINUTE) {
            return Schedule(Json::invalid("DurationCannotLessThan", "Duration cannot be less than 1 minute"));
        }
        let seconds = interval.as_secs();
        let whole = interval.subsec_nanos() == 0;
        let in_units = [(24 * 60 * MINUTE, "days"), (60 * MINUTE, "hours"), (MINUTE, "minutes")];
        Schedule(match in_units.iter().find(|(unit, _)| whole && seconds.is_multiple_of(*unit)) {
            Some((unit, name)) => Value::from(format!("rate({} {name})", seconds / unit)).into(),
            None => whole_minutes(interval),
        })
    }

    /// At the times that the expression names.
    #[doc(alias = "Schedule.cron")]
    pub fn cron(cron: Cron) -> Schedule {
        Schedule(cron.to_json())
    }

    /// Once, at this moment.
    #[doc(alias = "Schedule.oneTime")]
    pub fn one_time(time: impl Into<UtcTime>) -> Schedule {
        Schedule(match time.into().0 {
            Json::Value(Value::Str(text)) => {
                let seconds = text.split('.').next().unwrap_or_default();
                Value::from(format!("at({seconds})")).into()
            }
            invalid => invalid,
        })
    }
}

impl ToJson for Schedule {
    fn to_json(&self) -> Json {
        self.0.clone()
    }
}

/// The fields of a cron expression; what is not said is any.
///
/// ```
/// use stepwell_constructs::{Cron, Schedule};
///
/// let mondays_at_eight = Schedule::cron(Cron::new().minute("0").hour("8").week_day("MON"));
/// ```
#[doc(alias = "CronOptions")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cron {
    minute: Option<String>,
    hour: Option<String>,
    day: Option<String>,
    month: Option<String>,
    week_day: Option<String>,
    year: Option<String>,
}

macro_rules! cron_fields {
    ($($(#[$doc:meta])* $field:ident)*) => {
        impl Cron {
            /// Every minute.
            pub fn new() -> Cron {
                Cron::default()
            }

            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: &str) -> Cron {
                    self.$field = Some($field.to_owned());
                    self
                }
            )*
        }
    };
}

cron_fields! {
    /// The minutes of the hour.
    minute
    /// The hours of the day.
    hour
    /// The days of the month; not together with days of the week.
    day
    /// The months of the year.
    month
    /// The days of the week; not together with days of the month.
    #[doc(alias = "weekDay")]
    week_day
    /// The years.
    year
}

impl ToJson for Cron {
    fn to_json(&self) -> Json {
        if self.day.is_some() && self.week_day.is_some() {
            let message = "Cannot supply both 'day' and 'weekDay', use at most one";
            return Json::invalid("CannotSupplyDayWeekDay", message);
        }
        let or = |field: &Option<String>, other: &str| field.clone().unwrap_or_else(|| other.to_owned());
        // One of the two kinds of days must be `?`.
        let day = or(&self.day, if self.week_day.is_some() { "?" } else { "*" });
        let (minute, hour, month) = (or(&self.minute, "*"), or(&self.hour, "*"), or(&self.month, "*"));
        let (week_day, year) = (or(&self.week_day, "?"), or(&self.year, "*"));
        Value::from(format!("cron({minute} {hour} {day} {month} {week_day} {year})")).into()
    }
}

/// A moment in UTC, written as `2030-01-01T00:00:00Z`, with or without milliseconds.
#[derive(Clone, Debug)]
pub struct UtcTime(Json);

impl From<&str> for UtcTime {
    fn from(text: &str) -> UtcTime {
        const FORM: &str = "0000-00-00T00:00:00.000Z";
        let full = match text.strip_suffix('Z') {
            Some(seconds) if seconds.len() == "0000-00-00T00:00:00".len() => format!("{seconds}.000Z"),
            _ => text.to_owned(),
        };
        let fits = |(form, c): (char, char)| if form == '0' { c.is_ascii_digit() } else { form == c };
        let valid = full.chars().count() == FORM.len() && FORM.chars().zip(full.chars()).all(fits);
        UtcTime(if valid {
            Value::from(full).into()
        } else {
            Json::invalid("InvalidTime", format!("'{text}' is no time in UTC such as 2030-01-01T00:00:00Z"))
        })
    }
}

impl UtcTime {
    fn text(&self) -> &str {
        self.0.literal().unwrap_or_default()
    }
}

impl ToJson for UtcTime {
    fn to_json(&self) -> Json {
        self.0.clone()
    }
}

words! {
    /// What becomes of a schedule when it is over.
    ActionAfterCompletion {
        /// It stays
        None = "NONE",
        /// It is deleted
        Delete = "DELETE",
    }
}

impl Task for CreateScheduleProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        self.target.check(cx);
        self.check(cx);
        let group = self.group_name.as_ref().map_or_else(|| Some(Cfn::from("default")), Json::deployed);
        let any = || Cfn::from("*");
        let name = group.unwrap_or_else(any).then("/").then(self.schedule_name.deployed().unwrap_or_else(any));
        let schedule = cx.arn("scheduler", Cfn::from("schedule/").then(name));
        cx.allow(["scheduler:CreateSchedule"], [schedule]);
        cx.allow(["iam:PassRole"], [self.target.role.arn().clone()]);
        if let Some(key) = &self.kms_key {
            roles::grant_key(cx, &self.target.role, key, &["kms:Decrypt"]);
        }
        let action = self.action_after_completion.unwrap_or(ActionAfterCompletion::None);
        let window = match self.flexible_time_window {
            Some(window) => Fields::new().set("Mode", "FLEXIBLE").set("MaximumWindowInMinutes", whole_minutes(window)),
            None => Fields::new().set("Mode", "OFF"),
        };
        let fields = self
            .fields()
            .set_opt("KmsKeyArn", &self.kms_key.as_ref().map(|key| key.arn().clone()))
            .set("ActionAfterCompletion", action.as_str())
            .set("FlexibleTimeWindow", window)
            .set("State", if self.enabled == Some(false) { "DISABLED" } else { "ENABLED" });
        TaskFields::new(cx.integration("aws-sdk:scheduler", "createSchedule"), fields)
    }
}

impl CreateScheduleProps {
    fn check(&self, cx: &mut TaskContext<'_>) {
        if let (Some(start), Some(end)) = (&self.start_date, &self.end_date)
            && start.text() >= end.text()
        {
            cx.refuse("StartDateMustBeBeforeEndDate", "'startDate' must be before 'endDate'");
        }
        if let Some(token) = literal(&self.client_token) {
            let length = length(token);
            if !(1..=64).contains(&length) {
                let message = format!("ClientToken must be between 1 and 64 characters long. Got: {length}");
                cx.refuse("ClientTokenMustBeBetween1And64Characters", message);
            } else if !token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
                let message = format!(
                    "ClientToken must consist of alphanumeric characters, dashes, and underscores only, Got: {token}"
                );
                cx.refuse("ClientTokenMustConsistOfAlphanumericCharacters", message);
            }
        }
        if let Some(length) = literal(&self.description).map(length).filter(|length| *length > 512) {
            let message = format!("Description must be less than 512 characters long. Got: {length}");
            cx.refuse("DescriptionMustBeLessThan512Characters", message);
        }
        let minutes = Duration::from_secs(60)..=Duration::from_secs(1440 * 60);
        if self.flexible_time_window.is_some_and(|window| !minutes.contains(&window)) {
            let message = "FlexibleTimeWindow must be between 1 and 1440 minutes";
            cx.refuse("FlexibleTimeWindowMustBeBetween1And1440Minutes", message);
        }
        if let Some(group) = literal(&self.group_name) {
            let length = length(group);
            if !(1..=64).contains(&length) {
                let message = format!("GroupName must be between 1 and 64 characters long. Got: {length}");
                cx.refuse("GroupNameMustBeBetween1And64Characters", message);
            } else if !group.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
                let message = format!(
                    "GroupName must consist of alphanumeric characters, dashes, underscores, and periods only, Got: {group}"
                );
                cx.refuse("GroupNameMustConsistOfAlphanumericCharacters", message);
            }
        }
        if let Some(length) = literal(&self.timezone).map(length).filter(|length| !(1..=50).contains(length)) {
            let message = format!("Timezone must be between 1 and 50 characters long. Got: {length}");
            cx.refuse("TimezoneMustBeBetween1And50Characters", message);
        }
    }
}

impl TargetData {
    fn check(&self, cx: &mut TaskContext<'_>) {
        if literal(&self.input) == Some("") {
            cx.refuse("InputMustBeAtLeastOneCharacter", "Input must be at least 1 character long.");
        }
        let Some(retry) = self.retry_policy else { return };
        if retry.maximum_retry_attempts > 185 {
            let message = format!(
                "MaximumRetryAttempts must be an integer between 0 and 185, got {}",
                retry.maximum_retry_attempts
            );
            cx.refuse("MaximumRetryAttemptsMustBeBetween0And185", message);
        }
        let ages = Duration::from_secs(60)..=Duration::from_secs(86_400);
        if !ages.contains(&retry.maximum_event_age) {
            let message = "MaximumEventAgeInSeconds must be between 60 and 86400 seconds";
            cx.refuse("MaximumEventAgeInSecondsMustBeBetween60And86400", message);
        }
    }
}

impl ToJson for TargetData {
    fn to_json(&self) -> Json {
        let queue = self.dead_letter_queue.as_ref();
        let mut fields = self.fields().set("RoleArn", self.role.arn().clone());
        if let Some(queue) = queue {
            fields.put("DeadLetterConfig", Fields::new().set("Arn", queue.arn().clone()));
        }
        fields.into()
    }
}

fn literal(text: &Option<Json>) -> Option<&str> {
    text.as_ref().and_then(Json::literal)
}

/// The length as JavaScript counts it.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
