"""Hugging Face Hub client: resumable downloads into its cache, and an offline mode.

The environment variables of huggingface_hub apply: HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from imagefinder._utils.disk_space import is_full
from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import ModelFile


def download(source: ModelFile, again: bool = False) -> Path:
    """The file in the hub's cache; downloaded if it is missing, or ``again`` if it is damaged.

    Shows a progress bar if stderr is a terminal. Raises MissingExtra or ModelError.
    """
    hub = _huggingface_hub()
    online = _is_reachable(source, hub)
    if again and not online:
        raise ModelError(f"{source} cannot be downloaded again: {_unreachable(hub)}")
    try:
        path = hub.hf_hub_download(
            source.repository,
            source.file,
            revision=source.revision,
            force_download=again,
            local_files_only=not online,
        )
    except Exception as error:  # the hub's, HTTP's and the disk's errors share no base class
        raise ModelError(f"{source} cannot be downloaded: {_reason(error, hub)}") from error
    return Path(path)


def _is_reachable(source: ModelFile, hub: Any) -> bool:
    """Whether the hub answers; a download would take half a minute to find out."""
    url = hub.hf_hub_url(source.repository, source.file, revision=source.revision)
    try:
        hub.get_hf_file_metadata(url)
    except hub.errors.HfHubHTTPError:
        return True
    except Exception:  # no connection, or HF_HUB_OFFLINE is set
        return False
    return True


def _huggingface_hub() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    hub = optional_import("huggingface_hub", "hub", "downloading models")
    hub.logging.set_verbosity_error()  # errors are reported here
    if not (sys.stderr and sys.stderr.isatty()):
        hub.utils.disable_progress_bars()
    return hub


def _reason(error: Exception, hub: Any) -> str:
    """The reason, and the remedy."""
    kinds = hub.errors
    if is_full(error):
        return f"the disk is full: free some space in {hub.constants.HF_HUB_CACHE}, or set HF_HOME"
    status = error.response.status_code if isinstance(error, kinds.HfHubHTTPError) else None
    if isinstance(error, kinds.GatedRepoError):
        return "its owner requires consent: accept the terms on the model's page, then set HF_TOKEN"
    if isinstance(error, kinds.RepositoryNotFoundError) or status in (401, 403):
        return "the repository does not exist or is private: check its name, or set HF_TOKEN"
    if isinstance(error, kinds.RevisionNotFoundError):
        return "the repository has no such revision: check the model's row in models.toml"
    if isinstance(error, kinds.RemoteEntryNotFoundError):
        return "the repository has no such file: check the model's row in models.toml"
    if isinstance(error, kinds.LocalEntryNotFoundError):
        return _unreachable(hub)
    if status is not None:
        return f"the hub responded with HTTP status {status}: try again later"
    return f"{one_line(error)}: try again"


def _unreachable(hub: Any) -> str:
    if hub.constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set and the file is not cached: unset it, or add the file"
    endpoint = hub.constants.ENDPOINT
    return (
        f"{endpoint} cannot be reached: check the network or HF_ENDPOINT, or add the file by hand"
    )
