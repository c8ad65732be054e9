"""Handlers of what users of devices send: getProperties, enableBLOB, new*, pings."""

from __future__ import annotations

from inditree.core import backpressure, blobs, definitions, devices, interlocked, links, ownerless
from inditree.core.echoes import repeats
from inditree.core.peer import Peer
from inditree.core.requests import Request, undelivered
from inditree.core.state import State
from inditree.core.subscription import MODES
from inditree.core.unwelcome import say_nameless
from inditree.flow.acks import PREFIX
from inditree.flow.outbox import Traced
from inditree.wire.elements import Blob, Element
from inditree.wire.hidden import hides, hides_in_image
from inditree.wire.syntax import get_properties as question
from inditree.wire.syntax import message

LIBINDI_PING = "SetBLOB/"
"""The uid begins so of the ping that a libindi driver sends after each BLOB and waits for."""


SUBSCRIPTION_LIMIT = 4 << 20
"""Bytes of memory that the names in one peer's subscription may take: some ten thousand properties."""


KEPT_ATTRIBUTES = 16
"""Attributes of a `new*` that are kept with it while it waits."""


def get_properties(state: State, peer: Peer, element: Element) -> None:
    """Register the interest and answer from the view, in one step."""
    device, name = element.device or None, element.name or None
    if links.introduces_itself(peer, element):
        links.accept(state, peer, element)
        return
    if links.INTRODUCES in element.attributes:
        if peer.link is not None and links.introduced_late(state, peer, element):
            return
        element = links.without_introduction(element)
    if device == "*" and peer.kind == "client" and peer.policy.peers != "none" and not peer.asked:
        links.accept_chained(state, peer)
        return
    peer.asked = True
    if device == "*":
        device = name = None
    if state.subscribers.subscribe(peer, device, name):
        _bound_subscription(state, peer)
        state.routes.forget()
        state.demand.changed(peer, device)
        state.intake.moved()
    if state.desk.settings.forwarded:
        _forward(state, peer, element)
        definitions.answer_stale(state, peer, device, name)
    else:
        definitions.answer(state, peer, device, name)
    if peer.is_driver:
        for chained in [p for p in state.desk.links if p.link is not None and p.link.snoops]:
            if device is None or (state.ownership.owners.get(device) in (None, chained) and chained.sees(device)):
                state.desk.send(chained, question(device, name), "getProperties")


def _bound_subscription(state: State, peer: Peer) -> None:
    """Names cost memory, and who asks for ever new ones must not take all of it."""
    if peer.subscription.weight > SUBSCRIPTION_LIMIT:
        state.desk.close(peer, "limit", f"asks for too many properties ({SUBSCRIPTION_LIMIT >> 20} MiB of names)")


def _forward(state: State, peer: Peer, element: Element) -> None:
    """`definitions: forwarded`: the drivers answer, to all who are interested."""
    owner = devices.owner_of(state, element.device) if element.device else None
    if element.device and element.device != "*" and not peer.sees(element.device):
        return  # its answer would not go to who asks
    # Made anew: what else stands in it is nothing that a driver has to hear, a command in its body least of all. A `*`
    # would rename a libindi driver.
    data = question(None if element.device == "*" else element.device, element.name)
    if owner is None:
        ownerless.pass_on(state, peer, Element(element.tag, element.attributes, data))
    elif owner is not peer:
        state.desk.send(owner, data, element.tag)


def enable_blob(state: State, peer: Peer, element: Element) -> None:
    """A BLOB mode is set, which shows interest in its device or property too. INDIGO's `URL` is taken for Also."""
    device, name = element.device or None, element.name or None
    mode = element.text
    if mode.upper() == "URL":
        mode = "Also"
    if mode not in MODES:
        state.desk.count_dropped(peer, "unknown", len(element.data))
        state.notices.once(peer, "warning", "enable_blob", f"enableBLOB {mode[:20]!r} is not one of Never, Also, Only")
        return
    state.subscribers.set_blob(peer, mode, device, name)
    if device is not None and peer.link is None:
        state.subscribers.show_interest(peer, device, name)
    _bound_subscription(state, peer)
    state.routes.forget()
    state.demand.changed(peer, device)
    state.intake.moved()


def ping(state: State, peer: Peer, element: Element) -> None:
    """Answered in order; between routers what follows a BLOB when there is room for the next one, and what follows a
    question for held devices when what we know is complete.
    """
    uid = element.attributes.get("uid", "")
    if peer.owed is not None and uid.startswith(PREFIX):
        if not peer.owed.owe(peer.last_key, uid, peer.last_size):
            state.desk.close(peer, "limit", "asks for acknowledgements without waiting for any")
        backpressure.pay(state, peer)
        return
    if peer.is_driver and uid.startswith(LIBINDI_PING):
        peer.pings = True
        state.waking.answered(peer)
    if not (peer.is_router and state.holding.defer(peer, uid)):
        state.desk.pong(peer, uid)


# Commands


def command(state: State, peer: Peer, item: Element | Blob) -> None:
    """A new*: toward the owner only, its echo to the other interested clients."""
    element = item.element if isinstance(item, Blob) else item
    device = element.device
    size = item.size if isinstance(item, Blob) else len(item.data)
    if not device or not item.name:
        say_nameless(state, peer, element)
        undelivered(state, Request(peer, element))
        return
    owner = devices.owner_of(state, device)
    if owner is peer:
        _echo(state, peer, item, device)
        return
    if peer.policy.read_only or not peer.sees(device):
        why = "this connection is read-only" if peer.policy.read_only else f"{device} is not open to this connection"
        _refuse(state, peer, item, device, size, why)
        return
    if peer.policy.devices != ("*",) and _hides(item):  # of another device of that driver
        _refuse(state, peer, item, device, size, "a command could hide in it")
        return
    if peer.link is None and peer.kind != "observer" and state.subscribers.show_interest(peer, device):
        _bound_subscription(state, peer)
        state.routes.forget()
        state.demand.changed(peer, device)
    if owner is None:
        undelivered(state, Request(peer, element))
        return
    if repeats(state, peer, owner, item):
        _echo(state, peer, item, device)
        return
    gate = state.desk.gate
    if gate is not None and interlocked.refuse_forbidden(state, gate, peer, owner, item):
        return
    command = state.commands.sent(peer, item, state.view.find(device, item.name))
    _deliver(state, owner, item, Request(peer, _lean(element), command))
    state.requested.note(element)
    if isinstance(item, Element):
        state.doubled.note(peer, item)
    _echo(state, peer, item, device)


def _lean(element: Element) -> Element:
    """The element as it is kept while it waits: parsed, thousands of attributes take twenty times their bytes."""
    if len(element.attributes) <= KEPT_ATTRIBUTES:
        return element
    names = {key: value for key in ("device", "name") if (value := element.attributes.get(key)) is not None}
    return Element(element.tag, names, element.data)


def _deliver(state: State, owner: Peer, item: Element | Blob, request: Request) -> None:
    if isinstance(item, Blob):
        blobs.put(state, owner, item, request)
        return
    data = Traced(item.data)
    data.about = request
    owner.outbox.requested = True
    state.desk.send(owner, data, item.tag, item.device)


def _echo(state: State, peer: Peer, item: Element | Blob, device: str) -> None:
    """Tell other clients of a command, and no links: over a redundant link an echo is a request again."""
    for other in state.subscribers.of(device):
        if other is peer or other.kind != "client":
            continue
        if isinstance(item, Blob):
            if other.hears_blob(device, item.name):
                blobs.put(state, other, item)
        elif other.hears(item.tag, device, item.name):
            state.desk.send(other, item.data, item.tag, device)


def _hides(item: Element | Blob) -> bool:
    return hides_in_image(item.chunks) if isinstance(item, Blob) else hides(item.data)


def _refuse(state: State, peer: Peer, item: Element | Blob, device: str, size: int, why: str) -> None:
    state.desk.count_dropped(peer, "access", size)
    state.commands.end_unsent(peer, item, "refused")
    text = f"Refused {item.tag} {item.name or ''}: {why}"
    state.desk.send(peer, message(text, state.desk.settings.timestamp(), device), "message")
