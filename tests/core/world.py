"""A router without I/O: peers say XML, and what each is told is collected, as its outbox would write it.

What the core asks of whoever runs it (close, hold, release, wake) is done as the runtime does it, on a clock that
only the test moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from inditree.core import Answered, Audit, Close, Core, Log, Mistake, Policy, Settings, Wake
from inditree.core.effects import Effect
from inditree.counters import Counters
from inditree.flow.whole import WholeOutbox
from inditree.tree.link import Link
from inditree.wire import trust
from inditree.wire.elements import Blob
from inditree.wire.framer import Framer

NOW = "2026-01-01T00:00:00"


class Actor:
    """One peer and who is at its other end."""

    def __init__(self, world: World, kind: str, name: str, policy: Policy | None, link: Link | None) -> None:
        self.world = world
        self.peer = world.core.join(kind, name, policy, link)
        taken = trust.of(kind, skips_text=True, came_to_us=False)
        self.framer = Framer(world.core.route(self.peer), 1 << 20, 1 << 30, taken)
        self.stuck = False  # takes nothing of itself, only what `take` takes
        self.unsaid: deque[bytes] = deque()  # what its other end has written and we have not read
        self._heard = bytearray()

    def say(self, *elements: str | bytes) -> None:
        """Its other end writes these elements, each in a read of its own."""
        self.unsaid.extend(each.encode() if isinstance(each, str) else each for each in elements)
        self.world.run()

    def say_at_once(self, *elements: str) -> None:
        """Its other end writes these elements, all in one read."""
        self.say("\n".join(elements))

    def heard(self) -> list[str]:
        """What it was told since the last time, a line each."""
        self.world.run()
        lines = self._heard.decode().splitlines()
        self._heard.clear()
        return lines

    def read(self) -> bytes:
        """What it took since the last time."""
        data = bytes(self._heard)
        self._heard.clear()
        return data

    def tags(self) -> list[str]:
        """The same as `tag device.name`, as far as there is a device and a name."""
        return [short(line) for line in self.heard()]

    def take(self, most: int = 1 << 40) -> int:
        """It takes up to so many bytes; returns how many it took."""
        took = 0
        outbox = self.peer.outbox
        if isinstance(outbox, WholeOutbox):
            while (item := outbox.pop()) is not None:
                data = item.join() if isinstance(item, Blob) else item
                self._heard += data
                took += len(data)
                if isinstance(item, Blob):
                    self.world.core.moved(self.peer, (item,))
            return took
        while took < most and (buffers := outbox.next_write()):
            data = b"".join(buffers)[: most - took]
            self._took(outbox.sent(len(data)))
            self._heard += data
            took += len(data)
        return took

    def _took(self, delivered: Sequence[Blob]) -> None:
        if delivered or self.peer.outbox.moved:
            self.world.core.moved(self.peer, delivered)

    def leave(self, reason: str = "eof") -> None:
        """Its connection has ended."""
        self.world.core.leave(self.peer, reason)
        self.world.run()

    def _admitted(self, data: bytes) -> bool:
        """Is there memory for what it says next, if that is an image?"""
        core, peer = self.world.core, self.peer
        if b"<oneBLOB" not in data or peer.kind == "inprocess" or core.may_begin(peer, len(data)):
            return True
        if peer.pings:  # always read
            core.discard(peer)
            core.desk.count_dropped(peer, "memory", len(self.unsaid.popleft()))
            return bool(self.unsaid) and self._admitted(self.unsaid[0])
        return False

    def pump(self) -> bool:
        """Act on what it has said, while it is read; True when there was something."""
        acted = False
        core = self.world.core
        while not (self.peer.held or self.peer.gone):
            item = self.framer.pull()
            if item is not None:
                if isinstance(item, Blob):
                    item.began = core.now
                core.receive(self.peer, item)
            elif self.unsaid:
                if not self._admitted(self.unsaid[0]):
                    break
                self.framer.feed(self.unsaid.popleft())
            else:
                break
            acted = True
        return acted


class World:
    """One router and all who are connected to it."""

    def __init__(
        self,
        *,
        forwarded: bool = False,
        queue: int = 1 << 20,
        memory: int = 1 << 30,
        stall_timeout: float = 10.0,
        identity: str = "ME",
    ) -> None:
        self.core = Core(
            Settings(
                identity, lambda: NOW, queue=queue, memory=memory, stall_timeout=stall_timeout, forwarded=forwarded
            ),
            Counters(),
        )
        self.actors: list[Actor] = []
        self.logs: list[Log] = []
        self.audits: list[Audit] = []
        self.answers: list[Answered] = []
        self.closed: list[tuple[str, str]] = []  # name, reason
        self.wake_at = float("inf")

    def join(self, kind: str, name: str = "", policy: Policy | None = None, link: Link | None = None) -> Actor:
        """Somebody connects."""
        actor = Actor(self, kind, name or f"{kind}{len(self.actors)}", policy, link)
        self.actors.append(actor)
        self.run()
        return actor

    def client(self, *said: str, policy: Policy | None = None) -> Actor:
        """A client connects, says this, and what it is answered is forgotten."""
        actor = self.join("client", policy=policy)
        actor.say(*said)
        actor.heard()
        return actor

    def driver(self, *said: str, name: str = "") -> Actor:
        """A driver starts, and says this."""
        actor = self.join("driver", name)
        actor.say(*said)
        return actor

    def run(self) -> None:
        """Until nothing is left to do at this moment."""
        core = self.core
        busy = True
        while busy:
            busy = False
            for actor in self.actors:
                busy |= actor.pump()
                if not (actor.stuck or actor.peer.gone):
                    busy |= bool(actor.take())
            core.to_write()
            for effect in core.drain():
                busy |= self._apply(effect)
            busy |= bool(core.desk.dirty)

    def _apply(self, effect: Effect) -> bool:
        match effect:
            case Close(peer, reason):
                if not peer.gone:
                    self.closed.append((peer.name, reason))
                    self.core.leave(peer, reason)
            case Wake(at):
                self.wake_at = min(self.wake_at, at)
                return False
            case Log():
                self.logs.append(effect)
                return False
            case Mistake(error=error):
                raise error
            case Audit():
                self.audits.append(effect)
                return False
            case Answered():
                self.answers.append(effect)
                return False
        return True

    def later(self, seconds: float) -> None:
        """Time passes, and the timers that the core asked for, or one each second, go off."""
        end = self.core.now + seconds
        while self.core.now < end:
            at = min(self.wake_at, self.core.now + 1.0, end)
            self.core.now = max(at, self.core.now)
            if at >= self.wake_at:
                self.wake_at = float("inf")
            self.core.tick()
            self.run()

    def events(self) -> list[str]:
        """The events that the operator was told, since the last time."""
        events = [log.event for log in self.logs]
        self.logs.clear()
        return events

    def results(self) -> list[str]:
        """What the audit says of each new*, since the last time: `device.name result`."""
        results = [f"{audit.device}.{audit.property} {audit.result}" for audit in self.audits]
        self.audits.clear()
        return results

    def dropped(self, kind: str) -> dict[str, int]:
        """Elements dropped by reason, of all peers of a kind."""
        return dict(self.core.counters.peers[kind].dropped_messages)


def short(line: str) -> str:
    """`tag device.name` of an element in one line, as these tests write them."""
    tag = line[1:].split()[0].split(">")[0].rstrip("/")
    place = ".".join(line.split(f' {key}="', 1)[1].split('"')[0] for key in ("device", "name") if f' {key}="' in line)
    return f"{tag} {place}".rstrip()


# Elements, each in one line.


def define(device: str, name: str, value: object = 0, kind: str = "Number") -> str:
    """A definition with one member `V`."""
    limits = ' format="%g" min="0" max="9" step="1"' if kind == "Number" else ""
    rule = ' rule="AnyOfMany"' if kind == "Switch" else ""
    perm = "" if kind == "Light" else ' perm="rw"'
    member = f'<def{kind} name="V" label="v"{limits}>{value}</def{kind}>' if kind != "BLOB" else '<defBLOB name="V"/>'
    return (
        f'<def{kind}Vector device="{device}" name="{name}" label="l" group="g" state="Idle"{perm}{rule} timeout="0">'
        f"{member}</def{kind}Vector>"
    )


def update(device: str, name: str, value: object = 1, kind: str = "Number") -> str:
    """A set* of the member `V`."""
    return (
        f'<set{kind}Vector device="{device}" name="{name}" state="Ok"><one{kind} name="V">{value}</one{kind}>'
        f"</set{kind}Vector>"
    )


def request(device: str, name: str, value: object = 1, kind: str = "Number") -> str:
    """A new* of the member `V`."""
    return f'<new{kind}Vector device="{device}" name="{name}"><one{kind} name="V">{value}</one{kind}></new{kind}Vector>'


def image(device: str, name: str, text: str = "AAAA", tag: str = "setBLOBVector") -> str:
    """A BLOB with data."""
    one = f'<oneBLOB name="V" size="3" format=".fits">{text}</oneBLOB>'
    return f'<{tag} device="{device}" name="{name}">{one}</{tag}>'


def get(device: str | None = None, name: str | None = None, **more: str) -> str:
    """A getProperties."""
    attributes = {"version": "1.7", "device": device, "name": name, **more}
    return "<getProperties" + "".join(f' {key}="{value}"' for key, value in attributes.items() if value) + "/>"


def blobs(mode: str, device: str | None = None, name: str | None = None) -> str:
    """An enableBLOB."""
    place = "".join(f' {key}="{value}"' for key, value in (("device", device), ("name", name)) if value)
    return f"<enableBLOB{place}>{mode}</enableBLOB>"


def delete(device: str, name: str | None = None) -> str:
    """A delProperty."""
    return f'<delProperty device="{device}"' + (f' name="{name}"/>' if name else "/>")


def say(text: str, device: str | None = None) -> str:
    """A message."""
    return "<message" + (f' device="{device}"' if device else "") + f' message="{text}"/>'
