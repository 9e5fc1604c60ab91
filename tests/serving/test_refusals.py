"""What this platform does not serve is said in the service's status: the field, and what to do instead."""

from __future__ import annotations

from typing import Any

import pytest

from pinnace.controllers.serving import agent
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.template import main_container

SERVICE = {"metadata": {"name": "s", "namespace": "default"}, "spec": {}}


@pytest.mark.parametrize(("logger", "words"), [
    ({}, "logger.url is not set"),
    ({"url": "s3://bucket/logs"}, "logger.url s3://bucket/logs: buckets are not served"),
    ({"url": "http://a", "storage": {"path": "x"}}, "logger.storage is not served"),
    ({"url": "http://a", "marshallerUrl": "http://b"}, "logger.marshallerUrl is not served"),
])
def test_events_go_to_services_not_into_buckets(logger: dict[str, Any], words: str) -> None:
    with pytest.raises(Problem, match=words) as refused:
        agent.logger(SERVICE, logger, "predictor")
    assert "url" in str(refused.value)


def test_an_art_explainer_is_told_from_a_forgotten_container() -> None:
    with pytest.raises(Problem, match=r"explainer.art is not served.*container named kserve-container"):
        main_container(SERVICE, {"art": {"type": "SquareAttack"}}, None)
    with pytest.raises(Problem, match="no container is named kserve-container"):
        main_container(SERVICE, {}, None)
