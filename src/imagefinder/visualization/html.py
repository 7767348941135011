"""Self-contained HTML pages from Jinja2 templates, with autoescape, a strict CSP and dark mode."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_SCALE = 0.6  # of a plot on the page


def render(package: str, template: str, **values: Any) -> str:
    """A template from a package's ``templates`` folder, filled in.

    It may extend ``base.html``, which needs a ``title``, and import from ``macros.html``.
    """
    return "".join(stream(package, template, **values))


def stream(package: str, template: str, **values: Any) -> Iterator[str]:
    """The same piece by piece, for pages that are too large for memory."""
    return _environment(package).get_template(template).generate(**values)


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
