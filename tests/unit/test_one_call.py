"""One call without an answer: the others decide whether the service is down, and one more call where there are none."""

import pytest

from custom_vision_simulator import Fault, Simulator
from cv_gdpr.errors import NoAnswer, ServiceError, Stops, Unreachable
from tests.delete.direct import service_of

LOST = [
    {"drop": True},
    {"cut": 1},
    {"status": 302},
    {"status": 407},
    {"body": b"xx", "headers": {"Content-Encoding": "gzip"}},
]


@pytest.fixture
def service(sim):
    """A client that the service has answered once."""
    with service_of(sim) as client:
        client.call("get_projects")
        yield client


@pytest.mark.parametrize("how", LOST, ids=str)
def test_one_call_without_an_answer_stops_its_listing(sim, service, how):
    sim.fault(Fault("GetProjects", times=None, **how))
    with pytest.raises(NoAnswer) as raised:
        service.call("get_projects")
    assert raised.value.stops is Stops.LISTING
    assert "check the endpoint" not in raised.value.hint
    assert [call.operation for call in sim.calls] == ["GetProjects", "GetProjects", "GetDomains"]


@pytest.mark.parametrize("how", LOST, ids=str)
def test_a_service_that_answers_no_call_is_down(sim, service, how):
    sim.fault(Fault("*", times=None, **how))
    with pytest.raises(Unreachable):
        service.call("get_projects")
    assert len(sim.calls) == 3


@pytest.mark.parametrize("how", LOST, ids=str)
def test_a_first_call_without_an_answer_is_unreachable(sim, how):
    sim.fault(Fault("GetProjects", times=None, **how))
    with service_of(sim) as client, pytest.raises(Unreachable):
        client.call("get_projects")


def test_a_probe_that_is_refused_shows_a_service(sim, service):
    sim.fault(Fault("GetProjects", drop=True, times=None))
    sim.fault(Fault("GetDomains", status=403, times=None))
    with pytest.raises(NoAnswer):
        service.call("get_projects")


def test_a_service_that_is_gone_is_unreachable():
    with Simulator() as gone, service_of(gone) as client:
        client.call("get_projects")
        gone.__exit__(None, None, None)
        with pytest.raises(ServiceError) as raised:
            client.call("get_projects")
    assert isinstance(raised.value, Unreachable)
    assert raised.value.exit_code == 5


def test_a_lacking_role_stops_its_listing(sim, service):
    body = {"error": {"code": "PermissionDenied", "message": "Principal does not have access to API/Operation."}}
    sim.fault(Fault("GetProjects", status=401, body=body, times=None))
    with pytest.raises(ServiceError) as raised:
        service.call("get_projects")
    assert raised.value.stops is Stops.LISTING
    assert "needs a role" in raised.value.hint
    assert "refused since" not in raised.value.message
