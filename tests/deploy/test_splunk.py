"""What stands beside Splunk: `hecate compare` over what hecate itself posts, and the files of deploy/splunk, whose searches
hecate can run."""
import configparser
import http.server
import json
import pathlib
import re
import tempfile
import threading
import unittest

from serving import BINARY, DEPLOY, TOKEN, Serving, eventually, run, sample_events

SPLUNK = DEPLOY / "splunk"


class Siem:
    """A HEC endpoint that keeps the text of each finding's notable: delivery is at least once."""

    def __init__(self):
        self.notables = {}
        siem = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                decoder, at = json.JSONDecoder(), 0
                while at < len(body):
                    envelope, at = decoder.raw_decode(body, at)
                    at = len(body) - len(body[at:].lstrip())
                    if envelope["index"] == "notable":
                        finding = re.search(r'finding_id="(\w+)"', envelope["event"])[1]
                        siem.notables[finding] = envelope["event"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"text":"Success","code":0}')

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Compare(unittest.TestCase):
    """Splunk's part is played by what hecate posted, without what only hecate writes."""

    def setUp(self):
        self.siem = Siem()
        self.addCleanup(self.siem.close)
        self.hecate = Serving({"inputs": {"hec": {"tokens": [{"name": "t", "token": TOKEN}]}},
                               "detections": {"defaults": {"emit": "first_match"}},
                               "outputs": {"hec": {"url": f"http://127.0.0.1:{self.siem.server.server_port}", "token": "x"}}})
        self.addCleanup(self.hecate.close)
        self.assertEqual(self.hecate.send(sample_events())[0], 200)
        eventually(lambda: len(self.siem.notables) == 2, "two notables are posted")
        self.raw = [re.sub(r', (finding_id|revision)="[^"]*"', "", each) for each in self.siem.notables.values()]

    def compare(self, export, *more):
        file = pathlib.Path(self.hecate.state.name) / "export"
        file.write_text(export)
        return run([BINARY, "compare", "--splunk-export", str(file), "--path", self.hecate.state.name + "/state", *more])

    def test_raw_events_that_say_the_same(self):
        asked = self.compare("\n".join(self.raw))
        self.assertEqual((asked.returncode, asked.stderr), (0, ""), asked.stdout)
        self.assertIn("1 windows: 2 both (0 with other values), 0 only Splunk, 0 only hecate", asked.stdout)

    def test_rows_of_json(self):
        rows = [{"result": {"_raw": each}} for each in self.raw]
        self.assertEqual(self.compare("\n".join(json.dumps(each) for each in rows)).returncode, 0)

    def test_what_differs_and_why(self):
        other = re.sub(r'(Computer|dest|dvc|host|orig_host|risk_object)="[^"]*"', r'\1="ws-unknown"', self.raw[1])
        more = re.sub(r'count="1"', 'count="7"', self.raw[0])
        self.assertNotEqual(more, self.raw[0])
        asked = self.compare("\n".join([more, other]), "--json")
        self.assertEqual(asked.returncode, 1, asked.stderr)
        window = json.loads(asked.stdout)["windows"][0]
        self.assertEqual(window["differing"][0]["differences"], [{"field": "count", "splunk": "7", "hecate": "1"}])
        self.assertEqual([each["reason"] for each in window["only_splunk"]], ["missing_event"])
        self.assertIn("hecate has had no event of host ws-unknown", window["only_splunk"][0]["why"])
        self.assertEqual([each["reason"] for each in window["only_hecate"]], ["missing_event"])

    def test_hecates_own_notables_are_left_out(self):
        asked = self.compare("\n".join(self.siem.notables.values()))
        self.assertEqual(asked.returncode, 2)
        self.assertIn("the export holds no notable", asked.stderr)

    def test_what_it_is_not(self):
        self.assertIn("cut off", self.compare(self.raw[0][:200]).stderr)
        self.assertIn("/nowhere: no such file", run([BINARY, "compare", "--splunk-export", "/nowhere"]).stderr)


def read_conf(name):
    """The stanzas of a file of Splunk's; a backslash goes on with the next line."""
    conf = configparser.RawConfigParser(interpolation=None, delimiters=["="], comment_prefixes=["#"], strict=True)
    conf.optionxform = str
    conf.read_string((SPLUNK / name).read_text().replace("\\\n", " "))
    return conf


class Files(unittest.TestCase):
    def search(self, spl, envelopes):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "events"
            file.write_text("\n".join(json.dumps(each) for each in envelopes))
            asked = run([BINARY, "search", "--macros", str(SPLUNK / "macros.conf"), "--input", "hec", "--spl", spl, str(file)])
        self.assertEqual((asked.returncode, asked.stderr), (0, ""))
        return [json.loads(each)["row"] for each in asked.stdout.splitlines()]

    @staticmethod
    def notable(seconds, **fields):
        return {"time": seconds, "index": "notable", "source": "ESCU - D - Rule", "sourcetype": "stash",
                "event": {"_cd": f"1:{seconds}", "info_min_time": "1777291200.000", "info_max_time": "1777294800.000",
                          "info_search_time": str(seconds)} | fields}

    def test_the_newest_revision_of_each_finding_is_kept(self):
        rows = self.search("index=notable | `hecate_newest_findings` | table finding_id revision", [
            self.notable(1, finding_id="a", revision="9"), self.notable(2, finding_id="a", revision="10", finding_status="revised"),
            self.notable(3, finding_id="a", revision="9"), self.notable(4, finding_id="b", revision="1"),
            self.notable(5, finding_id="c", revision="1"),
            self.notable(6, finding_id="c", revision="2", finding_status="withdrawn")])
        self.assertEqual(sorted((each["finding_id"], each["revision"]) for each in rows), [("a", "10"), ("b", "1")])

    def test_both_sides_are_counted_by_window(self):
        later = {"info_min_time": "1777294800.000", "info_max_time": "1777298400.000"}
        rows = self.search('| `hecate_compare("dest user")`'.removeprefix("| "), [
            self.notable(1, dest="h1", user="u"), self.notable(2, dest="h1", user="u", finding_id="a", revision="1"),
            self.notable(3, dest="h2", user="u"), self.notable(4, dest="h3", finding_id="b", revision="1"),
            self.notable(5, dest="h4", finding_id="c", revision="2", finding_status="withdrawn"),
            self.notable(6, dest="h1", user="u", **later)])
        self.assertEqual([(each["window"], each["both"], each["only_splunk"], each["only_hecate"]) for each in rows], [
            ("2026-04-27 12:00:00 to 2026-04-27 13:00:00", "1", "1", "1"),
            ("2026-04-27 13:00:00 to 2026-04-27 14:00:00", "0", "1", "0")])

    def test_saved_searches_can_be_read(self):
        checked = run([BINARY, "check", str(SPLUNK / "savedsearches.conf"), "--macros", str(SPLUNK / "macros.conf")])
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        for name in ("My own detection", "hecate - Compare with scheduled searches"):
            self.assertIn(name, checked.stdout)

    def test_the_token_reaches_the_indexes_that_hecate_posts_to(self):
        token = read_conf("inputs.conf")["http://hecate"]
        reference = run([BINARY, "config-reference"]).stdout
        notables = re.search(r"`outputs\.hec\.index` \|[^|]*\| `(\w+)`", reference)[1]
        self.assertEqual({each.strip() for each in token["indexes"].split(",")}, {notables, "risk"})
        self.assertEqual(set(read_conf("indexes.conf").sections()), {notables, "risk"})
        self.assertEqual(token["disabled"], "0")

    def test_macros_have_the_arguments_that_they_name(self):
        for name in (conf := read_conf("macros.conf")).sections():
            stated = re.search(r"\((\d)\)$", name)
            arguments = conf[name].get("args", "").split(",") if stated else []
            self.assertEqual(len(arguments), int(stated[1]) if stated else 0)
            for each in arguments:
                self.assertIn(f"${each.strip()}$", conf[name]["definition"])

    def test_the_readme_tells_of_every_file(self):
        text = (SPLUNK / "README.md").read_text()
        for file in SPLUNK.glob("*.conf"):
            self.assertIn(f"`{file.name}`", text)


if __name__ == "__main__":
    unittest.main()
