"""The settings of transcripts: how large they may be, how grades are distributed, who signs and who is trusted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from ewpgw.config.section import Section
from ewpgw.config.values import AbsolutePath, Flag, HeiId, Text, Whole, refusal

_Isced = Annotated[str, StringConstraints(pattern=r"^(?:[0-9]{2,4})?$")]


class TranscriptSettings(Section):
    """How large transcripts may be, ours and those of partners."""

    max_attachment_bytes: Whole = Field(
        5242880,
        ge=65536,
        le=7000000,
        description="Largest attachment of a transcript of ours, in bytes; XML parsers take no larger ones.",
    )
    max_elmo_bytes: Whole = Field(
        16777216, ge=65536, le=67108864, description="Largest ELMO document that may be handed in, in bytes."
    )
    max_answer_bytes: Whole = Field(
        25165824,
        ge=65536,
        le=268435456,
        description="Largest answer of a partner that is read when a transcript is fetched, in bytes.",
    )
    max_elements: Whole = Field(
        50000,
        ge=1000,
        le=1000000,
        description="Most XML elements of a transcript, ours or a partner's; one of 20 courses has about 1,000.",
    )


class SigningSettings(Section):
    """The certificate that ELMO documents are signed with."""

    certificate: AbsolutePath = Field(
        description="PEM file with the signer's certificate, and the intermediate ones after it."
    )
    key: AbsolutePath = Field(description="PEM file with the certificate's private key, without a passphrase.")


class GradeSettings(Section):
    """A grade, and how often it was given."""

    label: Text = Field(coerce_numbers_to_str=True, description="The grade as transcripts have it.")
    count: Whole = Field(ge=0, le=1_000_000_000, description="How many results were this grade.")
    passing: Flag = Field(True, description="Whether one passes with it.")


class GradeDistributionSettings(Section):
    """The results of one field of education, counted over two or three years."""

    isced_code: _Isced = Field(
        "", description="ISCED-F code of two to four digits, in quotes; empty for all fields without one of their own."
    )
    grades: tuple[GradeSettings, ...] = Field(min_length=1, description="The grades, from the best to the worst.")

    @field_validator("grades")
    @classmethod
    def _each_once(cls, grades: tuple[GradeSettings, ...]) -> tuple[GradeSettings, ...]:
        labels = [" ".join(grade.label.split()) for grade in grades]
        if len(set(labels)) < len(labels):
            raise refusal("a grade is there twice", "name each grade once, from the best to the worst")
        if not sum(grade.count for grade in grades):
            raise refusal("no result is counted", "give the count of each grade, or leave the field out")
        return grades


class PartnerScaleSettings(Section):
    """At which end of a partner's grade tables its best grade stands."""

    hei_id: HeiId = Field(description="The partner, by its HEI id.")
    best_first: Flag = Field(description="`true`: its tables begin with the best grade; `false`: with the worst.")


class HeiTranscriptSettings(Section):
    """What transcripts of the institution are completed, signed and read with."""

    signing: SigningSettings | None = Field(
        None, description="What ELMO documents without a signature are signed with; null leaves them unsigned."
    )
    trusted_certificates: tuple[AbsolutePath, ...] = Field(
        (), description="PEM files with certificates of partners, or of those who issue them, that are trusted here."
    )
    grade_distributions: tuple[GradeDistributionSettings, ...] = Field(
        (), description="How grades are distributed, for the grade conversion tables and for suggestions."
    )
    make_pdf: Flag = Field(
        True, description="Whether transcripts that come without one get the transcript as PDF, made by the gateway."
    )
    overlapping_grades: Literal["lowest", "middle", "highest"] = Field(
        "middle",
        description="Where several of your grades are comparable with a partner's, which one is suggested: `lowest`, "
        "`middle` or `highest`. The ECTS Users' Guide asks you to decide that once for all.",
    )
    partner_scales: tuple[PartnerScaleSettings, ...] = Field(
        (), description="At which end partners' grade tables begin, where that cannot be seen from the tables."
    )

    @field_validator("grade_distributions")
    @classmethod
    def _fields_once(cls, given: tuple[GradeDistributionSettings, ...]) -> tuple[GradeDistributionSettings, ...]:
        codes = [one.isced_code for one in given]
        if len(set(codes)) < len(codes):
            raise refusal("a field of education is there twice", "put its grades into one distribution")
        return given
