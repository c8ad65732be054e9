"""Random trees, random trouble: after each quiet period everything is as it is to be.

PYTHONPATH=tests python -m tree.simulation --seeds 5000 [--first N] [--jobs N]
"""

from __future__ import annotations

import argparse
import functools
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor

from inditree.view import fold, properties
from inditree.wire import proof
from tree import blips, diaries
from tree.actors import Property, Provider, Viewer
from tree.grove import Wiring
from tree.node import Node
from tree.planting import Planting
from tree.survey import Survey
from tree.truth import check_once, check_views


class Simulation(Planting):
    """One seed."""

    def run(self) -> None:
        """Build, then trouble and quiet in turn."""
        self.build()
        for number in range(self.random.randint(2, 5)):
            if number:
                for _ in range(self.random.randint(1, 8)):
                    self.world.after(2.0 * self.random.random(), self._trouble())
                for _ in range(self.late.randrange(4)):
                    self.world.after(2.0 * self.late.random(), self._command)
            self.quiet()
            check_views(self.grove)
            self._read_diaries(quiet=False)
            survey = Survey(self.grove, number)
            survey.speak()
            self.quiet()
            check_views(self.grove)
            survey.check()
            self._read_diaries(quiet=True)
            self._newcomers()
            check_once(self.grove, self.actors)
            if self.hold == blips.LONG and not self.mixed:
                self._ride()

    def quiet(self) -> None:
        self.world.run()

    def _read_diaries(self, *, quiet: bool) -> None:
        diaries.check_commands(self.grove, self.actors)
        if quiet or self.grove.one_way:
            diaries.check_order(self.grove, self.actors, quiet=quiet)
        diaries.forget(self.grove.viewers)

    # Trouble

    def _trouble(self) -> Callable[[], None]:
        kinds = (
            (self._cut, 3),
            (self._mend, 3),
            (self._blip, 4),
            (self._router, 1),
            (self._driver, 3),
            (self._redefine, 4),
            (self._client, 2),
            (self._chatter, 4),
        )
        return self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]

    def _cut(self) -> None:
        if self.grove.wirings:
            self.grove.cut(self.random.choice(self.grove.wirings))

    def _mend(self) -> None:
        down: list[Wiring] = [each for each in self.grove.wirings if not each.up]
        if down:
            self.grove.mend(self.random.choice(down))
        elif (self.round or not self.renamed) and self.random.random() < 0.3:
            self._link(self.random.choice(self.grove.nodes), self.random.choice(self.grove.nodes))

    def _blip(self) -> None:
        """A link is down for a while, shorter or longer than it is held."""
        up = [each for each in self.grove.wirings if each.up]
        if up:
            wiring = self.random.choice(up)
            self.grove.cut(wiring)
            self.world.after(self.random.random() * min(4.0, 1.0 + 2 * self.hold), lambda: self.grove.mend(wiring))

    def _router(self) -> None:
        node = self.random.choice(self.grove.nodes)
        if node.alive:
            self.grove.stop(node, orderly=self.random.random() < 0.3)
            if self.random.random() < 0.3:
                return
        self.world.after(1.5 * self.random.random(), lambda: self._start(node))

    def _start(self, node: Node) -> None:
        if not node.alive:
            self.grove.start(node)
            for driver, home in self.homes.items():
                if home is node:
                    self.grove.start_driver(driver, node)
            self._new_client(node)

    def _driver(self) -> None:
        if not self.drivers:
            return
        driver = self.random.choice(self.drivers)
        home = self.homes[driver]
        if driver.running:
            self.grove.leave(driver)
            if self.random.random() < 0.5:
                self.world.after(self.random.random(), lambda: self._restart(driver))
        elif home.alive:
            self._restart(driver)

    def _restart(self, driver: Provider) -> None:
        if driver.running or not self.homes[driver].alive:
            return
        for name in driver.devices:
            if self.random.random() < 0.5:
                driver.devices[name] = self._device(name)
        self.grove.start_driver(driver, self.homes[driver])

    def _redefine(self) -> None:
        running = [provider for provider, _ in self.grove.providers if provider.devices]
        if not running:
            return
        provider = self.random.choice(running)
        device = provider.devices[self.random.choice(list(provider.devices))]
        kind = self.random.random()
        if kind < 0.2 or not device.properties:
            provider.remove(device.name)
            if kind < 0.15:
                device.properties.update(self._device(device.name).properties)
                provider.define(device.name)
        elif kind < 0.5:
            name = self.random.choice(list(device.properties))
            if len(device.properties) == 1 and device.name == "Dup":
                return  # an empty device still has an owner, which would hide the other one: so it is to be
            provider.remove(device.name, name)
            if kind < 0.4:
                device.properties[name] = Property("BLOB" if name == "B" else "Text", self._name("label"))
                provider.define(device.name, name)
        else:
            name = self.random.choice(("T", "B", "P0", "P1", "P2"))
            known = device.properties.get(name)
            kind_of = known.kind if known else "BLOB" if name == "B" else "Text" if name == "T" else "Number"
            device.properties[name] = Property(kind_of, self._name("label"))
            provider.define(device.name, name)

    def _client(self) -> None:
        clients = [actor for actor, _ in self.grove.viewers if type(actor) is Viewer]
        alive = [node for node in self.grove.nodes if node.alive]
        kind = self.random.random()
        if clients and kind < 0.3:
            self.grove.leave(self.random.choice(clients))
        elif clients and kind < 0.7:
            self._wish(self.random.choice(clients))
        elif alive:
            self._new_client(self.random.choice(alive))

    def _chatter(self) -> None:
        for provider, _ in self.grove.providers:
            for device in provider.devices.values():
                for name, prop in device.properties.items():
                    if prop.kind != "BLOB" and self.random.random() < 0.5:
                        provider.set(device.name, name, self._name("w"))
        for viewer, node in self.grove.viewers:
            if type(viewer) is Viewer and node.core.ownership.owners and self.random.random() < 0.5:
                viewer.command(self.random.choice(sorted(node.core.ownership.owners)), "T", self._name("c"))

    def _command(self) -> None:
        """Clients command what they see, whether or not it is there at this moment."""
        for viewer, _ in self.grove.viewers:
            if type(viewer) is Viewer and viewer.view and self.late.random() < 0.7:
                self._orders += 1
                viewer.command(self.late.choice(sorted(viewer.view)), "T", f"order{self._orders}")

    def _ride(self) -> None:
        """Blips that are ridden out, while values change and clients come."""
        ride = blips.Ride(self.grove, self.more)
        for _ in range(self.more.randint(1, 3)):
            if self.more.random() < 0.7:
                self.world.after(2.0 * self.more.random(), ride.cut)
            else:
                self.world.after(2.0 * self.more.random(), lambda: self._kill(ride))
        self.world.after(2.0 * self.more.random(), self._chatter)
        self.world.after(2.0 * self.late.random(), self._command)
        self.quiet()
        check_views(self.grove)
        ride.check()
        check_once(self.grove, self.actors)
        self._read_diaries(quiet=False)

    def _kill(self, ride: blips.Ride) -> None:
        node = ride.kill()
        if node is not None:
            self.world.after(self.more.random(), lambda: self._start(node))

    def _newcomers(self) -> None:
        """A new client anywhere is answered at once, and no link hears of it."""
        survey = Survey(self.grove, 0)
        new = []
        for node in self.grove.nodes:
            if node.alive:
                viewer = Viewer(self._name("newcomer"))
                self.grove.attach(viewer, node, "client")
                viewer.ask()
                new.append(viewer)
        self.quiet()
        check_views(self.grove)
        assert self.forwarded or survey.silent(), "a new client caused traffic on a link"
        for viewer in new:
            self.grove.leave(viewer)
        self.quiet()
        assert self.forwarded or survey.silent(), "a client that left caused traffic on a link"


def run(seed: int) -> str | None:
    """Run one seed: what went wrong, None where nothing did."""
    try:
        Simulation(seed).run()
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} ({where.name}:{where.lineno}): {str(error)[:600]}"
    return None


def cheaper() -> None:
    """Spare a process of its own, of seeds alone, what is done again at each router: a quarter of a seed's CPU.

    The same bytes pass many routers, and all prove and fold them alike; both are pure functions of these bytes.
    """
    look, whole = functools.lru_cache(4096)(proof.look), functools.lru_cache(4096)(fold.fold)

    def looked(element: bytes) -> tuple[str, dict[str, str]]:
        tag, attributes = look(element)
        return tag, dict(attributes)

    def folded(definition: bytes, updates: Iterable[bytes]) -> bytes:
        return whole(definition, tuple(updates))

    proof.look = looked
    properties.fold = folded  # type: ignore[attr-defined]


def _commit() -> str:
    """Of the code that runs, for the log of a failing seed."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tree.simulation")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stop-after", type=int, default=20, help="failures")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    failed, commit = 0, _commit()
    with ProcessPoolExecutor(options.jobs, initializer=cheaper) as pool:
        for seed, result in zip(seeds, pool.map(run, seeds, chunksize=10), strict=True):
            if seed != seeds[0] and (seed - seeds[0]) % 500 == 0:
                print(f"{seed - seeds[0]} seeds, {failed} failed ({commit})", file=sys.stderr, flush=True)
            if result is not None:
                failed += 1
                print(f"seed {seed} ({commit}): {result}", flush=True)
                if failed >= options.stop_after:
                    pool.shutdown(cancel_futures=True)
                    break
    print(f"{len(seeds)} seeds, {failed} failed ({commit})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
