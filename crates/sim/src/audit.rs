//! What is checked: at each commit, at each effect, at each answer, and in the end.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_engine::{
    AttemptId, AttemptStatus, Described, DescribedMapRun, Doing, Event, ExecutionId, ExecutionStatus, MapRun, MapRunId,
    Place as At, WithoutData, decode_events,
};
use stepwell_node::core::{Core, Release, Reply};
use stepwell_node::{Refusal, TokenAnswer};
use stepwell_store::{Codec, Entity, LetterId, Place, Shards, Store, Transition, Verdict, Write};
use stepwell_value::Str;

use crate::clients::{JobOfClient, What};
use crate::fold::Fold;
use crate::scenario::text;
use crate::stored;
use crate::world::{Checked, Ticket, World};

/// What is known of all that was committed.
#[derive(Default)]
pub(crate) struct Audit {
    known: BTreeMap<Entity, Known>,
    /// Executions and Map Runs that have not ended.
    open: usize,
    express_open: BTreeSet<ExecutionId>,
    express_seen: BTreeSet<ExecutionId>,
    /// ARNs of Express children of Map Runs whose ends are stored.
    closed: BTreeSet<Str>,
    pub(crate) transitions: u64,
    pub(crate) events: u64,
    pub(crate) compared: u64,
}

/// What is known of an execution or a Map Run.
struct Known {
    name: Str,
    scenario: usize,
    is_child: bool,
    revision: u64,
    /// Express children of a Map Run whose ends are stored.
    closed: u64,
    fold: Fold,
    is_open: bool,
    status: ExecutionStatus,
    redrives: u32,
}

impl Audit {
    pub(crate) fn name_of(&self, id: ExecutionId) -> Str {
        self.known.get(&Entity::Execution(id)).map_or_else(|| "nobody".into(), |known| known.name.clone())
    }

    pub(crate) fn scenario_of(&self, id: ExecutionId) -> Option<usize> {
        self.known.get(&Entity::Execution(id)).map(|known| known.scenario)
    }

    pub(crate) fn has_failed(&self, id: ExecutionId) -> bool {
        use ExecutionStatus::{Aborted, Failed, TimedOut};
        let known = self.known.get(&Entity::Execution(id));
        known.is_some_and(|known| matches!(known.status, Failed | Aborted | TimedOut))
    }
}

impl World {
    // --- Commits --------------------------------------------------------------------------------------------------

    /// What was committed follows what was there, and what is stored agrees with what was recorded.
    pub(crate) fn audit_commit(&mut self, node: usize, writes: &[Write], verdicts: &[Verdict]) -> Checked {
        let mut changed = BTreeMap::new();
        for (write, verdict) in writes.iter().zip(verdicts) {
            if !matches!(verdict, Verdict::Committed(_)) {
                self.tell(|| format!("node {node}: a write is refused: {verdict:?}"));
                continue;
            }
            match write {
                Write::Transition(transition) => {
                    self.audit_transition(node, transition)?;
                    changed.insert(transition.entity, transition);
                }
                Write::ExpressStarted(record) => {
                    let mut audit = self.audit.borrow_mut();
                    audit.express_open.insert(record.execution);
                    audit.express_seen.insert(record.execution);
                }
                Write::ExpressEnded(id) => {
                    self.audit.borrow_mut().express_open.remove(id);
                }
                Write::Dropped { .. } => {}
            }
        }
        for (entity, transition) in changed {
            self.audit_stored(entity, transition)?;
            if let Entity::Execution(id) = entity {
                self.redrive_if_failed(id);
            }
        }
        Ok(())
    }

    fn audit_transition(&self, node: usize, transition: &Transition) -> Checked {
        let Transition { entity, expects, create, chunk, summary, sends, took, .. } = transition;
        let mut audit = self.audit.borrow_mut();
        if let Some(create) = create {
            let name = match entity {
                // `:NAME`, or `/LABEL:NAME`; behind a blank stands what a flaw added.
                Entity::Execution(_) => {
                    let name = create.name.rsplit(':').next().unwrap_or_default();
                    Str::from(name.split(' ').next().unwrap_or_default())
                }
                Entity::MapRun(_) => create.name.clone(),
            };
            let known = Known {
                name,
                scenario: create.definition.0 as usize,
                is_child: create.map_run.is_some() || matches!(entity, Entity::MapRun(_)),
                revision: 0,
                closed: 0,
                fold: Fold::new(),
                is_open: true,
                status: ExecutionStatus::Running,
                redrives: 0,
            };
            if audit.known.insert(*entity, known).is_some() {
                return Err(format!("{entity:?} was created twice"));
            }
            audit.open += 1;
        }
        audit.transitions += 1;
        let audit = &mut *audit;
        let known = audit.known.get_mut(entity).ok_or_else(|| format!("{entity:?} was never created"))?;
        let name = known.name.clone();
        if known.revision != expects.0 {
            return Err(format!("{name}: revision {} follows {}", expects.0 + 1, known.revision));
        }
        known.revision += 1;
        known.status = summary.status;
        let is_open = summary.status == ExecutionStatus::Running;
        match (std::mem::replace(&mut known.is_open, is_open), is_open) {
            (true, false) => audit.open -= 1,
            (false, true) => audit.open += 1,
            _ => {}
        }
        let events = match (entity, chunk) {
            (_, None) | (Entity::MapRun(_), _) => Vec::new(),
            (Entity::Execution(_), Some(chunk)) => {
                let body = Codec::default().open(Place::Chunk(*entity, chunk.first), &chunk.body);
                let body = body.map_err(|error| error.to_string())?;
                let events = decode_events(&body, &WithoutData).map_err(|error| error.to_string())?;
                if chunk.first != known.fold.events() + 1 || chunk.count as usize != events.len() {
                    return Err(format!(
                        "{name}: a chunk of {} events from {} on follows event {}",
                        chunk.count,
                        chunk.first,
                        known.fold.events()
                    ));
                }
                events
            }
        };
        if let Some(child) = transition.closed.iter().find(|child| !audit.closed.insert(child.arn.clone())) {
            return Err(format!("{name}: {} has ended twice", child.arn));
        }
        known.closed += transition.closed.len() as u64;
        if let (Entity::MapRun(_), true) = (entity, known.closed > 0) {
            let root =
                Codec::default().open(Place::Root(*entity), &transition.root).map_err(|error| error.to_string())?;
            let counts = DescribedMapRun::decode(&root).map_err(|error| error.to_string())?.execution_counts;
            if known.closed != counts.total - counts.running {
                return Err(format!("{name}: the ends of {} Express children are stored of {counts:?}", known.closed));
            }
        }
        for event in &events {
            known.fold.apply(event).map_err(|what| format!("{name}: {what}"))?;
            known.redrives += u32::from(event.kind.type_name() == "ExecutionRedriven");
        }
        if let Entity::Execution(_) = entity
            && known.fold.status != summary.status
        {
            return Err(format!("{name}: its summary says {:?}, its history {:?}", summary.status, known.fold.status));
        }
        audit.events += events.len() as u64;
        self.tell(|| {
            let shown: Vec<String> = events.iter().map(Event::to_string).collect();
            let shown = shown.join("; ");
            format!(
                "node {node}: {name} revision {}, sends {}, took {}: {shown}",
                expects.0 + 1,
                sends.len(),
                took.len()
            )
        });
        Ok(())
    }

    /// What is stored agrees with the history, and is not forgotten: something will reach whoever is open.
    fn audit_stored(&self, entity: Entity, last: &Transition) -> Checked {
        let loaded = stored::load(&self.store, entity)?;
        let Entity::Execution(id) = entity else { return Ok(()) };
        let execution = stored::execution(&self.store, id, &loaded)?;
        let audit = self.audit.borrow();
        let known = &audit.known[&entity];
        let fail = |what: String| Err(format!("{}: {what}", known.name));
        if execution.events_count() != known.fold.events() {
            return fail(format!("{} events are stored, {} counted", known.fold.events(), execution.events_count()));
        }
        let places: Vec<At> = execution.places().collect();
        let program = &self.scenarios.of(known.scenario).definition.program;
        known.fold.compare(program, &places).or_else(fail)?;
        if (execution.next_deadline(), execution.owes()) != (last.summary.due, last.summary.owes) {
            return fail(format!("its summary {:?} does not say what is stored", last.summary));
        }
        if execution.status() != ExecutionStatus::Running {
            return Ok(());
        }
        let parents: BTreeSet<_> = places.iter().filter_map(|place| place.parent).collect();
        let mut leaves = places.iter().filter(|place| !parents.contains(&place.frame)).peekable();
        if leaves.peek().is_none() && execution.owes() == 0 {
            return fail("it stands nowhere".into());
        }
        for place in leaves {
            let is_reached = match &place.doing {
                Doing::GoingOn | Doing::Fork { .. } => execution.owes() > 0,
                Doing::Waiting { until } | Doing::Backoff { until } => {
                    last.summary.due.is_some_and(|due| due <= *until)
                }
                Doing::Task { .. } => true,
                Doing::MapRun { arn } => {
                    let map_run = MapRunId::of_arn(arn);
                    let is_started = audit.known.contains_key(&Entity::MapRun(map_run));
                    is_started || self.has_letter(Entity::MapRun(map_run))
                }
                Doing::Over => true,
            };
            if !is_reached {
                return fail(format!("nothing will reach {place:?}"));
            }
        }
        let bytes: usize = loaded.records.iter().map(|(_, record)| record.0.len()).sum();
        if bytes + loaded.root.record.0.len() > 8_192 + 2_048 * (places.len() + 1) {
            return fail(format!("{bytes} bytes are too many for {} frames", places.len()));
        }
        Ok(())
    }

    fn has_letter(&self, to: Entity) -> bool {
        let mut shards = Shards::NONE;
        shards.insert(to.shard());
        let letters = self.store.mail(&shards, LetterId(0), u32::MAX).unwrap_or_default();
        letters.iter().any(|letter| letter.to == to)
    }

    // --- Effects and answers --------------------------------------------------------------------------------------

    fn attempt(&self, id: ExecutionId, attempt: AttemptId) -> Checked<AttemptStatus> {
        let loaded = stored::load(&self.store, Entity::Execution(id))?;
        Ok(stored::execution(&self.store, id, &loaded)?.attempt(attempt))
    }

    /// No effect leaves before the transition that caused it is stored.
    pub(crate) fn audit_release(&self, release: &Release) -> Checked {
        use AttemptStatus::{Over, Unknown};
        let early = |what: &str, id, attempt: AttemptId, why: String| {
            let name = self.name_of(id);
            Err(format!("{what} of attempt {} of {name} leaves, and the store knows nothing of it: {why}", attempt.0))
        };
        match release {
            Release::Call(call) => {
                let (id, attempt) = (call.identity.id, call.request.attempt);
                match self.attempt(id, attempt) {
                    Ok(status) if status != Unknown => Ok(()),
                    status => early("the call", id, attempt, format!("{status:?}")),
                }
            }
            Release::Queue { task, .. } => match self.attempt(task.execution, task.attempt) {
                Ok(status) if status != Unknown => Ok(()),
                status => early("the task", task.execution, task.attempt, format!("{status:?}")),
            },
            Release::Cancel(id, attempt) => match self.attempt(*id, *attempt) {
                Ok(Over) => Ok(()),
                status => early("the cancel", *id, *attempt, format!("{status:?}")),
            },
            Release::RunExpress(run) => {
                let audit = self.audit.borrow();
                let is_known = match &run.child_of {
                    None => audit.express_seen.contains(&run.start.identity.id),
                    Some(child) => audit.known.contains_key(&Entity::MapRun(MapRunId::of_arn(&child.map_run_arn))),
                };
                match is_known {
                    true => Ok(()),
                    false => Err(format!("{} runs, and the store knows nothing of it", run.start.identity.name)),
                }
            }
            Release::Reply(..) | Release::Log { .. } => Ok(()),
        }
    }

    /// No answer says what the store does not hold.
    pub(crate) fn audit_reply(&self, ticket: Ticket, answer: &Result<Reply, Refusal>) -> Checked {
        let audit = self.audit.borrow();
        let lie = |what: &str| Err(format!("{what} is answered by {answer:?}, and the store knows nothing of it"));
        match (self.clients.of(ticket), answer) {
            (Some(What::Start(_)), Ok(Reply::Started(started))) => {
                let is_known = audit.known.contains_key(&Entity::Execution(started.id));
                if is_known || audit.express_seen.contains(&started.id) { Ok(()) } else { lie("a start") }
            }
            (Some(What::Start(_)), Err(Refusal::NameTaken { holder })) => {
                if audit.known.contains_key(&Entity::Execution(*holder)) { Ok(()) } else { lie("a start") }
            }
            (Some(What::Stop(id)), Ok(_)) => {
                let known = &audit.known[&Entity::Execution(*id)];
                if known.status != ExecutionStatus::Running || known.redrives > 0 { Ok(()) } else { lie("a stop") }
            }
            (Some(What::Redrive(id, _)), Ok(_)) => {
                if audit.known[&Entity::Execution(*id)].redrives > 0 {
                    Ok(())
                } else {
                    lie("a redrive")
                }
            }
            (Some(What::Answer(claim, TokenAnswer::Success(_) | TokenAnswer::Failure(_))), Ok(_)) => {
                match self.attempt(claim.execution, claim.attempt)? {
                    AttemptStatus::Over => Ok(()),
                    _ => lie("the answer of a task"),
                }
            }
            (None, Ok(Reply::Taken(_))) => {
                let handing = self.nodes.iter().find_map(|node| node.handing.get(&ticket));
                let Some(handing) = handing else { return Ok(()) };
                match self.attempt(handing.task.execution, handing.task.attempt)? {
                    AttemptStatus::Started | AttemptStatus::Over => Ok(()),
                    _ => lie("the taking of a task"),
                }
            }
            _ => Ok(()),
        }
    }

    // --- The end --------------------------------------------------------------------------------------------------

    /// Whether all has come to its end, and nobody has anything in memory.
    pub(crate) fn is_over(&self) -> bool {
        let audit = self.audit.borrow();
        let is_quiet = self.clients.pending == 0
            && audit.open == 0
            && audit.express_open.is_empty()
            && self.nodes.iter().all(|node| {
                let has_nothing = |core: &Core| core.commits_in_flight() == 0 && core.sizes().0 == 0;
                node.is_up && node.paused_until <= self.now && node.cores.iter().all(has_nothing)
            });
        is_quiet && self.store.mail(&Shards::ALL, LetterId(0), 1).is_ok_and(|letters| letters.is_empty())
    }

    /// What has not come to its end.
    pub(crate) fn unfinished(&self) -> String {
        let audit = self.audit.borrow();
        let open: Vec<_> = audit.known.values().filter(|known| known.is_open).map(|known| &known.name).collect();
        let letters = self.store.mail(&Shards::ALL, LetterId(0), 10).unwrap_or_default();
        let letters: Vec<_> = letters.iter().map(|letter| (letter.id, letter.to)).collect();
        let cores: Vec<&Core> = self.nodes.iter().flat_map(|node| &node.cores).collect();
        format!(
            "open {open:?}, letters {letters:?}, {} Express, {} requests, {cores:?}",
            audit.express_open.len(),
            self.clients.pending
        )
    }

    pub(crate) fn final_checks(&mut self) -> Checked {
        let store = |error: stepwell_store::StoreError| error.to_string();
        let owing = self.store.owing(&Shards::ALL).map_err(store)?;
        if !owing.is_empty() {
            return Err(format!("all has ended, and {owing:?} owe something"));
        }
        let due = self.store.due(&Shards::ALL, stepwell_engine::Timestamp(i64::MAX), 10).map_err(store)?;
        if !due.is_empty() {
            return Err(format!("all has ended, and {due:?} have deadlines"));
        }
        let jobs = std::mem::take(&mut self.clients.jobs);
        jobs.iter().try_for_each(|job| self.check_job(job))?;
        self.clients.jobs = jobs;
        let entities: Vec<Entity> = self.audit.borrow().known.keys().copied().collect();
        entities.into_iter().try_for_each(|entity| self.check_history(entity))
    }

    /// What was acknowledged is there, once.
    fn check_job(&self, job: &JobOfClient) -> Checked {
        let name = &job.name;
        let Some(id) = job.acknowledged else { return Err(format!("{name} was never acknowledged")) };
        let audit = self.audit.borrow();
        if audit.express_seen.contains(&id) {
            return Ok(());
        }
        let named: Vec<_> = audit.known.iter().filter(|(_, known)| !known.is_child && known.name == *name).collect();
        match named[..] {
            [(entity, _)] if *entity == Entity::Execution(id) => Ok(()),
            _ => Err(format!("{name} was started {} times", named.len())),
        }?;
        let machine = self.scenarios.of(job.scenario).definition.machine;
        match self.store.find(machine, &format!(":{name}")) {
            Ok(Some(found)) if found == id => {}
            _ if self.options.flaws.has_no_names => {}
            found => return Err(format!("{name} was acknowledged as {id:?}, and found is {found:?}")),
        }
        drop(audit);
        self.compare_with_calm(job, id)
    }

    fn compare_with_calm(&self, job: &JobOfClient, id: ExecutionId) -> Checked {
        let scenario = self.scenarios.of(job.scenario);
        if !scenario.is_steady || job.was_meddled_with {
            return Ok(());
        }
        let history = text(&stored::history(&self.store, id)?);
        if history.contains("SdkClientException") {
            return Ok(());
        }
        self.audit.borrow_mut().compared += 1;
        let calm = scenario.calm_history();
        match history == calm {
            true => Ok(()),
            false => Err(format!("{} of {} went another way:\n{history}\ninstead of\n{calm}", job.name, scenario.name)),
        }
    }

    /// A history has all its events, once, and as many calls as attempts.
    fn check_history(&self, entity: Entity) -> Checked {
        let audit = self.audit.borrow();
        let known = &audit.known[&entity];
        let loaded = stored::load(&self.store, entity)?;
        let root = stored::root(entity, &loaded)?;
        let Entity::Execution(id) = entity else {
            let records = stored::records(entity, &loaded)?;
            let map_run = MapRun::decode(&root, &records).map_err(|error| error.to_string())?;
            return match map_run.is_over() {
                true => Ok(()),
                false => Err(format!("{} has ended, and waits for children", known.name)),
            };
        };
        let events = stored::history(&self.store, id)?;
        let ids = events.iter().map(|event| event.id);
        if !ids.eq(1..=known.fold.events()) {
            return Err(format!("{}: its history has gaps", known.name));
        }
        let described = Described::decode(&root).map_err(|error| error.to_string())?;
        if described.status == ExecutionStatus::Running || described.status != known.status {
            return Err(format!("{}: it is described as {:?}", known.name, described.status));
        }
        let started =
            |event: &&Event| matches!(event.kind.type_name().as_str(), "TaskStarted" | "LambdaFunctionStarted");
        let started = events.iter().filter(started).count();
        let calls = self.outside.calls.range((id, AttemptId(0))..=(id, AttemptId(u32::MAX))).count();
        match calls <= started {
            true => Ok(()),
            false => Err(format!("{}: {calls} calls, and {started} in its history", known.name)),
        }
    }
}
