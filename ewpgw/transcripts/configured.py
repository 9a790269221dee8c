"""What is configured for transcripts, as values that can be worked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ewpgw.model import elmo
from ewpgw.model.grade_tables import GradeCount, GradeDistribution
from ewpgw.model.knowledge import SigningPems
from ewpgw.model.transcript_parts import LARGEST_ATTACHMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography import x509

    from ewpgw.config import Settings
    from ewpgw.config.transcripts import HeiTranscriptSettings
    from ewpgw.model.grade_conversion import Overlap


@dataclass(frozen=True, slots=True)
class Limits:
    """How large transcripts may be, in bytes, and how many XML elements they may have."""

    largest_attachment: int = LARGEST_ATTACHMENT
    largest_elmo: int = elmo.LARGEST
    largest_answer: int = 24 * 2**20
    most_elements: int = 50_000

    @property
    def largest_document(self) -> int:
        """The most bytes of one transcript with what stands around its ELMO, as XML or JSON."""
        return self.largest_elmo + self.largest_elmo // 4 + 2**20


@dataclass(frozen=True, slots=True)
class Configured:
    """What one institution has configured.

    ``distributions``: how its grades are distributed; ``signing``: what it signs with; ``trusted``: certificates that
    it trusts; ``best_first``: by partner, whether its grade tables begin with the best grade; ``overlap``: which of
    several comparable grades is suggested; ``makes_pdf``: whether a transcript that comes without a PDF of itself gets
    one.
    """

    distributions: tuple[GradeDistribution, ...] = ()
    signing: SigningPems | None = None
    trusted: tuple[x509.Certificate, ...] = ()
    best_first: Mapping[str, bool] = field(default_factory=dict)
    overlap: Overlap = "middle"
    makes_pdf: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is configured for all covered institutions."""

    heis: Mapping[str, Configured] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The configuration in the settings. Raises OSError and ValueError where their files cannot be used."""
        given = settings.transcripts
        limits = Limits(given.max_attachment_bytes, given.max_elmo_bytes, given.max_answer_bytes, given.max_elements)
        return cls({hei.id: _configured(hei.transcripts) for hei in settings.heis}, limits)

    def hei(self, hei_id: str) -> Configured:
        """What one institution has configured."""
        return self.heis.get(hei_id, _NOTHING)


_NOTHING = Configured()


def _configured(given: HeiTranscriptSettings) -> Configured:
    signing = given.signing
    return Configured(
        distributions=tuple(
            GradeDistribution(
                one.isced_code,
                tuple(GradeCount(" ".join(grade.label.split()), grade.count, grade.passing) for grade in one.grades),
            )
            for one in given.grade_distributions
        ),
        signing=(None if signing is None else SigningPems(signing.certificate.read_bytes(), signing.key.read_bytes())),
        trusted=tuple(_certificates(given.trusted_certificates)),
        best_first={scale.hei_id: scale.best_first for scale in given.partner_scales},
        overlap=given.overlapping_grades,
        makes_pdf=given.make_pdf,
    )


def _certificates(files: Sequence[Path]) -> Iterator[x509.Certificate]:
    if files:
        from cryptography.x509 import load_pem_x509_certificates  # several megabytes, for few

        for file in files:
            yield from load_pem_x509_certificates(file.read_bytes())
