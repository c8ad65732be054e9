from __future__ import annotations

import os
import re
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from inditree.counters import Counters
from inditree.ops.cardinality import MAX_LISTENERS, MAX_NAMES, Rising, Slots
from inditree.ops.control import Definition, Sample
from inditree.ops.machine import DriverUsage
from inditree.ops.metrics import Metrics
from inditree.ops.model import ListenerRow
from inditree.wire.syntax import KNOWN_TAGS
from ops.fake import driver, remote, sample, status
from waiting import DEADLINE

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def rendered(what: Sample, metrics: Metrics | None = None) -> Series:
    text = (metrics or Metrics(["*.*.*"], limit=lambda: 1 << 30)).render(what).decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    series = {(each.name, tuple(sorted(each.labels.items()))): each.value for each in samples}
    assert len(series) == len(samples), "a series is there twice"
    return series


def value(series: Series, name: str, **labels: str) -> float:
    return series[name, tuple(sorted(labels.items()))]


def test_known_traffic_gives_exact_values() -> None:
    series = rendered(sample())
    expected = {
        ("indi_build_info", "version=1.2.3"): 1,
        ("indi_memory_limit_bytes", ""): 1 << 30,
        ("indi_configuration_reload_success", ""): 0,
        ("indi_configuration_reload_timestamp_seconds", ""): 1.7e9 + 5,
        ("indi_record_bytes", ""): 4096,
        ("indi_record_oldest_timestamp_seconds", ""): 1.7e9 + 6,
        ("indi_record_lost_total", ""): 3,
        ("indi_conflicts", ""): 0,
        ("indi_connections", "peer=client"): 3,
        ("indi_connections", "peer=inprocess"): 0,
        ("indi_connections_opened_total", "peer=client"): 4,
        ("indi_connections_closed_total", "peer=client,reason=stalled"): 1,
        ("indi_connections_closed_total", "peer=client,reason=eof"): 0,
        ("indi_connections_rejected_total", "reason=limit"): 1,
        ("indi_listener_connections", "listener=main"): 3,
        ("indi_listener_connections_limit", "listener=main"): 256,
        ("indi_messages_received_total", "element=getProperties,peer=client"): 3,
        ("indi_messages_sent_total", "element=setBLOBVector,peer=client"): 6,
        ("indi_bytes_received_total", "kind=control,peer=client"): 300,
        ("indi_bytes_sent_total", "kind=control,peer=client"): 120,
        ("indi_bytes_sent_total", "kind=blob,peer=client"): 6000,
        ("indi_parse_errors_total", "peer=driver,reason=malformed"): 1,
        ("indi_blobs_received_total", "device=CCD"): 3,
        ("indi_blobs_delivered_total", "device=CCD"): 6,
        ("indi_blob_received_bytes_total", "device=CCD"): 3000,
        ("indi_blob_delivered_bytes_total", "device=CCD"): 6000,
        ("indi_blob_size_bytes_bucket", "le=4096.0"): 0,
        ("indi_blob_size_bytes_bucket", "le=16384.0"): 1,
        ("indi_blob_size_bytes_sum", ""): 5000,
        ("indi_commands_total", "device=CCD,result=ok"): 2,
        ("indi_commands_total", "device=_other,result=undeliverable"): 1,
        ("indi_command_seconds_bucket", "le=0.01"): 0,
        ("indi_command_seconds_bucket", "le=0.025"): 1,
        ("indi_command_seconds_bucket", "le=60.0"): 2,
        ("indi_command_seconds_bucket", "le=3600.0"): 2,
        ("indi_command_seconds_sum", ""): 41.52,
        ("indi_blob_forward_seconds_bucket", "le=0.001"): 1,
        ("indi_blob_forward_seconds_bucket", "le=0.005"): 2,
        ("indi_blob_forward_seconds_bucket", "le=10.0"): 2,
        ("indi_blob_forward_seconds_bucket", "le=+Inf"): 3,
        ("indi_blob_forward_seconds_count", ""): 3,
        ("indi_event_loop_lag_seconds_bucket", "le=0.0025"): 1,
        ("indi_queue_bytes", "peer=client"): 4096,
        ("indi_queue_bytes_largest", "peer=client"): 4000,
        ("indi_queue_limit_bytes", "peer=link"): 1 << 27,
        ("indi_dropped_messages_total", "peer=client,reason=superseded"): 2,
        ("indi_dropped_bytes_total", "peer=client,reason=superseded"): 2000,
        ("indi_slow_clients", ""): 1,
        ("indi_audit_lost_lines_total", ""): 2,
        ("indi_read_paused_seconds_total", "peer=driver"): 1.5,
        ("indi_driver_state", "driver=ccd,state=running"): 1,
        ("indi_driver_state", "driver=ccd,state=backoff"): 0,
        ("indi_driver_restarts_total", "driver=ccd,reason=signal"): 2,
        ("indi_driver_restarts_total", "driver=mount,reason=exit"): 0,
        ("indi_driver_start_time_seconds", "driver=ccd"): 1.7e9,
        ("indi_driver_last_exit_code", "driver=ccd"): -9,
        ("indi_driver_stderr_lines_total", "driver=ccd"): 7,
        ("indi_remote_state", "remote=dome-b,state=up"): 1,
        ("indi_source_held", "driver=ccd,reason=held,remote="): 2.5,
        ("indi_remote_connect_attempts_total", "remote=dome-b,result=refused"): 4,
        ("indi_remote_last_receive_timestamp_seconds", "remote=dome-b"): 1.7e9 + 5,
        ("indi_remote_rtt_seconds", "remote=dome-b"): 0.002,
        ("indi_loops_detected_total", "remote=dome-b"): 1,
        ("indi_devices", ""): 2,
        ("indi_interlock_refusals_total", "interlock=cooling"): 4,
        ("indi_interlock_holds", "interlock=cooling"): -1,
        ("indi_interlock_partial", "interlock=cooling"): 1,
        ("indi_reaction_state", "reaction=cold"): 2,
        ("indi_reaction_runs_total", "reaction=cold,result=ok"): 2,
        ("indi_reaction_runs_total", "reaction=cold,result=stopped"): 0,
        ("indi_device_ready", "device=CCD"): 1,
        ("indi_device_ready", "device=Dome"): 0,
        ("indi_device_last_message_timestamp_seconds", "device=CCD"): 1.7e9 + 9,
        ("indi_property_value", "device=CCD,member=VALUE,property=CCD_TEMPERATURE"): -9.5,
        ("indi_property_value", "device=Mount,member=RA,property=EQUATORIAL_EOD_COORD"): 10.5,
        ("indi_property_value", "device=CCD,member=ON,property=CCD_COOLER"): 1,
        ("indi_property_state", "device=CCD,property=CCD_TEMPERATURE"): 2,
        ("indi_property_state", "device=CCD,property=CCD_COOLER"): 3,
    }
    for (name, labels), number in expected.items():
        pairs = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
        assert value(series, name, **pairs) == number, (name, labels)
    assert ("indi_driver_last_exit_code", (("driver", "mount"),)) not in series  # it has not exited yet
    assert value(series, "process_resident_memory_bytes") > 1e6


def test_promtool_finds_nothing_to_say() -> None:
    text = Metrics(["*.*.*"]).render(sample())
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=DEADLINE)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def big(devices: int, others: int) -> Sample:
    """Every kind of thing, with each counter that it can have."""
    count = Counters()
    for peer in count.peers.values():
        for tag in [*KNOWN_TAGS, "unheardOf"]:
            peer.received[tag] = peer.sent[tag] = 1
    for index in range(devices):
        count.devices[f"Device {index}"].last_message = 1.7e9 + index
        count.count_command(f"Device {index}", "ok")
    return sample(
        counters=count,
        definitions=(),
        status=status(
            listeners=tuple(
                ListenerRow(name=f"l{index}", address="*", clients=1, max_connections=5) for index in range(others)
            ),
            drivers=tuple(
                driver(f"driver {index}", last_exit=1, pid=os.getpid(), restarts_by_reason={"exit": 1})
                for index in range(others)
            ),
            remotes=tuple(remote(f"r{index}", rtt_seconds=0.1, last_receive=1.7e9) for index in range(others)),
        ),
        devices=devices,
    )


def test_an_observatory_stays_below_a_thousand_series() -> None:
    assert len(rendered(big(40, 10))) < 1000


def test_nothing_makes_it_two_thousand() -> None:
    series = rendered(big(5000, 500))
    assert len(series) < 2000
    assert value(series, "indi_driver_state", driver="_other", state="running") == 500 - MAX_NAMES
    assert value(series, "indi_driver_restarts_total", driver="_other", reason="exit") == 500 - MAX_NAMES
    assert value(series, "indi_commands_total", device="_other", result="ok") == 5000 - MAX_NAMES
    assert value(series, "indi_device_last_message_timestamp_seconds", device="_other") == 1.7e9 + MAX_NAMES
    assert value(series, "indi_listener_connections", listener="_other") == 500 - MAX_LISTENERS
    assert value(series, "indi_messages_sent_total", peer="client", element="_other") == 1


def test_who_goes_gives_its_place_to_the_next_newcomer() -> None:
    slots = Slots(2)
    assert slots.divide({"a": 1, "b": 2, "c": 3}) == ({"a": 1, "b": 2}, [3])
    assert slots.divide({"b": 2, "c": 3, "d": 4}) == ({"b": 2, "d": 4}, [3])


@given(st.lists(st.floats(0, 1e6)))
def test_the_sum_of_the_rest_never_falls(sums: list[float]) -> None:
    rising = Rising()
    told = [rising.value(("x",), now) for now in sums]
    assert told == sorted(told)


def test_an_unknown_reason_is_not_lost() -> None:
    what = sample()
    what.counters.peers["link"].dropped_messages["gremlins"] = 3
    what.counters.loops["10.9.8.7:4711"] = 2  # who linked to us has no configured name
    series = rendered(what)
    assert value(series, "indi_dropped_messages_total", peer="link", reason="_other") == 3
    assert value(series, "indi_loops_detected_total", remote="_other") == 2


def test_names_are_escaped() -> None:
    name = 'Device "1" \\ two\nlines'
    what = sample()
    what.counters.devices[name].blobs_received = 1
    text = Metrics(limit=lambda: 1).render(what).decode()
    assert 'indi_blobs_received_total{device="Device \\"1\\" \\\\ two\\nlines"} 1.0' in text


def test_a_copy_of_the_counters_does_not_change() -> None:
    what = Counters()
    copy = what.copy()
    what.peers["client"].received["message"] += 1
    what.peers["client"].opened += 1
    what.devices["CCD"].blobs_received += 1
    what.loop_lag.observe(1.0)
    what.rejected["limit"] += 1
    assert copy.peers["client"].received == {} and copy.peers["client"].opened == 0
    assert (copy.devices, copy.loop_lag.total, copy.rejected) == ({}, 0.0, {})


def test_cpu_goes_on_over_restarts_and_memory_is_that_of_the_run() -> None:
    usage = DriverUsage(clock=iter(range(0, 100, 10)).__next__)
    count = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo; read x"
    first = subprocess.Popen(["sh", "-c", count], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with first:
        assert first.stdout is not None
        first.stdout.readline()
        (row,) = usage.fill([driver("d", pid=first.pid)])
        assert row.cpu_seconds is not None and row.cpu_seconds > 0 and row.resident_bytes is not None
        first.kill()
    (gone,) = usage.fill([driver("d", pid=None, state="backoff")])
    assert (gone.cpu_seconds, gone.resident_bytes) == (row.cpu_seconds, None)
    (again,) = usage.fill([driver("d", pid=os.getpid())])
    assert again.cpu_seconds is not None and again.cpu_seconds > row.cpu_seconds
    (other,) = usage.fill([driver("never started", state="failed")])
    assert (other.cpu_seconds, other.resident_bytes) == (None, None)


def test_every_family_is_in_the_documentation() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    documented = set(re.findall(r"`(indi_\w+)`", text))
    families = {
        re.sub(r"_(bucket|count|sum)$", "", name) if "seconds" in name or "size" in name else name
        for name, _ in rendered(sample())
        if name.startswith("indi_")
    }
    assert families - documented == set()
    assert documented - families - {"indi_driver_cpu_seconds_total", "indi_driver_resident_memory_bytes"} == set()


def test_properties_stop_at_five_hundred_series() -> None:
    members = b"".join(b'<defNumber name="M%d">1</defNumber>' % index for index in range(100))
    vector = b'<defNumberVector device="D" name="P" state="Ok">' + members + b"</defNumberVector>"
    many = tuple(Definition("D", f"P{index}", vector) for index in range(20))
    found = [name for name, _ in rendered(sample(definitions=many)) if name.startswith("indi_property_")]
    assert len(found) == 404  # four whole properties with their states


def test_other_values_can_be_asked_for_while_it_runs() -> None:
    metrics = Metrics(limit=lambda: 1)
    assert not [name for name, _ in rendered(sample(), metrics) if name == "indi_property_value"]
    metrics.watch(["*.CCD_COOLER.ON"])
    assert (
        value(rendered(sample(), metrics), "indi_property_value", device="CCD", property="CCD_COOLER", member="ON") == 1
    )


def test_whatever_happens_there_are_fewer_than_2000_series() -> None:
    """All that has a name by the hundred, every label that a counter can have, and what strangers invent."""
    count = Counters()
    for kind in count.peers.values():
        for table in (kind.received, kind.sent):
            for tag in (*KNOWN_TAGS, *(f"invented{number}" for number in range(100))):
                table[tag] += 1
        for table in (kind.closed, kind.parse_errors, kind.dropped_messages, kind.dropped_bytes):
            for number in range(100):
                table[f"reason{number}"] += 1
    for number in range(500):
        count.devices[f"device {number}"].blobs_received += 1
        count.count_command(f"device {number}", "ok")
        count.count_loop(f"remote {number}")
        count.count_loop(None)
    many = status(
        drivers=tuple(
            driver(f"driver {number}", pid=1, last_exit=1, restarts_by_reason={"exit": 1, "new": 1})
            for number in range(300)
        ),
        remotes=tuple(
            remote(f"remote {number}", rtt_seconds=1.0, last_receive=1.0, attempts={"ok": 1, "new": 2})
            for number in range(300)
        ),
        listeners=tuple(
            ListenerRow(name=f"l{number}", address="x", clients=1, max_connections=5) for number in range(300)
        ),
    )
    series = rendered(sample(status=many, counters=count, definitions=(), devices=500))
    assert len(series) < 2000, len(series)
