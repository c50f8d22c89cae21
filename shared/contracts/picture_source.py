"""Where the picture or the film of a job comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from shared.contracts.fields import FileId, WebAddress
from shared.contracts.model import Model

if TYPE_CHECKING:
    from typing import Self


class FromFileOrAddress(Model):
    """One of the two.

    Attributes:
        source: Id of a stored file.
        url: Web address that the file is fetched from.
    """

    source: FileId | None = None
    url: WebAddress | None = None

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.source is None) == (self.url is None):
            message = "needs source, the id of a stored file, or url, and not both"
            raise ValueError(message)
        return self
