"""The kinds of panels and queries that the dashboards are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
ALL = 'job="$job", instance=~"$instance"'
DEVICE = f'{ALL}, device=~"$device"'

DRIVER_STATES = ("stopped", "starting", "running", "backoff", "stopping", "failed")
REMOTE_STATES = ("stopped", "connecting", "up", "backoff")
PROPERTY_STATES = ("Idle", "Ok", "Busy", "Alert")
INTERLOCK_STATES = ("unknown: refuses", "refuses", "lets through")
REACTION_STATES = ("armed", "waiting", "running", "done")
READY_STATES = ("not ready", "ready")
COLOURS = {
    **dict.fromkeys(("stopped", "Idle", "armed"), "text"),
    **dict.fromkeys(("running", "up", "Ok", "lets through", "ready"), "green"),
    **dict.fromkeys(("starting", "connecting", "stopping", "Busy", "waiting"), "blue"),
    **dict.fromkeys(("backoff", "refuses", "not ready", "done"), "orange"),
    **dict.fromkeys(("failed", "Alert", "unknown: refuses"), "red"),
}

Panel: TypeAlias = timeseries.Panel | stat.Panel | heatmap.Panel | statetimeline.Panel
Row: TypeAlias = tuple[str, Sequence[Panel]]


def query(expr: str, legend: str = "", *, instant: bool = False, buckets: bool = False) -> prometheus.Dataquery:
    """A Prometheus query; `legend` is a template over its labels."""
    made = prometheus.Dataquery().expr(expr).legend_format(legend or "__auto").datasource(SOURCE)
    if buckets:
        made.format(prometheus_models.PromQueryFormat.HEATMAP)
    return made.instant() if instant else made.range()


def lines(title: str, unit: str, text: str, *queries: prometheus.Dataquery, width: int = 8) -> Panel:
    """Curves over time, with their last and largest value in the legend."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(common_models.LegendDisplayMode.TABLE)
    legend.placement(common_models.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    panel = timeseries.Panel().title(title).description(text).unit(unit).datasource(SOURCE).span(width).height(8)
    panel.legend(legend).tooltip(tooltip.sort(common_models.SortOrder.DESCENDING)).fill_opacity(8).line_width(1)
    return panel.targets(_numbered(queries))


def number(title: str, unit: str, text: str, *queries: prometheus.Dataquery, bad: float | None = None) -> stat.Panel:
    """One value now; red from `bad` on."""
    steps = [models.Threshold(value=None, color="green")]
    if bad is not None:
        steps.append(models.Threshold(value=bad, color="red"))
    limits = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    panel = stat.Panel().title(title).description(text).unit(unit).datasource(SOURCE).span(4).height(4)
    panel.thresholds(limits).graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.VALUE)
    if unit == "none":
        panel.decimals(0)  # what increase() tells of whole things is a fraction
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).targets(_numbered(queries))


def states(title: str, text: str, names: tuple[str, ...], made: prometheus.Dataquery, *, width: int = 12) -> Panel:
    """A bar for each thing, coloured by its state; the query gives the index of the state's name."""
    results = {
        str(index): models.ValueMappingResult(text=name, color=COLOURS[name], index=index)
        for index, name in enumerate(names)
    }
    panel = statetimeline.Panel().title(title).description(text).datasource(SOURCE).span(width).height(8)
    panel.mappings([models.ValueMap(options=results)]).targets(_numbered([made])).merge_values(True)
    panel.show_value(common_models.VisibilityMode.NEVER).row_height(0.8).unit("short")
    return panel.legend(common.VizLegendOptions().show_legend(True).placement(common_models.LegendPlacement.BOTTOM))


def heat(title: str, unit: str, text: str, made: prometheus.Dataquery) -> Panel:
    """A histogram over time."""
    colour = heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    panel = heatmap.Panel().title(title).description(text).datasource(SOURCE).span(8).height(8)
    return panel.color(colour).y_axis(heatmap.YAxisConfig().unit(unit)).show_legend().targets(_numbered([made]))


def _numbered(queries: Sequence[prometheus.Dataquery]) -> list[Builder[Dataquery]]:
    return [each.ref_id("ABCDEFGH"[index]) for index, each in enumerate(queries)]


def state_number(metric: str, label: str, names: tuple[str, ...]) -> str:
    """A query for the index of the state that each is in."""
    terms = (f'{metric}{{{ALL}, {label}!="_other", state="{name}"}} * {n}' for n, name in enumerate(names))
    return f"sum by (instance, {label}) ({' or '.join(terms)})"


def rate(metric: str, labels: str = ALL, by: str = "") -> str:
    """Per second, summed."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{labels}}}[$__rate_interval]))"


def quantile(share: float, metric: str) -> str:
    """Of a histogram."""
    return f"histogram_quantile({share}, {rate(metric + '_bucket', ALL, 'le')})"


def quantiles(metric: str, *shares: float) -> list[prometheus.Dataquery]:
    """Several of them."""
    return [query(quantile(share, metric), f"p{share * 100:g}") for share in shares]


def increase(metric: str, labels: str, label: str) -> str:
    """In ten minutes, for each instance and `label`."""
    return f"sum by (instance, {label}) (increase({metric}{{{ALL}, {labels}}}[10m]))"
