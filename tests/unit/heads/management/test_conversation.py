"""The HTTP head without any real route: order, logins, methods, answers that come later, ends."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from onemq.engine.ports import Act, Auditor
from onemq.heads.management.area import Area
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.errors import Problem
from onemq.heads.management.pages import Page
from onemq.heads.management.routes import ADMINISTRATOR, ANYBODY, MONITORING, Route, RouteTable
from onemq.heads.management.settings import ManagementSettings
from onemq.model.entities import QueueSettings
from unit.heads.management.playbook import LATE, Stage


class Pair(msgspec.Struct):
    left: int
    right: str = ""


class Later(Canceller):
    """Calls that wait, and what became of them."""

    waiting: list[Call] = []
    log: list[str] = []

    def cancel(self) -> None:
        self.log.append("cancelled")

    def hurry(self) -> None:
        self.log.append("hurried")
        self.waiting.pop().answer("hurried")


def echo(call: Call) -> None:
    call.answer({"values": call.values, "query": {name: call.query.all(name) for name in call.query.names()}})


def declare(call: Call) -> None:
    call.access(call.values["namespace"]).queues.declare(call.values["queue"], QueueSettings())
    call.empty(201)


def later(call: Call) -> None:
    call.canceller = Later()
    Later.waiting.append(call)


def crash(call: Call) -> None:
    raise RuntimeError("a bug")


def teapot(call: Call) -> None:
    raise Problem(418, "teapot", "short and stout")


def areas(stage: Stage) -> Sequence[Area]:
    routes = [
        Route("GET", "/v1/echo/{one}/{two}", echo),
        Route("GET", "/v1/echo/fixed/{two}", lambda call: call.answer("fixed")),
        Route("PUT", "/v1/queues/{namespace}/{queue}", declare),
        Route("GET", "/v1/later", later),
        Route("GET", "/v1/crash", crash),
        Route("GET", "/v1/teapot", teapot),
        Route("GET", "/v1/namespaces", lambda call: call.answer(call.namespaces())),
        Route("GET", "/v1/flag", lambda call: call.answer(call.query.flag("on"))),
        Route("GET", "/v1/number", lambda call: call.answer(call.query.number("n", 5, 1, 9))),
        Route("POST", "/v1/pair", lambda call: call.answer(call.body(Pair)), request=Pair, response=Pair),
        Route("POST", "/v1/json", lambda call: call.answer(call.json())),
        Route("GET", "/v1/all", lambda call: call.answer("all"), ANYBODY),
        Route("GET", "/v1/watchers", lambda call: call.answer("watchers"), MONITORING),
        Route("GET", "/v1/admins", lambda call: call.answer("admins"), ADMINISTRATOR),
    ]
    return [Area("v1", RouteTable(routes))]


def make_stage(settings: ManagementSettings | None = None) -> Stage:
    Later.waiting.clear()
    Later.log.clear()
    return Stage(areas, settings=settings)


def test_segments_and_parameters_are_decoded() -> None:
    peer = make_stage().connect()
    found = peer.gets("/v1/echo/%2F/a%20b%2Fc+d/?x=1&x=%26+&flag&y=")
    assert found == {
        "values": {"one": "/", "two": "a b/c+d"},
        "query": {"x": ["1", "& "], "flag": [""], "y": [""]},
    }
    assert peer.gets("/v1/echo/fixed/z") == "fixed"
    assert peer.asks("GET", "/v1/echo/%FF/x").status == 400
    assert peer.gets("/v1/flag?on") is True and peer.gets("/v1/flag?on=false") is False
    assert peer.asks("GET", "/v1/flag?on=maybe").status == 400
    assert peer.gets("/v1/number") == 5 and peer.gets("/v1/number?n=9") == 9
    assert [peer.asks("GET", f"/v1/number?n={n}").status for n in ("0", "10", "x")] == [400, 400, 400]


def test_bodies_are_checked() -> None:
    peer = make_stage().connect()
    assert peer.asks("POST", "/v1/pair", {"left": 1}).json == {"left": 1, "right": ""}
    refused = peer.asks("POST", "/v1/pair", {"left": "x"})
    assert refused.status == 400 and "$.left" in refused.json["message"]
    assert peer.asks("POST", "/v1/pair").status == 400
    assert peer.asks("POST", "/v1/json", b"{").status == 400
    assert peer.asks("POST", "/v1/json", b"\xff").status == 400
    assert peer.asks("POST", "/v1/json").json is None


def test_pages_need_no_login_and_routes_do() -> None:
    stage = make_stage()
    peer = stage.connect()
    assert peer.asks("GET", "/health/live", login="").body == b"live\n"
    assert peer.asks("POST", "/health/live", login="").status == 405
    assert peer.asks("GET", "/nothing", login="").status == 404
    for login in ("", "guest:wrong", "nobody:nobody", "guest"):
        refused = peer.asks("GET", "/v1/all", login=login)
        assert refused.status == 401 and refused.headers["www-authenticate"] == 'Basic realm="onemq"'
    assert peer.asks("GET", "/v1/all", login="", headers={"Authorization": "Basic !"}).status == 401
    assert peer.gets("/v1/all") == "all"
    # guest comes from this machine only.
    assert stage.connect("10.0.0.1").asks("GET", "/v1/all").status == 401


@pytest.mark.parametrize(
    ("user", "statuses"),
    [
        ("guest", [200, 200, 200, 200]),
        ("monitor", [200, 200, 200, 403]),
        ("policies", [200, 200, 403, 403]),
        ("manager", [200, 200, 403, 403]),
        ("plain", [200, 403, 403, 403]),
    ],
)
def test_tags_open_routes(user: str, statuses: list[int]) -> None:
    peer = make_stage().connect()
    paths = ("/v1/all", "/v1/flag", "/v1/watchers", "/v1/admins")
    assert [peer.asks("GET", path, login=f"{user}:{user}").status for path in paths] == statuses


def test_namespaces_are_those_one_may_enter_or_watch() -> None:
    peer = make_stage().connect()
    assert peer.gets("/v1/namespaces") == ["/", "other"]
    assert peer.gets("/v1/namespaces", "monitor:monitor") == ["/", "other"]
    assert peer.gets("/v1/namespaces", "manager:manager") == ["/"]


def test_methods() -> None:
    peer = make_stage().connect()
    refused = peer.asks("DELETE", "/v1/pair")
    assert refused.status == 405 and refused.headers["allow"] == "POST"
    head = peer.asks("HEAD", "/v1/all")
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] == "5"
    options = peer.asks("OPTIONS", "/v1/all", login="")
    assert options.status == 200 and options.headers["allow"] == "GET, HEAD, OPTIONS"
    assert peer.asks("GET", "/v1/absent").status == 404


def test_problems_and_refusals_have_a_status() -> None:
    peer = make_stage().connect()
    assert peer.asks("GET", "/v1/teapot").json == {"error": "teapot", "message": "short and stout"}
    assert peer.asks("PUT", "/v1/queues/%2F/q").status == 201
    assert peer.asks("PUT", "/v1/queues/absent/q").status == 404
    denied = peer.asks("PUT", "/v1/queues/%2F/q", login="manager:manager")
    assert denied.status == 403 and denied.json["message"] == "queue 'q' is not yours to configure"
    assert peer.link.log[-1].startswith(
        "operation_refused: PUT /v1/queues/%2F/q: queue 'q' is not yours to configure; "
    )
    assert peer.asks("PUT", "/v1/queues/other/q", login="manager:manager").status == 403


class Notebook(Auditor):
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, str]] = []

    def note(self, act: Act) -> None:
        self.lines.append((act.result, act.action, act.kind, act.user))


def test_what_is_refused_before_the_engine_is_noted_as_well() -> None:
    stage = make_stage()
    notebook = Notebook()
    stage.broker.core.auditor = notebook
    peer = stage.connect()
    failed = int(stage.broker.core.totals.logins_failed)
    assert peer.asks("GET", "/v1/admins", login="manager:manager").status == 403
    line = peer.link.log[-1]
    assert line.startswith("operation_refused: GET /v1/admins: it takes a user with the tag administrator; ")
    assert peer.asks("PUT", "/v1/queues/other/q", login="manager:manager").status == 403
    assert peer.asks("PUT", "/v1/queues/%2F/q", login="manager:manager").status == 403
    assert notebook.lines == [("refused", "put", "request", "manager")]
    # Entering a namespace that is not one's own is no log-in.
    assert stage.broker.core.totals.logins_failed == failed


def test_a_page_of_elsewhere_changes_nothing() -> None:
    peer = make_stage().connect()
    foreign = {"Origin": "http://evil.example"}
    assert peer.asks("PUT", "/v1/queues/%2F/q", headers=foreign).status == 403
    assert peer.asks("GET", "/v1/all", headers=foreign).status == 200
    assert peer.asks("PUT", "/v1/queues/%2F/q", headers={"Origin": "http://h"}).status == 201


def test_what_changed_is_answered_when_it_is_durable() -> None:
    stage = make_stage()
    peer = stage.connect()
    peer.feeds(peer.encoded("PUT", "/v1/queues/%2F/q") + peer.encoded("GET", "/v1/all"))
    if stage.store.persistent:
        assert peer.hears() == []
    stage.turn()
    assert [answer.status for answer in peer.hears()] == [201, 200]


def test_an_answer_that_comes_later_keeps_its_place() -> None:
    stage = make_stage()
    peer = stage.connect()
    peer.feeds(peer.encoded("GET", "/v1/later") + peer.encoded("GET", "/v1/all"))
    stage.turn()
    assert peer.hears() == []
    Later.waiting.pop().answer("at last")
    stage.turn()
    assert [answer.json for answer in peer.hears()] == ["at last", "all"]


def test_a_lost_connection_cancels_what_it_waits_for() -> None:
    stage = make_stage()
    peer = stage.connect()
    peer.sends("GET", "/v1/later")
    call = Later.waiting[0]
    peer.leaves()
    assert Later.log == ["cancelled"]
    call.answer("to nobody")


def test_draining_hurries_what_waits() -> None:
    stage = make_stage()
    peer = stage.connect()
    peer.sends("GET", "/v1/later")
    peer.conversation.drain("shutdown")
    stage.turn()
    assert peer.hears_one().json == "hurried" and Later.log == ["hurried"]


def test_a_bug_ends_its_connection() -> None:
    stage = make_stage()
    peer = stage.connect()
    assert peer.asks("GET", "/v1/crash").status == 500 and peer.link.closed
    second = stage.connect()
    second.sends("GET", "/v1/later")
    Later.waiting.pop().crash(RuntimeError("while it worked"))
    stage.turn()
    assert second.hears_one().status == 500


def test_part_of_a_handler_that_runs_later_is_guarded() -> None:
    stage = make_stage()
    peer = stage.connect()

    def problem() -> None:
        raise Problem(404, "gone", "gone meanwhile")

    peer.sends("GET", "/v1/later")
    call = Later.waiting.pop()
    call.guard(problem)
    call.guard(problem)
    stage.turn()
    assert peer.hears_one().status == 404


def test_bounds() -> None:
    stage = make_stage(ManagementSettings(request_bytes_max=100, answer_bytes_max=1))
    peer = stage.connect()
    peer.feeds(b"".join(peer.encoded("GET", "/v1/all") for _ in range(5)))
    stage.turn()
    assert len(peer.hears()) == 5
    assert peer.asks("POST", "/v1/json", b"[" + b" " * 200 + b"]").status == 413 and peer.link.closed
    broken = stage.connect()
    broken.feeds(b"nonsense\r\n\r\n")
    stage.turn()
    assert broken.hears_one().status == 400


def test_without_keep_alive_it_closes() -> None:
    peer = make_stage().connect()
    assert peer.asks("GET", "/v1/all", headers={"Connection": "close"}).status == 200 and peer.link.closed


# Pages that take a while.


def test_a_page_that_is_made_later_keeps_its_place() -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends("GET", "/late")
    peer.sends("GET", "/health/live")
    stage.turn()
    assert peer.hears() == []
    LATE.pop().complete(Page(200, b"late\n"))
    peer.resumes()
    stage.turn()
    assert [answer.body for answer in peer.hears()] == [b"late\n", b"live\n"]


def test_a_page_that_nobody_waits_for_any_more_is_forgotten() -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends("GET", "/late")
    peer.leaves()
    LATE.pop().complete(Page(200, b"late\n"))
    assert not peer.link.resuming


def test_a_page_that_was_there_at_once_is_answered_at_once() -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends("HEAD", "/late")
    late = LATE.pop()
    late.complete(Page(200, b"late\n"))
    peer.resumes()
    stage.turn()
    answer = peer.hears_one()
    assert (answer.status, answer.body) == (200, b"")
