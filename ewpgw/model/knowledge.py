"""What an institution's records are completed and checked with, beside what they say themselves.

Whoever prepares records asks for it first, since it comes from the settings and the store; what happens with it then
needs neither, so that a process of its own can do it. For that reason everything here can be pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ewpgw.model import elmo
from ewpgw.model.transcript_parts import LARGEST_ATTACHMENT

if TYPE_CHECKING:
    from ewpgw.model.grade_tables import GradeDistribution
    from ewpgw.model.transcript_parts import TranscriptIssuer


@dataclass(frozen=True, slots=True)
class SigningPems:
    """The certificates that ELMO documents are signed with, the signer's own first, and its key, as PEM."""

    certificates: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known for one batch of records of one institution.

    - ``issuer``: the institution as the issuer of transcripts
    - ``distributions``: how its grades are distributed, by field of education
    - ``files``: uploaded files that the records refer to: media type and bytes, by id
    - ``signing``: what its ELMO documents are signed with
    - ``makes_pdf``: whether a transcript that comes without a PDF of itself gets one
    - ``largest_attachment``, ``largest_elmo``: the most bytes of an attachment, and of a whole ELMO in UTF-8
    - ``largest_document``: the most bytes of a document that is handed in as XML, or would be served
    - ``most_elements``: the most XML elements of a transcript
    """

    issuer: TranscriptIssuer | None = None
    distributions: tuple[GradeDistribution, ...] = ()
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict, repr=False)
    signing: SigningPems | None = None
    makes_pdf: bool = False
    largest_attachment: int = LARGEST_ATTACHMENT
    largest_elmo: int = elmo.LARGEST
    largest_document: int = 5 * 2**20
    most_elements: int = elmo.MOST_ELEMENTS

    @property
    def heavy(self) -> bool:
        """Whether to prepare even a small record with it takes long."""
        return bool(self.files) or self.signing is not None or self.makes_pdf


NOTHING: Final = Knowledge()
"""What is known where nobody was asked."""
