"""A running Charter for the tests: each server has its own data folder and port, and is stopped after its test."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHARTER = ROOT / "build" / "charter"
BUNDLED = ROOT / "models" / "charter-mini"


class Server:
    """`charter serve` as a process. `ready` is what it wrote when it answered."""

    def __init__(self, data, *extra, env=None, timeout_s=60):
        self.data = pathlib.Path(data)
        self.ready_path = self.data.parent / (self.data.name + ".ready.json")
        self.ready_path.unlink(missing_ok=True)
        self.log_path = self.data.parent / (self.data.name + ".log")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            [CHARTER, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--ready", self.ready_path, *extra],
            stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})})
        deadline = time.monotonic() + timeout_s
        while not self.ready_path.exists():
            if self.process.poll() is not None:
                raise AssertionError(f"serve exited with {self.process.returncode}:\n{self.log_text()}")
            assert time.monotonic() < deadline, f"not ready:\n{self.log_text()}"
            time.sleep(0.01)
        self.ready = json.loads(self.ready_path.read_text())
        self.url = self.ready["url"].rstrip("/")

    def log_text(self):
        return self.log_path.read_text(errors="replace")[-4000:]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()


def charter(*arguments, check=True, **options):
    """Runs the program; returns the finished process with text output."""
    done = subprocess.run([CHARTER, *map(str, arguments)], capture_output=True, text=True, timeout=600, **options)
    if check:
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("shared") / "data")
    yield running
    assert running.stop() == 0, running.log_text()


@pytest.fixture
def new_server(tmp_path):
    """new_server(name='data', *flags) starts another server under this test's folder."""
    started = []

    def start(name="data", *extra, **options):
        started.append(Server(tmp_path / name, *extra, **options))
        return started[-1]

    yield start
    for running in started:
        running.stop()
