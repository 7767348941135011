"""Downloads from a model hub: resumed when the connection breaks, kept in a cache, offline if told.

The variables of huggingface_hub hold: HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

from imagefinder.errors import MissingExtra, ModelError
from imagefinder.registry.pretrained import Source

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def download(source: Source, again: bool = False) -> Path:
    """The file in the hub's cache, fetched if it is not there, or ``again`` over what is there.

    A bar on stderr shows how far it is, if that is a terminal. Raises MissingExtra or ModelError.
    """
    hub = _huggingface_hub()
    online = _is_in_reach(source, hub)
    if again and not online:
        raise ModelError(f"{source} cannot be had anew: {_out_of_reach(hub)}")
    try:
        path = hub.hf_hub_download(
            source.repository,
            source.file,
            revision=source.revision,
            force_download=again,
            local_files_only=not online,
        )
    except Exception as error:  # the hub's own, HTTP's and the disk's have no base in common
        raise ModelError(f"{source} cannot be had: {_reason(error, hub)}") from error
    return Path(path)


def _is_in_reach(source: Source, hub: Any) -> bool:
    """Whether the hub answers at all; a download would try for half a minute to find out."""
    url = hub.hf_hub_url(source.repository, source.file, revision=source.revision)
    try:
        hub.get_hf_file_metadata(url)
    except hub.errors.HfHubHTTPError:
        return True
    except Exception:  # HTTP's own, or that HF_HUB_OFFLINE is set
        return False
    return True


def _huggingface_hub() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ModuleNotFoundError as error:
        raise MissingExtra("downloads need: pip install 'imagefinder[hub]'") from error
    hub: Any = huggingface_hub
    hub.logging.set_verbosity_error()  # we say what went wrong
    if not (sys.stderr and sys.stderr.isatty()):
        disable_progress_bars()
    return hub


def _reason(error: Exception, hub: Any) -> str:
    """What went wrong, and what to do."""
    kinds = hub.errors
    if getattr(error, "errno", None) in _FULL:
        return f"the disk is full: make room in {hub.constants.HF_HUB_CACHE}, or set HF_HOME"
    answer = error.response.status_code if isinstance(error, kinds.HfHubHTTPError) else None
    if isinstance(error, kinds.GatedRepoError):
        return "its owner asks for consent: give it on the model's page, then set HF_TOKEN"
    if isinstance(error, kinds.RepositoryNotFoundError) or answer in (401, 403):
        return "there is no such repository, or it is private: check its name, or set HF_TOKEN"
    if isinstance(error, kinds.RevisionNotFoundError):
        return "the repository has no such revision: check its row"
    if isinstance(error, kinds.RemoteEntryNotFoundError):
        return "the repository has no such file: check its row"
    if isinstance(error, kinds.LocalEntryNotFoundError):
        return _out_of_reach(hub)
    if answer is not None:
        return f"the hub answers {answer}: try again later"
    return f"{_first_line(error)}: try again"


def _out_of_reach(hub: Any) -> str:
    if hub.constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set and it is not in the cache: unset it, or add the file by hand"
    endpoint = hub.constants.ENDPOINT
    return f"{endpoint} cannot be reached: check the network or HF_ENDPOINT, or add it by hand"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")
