"""Messages that wait for an answer: all of them are taken then, in their order."""

from types import SimpleNamespace

from codex_runtime.host.holding import Holding


def _message(number):
    return SimpleNamespace(number=number)


def _holding():
    taken = []
    return Holding(lambda message: taken.append(message.number)), taken


def test_a_message_is_taken_at_once_while_no_answer_is_awaited():
    holding, taken = _holding()
    holding.put(_message(1))
    assert taken == [1]
    assert holding.waiting == ()


def test_what_is_held_back_is_taken_in_order_when_the_last_answer_has_come():
    holding, taken = _holding()
    holding.begin()
    holding.begin()
    for number in range(3):
        holding.put(_message(number))
    holding.end()
    assert taken == []
    holding.end()
    assert taken == [0, 1, 2]


def test_what_comes_while_a_message_is_taken_is_taken_behind_it():
    taken = []

    def take(message):
        if message.number == 1:
            holding.put(_message(2))
        taken.append(message.number)

    holding = Holding(take)
    holding.put(_message(1))
    assert taken == [1, 2]
