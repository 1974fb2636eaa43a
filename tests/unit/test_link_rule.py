"""Which links of an endpoint are followed, in any spelling."""

import pytest

from cv_gdpr.links import LinkRule, UnsafeLink, has_expired

AZURE = "https://name.cognitiveservices.azure.com"
STORAGE = "https://irisprodeutraining.blob.core.windows.net/"
INSIDE = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "blobs.localhost",
    "127.0.0.1",
    "127.9.9.9",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0.0.0.0",  # noqa: S104
    "0",
    "10.0.0.4",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[0:0:0:0:0:0:0:1]",
]
NO_ADDRESS = [
    "https:///",
    "https://",
    "https:/a/",
    "//a/",
    "https://a b/",
    "https://a\\@127.0.0.1/",
    "https://user@a/",
    "https://user:password@127.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://a\u3002b/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://a:123456/",
    "https://a:b/",
    "https://a?x@127.0.0.1",
    "https://a#@127.0.0.1/",
    "https://a\r\nHost: b/",
    "https://a\0/",
    "ftp://a/",
    "file:///",
]


def refusal(endpoint, root):
    """Return the message with which a link is refused, empty if it is followed."""
    try:
        LinkRule(endpoint).check(root)
    except UnsafeLink as error:
        return str(error)
    return ""


@pytest.mark.parametrize("root", [STORAGE, "https://a:8443/", "HTTPS://A/", "https://20.50.1.1/", "https://[2603::1]/"])
def test_an_https_link_to_elsewhere_is_followed(root):
    assert refusal(AZURE, root) == ""
    assert refusal("http://127.0.0.1:1234", root) == ""


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("endpoint", [AZURE, f"{AZURE}/gateway", "https://10.0.0.9"])
def test_a_link_to_an_internal_address_is_refused(endpoint, host):
    assert refusal(endpoint, f"https://{host}/") == "a link into this machine or a private network"
    assert refusal(endpoint, f"https://{host}:8443/") == "a link into this machine or a private network"
    assert refusal(endpoint, f"http://{host}/") == "a link that is not https"


@pytest.mark.parametrize("endpoint", ["https://10.0.0.4", "https://10.0.0.4:8443", "https://0xa.0.0.4"])
def test_a_link_to_the_endpoints_own_host_is_followed(endpoint):
    assert refusal(endpoint, "https://10.0.0.4/") == ""
    assert refusal(endpoint, "https://10.0.0.5/") != ""


@pytest.mark.parametrize(
    ("endpoint", "root", "followed"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1:81/", True),
        ("http://localhost", "http://[::1]:81/", True),
        ("http://127.0.0.1:80", "http://192.0.2.1/", False),
        ("http://127.0.0.1:80", "http://storage.example/", False),
        ("http://127.0.0.1:80", "https://10.0.0.4/", True),
        ("https://localhost", "http://localhost:81/", False),
        ("https://localhost", "https://localhost:81/", True),
        (AZURE, "http://storage.example/", False),
        (AZURE, "http://localhost:81/", False),
    ],
)
def test_plain_http_is_followed_only_on_this_machine(endpoint, root, followed):
    assert refusal(endpoint, root) == ("" if followed else "a link that is not https")


@pytest.mark.parametrize("root", NO_ADDRESS)
def test_an_ambiguous_address_is_refused(root):
    assert refusal(AZURE, root) == "a link that is not an address"
    assert refusal("http://127.0.0.1:80", root) == "a link that is not an address"


def test_an_empty_link_is_reported_as_empty():
    assert refusal(AZURE, "") == "an empty link"


@pytest.mark.parametrize(
    ("query", "expired"),
    [
        ("sv=1&se=2020-06-07T16%3A50%3A40Z&sig=x", True),
        ("se=2020-06-07T16:50:40Z", True),
        ("se=2020-06-07T16%3A50%3A40%2B02%3A00", True),
        ("se=2020-06-07", True),
        ("se=9999-06-07T16%3A50%3A40Z&sp=r", False),
        ("sv=1&use=2020-06-07", False),
        ("se=", False),
        ("se=soon", False),
        ("", False),
    ],
)
def test_whether_a_link_says_that_it_expired(query, expired):
    assert has_expired(f"{STORAGE}i/1?{query}") is expired
