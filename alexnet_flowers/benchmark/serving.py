"""How a worker of the benchmark is spoken to; needs nothing but Python.

It prepares itself, prints ``{"ready": ...}``, and then for each line ``m n`` on its standard input
makes m that it does not count and n that it does, and prints ``{"secs": [...], "peak_mb": ...}``:
the seconds each one took, and the process's largest resident size so far.
"""

import json
import resource
import sys
import time


def serve(make_one, about):
    """Says that it is ready, then answers the lines on standard input.

    Args:
      make_one: makes one; returns the seconds it took, or None to have them measured.
      about: a dict for the line that says ready.
    """
    print(json.dumps({"ready": about}), flush=True)
    for line in sys.stdin:
        uncounted, count = (int(number) for number in line.split())
        for _ in range(uncounted):
            make_one()
        secs = []
        for _ in range(count):
            start = time.perf_counter()
            measured = make_one()
            secs.append(time.perf_counter() - start if measured is None else measured)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        print(json.dumps({"secs": secs, "peak_mb": peak_mb}), flush=True)
