//! Letters from one entity to another.

use stepwell_engine::{Epoch, ShardId};
use stepwell_store::{Entity, LetterId, Shards, Verdict, Write};

use crate::world::{World, execution, map_run, sealed, start, step};

crate::suite![
    letters_arrive_in_the_order_of_their_commits,
    a_letter_stays_until_it_is_taken,
    a_letter_to_nobody_can_be_dropped,
    numbers_of_letters_are_not_used_again,
];

fn all(world: &World, after: LetterId) -> Vec<(Entity, String)> {
    let letters = world.store.mail(&Shards::ALL, after, 100).unwrap();
    assert!(letters.is_sorted_by_key(|letter| letter.id));
    letters.into_iter().map(|letter| (letter.to, String::from_utf8(letter.body.0).unwrap())).collect()
}

fn letters_arrive_in_the_order_of_their_commits(world: World) {
    let verdicts = world.commit([
        start(1).sends(execution(2), "a").sends(map_run(3), "b").into(),
        start(2).sends(execution(1), "c").into(),
    ]);
    let ids: Vec<LetterId> = verdicts
        .into_iter()
        .flat_map(|verdict| match verdict {
            Verdict::Committed(letters) => letters,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(ids.is_sorted() && ids.len() == 3);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        all(&world, LetterId(0)),
        [(execution(2), text("a")), (map_run(3), text("b")), (execution(1), text("c")),]
    );
    assert_eq!(all(&world, ids[0]), [(map_run(3), text("b")), (execution(1), text("c"))]);
    assert_eq!(all(&world, ids[2]), []);

    let mut only = Shards::NONE;
    only.insert(map_run(3).shard());
    let letters = world.store.mail(&only, LetterId(0), 1).unwrap();
    assert_eq!((letters.len(), letters[0].id, &letters[0].body), (1, ids[1], &sealed("b")));
}

fn a_letter_stays_until_it_is_taken(world: World) {
    let ids = world.commit_one(start(1).sends(execution(2), "a").sends(execution(2), "b"));
    world.commit_one(start(2).took(&ids[..1]));
    assert_eq!(all(&world, LetterId(0)), [(execution(2), "b".to_owned())]);
    // A stale transition takes nothing; one that takes a letter for the second time does no harm.
    world.commit([step(execution(2), 7).took(&ids).into()]);
    assert_eq!(all(&world, LetterId(0)).len(), 1);
    world.commit_one(step(execution(2), 1).took(&ids));
    assert_eq!(all(&world, LetterId(0)), []);
}

fn a_letter_to_nobody_can_be_dropped(world: World) {
    let ids = world.commit_one(start(1).sends(execution(2), "a").sends(execution(2), "b"));
    let shard = execution(2).shard();
    world.commit_one(Write::Dropped { shard, epoch: Epoch(0), letters: vec![ids[0], LetterId(12345)] });
    assert_eq!(all(&world, LetterId(0)), [(execution(2), "b".to_owned())]);
    let stranger = Write::Dropped { shard: ShardId(0), epoch: Epoch(987), letters: ids };
    assert!(matches!(world.store.commit(vec![stranger]).unwrap()[..], [Verdict::Fenced { .. }]));
    assert_eq!(all(&world, LetterId(0)).len(), 1);
}

fn numbers_of_letters_are_not_used_again(world: World) {
    let first = world.commit_one(start(1).sends(execution(2), "a"))[0];
    world.commit_one(start(2).took(&[first]));
    let second = world.commit_one(step(execution(1), 1).sends(execution(2), "b"))[0];
    assert!(second > first);
}
