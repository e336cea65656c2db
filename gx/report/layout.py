"""Where boxes and wires stand: Graphviz decides, without a font, so that every machine draws the same picture."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import pygraphviz

from gx.report.flows import SHOWN, Box, Flows, Lane, Layer, Wire

POINTS_PER_INCH = 72
LETTER = 7.4
"""Width of a letter in points, for the size of a box: the browser's font is not known."""
LINE = 18
PADDING = 12
TITLE = 22
"""Height that a lane's title takes."""
LANE_PADDING = 14
MARGIN = 4
COLUMNS = {"rankdir": "LR", "ranksep": "0.9", "nodesep": "0.22", "newrank": "true"}
"""From left to right, with distances in inches."""
_WAY_IN = (Lane.USERS, Lane.EDGE)
MOST_BOXES = 120
"""More than a user can see, and than can be laid out while one waits."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle in points, from the upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What is drawn where.

    Attributes:
        width: Of the whole, in points.
        height: Of the whole, in points.
        boxes: Area of each box, by its key.
        lanes: Area of each lane that holds a box.
        paths: Path of each wire, as SVG writes one.
    """

    width: float
    height: float
    boxes: dict[str, Area]
    lanes: dict[Lane, Area]
    paths: dict[Wire, str]


def lines_of(box: Box) -> list[tuple[str, str]]:
    """Return the lines of a box: (name, ports) of each member that is shown, then how many are not."""
    shown = [(name, box.ports[name]) for name in box.members[:SHOWN]]
    rest = len(box.members) - len(shown)
    return [*shown, (f"and {rest} more", "")] if rest else shown


def picture_of(flows: Flows) -> Picture | None:
    """Return the picture of a network's flows, or None where it has more boxes than a user can see.

    The main wires decide where the boxes stand; the others are then led around them.
    """
    if len(flows.boxes) > MOST_BOXES:
        return None
    main = [wire for wire in flows.wires if wire.layer is Layer.REQUESTS]
    others = [wire for wire in flows.wires if wire.layer is not Layer.REQUESTS]
    with closing(_graph(flows.boxes, [*main, *_holding(flows, main)], **COLUMNS)) as placed:
        placed.layout(prog="dot")
        at = {box.key: _numbers(str(placed.get_node(box.key).attr["pos"])) for box in flows.boxes}
        splines = {wire: _spline(placed, wire) for wire in main}
    with closing(_graph(flows.boxes, others)) as led:
        for key, (x, y) in at.items():
            led.get_node(key).attr["pos"] = f"{x},{y}"
        led.layout(prog="nop")  # the boxes stay where they are
        key, (x, y) = next(iter(at.items()))  # but the origin may have moved
        new_x, new_y = _numbers(str(led.get_node(key).attr["pos"]))
        for wire in others:
            splines[wire] = [(x - new_x + a, y - new_y + b) for a, b in _spline(led, wire)]
    return _drawn(flows, at, splines)


def _holding(flows: Flows, main: Sequence[Wire]) -> Iterator[Wire]:
    """Yield one wire of each box that no main wire touches: without it the box would stand at the far left."""
    touched = {key for wire in main for key in (wire.source, wire.target)}
    services = {box.key for box in flows.boxes if box.lane is Lane.SERVICES}
    for box in flows.boxes:
        if box.key not in touched and box.lane is not Lane.USERS:
            own = [wire for wire in flows.wires if box.key in (wire.source, wire.target)]
            yield from sorted(own, key=lambda wire: not services & {wire.source, wire.target})[:1]


def _graph(boxes: Sequence[Box], wires: Iterable[Wire], **attributes: str) -> pygraphviz.AGraph:
    graph = pygraphviz.AGraph(directed=True, splines="true", **attributes)
    graph.node_attr.update(shape="box", fixedsize="true", label="")
    for box in boxes:
        width, height = _size(box)
        graph.add_node(box.key, width=f"{width / POINTS_PER_INCH:.3f}", height=f"{height / POINTS_PER_INCH:.3f}")
    for lane in Lane:
        keys = [box.key for box in boxes if box.lane is lane]
        if keys:
            graph.add_subgraph(keys, name=f"cluster_{lane.name}", margin=str(LANE_PADDING + TITLE))
    lanes = {box.key: box.lane for box in boxes}
    for wire in wires:
        straight = lanes[wire.source] in _WAY_IN and lanes[wire.target] in _WAY_IN
        graph.add_edge(wire.source, wire.target, weight="20" if straight else "1")
    return graph


def _size(box: Box) -> tuple[float, float]:
    lines = lines_of(box)
    return max(len(f"{name} {ports}") for name, ports in lines) * LETTER + 2 * PADDING, len(lines) * LINE + PADDING


def _numbers(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return float(x), float(y)


def _spline(graph: pygraphviz.AGraph, wire: Wire) -> list[tuple[float, float]]:
    """Return the points of a wire: where it begins, three for each curve, and the tip of its arrow."""
    head, *points = str(graph.get_edge(wire.source, wire.target).attr["pos"]).split()
    return [*map(_numbers, points), _numbers(head.removeprefix("e,"))]


def _drawn(flows: Flows, at: dict[str, tuple[float, float]], splines: dict[Wire, list[tuple[float, float]]]) -> Picture:
    """Turn Graphviz's upward coordinates into downward ones that begin in the corner of everything that is drawn."""
    areas: dict[str, Area] = {}
    for box in flows.boxes:
        (x, y), (width, height) = at[box.key], _size(box)
        areas[box.key] = Area(x=x - width / 2, y=-y - height / 2, width=width, height=height)
    lanes = {
        lane: _around([areas[box.key] for box in flows.boxes if box.lane is lane], LANE_PADDING, TITLE)
        for lane in Lane
        if any(box.lane is lane for box in flows.boxes)
    }
    bends = [Area(x=x, y=-y, width=0, height=0) for points in splines.values() for x, y in points]
    whole = _around([*lanes.values(), *bends], MARGIN)
    return Picture(
        width=whole.width,
        height=whole.height,
        boxes={key: _moved(area, whole) for key, area in areas.items()},
        lanes={lane: _moved(area, whole) for lane, area in lanes.items()},
        paths={wire: _path([(x - whole.x, -y - whole.y) for x, y in points]) for wire, points in splines.items()},
    )


def _around(areas: Sequence[Area], padding: float, title: float = 0) -> Area:
    left, top = min(area.x for area in areas) - padding, min(area.y for area in areas) - padding - title
    right = max(area.x + area.width for area in areas) + padding
    bottom = max(area.y + area.height for area in areas) + padding
    return Area(x=left, y=top, width=right - left, height=bottom - top)


def _moved(area: Area, corner: Area) -> Area:
    return Area(x=area.x - corner.x, y=area.y - corner.y, width=area.width, height=area.height)


def _path(points: Sequence[tuple[float, float]]) -> str:
    first, *curves, tip = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{first} C{' '.join(curves)} L{tip}"
