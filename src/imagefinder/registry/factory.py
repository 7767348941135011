"""Factories: encoders, extractors, matchers and indexes made from names, options or recipes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from inspect import signature
from types import MappingProxyType
from typing import Any

from imagefinder.errors import PluginError
from imagefinder.registry.plugins import PLUGINS, Family, find_plugin, load, plugins
from imagefinder.types import Encoder, Extractor, Index, IndexChoice, Matcher, Measure, Recipe


def make_encoder(spec: str, options: Mapping[str, Any] | None = None) -> Encoder:
    """An encoder from ``name`` or ``name:argument``, and options that are its fields.

    A folder written by ``imagefinder train`` needs no name before it.
    """
    encoder: Encoder = _make("encoders", spec, options)
    return encoder


def make_extractor(spec: str, options: Mapping[str, Any] | None = None) -> Extractor:
    """An extractor of local features, in the same way."""
    extractor: Extractor = _make("extractors", spec, options)
    return extractor


def make_matcher(spec: str, options: Mapping[str, Any] | None = None) -> Matcher:
    """A matcher of local features from its name, and options that are its fields."""
    matcher: Matcher = _construct(spec, load("matchers", spec), dict(options or {}))
    return matcher


def make_index(
    name: str, dim: int, measure: Measure, options: Mapping[str, Any] | None = None
) -> Index:
    """An empty index for vectors of ``dim`` columns. Raises PluginError for wrong options."""
    cls = load("indexes", name)
    _check_measure(name, cls, measure)
    try:
        index: Index = cls(dim, measure, **(options or {}))
    except TypeError as error:
        known = ", ".join(list(signature(cls).parameters)[2:]) or "none"
        raise PluginError(f"{name} does not take these options; its options: {known}") from error
    except ValueError as error:
        raise PluginError(f"{name}: {error}") from error
    return index


def check_index_choice(choice: IndexChoice, dim: int, measure: Measure) -> None:
    """Raises PluginError for an index that cannot be made with this choice."""
    cls = load("indexes", choice.kind)
    _check_measure(choice.kind, cls, measure)
    if choice.options:
        make_index(choice.kind, dim, measure, choice.options)


def _check_measure(name: str, cls: type[Any], measure: Measure) -> None:
    if measure not in cls.measures:
        able = ", ".join(cls.measures)
        raise PluginError(f"the index {name} does not support {measure}, only {able}")


def recipe_of(instance: Encoder | Extractor) -> Recipe:
    """All that is needed to make this encoder or extractor again.

    A class that is no dataclass but has the attribute ``wrapped`` only schedules the work of that
    encoder, so it has the same recipe.
    """
    if not is_dataclass(instance):
        if hasattr(instance, "wrapped"):
            return recipe_of(instance.wrapped)
        raise PluginError(f"{instance!r} is not a dataclass, so its options cannot be recorded")
    name, preset = _name_of(instance)
    options: dict[str, Any] = {}
    runtime: dict[str, Any] = {}
    for option, its_field in _options_of(type(instance)).items():
        if option in preset:
            continue
        value = getattr(instance, its_field.name)
        group = options if its_field.metadata.get("recipe", True) else runtime
        group[option] = list(value) if isinstance(value, tuple) else value
    try:
        json.dumps([options, runtime], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PluginError(f"the options of {instance!r} cannot be recorded: {error}") from error
    revision = getattr(instance, "revision", 1)
    return Recipe(name, options, instance.dim, instance.measure, runtime, revision)


def encoder_from(recipe: Recipe) -> Encoder:
    """The encoder of a recipe. Only registered names are imported, never a path."""
    encoder: Encoder = _from_recipe("encoders", recipe)
    return encoder


def extractor_from(recipe: Recipe) -> Extractor:
    """The extractor of a recipe, in the same way."""
    extractor: Extractor = _from_recipe("extractors", recipe)
    return extractor


def _make(family: Family, spec: str, options: Mapping[str, Any] | None) -> Any:
    name, _, argument = _with_name(family, spec).partition(":")
    cls = load(family, name)
    plugin = find_plugin(family, name)
    if bool(argument) != bool(plugin.argument):
        form = f"{name}:{plugin.argument}" if plugin.argument else name
        raise PluginError(f"write {form} instead of {spec!r}")
    options = dict(options or {})
    if not argument:
        return _build(cls, name, options, plugin.options)
    return cls.from_argument(argument, options)


def _with_name(family: Family, spec: str) -> str:
    """With the plug-in's name added, if it is a folder with that plug-in's marker file."""
    folder = os.path.expanduser(spec)
    marked = [
        name
        for name, plugin in PLUGINS[family].items()
        if plugin.marker and os.path.exists(f"{folder}/{plugin.marker}")
    ]
    return f"{marked[0]}:{spec}" if marked and spec not in plugins(family) else spec


def _from_recipe(family: Family, recipe: Recipe) -> Any:
    cls = load(family, recipe.encoder)
    options = {**recipe.options, **recipe.runtime}
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    return _build(cls, recipe.encoder, frozen, find_plugin(family, recipe.encoder).options)


def _build(cls: type[Any], name: str, options: Mapping[str, Any], preset: Mapping[str, Any]) -> Any:
    plugin = _construct(name, cls, options, preset)
    try:
        _ = plugin.dim, plugin.measure, plugin.resize  # which may be computed from the options
    except (TypeError, ValueError) as error:
        raise PluginError(f"{name}: {error}") from error
    return plugin


def _construct(
    name: str,
    cls: type[Any],
    options: Mapping[str, Any],
    preset: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    known = _options_of(cls)
    allowed = [option for option in known if option not in preset]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        there_are = ", ".join(allowed) or "none"
        raise PluginError(f"{name} has no option {', '.join(unknown)}; its options: {there_are}")
    try:
        chosen = {**options, **preset}
        return cls(**{known[option].name: value for option, value in chosen.items()})
    except (TypeError, ValueError) as error:
        raise PluginError(f"{name}: {error}") from error


def _name_of(instance: Any) -> tuple[str, Mapping[str, Any]]:
    """The registered name, and the options fixed by it."""
    cls = type(instance)
    target = f"{cls.__module__}:{cls.__qualname__}"
    package = cls.__module__.partition(".")[0]
    families: tuple[Family, ...] = ("encoders", "extractors")
    for family in families:
        for name, plugin in PLUGINS[family].items():  # built-in ones need no entry points
            if plugin.target == target and _made_with(instance, plugin.options):
                return name, plugin.options
    for family in families:
        for name, plugin in plugins(family).items():
            if plugin.target == target and _made_with(instance, plugin.options):
                return name, plugin.options
            # a package may register a class by where it is exported, not where it is defined
            foreign = name not in PLUGINS[family] and package == re.split("[.:]", plugin.target)[0]
            if foreign and load(family, name) is cls and _made_with(instance, plugin.options):
                return name, plugin.options
    return target, {}


def _options_of(cls: type[Any]) -> dict[str, Field[Any]]:
    """Fields by option name: ``metadata["option"]``, or the name of the field."""
    return {field.metadata.get("option", field.name): field for field in fields(cls)}


def _made_with(instance: Any, preset: Mapping[str, Any]) -> bool:
    return all(getattr(instance, name) == value for name, value in preset.items())
