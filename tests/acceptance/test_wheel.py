"""The package as others install it: its SQL and fonts inside, and no working copy beside it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.process import ROOT, environment, pwrbot
from tools.pwr_bot_database import make_sqlite

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None,
    reason="hatchling is not installed here, and a test fetches nothing: the wheel is not tested",
)
def test_an_installed_wheel_has_its_sql_and_fonts_inside(tmp_path: Path):
    wheels, target, elsewhere = (tmp_path / name for name in ("wheels", "target", "elsewhere"))
    elsewhere.mkdir()
    _run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    (wheel,) = wheels.glob("pwrbot-*.whl")
    _run(*PIP, "install", "--no-deps", "--target", str(target), str(wheel))
    drawn = (
        "from pwrbot.pictures import fonts, text; "
        "print(fonts.DIRECTORY, text.shape(fonts.Fonts(), 'Ada 山田 🎉 שלום', 20).width > 80)"
    )
    environ = environment(PYTHONPATH=str(target))
    command = (sys.executable, "-c", drawn)
    shown = subprocess.run(
        command, cwd=elsewhere, env=environ, capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"{target}/pwrbot/pictures/fonts True\n"
    done = pwrbot("migrate", cwd=elsewhere, environ=environ)
    assert done.returncode == 0, done.stderr
    assert "Applied: 0001.feeds" in done.stdout
    done = pwrbot("sql", "list", cwd=elsewhere, environ=environ)
    assert done.stdout
    assert all("_sql/queries/" in line for line in done.stdout.splitlines())
    make_sqlite(elsewhere / "pwr-bot.db", "8", 60)
    done = pwrbot("import", "pwr-bot", "pwr-bot.db", cwd=elsewhere, environ=environ)
    assert done.returncode == 0, done.stderr
    done = pwrbot("new-migration", "add_things", cwd=elsewhere, environ=environ)
    assert str(target) in done.stdout


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
