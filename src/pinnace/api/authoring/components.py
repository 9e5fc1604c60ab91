"""`components`: what a text of Kubeflow Pipelines gives to the palette. It only translates."""

from __future__ import annotations

from pinnace.api.authoring.asked import Asked, every
from pinnace.authoring.kfp.palette import reading
from pinnace.authoring.kfp.palette.piece import Palette, Problem, Unreadable
from pinnace.kinds.cause import Cause
from pinnace.objects.errors import StatusError


def components(asked: Asked) -> Palette:
    """StatusError 422 with a cause for each place that is not read; Unparsed."""
    try:
        if asked.text is not None and reading.is_python(asked.text):
            return reading.of_python(asked.text)
        return reading.of_documents(every(asked))
    except Unreadable as problem:
        field = "text" if asked.text is not None else "document"
        causes = tuple(Cause(field, said(one)) for one in problem.problems)
        words = "; ".join(one.message for one in causes)
        raise StatusError(422, "Invalid", f"{field}: {words}", causes=causes) from None


def said(one: Problem) -> str:
    return f"line {one.line}: {one.message}" if one.line else one.message
