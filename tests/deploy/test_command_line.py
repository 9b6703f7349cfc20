"""Completion, manual page and tokens, as the binary prints them, against its own help."""
import http.server
import json
import pathlib
import re
import shutil
import tempfile
import threading
import time
import unittest

from serving import BINARY, DEPLOY, SOURCE, TOKEN, Serving, eventually, run, sample_events


def helped(words):
    """What --help of a command names: its commands, its options."""
    text = run([BINARY, *words, "--help"]).stdout
    below = re.search(r"(?m)^Subcommands:\n((?:  .*\n)+)", text)
    commands = re.findall(r"(?m)^  (\S+)", below[1]) if below else []
    return commands, re.findall(r"(?m)^  (?:(-\w),)?(--[\w-]+)", text)


def all_commands(words=()):
    yield list(words)
    for each in helped(words)[0]:
        yield from all_commands([*words, each])


class Completion(unittest.TestCase):
    def complete(self, words, word):
        """What bash offers for `word` behind `words`."""
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "hecate"
            script.write_text(run([BINARY, "completion", "bash"]).stdout)
            line = ["hecate", *words, word]
            asked = run(["bash", "-euc", 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hecate; '
                         'printf "%s\\n" "${COMPREPLY[@]}"', "bash", str(script), *line])
        self.assertEqual(asked.returncode, 0, asked.stderr)
        return set(asked.stdout.split())

    def test_bash_offers_what_help_names(self):
        for words in all_commands():
            commands, options = helped(words)
            self.assertEqual(self.complete(words, "-"), {each for pair in options for each in pair if each}, words)
            self.assertLessEqual(set(commands), self.complete(words, ""), words)

    def test_values_of_options_do_not_lead_astray(self):
        self.assertEqual(self.complete(["serve", "--config", "file"], "--c"), {"--config"})
        self.assertEqual(self.complete(["state"], "sh"), {"show"})

    def test_all_shells_can_read_theirs(self):
        for shell in ("bash", "zsh", "fish"):
            made = run([BINARY, "completion", shell])
            self.assertEqual(made.returncode, 0, made.stderr)
            for words in all_commands():
                for each in words:
                    self.assertIn(each, made.stdout)
            if shutil.which(shell):
                read = run([shell, "-n"], input=made.stdout)
                self.assertEqual((read.returncode, read.stderr), (0, ""))
        self.assertNotEqual(run([BINARY, "completion", "csh"]).returncode, 0)


class Man(unittest.TestCase):
    def test_it_names_every_command_and_option(self):
        page = run([BINARY, "man"]).stdout
        plain = page.replace("\\-", "-")
        for words in all_commands():
            if words:
                self.assertIn(f".SS hecate {' '.join(words)}\n", plain)
            for pair in helped(words)[1]:
                self.assertIn(pair[1], plain)

    @unittest.skipUnless(shutil.which("man"), "man is not here")
    def test_roff_takes_it_without_a_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "hecate.1"
            file.write_text(run([BINARY, "man"]).stdout)
            shown = run(["man", "--warnings", "-l", str(file)], {"MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        self.assertIn("--config", shown.stdout)


class Status(unittest.TestCase):
    CONFIG = {"inputs": {"hec": {"tokens": [{"name": "t", "token": TOKEN}]}},
              "detections": {"defaults": {"emit": "first_match"}}}
    NAME = "Windows MsMpEng Writing to System32"

    def ask(self, hecate, *more):
        return run([BINARY, "status", "--address", f"127.0.0.1:{hecate.admin}", *more])

    def test_it_tells_what_the_metrics_say(self):
        # Nobody listens there: the findings wait.
        config = self.CONFIG | {"outputs": {"hec": {"url": "http://127.0.0.1:1", "token": "x"}}}
        with Serving(config) as hecate:
            self.assertEqual(hecate.send(sample_events())[0], 200)
            eventually(lambda: json.loads(self.ask(hecate, "--json").stdout)["outbox"]["waiting"] == 2, "two wait")
            asked = self.ask(hecate, "--json")
            told = json.loads(asked.stdout)
            self.assertEqual((asked.returncode, told["ready"]), (0, True))
            self.assertIn(f"hecate {told['version']} ", run([BINARY, "--version"]).stdout)
            events = sample_events().count("\n")
            self.assertEqual(told["inputs"], [{"name": "hec", "received": events, "evaluated": events, "rejected": 0}])
            detection = told["detections"][0]
            self.assertEqual((detection["name"], detection["findings"]), (self.NAME, 2))
            self.assertGreater(detection["next_run"], time.time() - 60)
            people = self.ask(hecate)
            self.assertIn(f"  {self.NAME}: 2 matches of 6 candidates, 2 findings, 0 runs (0 incomplete), ", people.stdout)
            self.assertIn("findings out: 2 wait, ", people.stdout)

    def test_without_an_output_and_with_rejected_events(self):
        with Serving(self.CONFIG) as hecate:
            self.assertEqual(hecate.send('{"event":"x"}{"event":""}')[0], 400)
            told = json.loads(self.ask(hecate, "--json").stdout)
            self.assertEqual(told["inputs"], [{"name": "hec", "received": 2, "evaluated": 1, "rejected": 1}])
            self.assertNotIn("outbox", told)
            self.assertIn("findings out: no outputs.hec", self.ask(hecate).stdout)

    def test_who_does_not_answer_is_told_of(self):
        with Serving(self.CONFIG) as hecate:
            port = hecate.admin
        for address, why in ((f"127.0.0.1:{port}", "is hecate running there"), ("nonsense", "nonsense")):
            asked = run([BINARY, "status", "--address", address])
            self.assertEqual(asked.returncode, 2)
            self.assertIn(why, asked.stderr)

    def test_one_that_is_not_ready_says_why(self):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(503 if self.path == "/readyz" else 200)
                self.end_headers()
                self.wfile.write(b"the disk is full\n" if self.path == "/readyz" else b"")

            def log_message(self, *_):
                pass
        with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            asked = run([BINARY, "status", "--address", f"127.0.0.1:{server.server_port}"])
            server.shutdown()
        self.assertEqual(asked.returncode, 1)
        self.assertIn("not ready: the disk is full\n", asked.stdout)


class Documents(unittest.TestCase):
    def test_the_commands_that_they_name_are_there(self):
        commands = set(helped([])[0])
        files = [SOURCE / "README.md", *(SOURCE / "docs").glob("*.md"), *DEPLOY.rglob("*.md"), *DEPLOY.rglob("*.example")]
        for file in files:
            named = set(re.findall(r"(?:`|^    )hecate ([a-z][a-z-]*)", file.read_text(), re.M))
            self.assertLessEqual(named, commands, file)

    def test_their_links_lead_somewhere(self):
        for file in (SOURCE / "docs/operations.md", SOURCE / "docs/runbook.md", SOURCE / "README.md"):
            for path, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", file.read_text()):
                target = file.parent / path if path else file
                self.assertTrue(target.exists(), f"{file.name}: {path}")
                titles = re.findall(r"(?m)^##+ (.*)$", target.read_text()) if anchor else []
                anchors = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in titles]
                self.assertTrue(not anchor or anchor in anchors, f"{file.name}: {path}#{anchor}")


class Token(unittest.TestCase):
    def test_its_line_is_configuration(self):
        made = run([BINARY, "token", "--name", "edge: 1"])
        self.assertEqual(made.returncode, 0, made.stderr)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "hecate.yaml"
            file.write_text("inputs:\n  hec:\n    tokens:\n      " + made.stdout)
            checked = run([BINARY, "check", "--config", str(file)])
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertNotEqual(run([BINARY, "token", "--name", 'a"b']).returncode, 0)

    def test_each_is_another(self):
        one, other = (run([BINARY, "token", "--plain"]).stdout for _ in range(2))
        self.assertNotEqual(one, other)
        self.assertRegex(one, r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n$")


if __name__ == "__main__":
    unittest.main()
