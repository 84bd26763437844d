"""The image of the shop, which users take as a template: rules of hadolint's kind."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
from fastapi import FastAPI

from steadfastapi import configure
from support.server import LiveServer
from support.stack import ROOT, health_command, instructions

DOCKERIGNORE = (ROOT / ".dockerignore").read_text().splitlines()


def of(name: str) -> list[str]:
    """Return what follows an instruction, each time."""
    return [rest for known, rest in instructions() if known == name]


def last_stage() -> list[tuple[str, str]]:
    """Return the instructions of the stage that becomes the image."""
    names = [name for name, _ in instructions()]
    start = len(names) - 1 - names[::-1].index("FROM")
    return instructions()[start:]


def sources() -> list[str]:
    """Return what is copied from the checkout."""
    return [
        source
        for rest in of("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]


def test_the_image_is_made_in_two_stages_from_one_pinned_base() -> None:
    """Compilers and caches stay behind; no `latest`."""
    (base,) = (rest for rest in of("ARG") if rest.startswith("PYTHON="))
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-\w+", base)
    assert ["python:${PYTHON}"] * 2 == [rest.split()[0] for rest in of("FROM")]
    assert ["build", "run"] == [rest.split(" AS ")[1] for rest in of("FROM")]


def test_it_does_not_run_as_root() -> None:
    """By a number, which `runAsNonRoot` can see; nothing is copied after it."""
    names = [name for name, _ in last_stage()]
    assert ["10001:10001"] == of("USER")
    assert not {"COPY", "RUN", "ADD"} & set(names[names.index("USER") :])


def test_the_server_is_told_to_stop() -> None:
    """Exec form: a shell in front of it would keep the signal to itself."""
    assert ["SIGTERM"] == of("STOPSIGNAL")
    (command,) = of("CMD")
    assert ["steadfastapi", "run", "shop.main:app"] == json.loads(command)[:3]
    assert "0.0.0.0" in json.loads(command)
    assert [] == of("ENTRYPOINT")


def test_what_is_copied_exists_and_is_in_the_context() -> None:
    """`.dockerignore` lets through what is needed, and nothing else."""
    allowed = [line[1:] for line in DOCKERIGNORE if line.startswith("!")]
    assert "*" in DOCKERIGNORE
    assert sorted(allowed) == sorted(set(sources()))
    assert [] == [source for source in sources() if not (ROOT / source).exists()]


def test_the_wheel_can_be_built_from_what_is_copied() -> None:
    """Everything that the build configuration puts into it is there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"]}
    copied = set(sources())
    assert set() == {
        path
        for path in wanted
        if not any(path == one or path.startswith(f"{one}/") for one in copied)
    }


def test_extras_that_are_installed_exist() -> None:
    """A misspelt one is only a warning of pip."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (extras,) = (
        re.findall(r'"\.\[(.*?)\]"', rest) for rest in of("RUN") if '".[' in rest
    )
    assert set() == set(extras[0].split(",")) - set(
        project["project"]["optional-dependencies"]
    )


def test_there_is_no_secret_in_it() -> None:
    """Neither in the environment nor as an argument of the build."""
    words = re.compile(r"(?i)token|secret|passw|dsn|api_?key")
    assert [] == [rest for rest in of("ENV") + of("ARG") if words.search(rest)]


def test_what_hadolint_would_say() -> None:
    """No sudo, ADD, latest, `cd`, or cache that ends in a layer (DL3000 to DL3059)."""
    runs = " ".join(of("RUN"))
    assert not re.search(r"\b(sudo|cd|ssh|vim|kill)\b", runs)
    assert [] == of("ADD") + of("MAINTAINER")
    assert "latest" not in str(instructions())
    assert "--mount=type=cache,target=/root/.cache/pip" in runs
    assert "apt-get" not in runs
    assert all(path.startswith("/") for path in of("WORKDIR"))


def test_python_is_told_to_behave_in_a_container() -> None:
    """Lines are not held back, a crash in C says where, the image stays read-only."""
    environment = " ".join(of("ENV"))
    for name in ("UNBUFFERED", "FAULTHANDLER", "DONTWRITEBYTECODE"):
        assert f"PYTHON{name}=1" in environment


@pytest.mark.parametrize("ready", [True, False])
def test_the_health_check_follows_readiness(ready: bool) -> None:
    """The very command of the image, against a real server: 0 is healthy, 1 is not."""
    app = FastAPI()
    stack = configure(app)
    with LiveServer(app) as server:
        if not ready:
            stack.health.drain()
        command = health_command()
        assert "python" == command[0]
        code = command[2].replace("8000", str(server.port))
        found = subprocess.run(
            [sys.executable, *command[1:2], code], capture_output=True, check=False
        )
    assert (0 if ready else 1) == found.returncode
