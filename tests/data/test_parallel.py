import concurrent.futures
import threading

from alexnet_flowers import devices
from alexnet_flowers.data import parallel


def test_only_a_few_photos_are_read_ahead(monkeypatch):
    monkeypatch.setattr(devices, "num_cores", lambda: 2)
    taken, most = [], 0

    def photos():
        for number in range(200):
            taken.append(number)
            yield number

    for number, result in enumerate(parallel.on_all_cores(lambda photo: photo * 2, photos())):
        assert result == 2 * number
        most = max(most, len(taken) - number)
    assert number == 199 and 2 <= most <= 12


def test_photos_that_nobody_waits_for_are_not_checked(monkeypatch):
    go_on, checked = threading.Event(), []

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def __exit__(self, *args):
            go_on.set()  # What has not begun is called off by now.
            return super().__exit__(*args)

    def check(photo):
        checked.append(photo)
        assert photo == 0 or go_on.wait(10)

    monkeypatch.setattr(devices, "num_cores", lambda: 1)
    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Pool)
    results = parallel.on_all_cores(check, range(100))
    next(results)
    results.close()
    assert len(checked) <= 2
