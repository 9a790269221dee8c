"""What the SIS API answers when it cannot do what was asked: one exception, one JSON shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ProblemView(BaseModel):
    """One reason why a record is refused, or a warning about a record that is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    path: str = Field(description='Where in the record, as in "partners.0.iia_id"; empty for the record as a whole.')
    message: str = Field(description="What is wrong and what to do about it.")
    severity: str = Field(description='"refusal" or "warning".')
    source: str = Field(description="The specification and section that says so, or the schema.")


class ErrorDetail(BaseModel):
    """Why a request failed."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    code: str = Field(description="A fixed word for programs; it does not change with the wording of the message.")
    message: str = Field(description="What was wrong and what to do, for people.")
    details: dict[str, JsonValue] | None = Field(default=None, description="Data about the error, for some codes.")


class ErrorBody(BaseModel):
    """The body of every answer from 400 on."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    error: ErrorDetail
    problems: list[ProblemView] | None = Field(
        default=None, description='Only for the code "record-refused": every reason, and every warning.'
    )


class ApiError(Exception):
    """A request that is answered with an error.

    ``status`` is the HTTP status, ``code`` the word for programs; ``message`` says what to do. ``headers`` go
    into the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, JsonValue] | None = None,
        problems: Sequence[ProblemView] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.problems = problems
        self.headers = headers or {}

    def body(self) -> ErrorBody:
        """The JSON body of the answer."""
        return ErrorBody(
            error=ErrorDetail(
                code=self.code, message=self.message, details=None if self.details is None else dict(self.details)
            ),
            problems=None if self.problems is None else list(self.problems),
        )
