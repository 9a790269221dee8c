"""What requests that decide about a proposal of a partner's have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

_OF_XML = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]+$"
"""Texts that XML can carry: what is decided goes to the partner in a document. It says what they cannot hold, since who
makes up texts by it would otherwise gather a million characters first; half characters no JSON here can hold."""

ProposalId = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_OF_XML)]
Comment = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=_OF_XML)]


class Request(BaseModel):
    """A JSON body in which only known fields of the right types stand."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
