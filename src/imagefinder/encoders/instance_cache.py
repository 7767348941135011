"""Instance cache: encoders and extractors that stay ready to run from call to call.

A model is compiled when an encoder is first used, which takes longer than encoding many images.
"""

from __future__ import annotations

import atexit
import os
from threading import Lock
from typing import Any, TypeAlias, TypeVar

from imagefinder.errors import PluginError
from imagefinder.registry.factory import recipe_of
from imagefinder.registry.recipes import to_json
from imagefinder.types import Encoder, Extractor

Made = TypeVar("Made", bound=Encoder | Extractor)
_Key: TypeAlias = tuple[type, str]


class InstanceCache:
    """The instances used last, each with another recipe or another runtime. Safe for threads."""

    def __init__(self, most: int) -> None:
        """Of more than ``most``, the one not used for the longest time is let go."""
        self._most = most
        self._lock = Lock()
        self._kept: dict[_Key, Any] = {}  # the one used last is the last
        self._disowned: list[Any] = []

    def shared(self, made: Made) -> Made:
        """The instance kept from an earlier call in place of an equal one; else itself, kept.

        One whose options cannot be recorded is not kept.
        """
        try:
            key = type(made), to_json(recipe_of(made))
        except PluginError:
            return made
        with self._lock:
            shared: Made = self._kept.pop(key, made)
            self._kept[key] = shared
            surplus = [self._kept.pop(one) for one in list(self._kept)[: -self._most]]
        del surplus  # freed outside the lock: it may wait for threads of its runtime
        return shared

    def clear(self) -> None:
        """Let all of them go."""
        with self._lock:
            kept, self._kept = self._kept, {}
        del kept

    def forget(self) -> None:
        """After a fork: their threads are the parent's, and whoever waited for them would hang."""
        self._disowned += self._kept.values()  # freeing them would wait as well
        self._lock, self._kept = Lock(), {}


INSTANCES = InstanceCache(most=4)
"""Of this process."""
atexit.register(INSTANCES.clear)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=INSTANCES.forget)
