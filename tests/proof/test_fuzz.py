"""TP-7: ten minutes of fuzzing find no crash and nothing that takes a second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("FUZZ_SECONDS", "300"))
"""For each of the two targets: ten minutes."""


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("target", ["scrubber", "parsers"])
def test_no_input_crashes_or_takes_a_second(target: str, tmp_path: Path) -> None:
    """0 crashes; libFuzzer ends with the input that did it otherwise."""
    pytest.importorskip("atheris", reason="atheris is missing")
    script = Path(__file__).with_name("fuzz.py")
    options = [f"-max_total_time={SECONDS}", "-timeout=5", "-max_len=70000"]

    done = subprocess.run(
        [sys.executable, str(script), target, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS + 240,
    )

    assert 0 == done.returncode, done.stderr[-4_000:]
    assert "DONE" in done.stderr or "Done" in done.stderr
