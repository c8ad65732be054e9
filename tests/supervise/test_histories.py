"""Random histories: never two processes of one driver, and never stuck."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from inditree.supervise import (
    Defined,
    Garbage,
    Hung,
    KillNow,
    Restart,
    RestartPolicy,
    SpawnFailed,
    Start,
    State,
    Stop,
    Timeout,
    Timer,
)
from supervise.world import World

_seconds = st.floats(0.01, 100)


class Histories(RuleBasedStateMachine):
    world: World

    @initialize(
        policy=st.builds(
            RestartPolicy,
            policy=st.sampled_from(["always", "on-failure", "never"]),
            backoff=_seconds,
            backoff_max=_seconds,
            reset_after=_seconds,
            max_restarts=st.none() | st.integers(0, 3),
            stop_grace=_seconds,
            ready_timeout=_seconds,
        ),
        random=st.floats(0, 1),
    )
    def begin(self, policy: RestartPolicy, random: float) -> None:
        self.world = World(policy, random)

    @rule(event=st.sampled_from([Start(), Stop(), Restart(), KillNow()]))
    def operator(self, event: Start | Stop | Restart | KillNow) -> None:
        self.world.send(event)

    @rule(event=st.sampled_from([Defined(), Hung("hung"), Garbage("garbage"), *map(Timeout, Timer)]))
    def at_any_time(self, event: Defined | Hung | Garbage | Timeout) -> None:
        """Even where it comes too late: what reads a driver may say so after its end."""
        if not isinstance(event, Timeout) or self.world.timers.pop(event.timer, None) is not None:
            self.world.send(event)

    @precondition(lambda self: self.world.spawning)
    @rule(succeeds=st.booleans(), fatal=st.booleans())
    def spawned(self, succeeds: bool, fatal: bool) -> None:
        if succeeds:
            self.world.started()
        else:
            self.world.spawning = False
            self.world.send(SpawnFailed("cannot", fatal))

    @precondition(lambda self: self.world.processes)
    @rule(code=st.sampled_from([0, 1, -9, -15]))
    def exits(self, code: int) -> None:
        self.world.exited(code)

    @rule(seconds=_seconds)
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @invariant()
    def states_tell_the_truth(self) -> None:
        world, machine = self.world, self.world.machine
        assert machine.alive == bool(world.processes)
        assert machine.ready <= machine.alive
        match machine.state:
            case State.STOPPED | State.FAILED | State.BACKOFF:
                assert not world.spawning and not world.processes
            case State.STARTING:
                assert world.spawning
            case State.RUNNING:
                assert world.processes and not world.spawning
            case State.STOPPING:
                assert world.spawning or world.terminated or world.killed

    @invariant()
    def what_waits_is_woken(self) -> None:
        """Never stuck: whoever waits for time has a timer, whoever was asked to end is killed in the end."""
        world, state = self.world, self.world.machine.state
        if state is State.BACKOFF:
            assert Timer.BACKOFF in world.timers
        if state is State.STOPPING and world.processes and not world.killed:
            assert Timer.GRACE in world.timers
        if state in (State.STOPPED, State.FAILED):
            assert not world.timers

    def teardown(self) -> None:
        """From wherever it came: stop is obeyed, by a process that does not obey as well, and start starts."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.send(Stop())
        if world.spawning:
            world.started()
        world.advance(200)
        if world.processes:
            assert world.killed
            world.exited(-9)
        assert world.machine.state is State.STOPPED
        world.run()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
