"""The server below a prefix of a real nginx: page, documentation and API."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from imagefinder import Finder
from imagefinder.client import Client

from ..ports import free_port
from .program import serving, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CONFIGURATION = """\
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /find/ {{
            proxy_pass {target};
            client_max_body_size 0;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            {prefix}
        }}
    }}
}}
"""
SAYS_PREFIX = "proxy_set_header X-Forwarded-Prefix /find;"


@contextmanager
def nginx(folder: Path, target: str, prefix: str) -> Iterator[httpx.Client]:
    """A client of an nginx that serves the target below ``/find/``."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no nginx: apt-get install nginx-light")
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            user=pwd.getpwuid(os.geteuid()).pw_name,  # whose folders it may write to
            folder=folder,
            port=port,
            target=target,
            prefix=prefix,
        )
    )
    with (
        subprocess.Popen(
            [program, "-p", folder, "-c", configuration, "-e", folder / "start.log"]
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            until(lambda: process.poll() is not None or answers(client))
            assert process.poll() is None, (folder / "error.log").read_text()
            yield client
        finally:
            process.terminate()


def answers(client: httpx.Client) -> bool:
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True


WAYS = {
    "header": (("--proxy", "127.0.0.1"), "/", SAYS_PREFIX),
    "option": (("--root-path", "/find"), "/", ""),
    "option, prefix left": (("--root-path", "/find/"), "", ""),
}


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, tmp_path: Path, stocked: Path) -> Iterator[httpx.Client]:
    options, slash, prefix = WAYS[request.param]
    with (
        serving(tmp_path, "--db", stocked, *options) as server,
        nginx(tmp_path / "nginx", str(server.base_url).rstrip("/") + slash, prefix) as client,
    ):
        yield client


def test_everything_is_below_the_prefix(client: httpx.Client, images: list[Path]) -> None:
    assert client.get("/find/readyz").json()["status"] == "ready"
    assert client.get("/find/openapi.json").json()["servers"] == [{"url": "/find"}]
    assert "/find/static-offline-docs/swagger-ui" in client.get("/find/docs").text
    assert client.get("/find/static-offline-docs/swagger-ui-bundle.js").status_code == 200
    found = client.post("/find/v1/search", files={"image": images[0].read_bytes()}).json()
    assert found["hits"][0]["name"] == images[0].name


def test_a_batch_is_reported_as_a_whole(tmp_path: Path, images: list[Path]) -> None:
    """It is several times what nginx keeps of a body in memory."""
    catalogue = tmp_path / "c.db"
    Finder.create(catalogue, "classic").close()
    with (
        serving(tmp_path, "--db", catalogue, "--writable", "--root-path", "/find") as server,
        nginx(tmp_path / "nginx", str(server.base_url), SAYS_PREFIX) as proxy,
        Client(f"{proxy.base_url}/find") as client,
    ):
        report = client.add_many([*images, b"no image", *images])
        assert (report.added, report.unchanged) == (len(images), len(images))
        assert [failure.path for failure in report.failed] == ["an image in memory"]
        assert client.remove_many(one.id for one in client.page(1000)).removed == len(images)


def test_the_page_searches_below_the_prefix(
    client: httpx.Client, images: list[Path], browser: "Browser"
) -> None:
    page = browser.new_page()
    outside: list[str] = []
    page.on("request", lambda one: outside.append(one.url) if "/find/" not in one.url else None)
    failed: list[str] = []
    page.on("response", lambda one: failed.append(one.url) if one.status >= 400 else None)
    page.goto(str(client.base_url.join("/find/")))
    page.set_input_files("#choose", images[0])
    page.get_by_text(images[0].name).first.wait_for()
    assert not [url for url in outside if not url.startswith(("blob:", "data:"))]
    assert not failed
    page.close()
