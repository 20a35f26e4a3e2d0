"""SNS's filter policies: what passes, and which are refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.routing.filter_policy.policy import (
    MESSAGE_ATTRIBUTES,
    MESSAGE_BODY,
    Attributes,
    FilterPolicy,
    compile_policy,
)
from onemq.engine.routing.filter_policy.tokens import PolicyError


def compiled(policy: object, scope: str = MESSAGE_ATTRIBUTES) -> FilterPolicy:
    found = compile_policy(json.dumps(policy), scope)
    assert found is not None
    return found


def passes(policy: object, *attributes: tuple[str, str, str]) -> bool:
    found: Attributes = list(attributes)
    return compiled(policy).passes(found, "")


def body_passes(policy: object, body: object) -> bool:
    return compiled(policy, MESSAGE_BODY).passes([], json.dumps(body))


def error_of(policy: object, scope: str = MESSAGE_ATTRIBUTES) -> str:
    with pytest.raises(PolicyError) as caught:
        compile_policy(json.dumps(policy), scope)
    return caught.value.text


@pytest.mark.parametrize(
    ("values", "good", "bad"),
    [
        (["rugby"], ["rugby"], ["Rugby", "", "rugby "]),
        ([{"prefix": "auto-"}], ["auto-", "auto-1"], ["aut", "xauto-"]),
        ([{"suffix": "ball"}], ["ball", "football"], ["balls"]),
        ([{"equals-ignore-case": "TENNIS"}], ["tennis", "TeNnis"], ["tenni"]),
        ([{"anything-but": "a"}], ["b", "aa"], ["a"]),
        ([{"anything-but": ["a", "b"]}], ["c"], ["a", "b"]),
        ([{"anything-but": {"prefix": "a-"}}], ["b-", "a"], ["a-1"]),
        ([{"anything-but": {"suffix": "-z"}}], ["z"], ["a-z"]),
        ([{"anything-but": {"equals-ignore-case": "No"}}], ["yes"], ["NO"]),
        ([{"anything-but": {"wildcard": "*.lib"}}], ["a.py"], ["a.lib"]),
        ([{"anything-but": {"prefix": ["a", "b"]}}], ["c1"], ["a1", "b1"]),
        ([{"wildcard": "*/lib/*"}], ["/lib/", "a/lib/b/lib/c"], ["lib/", "/lib"]),
        ([{"wildcard": "a*a"}], ["aa", "aba"], ["a"]),
        ([{"wildcard": "a\\*b*"}], ["a*b", "a*bc"], ["axb"]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "x", "::1"]),
        ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1"]),
        ([{"exists": True}], ["anything", ""], []),
        (["a", {"prefix": "b"}], ["a", "bc"], ["c"]),
    ],
)
def test_text_attributes(values: list[object], good: list[str], bad: list[str]) -> None:
    for text in good:
        assert passes({"k": values}, ("k", "String", text)), text
        assert passes({"k": values}, ("k", "String.Array", json.dumps(["\x00", text]))), text
    for text in bad:
        assert not passes({"k": values}, ("k", "String", text)), text
    assert not passes({"k": values}, ("other", "String", "rugby"))


@pytest.mark.parametrize(
    ("values", "good", "bad"),
    [
        ([100], ["100", "100.0", "1e2"], ["101", "x"]),
        ([{"numeric": ["=", 301.5]}], ["301.5", "3.015e2"], ["301.50001"]),
        ([{"numeric": [">", 0, "<=", 150]}], ["0.1", "150"], ["0", "150.1", "-1"]),
        ([{"numeric": ["<", 0]}], ["-1"], ["0"]),
        ([{"numeric": [">=", 5]}], ["5", "6"], ["4.99999"]),
        ([{"anything-but": [100, 500]}], ["101"], ["100", "500"]),
    ],
)
def test_number_attributes(values: list[object], good: list[str], bad: list[str]) -> None:
    for text in good:
        assert passes({"k": values}, ("k", "Number", text)), text
    for text in bad:
        assert not passes({"k": values}, ("k", "Number", text)), text


def test_types_are_kept_apart() -> None:
    assert not passes({"k": ["100"]}, ("k", "Number", "100"))
    assert not passes({"k": [100]}, ("k", "String", "100"))
    assert not passes({"k": [{"numeric": [">", 1]}]}, ("k", "String", "100"))
    assert passes({"k": [100]}, ("k", "String.Array", '["x", 100]'))
    assert passes({"k": [True]}, ("k", "String.Array", "[true]"))
    assert not passes({"k": [1]}, ("k", "String.Array", "[true]"))
    assert passes({"k": [None]}, ("k", "String.Array", "[null]"))
    assert not passes({"k": [{"exists": True}]}, ("k", "Binary", "abcd"))
    assert not passes({"k": [{"anything-but": "a"}]}, ("k", "String.Array", '["a", "a"]'))
    assert not passes({"k": [{"exists": True}]}, ("k", "String.Array", "[not json"))


def test_absent_attributes() -> None:
    policy = {"store": [{"exists": False}]}
    assert passes(policy) and passes(policy, ("def", "Number", "99"))
    assert not passes(policy, ("store", "Number", "99"))
    assert not passes({"k": [None, {"anything-but": "whatever"}]})
    mixed = {"k": ["a", {"exists": False}]}
    assert passes(mixed) and passes(mixed, ("k", "String", "a")) and not passes(mixed, ("k", "String", "b"))


def test_all_keys_have_to_pass() -> None:
    policy = {"a": ["1"], "b": [{"prefix": "x"}]}
    assert passes(policy, ("a", "String", "1"), ("b", "String", "xy"))
    assert not passes(policy, ("a", "String", "1"), ("b", "String", "y"))


def test_choices() -> None:
    policy = {
        "source": ["aws.cloudwatch"],
        "$or": [
            {"metricName": ["CPU"]},
            {"metricType": ["T"], "$or": [{"metricId": [1234]}, {"spaceId": [1]}]},
        ],
    }
    source = ("source", "String", "aws.cloudwatch")
    assert passes(policy, source, ("metricName", "String", "CPU"))
    assert passes(policy, source, ("metricType", "String", "T"), ("spaceId", "Number", "1"))
    assert not passes(policy, source, ("metricType", "String", "T"))
    assert not passes(policy, ("metricName", "String", "CPU"))


def test_a_choice_of_one_is_a_name_like_another() -> None:
    assert passes({"$or": ["a", "b"]}, ("$or", "String", "a"))
    assert error_of({"$or": [{"a": ["b"]}]}).startswith("Unrecognized match type a\n")


def test_bodies() -> None:
    policy = {
        "object": {"key": [{"prefix": "auto-"}, "hard"], "nested": [{"exists": False}]},
        "test": [{"exists": False}],
    }
    assert body_passes(policy, {"object": {"key": "auto-test"}})
    assert body_passes(policy, {"object": {"key": "hard"}})
    assert not body_passes(policy, {"object": {"key": "auto-test"}, "test": 1})
    assert not body_passes(policy, {"object": {"key": "auto-test", "nested": 1}})
    assert not body_passes(policy, {"object": {"test": "hard"}})
    found = compiled(policy, MESSAGE_BODY)
    for text in ("", "text", '"auto-"', "[1]", "{", "[" * 100_000, '{"a":' * 100_000):
        assert not found.passes([], text)


def test_scalars_in_bodies() -> None:
    for value in (None, True, False, 3, 2.5, "x"):
        assert body_passes({"k": [value]}, {"k": value})
        for other in (None, True, False, 3, 2.5, "x"):
            assert body_passes({"k": [value]}, {"k": other}) == (other is value)
    assert body_passes({"k": [{"anything-but": "x"}]}, {"k": None})
    assert body_passes({"k": [10**400]}, {"k": 10**400})
    assert not body_passes({"k": [{"numeric": ["<", 5]}]}, {"k": 10**400})


def test_a_point_in_a_name_is_nesting() -> None:
    policy = {"object.nested.test": ["v"]}
    for body in (
        {"object": {"nested": {"test": "v"}}},
        {"object.nested.test": "v"},
        {"object.nested": {"test": "v"}},
        {"object": {"nested.test": "v"}},
    ):
        assert body_passes(policy, body)
    assert not body_passes(policy, {"object": {"nested": {"test": "w"}}})


def test_arrays_in_bodies() -> None:
    route = {"headers": {"route-to": ["queue1"]}}
    assert body_passes(route, {"headers": {"route-to": ["queue1", "queue2"]}})
    assert not body_passes(route, {"headers": {"route-to": ["queue2"]}})
    assert not body_passes(route, {"headers": {"route-to": []}})
    policy = {
        "Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "Created:"}]}
    }
    auto = {"s3": {"object": [[{"key": "auto-1"}]]}}
    home = {"s3": {"object": {"key": "home-1"}}}
    assert body_passes(
        policy, {"Records": [{**auto, "eventName": "Created:Put"}, {**home, "eventName": "Removed:Delete"}]}
    )
    assert not body_passes(policy, {"Records": [{**home, "eventName": "Created:Put"}]})
    # The key of one record and the name of another are no match.
    assert not body_passes(
        policy, {"Records": [{**auto, "eventName": "Removed:Delete"}, {**home, "eventName": "Created:Put"}]}
    )


def test_a_message_made_to_take_long_does_not() -> None:
    policy = {"a": {"x": [1], "y": [1], "z": [2]}}
    assert not body_passes(
        policy, {"a": [{"x": 1} for _ in range(3000)] + [{"y": 1} for _ in range(3000)] + [{"z": 2}]}
    )


@pytest.mark.parametrize(
    ("policy", "text", "column"),
    [
        ('{"key":[["value"]]}', "Match value must be String, number, true, false, or null", 10),
        ('{"key":[{"wrong-operator":true}]}', "Unrecognized match type wrong-operator", 31),
        ('{"key":[{"suffix":"value","prefix":"value2"}]}', "Only one key allowed in match expression", 37),
        ('{"key":[{"suffix":100}]}', "suffix match pattern must be a string", 22),
        ('{"key":[{"suffix":null}]}', "suffix match pattern must be a string", 23),
        ('{"key":{"suffix":"value"}}', '"suffix" must be an object or an array', 19),
        ('{"key":[{"suffix":[]}]}', "suffix match pattern must be a string", 20),
        ('{"key":[{"suffix":["test","test2"]}]}', "suffix match pattern must be a string", 20),
        ('{"key":{"not-an-operator":"value"}}', '"not-an-operator" must be an object or an array', 28),
        ('{"key_a":"value_one"}', '"key_a" must be an object or an array', 11),
        ('{"key":[{"numeric":[]}]}', "Invalid member in numeric match: ]", 22),
        ('{"key":[{"numeric":["operator"]}]}', "Unrecognized numeric range operator: operator", 32),
        ('{"key":[{"numeric":[1,"<="]}]}', "Invalid member in numeric match: 1", 22),
        ('{"key":[{"numeric":["=","000"]}]}', "Value of equals must be numeric", 26),
        ('{"key":[{"numeric":[">="]}]}', "Value of >= must be numeric", 26),
        ('{"key":[{"numeric":["<",100,">",10]}]}', "Too many elements in numeric expression", 30),
        ('{"key":[{"numeric":[">=",1,">",2]}]}', "Bad numeric range operator: >", 31),
        ('{"key":[{"numeric":[">",3,"<",1]}]}', "Bottom must be less than top", 33),
        ('{"key":[{"numeric":[">",20,"<="]}]}', "Value of <= must be numeric", 33),
        ('{"key":[{"numeric":[">",20,30]}]}', "Bad value in numeric range: 30", 30),
        ('{"key":[{"numeric":[">",20,"test"]}]}', "Bad numeric range operator: test", 34),
        ('{"key":[{"numeric":[">","20","<","30"]}]}', "Value of > must be numeric", 26),
        ('{"key":[{"numeric":[">",20,"<","30"]}]}', "Value of < must be numeric", 33),
        ('{"key":[{"numeric":[">",20,"<",30,"<",50]}]}', "Too many terms in numeric range expression", 36),
        ('{"key":[{"exists":null}]}', "exists match pattern must be either true or false.", 23),
        ('{"key":[{"exists":"no"}]}', "exists match pattern must be either true or false.", 20),
        (
            '{"key":[{"anything-but":{"wrong-operator":null}}]}',
            "Unsupported anything-but pattern: wrong-operator",
            47,
        ),
        ('{"key":[{"anything-but":{"exists":false}}]}', "Unsupported anything-but pattern: exists", 40),
        ('{"key":[{"anything-but":{"prefix":false}}]}', "prefix match pattern must be a string", 40),
    ],
)
def test_errors_as_amazon_has_recorded_them(policy: str, text: str, column: int) -> None:
    assert (
        error_of(json.loads(policy)) == f'{text}\n at [Source: (String)"{policy}"; line: 1, column: {column}]'
    )


def test_limits() -> None:
    complex_text = "Filter policy is too complex"
    many = [f"value{index}" for index in range(151)]
    assert error_of({"key": many}) == complex_text
    assert error_of({"key1": many[:100], "key2": many[:51]}) == complex_text
    assert (
        error_of({f"key{index}": ["v"] for index in range(6)})
        == "Filter policy can not have more than 5 keys"
    )
    nested = {
        "key_a": {"key_b": {"key_c": ["1", "2", "3", "4"]}},
        "key_d": {"key_e": ["1", "2", "3"]},
    }
    compiled(nested, MESSAGE_BODY)  # 3 x 4 x 2 x 3 = 72
    nested["key_f"] = {"key_g": ["1", "2"]}
    assert error_of(nested, MESSAGE_BODY) == complex_text
    choice: dict[str, Any] = {
        "source": ["1", "2", "3", "4"],
        "$or": [
            {"metricName": ["1", "2", "3", "4", "5", "6"]},
            {
                "metricType": ["1", "2", "3", "4"],
                "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4]}],
            },
        ],
    }
    assert error_of(choice) == complex_text  # 24 + 64 + 64 = 152
    choice["$or"][0]["metricName"] = ["1", "2", "3", "4", "5"]
    compiled(choice)


def test_other_errors() -> None:
    with pytest.raises(PolicyError) as caught:
        compile_policy('{"key": {"inner": ["a"]}}', MESSAGE_ATTRIBUTES)
    assert caught.value.text == "Filter policy scope MessageAttributes does not support nested filter policy"
    assert not caught.value.of_policy
    assert error_of({"key": []}).startswith("Empty arrays are not allowed\n")
    assert error_of({"key": {}}, MESSAGE_BODY).startswith("Empty objects are not allowed\n")
    assert error_of({"key": [{"cidr": 1}]}).startswith("prefix match pattern must be a string\n")
    assert error_of({"key": [{"cidr": "10.0.0.0"}]}) == "Malformed CIDR, one '/' required"
    assert error_of({"key": [{"cidr": "10.0.0.0/x"}]}) == "Malformed CIDR, mask bits must be an integer"
    assert error_of({"key": [{"cidr": "10.0.0/8"}]}) == "Nonstandard IP address: 10.0.0"
    assert error_of({"key": [{"wildcard": "a**"}]}).startswith("Consecutive wildcard characters at pos ")
    assert error_of({"key": [{"wildcard": "a\\b"}]}).startswith("Invalid escape character at pos ")
    assert error_of({"key": [{"anything-but": ["a", 1]}]}).startswith("Inside anything but list, either")
    assert error_of({"key": [{"anything-but": None}]}).startswith("Value of anything-but must be")
    for text in ("{", "[]", '"a"', "nonsense", "[" * 100_000):
        with pytest.raises(PolicyError) as caught:
            compile_policy(text, MESSAGE_ATTRIBUTES)
        assert caught.value.text == "failed to parse JSON."
    assert compile_policy("", MESSAGE_BODY) is None and compile_policy("{}", MESSAGE_BODY) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab$or", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["a", "b", "$or", "prefix", "anything-but", "numeric", "exists", "cidr", "wildcard", "suffix"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "$or"]), JSON, min_size=1, max_size=3), JSON)
def test_any_policy_is_compiled_or_refused_and_any_body_judged(policy: dict[str, Any], body: object) -> None:
    for scope in (MESSAGE_ATTRIBUTES, MESSAGE_BODY):
        try:
            found = compile_policy(json.dumps(policy), scope)
        except PolicyError as error:
            assert error.text
        else:
            assert found is not None
            assert found.passes([("a", "String", "a"), ("b", "Number", "1")], json.dumps(body)) in (
                True,
                False,
            )


@given(st.text("ab*", max_size=8).filter(lambda text: "**" not in text), st.text("ab", max_size=10))
def test_wildcards_are_what_globs_are(pattern: str, text: str) -> None:
    import re

    wanted = re.fullmatch(pattern.replace("*", ".*"), text) is not None
    assert passes({"k": [{"wildcard": pattern}]}, ("k", "String", text)) == wanted


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3),
    st.sampled_from("abc"),
    st.lists(st.sampled_from("xyz"), min_size=1),
)
def test_anything_but_is_the_opposite_of_a_list(body: dict[str, str], name: str, values: list[str]) -> None:
    if name in body:
        assert body_passes({name: values}, body) != body_passes({name: [{"anything-but": values}]}, body)
    else:
        assert not body_passes({name: values}, body) and body_passes({name: [{"exists": False}]}, body)
