"""Photos checked or decoded on all cores."""

import collections
import concurrent.futures

from alexnet_flowers import devices

# Photos that wait, decoded, for whoever takes them; per core.
_AHEAD = 4


def on_all_cores(check, photos):
    """Yields what a function makes of each photo, in their order, only a few ahead of who asks.

    Neither Pillow nor TensorFlow decodes under the interpreter's lock, so threads use all cores.

    Args:
      check: a function of a photo, called in several threads; what it raises comes in its turn.
      photos: an iterable of whatever ``check`` takes, read as it is needed. Closing the generator
        drops the checks that have not begun.
    """
    num_threads = devices.num_cores()
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for photo in photos:
                waiting.append(pool.submit(check, photo))
                if len(waiting) > _AHEAD * num_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
