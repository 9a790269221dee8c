"""What the gateway adds to a transcript of ours before it is checked and served.

The grade conversion table and, for courses that have none, a result distribution come from the counts that the
institution configures; the contents of attachments from files that it uploaded.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from ewpgw.model import elmo, elmo_reading, grade_tables
from ewpgw.model.base import StringWithOptionalLang
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_parts import (
    ResultCategory,
    ResultDistribution,
    TranscriptAttachment,
    TranscriptCourse,
    TranscriptIssuer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.model.grade_tables import GradeDistribution
    from ewpgw.model.knowledge import Knowledge

_PDF = "application/pdf"


def completed(record: Transcript, known: Knowledge) -> Transcript:
    """The transcript with its issuer, its grade conversion table and its result distributions, but for its files.

    Beside a whole ELMO the issuer stands for the identifier that the document may lack.
    """
    if known.issuer is not None:
        record = with_issuer(record, known.issuer)
    record = with_distributions(record, known.distributions)
    return with_tables(record, known.distributions, largest_elmo=known.largest_elmo, most_elements=known.most_elements)


def with_tables(
    record: Transcript,
    distributions: Sequence[GradeDistribution],
    *,
    largest_elmo: int = elmo.LARGEST,
    most_elements: int = elmo.MOST_ELEMENTS,
) -> Transcript:
    """The transcript with a grade conversion table for its fields of education, unless it has one.

    Into a larger ELMO nobody looks, since it is refused.
    Source: ewp-specs-api-imobility-tors 3, get-response.xsd, gradeConversionTable.
    """
    if record.grade_conversion_table or not distributions:
        return record
    fields = fields_of(record, largest_elmo=largest_elmo, most_elements=most_elements)
    made = grade_tables.tables(fields, distributions)
    return record.model_copy(update={"grade_conversion_table": made}) if made else record


def with_distributions(record: Transcript, distributions: Sequence[GradeDistribution]) -> Transcript:
    """The transcript with a result distribution for each graded course that lacks one, where its field has counts.

    Version 3 demands one. What is filled in says that it is of the whole field, not of the course.
    """
    courses = [_with_distribution(course, distributions) for course in record.course]
    return record if courses == record.course else record.model_copy(update={"course": courses})


def with_issuer(record: Transcript, issuer: TranscriptIssuer) -> Transcript:
    """The transcript with its issuer, where it has none."""
    return record if record.issuer is not None else record.model_copy(update={"issuer": issuer})


def with_files(record: Transcript, contents: Mapping[str, tuple[str, bytes]]) -> Transcript:
    """The transcript with the contents of uploaded files: media type and bytes, by the file's id."""
    attachments = [_with_content(attachment, contents) for attachment in record.attachment]
    return record if attachments == record.attachment else record.model_copy(update={"attachment": attachments})


def fields_of(
    record: Transcript, *, largest_elmo: int = elmo.LARGEST, most_elements: int = elmo.MOST_ELEMENTS
) -> frozenset[str]:
    """The ISCED-F codes of a transcript's courses, of a whole ELMO too; none where that cannot be read."""
    if record.elmo is None:
        return frozenset(course.isced_code.strip() for course in record.courses() if course.isced_code is not None)
    try:
        root = elmo.parse(record.elmo, max_bytes=largest_elmo, most_elements=most_elements).root
    except elmo.BadElmo:
        return frozenset()
    return frozenset(text for found in root.iter("{*}iscedCode") if (text := elmo_reading.token(found)))


def _with_distribution(course: TranscriptCourse, distributions: Sequence[GradeDistribution]) -> TranscriptCourse:
    parts = [_with_distribution(part, distributions) for part in course.part]
    update: dict[str, object] = {} if parts == course.part else {"part": parts}
    if course.result_distribution is None and course.grade is not None and course.isced_code is not None:
        known = grade_tables.distribution_for(course.isced_code.strip(), distributions)
        if known is not None:
            update["result_distribution"] = _as_results(known)
    return course.model_copy(update=update) if update else course


def _as_results(known: GradeDistribution) -> ResultDistribution:
    field = f"the field {known.isced_code} (ISCED-F)" if known.isced_code else "all fields"
    said = f"Results of all courses in {field} at this institution, not of this course alone."
    return ResultDistribution(
        category=[ResultCategory(label=grade.label, count=str(grade.count)) for grade in reversed(known.grades)],
        description=[StringWithOptionalLang(value=said, lang="en")],
    )


def _with_content(attachment: TranscriptAttachment, contents: Mapping[str, tuple[str, bytes]]) -> TranscriptAttachment:
    if attachment.file is None or attachment.content is not None or attachment.file not in contents:
        return attachment
    media_type, data = contents[attachment.file]
    update = {
        "content": b64encode(data).decode("ascii"),
        "file": None,
        "media_type": attachment.media_type or (None if media_type == _PDF else media_type),
    }
    return attachment.model_copy(update=update)
