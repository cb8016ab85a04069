"""From a URL to a verified file.

While it is under way the file is called ``<path>.partial``; it gets its own name only after its
size and its digest, where they are known, have been checked.
"""

import contextlib
import errno
import os
import queue
import re
import shutil
import socket
import threading
import time
import urllib.parse

import requests
import urllib3
from tqdm import tqdm

from alexnet_flowers import atomic
from alexnet_flowers.data.sources import file_digest
from alexnet_flowers.errors import DataError

_CHUNK_BYTES = 1 << 16
# Seconds to connect, and seconds without a single byte, before a try is given up; and seconds for
# an answer's head, redirections included, which could trickle in for ever just as well.
_TIMEOUT_SECS = (10, 30)
_HEAD_SECS = 60
# A server that sends a byte now and then never runs into that: a try is given up as well when so
# many seconds bring less than so many bytes. (A modem brings twice as many.)
_SPEED_SECS = 60
_SPEED_BYTES = 2 * _SPEED_SECS << 10
# Of a file without an announced length, which may have no end, half of the disk's room and so
# many bytes at most.
_MAX_UNANNOUNCED_BYTES = 10**11
_LENGTH = re.compile("[0-9]{1,18}")


def download(urls, path, size=None, sha256=None, tries=4, backoff_secs=1.0):
    """Downloads a file, from the first of several URLs that delivers the right one.

    A try that breaks off is followed by another that asks for the rest only. What an earlier
    process left is continued too, provided that ``sha256`` can tell whether the parts fit.

    Args:
      urls: the same file's URLs, best first.
      path: where it goes; the folder exists.
      size: its size in bytes, where known.
      sha256: its digest, where known.
      tries: how often each URL is tried.
      backoff_secs: the pause before a second try; it doubles with each further one.

    Raises:
      DataError: no URL delivered it; the message has the last reason for each. Or there is a link
        or the like at ``<path>.partial``.
    """
    partial = path + ".partial"
    atomic.check_temporary(partial)
    reasons = []
    try:
        if sha256 is None:
            _remove(partial)
        for url in urls:
            reason = _failure(url, partial, size, sha256, tries, backoff_secs)
            if reason is None:
                os.replace(partial, path)
                return
            reasons.append("%s: %s" % (_shown(url), reason))
    finally:
        if sha256 is None:
            _remove(partial)  # Nothing could tell later whether a rest belongs to it.
    raise DataError(
        "cannot download %s (%s); download it by other means and give its path as --archive"
        % (os.path.basename(path), "; ".join(reasons))
    )


def _failure(url, partial, size, sha256, tries, backoff_secs):
    """Downloads from one URL to ``partial``; returns why that failed, None if it did not."""
    has_old_part = os.path.exists(partial)
    reason = resume_token = None
    for attempt in range(tries):
        if attempt:
            time.sleep(backoff_secs * 2 ** (attempt - 1))
        try:
            resume_token = _fetch(url, partial, size, sha256 is not None, resume_token)
            _verify(partial, size, sha256)
            return None
        except _Retry as error:
            reason = str(error)
            resume_token = error.resume_token
        except _Refused as error:
            reason = str(error)
            if not has_old_part or os.path.exists(partial):
                break
            has_old_part = False  # That may have been at fault; the whole file once more.
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            reason = _plain(error)
            if isinstance(error, (requests.TooManyRedirects, requests.URLRequired) + _BAD_URL):
                break  # It would be the same the next time.
    return reason


def _remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


# What requests and urllib3 raise for what is no URL of a web server, ports and hosts included.
_BAD_URL = (ValueError, urllib3.exceptions.LocationParseError)


class _Refused(Exception):
    """What the server sends is wrong, and would be the next time."""


class _Retry(Exception):
    """The transfer broke; the next try may go on with what is there."""

    def __init__(self, reason, resume_token=None):
        super().__init__(reason)
        self.resume_token = resume_token


def _fetch(url, partial, size, digest_is_known, resume_token):
    """Streams ``url`` to ``partial``; returns the server's token for this version of the file."""
    have = os.path.getsize(partial) if os.path.exists(partial) else 0
    if size is not None and have == size:
        return resume_token
    if have and not (digest_is_known or resume_token):
        have = 0  # Nothing could tell whether the rest belongs to the same file.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = "bytes=%d-" % have
        if resume_token:
            headers["If-Range"] = resume_token

    with _answer(url, headers) as response:
        have = _first_byte(response, have, partial, resume_token)
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if _LENGTH.fullmatch(length) else size
        most = _most_bytes(partial, have, total)
        if size is not None and total != size:
            raise _Refused("it is %d bytes, not %d" % (total, size))
        token = response.headers.get("ETag")
        if token is None or token.startswith("W/"):
            token = response.headers.get("Last-Modified")
        response.raw.enforce_content_length = False  # A length that is none is passed over.
        have = _stream(response.raw, partial, have, total, most, token)
        if total is not None and have < total:
            raise _Retry("it broke off after %d bytes" % have, token)
        if total is not None and have > total:
            os.remove(partial)
            raise _Refused("it is longer than the %d bytes announced" % total)
        if have > most:
            os.remove(partial)
            raise _Refused("it goes on after %d bytes, too many for the disk" % most)
    return token


def _first_byte(response, asked, partial, resume_token):
    """Returns the number of the first byte that a response brings: the one asked for, or 0."""
    status = response.status_code
    if status == 416 and asked:
        os.remove(partial)
        raise _Retry("the server has less than was already there")
    if status >= 500 or status == 429:
        raise _Retry("status %d" % status, resume_token)
    if status not in (200, 206):
        raise _Refused("status %d" % status)
    if status == 200:
        return 0  # The server sends all of it, asked or not.
    if not response.headers.get("Content-Range", "").startswith("bytes %d-" % asked):
        _remove(partial)  # There is none if it was not asked for a part at all.
        raise _Retry("the server continued at another byte than asked")
    return asked


def _most_bytes(partial, have, total):
    """Returns how many bytes a file may have; ``total`` is how many are announced, or None."""
    free = shutil.disk_usage(os.path.dirname(partial) or os.curdir).free
    if total is None:
        return have + min(free // 2, _MAX_UNANNOUNCED_BYTES)
    if total - have > free:
        raise DataError(
            "%s: %s for the archive: it is %d bytes, and the disk has room for %d; make room, then "
            "run the same command again"
            % (os.path.dirname(partial), os.strerror(errno.ENOSPC), total, free)
        )
    return total


def _stream(raw, partial, have, total, most, token):
    """Writes a response's body behind the first ``have`` bytes; returns how many there are now.

    It stops at more than ``most`` bytes; ``total`` is how many are announced, or None.
    """
    name = os.path.basename(partial)[: -len(".partial")]
    with open(partial, "r+b" if have else "wb") as file, tqdm(
        total=total, initial=have, unit="B", unit_scale=True, desc=name
    ) as bar:
        file.seek(have)
        file.truncate()
        try:
            with _broken_off_when_slow(raw, lambda: have) as is_slow:
                # The file's own bytes; iter_content would unpack what a server calls encoded.
                for chunk in raw.stream(_CHUNK_BYTES, decode_content=False):
                    file.write(chunk)
                    have += len(chunk)
                    bar.update(len(chunk))
                    if have > most:
                        break
        except urllib3.exceptions.TimeoutError:
            raise _Retry("no answer in time", token)
        except urllib3.exceptions.HTTPError:
            if not is_slow.is_set():
                raise _Retry("it broke off after %d bytes" % have, token)
    if is_slow.is_set() and have != total:
        raise _Retry("less than %d bytes in %d s" % (_SPEED_BYTES, _SPEED_SECS), token)
    return have


def _answer(url, headers):
    """Returns the response to a request, its head read and its body still to come."""
    answers = queue.Queue()

    def ask():
        try:
            answers.put(requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECS))
        except Exception as error:  # Raised below, in the thread that waits.
            answers.put(error)

    # Nobody else can end it; a server that never comes to the point keeps the thread, which ends
    # with the process.
    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=_HEAD_SECS)
    except queue.Empty:
        raise _Retry("no answer in time")
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextlib.contextmanager
def _broken_off_when_slow(raw, count):
    """Ends a response, as if the server had, once it brings too little; yields an event of that.

    Args:
      raw: the ``urllib3`` response.
      count: a function that returns how many bytes there are.
    """
    is_over, is_slow = threading.Event(), threading.Event()
    if raw.closed:  # An empty body.
        yield is_slow
        return

    def watch():
        before = count()
        while not is_over.wait(_SPEED_SECS):
            if count() - before < _SPEED_BYTES:
                is_slow.set()
                # Wakes the read that waits for more, which nothing else does.
                with contextlib.suppress(OSError):  # The server has ended it meanwhile.
                    connection.shutdown(socket.SHUT_RDWR)
                return
            before = count()

    with socket.fromfd(raw.fileno(), socket.AF_INET, socket.SOCK_STREAM) as connection:
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield is_slow
        finally:
            is_over.set()
            watcher.join()


def _verify(partial, size, sha256):
    """Checks a complete download; removes one that is wrong."""
    problem = None
    if size is not None and os.path.getsize(partial) != size:
        problem = "it is %d bytes, not %d" % (os.path.getsize(partial), size)
    elif sha256 is not None:
        found = file_digest.sha256_of(partial)
        if found != sha256:
            problem = "its sha256 is %s, not %s" % (found, sha256)
    if problem:
        os.remove(partial)
        raise _Refused(problem)


def _plain(error):
    """Returns the reason of a network error in a few words instead of its nested classes."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects in a circle"
    if isinstance(error, requests.exceptions.InvalidHeader):
        return "the answer is not of a web server"
    if isinstance(error, _BAD_URL):
        return "it, its proxy or what it redirects to is no URL of a web server"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    # Not its own words, which may hold the URL with all that is secret in it.
    return "the transfer failed, %s" % type(error).__name__


def _shown(url):
    """Returns a URL as it may be printed, without what is secret: passwords and queries."""
    try:
        scheme, host, path, query, _ = urllib.parse.urlsplit(url)
    except ValueError:
        return "the URL"
    shown = "%s://%s%s" % (scheme, host.rpartition("@")[2], path)
    return urllib.parse.quote(shown, safe=":/%[]()+,;=~!$&'*") + ("?..." if query else "")
