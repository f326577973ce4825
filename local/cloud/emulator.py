"""Starts the AWS emulator, with one difference: what a layer unpacks to is shared by all workers.

The emulator unpacks every layer anew for each worker that it starts. With 4,000 files a layer that is most of a cold
start, and minutes of deleting at the end on some file systems. Here each worker gets a link to one unpacked copy.

It runs in the emulator's own environment, so it imports nothing of this project.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

from ministack.app import main
from ministack.core import lambda_runtime

_unpacking = threading.Lock()


class SharedZipFile(zipfile.ZipFile):
    """Unpacks a layer once; whoever unpacks the same one again gets links to what is there."""

    def namelist(self) -> list[str]:
        """What extractall will really make: the emulator resolves the path of each, which takes its time."""
        return self._tops() if self._is_layer() else super().namelist()

    def extractall(self, path: str | os.PathLike[str] | None = None, *_: object) -> None:
        if path is None or not self._is_layer():
            super().extractall(path)
            return
        with _unpacking:
            unpacked = Path(tempfile.gettempdir(), "layers", self._contents())
            if not unpacked.exists():
                unfinished = unpacked.with_suffix(".unfinished")
                super().extractall(unfinished, super().namelist())
                unfinished.rename(unpacked)
        for top in self._tops():
            Path(path, top).symlink_to(unpacked / top)

    def _is_layer(self) -> bool:
        return Path(self.filename or "").name.startswith("layer_")

    def _tops(self) -> list[str]:
        return sorted({entry.filename.split("/", 1)[0] for entry in self.infolist()})

    def _contents(self) -> str:
        listed = "\n".join(f"{entry.filename} {entry.CRC}" for entry in self.infolist())
        return hashlib.sha256(listed.encode()).hexdigest()


if __name__ == "__main__":
    lambda_runtime.zipfile = SimpleNamespace(**(vars(zipfile) | {"ZipFile": SharedZipFile}))
    main()
