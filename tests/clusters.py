"""Clusters of real processes, which speak over 127.0.0.1, for tests."""

import contextlib
import subprocess

from processes import Script, read_all_tensors

from alexnet_flowers.distributed import local_cluster
from alexnet_flowers.training import checkpoints

SMALL = [
    "--image_size=195", "--common_queue_min=4", "--log_every_n_steps=1", "--batch_size=2",
    "--run_name=run", "--device=cpu",
]  # fmt: skip


class Members:
    """The processes of a cluster, each of which can be killed and started again."""

    def __init__(self, folder, *args, num_workers=2):
        self._folder, self._args = folder, list(args)
        ports = local_cluster.free_ports(1 + num_workers)
        hosts = ["127.0.0.1:%d" % port for port in ports]
        self._hosts = ["--ps_hosts=" + hosts[0], "--worker_hosts=" + ",".join(hosts[1:])]
        self.server = self.start("ps", 0)
        self.workers = [self.start("worker", index) for index in range(num_workers)]

    def start(self, job, index, *more):
        member = ["--job_name=%s" % job, "--task_index=%d" % index, *more]
        return Script("train", self._folder, *self._args, *self._hosts, *member)

    def finish(self):
        """Waits for all; returns how each ended, or says what the workers printed so far."""
        ends = []
        for script in self.workers + [self.server]:
            try:
                ends.append(script.finish())
            except subprocess.TimeoutExpired:
                raise AssertionError([one.lines for one in self.workers])
            assert ended_well(ends[-1]), ends[-1]
        return ends

    def kill(self):
        for script in self.workers + [self.server]:
            with contextlib.suppress(Exception):
                script.kill()


@contextlib.contextmanager
def starting(folder, dataset_dir):
    """Yields a function that starts ``Members`` with more flags; kills them all in the end."""
    started = []

    def start(*args, **options):
        args = ["--dataset_dir=%s" % dataset_dir, *SMALL, *args]
        started.append(Members(folder, *args, **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def errors_of(ended):
    """The lines on the standard error but for notes of current TensorFlow."""
    return [line for line in ended.error.splitlines() if line[:6] not in ("I0000 ", "W0000 ")]


def ended_well(ended):
    return ended.status == 0 and not errors_of(ended)


def newest_step(folder):
    return read_all_tensors(checkpoints.newest(str(folder / "runs" / "checkpoints" / "run")))
