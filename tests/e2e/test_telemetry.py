"""No library that is used may phone home or leave files of its own in the user's home.

Native code does not pass through Python's audit hooks, so the programs run with a preloaded library
that notes look-ups and connections, and with a home of their own.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from .program import PROGRAM, clean_env, started

HERE = Path(__file__).parent
# matplotlib keeps its list of fonts in a folder of its own
ALLOWED = ("imagefinder", "matplotlib")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library to preload."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "network.so"
    source = HERE / "network_shim.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def watched(tmp_path: Path, shim: Path, home: Path) -> Mapping[str, str]:
    """An environment in which the network is closed, and attempts are noted."""
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_DATA_HOME": "",
        "LD_PRELOAD": str(shim),
        "NETWORK_DIARY": str(tmp_path / "diary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(folder: Path, env: Mapping[str, str], *command: object) -> None:
    """Run a command that must succeed."""
    words = [str(word) for word in command]
    result = subprocess.run(
        words, cwd=folder, env=clean_env(env), capture_output=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr.decode()


def require(library: str) -> None:
    """Skip without the library; it is not imported here, where nothing watches it."""
    if find_spec(library) is None:
        pytest.skip(f"needs {library}")


def attempts(tmp_path: Path) -> str:
    """The look-ups and connections, a line each."""
    diary = tmp_path / "diary"
    return diary.read_text() if diary.exists() else ""


def foreign_files(home: Path) -> list[str]:
    """What was written into the home by others than this program."""
    files = [file.relative_to(home) for file in home.rglob("*") if file.is_file()]
    return [str(file) for file in files if not set(file.parts) & set(ALLOWED)]


@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
    ],
)
def test_the_watch_sees_each_way_to_the_network(
    tmp_path: Path, watched: Mapping[str, str], program: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_env(watched),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert result.returncode != 0
    assert attempts(tmp_path)


@pytest.mark.parametrize("runtime", ["auto", "openvino", "onnxruntime"])
def test_embedding_by_each_runtime_is_private(
    tmp_path: Path,
    folder: Path,
    home: Path,
    tiny_model: Path,
    watched: Mapping[str, str],
    runtime: str,
) -> None:
    model = ("--encoder", f"onnx:{tiny_model}", "-o", f"runtime={runtime}")
    run(tmp_path, watched, *PROGRAM, "add", folder, *model)
    run(tmp_path, watched, *PROGRAM, "search", folder / "a.jpg")
    assert attempts(tmp_path) == ""
    assert foreign_files(home) == []


@pytest.mark.parametrize("kind", ["hnsw", "faiss", "scann"])
def test_each_index_is_private(
    tmp_path: Path, stocked: Path, home: Path, watched: Mapping[str, str], kind: str
) -> None:
    require({"hnsw": "usearch"}.get(kind, kind))
    run(tmp_path, watched, *PROGRAM, "index", "build", kind, "--db", stocked)
    assert attempts(tmp_path) == ""
    assert foreign_files(home) == []


@pytest.mark.parametrize("command", [("map", "--out", "map.html"), ("evaluate", "--out", "report")])
def test_maps_and_reports_are_private(
    tmp_path: Path,
    stocked: Path,
    home: Path,
    watched: Mapping[str, str],
    command: tuple[str, ...],
) -> None:
    run(tmp_path, watched, *PROGRAM, *command, "--db", stocked)
    assert attempts(tmp_path) == ""
    assert foreign_files(home) == []


def test_a_server_is_private(
    tmp_path: Path, stocked: Path, home: Path, watched: Mapping[str, str]
) -> None:
    words = ("serve", "--port", "0", "--db", stocked)
    with started(tmp_path, *words, env=watched) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if b"running on" in line:
                break
        server.terminate()
        server.wait(60)
    assert attempts(tmp_path) == ""
    assert foreign_files(home) == []


# each library that telemetry was ever seen in, or that has a switch for it
LIBRARIES = {
    "onnxruntime": "from imagefinder.encoders.runtimes import onnxruntime; onnxruntime()",
    "openvino": "from imagefinder.encoders.runtimes import openvino; openvino()",
    "huggingface_hub": "from imagefinder.encoders import hub; hub._huggingface_hub()",
    "transformers": "import imagefinder.training.trainer, transformers",
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_loading_each_library_is_private(
    tmp_path: Path, home: Path, watched: Mapping[str, str], library: str
) -> None:
    require(library)
    run(tmp_path, watched, sys.executable, "-c", LIBRARIES[library])
    assert attempts(tmp_path) == ""
    assert foreign_files(home) == []
