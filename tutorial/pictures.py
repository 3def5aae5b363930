#!/usr/bin/python3
# pictures.py LESSON...: draws each lesson's diagram, the indented block before its "(Picture: ...)" line, as
# an SVG beside it. What the drawing shows is told in the lesson's comment "<!-- picture ... -->".
import html
import re
import sys

W, H, PAD = 8.4, 18, 12

STYLE = """svg{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
text{fill:#222;white-space:pre}path{stroke:#27639b;stroke-width:1.6;fill:none;stroke-linecap:round}
.dots{stroke-dasharray:1 5}.thick{stroke-width:4}.head{fill:#27639b;stroke:none}.sheet{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6e6e6}path{stroke:#7fb6ea}.head{fill:#7fb6ea}.sheet{fill:#16191d}}"""


class Grid:
    def __init__(self, lines):
        self.lines = lines
        self.line = set()  # cells that are part of a line, not of a word

    def at(self, y, x):
        row = self.lines[y] if 0 <= y < len(self.lines) else ''
        return row[x] if 0 <= x < len(row) else ' '

    def find_lines(self):
        for y, row in enumerate(self.lines):
            for m in re.finditer(r'<?([-=])\1+>?|\.{5,}|-+(?=\+)|(?<=\+)-+', row):
                text = m.group()
                edge = '+' in (self.at(y, m.start() - 1), self.at(y, m.end()))
                if len(text.strip('<>')) >= 3 or text[0] == '<' or text[-1] == '>' or edge:
                    self.line.update((y, x) for x in range(m.start(), m.end()))
        for y, row in enumerate(self.lines):
            for x, c in enumerate(row):
                ends = '|+v^'
                if c == '|' and (self.at(y - 1, x) in ends or self.at(y + 1, x) in ends
                                 or (y - 1, x) in self.line or (y + 1, x) in self.line):
                    self.line.add((y, x))
                if c == '+' and ((y, x - 1) in self.line or (y, x + 1) in self.line):
                    self.line.add((y, x))
        for y, row in enumerate(self.lines):
            for x, c in enumerate(row):
                alone = self.at(y, x - 1) == ' ' and self.at(y, x + 1) == ' '
                if (c == 'v' and (y - 1, x) in self.line or c == '^' and (y + 1, x) in self.line) and alone:
                    self.line.add((y, x))

    def draw(self, out):
        for y, x in sorted(self.line):
            c, cx, cy = self.at(y, x), PAD + (x + .5) * W, PAD + (y + .5) * H
            left, right, top, bottom = cx - W / 2, cx + W / 2, cy - H / 2, cy + H / 2
            if c in '-=.':
                kind = {'-': '', '=': ' class="thick"', '.': ' class="dots"'}[c]
                out.append(f'<path{kind} d="M{left:.1f} {cy:.1f}H{right:.1f}"/>')
            elif c == '|':
                out.append(f'<path d="M{cx:.1f} {top:.1f}V{bottom:.1f}"/>')
            elif c == '+':
                for dy, dx, to in ((0, -1, f'H{left:.1f}'), (0, 1, f'H{right:.1f}'),
                                   (-1, 0, f'V{top:.1f}'), (1, 0, f'V{bottom:.1f}')):
                    if (y + dy, x + dx) in self.line:
                        out.append(f'<path d="M{cx:.1f} {cy:.1f}{to}"/>')
            else:
                tip = {'>': (right, cy, left, cy - 5, left, cy + 5), '<': (left, cy, right, cy - 5, right, cy + 5),
                       'v': (cx, bottom, cx - 5, top, cx + 5, top), '^': (cx, top, cx - 5, bottom, cx + 5, bottom)}[c]
                out.append('<path class="head" d="M%.1f %.1fL%.1f %.1fL%.1f %.1fZ"/>' % tip)
        for y, row in enumerate(self.lines):
            words = ''.join(' ' if (y, x) in self.line else c for x, c in enumerate(row))
            for m in re.finditer(r'\S+(?: \S+)*', words):
                out.append(f'<text x="{PAD + m.start() * W:.1f}" y="{PAD + (y + .72) * H:.1f}" '
                           f'textLength="{len(m.group()) * W:.1f}">{html.escape(m.group())}</text>')


def picture(path):
    text = open(path, encoding='utf-8').read()
    title = re.search(r'^# (.*)', text, re.M).group(1)
    what = ' '.join(re.search(r'<!-- picture\n(.*?)\n-->', text, re.S).group(1).split())
    block = []
    for row in reversed(text[:text.index('(Picture: ')].split('\n')):
        if row.strip() and not row.startswith('    '):
            break
        block.insert(0, row)
    block = '\n'.join(block).strip('\n').split('\n')
    indent = min(len(row) - len(row.lstrip()) for row in block if row.strip())
    grid = Grid([row[indent:] for row in block])
    width, height = max(map(len, grid.lines)) * W + 2 * PAD, len(grid.lines) * H + 2 * PAD
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
           f'width="{width:.0f}" height="{height:.0f}" aria-labelledby="t d">',
           f'<title id="t">{html.escape(title)}</title>', f'<desc id="d">{html.escape(what)}</desc>',
           f'<style>{STYLE}</style>', '<rect class="sheet" width="100%" height="100%" rx="8"/>']
    grid.find_lines()
    grid.draw(out)
    with open(path[:-3] + '.svg', 'w', encoding='utf-8') as f:
        f.write('\n'.join(out + ['</svg>', '']))


for lesson in sys.argv[1:]:
    picture(lesson)
