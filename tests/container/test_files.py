"""What the image and its service are made of is there, and no more is asked for than is needed."""

from pathlib import Path
from typing import Any

import yaml

from .recipe import INSTRUCTIONS, ROOT, copied, environment, tracked, values, words

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICE: dict[str, Any] = COMPOSE["services"]["imagefinder"]


def test_what_is_copied_is_in_the_project_and_in_git() -> None:
    files = tracked()
    assert "src" in copied()
    for source in copied():
        assert not Path(source).is_absolute()
        assert ".." not in Path(source).parts
        assert any(file == source or file.startswith(f"{source}/") for file in files), source


def test_the_engine_is_given_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(copied())


def test_it_runs_as_nobody_in_particular_and_keeps_its_data_in_a_volume() -> None:
    (user,) = values("USER")
    assert int(user) >= 10_000
    (volume,) = values("VOLUME")
    last = [name for name, _ in INSTRUCTIONS]
    assert last.index("USER") > max(n for n, name in enumerate(last) if name == "RUN")
    for name in ("IMAGEFINDER_DB", "IMAGEFINDER_HOME", "HF_HOME"):
        assert environment()[name].startswith(f"{volume}/")


def test_both_stages_are_of_the_same_base_so_that_the_environment_fits() -> None:
    build, run = values("FROM")
    assert build.split()[0] == run
    assert all("apt" not in command for command in values("RUN"))


def test_the_image_is_a_command_whose_default_is_to_serve() -> None:
    assert words("ENTRYPOINT") == ["imagefinder"]
    assert words("CMD")[0] == "serve"
    assert words("HEALTHCHECK")[0] == "imagefinder"


def test_the_service_may_do_no_more_than_it_must() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & set(SERVICE)
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])


def test_the_service_reaches_its_volume_and_a_folder_that_it_only_reads() -> None:
    mounts = {mount["target"]: mount for mount in SERVICE["volumes"]}
    (data,) = values("VOLUME")
    assert set(mounts) == {data, "/pictures"}
    assert mounts[data]["source"] in COMPOSE["volumes"]
    assert mounts["/pictures"]["read_only"] is True
    assert Path(SERVICE["build"]) == Path()


def test_the_port_is_that_of_the_server_and_of_the_image() -> None:
    from imagefinder.cli.serve_options import PORT

    assert values("EXPOSE") == [str(PORT)]
    assert SERVICE["ports"][0].endswith(f":{PORT}")
