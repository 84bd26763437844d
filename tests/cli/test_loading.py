"""Finding an application, and saying what is wrong when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from steadfastapi.cli.loading import LoadError, load_app
from steadfastapi.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

APP = "from fastapi import FastAPI\n\napp = FastAPI(title='here')\n"


def module(folder: Path, name: str, source: str) -> None:
    """Write a module; packages are made on the way."""
    path = folder / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


def complaint(target: str, *, factory: bool = False) -> str:
    """Return what is said about a target that cannot be loaded."""
    with pytest.raises(LoadError) as refused:
        load_app(target, factory=factory)
    return str(refused.value)


def test_application_is_found(workplace: Path) -> None:
    """`module:attribute` is looked up from the working directory, as by uvicorn."""
    module(workplace, "loadone", APP)
    assert "here" == load_app("loadone:app").title


def test_application_is_found_elsewhere(workplace: Path) -> None:
    """`app_dir` takes the place of the working directory."""
    module(workplace, "below/loadtwo", APP)
    assert "here" == load_app("loadtwo:app", app_dir="below").title


def test_attribute_of_an_attribute_is_found(workplace: Path) -> None:
    """The application may hide in an object of the module."""
    source = "class Holder:\n    inner = app\n\nholder = Holder()\n"
    module(workplace, "loadthree", APP + source)
    assert "here" == load_app("loadthree:holder.inner").title


def test_factory_is_called(workplace: Path) -> None:
    """With `factory` the attribute is called for the application."""
    module(workplace, "loadfour", APP + "def create():\n    return app\n")
    assert "here" == load_app("loadfour:create", factory=True).title


def test_application_is_taken_out_of_its_wrapper(workplace: Path) -> None:
    """A middleware around the application hides nothing."""
    source = "class Wrapper:\n    def __init__(self, app):\n        self.app = app\n\n"
    module(workplace, "loadfive", APP + source + "wrapped = Wrapper(Wrapper(app))\n")
    assert isinstance(load_app("loadfive:wrapped"), FastAPI)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("main", "'main' does not name an application: write module:attribute"),
        ("main:", "e.g. main:app"),
        (":app", "e.g. main:app"),
        ("shop/main.py:app", "is a path: write shop.main:app instead"),
        ("./main.py", "write main:app instead"),
    ],
)
def test_target_must_be_module_and_attribute(
    workplace: Path, target: str, said: str
) -> None:
    """Another spelling is answered with the right one."""
    assert said in complaint(target)


def test_directory_must_exist(workplace: Path) -> None:
    """A wrong `--app-dir` is named."""
    with pytest.raises(LoadError, match="--app-dir 'nowhere' is not a directory"):
        load_app("main:app", app_dir="nowhere")


def test_unknown_module_is_named_with_the_closest_one(workplace: Path) -> None:
    """A typing error in the module is answered with the modules that are there."""
    module(workplace, "webshop", APP)
    said = complaint("webshpo:app")
    assert f"no module 'webshpo' in {workplace}. Did you mean 'webshop'?" in said


def test_unknown_submodule_is_named_with_the_closest_one(workplace: Path) -> None:
    """The same goes for a module of a package."""
    module(workplace, "loadpack/__init__", "")
    module(workplace, "loadpack/main", APP)
    said = complaint("loadpack.mian:app")
    assert (
        "There is no module 'loadpack.mian' in loadpack. "
        "Did you mean 'loadpack.main'?" == said
    )


def test_dot_instead_of_colon_is_explained(workplace: Path) -> None:
    """`main.app:app` is told from a missing module."""
    module(workplace, "loadsix", APP)
    said = complaint("loadsix.app:app")
    assert "'loadsix' is a module, not a package: write loadsix:app." == said


def test_module_that_is_missing_inside_is_not_blamed_on_the_target(
    workplace: Path,
) -> None:
    """A package that is not installed is named, with the line that imports it."""
    module(workplace, "loadseven", "\nimport not_installed_anywhere\n")
    said = complaint("loadseven:app")
    assert said.startswith("Importing 'loadseven' failed: ModuleNotFoundError: ")
    assert said.endswith("'not_installed_anywhere' (loadseven.py, line 2)")


def test_failing_import_is_one_line_with_its_place(workplace: Path) -> None:
    """What the user's code raised is told on one line, with the user's own line."""
    source = "def f():\n    raise ValueError('no\\nway')\n\nf()\n"
    module(workplace, "loadeight", source)
    said = complaint("loadeight:app")
    assert (
        "Importing 'loadeight' failed: ValueError: no way (loadeight.py, line 2)"
        == said
    )


def test_syntax_error_has_its_place_once(workplace: Path) -> None:
    """A syntax error is told with file and line."""
    module(workplace, "loadnine", "def f(:\n")
    said = complaint("loadnine:app")
    assert said.startswith("Importing 'loadnine' failed: SyntaxError: ")
    assert 1 == said.count("loadnine.py, line 1")


def test_error_without_own_line_has_no_place(workplace: Path) -> None:
    """An error that no line of the user raised is told without one."""
    module(workplace, "loadten", APP)
    said = complaint("loadten:app.openapi_tags.nothing")
    assert "loadten:app.openapi_tags has no attribute 'nothing'." == said


def test_program_that_ends_while_imported_is_explained(workplace: Path) -> None:
    """A script that calls sys.exit does not take the command with it."""
    module(workplace, "loadexit", "import sys\n\nsys.exit(3)\n")
    assert "ended the program" in complaint("loadexit:app")


def test_configuration_mistakes_pass_unchanged(workplace: Path) -> None:
    """A `ConfigurationError` says everything itself."""
    source = "from steadfastapi import ConfigurationError\n"
    module(workplace, "loadconf", source + "raise ConfigurationError('one thing')\n")
    with pytest.raises(ConfigurationError, match="one thing"):
        load_app("loadconf:app")


def test_unknown_attribute_is_named_with_the_closest_one(workplace: Path) -> None:
    """A typing error in the attribute is answered with what the module has."""
    module(workplace, "loadattr", APP)
    assert "loadattr has no attribute 'ap'. Did you mean 'app'?" == complaint(
        "loadattr:ap"
    )


def test_unknown_attribute_lists_the_applications(workplace: Path) -> None:
    """Where nothing is close, the applications of the module are listed."""
    module(workplace, "loadlist", APP)
    said = complaint("loadlist:zzz")
    assert "loadlist has no attribute 'zzz'. Applications there: app." == said


def test_function_asks_for_the_factory_flag(workplace: Path) -> None:
    """A function without `--factory` is answered with the flag."""
    module(workplace, "loadfun", APP + "def create():\n    return app\n")
    assert "add --factory" in complaint("loadfun:create")


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("fastapi", "is a module, not a FastAPI application"),
        ("nothing", "is None, not a FastAPI application"),
        ("number", "is an object of type int, not a FastAPI application"),
    ],
)
def test_other_objects_are_refused_by_what_they_are(
    workplace: Path, attribute: str, said: str
) -> None:
    """What is no application is named for what it is."""
    module(workplace, "loadkind", "import fastapi\nnothing = None\nnumber = 3\n")
    assert f"loadkind:{attribute} {said}." == complaint(f"loadkind:{attribute}")


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("app", "is an application already: leave --factory out"),
        ("number", "is an object of type int, not a function"),
        ("later", "is async, and servers call a factory without await"),
        ("nothing", "() returned None, not a FastAPI application"),
        ("failing", "() failed: KeyError: 'x' (loadfac.py, line 12)"),
        ("needy", "() failed: TypeError: needy() missing 1 required"),
    ],
)
def test_factory_that_is_none_is_explained(
    workplace: Path, attribute: str, said: str
) -> None:
    """Whatever a factory does wrong is told in one sentence."""
    source = """\
number = 3
async def later():
    return app

def nothing():
    return None

def failing():
    return {}['x']

def needy(what):
    return app
"""
    module(workplace, "loadfac", APP + source)
    assert said in complaint(f"loadfac:{attribute}", factory=True)


def test_factory_may_refuse_its_configuration(workplace: Path) -> None:
    """A `ConfigurationError` of a factory passes as it is."""
    source = "from steadfastapi import ConfigurationError\ndef create():\n"
    module(workplace, "loadref", source + "    raise ConfigurationError('wrong')\n")
    with pytest.raises(ConfigurationError, match="wrong"):
        load_app("loadref:create", factory=True)
