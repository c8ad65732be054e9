"""The dashboard for who observes: what `metrics.properties` names, see docs/metrics.md."""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus
from panels import (
    ALL,
    DEVICE,
    INTERLOCK_STATES,
    PROPERTY_STATES,
    REACTION_STATES,
    READY_STATES,
    Row,
    lines,
    number,
    quantiles,
    query,
    rate,
    states,
)


def value(properties: str, legend: str = "{{device}} {{member}}") -> prometheus.Dataquery:
    """What metrics.properties brings of the properties whose names fit."""
    return query(
        f'max by (device, property, member) (indi_property_value{{{DEVICE}, property=~"{properties}"}})', legend
    )


def member(name: str) -> prometheus.Dataquery:
    """A weather station's value, whatever property it is in."""
    selector = f'{DEVICE}, property=~"WEATHER.*", member=~"{name}"'
    return query(f"max by (device, member) (indi_property_value{{{selector}}})", "{{device}} {{member}}")


def by_itself() -> Row:
    """What interlocks, reactions and the desired state are doing; docs/observatory.md."""
    refused = query(
        f"sum by (interlock) (increase(indi_interlock_refusals_total{{{ALL}}}[10m]))", "refused by {{interlock}}"
    )
    ran = query(
        f"sum by (reaction, result) (increase(indi_reaction_runs_total{{{ALL}}}[10m]))", "{{reaction}} {{result}}"
    )
    return (
        "By itself",
        [
            states(
                "Interlocks",
                "Whether what they guard may be commanded now.",
                INTERLOCK_STATES,
                query(f"min by (interlock) (indi_interlock_holds{{{ALL}}}) + 1", "{{interlock}}"),
                width=8,
            ),
            states(
                "Reactions",
                "Armed, waiting for its time, running, or done until its condition has been false.",
                REACTION_STATES,
                query(f"max by (reaction) (indi_reaction_state{{{ALL}}})", "{{reaction}}"),
                width=8,
            ),
            states(
                "Devices as they are to be",
                "Of those that `devices` names.",
                READY_STATES,
                query(f"min by (device) (indi_device_ready{{{DEVICE}}})", "{{device}}"),
                width=8,
            ),
            lines("Refused and done", "none", "In ten minutes: commands refused, reactions that ran.", refused, ran),
            lines(
                "The record",
                "bytes",
                "What it takes on the disk.",
                query(f"sum by (instance) (indi_record_bytes{{{ALL}}})", "{{instance}}"),
            ),
            lines(
                "Lost from the record",
                "none",
                "In ten minutes: elements that the disk did not take.",
                query(f"sum by (instance) (increase(indi_record_lost_total{{{ALL}}}[10m]))", "{{instance}}"),
            ),
        ],
    )


def night_rows() -> list[Row]:
    """For who observes: what `metrics.properties` names, see docs/metrics.md."""
    images = query(
        f"sum by (device) (increase(indi_blobs_received_total{{{DEVICE}}}[$__range]))", "{{device}}", instant=True
    )
    state = query(f"max by (device, property) (indi_property_state{{{DEVICE}}})", "{{device}} {{property}}")
    silence = query(f"time() - max by (device) (indi_device_last_message_timestamp_seconds{{{DEVICE}}})", "{{device}}")
    size = query(
        f"{rate('indi_blob_received_bytes_total', DEVICE, 'device')}"
        f" / ({rate('indi_blobs_received_total', DEVICE, 'device')} > 0)",
        "{{device}}",
    )
    return [
        (
            "Now",
            [
                states("Properties", "Idle, Ok, Busy or Alert.", PROPERTY_STATES, state, width=16),
                number("Images", "none", "In the time shown.", images),
                number("Devices", "none", "Provided now.", query(f"sum(indi_devices{{{ALL}}})", "devices")),
            ],
        ),
        by_itself(),
        (
            "Commands",
            [
                lines(
                    "Commands",
                    "none",
                    "That ended in the last ten minutes, by device and how.",
                    query(
                        f"sum by (device, result) (increase(indi_commands_total{{{DEVICE}}}[10m]))",
                        "{{device}} {{result}}",
                    ),
                    width=12,
                ),
                lines(
                    "How long they took",
                    "s",
                    "From when a command was sent until its property was no longer Busy.",
                    *quantiles("indi_command_seconds", 0.5, 0.95),
                    width=12,
                ),
            ],
        ),
        (
            "Camera",
            [
                lines("Sensor temperature", "celsius", "CCD_TEMPERATURE.", value("CCD_TEMPERATURE", "{{device}}")),
                lines("Cooler", "percent", "CCD_COOLER_POWER.", value("CCD_COOLER_POWER", "{{device}}")),
                lines("Exposure", "s", "What is left of it: CCD_EXPOSURE.", value("CCD_EXPOSURE", "{{device}}")),
                lines("Size of an image", "bytes", "Mean of what came in.", size, width=24),
            ],
        ),
        (
            "Focus and guiding",
            [
                lines("Focus", "none", "ABS_FOCUS_POSITION, in steps.", value("ABS_FOCUS_POSITION", "{{device}}")),
                lines("Focuser temperature", "celsius", "FOCUS_TEMPERATURE.", value("FOCUS_TEMPERATURE", "{{device}}")),
                lines(
                    "Guiding", "ms", "Pulses: TELESCOPE_TIMED_GUIDE_NS, _WE.", value("TELESCOPE_TIMED_GUIDE_(NS|WE)")
                ),
            ],
        ),
        (
            "Mount and dome",
            [
                lines("Equatorial", "none", "RA in hours, DEC in degrees.", value("EQUATORIAL_(EOD_)?COORD")),
                lines("Dome", "degree", "ABS_DOME_POSITION.", value("ABS_DOME_POSITION", "{{device}}")),
                lines("Silence", "s", "Since a device last said something.", silence),
            ],
        ),
        (
            "Weather",
            [
                lines("Temperature", "celsius", "Air and dew point.", member("WEATHER_(TEMPERATURE|DEW.*)")),
                lines("Humidity", "percent", "Relative.", member("WEATHER_.*HUMIDITY")),
                lines("Wind and rain", "none", "In the units of the station.", member("WEATHER_(WIND|RAIN).*")),
            ],
        ),
    ]
