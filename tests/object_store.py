"""Object stores of the tests' own, on localhost.

S3 is moto's, from the wheel ``moto[server]``; Google's is the same, whose headers are translated;
Azure's is Azurite, which ``make client-tools`` installs.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from tests.ports import free_port

ROOT = Path(__file__).parents[1]
TOOLS = Path(os.environ.get("IMAGEFINDER_CLIENT_TOOLS") or ROOT / ".client-tools")


class ObjectStore(ABC):
    """Listens on a free port; each bucket is a test's own."""

    scheme: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        """``folder`` is for its files."""
        self.folder = folder
        self._numbers = count()
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            self._command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        while not self._answers(port):
            assert self._process.poll() is None, "the object store has not started"
            time.sleep(0.05)

    @property
    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """What a program needs to reach it."""

    @abstractmethod
    def put(self, url: str, data: bytes) -> str:
        """Write an object; returns its URL."""

    @abstractmethod
    def delete(self, url: str) -> None: ...

    def bucket(self) -> str:
        """The URL of a new bucket."""
        name = f"bucket{next(self._numbers)}x{os.getpid()}"
        self._make(name)
        return f"{self.scheme}://{name}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    @abstractmethod
    def _command(self, port: int) -> list[str]:
        """The program."""

    @abstractmethod
    def _make(self, bucket: str) -> None: ...

    @staticmethod
    def _answers(port: int) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0


class AmazonStore(ObjectStore):
    """Speaks S3."""

    scheme: ClassVar[str] = "s3"

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def put(self, url: str, data: bytes) -> str:
        self._client.put_object(**_object(url), Body=data)
        return url

    def delete(self, url: str) -> None:
        self._client.delete_object(**_object(url))

    def _command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    def _make(self, bucket: str) -> None:
        self._client.create_bucket(Bucket=bucket)

    @cached_property
    def _client(self) -> Any:  # boto3 has no type hints
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="tests",
            aws_secret_access_key="not-a-secret",  # noqa: S106
            region_name="us-east-1",
        )


class GoogleStore(AmazonStore):
    """Speaks the XML API of Google Cloud Storage."""

    scheme: ClassVar[str] = "gs"

    @property
    def environment(self) -> Mapping[str, str]:
        account = self.folder / "account.json"
        account.write_text(
            f'{{"gcs_base_url": "{self.endpoint}", "disable_oauth": true, "client_email": "", '
            '"private_key": "", "private_key_id": ""}'
        )
        return {"GOOGLE_SERVICE_ACCOUNT": str(account), "GOOGLE_ALLOW_HTTP": "true"}

    def _command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "tests.google_storage", str(port)]


class AzureStore(ObjectStore):
    """Speaks the protocol of Azure's blobs, with the account and key that emulators have."""

    scheme: ClassVar[str] = "az"
    account: ClassVar[str] = "devstoreaccount1"
    key: ClassVar[str] = (
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    )

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": self.account,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
            "AZURE_STORAGE_ENDPOINT": f"{self.endpoint}/{self.account}",
            "AZURE_ALLOW_HTTP": "true",
        }

    def put(self, url: str, data: bytes) -> str:
        with self._files.open_output_stream(url.removeprefix("az://")) as stream:
            stream.write(data)
        return url

    def delete(self, url: str) -> None:
        self._files.delete_file(url.removeprefix("az://"))

    def _command(self, port: int) -> list[str]:
        node, azurite = shutil.which("node"), _azurite()
        assert node
        options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        place = ["--location", str(self.folder), "--blobPort", str(port)]
        return [node, str(azurite), *options, *place]

    def _make(self, bucket: str) -> None:
        self._files.create_dir(bucket)

    @cached_property
    def _files(self) -> Any:
        from pyarrow.fs import AzureFileSystem

        host = self.endpoint.removeprefix("http://")
        return AzureFileSystem(
            self.account,
            account_key=self.key,
            blob_storage_authority=host,
            blob_storage_scheme="http",
            dfs_storage_authority=host,
            dfs_storage_scheme="http",
        )


KINDS: dict[str, type[ObjectStore]] = {
    kind.scheme: kind for kind in (AmazonStore, GoogleStore, AzureStore)
}


def why_missing(scheme: str) -> str | None:
    """Why there cannot be such a store; None if there can."""
    if scheme == "az" and not (shutil.which("node") and _azurite().exists()):
        return "there are no client-tools: azurite is missing"
    wheels = ("pyarrow",) if scheme == "az" else ("moto", "flask", "boto3", "pyarrow")
    if all(find_spec(name) is not None for name in wheels):
        return None
    return "no object store: it needs: pip install 'moto[server]' pyarrow"


def _azurite() -> Path:
    return TOOLS / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def _object(url: str) -> dict[str, str]:
    bucket, _, key = url.partition("://")[2].partition("/")
    return {"Bucket": bucket, "Key": key}
