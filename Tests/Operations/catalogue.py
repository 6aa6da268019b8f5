"""What weir's metrics may be called and labelled, as docs/metrics.md has it from the code; and what a
query asks for that is not among it."""

import re

import promql_parser

from processes import ROOT

PAGE = (ROOT / "docs/metrics.md").read_text()
# Families, with the labels of each.
METRICS = {name: set(re.findall(r"\w+", labels)) for name, labels in re.findall(
    r"^\| `(\w+)` \| (?:counter|gauge|histogram) \| ([^|]*) \|", PAGE, re.M)}
# (family, label): the values of a closed set.
VALUES = {(family, label): set(re.findall(r"`([^`]+)`", values))
          for label, values, families in re.findall(
              r"^\| (\w+) \| (`[^|]+) \| (`[^|]+) \|$", PAGE, re.M)
          for family in re.findall(r"`(\w+)`", families)}
RECORDED = set(re.findall(
    r"record: (\S+)", (ROOT / "deploy/prometheus/rules/weir.rules.yml").read_text()))
# Prometheus' own, and what it adds to every series.
OTHERS = {"up", "ALERTS"}
ADDED_LABELS = {"job", "instance", "le", "alertname", "alertstate"}


def nodes(expression, inside=()):
    """Every expression in it, with the names of the functions around each."""
    yield expression, inside
    if isinstance(expression, promql_parser.Call):
        inside += (expression.func.name,)
    for name in ("expr", "lhs", "rhs", "param", "vs", "vector_selector"):
        inner = getattr(expression, name, None)
        if inner is not None and not isinstance(inner, str):
            yield from nodes(inner, inside)
    for argument in getattr(expression, "args", None) or ():
        yield from nodes(argument, inside)


def selectors(query):
    """The vector selectors of a query, with the functions around each."""
    return [(node, inside) for node, inside in nodes(promql_parser.parse(query))
            if isinstance(node, promql_parser.VectorSelector)]


def family_of(series):
    """The family of a series; a histogram's has three kinds of them."""
    return re.sub(r"_(bucket|sum|count)$", "", series)


def families_of(query):
    return {family_of(node.name) for node, _ in selectors(query)}


def unknown(query):
    """Names, labels and values in a query's selectors that weir never shows."""
    for node, _ in selectors(query):
        family = family_of(node.name)
        if family not in METRICS:
            if family not in RECORDED | OTHERS:
                yield f"{node.name}: no such metric"
            continue
        for matcher in node.matchers.matchers:
            if matcher.name not in METRICS[family] | ADDED_LABELS:
                yield f"{node.name}: no label {matcher.name}"
            allowed = VALUES.get((family, matcher.name))
            plain = re.fullmatch(r"[\w|]+", matcher.value)
            if allowed and plain and not set(matcher.value.split("|")) <= allowed:
                yield f"{node.name}: {matcher.name} is never {matcher.value}"
