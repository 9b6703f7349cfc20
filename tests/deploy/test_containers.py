"""deploy/compose.yaml, the Dockerfile and its configuration, against the binary."""
import json
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import unittest

import yaml

from serving import BINARY, DEPLOY, SOURCE, TOKEN, Process, Serving, confine, eventually, read_yaml, run, sample_events

COMPOSE = read_yaml(DEPLOY / "compose.yaml")
SERVICES = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("hecate:")}
SECRETS = {"HECATE_TOKEN": TOKEN, "HECATE_ADMIN_TOKEN": "admin-token", "SIEM_TOKEN": "siem-token",
           "GRAFANA_PASSWORD": "p"}


def environment(service):
    """What compose puts into the service's environment."""
    return {name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS[found[1]], value)
            for name, value in service.get("environment", {}).items()}


def volumes(service):
    """(source, target, read-only) of each."""
    for each in service.get("volumes", []):
        source, target, *mode = each.split(":")
        yield source, target, mode == ["ro"]


def lay_out(service, folder):
    """Copies what the service mounts from files to where it sees them, below `folder`; the configuration's file."""
    for source, target, _ in volumes(service):
        if source.startswith("./"):
            place = pathlib.Path(folder) / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (DEPLOY / source).is_dir() else shutil.copy
            copy(DEPLOY / source, place)
    command = service["command"]
    return pathlib.Path(folder) / command[command.index("--config") + 1].lstrip("/")


class Compose(unittest.TestCase):
    def test_the_binary_takes_its_commands_and_configurations(self):
        self.assertEqual(set(OURS), {"hecate", "siem"})
        for name, service in OURS.items():
            helped = run([BINARY, service["command"][0], "--help"])
            self.assertEqual(helped.returncode, 0)
            for option in (each for each in service["command"] if each.startswith("-")):
                self.assertIn(option, helped.stdout)
            with tempfile.TemporaryDirectory() as folder:
                checked = run([BINARY, "check", "--config", str(lay_out(service, folder))], environment(service))
            self.assertEqual(checked.returncode, 0, f"{name}: {checked.stderr}{checked.stdout}")

    def test_every_secret_stands_in_the_example_and_none_has_a_value(self):
        used = set(re.findall(r"(?m)^[^#\n]*\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
        lines = [each for each in (DEPLOY / "compose/env.example").read_text().splitlines() if "=" in each]
        self.assertEqual({each.partition("=")[0] for each in lines}, used)
        self.assertEqual([each for each in lines if not each.endswith("=")], [])

    def test_what_is_mounted_is_there(self):
        for name, service in SERVICES.items():
            for source, target, read_only in volumes(service):
                if source.startswith("./"):
                    self.assertTrue((DEPLOY / source).exists(), f"{name}: {source}")
                    self.assertTrue(read_only, f"{name}: {target}")
                else:
                    self.assertIn(source, COMPOSE["volumes"])

    def test_all_are_confined(self):
        for name, service in SERVICES.items():
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"], name)

    def test_ports_and_state_are_those_of_the_configuration(self):
        config = read_yaml(DEPLOY / "compose/hecate.yaml")
        inside = {each.rpartition(":")[2] for each in SERVICES["hecate"]["ports"]}
        listen = [config["inputs"]["hec"], config["admin"], *config["inputs"]["syslog"]]
        self.assertEqual(inside, {each["listen"].rpartition(":")[2] for each in listen})
        for name, service in OURS.items():
            state = read_yaml(DEPLOY / f"compose/{name}.yaml")["state"]["path"]
            self.assertIn(state, [target for _, target, read_only in volumes(service) if not read_only])
        url = config["outputs"]["hec"]["url"]
        siem = read_yaml(DEPLOY / "compose/siem.yaml")["inputs"]["hec"]["listen"]
        self.assertEqual(url, "http://siem:" + siem.rpartition(":")[2])
        shipper = (DEPLOY / "compose/fluent-bit.conf").read_text()
        self.assertRegex(shipper, r"(?m)^ *Host +hecate$")
        self.assertRegex(shipper, rf"(?m)^ *Port +{config['inputs']['hec']['listen'].rpartition(':')[2]}$")

    def test_a_finding_goes_from_a_shipper_through_hecate_to_the_stand_in(self):
        with tempfile.TemporaryDirectory() as folder:
            file = lay_out(OURS["siem"], folder)
            config = read_yaml(file) | {"detections": {"paths": [str(file.parent / "detections")],
                                                       "defaults": {"emit": "first_match"}}}
            with Serving(config, environment(OURS["siem"])) as siem:
                config = read_yaml(lay_out(OURS["hecate"], folder))
                config["outputs"]["hec"]["url"] = f"http://127.0.0.1:{siem.hec}"
                with Serving(config, environment(OURS["hecate"])) as hecate:
                    self.assertEqual(hecate.send(sample_events())[0], 200)
                    eventually(lambda: siem.out.read_text().count("\n") >= 2, "two findings at the stand-in")
                printed = [json.loads(each) for each in siem.out.read_text().splitlines()]
                self.assertIn("Windows MsMpEng Writing to System32", printed[0]["row"]["_raw"])


class Stop(unittest.TestCase):
    """The time that a supervisor gives a stop is longer than a stop with a half-sent request takes."""

    def test_all_give_the_same_time(self):
        unit = re.search(r"^TimeoutStopSec=(\d+)s$", (DEPLOY / "systemd/hecate.service").read_text(), re.M)
        pods = (DEPLOY / "kubernetes/base/statefulset.yaml").read_text()
        given = {unit[1], re.search(r"terminationGracePeriodSeconds: (\d+)", pods)[1]}
        given |= {each["stop_grace_period"].rstrip("s") for each in OURS.values()}
        self.assertEqual(given, {"60"})

    def test_a_stop_ends_in_that_time_with_exit_code_0(self):
        config = read_yaml(DEPLOY / "compose/hecate.yaml")
        # An endpoint that takes connections and never answers.
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            config["outputs"]["hec"]["url"] = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with Serving(config, SECRETS) as hecate:
                self.assertEqual(hecate.send(sample_events())[0], 200)
                with deaf.accept()[0], socket.create_connection(("127.0.0.1", hecate.hec)) as half:
                    half.sendall(b"POST /services/collector/event HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                                 b"Authorization: Splunk " + TOKEN.encode() + b"\r\n\r\n{")
                    hecate.child.send_signal(signal.SIGTERM)
                    self.assertEqual(hecate.child.wait(60), 0, hecate.log())


class Image(unittest.TestCase):
    def setUp(self):
        self.text = (SOURCE / "Dockerfile").read_text()

    def test_its_command_ports_and_user(self):
        command = json.loads(re.search(r"^CMD (.*)$", self.text, re.M)[1])
        self.assertEqual(json.loads(re.search(r"^ENTRYPOINT (.*)$", self.text, re.M)[1]), ["hecate"])
        self.assertIn(command[1], run([BINARY, command[0], "--help"]).stdout)
        self.assertIn(f"deploy/container.yaml {command[2]}\n", self.text)
        reference = run([BINARY, "config-reference"]).stdout
        hec = re.search(r"`inputs.hec.listen` \| [^|]*\| `[\d.]*:(\d+)`", reference)[1]
        admin = read_yaml(DEPLOY / "container.yaml")["admin"]["listen"].rpartition(":")[2]
        self.assertEqual(re.search(r"^EXPOSE (.*)$", self.text, re.M)[1].split(), [hec, admin])
        state = re.search(r"`state.path` \| [^|]*\| `([^`]*)`", reference)[1]
        self.assertIn(f"\nVOLUME {state}\n", self.text)
        self.assertRegex(self.text, r"(?m)^USER [1-9]\d*:[1-9]\d*$")

    def test_its_health_check_tells_a_healthy_one_from_none(self):
        check = json.loads(re.search(r"^HEALTHCHECK .*\\\n  CMD (.*)$", self.text, re.M)[1])
        admin = read_yaml(DEPLOY / "container.yaml")["admin"]["listen"].rpartition(":")[2]
        with Serving({"inputs": {"hec": {"tokens": [{"name": "t", "token": TOKEN}]}}}) as hecate:
            for port, healthy in ((hecate.admin, True), (1, False)):
                words = [BINARY] + [each.replace(admin, str(port)) for each in check[1:]]
                self.assertEqual((check[0], words[1:] == check[1:]), ("hecate", False))
                self.assertEqual(run(words).returncode == 0, healthy)

    def test_it_runs_without_a_configuration_of_ones_own(self):
        with Serving(read_yaml(DEPLOY / "container.yaml")) as hecate:
            self.assertIn("hecate made a HEC token", hecate.log())

    def test_a_configuration_that_is_refused_ends_with_the_code_that_is_not_restarted(self):
        with tempfile.TemporaryDirectory() as folder:
            file = confine({"detections": {"paths": ["/nonexistent"]}}, folder)
            with Process([BINARY, "serve", "--config", file]) as refused:
                code = refused.child.wait(60)
        self.assertIn(f"RestartPreventExitStatus={code}\n", (DEPLOY / "systemd/hecate.service").read_text())


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not here")
class Systemd(unittest.TestCase):
    def setUp(self):
        self.unit = DEPLOY / "systemd/hecate.service"
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def test_it_is_right(self):
        # verify wants the program to be there.
        text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={BINARY}", self.unit.read_text())
        copy = pathlib.Path(self.folder.name) / "hecate.service"
        copy.write_text(text)
        verified = run(["systemd-analyze", "verify", "--man=no", str(copy)])
        told = [each for each in verified.stderr.splitlines() if "hecate.service" in each]
        self.assertEqual((verified.returncode, told), (0, []), verified.stderr)

    def test_it_is_hardened(self):
        shown = run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", str(self.unit)])
        self.assertEqual(shown.returncode, 0, shown.stdout[-3000:] + shown.stderr)

    def test_its_command_is_the_binary_s(self):
        words = re.search(r"(?m)^ExecStart=(.*)$", self.unit.read_text())[1].split()
        self.assertEqual(pathlib.Path(words[0]).name, "hecate")
        self.assertIn(words[2], run([BINARY, words[1], "--help"]).stdout)
        self.assertIn("SIGHUP", run([BINARY, words[1], "--help"]).stdout)
        self.assertIn("u hecate ", (DEPLOY / "systemd/hecate.sysusers").read_text())


if __name__ == "__main__":
    unittest.main()
