# load/bench/picture.py - line charts as SVG that read well on a light and on a dark page
#
# A chart is a list of lines over one x axis. The colours come from a style sheet inside the file, with a second set for
# readers who asked for dark; dashes and marks tell the lines apart without colours.
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 820, 400
LEFT, RIGHT, TOP, BOTTOM = 78, 168, 54, 58

STYLE = """
  .page { fill: #ffffff } .frame { stroke: #8a929c; fill: none } .grid { stroke: #dfe3e8; stroke-width: 1 }
  text { fill: #24292f; font: 13px system-ui, "DejaVu Sans", sans-serif } .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 12px; fill: #57606a } .line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
  .c0 { stroke: #0b63ce } .c1 { stroke: #c2410c } .c2 { stroke: #16794c } .c3 { stroke: #7c3aed } .c4 { stroke: #8a929c }
  .m0 { fill: #0b63ce } .m1 { fill: #c2410c } .m2 { fill: #16794c } .m3 { fill: #7c3aed } .m4 { fill: #8a929c }
  .mark { stroke: none } .band { stroke-width: 1.2 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .frame { stroke: #6e7681 } .grid { stroke: #262c34 }
    text { fill: #e6edf3 } .small { fill: #9da7b3 }
    .c0 { stroke: #58a6ff } .c1 { stroke: #ff9a57 } .c2 { stroke: #4ac27d } .c3 { stroke: #bc8cff } .c4 { stroke: #6e7681 }
    .m0 { fill: #58a6ff } .m1 { fill: #ff9a57 } .m2 { fill: #4ac27d } .m3 { fill: #bc8cff } .m4 { fill: #6e7681 }
  }
"""
DASHES = ("", "7 4", "2 3", "9 3 2 3", "4 4")


class Line:
    """points: (x, y) or (x, y, least, most), in rising x."""

    def __init__(self, name, points, colour=0, has_marks=True):
        self.name, self.points, self.colour, self.has_marks = name, points, colour, has_marks


def round_steps(most, count=6):
    """Round numbers from 0 to at least most, about count of them."""
    if most <= 0:
        return [0, 1]
    raw = most / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    last = math.ceil(most / step - 1e-9)
    return [n * step for n in range(last + 1)]


def log_steps(least, most):
    """1, 2 and 5 times powers of ten that enclose least and most."""
    steps, power = [], math.floor(math.log10(least))
    while not steps or steps[-1] < most:
        steps += [factor * 10.0 ** power for factor in (1, 2, 5)]
        power += 1
    low = max(n for n, step in enumerate(steps) if step <= least * 1.0001)
    high = min(n for n, step in enumerate(steps) if step >= most * 0.9999)
    return steps[low:max(high, low + 1) + 1]


def label(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


class Chart:
    def __init__(self, title, x_name, y_name, is_log=False, about=""):
        self.title, self.x_name, self.y_name, self.is_log, self.about = title, x_name, y_name, is_log, about
        self.lines = []

    def add(self, line):
        if line.points:
            self.lines.append(line)

    def _scales(self):
        xs = [point[0] for line in self.lines for point in line.points]
        ys = [y for line in self.lines for point in line.points for y in point[1:]]
        self.x_steps = round_steps(max(xs))
        if self.is_log:
            self.y_steps = log_steps(min(y for y in ys if y > 0), max(ys))
        else:
            self.y_steps = round_steps(max(ys))

    def _x(self, x):
        return LEFT + (WIDTH - LEFT - RIGHT) * x / self.x_steps[-1]

    def _y(self, y):
        low, high = self.y_steps[0], self.y_steps[-1]
        if self.is_log:
            share = (math.log(max(y, low)) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            share = y / high
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def _axes(self):
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for step in self.y_steps:
            y = self._y(step)
            yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
            yield f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label(step)}</text>'
        for step in self.x_steps:
            x = self._x(step)
            yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>'
            yield f'<text class="small" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label(step)}</text>'
        yield f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}"/>'
        yield f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 16}" text-anchor="middle">{escape(self.x_name)}</text>'
        middle = (TOP + bottom) / 2
        yield (f'<text x="18" y="{middle:.0f}" text-anchor="middle" '
               f'transform="rotate(-90 18 {middle:.0f})">{escape(self.y_name)}</text>')

    def _line(self, line):
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y, *_ in line.points)
        dash = DASHES[line.colour]
        yield (f'<polyline class="line c{line.colour}" points="{path}"'
               f'{f" stroke-dasharray={chr(34)}{dash}{chr(34)}" if dash else ""}/>')
        for x, y, *ends in line.points:
            if ends and ends[0] != ends[1]:
                yield (f'<line class="band c{line.colour}" x1="{self._x(x):.1f}" y1="{self._y(ends[0]):.1f}" '
                       f'x2="{self._x(x):.1f}" y2="{self._y(ends[1]):.1f}"/>')
            if line.has_marks:
                yield f'<circle class="mark m{line.colour}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3.4"/>'

    def _names(self):
        """Each name beside its line's end, moved apart where ends are close."""
        places, last = [], TOP - 20
        for line in sorted(self.lines, key=lambda line: self._y(line.points[-1][1])):
            last = max(self._y(line.points[-1][1]), last + 17)
            places.append((last, line))
        too_low = max(0, places[-1][0] - (HEIGHT - BOTTOM))
        for y, line in places:
            x = self._x(line.points[-1][0]) + 9
            yield f'<text class="m{line.colour}" x="{x:.1f}" y="{y - too_low + 4:.1f}">{escape(line.name)}</text>'

    def svg(self):
        self._scales()
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                 f'height="{HEIGHT}" role="img" aria-label="{escape(self.title, {chr(34): "&quot;"})}">',
                 f"<title>{escape(self.title)}</title>", f"<style>{STYLE}</style>",
                 f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
                 f'<text class="title" x="{LEFT}" y="24">{escape(self.title)}</text>',
                 f'<text class="small" x="{LEFT}" y="43">{escape(self.about)}</text>', *self._axes()]
        for line in self.lines:
            parts += self._line(line)
        return "\n".join([*parts, *self._names(), "</svg>"]) + "\n"
