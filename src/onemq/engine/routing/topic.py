"""Topic exchanges: the binding's routing key is a pattern of words.

Words are what dots separate: "" has none, "." has two empty ones. In a pattern "*" stands for one word, "#"
for zero or more. In a record's routing key both are ordinary words.
Must not: look at headers.
Spec: AMQP 0-9-1 section 3.1.3.3; words as RabbitMQ splits them (rabbit_db_topic_exchange).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.routing.destination import Destination, Destinations
from onemq.engine.routing.matcher import Binding, Matcher
from onemq.model.record import HeaderValue

ONE_WORD: Final = "*"
ANY_WORDS: Final = "#"


class _Node:
    """A place in the trie of patterns.

    `repeats` marks the node behind a "#": it is reached again by any further word. `visit` is the last step
    of a match that reached it, so that no step handles a node twice.
    """

    __slots__ = ("any_words", "children", "destinations", "one_word", "repeats", "visit")

    def __init__(self, repeats: bool) -> None:
        self.children: dict[str, _Node] = {}
        self.one_word: _Node | None = None
        self.any_words: _Node | None = None
        self.destinations = Destinations()
        self.repeats = repeats
        self.visit: i64 = 0

    def child(self, word: str) -> "_Node | None":
        if word == ONE_WORD:
            return self.one_word
        if word == ANY_WORDS:
            return self.any_words
        return self.children.get(word)

    def make_child(self, word: str) -> "_Node":
        node = _Node(word == ANY_WORDS)
        if word == ONE_WORD:
            self.one_word = node
        elif word == ANY_WORDS:
            self.any_words = node
        else:
            self.children[word] = node
        return node

    def drop_child(self, word: str) -> None:
        if word == ONE_WORD:
            self.one_word = None
        elif word == ANY_WORDS:
            self.any_words = None
        else:
            del self.children[word]

    def is_empty(self) -> bool:
        return (
            self.destinations.is_empty()
            and not self.children
            and self.one_word is None
            and self.any_words is None
        )


def _words(routing_key: str) -> list[str]:
    return routing_key.split(".") if routing_key else []


def _reach(start: _Node, visit: i64, reached: list[_Node]) -> None:
    """Adds a node and what follows it without a word, each once a visit."""
    node: _Node | None = start
    while node is not None and node.visit != visit:
        node.visit = visit
        reached.append(node)
        node = node.any_words


class TopicMatcher(Matcher):
    """Matches patterns: walks all at once, word by word, in time bounded by words times nodes of the trie."""

    def __init__(self) -> None:
        super().__init__()
        self._root = _Node(False)
        self._visit: i64 = 0

    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        visit: i64 = self._visit + 1
        reached: list[_Node] = []
        _reach(self._root, visit, reached)
        for word in _words(routing_key):
            visit += 1
            following: list[_Node] = []
            for node in reached:
                if node.repeats:
                    _reach(node, visit, following)
                child = node.children.get(word)
                if child is not None:
                    _reach(child, visit, following)
                child = node.one_word
                if child is not None:
                    _reach(child, visit, following)
            reached = following
            if not reached:
                break
        self._visit = visit
        for node in reached:
            node.destinations.put_into(out)

    def _attach(self, binding: Binding) -> None:
        node = self._root
        for word in _words(binding.routing_key):
            child = node.child(word)
            node = node.make_child(word) if child is None else child
        node.destinations.add(binding.destination)

    def _detach(self, binding: Binding) -> None:
        words = _words(binding.routing_key)
        path: list[_Node] = [self._root]
        for word in words:
            child = path[-1].child(word)
            assert child is not None, "a binding's pattern is in the trie"
            path.append(child)
        path[-1].destinations.remove(binding.destination)
        depth = len(words)
        while depth > 0 and path[depth].is_empty():
            depth -= 1
            path[depth].drop_child(words[depth])
