"""How the process that downloads names what ended it."""

import pycurl

from cv_gdpr.downloads import worker


def test_an_error_of_libcurl_is_a_number_without_its_words():
    assert worker._name_of(pycurl.error(27, "https://host/x?sig=SECRET")) == "libcurl error 27"
    assert worker._name_of(KeyError("x")) == "KeyError"
