"""The size that storage announces for a blob: asked for by the link rule, and never guessed."""

import pytest

from cv_gdpr.downloads.sizes import Sizes
from cv_gdpr.errors import CvGdprError, MalformedAnswer, NotFound, ServiceError, Unreachable


@pytest.mark.parametrize(
    ("endpoint", "uri"),
    [
        ("https://x.example", "http://127.0.0.1:1/m"),
        ("https://x.example", "https://169.254.169.254/m"),
        ("https://x.example", "https://10.0.0.1/m"),
        ("http://127.0.0.1:1", "http://x.example/m"),
        ("https://x.example", "ftp://x.example/m"),
    ],
)
def test_an_unsafe_link_is_not_followed(endpoint, uri):
    with pytest.raises(MalformedAnswer):
        Sizes(endpoint, 1.0).of(uri)


def test_a_refusal_is_an_error(sim):
    with pytest.raises(ServiceError) as refused:
        Sizes(sim.endpoint, 5.0).of(f"{sim.blob_host}/nothing")
    assert refused.value.status == 403
    assert not isinstance(refused.value, NotFound)
    assert [(call.method, call.status) for call in sim.blob_requests] == [("HEAD", 403)]


def test_storage_that_is_not_there_is_an_error():
    with pytest.raises(Unreachable):
        Sizes("http://127.0.0.1:1", 1.0).of("http://127.0.0.1:1/m")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/\0", "http://127.0.0.1:1/\ud800", "http://"])
def test_an_address_that_cannot_be_one_is_an_error(uri):
    with pytest.raises(CvGdprError):
        Sizes("http://127.0.0.1:1", 1.0).of(uri)
