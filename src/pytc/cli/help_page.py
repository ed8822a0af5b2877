"""Help as it is read: 80 columns, examples, where to read on; with colours on a terminal that has them."""

from __future__ import annotations

import re

import click

from pytc.cli.examples import EXAMPLES
from pytc.cli.help_texts import Item, Verbatim, parts, wrap_grammar
from pytc.cli.usage import usage
from pytc.commands.dispatch import TOPICS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.cli.help_texts import Prose

WIDTH = 80
#: Columns for words, before what explains them.
_TERMS = 24
#: Manual pages of iproute2 about kinds.
_PAGES_OF_TC = frozenset(
    "basic bfifo bpf cake cbs cgroup choke codel connmark csum ct drr dualpi2 etf ets flow flower fq fq_codel fq_pie "
    "fw gate hfsc htb ife matchall mirred mpls mqprio nat netem pedit pfifo pfifo_fast pie police prio red route "
    "sample sfb sfq simple skbedit skbmod skbprio stab taprio tbf tcindex tunnel_key u32 vlan xt".split()
)
_PLACEHOLDER = re.compile(r"\b[A-Z][A-Z0-9-]*\b")


def render(topic: str, width: int = WIDTH, *, styled: bool = False) -> str:
    """Return the page of help on a topic like ``map dump``, ``filter bpf`` or, empty, on everything."""
    page = _Page(min(width, WIDTH), styled)
    for paragraph in usage(topic).split("\n\n"):
        for part in parts(paragraph):
            page.add(part)
        page.end_paragraph()
    page.add_examples(topic)
    page.add_list("See also:", see_also(topic))
    return page.text()


def see_also(topic: str) -> list[str]:
    """Return where to read on about a topic: manual pages, and the help of what it belongs to."""
    object, _, rest = topic.partition(" ")
    object = "action" if object == "actions" else object
    if object in ("", *TOPICS):
        return ["pytc(8)", "tc(8)", "bpftool(8)"]
    pages = [f"pytc-{object}(8)"]
    if (object == "qdisc" and rest in _PAGES_OF_TC) or (
        object in ("filter", "action", "class") and rest in _PAGES_OF_TC
    ):
        pages.append(f"tc-{rest}(8)")
    elif object in ("qdisc", "class", "filter", "chain", "action", "actions", "monitor"):
        pages.append("tc(8)")
    return [*pages, *([f"pytc help {object}"] if rest else [])]


class _Page:
    def __init__(self, width: int, styled: bool) -> None:
        self._width = width
        self._styled = styled
        self._blocks: list[str] = []
        self._items: list[Item] = []

    def text(self) -> str:
        return "\n".join(self._blocks)

    def add(self, part: Verbatim | Item | Prose) -> None:
        if isinstance(part, Item):
            self._items.append(part)
            return
        self.end_paragraph()
        if isinstance(part, Verbatim):
            self._blocks.append("".join(f"{self._grammar(line)}\n" for line in wrap_grammar(part.lines, self._width)))
        else:
            self._blocks.append(click.wrap_text(part.text, self._width) + "\n")

    def add_examples(self, topic: str) -> None:
        lines = []
        for line, text in EXAMPLES.get(topic, ()):
            command = f"  pytc {line}"
            remark = f"  # {text}" if text else ""
            wide = len(command) + len(remark) > self._width
            lines += [f"  # {text}"] if text and wide else []
            lines += self._command(command) if wide else [command + self._style(remark, dim=True)]
        if lines:
            self._blocks.append(self._style("Examples:", bold=True) + "\n" + "".join(f"{line}\n" for line in lines))

    def _command(self, line: str) -> list[str]:
        """Return a command in lines that the shell joins again."""
        lines = []
        while len(line) > self._width:
            at = line.rfind(" ", 4, self._width - 2)
            if at < 0:
                break
            lines.append(f"{line[:at]} \\")
            line = f"    {line[at + 1 :]}"
        return [*lines, line]

    def add_list(self, title: str, words: list[str]) -> None:
        text = click.wrap_text(f"{title} {', '.join(words)}", self._width)
        self._blocks.append(text.replace(title, self._style(title, bold=True), 1) + "\n")

    def end_paragraph(self) -> None:
        if not self._items:
            return
        formatter = click.HelpFormatter(width=self._width)
        rows = [(self._style(item.term, bold=True), item.text) for item in self._items]
        formatter.write_dl(rows, col_max=_TERMS, col_spacing=2)
        self._blocks.append(formatter.getvalue())
        self._items = []

    def _grammar(self, line: str) -> str:
        if not self._styled:
            return line
        head, colon, rest = line.partition("Usage:")
        if colon:
            return head + click.style(colon, bold=True) + self._placeholders(rest)
        return self._placeholders(line)

    def _placeholders(self, line: str) -> str:
        return _PLACEHOLDER.sub(lambda found: click.style(found[0], fg="cyan"), line)

    def _style(self, text: str, *, bold: bool | None = None, dim: bool | None = None) -> str:
        return click.style(text, bold=bold, dim=dim) if self._styled else text
