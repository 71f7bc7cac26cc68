"""The page about serving tells the truth: its commands are run in order, against servers that they start."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "localhost:8080"

pytestmark = pytest.mark.slow


def test_the_page_runs(launch, tmp_path, monkeypatch, digits):
    """What is fitted there is stood in for, and all are served at this machine's own address."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    monkeypatch.chdir(tmp_path)
    shutil.copy(digits.path, "digits.narrows")
    np.save("rows.npy", digits.rows[:3])
    np.savetxt("rows.csv", digits.rows[:3], delimiter=",")
    server, answers = None, {}
    for line in "".join(code for language, code in BLOCKS if language == "sh").splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["narrows", "serve"]:
            given = [str(tmp_path / word) if (tmp_path / word).exists() else word for word in words[2:]]
            server = launch(*("127.0.0.1" if word == "0.0.0.0" else word for word in given))
        elif words[0] != "narrows":
            command = line.replace(ADDRESS, f"127.0.0.1:{server.port}")
            answers[line] = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout
    found = [json.loads(answer) for line, answer in answers.items() if line.startswith("curl") and "csv" not in line]

    codes = np.loadtxt(next(answer for line, answer in answers.items() if "csv" in line).splitlines()[1:], delimiter=",")
    np.testing.assert_allclose(codes, digits.model.transform(digits.rows[:3]), rtol=1e-4, atol=1e-5)
    assert len(found[0]["errors"]) == 3
    assert found[1]["models"][0]["name"] == "digits"


def test_the_client_of_the_page(server, digits):
    pytest.importorskip("tritonclient.http")
    (code,) = (code for language, code in BLOCKS if language == "python")
    names = {}
    exec(code.replace(ADDRESS, server.address.removeprefix("http://")), names)

    np.testing.assert_allclose(names["codes"], digits.model.transform(np.zeros((1, 64), np.float32)), rtol=1e-4, atol=1e-5)


def test_the_page_names_every_route_and_every_limit():
    from narrows.serve._routes import ROUTES
    from narrows.serve._settings import Limits

    limits = Limits()
    assert all(f"`/models/NAME/{word}`" in PAGE for word in ROUTES)
    for said in (
        f"{limits.body >> 20} MB",
        f"{limits.text:,} numbers",
        f"{limits.rows:,}",
        f"{limits.header >> 10} KiB",
        f"{limits.connections} |",
    ):
        assert said in PAGE
