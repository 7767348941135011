"""Self-contained HTML pages from Jinja2 templates, with autoescape, a strict CSP and dark mode."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_SCALE = 0.6  # of a plot on the page


def render(package: str | None, template: str, **values: Any) -> str:
    """A template from a package's ``templates`` folder, filled in.

    It may extend ``base.html``, which needs a ``title``, and import from ``macros.html``.
    """
    return "".join(stream(package, template, **values))


def stream(package: str | None, template: str, **values: Any) -> Iterator[str]:
    """The same piece by piece, for pages that are too large for memory."""
    return _environment(package or __package__).get_template(template).generate(**values)


@cache
def _environment(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader(name) for name in dict.fromkeys((package, __package__))]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


@dataclass(frozen=True)
class ThemedPlot:
    """One plot as PNG, for light and for dark mode."""

    name: str
    light: bytes
    dark: bytes
    wide: bool = False
    """Whether it takes a line of its own."""

    @property
    def light_url(self) -> str:
        """The plot itself, as a data URL."""
        return data_url(self.light)

    @property
    def dark_url(self) -> str:
        """The same for dark mode."""
        return data_url(self.dark)

    @property
    def width(self) -> int:
        """In pixels of the page, so that the text in all plots has the same size."""
        return round(_SCALE * int.from_bytes(self.light[16:20], "big"))  # PNG's first chunk, IHDR


def data_url(content: bytes, kind: str = "png") -> str:
    """An image file as a URL that contains it."""
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


# until the training report is a template too


def document(title: str, body: str) -> str:
    """A page whose ``title`` is text, and ``body`` HTML."""
    from markupsafe import Markup

    return render(None, "plain.html", title=title, body=Markup(body))  # noqa: S704


def tile(name: str, value: str, note: str) -> str:
    """A number in large type, and a note below."""
    return f'<div class="tile">{name}<b>{value}</b><small>{note}</small></div>'


def table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Of cells of HTML, the first of each row its heading."""
    body = "".join(
        f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    heads = "".join(f"<th>{name}</th>" for name in head)
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def plot(name: str, light: bytes, dark: bytes) -> str:
    """The same plot, as PNG, for light and for dark mode."""
    drawn = ThemedPlot(name, light, dark)
    return (
        '<picture class="half">'
        f'<source media="(prefers-color-scheme: dark)" srcset="{drawn.dark_url}">'
        f'<img alt="{name}" width="{drawn.width}" src="{drawn.light_url}"></picture>'
    )


data = data_url
