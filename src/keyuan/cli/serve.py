"""Commands that serve: `up`, `demo`, and the hidden fork server below them."""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from keyuan.cli.output import AsJson, DataDir, tell


def up(data: DataDir = None, as_json: AsJson = False) -> None:
    """Start everything and serve until Ctrl-C."""
    from keyuan.app.installation import opened
    from keyuan.app.serve import programme_time, serving, wait_for_stop
    from keyuan.kernel.config import load_settings

    with (
        opened(load_settings(data), progress=tell) as installation,
        suppress(KeyboardInterrupt),  # told to stop while parts begin to serve: that is a clean stop too
        serving(installation, tell, wait=True) as running,
        programme_time(installation),
    ):
        _say_where({"url": running.url, "run_file": str(running.run_file), "pids": running.pids}, as_json)
        wait_for_stop()


def demo(
    data: DataDir = None,
    source: Annotated[Path | None, typer.Option("--source", help="Other Parquet files of the same shape.")] = None,
    leave: Annotated[bool, typer.Option("--exit", help="Stop after the job instead of serving.")] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the first page in a browser when it serves.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the main job on a year of real purchases, print what it found, and serve until Ctrl-C.

    Beside a running `up` the job is done with its help, and `up` goes on serving.
    """
    from keyuan.app import faces
    from keyuan.app.demo.job import Job, customer_to_show, run
    from keyuan.app.demo.show import bars, found
    from keyuan.app.demo.source import source_folder
    from keyuan.app.installation import opened
    from keyuan.app.measure import measuring
    from keyuan.app.serve import programme_time, run_programme_time, served_somehow, wait_for_stop
    from keyuan.app.workers import tune
    from keyuan.kernel.config import load_settings

    tune()
    folder = source_folder(source)
    began_s = time.monotonic()
    with opened(load_settings(data)) as installation, served_somehow(installation, tell) as running:
        with measuring(installation.cluster, running.pids.values()) as measured, bars() as report:
            job = Job(installation, folder, report)
            job.seconds["start"] = round(time.monotonic() - began_s, 2)
            figures = run(job)
        figures |= {"seconds": job.seconds | {"total": measured.seconds()}, "peak_mb": round(measured.peak_mb(), 1)}
        figures["url"] = running.url
        if not as_json:
            found(figures, changed=job.changed)
        if not running.here:
            run_programme_time(installation)
            tell(f"Keyuan goes on serving at {running.url}.")
            if show:
                faces.show(running.url)
        elif not leave:
            wallet = faces.wallet_face(installation, running.url, customer_to_show(job))
            running.tell_more(wallet)
            figures |= wallet
            with programme_time(installation):
                _say_where(figures | {"run_file": str(running.run_file)}, as_json)
                if show and not faces.show(running.url):
                    tell(f"There is no browser here; open {running.url} in one.")
                wait_for_stop()
            return
    if as_json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")


def fork_server(data: DataDir = None, port: int = 0, sink_port: int = 0) -> None:
    """Be the process from which the parts of the tree are forked (started by `up` and `demo`)."""
    from keyuan.app.forkserver import ForkServer
    from keyuan.app.parts import works
    from keyuan.app.workers import tune
    from keyuan.kernel.config import load_settings

    tune()
    ForkServer(works(load_settings(data), port, sink_port)).run()


def _say_where(found: dict[str, Any], as_json: bool) -> None:  # the command's own flag
    from keyuan.app.sinking import FOLDER

    words = (
        f"Keyuan serves at {found['url']} (Ctrl-C stops it): send events to {found['url']}/v1/batch,\n"
        f"with the write key in {found['run_file']}; {found['url']}/readyz says whether all is well.\n"
        f"Console 控制台: {found['url']}/en/console and {found['url']}/zh/console; who may sign in stands there too."
    )
    if found.get("letters", {}).get("sent"):  # the demo's addresses are made up, so it was a sink that took them
        words += f"\nLetters 邮件: kept in {Path(found['run_file']).parent / FOLDER}, delivered to nobody."
    if "wallet" in found:
        words += f"\nWallet 钱包 of {found['wallet_of']}: {found['wallet']}"
    sys.stdout.write((json.dumps(found, ensure_ascii=False) if as_json else words) + "\n")
    sys.stdout.flush()
