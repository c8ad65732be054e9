"""Commands that an interlock forbids are delivered to nobody, and their sender is told. Rules: docs/observatory.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from inditree.core.gate import Gate
from inditree.core.peer import Peer
from inditree.core.state import State
from inditree.view.fold import ENCODING, read
from inditree.view.properties import Property
from inditree.wire.elements import Blob, Element
from inditree.wire.syntax import message


def refuse_forbidden(state: State, gate: Gate, peer: Peer, owner: Peer, item: Element | Blob) -> bool:
    """Ask the interlocks about a command. True: it is refused, and its sender gets the property back in Alert."""
    element = item.element if isinstance(item, Blob) else item
    refusal = gate.refusing(element, owner.owns)
    if refusal is None:
        return False
    device, name = item.device or "", item.name or ""
    text = f"Refused {item.tag} {name}: interlock {refusal.interlock}: {refusal.why}"
    state.commands.end_unsent(peer, item, "refused", f"interlock {refusal.interlock}: {refusal.why}")
    said = f"{device}: refused {item.tag} {name} of {peer.place}: interlock {refusal.interlock}: {refusal.why}"
    state.desk.log("warning", "interlock", said, device=device, interlock=refusal.interlock, peer=peer.name)
    _tell(state, peer, state.view.find(device, name), device, text)
    return True


def _tell(state: State, peer: Peer, known: Property | None, device: str, text: str) -> None:
    now = state.desk.settings.timestamp()
    told = _as_it_is(known, state="Alert", timestamp=now, message=text) if known is not None else None
    if known is None or told is None:
        state.desk.send(peer, message(text, now, device), "message", device)
        return
    tag = "set" + known.tag[3:]
    state.desk.send(peer, told, tag, device)
    if peer.link is not None and (after := _as_it_is(known, timestamp=now)) is not None:
        state.desk.send(peer, after, tag, device)  # what the other router remembers is what the driver says


def _as_it_is(known: Property, **other: str) -> bytes | None:
    """The set* that says of a property what is known of it, but for some attributes; None where it cannot be read."""
    root = read(known.current())
    if root is None:
        return None
    kind = root.tag[3:-6]
    attributes = {key: root.get(key, "") for key in ("device", "name", "state")}
    told = ET.Element(f"set{kind}Vector", {**attributes, **other})
    if kind != "BLOB":
        for member in root:
            ET.SubElement(told, f"one{kind}", {"name": member.get("name", "")}).text = member.text
    data: bytes = ET.tostring(told, encoding=ENCODING)
    return data + b"\n"
