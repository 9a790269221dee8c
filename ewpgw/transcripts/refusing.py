"""How moves with transcripts end that are not made."""

from __future__ import annotations


class UnknownTranscript(LookupError):
    """There is no transcript of this identifier."""
