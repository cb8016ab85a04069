"""A command whose console goes away, and one that is interrupted, whenever that comes."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from processes import as_from_a_terminal

from alexnet_flowers.commands import runner

COMMAND = """
import sys, types
sys.path.insert(0, %r)
sys.argv[0] = "work.py"
from alexnet_flowers.commands import runner

def main():
    %s
    open("done", "w").close()

runner.run(types.SimpleNamespace(main=main, __name__="work", __doc__="Works."))
"""


PRINT = 'for number in range(100):\n        print("line", number, flush=True)'


def start(tmp_path, code, before=as_from_a_terminal, **others):
    streams = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND % (ROOT, code)],
        cwd=str(tmp_path),
        preexec_fn=before,
        **dict(streams, **others),
    )


@pytest.mark.parametrize("target, reason", [("pipe", "Broken pipe"), ("/dev/full", "No space")])
def test_lines_that_nobody_takes_are_dropped_with_one_warning(tmp_path, target, reason):
    if target == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(target, os.O_WRONLY)
    process = start(tmp_path, PRINT, stdout=writer)
    os.close(writer)
    error = process.communicate(timeout=60)[1].decode()
    assert error.startswith("work.py: warning: standard output: " + reason)
    assert error.count("\n") == 1
    assert (tmp_path / "done").exists() and process.returncode == 1


def test_what_was_still_buffered_is_missed_too(tmp_path):
    with open("/dev/full", "w") as full:
        process = start(tmp_path, "print(1)", stdout=full)
        error = process.communicate(timeout=60)[1].decode()
    assert error.startswith("work.py: warning: ") and process.returncode == 1


def test_without_any_console_it_works_all_the_same(tmp_path):
    def close_all():
        for number in range(3):
            os.close(number)

    code = 'print("line"); import sys; sys.stderr.write("line"); assert open("first").fileno() > 2'
    (tmp_path / "first").write_text("")
    process = start(tmp_path, code, close_all, stdout=None, stderr=None)
    assert process.wait(60) == 0 and (tmp_path / "done").exists()


@pytest.mark.parametrize(
    "number, status, error",
    [
        (signal.SIGINT, 130, "work.py: error: interrupted\n"),
        (signal.SIGTERM, 143, ""),
        (signal.SIGHUP, 129, ""),
    ],
)
def test_a_signal_ends_it_in_order(tmp_path, number, status, error):
    code = 'try:\n        print("begun", flush=True); import time; time.sleep(60)\n    '
    code += 'finally:\n        open("put in order", "w").close()'
    process = start(tmp_path, code)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.decode()) == (status, b"", error)
    assert (tmp_path / "put in order").exists() and not (tmp_path / "done").exists()


def test_signals_shortly_after_each_other_are_one(tmp_path):
    code = "import time; runner._ONE_SECS = 60  # However slow the machine is.\n"
    code += '    try:\n        print("begun", flush=True); time.sleep(60)\n'
    code += '    finally:\n        print("ending", flush=True); sys.stdin.readline()\n'
    code += '        open("put in order", "w").close()'
    process = start(tmp_path, code, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"ending\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(b"\n", timeout=30)[1] == b"work.py: error: interrupted\n"
    assert process.returncode == 130 and (tmp_path / "put in order").exists()


def test_a_working_folder_that_is_gone_is_named(tmp_path):
    code = "import os; os.mkdir('a'); os.chdir('a'); os.rmdir('../a'); os.path.abspath('b')"
    process = start(tmp_path, code)
    error = "work.py: error: the folder in which this was started: No such file or directory; "
    assert process.communicate(timeout=60)[1].decode().startswith(error)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_library_swallows_comes_again(tmp_path, number, status):
    code = 'import time\n    try:\n        print("begun", flush=True); time.sleep(60)\n'
    code += "    except BaseException:\n        time.sleep(1)  # While it puts things in order.\n"
    code += '        open("put in order", "w").close()\n    time.sleep(60)'
    process = start(tmp_path, code)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == status
    assert (tmp_path / "put in order").exists() and not (tmp_path / "done").exists()


def test_a_signal_while_a_library_is_imported_waits_for_its_end(tmp_path):
    (tmp_path / "library.py").write_text(
        'import sys\nprint("begun", flush=True)\ntry:\n    sys.stdin.readline()\n'
        'except BaseException:\n    open("raised here", "w").close()\n'
        'open("imported", "w").close()\n'
    )
    code = "sys.path.insert(0, ''); import library, time; time.sleep(60)"
    process = start(tmp_path, code, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(b"\n", timeout=30)[1] == b"" and process.returncode == 143
    assert (tmp_path / "imported").exists() and not (tmp_path / "raised here").exists()


def test_a_signal_in_a_finalizer_waits_for_its_end(tmp_path):
    (tmp_path / "library.py").write_text(
        'import sys\nclass Held:\n    def __del__(self):\n        print("begun", flush=True)\n'
        '        sys.stdin.readline()\n        open("freed", "w").close()\n'
    )
    code = "sys.path.insert(0, ''); import library, time\n    library.Held(); time.sleep(60)"
    process = start(tmp_path, code, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(b"\n", timeout=30)[1] == b"" and process.returncode == 143
    assert (tmp_path / "freed").exists() and not (tmp_path / "done").exists()


def test_the_finalizers_of_swig_are_known():
    frames = []
    sys.settrace(lambda frame, *_: frames.append(frame))
    (lambda self: None)(None)
    sleeping = lambda: time.sleep(0)  # noqa: E731
    sleeping()
    sys.settrace(None)
    of_swig, other = [frame for frame in frames if frame.f_code.co_name == "<lambda>"]
    assert runner._swallows(of_swig) and not runner._swallows(other)


def test_a_signal_at_the_interpreters_end_says_nothing(tmp_path):
    code = "import atexit, time; atexit.register(time.sleep, 60)\n"
    code += '    atexit.register(print, "ending", flush=True)'
    process = start(tmp_path, code)
    assert process.stdout.readline() == b"ending\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[1] == b"" and process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_nohup_is_respected_and_so_is_a_shell_that_starts_it_in_the_background(tmp_path, number):
    code = 'print("begun", flush=True); import sys; sys.stdin.readline()'
    process = start(
        tmp_path, code, lambda: signal.signal(number, signal.SIG_IGN), stdin=subprocess.PIPE
    )
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    assert process.communicate(b"\n", timeout=60)[1] == b""
    assert process.returncode == 0 and (tmp_path / "done").exists()


@pytest.mark.parametrize(
    "before, status, error",
    [
        (as_from_a_terminal, 130, "alexnet-flowers train: error: interrupted\n"),
        (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), -signal.SIGKILL, ""),
    ],
)
def test_an_interrupt_during_the_imports_is_one_line(tmp_path, before, status, error):
    (tmp_path / "absl").mkdir()
    (tmp_path / "absl" / "__init__.py").write_text(
        'import time\nopen("importing", "w").close()\n'
        "try:\n    time.sleep(60)\nexcept BaseException:\n    pass  # As some libraries do.\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "alexnet_flowers", "train"],
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), ROOT])),
        stderr=subprocess.PIPE,
        preexec_fn=before,
    )
    until = time.time() + 30
    while not (tmp_path / "importing").exists() and time.time() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    if status != 130:  # In the background it goes on.
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()
    assert process.communicate(timeout=30)[1].decode() == error
    assert process.returncode == status


def test_what_a_terminal_would_obey_is_shown(tmp_path):
    code = "from alexnet_flowers.errors import DataError\n    import sys\n"
    code += '    name = "\\x1b]0;owned\\x07 \\x9b2J \\u202egpj.ö花 \\r\\udcff"\n'
    code += '    print("class\\tname\\n" + name); sys.stderr.write("50%\\r60%\\n")\n'
    code += '    raise DataError(name + "\\nof it")'
    process = start(tmp_path, code, env=dict(os.environ, PYTHONIOENCODING="utf-8"))
    out, error = (stream.decode("utf-8") for stream in process.communicate(timeout=60))
    shown = r"\x1b]0;owned\x07 \x9b2J \u202egpj.ö花 \r\udcff"
    assert out == "class\tname\n" + shown + "\n"
    assert error == "50%\r60%\nwork.py: error: " + shown + " of it\n"


@pytest.mark.parametrize("name, status", [(b"caf\xc3\xa9", 0), (b"caf\xe9", 1)])
def test_a_name_that_tensorflow_cannot_take_is_one_line(tmp_path, name, status):
    (tmp_path / os.fsdecode(name)).mkdir()
    code = 'import os; open("made", "w").close()\n    (name,) = set(os.listdir(".")) - {"made"}'
    code += '\n    name.encode("utf-8")'
    process = start(tmp_path, code)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == status
    expected = "work.py: error: caf\\udce9: TensorFlow takes names in UTF-8 only; rename it\n"
    assert error == (expected if status else "")


def test_a_limit_of_the_files_size_is_one_line(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    code = "from alexnet_flowers import atomic\n    "
    code += 'with atomic.replacing("result") as partial, open(partial, "wb") as file:\n        '
    code += "file.write(bytes(1001))"
    process = start(tmp_path, code, limit)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1 and error.count("\n") == 1
    assert error.startswith("work.py: error: result: File too large; make room (a quota and ulimit")


def test_a_copy_for_which_there_is_no_room_names_what_is_written(tmp_path):
    code = 'raise OSError(28, "No space left on device", "source", None, "target")'
    error = start(tmp_path, code).communicate(timeout=60)[1].decode()
    assert error.startswith("work.py: error: target: No space left on device; make room")


def test_a_process_that_gives_up_ends_though_nobody_reads_its_error():
    program = (
        "import os, threading, time\n"
        "from alexnet_flowers.commands import runner\n"
        "from alexnet_flowers.errors import DataError\n"
        "read, write = os.pipe(); os.dup2(write, 2); os.close(read)\n"
        "threading.Thread(target=runner.end_at_once, args=[DataError('')]).start()\n"
        "time.sleep(30); os._exit(77)\n"
    )
    assert subprocess.call([sys.executable, "-c", program], cwd=ROOT) == 1


@pytest.mark.parametrize(
    "said, advice",
    [("a/model.ckpt; No space left on device", "make room"), ("OOM when allocating", "free mem")],
)
def test_want_of_room_or_memory_of_tensorflow_is_one_line(tmp_path, said, advice):
    code = "from alexnet_flowers.tf1 import tf\n"
    code += "    raise tf.errors.ResourceExhaustedError(None, None, %r)" % said
    process = start(tmp_path, code)
    error = process.communicate(timeout=300)[1].decode()  # It loads TensorFlow.
    assert process.returncode == 1 and "Traceback" not in error
    assert error.startswith("work.py: error: %s; %s" % (said, advice))


def test_a_gpu_that_others_have_filled_is_one_line(tmp_path):
    said = "CUDA runtime implicit initialization on GPU:0 failed. Status: out of memory"
    code = "class OpError(Exception):\n        message = %r\n" % said
    code += "    class InternalError(OpError):\n        pass\n    raise InternalError()"
    process = start(tmp_path, code)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert error == (
        "work.py: error: %s; nvidia-smi shows who uses it; free it, or pass --device=cpu\n" % said
    )
