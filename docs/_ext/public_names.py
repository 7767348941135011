"""Fails the build for a public name that is missing in the reference or has no docstring."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_config_value("public_modules", [], "env", list)
    app.connect("builder-inited", _load)
    app.connect("env-check-consistency", _check)
    return {"parallel_read_safe": True}


def public_names(module: ModuleType) -> list[str]:
    """Those of ``__all__``, else the classes, functions and type aliases that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    body = ast.parse(inspect.getsource(module)).body
    return [name for node in body for name in _defined(node) if not name.startswith("_")]


def _load(app: Sphinx) -> None:
    """Names that a module imports on first use, where autodoc looks for them."""
    for module in map(import_module, app.config.public_modules):
        for name in public_names(module):
            setattr(module, name, getattr(module, name))


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    documented = cast("PythonDomain", env.get_domain("py")).objects
    modules = app.config.public_modules
    for module_name in modules:
        module = import_module(module_name)
        for name in public_names(module):
            value = getattr(module, name)
            homes = {module_name, *modules, getattr(value, "__module__", None)}
            if not {f"{home}.{name}" for home in homes} & set(documented):
                log.warning("%s.%s is public, but not in the reference", module_name, name)
            for undocumented in _without_docstring(f"{module_name}.{name}", value):
                log.warning("%s has no docstring", undocumented)


def _without_docstring(name: str, value: Any) -> Iterator[str]:
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return
    if not inspect.getdoc(value):
        yield name
    if not inspect.isclass(value):
        return
    for member, found in vars(value).items():
        inner = getattr(found, "__func__", found)
        described = inspect.isroutine(inner) or isinstance(inner, property)
        if described and not member.startswith("_") and not inner.__doc__:
            yield f"{name}.{member}"
