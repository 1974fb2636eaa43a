"""Batches of ids: every id is asked for, a refused batch is halved, and any other error is raised."""

import pytest

from cv_gdpr.errors import NoAnswer, NotAuthorised, NotFound, ServiceError, Unreachable
from cv_gdpr.service.batches import asked_in_parts, halves, in_parts, may_pass_in_parts

MOST = 4


def asked(ids, refuses=lambda _: None):
    """Ask for ids; `refuses` raises for a batch. Return what was found, and the batches that were sent."""
    sent = []

    def ask(batch):
        sent.append(batch)
        refuses(batch)
        return batch

    return list(asked_in_parts(ask, ids, MOST)), sent


def refusing(*bad, status=400):
    def refuse(batch):
        if not set(batch).isdisjoint(bad):
            raise ServiceError("refused", status=status)

    return refuse


@pytest.mark.parametrize(
    ("ids", "batches"), [("", []), ("abc", ["abc"]), ("abcd", ["abcd"]), ("abcdefghi", ["abcd", "efgh", "i"])]
)
def test_every_id_is_asked_for_at_most_so_many_a_call(ids, batches):
    found, sent = asked(list(ids))

    assert found == list(ids)
    assert sent == [list(batch) for batch in batches]


@pytest.mark.parametrize("status", [400, 404, 413, 414, 431])
@pytest.mark.parametrize("bad", ["b", "bd", "efgh", "i"])
def test_only_the_refused_ids_of_a_batch_are_not_found(status, bad):
    found, sent = asked(list("abcdefghi"), refusing(*bad, status=status))

    assert sorted(found) == sorted(set("abcdefghi") - set(bad))
    assert all(len(batch) <= MOST for batch in sent)


@pytest.mark.parametrize(
    "error",
    [
        ServiceError("", status=500),
        ServiceError("", status=429, transient=True),
        ServiceError("", status=409),
        ServiceError(""),
        NotAuthorised("", status=401),
        NotAuthorised("", status=403),
        Unreachable(""),
        NotFound("", status=404, code="NotFoundProject"),
    ],
    ids=lambda error: f"{type(error).__name__} {error.status} {error.code}",
)
def test_any_other_failure_is_raised(error):
    def fail(batch):
        if batch != list("abcd"):
            raise error

    with pytest.raises(type(error)):
        asked(list("abcdefgh"), fail)
    assert not may_pass_in_parts(error)


def dropping(most):
    """Return a refusal that drops the connection of every call with more ids than `most`."""

    def drop(batch):
        if len(batch) > most:
            error = Unreachable("dropped")
            error.dropped = True
            raise error

    return drop


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_long_call_whose_connection_drops_is_halved(most):
    found, sent = asked(list("abcdefghi"), dropping(most))

    assert found == list("abcdefghi")
    assert max(map(len, sent)) == MOST


def test_a_connection_that_drops_for_one_id_is_an_error():
    with pytest.raises(Unreachable):
        asked(list("abcd"), dropping(0))


def breaking_off(*bad):
    """Return a function that gets no answer for a batch with one of these ids, and returns every other batch."""

    def send(batch):
        if not set(batch).isdisjoint(bad):
            error = NoAnswer("the answer broke off")
            error.dropped = True
            raise error
        return batch

    return send


def test_a_deletion_that_breaks_off_for_one_id_skips_it():
    deleted = in_parts(breaking_off("c"), list("abcdefghi"), MOST)
    assert [one for batch in deleted for one in batch] == list("abdefghi")


def test_a_question_that_breaks_off_for_one_id_is_an_error():
    with pytest.raises(NoAnswer):
        asked(list("abcdefghi"), breaking_off("c"))


def test_a_deletion_that_always_breaks_off_is_given_up():
    ids = list("abcdefghijklmnop")
    with pytest.raises(NoAnswer):
        list(in_parts(breaking_off(*ids), ids, MOST))


@pytest.mark.parametrize("code", ["NotFoundProject", "BadRequestCustomerManagedKeyRevoked"])
def test_a_refusal_of_the_whole_project_is_not_halved(code):
    assert not may_pass_in_parts(ServiceError("", status=400, code=code))


def test_without_a_limit_every_id_is_sent_if_all_are_refused():
    sent = []

    def refuse(batch):
        sent.append(batch)
        raise ServiceError("refused", status=400)

    assert list(in_parts(refuse, list("abcdefghi"), MOST)) == []
    assert [batch for batch in sent if len(batch) == 1] == [[one] for one in "abcdefghi"]


def test_a_question_that_is_always_refused_is_given_up():
    found, sent = asked([str(number) for number in range(100)], refusing(*map(str, range(100))))

    assert found == []
    assert len([batch for batch in sent if len(batch) == 1]) == 4
    assert len(sent) < 10


def test_ids_refused_after_one_was_answered_are_all_asked():
    ids = [str(number) for number in range(20)]

    found, _ = asked(ids, refusing(*ids[1:19]))

    assert found == [ids[0], ids[19]]


@pytest.mark.parametrize(("ids", "parts"), [("ab", ("a", "b")), ("abc", ("a", "bc")), ("abcde", ("ab", "cde"))])
def test_halves_hold_everything_once(ids, parts):
    assert halves(list(ids)) == tuple(map(list, parts))
