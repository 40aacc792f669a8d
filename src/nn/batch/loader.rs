//! Batches made by worker threads ahead of the steps that use them.
//!
//! Worker `w` of `n` makes the batches `w`, `w + n`, `w + 2n` … and puts them into a queue of its own, which has room for a few.
//! The steps take from the queues in turn: batches come in their order, each once, whichever worker is faster, and memory holds
//! no more than the queues.

use super::{Batch, BatchLayout, of_one_size};
use crate::Result;
use crate::types::{Dataset, Sample};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

/// How many batches of all workers wait at least, if the steps are slower: enough to never wait for data.
const AHEAD: usize = 2;

/// The most workers: a GPU takes no more batches than these make.
const MOST: usize = 8;

/// Calls `step` with the samples at `indices` of `dataset`, in order, batch by batch; a batch ends early where the size of the
/// images or the classes of the masks change. `prepare` (augmentation) runs with the decoding on worker threads ahead of `step`, on half
/// the cores. How long the steps have waited for batches, without each worker's first.
///
/// # Errors
/// The first error of decoding, preparing or stepping, in the order of the batches, ends the pass.
pub(crate) fn for_each_batch(
    dataset: &Dataset,
    indices: &[usize],
    layout: &BatchLayout,
    prepare: impl Fn(usize, Sample) -> Result<Sample> + Sync,
    mut step: impl FnMut(Batch) -> Result<()>,
) -> Result<Duration> {
    let step = |batch: Batch| step(batch).map(ControlFlow::Continue);
    for_each_read(indices, layout, |i| prepare(i, dataset.get(i)?), step)
}

/// As [`for_each_batch`], of what `read` gives for each of `numbers`. What mixup draws for a sample depends on its number.
/// A `step` that breaks ends the pass: what is not yet read stays unread, and an error behind it is none.
///
/// # Errors
/// As [`for_each_batch`].
pub(crate) fn for_each_read(
    numbers: &[usize],
    layout: &BatchLayout,
    read: impl Fn(usize) -> Result<Sample> + Sync,
    mut step: impl FnMut(Batch) -> Result<ControlFlow<()>>,
) -> Result<Duration> {
    let make = |numbers: &[usize]| {
        let sample = |&number: &usize| Ok((number, read(number)?));
        of_one_size(numbers.iter().map(sample).collect::<Result<Vec<_>>>()?, layout)
    };
    let batches: Vec<&[usize]> = numbers.chunks(layout.batch_size.max(1)).collect();
    let take = |made: Vec<Batch>| {
        for batch in made {
            if step(batch)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    in_turn(&batches, workers(), make, take)
}

/// Half of the cores: the network wants the others.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, MOST))
}

/// Calls `take` with what `make` makes of each item, in order, until it breaks; how long it waited after the first round.
fn in_turn<I: Copy + Sync, T: Send>(
    items: &[I],
    workers: usize,
    make: impl Fn(I) -> Result<T> + Sync,
    mut take: impl FnMut(T) -> Result<ControlFlow<()>>,
) -> Result<Duration> {
    let workers = workers.min(items.len()).max(1);
    let make = &make;
    std::thread::scope(|scope| {
        let start = |worker: usize| {
            let (sender, receiver) = sync_channel(AHEAD.div_ceil(workers));
            scope.spawn(move || {
                for &item in items.iter().skip(worker).step_by(workers) {
                    let made = make(item);
                    let failed = made.is_err();
                    // The receiver is gone when a step has failed, whose error is the one that counts, or was the last.
                    if sender.send(made).is_err() || failed {
                        break;
                    }
                }
            });
            receiver
        };
        let queues: Vec<_> = (0..workers).map(start).collect();
        let mut waited = Duration::ZERO;
        for (i, queue) in (0..items.len()).zip(queues.iter().cycle()) {
            let (made, wait) = received(queue);
            // A queue ends early only when its worker has panicked, which the scope passes on.
            let Some(made) = made else { break };
            if i >= workers {
                waited += wait;
            }
            if take(made?)?.is_break() {
                break;
            }
        }
        Ok(waited)
    })
}

/// What comes next, and how long it took to come: nothing at all where it was there.
fn received<T>(queue: &Receiver<T>) -> (Option<T>, Duration) {
    let asked = Instant::now();
    match queue.try_recv() {
        Err(TryRecvError::Empty) => (queue.recv().ok(), asked.elapsed()),
        made => (made.ok(), Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::types::Image;
    use std::sync::atomic::{AtomicUsize, Ordering};

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
        let (mut steps, layout) = (0, super::super::tests::layout());
        let step = |_| {
            steps += 1;
            Ok(if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        for_each_read(&(0..12).collect::<Vec<_>>(), &layout, |i| Ok(growing(i)), step).unwrap();
        assert_eq!(steps, 2);
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
}
