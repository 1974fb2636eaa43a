"""Why a download failed: in our words, which a report has in each language; libcurl's own stand in the log alone."""

import errno
import json

import pycurl
import pytest

from custom_vision_simulator import Fault
from custom_vision_simulator.edits import links_to
from custom_vision_simulator.faults import API
from cv_gdpr.downloads.curl import _name_of, _unreached
from cv_gdpr.evidence.sentences import translated
from cv_gdpr.languages import LANGUAGES, language
from cv_gdpr.service import shortfalls
from cv_gdpr.service.environment import refused_by_proxy
from tests.delete.erasing import stock

NUMBERS = sorted({value for name, value in vars(pycurl).items() if name.startswith("E_") and 0 < value < 1000})
PROXY = {"variable": "HTTPS_PROXY"}


@pytest.mark.parametrize("code", LANGUAGES[1:])
def test_each_cause_has_words_in_each_language(code):
    for number in NUMBERS:
        words = _unreached(number, 0).message
        assert _name_of(number) not in words, number
        for said in (words, shortfalls.THROUGH % {"reason": words, **PROXY}):
            inside = translated(words, language(code))
            assert inside != words, number
            assert inside in translated(said, language(code)), number


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_has_words_in_german(status):
    reason = shortfalls.TO_CONNECT % {"number": status}
    said = refused_by_proxy(status, shortfalls.PROXY % PROXY, "h.example", reason).message
    german = translated(said, language("de"))
    assert german.startswith("der von HTTPS_PROXY genannte Proxy ver")
    assert german.endswith(f": er antwortete mit {status} auf CONNECT")


@pytest.mark.parametrize(
    ("number", "system", "words"),
    [
        (pycurl.E_COULDNT_RESOLVE_HOST, 0, "blob storage: its name cannot be resolved (DNS)"),
        (pycurl.E_COULDNT_CONNECT, errno.ECONNREFUSED, "blob storage: it refused the connection"),
        (pycurl.E_COULDNT_CONNECT, errno.EHOSTUNREACH, "blob storage: no connection can be made"),
        (pycurl.E_SSL_CONNECT_ERROR, 0, "blob storage: no encrypted connection can be made (TLS)"),
        (pycurl.E_PEER_FAILED_VERIFICATION, 0, "blob storage: its certificate is not trusted"),
        (pycurl.E_OPERATION_TIMEDOUT, errno.EINPROGRESS, "blob storage: it did not answer in time"),
        (pycurl.E_RECV_ERROR, errno.ECONNRESET, "blob storage: the connection broke off"),
        (pycurl.E_HTTP2, 0, "blob storage: the download failed (libcurl error 16)"),
    ],
)
def test_a_cause_by_its_class(number, system, words):
    error = _unreached(number, system)
    assert (error.message, error.transient) == (words, number != pycurl.E_PEER_FAILED_VERIFICATION)


UNREACHABLE = {
    "http://127.0.0.1:1": ("blob storage: it refused the connection", "could not connect"),
    "https://storage.invalid": ("blob storage: its name cannot be resolved (DNS)", "could not resolve host"),
}


@pytest.mark.parametrize("root", UNREACHABLE)
def test_the_log_has_the_name_of_libcurls_error(sim, cli, tmp_path, root):
    words, cause = UNREACHABLE[root]
    stock(sim, images=1)
    sim.fault(Fault(API, times=None, edit=links_to(root)))
    log = tmp_path / "calls.jsonl"
    ran = cli("export", "images", "--all", "--json", "--patience", "0", "--log-file", log, "--out", tmp_path / "out")
    assert {one["reason"] for one in ran.json["missing"]} == {words}
    assert cause not in ran.out + ran.err
    tries = [one for one in map(json.loads, log.read_text().splitlines()) if one.get("operation") == "Blob"]
    assert {one["cause"] for one in tries} == {cause}
