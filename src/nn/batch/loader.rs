//! Batches made by worker threads ahead of the steps that use them.
//!
//! Worker `w` of `n` makes the batches `w`, `w + n`, `w + 2n` … and puts them into a queue of its own, which has room for a few.
//! The steps take from the queues in turn: batches come in their order, each once, whichever worker is faster, and memory holds
//! no more than the queues.

use super::{Batch, BatchLayout, guarded, of_one_size};
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
    for_each_read(indices, layout, |i| dataset.id(i), |i| prepare(i, dataset.get(i)?), step)
}

/// As [`for_each_batch`], of what `read` gives for each of `numbers`, of the image that `id` names. What mixup draws for a sample
/// depends on its number. A `step` that breaks ends the pass: what is not yet read stays unread, and an error there does not count.
///
/// # Errors
/// As [`for_each_batch`].
pub(crate) fn for_each_read<'a>(
    numbers: &[usize],
    layout: &BatchLayout,
    id: impl Fn(usize) -> &'a str + Sync,
    read: impl Fn(usize) -> Result<Sample> + Sync,
    mut step: impl FnMut(Batch) -> Result<ControlFlow<()>>,
) -> Result<Duration> {
    let make = |numbers: &[usize]| {
        let sample = |&number: &usize| Ok((number, guarded(id(number), || read(number))?));
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
#[path = "loader_tests.rs"]
mod tests;
