"""Completion as the shells themselves do it, with the script that `inditree completion` prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inditree.cli import main

BASH = """
source "$1"; shift
COMP_WORDS=(inditree "$@"); COMP_CWORD=$#
$(complete -p inditree | sed 's/.*-F \\([^ ]*\\).*/\\1/') inditree "${@: -1}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str, where: Path) -> Path:
    made = subprocess.run([sys.executable, "-m", "inditree", "completion", shell], capture_output=True, check=True)
    file = where / "_inditree"
    file.write_bytes(made.stdout)
    return file


def completed(where: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    command = ["bash", "-c", BASH, "bash", str(script("bash", where)), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=where)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["dri"], ["driver"]),
        (["driver", "re"], ["remove", "restart"]),
        (["driver", "add", "--restart", ""], ["always", "on-failure", "never"]),
        (["serve", "--log-f"], ["--log-format"]),
        (["completion", ""], ["bash", "zsh", "tcsh"]),
        (["check", "dome"], ["dome.yaml"]),
        (["serve", "--config", "dome"], ["dome.yaml"]),
        (["serve", "inditree-guide"], ["inditree-guide-camera"]),
    ],
)
def test_bash(tmp_path: Path, words: list[str], offered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dome.yaml").touch()
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    assert sorted(set(completed(tmp_path, *words))) == sorted(offered)


def test_zsh_loads_it(tmp_path: Path) -> None:
    script("zsh", tmp_path)
    load = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -D"
    load += "; print $_comps[inditree]; whence -w _inditree"
    done = subprocess.run(["zsh", "-f", "-c", load], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["_inditree", "_inditree:", "function"]
    assert subprocess.run(["zsh", "-n", str(tmp_path / "_inditree")], capture_output=True).stderr == b""


def test_a_shell_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", "fish"])
    assert ended.value.code == 2
    assert "fish" in capsys.readouterr().err
