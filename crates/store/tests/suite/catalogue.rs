//! State machines and what belongs to them: rows with versions.

use stepwell_store::{CatalogueWrite, Conflict, Kind, Parent, Row, RowNumber, RowQuery};

use crate::world::{World, sealed};

crate::suite![
    a_machine_and_its_revision_are_one_write,
    a_conflict_undoes_what_came_before_it,
    a_row_changes_only_from_the_version_that_was_seen,
    a_key_is_unique_among_its_kind,
    a_number_is_never_used_again,
    rows_are_read_in_the_order_of_their_numbers,
    a_kept_value_is_the_first_one,
];

fn insert(kind: Kind, key: &str, parent: Option<Parent>) -> CatalogueWrite {
    CatalogueWrite::Insert { kind, key: key.into(), parent, body: sealed(key) }
}

fn write(world: &World, writes: impl Into<Vec<CatalogueWrite>>) -> Result<Vec<RowNumber>, Conflict> {
    world.store.write_catalogue(writes.into()).unwrap()
}

fn conflict(write: usize) -> Result<Vec<RowNumber>, Conflict> {
    Err(Conflict { write })
}

fn query(kind: Kind) -> RowQuery {
    RowQuery { kind, parent: None, key_starts: "".into(), after: None, descending: false, limit: 100 }
}

fn a_machine_and_its_revision_are_one_write(world: World) {
    let numbers = write(
        &world,
        [insert(Kind::StateMachine, "arn:m", None), insert(Kind::Revision, "arn:m#1", Some(Parent::Inserted(0)))],
    );
    let [machine, revision] = numbers.unwrap()[..] else { panic!() };
    assert!(machine < revision);
    let row = world.store.row(machine).unwrap().unwrap();
    let expected = Row {
        number: machine,
        kind: Kind::StateMachine,
        key: "arn:m".into(),
        parent: None,
        version: 1,
        body: sealed("arn:m"),
    };
    assert_eq!(row, expected);
    assert_eq!(world.store.row_of(Kind::StateMachine, "arn:m").unwrap(), Some(expected));
    assert_eq!(world.store.row_of(Kind::Activity, "arn:m").unwrap(), None);
    assert_eq!(world.store.row(revision).unwrap().unwrap().parent, Some(machine));
    assert_eq!(world.store.row(RowNumber(999)).unwrap(), None);
}

fn a_conflict_undoes_what_came_before_it(world: World) {
    let taken = write(&world, [insert(Kind::Activity, "a", None)]).unwrap()[0];
    let update = CatalogueWrite::Update { number: taken, expects: 1, key: None, body: sealed("new") };
    let delete = CatalogueWrite::Delete { number: taken, expects: 2 };
    let writes = [insert(Kind::Activity, "b", None), update, delete, insert(Kind::Activity, "b", None)];
    assert_eq!(write(&world, writes), conflict(3));
    assert_eq!(world.store.row_of(Kind::Activity, "b").unwrap(), None);
    let row = world.store.row(taken).unwrap().unwrap();
    assert_eq!((row.version, row.body), (1, sealed("a")));
    let orphan = insert(Kind::Version, "v", Some(Parent::Row(RowNumber(999))));
    assert_eq!(write(&world, [insert(Kind::Activity, "b", None), orphan]), conflict(1));
    assert_eq!(world.store.rows(&query(Kind::Activity)).unwrap().len(), 1);
}

fn a_row_changes_only_from_the_version_that_was_seen(world: World) {
    let number = write(&world, [insert(Kind::Alias, "a", None)]).unwrap()[0];
    let update = |expects, body| [CatalogueWrite::Update { number, expects, key: None, body: sealed(body) }];
    assert_eq!(write(&world, update(1, "x")), Ok(vec![number]));
    assert_eq!(write(&world, update(1, "y")), conflict(0));
    let row = world.store.row(number).unwrap().unwrap();
    assert_eq!((row.version, row.body, row.key.as_str()), (2, sealed("x"), "a"));
    let delete = |expects| [CatalogueWrite::Delete { number, expects }];
    assert_eq!(write(&world, delete(1)), conflict(0));
    assert_eq!(write(&world, delete(2)), Ok(vec![number]));
    assert_eq!(write(&world, delete(2)), conflict(0));
    assert_eq!(write(&world, update(2, "z")), conflict(0));
    assert_eq!(world.store.row(number).unwrap(), None);
}

fn a_key_is_unique_among_its_kind(world: World) {
    let numbers = write(&world, [insert(Kind::Alias, "a", None), insert(Kind::Version, "a", None)]).unwrap();
    let other = write(&world, [insert(Kind::Alias, "b", None)]).unwrap()[0];
    let rename = |number, expects, key: &str| {
        [CatalogueWrite::Update { number, expects, key: Some(key.into()), body: sealed("") }]
    };
    assert_eq!(write(&world, rename(other, 1, "a")), conflict(0));
    assert!(write(&world, rename(numbers[0], 1, "a")).is_ok(), "its own key is no obstacle");
    assert!(write(&world, rename(numbers[0], 2, "c")).is_ok());
    assert!(write(&world, rename(other, 1, "a")).is_ok());
    assert_eq!(world.store.row_of(Kind::Alias, "a").unwrap().unwrap().number, other);
    assert_eq!(world.store.row_of(Kind::Alias, "b").unwrap(), None);
    // Within one call what it has freed is free.
    let swap = [CatalogueWrite::Delete { number: other, expects: 2 }, insert(Kind::Alias, "a", None)];
    assert!(write(&world, swap).is_ok());
}

fn a_number_is_never_used_again(world: World) {
    let number = write(&world, [insert(Kind::Alias, "a", None)]).unwrap()[0];
    write(&world, [CatalogueWrite::Delete { number, expects: 1 }]).unwrap();
    assert!(write(&world, [insert(Kind::Alias, "a", None)]).unwrap()[0] > number);
}

fn rows_are_read_in_the_order_of_their_numbers(world: World) {
    let machines = ["eu/zebra", "us/a", "eu/ant", "eu/%", "eu/ünit"];
    let parents = write(&world, machines.map(|key| insert(Kind::StateMachine, key, None))).unwrap();
    let of = |parent: usize, key| insert(Kind::Version, key, Some(Parent::Row(parents[parent])));
    write(&world, [of(0, "z:1"), of(1, "a:1"), of(0, "z:2"), of(0, "z:3")]).unwrap();

    let keys = |query: &RowQuery| -> Vec<String> {
        world.store.rows(query).unwrap().iter().map(|row| row.key.as_str().to_owned()).collect()
    };
    let all = query(Kind::StateMachine);
    assert_eq!(keys(&all), machines);
    assert_eq!(keys(&RowQuery { descending: true, limit: 2, ..all.clone() }), ["eu/ünit", "eu/%"]);
    assert_eq!(keys(&RowQuery { key_starts: "eu/".into(), ..all.clone() }), ["eu/zebra", "eu/ant", "eu/%", "eu/ünit"]);
    assert_eq!(keys(&RowQuery { key_starts: "eu/ü".into(), ..all.clone() }), ["eu/ünit"]);
    assert_eq!(keys(&RowQuery { key_starts: "EU".into(), ..all.clone() }), [""; 0]);
    assert_eq!(keys(&RowQuery { after: Some(parents[2]), ..all.clone() }), ["eu/%", "eu/ünit"]);
    let before = RowQuery { after: Some(parents[2]), descending: true, key_starts: "us".into(), ..all };
    assert_eq!(keys(&before), ["us/a"]);
    let versions = RowQuery { parent: Some(parents[0]), ..query(Kind::Version) };
    assert_eq!(keys(&versions), ["z:1", "z:2", "z:3"]);
    assert_eq!(keys(&RowQuery { kind: Kind::Alias, ..versions.clone() }), [""; 0]);
    assert_eq!(keys(&RowQuery { descending: true, limit: 1, ..versions }), ["z:3"]);
}

fn a_kept_value_is_the_first_one(world: World) {
    assert_eq!(world.store.keep("key", b"one").unwrap(), b"one");
    assert_eq!(world.store.keep("key", b"two").unwrap(), b"one");
    assert_eq!(world.store.keep("other", b"").unwrap(), b"");
    assert_eq!(world.store.keep("other", b"x").unwrap(), b"");
}
