"""The dashboard for who runs the router."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import BigValueTextMode
from panels import (
    ALL,
    DEVICE,
    DRIVER_STATES,
    REMOTE_STATES,
    Row,
    heat,
    increase,
    lines,
    number,
    quantiles,
    query,
    rate,
    state_number,
    states,
)

DROPPED = f'indi_dropped_messages_total{{{ALL}, reason!~"duplicate|loop"}}'


def router_rows() -> list[Row]:
    """For who runs the router."""
    driver, remote = "{{instance}} {{driver}}", "{{instance}} {{remote}}"
    version = query(f"max by (version) (indi_build_info{{{ALL}}})", "{{version}}", instant=True)
    up = query(f"min(up{{{ALL}}})", "up", instant=True)
    health = [
        number("Up", "bool_on_off", "Whether all routers answer Prometheus.", up),
        number("Version", "none", "Of the routers.", version).text_mode(BigValueTextMode.NAME),
        number("Clients", "none", "Connected now.", query(f'sum(indi_connections{{{ALL}, peer="client"}})', "clients")),
        number(
            "Drivers running",
            "none",
            "Of those that are not stopped.",
            query(f'sum(indi_driver_state{{{ALL}, state="running"}}) or vector(0)', "running"),
            query(f'sum(indi_driver_state{{{ALL}, state!="stopped"}}) or vector(0)', "desired"),
        ),
        number(
            "Links",
            "none",
            "Links that are up, whoever opened them, and links of ours that are to be.",
            query(f'sum(indi_connections{{{ALL}, peer="link"}})', "up"),
            query(f'sum(indi_remote_state{{{ALL}, state!="stopped"}}) or vector(0)', "ours"),
        ),
        number(
            "Dropped",
            "none",
            "Elements in the time shown; what a redundant link repeats does not count.",
            query(f"sum(increase({DROPPED}[$__range]))", "dropped", instant=True),
            bad=1,
        ),
    ]
    traffic = [
        lines(
            "Messages",
            "cps",
            "Elements per second.",
            query(rate("indi_messages_received_total", ALL, "peer"), "from {{peer}}"),
            query(rate("indi_messages_sent_total", ALL, "peer"), "to {{peer}}"),
            width=6,
        ),
        lines(
            "Errors",
            "cps",
            "What was no INDI, and connections that were not let in or ended badly.",
            query(rate("indi_parse_errors_total", ALL, "reason"), "{{reason}}"),
            query(rate("indi_connections_rejected_total", ALL, "reason"), "rejected {{reason}}"),
            query(
                rate("indi_connections_closed_total", f'{ALL}, reason!~"eof|shutdown"', "reason"),
                "closed {{reason}}",
            ),
            width=6,
        ),
        lines(
            "Forwarding an image",
            "s",
            "First byte in to last byte given to the kernel.",
            *quantiles("indi_blob_forward_seconds", 0.5, 0.95, 0.99),
            width=6,
        ),
        lines(
            "Browsers",
            "none",
            "Over HTTP and WebSocket: requests of a page, clients that speak JSON or XML, images being sent.",
            query(f"sum by (kind) (indi_web_connections{{{ALL}}})", "{{kind}}"),
            width=6,
        ),
    ]
    blobs = [
        lines(
            "Image bytes",
            "Bps",
            "In and out, by device.",
            query(rate("indi_blob_received_bytes_total", DEVICE, "device"), "in {{device}}"),
            query(rate("indi_blob_delivered_bytes_total", DEVICE, "device"), "out {{device}}"),
        ),
        heat(
            "Image sizes",
            "bytes",
            "How many came in, by size.",
            query(rate("indi_blob_size_bytes_bucket", ALL, "le"), "{{le}}", buckets=True),
        ),
        lines(
            "Fan-out",
            "none",
            "Deliveries for each image that came in.",
            query(
                f"{rate('indi_blobs_delivered_total', DEVICE, 'device')}"
                f" / ({rate('indi_blobs_received_total', DEVICE, 'device')} > 0)",
                "{{device}}",
            ),
        ),
    ]
    pressure = [
        lines(
            "Queues",
            "bytes",
            "What waits to be written, and the most that waits for one.",
            query(f"sum by (peer) (indi_queue_bytes{{{ALL}}})", "all {{peer}}"),
            query(f"max by (peer) (indi_queue_bytes_largest{{{ALL}}})", "largest {{peer}}"),
            query(f"max(indi_queue_limit_bytes{{{ALL}}})", "limit of one"),
            width=6,
        ),
        lines(
            "Dropped",
            "cps",
            "Elements per second, by reason.",
            # The 0 has a reason of its own, for a name in the legend.
            query(
                rate("indi_dropped_messages_total", ALL, "peer, reason")
                + ' > 0 or label_replace(vector(0), "reason", "nothing", "", "")',
                "{{peer}} {{reason}}",
            ),
            width=6,
        ),
        lines(
            "Waiting",
            "percentunit",
            "Share of the time in which sources were not read; and slow clients.",
            query(rate("indi_read_paused_seconds_total", ALL, "peer"), "{{peer}} not read"),
            query(f"sum(indi_slow_clients{{{ALL}}})", "slow clients"),
            width=6,
        ).override_by_name("slow clients", [models.DynamicConfigValue(id_val="unit", value="none")]),
        lines(
            "Held sources",
            "s",
            "For how long a driver or link has not been read, and why: held (nobody takes its images), memory, rest.",
            query(
                f"max by (instance, driver, remote, reason) (indi_source_held{{{ALL}}})"
                ' or label_replace(vector(0), "reason", "nothing", "", "")',
                "{{driver}}{{remote}} {{reason}}",
            ),
            width=6,
        ),
    ]
    drivers = [
        states(
            "Drivers",
            "The state of each.",
            DRIVER_STATES,
            query(state_number("indi_driver_state", "driver", DRIVER_STATES), driver),
        ),
        lines(
            "Restarts",
            "none",
            "In the last ten minutes; those by hand do not count.",
            query(increase("indi_driver_restarts_total", 'reason!="manual"', "driver"), driver),
            width=12,
        ),
        lines(
            "CPU",
            "percentunit",
            "Of one core, child processes included.",
            query(rate("indi_driver_cpu_seconds_total", ALL, "instance, driver"), driver),
        ),
        lines(
            "Memory",
            "bytes",
            "Resident, child processes included.",
            query(f"sum by (instance, driver) (indi_driver_resident_memory_bytes{{{ALL}}})", driver),
        ),
        lines(
            "Lines on stderr",
            "cps",
            "What drivers complain about; the log has the text.",
            query(rate("indi_driver_stderr_lines_total", ALL, "instance, driver"), driver),
        ),
    ]
    tree = [
        states(
            "Links of ours",
            "The state of each.",
            REMOTE_STATES,
            query(state_number("indi_remote_state", "remote", REMOTE_STATES), remote),
        ),
        lines(
            "Round trip",
            "s",
            "Of the last probe.",
            query(f"max by (instance, remote) (indi_remote_rtt_seconds{{{ALL}}})", remote),
            width=12,
        ),
        lines(
            "Tries to connect",
            "none",
            "In the last ten minutes, by what came of them.",
            query(increase("indi_remote_connect_attempts_total", 'result="ok"', "remote"), remote),
            query(increase("indi_remote_connect_attempts_total", 'result!="ok"', "remote"), remote + " failed"),
        ),
        lines(
            "Silence",
            "s",
            "Since the last byte came.",
            query(f"time() - max by (instance, remote) (indi_remote_last_receive_timestamp_seconds{{{ALL}}})", remote),
        ),
        lines(
            "Loops",
            "none",
            "Redundant paths and links back to this router that were found.",
            query(f"sum by (instance, remote) (indi_loops_detected_total{{{ALL}}})", remote),
        ),
    ]
    memory = [
        query(f"process_resident_memory_bytes{{{ALL}}}", "{{instance}}"),
        query(f"indi_memory_limit_bytes{{{ALL}}}", "{{instance}} limit"),
    ]
    files = [
        query(f"process_open_fds{{{ALL}}}", "{{instance}}"),
        query(f"process_max_fds{{{ALL}}}", "{{instance}} limit"),
    ]
    cpu = query(rate("process_cpu_seconds_total", ALL, "instance"), "{{instance}}")
    process = [
        lines(
            "Loop lag",
            "s",
            "How late the event loop is.",
            *quantiles("indi_event_loop_lag_seconds", 0.5, 0.99),
            width=6,
        ),
        lines("CPU", "percentunit", "Of one core, drivers not included.", cpu, width=6),
        lines("Memory", "bytes", "Resident, drivers not included; they share the limit.", *memory, width=6),
        lines("Descriptors", "none", "Open files and connections.", *files, width=6),
    ]
    return [
        ("Health", health),
        ("Traffic", traffic),
        ("BLOBs", blobs),
        ("Back-pressure", pressure),
        ("Drivers", drivers),
        ("Tree", tree),
        ("Process", process),
    ]
