"""A world for one driver under supervision: processes, timers and a clock, all of them played."""

from __future__ import annotations

from inditree.supervise import (
    Action,
    Arm,
    Disarm,
    Event,
    Exited,
    Kill,
    Machine,
    Report,
    RestartPolicy,
    Spawn,
    Start,
    Started,
    State,
    Terminate,
    Timeout,
    Timer,
)


class World:
    """Carries out what a machine says, and notes it in `log` in short words."""

    def __init__(self, policy: RestartPolicy, random: float = 0.0) -> None:
        self.machine = Machine(policy, random=lambda: random)
        self.now = 0.0
        self.timers: dict[Timer, float] = {}
        self.spawning = False
        self.processes = 0
        self.terminated = self.killed = False
        self.spawns = 0
        self.reports: list[str] = []
        self.log: list[str] = []

    def send(self, event: Event) -> None:
        for action in self.machine.handle(event):
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case Spawn():
                assert not self.spawning and self.processes == 0, "a second process"
                self.spawning, self.spawns = True, self.spawns + 1
                self.log.append("spawn")
            case Terminate():
                assert self.processes == 1, "nobody to ask"
                self.terminated = True
                self.log.append("terminate")
            case Kill():
                assert self.processes == 1, "nobody to kill"
                self.killed = True
                self.log.append("kill")
            case Arm(timer, seconds):
                self.timers[timer] = self.now + seconds
            case Disarm(timer):
                self.timers.pop(timer, None)
            case Report(kind):
                self.reports.append(kind)

    def started(self) -> None:
        self.spawning, self.processes = False, 1
        self.terminated = self.killed = False
        self.send(Started())

    def exited(self, code: int, said: str = "") -> None:
        self.processes = 0
        self.send(Exited(code, said))

    def run(self) -> None:
        """Start it, and it does start."""
        self.send(Start())
        self.started()
        assert self.machine.state is State.RUNNING

    def expect(self, state: State) -> None:
        assert self.machine.state is state

    def advance(self, seconds: float) -> None:
        """Let time pass: timers fire at their moments."""
        end = self.now + seconds
        while self.timers:
            timer = min(self.timers, key=self.timers.__getitem__)
            if self.timers[timer] > end:
                break
            self.now = self.timers.pop(timer)
            self.send(Timeout(timer))
        self.now = end
