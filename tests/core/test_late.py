"""The answer to a command is passed on, and taken into the view later: nobody sees a difference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.world import World, define, delete, get, request
from inditree.view.fold import member_values


def said(state: str, value: object, name: str = "P") -> str:
    one = f'<oneNumber name="V">{value}</oneNumber>'
    return f'<setNumberVector device="Cam" name="{name}" state="{state}">{one}</setNumberVector>'


def test_the_next_command_goes_out_before_the_last_answer_is_taken_in() -> None:
    world = World(lazy=True)
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    client.say(request("Cam", "P", 5))
    driver.say(said("Ok", 5))
    assert len(client.heard()) == 1
    core = world.core
    assert core.late
    assert core.counters.commands.get("Cam") is None
    client.framer.feed(request("Cam", "P", 6).encode())
    item = client.framer.pull()
    assert item is not None
    core.receive(client.peer, item)
    assert driver.peer in core.to_write()
    assert core.late
    core.drain(lazy=True)
    assert not core.late
    assert dict(core.counters.commands["Cam"]) == {"ok": 1}
    assert [command.data for command in core.state.commands.open.values()] == [request("Cam", "P", 6).encode() + b"\n"]


def test_who_looks_sees_what_was_passed_on() -> None:
    world = World(lazy=True)
    driver, client = world.driver(define("Cam", "P")), world.client(get())
    client.say(request("Cam", "P", 5))
    driver.say(said("Ok", 5))
    assert world.core.late
    known = world.core.view.find("Cam", "P")
    assert known is not None
    assert member_values(known.current()) == {"V": "5"}
    assert not world.core.late


def test_nothing_else_is_left_for_later() -> None:
    world = World(lazy=True)
    driver, client = world.driver(define("Cam", "P"), define("Cam", "Q")), world.client(get())
    driver.say(said("Ok", 5))
    assert not world.core.late
    client.say(request("Cam", "P", 5))
    driver.say(said("Ok", 5, "Q"))
    assert not world.core.late
    world.join("observer", "page").say(request("Cam", "P", 7))
    driver.say(said("Ok", 7))
    assert not world.core.late
    assert [answer.outcome.result for answer in world.answers] == ["ok"]


STEPS = st.one_of(
    st.tuples(st.just("exchange"), st.sampled_from("PPPQ"), st.integers(0, 1), st.sampled_from((0, 1))),
    st.tuples(st.just("ask"), st.sampled_from("PPPQ"), st.integers(0, 1), st.sampled_from((0, 1, 2))),
    st.tuples(st.just("say"), st.sampled_from("PPPQ"), st.integers(0, 1), st.sampled_from(("Ok", "Busy", "Alert"))),
    st.tuples(st.just("time"), st.just(""), st.integers(0, 3), st.just("")),
    st.tuples(st.just("delete"), st.sampled_from("PQ"), st.just(0), st.just("")),
    st.tuples(st.just("define"), st.sampled_from("PQ"), st.just(0), st.just("")),
    st.tuples(st.just("newcomer"), st.just(""), st.just(0), st.just("")),
)


def play(steps: list[tuple[str, str, int, object]], *, lazy: bool) -> list[object]:
    world = World(lazy=lazy)
    driver = world.driver(define("Cam", "P"), define("Cam", "Q"))
    askers = [world.client(get()), world.client(get()), world.join("observer", "page")]
    askers[2].say(get())
    seen: list[object] = []
    for what, name, number, more in steps:
        if what == "ask":
            assert isinstance(more, int)
            askers[more].say(request("Cam", name, number))
        elif what == "exchange":
            assert isinstance(more, int)
            askers[more].say(request("Cam", name, number))
            driver.say(said("Ok", number, name))
        elif what == "say":
            driver.say(said(str(more), number, name))
        elif what == "time":
            world.later(float(number))
        elif what == "newcomer":
            newcomer = world.join("client", "late")
            newcomer.say(get())
            seen += newcomer.heard()
            newcomer.leave()
        elif what == "delete":
            driver.say(delete("Cam", name))
        else:
            driver.say(define("Cam", name))
        seen.append([actor.heard() for actor in (driver, *askers)])
    _ = world.core.view  # the last answer, where it waits
    world.run()
    seen.append([(answer.element.data, answer.outcome) for answer in world.answers])
    seen.append({device: dict(table) for device, table in world.core.counters.commands.items()})
    seen.append([(each.device, each.property, each.result, each.before) for each in world.audits])
    seen.append((world.core.counters.command_seconds.total, sorted(world.core.state.commands.open)))
    return seen


@given(st.lists(STEPS, min_size=5, max_size=30))
def test_nobody_sees_a_difference(steps: list[tuple[str, str, int, object]]) -> None:
    assert play(steps, lazy=True) == play(steps, lazy=False)
