"""The JSON interface: it is what its document says, whatever is asked of it."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search import web
from tests.page_house import HIDDEN, MEETING, build


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    data: Path = build(tmp_path_factory.getbasetemp())
    patch = pytest.MonkeyPatch()
    patch.setattr(web, "BURST", 1e9)
    yield web.application(DataFolder(Layout(root=data)), hosts=["*"])  # whatever it is called by what asks it
    patch.undo()


@pytest.fixture(scope="module")
def schema(app: Any) -> Any:
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_answer_is_what_the_document_says(schema: Any, draw: st.DataObject) -> None:
    operation = draw.draw(st.sampled_from([found.ok() for found in schema.get_all_operations()]))
    mode = draw.draw(st.sampled_from(list(schemathesis.GenerationMode)))
    case = draw.draw(operation.as_strategy(generation_mode=mode))
    # Queries are any text, and what a parameter is not for is left alone: neither is refused.
    case.call_and_validate(excluded_checks=[schemathesis.checks.negative_data_rejection])


def test_answers_to_what_is_there_are_what_the_document_says(app: Any, schema: Any) -> None:
    client = TestClient(app)
    asked = {
        "/api/search": "/api/search?q=facial&limit=2",
        "/api/meetings": "/api/meetings",
        "/api/meetings/{id}": f"/api/meetings/{HIDDEN}",
        "/api/people/{id}": "/api/people/jo-okafor",
        "/api/quotes/{meeting}/{range}": f"/api/quotes/{MEETING}/10000-19500",
    }
    assert {p for p in schema.raw_schema["paths"]} == set(asked)
    for path, url in asked.items():
        answer = client.get(url)
        assert answer.status_code == 200
        schema[path]["GET"].validate_response(answer)


def test_pages_follow_each_other_and_lose_nothing(app: Any) -> None:
    client = TestClient(app)
    for first in ("/api/search?limit=2", "/api/search?q=residents&limit=1", f"/api/meetings/{MEETING}?limit=3"):
        found, url = [], first
        while url:
            answer = client.get(url).json()
            found += [(q.get("quote") or q)["address"] for q in answer["quotes"]]
            url = answer["next"]
        assert len(found) == len(set(found)) == answer["total"] > 0


def test_a_citation_is_that_of_the_page(app: Any) -> None:
    client = TestClient(app)
    answer = client.get(f"/api/quotes/{MEETING}/10000-19500").json()
    assert answer["quote"]["speaker"] in answer["citations"]["plain"]
    assert answer["cited"] in answer["citations"]["plain"]
    assert {"plain", "apa", "oscola", "bibtex"} <= set(answer["citations"])
    assert client.get(f"/api/quotes/{answer['cited']}").json()["changed"] is False
