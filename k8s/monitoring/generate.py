"""Makes the dashboards and prometheusrule.yaml: `python k8s/monitoring/generate.py [FOLDER]`.

What it makes is committed; a test makes it again and compares. Needs grafana-foundation-sdk (in the extra `test`).
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import yaml
from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from night_board import night_rows
from panels import ALL, SOURCE, Row
from router_board import router_rows

HERE = Path(__file__).parent


def variables() -> list[dashboard.DatasourceVariable | dashboard.QueryVariable]:
    """datasource, job, instance, device."""
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    made: list[dashboard.DatasourceVariable | dashboard.QueryVariable] = [source]
    for name, from_, multi in (
        ("job", "indi_build_info, job", False),
        ("instance", 'indi_build_info{job="$job"}, instance', True),
        ("device", f"indi_device_last_message_timestamp_seconds{{{ALL}}}, device", True),
    ):
        variable = dashboard.QueryVariable(name).label(name.capitalize()).datasource(SOURCE).multi(multi)
        variable.query(f"label_values({from_})").refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        variable.sort(models.VariableSort.ALPHABETICAL_ASC).include_all(multi)
        made.append(variable.all_value(".*") if multi else variable)
    return made


def made_of(title: str, uid: str, rows: list[Row], text: str, since: str) -> str:
    """The dashboard as JSON."""
    board = dashboard.Dashboard(title).uid(uid).description(text).tags(["inditree"]).refresh("30s").time(since, "now")
    board.timezone("browser").tooltip(models.DashboardCursorSync.CROSSHAIR).readonly()
    for variable in variables():
        board.with_variable(variable)
    numbers = count(1)
    for name, panels in rows:
        board.with_row(dashboard.Row(name).id(next(numbers)))
        for panel in panels:
            board.with_panel(panel.id(next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def rule_resource(rules: str) -> str:
    """rules.yaml as the Prometheus operator reads it."""
    head = "# Made of rules.yaml by generate.py.\n"
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "inditree", "labels": {"app.kubernetes.io/name": "inditree"}},
        "spec": yaml.safe_load(rules),
    }
    return head + yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=120)


def main(folder: Path) -> None:
    """Write all of it."""
    (folder / "dashboards").mkdir(parents=True, exist_ok=True)
    router = made_of("inditree", "inditree", router_rows(), "INDI routers: for who runs them.", "now-3h")
    night = made_of("inditree: a night", "inditree-night", night_rows(), "For who observes with them.", "now-12h")
    (folder / "dashboards/inditree.json").write_text(router)
    (folder / "dashboards/inditree-night.json").write_text(night)
    (folder / "prometheusrule.yaml").write_text(rule_resource((HERE / "rules.yaml").read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
