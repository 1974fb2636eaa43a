"""Links of a remote service must not lead to this machine or its network, nor over plain http."""

import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.catalogue import faults
from custom_vision_simulator.edits import links_to
from custom_vision_simulator.faults import API
from tests.endurance.distant import HOST, STORAGE, distant
from tests.export.exporting import assert_bag, assert_one_error, assert_open, stock

INSIDE = "the service sent a link into this machine or a private network"
PLAIN = "the service sent a link that is not https"


def test_remote_https_links_are_followed_through_a_proxy(sim, cli, tmp_path):
    stock(sim, images=3)
    sim.fault(Fault(API, times=None, edit=links_to(f"https://{STORAGE}")))
    with distant(sim, tmp_path) as (proxy, variables):
        ran = cli("export", "images", "--all", "-q", "--out", tmp_path / "out", **variables)
    assert ran.code == 0, ran.err
    assert_bag(tmp_path / "out")
    assert set(proxy.asked) == {f"{HOST}:443", f"{STORAGE}:443"}
    assert not any("Training-Key" in call.headers for call in sim.blob_requests)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, PLAIN),  # the simulator's own links lead to http://127.0.0.1
        ("links-plain", PLAIN),
        ("links-inside", INSIDE),
    ],
)
def test_an_unsafe_remote_link_is_refused_and_reported(sim, cli, tmp_path, fault, reason):
    project = stock(sim, images=3)
    for one in faults(fault) if fault else []:
        sim.fault(one)
    with distant(sim, tmp_path) as (proxy, variables):
        ran = cli("export", "images", "--all", "--out", tmp_path / "out", **variables)
    assert_one_error(ran, 3)
    missing = assert_open(tmp_path / "out")
    places = sim.store.projects[project]
    images = {one for each in (places, *places.iterations.values()) for one in _images(each)}
    assert {entry["id"] for entry in missing} == images
    assert {entry["reason"] for entry in missing} == {reason}
    assert set(proxy.asked) == {f"{HOST}:443"}
    assert not sim.blob_requests


def _images(holder):
    return (holder.workspace if hasattr(holder, "workspace") else holder.snapshot).images


@pytest.mark.parametrize("root", ["http://192.0.2.1", "http://storage.example", "ftp://127.0.0.1"])
def test_a_local_endpoints_plain_remote_links_are_refused(sim, cli, tmp_path, root):
    stock(sim, images=3)
    sim.fault(Fault(API, times=None, edit=links_to(root)))
    ran = cli("export", "images", "--all", "--out", tmp_path / "out", CV_GDPR_EXPORT_PATIENCE="0")
    assert_one_error(ran, 3)
    reasons = {entry["reason"] for entry in assert_open(tmp_path / "out")}
    assert reasons == {"the service sent a link that is not an address" if root.startswith("ftp") else PLAIN}


def test_an_untrusted_certificate_is_refused_at_once(sim, cli, tmp_path):
    with distant(sim, tmp_path) as (proxy, variables):
        ran = cli(
            "export", "--all", "--patience", "5", "--out", tmp_path / "out", **variables | {"REQUESTS_CA_BUNDLE": ""}
        )
    assert_one_error(ran, 5)
    assert "the endpoint's certificate is refused" in ran.err
    assert "REQUESTS_CA_BUNDLE" in ran.err
    assert len(proxy.asked) == 1
    assert not sim.calls
