"""What is said of one peer to the operator: a few lines of each kind, and how many there were."""

from __future__ import annotations

import pytest

from core.world import World, define
from inditree.core.notices import SAID_EACH

INVENTED = {
    "unknown_element": "<t{}/>",
    "no_device": "<newTextVector device='' name='P{}'/>",
    "enable_blob": "<enableBLOB>m{}</enableBLOB>",
}


@pytest.mark.parametrize("kind", INVENTED)
def test_who_invents_without_end_gets_a_few_lines_and_a_count(kind: str) -> None:
    world = World()
    client = world.client()
    client.say(*[INVENTED[kind].format(number) for number in range(1000)])
    said = [each for each in world.logs if each.event == kind]
    assert len(said) == SAID_EACH
    assert said[-1].text.endswith("(what follows of this kind is only counted)")
    client.leave()
    more = [each.text for each in world.logs if each.event == kind][SAID_EACH:]
    assert more == [f"{client.peer.name}: {1000 - SAID_EACH} more of this kind ({kind})"]


def test_one_kind_does_not_silence_another_nor_another_peer() -> None:
    world = World()
    driver, client = world.driver(define("Cam", "P")), world.client()
    client.say(*[f"<t{number}/>" for number in range(100)])
    client.say("<enableBLOB>x</enableBLOB>")
    driver.say("<mine/>", "<mine/>")
    assert [each.event for each in world.logs].count("enable_blob") == 1
    assert sum("<mine>" in each.text for each in world.logs) == 1
    driver.leave()
    assert not any("more of this kind" in each.text for each in world.logs)
