"""`steadfastapi run module:app`: uvicorn with the settings that production needs."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from steadfastapi.cli.metrics_folder import VARIABLE, FolderError, metrics_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAIN = 5.0
GRACE = 13
"""Seconds; with the 5 before, the 5 of the layers' shutdown and the end of the process
itself, less than 25 of the 30 that Kubernetes grants (HC-6)."""


def run(  # noqa: PLR0913 - one parameter an option
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:APP", help="The application, e.g. shop.main:app."
        ),
    ],
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    workers: Annotated[
        int,
        typer.Option(min=1, envvar="WEB_CONCURRENCY", help="Worker processes."),
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when code changes.")
    ] = False,
    drain: Annotated[
        float,
        typer.Option(min=0, help="Seconds to serve on after SIGTERM, not ready."),
    ] = DRAIN,
    grace: Annotated[
        int, typer.Option(min=0, help="Seconds for open requests to end after that.")
    ] = GRACE,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Proxy, or network, whose X-Forwarded-* headers count; repeat it.",
        ),
    ] = None,
    factory: Annotated[
        bool, typer.Option("--factory", help="APP is a function that returns it.")
    ] = False,
    app_dir: Annotated[
        str, typer.Option(help="Look for MODULE here instead of this directory.")
    ] = "",
) -> None:
    """Serve an application, and stop it without refusing a request.

    Ends with 0 after SIGTERM, with 2 when the application cannot be served, and with
    3 when it does not start.
    """
    if importlib.util.find_spec("uvicorn") is None:
        _fail("This command needs uvicorn: pip install 'steadfastapi[server]'")
    proxies = _proxies(trusted_proxy or [])
    if proxies:
        # Rate limits read the header by themselves, from its right end.
        os.environ.setdefault("STEADFAST_LIMITS_TRUSTED_PROXIES", ",".join(proxies))
    # Read by those who must know how many there are.
    os.environ["WEB_CONCURRENCY"] = str(workers)
    is_configured = _check(target, factory=factory, app_dir=app_dir)
    settings: dict[str, Any] = {
        "host": host,
        "port": port,
        "factory": factory,
        "app_dir": app_dir or ".",
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": list(proxies),
        "timeout_graceful_shutdown": grace,
        # One access line a request, and it is ours.
        "access_log": not is_configured,
    }
    if is_configured:
        settings["log_config"] = None
    if reload:
        import uvicorn  # noqa: PLC0415 - not for --help

        uvicorn.run(target, reload=True, **settings)
        return
    raise typer.Exit(_serve(target, workers, drain, settings))


def _serve(target: str, workers: int, drain: float, settings: dict[str, Any]) -> int:
    from steadfastapi.cli.serving import DrainingConfig, serve  # noqa: PLC0415

    app_dir = settings.pop("app_dir")
    sys.path.insert(0, app_dir)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [os.path.abspath(app_dir), os.environ.get("PYTHONPATH")])  # noqa: PTH100
    )
    try:
        with metrics_folder(workers):
            config = DrainingConfig(
                target, drain_seconds=drain, workers=workers, **settings
            )
            return serve(config)
    except FolderError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"Cannot serve {target}: {error}.")


def _check(target: str, *, factory: bool, app_dir: str) -> bool:
    """Return whether `configure` was called; end the program where nothing can run.

    In a process of its own: this one may only supervise the workers, and must not
    hold the application's connections and threads.
    """
    command = [sys.executable, "-m", "steadfastapi", "plan", target]
    command += ["--factory"] if factory else []
    command += ["--app-dir", app_dir] if app_dir else []
    # It must not write into the directory of the workers' metrics.
    env = {name: value for name, value in os.environ.items() if name != VARIABLE}
    found = subprocess.run(  # noqa: S603 - our own command
        command, check=False, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    text = found.stderr.decode("utf-8", "replace").strip()
    if found.returncode not in (0, 1):
        how = f"Importing {target} ended the program (status {found.returncode})."
        _fail(text or how)
    if found.returncode == 1:
        typer.echo(f"{text}\n\nServing it as it is.", err=True)
    return found.returncode == 0


def _proxies(given: Sequence[str]) -> list[str]:
    networks = []
    for address in given:
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError:
            _fail(
                f"--trusted-proxy {address!r} is no address or network: write e.g. "
                "10.0.0.7 or 10.0.0.0/8."
            )
        # As uvicorn wants it: it takes 10.0.0.7/8 for a name, and trusts nobody.
        networks.append(str(network))
    return networks


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)
