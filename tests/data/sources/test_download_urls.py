"""Addresses that cannot be asked, and what is printed of one that can."""

import pytest
from downloads import fetch
from http_servers import serving, status

from alexnet_flowers.errors import DataError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "photos.tgz")


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1/x", "https://", "http:///x", "http://127.0.0.1:99999/"]
)
def test_no_url_of_a_web_server_is_one_line(path, url):
    with pytest.raises(DataError, match="is no URL of a web server"):
        fetch([url], path)


@pytest.mark.parametrize("location", ["http://[::1/x", "file:///etc/passwd", "http://h:99999/x"])
def test_redirection_to_no_web_server_is_one_line(path, location):
    with serving({"/photos.tgz": [status(302, Location=location)]}) as server:
        with pytest.raises(DataError, match="what it redirects to is no URL of a web server"):
            fetch([server.url + "/photos.tgz"], path)


def test_nothing_secret_of_a_url_is_printed(path):
    with serving({"/photos.tgz?token=s3cr3t": [status(401)]}) as server:
        url = server.url.replace("http://", "http://alice:hunter2@") + "/photos.tgz?token=s3cr3t"
        with pytest.raises(DataError) as caught:
            fetch([url], path)
        assert "(%s/photos.tgz?...: status 401)" % server.url in str(caught.value)
    assert "hunter2" not in str(caught.value) and "s3cr3t" not in str(caught.value)
