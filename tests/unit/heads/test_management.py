"""The parts of the HTTP head for operators that need no connection: routes, queries, problems."""

from __future__ import annotations

import json

import pytest

from onemq.heads.management.area import Area
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem, problem_of
from onemq.heads.management.query import PARAMETERS_MAX, parse_query, split_path
from onemq.heads.management.routes import ADMINISTRATOR, POLICYMAKER, Route, RouteTable, has_tag
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal


def nothing(call: Call) -> None:
    raise AssertionError("not called")


def test_a_word_goes_before_a_name_and_a_dead_end_is_walked_back() -> None:
    table = RouteTable(
        [
            Route("GET", "/a/{x}", nothing),
            Route("GET", "/a/b", nothing),
            Route("PUT", "/a/{x}/c", nothing),
            Route("GET", "/a/b/d", nothing),
        ]
    )

    def found(method: str, path: str) -> str:
        match = table.find(method, split_path(path))
        if match is None:
            return "none"
        return match.route.template if match.route else ",".join(match.methods)

    assert found("GET", "/a/b") == "/a/b"
    assert found("GET", "/a/c") == "/a/{x}"
    assert found("PUT", "/a/b/c") == "/a/{x}/c"
    assert found("POST", "/a/b") == "GET,HEAD"
    assert found("GET", "/a") == found("GET", "/") == found("GET", "/a/b/c/d") == "none"
    with pytest.raises(AssertionError):
        table.add(Route("GET", "/a/{y}", nothing))


def test_tags_imply_others() -> None:
    assert has_tag(Principal("u", ["administrator"]), POLICYMAKER)
    assert not has_tag(Principal("u", ["monitoring"]), POLICYMAKER)
    assert not has_tag(Principal("u", ["policymaker", "monitoring"]), ADMINISTRATOR)


def test_queries_are_bounded() -> None:
    with pytest.raises(Problem):
        parse_query("a=1&" * (PARAMETERS_MAX + 1))
    assert parse_query("").names() == [] and "a" in parse_query("a")


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_has_a_status_and_a_sentence(reason: Reason) -> None:
    problem = problem_of(Refusal(reason, "queue", "orders", "detail"))
    assert 400 <= problem.status < 500 and problem.kind == problem.kind.lower() and problem.text
    assert json.loads(Area("v1", RouteTable()).body(problem)) == {
        "error": problem.kind,
        "message": problem.text,
    }


def test_sentences() -> None:
    otherwise = Refusal(Reason.EXISTS_OTHERWISE, "queue", "q", "durable", wanted="true", actual="false")
    assert problem_of(otherwise).text == "queue 'q' exists with another durable: false instead of true"
    invalid = Refusal(Reason.INVALID, "queue", "q", "x-max-length", wanted="-1")
    assert problem_of(invalid).text == "queue 'q': invalid, x-max-length, asked for -1"
    assert problem_of(Refusal(Reason.NOT_FOUND, "queue", "q")).text == "queue 'q' does not exist"
    missing = problem_of(Refusal(Reason.NAMESPACE_DENIED, "namespace", "n", "not found"))
    assert (missing.status, missing.text) == (404, "namespace 'n' does not exist")
