//! EventBridge: EventBridgePutEvents.

use crate::cfn::Cfn;
use crate::json::{Json, ToJson};
use crate::references::by_reference;
use crate::task::{MessageMissing, Record, Task, TaskContext, TaskFields, record, task, token_in};
use crate::{Language, RequestResponse};

task! {
    /// Sends events to event buses.
    ///
    /// ```
    /// use stepwell_constructs::*;
    ///
    /// let w = Workflow::new();
    /// let bus = EventBusRef::from_logical_id("Bus");
    /// let paid = EventBridgePutEventsEntry::new(obj!({ "order": path("$.order") }), "OrderPaid", "shop.orders");
    /// w.add(EventBridgePutEvents::json_path("Tell").entries([paid.event_bus(&bus)]));
    /// w.add(EventBridgePutEvents::jsonata("Ask").wait_for_task_token(|token| {
    ///     [EventBridgePutEventsEntry::new(obj!({ "token": token }), "Approval", "shop.orders")]
    /// }));
    /// ```
    EventBridgePutEvents(EventBridgePutEventsProps) {
        patterns { MessageMissing }
        required {}
        optional {}
        kept {
            entries: {[EventBridgePutEventsEntry]} => "Entries",
        }
    }
}

token_in!(EventBridgePutEvents.entries: [EventBridgePutEventsEntry], MessageMissing);

impl<L: Language> EventBridgePutEvents<L, MessageMissing> {
    /// The events, at least one (field `Entries`).
    #[must_use]
    pub fn entries(
        mut self,
        entries: impl IntoIterator<Item = EventBridgePutEventsEntry<L>>,
    ) -> EventBridgePutEvents<L, RequestResponse> {
        self.props.entries = Some(entries.into_iter().map(Record::into_data).collect());
        self.with_pattern()
    }
}

record! {
    /// An event for a bus.
    EventBridgePutEventsEntry(EntryData) plain {
        required {
            /// The event itself, an object.
            detail: any => "Detail",
            /// What kind of event it is.
            #[doc(alias = "detailType")]
            detail_type: text => "DetailType",
            /// Who sends it; names that begin with `aws.` are not for us.
            source: text => "Source",
        }
        optional {
            /// The bus; the default bus of the account if nothing is said.
            #[doc(alias = "eventBus")]
            event_bus: (EventBusRef) => "EventBusName",
        }
    }
}

/// A bus of EventBridge.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBusRef {
    arn: Cfn,
}

impl EventBusRef {
    /// The bus with this ARN.
    pub fn from_arn(arn: impl Into<Cfn>) -> EventBusRef {
        EventBusRef { arn: arn.into() }
    }

    /// An `AWS::Events::EventBus` of the same template.
    pub fn from_logical_id(logical_id: &str) -> EventBusRef {
        EventBusRef { arn: Cfn::get_att(logical_id, "Arn") }
    }

    /// The ARN.
    pub fn arn(&self) -> &Cfn {
        &self.arn
    }
}

by_reference!(EventBusRef);

impl ToJson for EventBusRef {
    fn to_json(&self) -> Json {
        Json::Cfn(self.arn.clone())
    }
}

impl Task for EventBridgePutEventsProps {
    fn render(&self, cx: &mut TaskContext<'_>) -> TaskFields {
        let entries = self.entries.as_deref().unwrap_or_default();
        cx.require_token(
            entries.iter().map(|entry| &entry.detail),
            "TaskTokenRequired",
            "Task Token is required in `entries`. Use JsonPath.taskToken to set the token.",
        );
        if entries.is_empty() {
            let message = "Value for property `entries` must be a non-empty array.";
            cx.refuse("EntriesMustBeNonEmptyArray", message);
        }
        let of_aws = |entry: &EntryData| entry.source.literal().is_some_and(|source| source.starts_with("aws."));
        if entries.iter().any(of_aws) {
            cx.refuse("EventSourceCannotStartWithAws", "Event source cannot start with \"aws.\"");
        }
        let default_bus = cx.arn("events", "event-bus/default");
        let buses = entries.iter().map(|entry| entry.event_bus.as_ref().map_or(&default_bus, EventBusRef::arn));
        let mut distinct: Vec<Cfn> = Vec::new();
        for bus in buses {
            if !distinct.contains(bus) {
                distinct.push(bus.clone());
            }
        }
        cx.allow(["events:PutEvents"], distinct);
        TaskFields::new(cx.integration("events", "putEvents"), self.fields())
    }
}
