"""The vocabulary in which the dashboards are written: panels, rows, variables, a dashboard.

Queries are PromQL in which `{@}` stands for the selection of job and instance, `{@route}` for that
and the route, `{@model}` for all of these and the model. The metric names that close each
description are taken from the queries, so they cannot differ from them.
"""

import re

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SELECTIONS = {
    "": 'job=~"$job", instance=~"$instance"',
    "route": 'job=~"$job", instance=~"$instance", route=~"$route"',
    "model": 'job=~"$job", instance=~"$instance", route=~"$route", model=~"$model"',
}
# The model a request has before one is accepted is a label value too, so ".+" leaves nothing out.
ALL = ".+"
RANGE = "[$__rate_interval]"
GRID = 24
# One colour for each outcome on every dashboard: green is well, grey is the client's own doing,
# blue is weir's refusal, red and orange are failures.
OUTCOMES = {
    "completed": "green", "invalid_request": "#8e8e8e", "rejected": "blue",
    "client_gone_before_first_token": "#6e6e6e", "client_gone_mid_stream": "#aeaeae",
    "slow_client": "#5a6f8c", "connect_failed": "dark-orange", "upstream_reset": "orange",
    "upstream_malformed": "light-orange", "upstream_timeout": "dark-yellow",
    "upstream_stalled": "yellow", "upstream_http_error": "red", "upstream_error": "dark-red",
    "upstream_truncated": "semi-dark-red", "drained": "purple", "relay_error": "super-light-red",
}


def expand(query):
    """The PromQL that Grafana gets."""
    query = re.sub(r"\{@(\w*)", lambda found: "{" + SELECTIONS[found[1]], query)
    return " ".join(query.split())


def metrics_of(query):
    """The families a query asks for, in the order of their appearance."""
    names = re.findall(r"\b(?:weir_|process_)\w+|\b(?:job|instance):weir_[\w:]+|\bup\b|\bALERTS\b",
                       query)
    return [re.sub(r"_bucket$", "", name) for name in names]


def rate(metric, selection="@model", more=""):
    """Per second, of a counter."""
    return f"rate({metric}{{{selection}{', ' if more else ''}{more}}}{RANGE})"


def quantile(share, histogram, selection="@model", more="", by=""):
    """A quantile over everything selected, or for each value of the labels `by`."""
    labels = "le" + (f", {by}" if by else "")
    buckets = rate(histogram + "_bucket", selection, more)
    return f"histogram_quantile({share}, sum by ({labels}) ({buckets}))"


def quantiles(histogram, selection="@model", more="", shares=(0.5, 0.95, 0.99)):
    return [(quantile(share, histogram, selection, more), f"p{share * 100:g}") for share in shares]


class Panel:
    """One panel; its place and number are given by the dashboard."""

    def __init__(self, kind, title, meaning, queries, unit, width=8, height=8, **more):
        self.width, self.height = width, height
        queries = [query if isinstance(query, tuple) else (query, "") for query in queries]
        names = dict.fromkeys(
            name for query, _ in queries for name in metrics_of(query))
        self.json = {
            "type": kind, "title": title,
            "description": f"{meaning} Metrics: {', '.join(f'`{name}`' for name in names)}.",
            "datasource": DATASOURCE,
            "fieldConfig": {"defaults": {name: value for name, value in
                                         {"unit": unit, **more.pop("defaults", {})}.items()
                                         if value is not None},
                            "overrides": more.pop("overrides", [])},
            "options": more.pop("options", {}),
            "targets": [self._target(number, query, legend, more.get("target", {}))
                        for number, (query, legend) in enumerate(queries)],
        }
        more.pop("target", None)
        self.json.update(more)

    @staticmethod
    def _target(number, query, legend, more):
        return {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "editorMode": "code",
                "expr": expand(query), "legendFormat": legend or "__auto", "range": True, **more}


def override(name, **properties):
    """Properties of the series of that name; `custom_lineStyle` stands for custom.lineStyle."""
    return {"matcher": {"id": "byName", "options": name},
            "properties": [{"id": key.replace("_", ".", 1), "value": value}
                           for key, value in properties.items()]}


def steps(*bounds):
    """Thresholds: a colour, then pairs of bound and colour."""
    return {"mode": "absolute", "steps": [
        {"color": bounds[0], "value": None},
        *({"color": colour, "value": bound} for bound, colour in zip(bounds[1::2], bounds[2::2]))]}


def number(title, meaning, query, unit, thresholds=None, width=3, height=4, **defaults):
    """One figure, with its course behind it."""
    return Panel(
        "stat", title, meaning, [query], unit, width, height,
        defaults={"color": {"mode": "thresholds"}, "thresholds": thresholds or steps("text"),
                  "noValue": "no traffic", "mappings": [NO_NUMBER], **defaults},
        options={"colorMode": "value", "graphMode": "area", "justifyMode": "auto",
                 "orientation": "auto", "textMode": "auto", "wideLayout": True,
                 "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}})


# A quantile of nothing is NaN: to a reader, no traffic.
NO_NUMBER = {"type": "special", "options": {
    "match": "nan", "result": {"text": "no traffic", "index": 0}}}


def lines(title, meaning, queries, unit, stacked=False, width=8, overrides=(), dashed=(),
          colours=None, **defaults):
    """Series over time. `dashed` names those that are bounds rather than measurements."""
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stacked else 6,
              "showPoints": "never", "spanNulls": False,
              "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
    drawn = [override(name, custom_lineStyle={"fill": "dash", "dash": [8, 6]},
                      custom_fillOpacity=0, custom_stacking={"mode": "none", "group": "B"})
             for name in dashed]
    coloured = [override(name, color={"mode": "fixed", "fixedColor": colour})
                for name, colour in (colours or {}).items()]
    return Panel(
        "timeseries", title, meaning, queries, unit, width,
        defaults={"min": 0, "custom": custom, "color": {"mode": "palette-classic"}, **defaults},
        overrides=[*overrides, *drawn, *coloured],
        options={"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                            "calcs": []},
                 "tooltip": {"mode": "multi", "sort": "desc"}})


def heatmap(title, meaning, histogram, unit, selection="@model", width=16):
    """How a histogram's observations lie, over time, with exemplars where there are some."""
    query = f"sum by (le) (increase({histogram}_bucket{{{selection}}}{RANGE}))"
    return Panel(
        "heatmap", title, meaning, [(query, "{{le}}")], unit, width,
        target={"format": "heatmap", "exemplar": True},
        options={"calculate": False, "cellGap": 1, "showValue": "never",
                 "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5,
                           "fill": "dark-orange", "scale": "exponential", "reverse": False},
                 "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
                 "rowsFrame": {"layout": "auto"}, "filterValues": {"le": 1e-9},
                 "exemplars": {"color": "rgba(64,120,255,0.8)"}, "legend": {"show": True},
                 "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False}})


def states(title, meaning, queries, mappings, width=8):
    """Bands of states over time; `mappings` give each value a text and a colour."""
    return Panel(
        "state-timeline", title, meaning, queries, "none", width,
        defaults={"mappings": [{"type": "value", "options": {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, text, colour) in enumerate(mappings)}}],
            "color": {"mode": "thresholds"}, "thresholds": steps("text"),
            "custom": {"fillOpacity": 70, "lineWidth": 0}},
        options={"mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.8,
                 "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                 "tooltip": {"mode": "single", "sort": "none"}})


def table(title, meaning, columns, width=24, height=8, links=(), hidden=()):
    """Rows of labels; `columns` are (query, heading, unit), merged where their labels agree."""
    headings = {f"Value #{chr(ord('A') + place)}" if len(columns) > 1 else "Value": heading
                for place, (_, heading, _) in enumerate(columns)}
    fields = [override(heading, unit=unit) for _, heading, unit in columns if heading]
    fields += [override(field, links=[link]) for field, link in links]
    return Panel(
        "table", title, meaning, [(query, "") for query, _, _ in columns], "none", width, height,
        target={"format": "table", "instant": True, "range": False},
        defaults={"custom": {"align": "auto", "filterable": True}}, overrides=fields,
        options={"showHeader": True, "cellHeight": "sm",
                 "footer": {"show": False, "reducer": ["sum"], "countRows": False}},
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {
                "excludeByName": {"Time": True, "__name__": True, **dict.fromkeys(
                    [*hidden, *(name for name, heading in headings.items() if not heading)], True)},
                "renameByName": {name: heading for name, heading in headings.items() if heading},
                "indexByName": {}}}])


class Row:
    def __init__(self, title, *panels):
        self.title, self.panels = title, panels


def queried(name, label, query):
    return {"type": "query", "name": name, "label": label, "datasource": DATASOURCE,
            "query": query, "refresh": 2, "multi": True, "includeAll": True, "allValue": ALL, "sort": 1,
            "current": {"text": ["All"], "value": ["$__all"]}, "options": [], "regex": "",
            "hide": 0, "skipUrlSync": False}


DATASOURCE_VARIABLE = {
    "type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus",
    "options": [], "regex": "", "refresh": 1, "hide": 0, "multi": False,
    "includeAll": False, "skipUrlSync": False}
JOB = queried("job", "Job", "label_values(weir_build_info, job)")
INSTANCE = queried("instance", "Instance", 'label_values(weir_build_info{job=~"$job"}, instance)')
ROUTE = queried("route", "Route", "label_values(weir_requests_accepted_total"
                '{job=~"$job", instance=~"$instance"}, route)')
MODEL = queried("model", "Model", 'label_values(weir_requests_total{job=~"$job", '
                'instance=~"$instance", route=~"$route"}, model)')
FILTERS = {"type": "adhoc", "name": "Filters", "label": "Filters", "datasource": DATASOURCE,
           "filters": [], "hide": 0, "skipUrlSync": False}


def choice(name, label, values, chosen):
    """A variable with a fixed list of texts and values."""
    options = [{"text": text, "value": value, "selected": value == chosen}
               for text, value in values.items()]
    return {"type": "custom", "name": name, "label": label, "multi": False, "includeAll": False,
            "query": ", ".join(f"{text} : {value}" for text, value in values.items()),
            "options": options, "hide": 0, "skipUrlSync": False,
            "current": {key: next(option for option in options if option["selected"])[key]
                        for key in ("text", "value")}}


def annotation(name, colour, query):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False,
            "iconColor": colour, "expr": expand(query), "titleFormat": name,
            "textFormat": "{{instance}}"}


# Grafana looks at annotations each minute whatever the range, hence a range of their own.
ANNOTATIONS = [
    annotation("Restart", "purple", "changes(process_start_time_seconds{@}[2m]) > 0"
               " and on (job, instance) weir_build_info{@}"),
    annotation("Settings applied", "blue",
               'increase(weir_config_reloads_total{@, result="applied"}[2m]) > 0'),
    annotation("Settings refused", "red",
               'increase(weir_config_reloads_total{@, result="refused"}[2m]) > 0'),
]


def dashboard(uid, title, description, variables, rows):
    """A dashboard as Grafana imports and provisions it: no id, and no inputs to be filled in."""
    return {
        "uid": uid, "title": f"weir / {title}", "description": description, "tags": ["weir"],
        "schemaVersion": 41, "version": 1, "editable": False, "graphTooltip": 1,
        "timezone": "browser", "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
        "timepicker": {}, "weekStart": "", "fiscalYearStartMonth": 0, "liveNow": False,
        "annotations": {"list": ANNOTATIONS},
        "links": [{"type": "dashboards", "title": "weir", "tags": ["weir"], "asDropdown": False,
                   "includeVars": True, "keepTime": True, "targetBlank": False, "icon": "external link",
                   "tooltip": "", "url": ""}],
        "templating": {"list": [DATASOURCE_VARIABLE, *variables]},
        "panels": placed(rows),
    }


def placed(rows):
    """Panels from left to right, from top to bottom, each row under its heading."""
    panels, top = [], 0
    for row in rows:
        if row.title:
            panels.append({"type": "row", "title": row.title, "collapsed": False, "panels": [],
                           "gridPos": {"x": 0, "y": top, "w": GRID, "h": 1}})
            top += 1
        left = tallest = 0
        for panel in row.panels:
            if left + panel.width > GRID:
                top, left, tallest = top + tallest, 0, 0
            panels.append({**panel.json, "gridPos": {
                "x": left, "y": top, "w": panel.width, "h": panel.height}})
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return [{"id": place + 1, **panel} for place, panel in enumerate(panels)]
