//! `Retry` and `Catch`.

use stepwell_value::Str;

use super::expression::Offered;
use super::fields::{CATCHER, RETRIER};
use super::machine::{NOWHERE, SECONDS_MAX};
use super::place::Place;
use super::scalar::Bounds;
use super::{Compiler, Ctx};
use crate::program::{Catcher, ResultPath, Retrier};

/// Highest `MaxDelaySeconds`: a year and a day.
const DELAY_SECONDS_MAX: i64 = 31_622_400;

/// The pattern that every error matches but a few.
const ALL: &str = "States.ALL";

impl Compiler<'_> {
    pub(super) fn retriers(&mut self, state: &Ctx<'_>) -> Vec<Retrier> {
        let Some(list) = state.place.get("Retry").filter(|list| self.array(list)) else { return Vec::new() };
        let last = list.items().count().saturating_sub(1);
        list.items().enumerate().map(|(n, entry)| self.retrier(state, &entry, n == last)).collect()
    }

    fn retrier(&mut self, state: &Ctx<'_>, entry: &Place<'_>, is_last: bool) -> Retrier {
        let mut retrier = Retrier {
            error_equals: Vec::new(),
            interval_s: 1,
            attempts_max: 3,
            backoff_rate: 2.0,
            delay_max_s: None,
            jitter: false,
        };
        if !self.object(entry) {
            return retrier;
        }
        self.check_fields(state, entry, RETRIER);
        self.comment(entry);
        self.require(entry, &["ErrorEquals"]);
        retrier.error_equals = self.error_equals(entry, is_last);
        let mut seconds = |name: &str, min: i64, max: i64| {
            let place = entry.get(name)?;
            self.integer(&place, min, Some(max)).and_then(|number| u32::try_from(number).ok())
        };
        if let Some(interval) = seconds("IntervalSeconds", 0, SECONDS_MAX) {
            retrier.interval_s = interval;
        }
        if let Some(attempts) = seconds("MaxAttempts", 0, SECONDS_MAX) {
            retrier.attempts_max = attempts;
        }
        retrier.delay_max_s = seconds("MaxDelaySeconds", 1, DELAY_SECONDS_MAX);
        if let Some(place) = entry.get("BackoffRate")
            && let Some(rate) = self.number(&place, Bounds::fraction(1, None))
        {
            retrier.backoff_rate = rate;
        }
        if let Some(place) = entry.get("JitterStrategy") {
            retrier.jitter = self.one_of(&place, &[("NONE", false), ("FULL", true)]).unwrap_or(false);
        }
        retrier
    }

    pub(super) fn catchers(&mut self, state: &Ctx<'_>) -> Vec<Catcher> {
        let Some(list) = state.place.get("Catch").filter(|list| self.array(list)) else { return Vec::new() };
        let last = list.items().count().saturating_sub(1);
        list.items().enumerate().map(|(n, entry)| self.catcher(state, &entry, n == last)).collect()
    }

    fn catcher(&mut self, state: &Ctx<'_>, entry: &Place<'_>, is_last: bool) -> Catcher {
        let mut catcher = Catcher {
            error_equals: Vec::new(),
            next: NOWHERE,
            result_path: ResultPath::Replace,
            output: None,
            assign: None,
        };
        if !self.object(entry) {
            return catcher;
        }
        self.check_fields(state, entry, CATCHER);
        self.comment(entry);
        self.require(entry, &["ErrorEquals", "Next"]);
        catcher.error_equals = self.error_equals(entry, is_last);
        if let Some(next) = self.next(state, entry, "Next") {
            catcher.next = next;
        }
        catcher.assign = self.assign(state, entry, Offered::ERROR_OUTPUT);
        if state.is_jsonata() {
            catcher.output = self.template_field(state, entry, "Output", Offered::ERROR_OUTPUT);
        } else {
            catcher.result_path = self.result_path(entry);
        }
        catcher
    }

    fn error_equals(&mut self, entry: &Place<'_>, is_last: bool) -> Vec<Str> {
        let Some(list) = entry.get("ErrorEquals").filter(|list| self.non_empty_array(list)) else {
            return Vec::new();
        };
        let names: Vec<_> = list.items().filter_map(|name| self.string(&name).map(Str::new)).collect();
        if names.iter().any(|name| name == ALL) && (names.len() > 1 || !is_last) {
            self.refuse(&list, format!("{ALL} must appear alone and at end of list"));
        }
        names
    }
}
