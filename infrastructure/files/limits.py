"""How much of one file is read, and the error for a file that is not read."""

from dataclasses import dataclass

from exitbrain.domain.errors import ExitBrainError

_GIB = 1024**3

UNPACKED_ANYWAY = 16 * 1024 * 1024
"""Up to so many bytes nobody asks how well a file was packed: they fit everywhere."""

DOCUMENT_MAX = 8 * 1024 * 1024
"""The most bytes of a file that is held whole, such as instruments or `.env`. Those of a whole venue take one or two million."""


class FileRefused(ExitBrainError, ValueError):
    """A file is of another kind, or holds more than is allowed; the message continues a sentence that names the file."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The most that is read of one file: bytes and rows once unpacked, and bytes for each packed one."""

    max_bytes: int = 4 * _GIB
    max_rows: int = 50_000_000
    max_ratio: int = 250

    def check_bytes(self, size: int) -> None:
        """Raise FileRefused for a file of more bytes than allowed."""
        if size > self.max_bytes:
            raise FileRefused(
                f"it holds more than {self.max_bytes:,} bytes, the limit EXITBRAIN_MAX_FILE_BYTES"
            )

    def check_rows(self, rows: int) -> None:
        """Raise FileRefused for a file of more rows than allowed."""
        if rows > self.max_rows:
            raise FileRefused(f"it holds more than {self.max_rows:,} rows, the limit EXITBRAIN_MAX_FILE_ROWS")

    def is_beyond_ratio(self, unpacked: int, packed: int) -> bool:
        """Return whether bytes unpack to too many; a few megabytes are never too many."""
        return unpacked > max(UNPACKED_ANYWAY, self.max_ratio * packed)

    def check_ratio(self, unpacked: int, packed: int) -> None:
        """Raise FileRefused where bytes unpack to too many."""
        if self.is_beyond_ratio(unpacked, packed):
            raise FileRefused(
                f"it unpacks to more than {self.max_ratio} times its size, the limit EXITBRAIN_MAX_UNPACK_RATIO"
            )


DEFAULT_LIMITS = FileLimits()
"""What holds where no setting says otherwise."""
