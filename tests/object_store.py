"""An S3 server of the tests' own, on localhost: moto's, from the wheel ``moto[server]``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from typing import Any

from tests.postgres_server import free_port


class ObjectStore:
    """Listens on a free port; each bucket is a test's own."""

    def __init__(self) -> None:
        self._numbers = count()
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._answers(port):
            assert self._process.poll() is None, "moto's server has not started"
            time.sleep(0.05)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def bucket(self) -> str:
        """The URL of a new bucket."""
        name = f"bucket-{next(self._numbers)}-{os.getpid()}"
        self._client.create_bucket(Bucket=name)
        return f"s3://{name}"

    def put(self, url: str, data: bytes) -> str:
        """Write an object; returns its URL."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        self._client.put_object(Bucket=bucket, Key=key, Body=data)
        return url

    def delete(self, url: str) -> None:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        self._client.delete_object(Bucket=bucket, Key=key)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

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

    @staticmethod
    def _answers(port: int) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("moto", "flask", "boto3", "pyarrow"))
