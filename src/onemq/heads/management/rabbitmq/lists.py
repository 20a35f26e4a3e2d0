"""Lists as RabbitMQ answers them: sorted, cut into pages, filtered by name, with the columns that were asked for.

Source: rabbit_mgmt_util (reply_list, range_filter, extract_column_items), recorded answers of RabbitMQ 3.10.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.gathering import Gathering
from onemq.heads.management.rabbitmq.bodies import bad_request
from onemq.model.pattern_syntax import PatternError, perl_pattern

PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 500
PATTERN_STEPS_MAX: Final = 1000
"""Any user may send one, and it is tried on all names of a list: no room for much inside of repetitions (model/pattern.py)."""
Item = dict[str, Any]
T = TypeVar("T")


def answer_list(call: Call, items: list[Item]) -> None:
    """Completes the call with the list, or a page of it."""
    page = _page(call)
    total = len(items)
    if page is not None:
        items = _filtered(call, items)
    items = _sorted(call, items)
    if page is None:
        call.answer(_columns(call, items))
        return
    _answer_page(call, _cut_page(items, *page), len(items), total, page)


def _cut_page(items: list[T], number: int, size: int) -> list[T]:
    """Raises Problem."""
    count = len(items)
    if number > _pages(count, size):
        raise Problem(
            400, "page_out_of_range", f"Page out of range, page: {number} page size: {size}, len: {count}"
        )
    return items[(number - 1) * size : number * size]


def _pages(count: int, size: int) -> int:
    return max((count + size - 1) // size, 1)


def _answer_page(call: Call, shown: list[Item], count: int, total: int, page: tuple[int, int]) -> None:
    number, size = page
    call.answer(
        {
            "filtered_count": count,
            "item_count": len(shown),
            "items": _columns(call, shown),
            "page": number,
            "page_count": _pages(count, size),
            "page_size": size,
            "total_count": total,
        }
    )


def answer_list_of(call: Call, names: list[str], build: Callable[[int], Item | None]) -> None:
    """As `answer_list`, of many objects that take some time each. names: theirs, in order; build: makes one by its place, None when it
    has gone. Only those of the page are made where that is enough, and SLICE in a turn: the broker's clients have theirs in between."""
    places = list(range(len(names)))
    page = _page(call)
    sort = call.query.text("sort")
    if page is not None and sort in ("", "name"):
        wanted = _name_filter(call)
        places = [place for place in places if wanted(names[place])]
        if sort:
            places.sort(key=lambda place: names[place], reverse=call.query.text("sort_reverse") == "true")
        shown = _cut_page(places, *page)
        gathering = Gathering(
            call, shown, build, lambda items: _answer_page(call, items, len(places), len(names), page)
        )
    else:
        gathering = Gathering(call, places, build, lambda items: answer_list(call, items))
    gathering.go_on()
    if not call.answered:
        call.canceller = gathering


def answer_one(call: Call, item: Item) -> None:
    """Completes the call with one object, with the columns that were asked for."""
    call.answer(_columns(call, [item])[0])


def _page(call: Call) -> tuple[int, int] | None:
    """Number from 1 and size, None where no page was asked for. Raises Problem."""
    query = call.query
    if "page" not in query:
        return None
    try:
        number = int(query.text("page"))
        size = int(query.text("page_size", str(PAGE_SIZE)))
    except ValueError:
        raise bad_request("Pagination parameters are invalid") from None
    if number < 1 or not 1 <= size <= PAGE_SIZE_MAX:
        given = query.text("page_size", "undefined")
        raise Problem(
            400,
            "invalid_pagination_parameters",
            f"Invalid pagination parameters: page number {number}, page size {given}",
        )
    return number, size


def _filtered(call: Call, items: list[Item]) -> list[Item]:
    wanted = _name_filter(call)
    return [item for item in items if wanted(str(item.get("name", "")))]


def _name_filter(call: Call) -> Callable[[str], bool]:
    """Raises Problem."""
    wanted = call.query.text("name")
    if not wanted:
        return lambda name: True
    if call.query.text("use_regex") != "true":
        lowered = wanted.lower()
        return lambda name: lowered in name.lower()
    try:
        pattern = perl_pattern(f"(?i){wanted}")
    except PatternError:
        raise bad_request("Pagination parameters are invalid") from None
    if pattern.steps > PATTERN_STEPS_MAX:
        raise bad_request("Pagination parameters are invalid")
    return pattern.is_in


def _sorted(call: Call, items: list[Item]) -> list[Item]:
    by = call.query.text("sort")
    if not by:
        return items
    path = by.split(".")
    return sorted(
        items, key=lambda item: _rank(_at(item, path)), reverse=call.query.text("sort_reverse") == "true"
    )


def _rank(value: object) -> tuple[int, Any]:
    """Erlang's order of terms: numbers, words, the rest; what is missing comes first here."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (2, str(value))
    if isinstance(value, int | float):
        return (1, value)
    return (3, str(value))


def _at(item: Any, path: list[str]) -> object:
    for name in path:
        if not isinstance(item, dict):
            return None
        item = item.get(name)
    return item


def _columns(call: Call, items: list[Item]) -> list[Item]:
    wanted = call.query.text("columns")
    if not wanted:
        return items
    paths = [name.split(".") for name in wanted.split(",") if name]
    return [_cut(item, paths) for item in items]


def _cut(item: Item, paths: list[list[str]]) -> Item:
    found: Item = {}
    for path in paths:
        if path[0] not in item:
            continue
        value = item[path[0]]
        if len(path) == 1 or path[0] in ("arguments", "client_properties"):
            # A name with dots may be an argument's own: RabbitMQ gives all of them.
            found[path[0]] = value
        elif isinstance(value, dict):
            inner = _cut(value, [path[1:]])
            if inner:
                known = found.setdefault(path[0], {})
                known.update(inner)
    return found
