use super::*;
use crate::Error;
use crate::types::Image;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const GO_ON: Result<ControlFlow<()>> = Ok(ControlFlow::Continue(()));

fn failed(item: usize) -> Error {
    Error::Id { id: item.to_string(), why: "failed".into() }
}

#[test]
fn every_item_comes_once_and_in_order_whichever_worker_is_faster() {
    for (items, workers) in [(0, 3), (1, 3), (2, 3), (50, 1), (50, 3), (7, 8)] {
        let items: Vec<usize> = (0..items).collect();
        let make = |i: usize| {
            // The first worker is slow at first, the others later.
            let millis = if i.is_multiple_of(3) == (i < 20) { 2 } else { 0 };
            std::thread::sleep(Duration::from_millis(millis));
            Ok(10 * i)
        };
        let mut taken = vec![];
        in_turn(&items, workers, make, |made| {
            taken.push(made);
            GO_ON
        })
        .unwrap();
        assert_eq!(taken, items.iter().map(|i| 10 * i).collect::<Vec<_>>(), "{workers} workers");
    }
}

/// Waits for `reached`; that it never comes is a failure.
fn wait_for(reached: impl Fn() -> bool) {
    let asked = Instant::now();
    while !reached() {
        assert!(asked.elapsed() < Duration::from_secs(60), "never reached");
        std::thread::yield_now();
    }
}

#[test]
fn what_there_is_room_for_is_made_ahead_and_no_more() {
    for workers in [1, 2, 4] {
        // Each worker has one in its hands beside what waits.
        let room = workers * (AHEAD.div_ceil(workers) + 1);
        let (items, made) = (40, AtomicUsize::new(0));
        let mut taken = 0;
        let make = |i: usize| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok(i)
        };
        let take = |_| {
            taken += 1;
            wait_for(|| made.load(Ordering::SeqCst) >= (taken + room).min(items));
            assert!(made.load(Ordering::SeqCst) <= taken + room, "{workers} workers");
            GO_ON
        };
        in_turn(&(0..items).collect::<Vec<_>>(), workers, make, take).unwrap();
    }
}

#[test]
fn the_first_error_in_order_ends_it_and_leaves_no_worker_behind() {
    let items: Vec<usize> = (0..30).collect();
    for workers in [1, 3] {
        // Item 8 fails at once, item 7 late: 7 is the first in order.
        let make = |i: usize| match i {
            7 => {
                std::thread::sleep(Duration::from_millis(20));
                Err(failed(7))
            }
            8 => Err(failed(8)),
            _ => Ok(i),
        };
        let mut taken = vec![];
        let error = in_turn(&items, workers, make, |i| {
            taken.push(i);
            GO_ON
        });
        assert!(matches!(error, Err(Error::Id { id, .. }) if id == "7"));
        assert_eq!(taken, (0..7).collect::<Vec<_>>());
        let error = in_turn(&items, workers, Ok, |i| if i == 4 { Err(failed(i)) } else { GO_ON });
        assert!(matches!(error, Err(Error::Id { id, .. }) if id == "4"));
    }
}

#[test]
fn a_step_that_breaks_is_the_last_and_what_is_behind_it_is_not_read() {
    let items: Vec<usize> = (0..1000).collect();
    for workers in [1, 3] {
        let (made, mut taken) = (AtomicUsize::new(0), vec![]);
        let make = |i: usize| {
            made.fetch_add(1, Ordering::SeqCst);
            if i < 5 { Ok(i) } else { Err(failed(i)) }
        };
        let take = |i| {
            taken.push(i);
            Ok(if i == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        assert!(in_turn(&items, workers, make, take).is_ok());
        assert_eq!(taken, [0, 1, 2, 3, 4]);
        let ahead = workers * (AHEAD.div_ceil(workers) + 2);
        assert!(made.into_inner() <= 5 + ahead, "{workers} workers");
    }
}

/// Samples of one pixel more each, so that each is a batch.
fn growing(number: usize) -> Sample {
    let image = Image::new(1, number + 1, vec![0.5; number + 1]).unwrap();
    Sample { id: format!("s{number}"), z: None, image, mask: None }
}

#[test]
fn a_break_within_what_was_read_together_is_one_too() {
    let (mut steps, layout) = (0, crate::nn::batch::tests::layout());
    let step = |_| {
        steps += 1;
        Ok(if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    for_each_read(&(0..12).collect::<Vec<_>>(), &layout, |_| "", |i| Ok(growing(i)), step).unwrap();
    assert_eq!(steps, 2);
}

#[test]
fn a_panic_is_the_error_of_its_image() {
    let (mut steps, layout) = (0, crate::nn::batch::tests::layout());
    let step = |_| {
        steps += 1;
        GO_ON
    };
    let id = |i: usize| ["a", "b", "c", "d", "e", "f"][i];
    let read = |i: usize| if i == 5 { panic!("no block {i}") } else { Ok(growing(i)) };
    let error = for_each_read(&[0, 1, 2, 3, 4, 5], &layout, id, read, step).unwrap_err();
    let Error::Image { id, why } = &error else { panic!("{error}") };
    assert!(id == "f" && why.contains("panicked: no block 5"), "{error}");
    assert_eq!(steps, 4);
}

/// As when predictions are made within `par_iter`: each thread of the pool waits for batches.
#[test]
fn batches_are_made_while_all_threads_of_rayon_wait_for_them() {
    let (arrived, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            rayon::broadcast(|_| {
                arrived.fetch_add(1, Ordering::SeqCst);
                wait_for(|| is_done.load(Ordering::SeqCst));
            })
        });
        wait_for(|| arrived.load(Ordering::SeqCst) == rayon::current_num_threads());
        let mut batches = 0;
        let step = |_| {
            batches += 1;
            GO_ON
        };
        let read = |_| Ok(growing(1));
        for_each_read(&[0; 12], &crate::nn::batch::tests::layout(), |_| "", read, step).unwrap();
        is_done.store(true, Ordering::SeqCst);
        assert_eq!(batches, 3);
    });
}

#[test]
fn waiting_is_what_slow_workers_cost() {
    let items: Vec<usize> = (0..8).collect();
    let taken = AtomicUsize::new(0);
    let slow = |i: usize| {
        wait_for(|| taken.load(Ordering::SeqCst) == i);
        std::thread::sleep(Duration::from_millis(5));
        Ok(())
    };
    let quick = |()| {
        taken.fetch_add(1, Ordering::SeqCst);
        GO_ON
    };
    assert!(in_turn(&items, 1, slow, quick).unwrap() > Duration::ZERO);
}

#[test]
fn what_lies_in_the_queue_is_not_waited_for() {
    let (sender, queue) = sync_channel(1);
    sender.send(7).unwrap();
    assert_eq!(received(&queue), (Some(7), Duration::ZERO));
    drop(sender);
    assert_eq!(received::<i32>(&queue), (None, Duration::ZERO));
}
