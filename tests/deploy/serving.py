"""What the tests of deploy/ share: the binary, files, and hecate as a process that is ready to be talked to."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / "deploy"
BINARY = os.environ.get("HECATE_BINARY", str(SOURCE / "build/release/hecate"))
TOKEN = "11111111-2222-4333-8444-555555555555"
BOUND = 60  # seconds after which what a test waits for does not come any more


def eventually(condition, what):
    """Waits until `condition` gives something true, and returns it."""
    end = time.monotonic() + BOUND
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {BOUND} s")
        time.sleep(0.02)


def read_yaml(path):
    return yaml.safe_load(pathlib.Path(path).read_text())


def run(words, env=None, **more):
    """Runs a program to its end; only PATH and what `env` says is in its environment."""
    return subprocess.run(words, capture_output=True, text=True, timeout=5 * BOUND,
                          env={"PATH": os.environ["PATH"]} | (env or {}), check=False, **more)


def get(port, path, headers=None, method="GET", body=None):
    """Status and body of an answer of 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND)
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


class Process:
    """A program with its output in files; killed when the test ends."""

    def __init__(self, words, env=None, cwd=None):
        self.folder = tempfile.TemporaryDirectory()
        self.out, self.err = (pathlib.Path(self.folder.name) / each for each in ("out", "err"))
        with self.out.open("w") as out, self.err.open("w") as err:
            self.child = subprocess.Popen(words, stdout=out, stderr=err, cwd=cwd,
                                          env={"PATH": os.environ["PATH"]} | (env or {}))

    def log(self):
        return self.err.read_text()

    def await_log(self, pattern):
        def look():
            if self.child.poll() is not None:
                raise AssertionError(f"ended with {self.child.returncode}: {self.log()}")
            return re.search(pattern, self.log())
        return eventually(look, pattern)

    def stop(self):
        """SIGTERM; the exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(BOUND)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Serving(Process):
    """`hecate serve` with a configuration, given as what its YAML says: listeners are moved to ports of the system's
    choice on 127.0.0.1, and its state to a folder of its own."""

    def __init__(self, config, env=None, cwd=None):
        self.state = tempfile.TemporaryDirectory()
        file = confine(config, self.state.name)
        super().__init__([BINARY, "serve", "--config", file], env, cwd)
        ready = self.await_log(r"ready: HEC on port (\d+), admin on port (\d+)")
        self.hec, self.admin = int(ready[1]), int(ready[2])

    def metrics(self):
        status, text = get(self.admin, "/metrics")
        assert status == 200, text
        return text

    def send(self, body, token=TOKEN):
        return get(self.hec, "/services/collector/event", {"Authorization": f"Splunk {token}"}, "POST", body)

    def findings(self, token=""):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, text = get(self.admin, "/api/findings", headers)
        assert status == 200, text
        return json.loads(text)

    def close(self):
        super().close()
        self.state.cleanup()


def confine(config, folder):
    """Writes `config` for this machine; the name of the file."""
    config = json.loads(json.dumps(config))
    config.setdefault("inputs", {}).setdefault("hec", {})["listen"] = "127.0.0.1:0"
    for each in config["inputs"].get("syslog", []):
        each["listen"] = "127.0.0.1:0"
    config.setdefault("admin", {})["listen"] = "127.0.0.1:0"
    config["state"] = {"path": str(pathlib.Path(folder) / "state")}
    file = pathlib.Path(folder) / "hecate.yaml"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def sample_events():
    """The quickstart's events, at the present time."""
    now = int(time.time())
    utc = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))
    text = (DEPLOY / "quickstart/events.ndjson").read_text()
    return text.replace("@EPOCH@", str(now)).replace("@UTC@", utc)
