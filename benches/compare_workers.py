"""Long-lived worker processes that are asked in turn, and what they took."""

import math
import os
import statistics
import subprocess
import tempfile
import time

# A turn lasts at least so long, so that short operations are timed over many passes.
TURN_SECONDS = 0.1
# OpenMP's threads go on spinning for some milliseconds after a pass; the other side's turn starts behind that.
PAUSE_SECONDS = 0.02
WARM_UPS = 2
# These change how other libraries of the machine compute; backtraces would bury the reason why a worker stopped.
REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE")


class Stopped(Exception):
    """A worker that cannot do what it was asked for; its text says why."""


class Worker:
    """One process that speaks the protocol of `worker/mod.rs`."""

    def __init__(self, command, threads, environment):
        variables = {name: value for name, value in os.environ.items() if name not in REMOVED}
        variables |= {name: str(threads) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            env=variables | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
        )
        self.passes = 1
        self.turns = []
        if self.answer() != "ready":
            raise Stopped("did not say ready")
        self.idle = self.memory("VmRSS")

    def answer(self):
        line = self.process.stdout.readline().strip()
        if line:
            return line
        self.process.wait()
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        # Rust says why in the first line, Python in the last one.
        rust = [line for line in lines if line.startswith("Error: ")]
        raise Stopped((rust or lines[-1:] or [f"exit {self.process.returncode}"])[0].removeprefix("Error: "))

    def memory(self, field):
        """Bytes that Linux counts under `field`."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))

    def cpu(self):
        """Seconds that all threads of the process have run: its CPU clock, as clock_getcpuclockid(3) names it."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def turn(self):
        """Wall and CPU seconds of a pass."""
        time.sleep(PAUSE_SECONDS)
        cpu = self.cpu()
        try:
            self.process.stdin.write(f"{self.passes}\n")
        except BrokenPipeError:
            pass  # the answer tells why
        wall = int(self.answer()) / 1e9
        return wall / self.passes, (self.cpu() - cpu) / self.passes

    def warm_up(self):
        self.turn()
        wall = min(self.turn()[0] for _ in range(WARM_UPS - 1))
        self.passes = max(1, math.ceil(TURN_SECONDS / wall))
        self.turn()

    def result(self):
        self.peak = self.memory("VmHWM")
        return Result(self.turns, self.peak, max(0, self.peak - self.idle))

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Result:
    """What one side of a scenario took, a turn per round."""

    def __init__(self, turns, peak, growth):
        self.walls = [wall for wall, _ in turns]
        self.cpus = [cpu for _, cpu in turns]
        self.peak = peak
        self.growth = growth

    @property
    def wall(self):
        return statistics.median(self.walls)


def ratio(ours, theirs, what="walls"):
    """The median over the rounds of ours by theirs, or nothing where a side has stopped."""
    if not isinstance(ours, Result) or not isinstance(theirs, Result):
        return None
    return statistics.median(a / b for a, b in zip(getattr(ours, what), getattr(theirs, what)))


def in_turn(commands, threads, environment, rounds):
    """Starts a worker per (name, command), warms all up, asks them in turn; a `Result` or the reason of a stop per name."""
    results, workers = {}, {}

    def attempt(name, action):
        try:
            return action()
        except Stopped as why:
            results[name] = str(why)
            if name in workers:
                workers.pop(name).stop()

    try:
        for name, command in commands.items():
            worker = attempt(name, lambda: Worker(command, threads, environment))
            if worker:
                workers[name] = worker
        for name, worker in list(workers.items()):
            attempt(name, worker.warm_up)
        for _ in range(rounds):
            for name, worker in list(workers.items()):
                attempt(name, lambda: worker.turns.append(worker.turn()))
        for name, worker in list(workers.items()):
            results[name] = worker.result()
    finally:
        for worker in workers.values():
            worker.stop()
    return results
