"""What the command line does with errors that any command can meet."""

import errno
import os

import pytest

from darkreach.cli import main
from darkreach.models import command


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "out/a.json"), "out/a.json: Permission denied; "),
        (OSError("line one\nline two"), "line one line two; "),
    ],
)
def test_a_full_disk_or_a_closed_folder_gets_one_sentence(error, sentence, monkeypatch, capsys):
    def fails(_):
        raise error

    monkeypatch.setattr(command, "run", fails)
    assert main(["model", "zprime", "--mass", "4", "--coupling", "0.01"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"darkreach model: {sentence}") and printed.count("\n") == 1
