"""Alert rules, dashboard and runbook against each other and against what the binary exports; a real Prometheus."""
import json
import pathlib
import re
import shutil
import tempfile
import unittest
import urllib.parse

import yaml

from serving import DEPLOY, SOURCE, TOKEN, Process, Serving, eventually, get, read_yaml, run, sample_events

RULES = DEPLOY / "prometheus/rules.yml"
NAME = re.compile(r"\bhecate_[a-z0-9_]+")
PARTS = re.compile(r"_(bucket|sum|count)$")
# Put on by Prometheus.
SCRAPED = {"instance", "job"}


def rules():
    return [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def panels():
    dashboard = json.loads((DEPLOY / "grafana/dashboards/hecate.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries():
    return [target for panel in panels() for target in panel["targets"]]


def exported():
    """Metrics that hecate exports when everything is configured and has happened: name to its labels."""
    with tempfile.TemporaryDirectory() as folder:
        key, cert = f"{folder}/key.pem", f"{folder}/cert.pem"
        made = run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=hecate",
                    "-keyout", key, "-out", cert])
        assert made.returncode == 0, made.stderr
        config = {
            "inputs": {"hec": {"tokens": [{"name": "t", "token": TOKEN}]},
                       "syslog": [{"protocol": "udp"}, {"protocol": "tcp"},
                                  {"protocol": "tls", "cert_file": cert, "key_file": key}]},
            "detections": {"defaults": {"emit": "first_match"}},
            # Nobody listens there.
            "outputs": {"hec": {"url": "http://127.0.0.1:1", "token": "x"}}}
        with Serving(config) as hecate:
            assert hecate.send(sample_events())[0] == 200
            assert hecate.send('{"event":')[0] == 400
            eventually(lambda: "hecate_findings_total{" in hecate.metrics(), "a finding")
            eventually(lambda: "hecate_outbox_posts_total{" in hecate.metrics(), "a post")
            found = {}
            for line in hecate.metrics().splitlines():
                if sample := re.match(r"(\w+)(?:\{(.*)\})? ", line):
                    labels = set(re.findall(r'(\w+)="', sample[2] or ""))
                    found.setdefault(PARTS.sub("", sample[1]), set()).update(labels)
            return found


def declared():
    """Metrics that the sources declare; some come into being only when something happens."""
    sources = [each for folder in ("daemon", "outputs", "pipeline") for each in (SOURCE / folder).rglob("*.cpp")]
    return {name for each in sources for name in re.findall(r'"(hecate_[a-z0-9_]+)"', each.read_text())}


class Rules(unittest.TestCase):
    def test_promtool_takes_rules_and_configuration(self):
        checked = run(["promtool", "check", "config", str(DEPLOY / "prometheus/prometheus.yml")])
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_their_unit_tests_pass(self):
        tested = run(["promtool", "test", "rules", str(DEPLOY / "prometheus/rules_test.yml")])
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)

    def test_each_alert_has_a_unit_test_in_which_it_is_quiet_and_one_in_which_it_fires(self):
        quiet, fires = set(), set()
        for test in read_yaml(DEPLOY / "prometheus/rules_test.yml")["tests"]:
            for each in test["alert_rule_test"]:
                (fires if each["exp_alerts"] else quiet).add(each["alertname"])
        self.assertEqual(quiet, set(alerts()))
        self.assertEqual(fires, set(alerts()))

    def test_each_alert_has_a_section_in_the_runbook_and_none_is_left_over(self):
        sections = re.split(r"(?m)^## ", (SOURCE / "docs/runbook.md").read_text())[1:]
        titles = {each.splitlines()[0] for each in sections}
        self.assertEqual(titles, set(alerts()))
        for name, rule in alerts().items():
            self.assertEqual(rule["annotations"]["runbook_url"], "docs/runbook.md#" + name.lower())
            self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
        for each in sections:
            for part in ("**Means**", "**Look**", "**Do**"):
                self.assertIn(part, each, each.splitlines()[0])


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.exported = exported()

    def metrics_of(self, expression):
        return {PARTS.sub("", name) for name in NAME.findall(expression)}

    def test_those_of_the_rules_are_exported(self):
        for rule in rules():
            self.assertEqual(self.metrics_of(rule["expr"]) - set(self.exported), set(), rule["expr"])

    def test_those_of_the_dashboard_are_exported_or_declared(self):
        for target in queries():
            self.assertEqual(self.metrics_of(target["expr"]) - set(self.exported) - declared(), set(), target["expr"])

    def test_those_of_the_runbook_are_too(self):
        text = (SOURCE / "docs/runbook.md").read_text()
        self.assertEqual(self.metrics_of(text) - set(self.exported) - declared(), set())

    def test_recorded_names_that_are_used_are_recorded(self):
        recorded = {rule["record"] for rule in rules() if "record" in rule}
        for rule in rules():
            self.assertLessEqual(set(re.findall(r"\bhecate:[\w:]+", rule["expr"])), recorded)

    def test_labels_are_those_of_the_metrics(self):
        for target in queries():
            known = set().union(SCRAPED, *(self.exported.get(name, {"*"})
                                           for name in self.metrics_of(target["expr"])))
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for clause in re.findall(r"\bby \(([^)]*)\)", target["expr"]):
                grouped = {each.strip() for each in clause.split(",")} - {"le"}
                self.assertLessEqual(used, grouped, target["expr"])
                used |= grouped
            if "*" not in known:
                self.assertLessEqual(used, known, target["expr"])
        for rule in alerts().values():
            text = rule["expr"]
            for record in re.findall(r"\bhecate:[\w:]+", text):
                text += next(each["expr"] for each in rules() if each.get("record") == record)
            known = set().union(SCRAPED, *(self.exported[name] for name in self.metrics_of(text)))
            used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
            self.assertLessEqual(used, known, rule["alert"])


class Grafana(unittest.TestCase):
    def test_the_dashboard_is_provisioned_where_compose_puts_it(self):
        provider = read_yaml(DEPLOY / "grafana/provisioning/dashboards/hecate.yml")["providers"][0]
        service = read_yaml(DEPLOY / "compose.yaml")["services"]["grafana"]
        self.assertIn(f"./grafana/dashboards:{provider['options']['path']}:ro", service["volumes"])
        source = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
        self.assertEqual({target["datasource"]["uid"] for target in queries()}, {source["uid"]})
        self.assertIn(urllib.parse.urlparse(source["url"]).hostname, read_yaml(DEPLOY / "compose.yaml")["services"])

    def test_panels_have_a_place_and_a_number_of_their_own(self):
        dashboard = json.loads((DEPLOY / "grafana/dashboards/hecate.json").read_text())
        numbers = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        cells = [(x, y) for panel in dashboard["panels"]
                 for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
                 for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertLess(max(x for x, _ in cells), 24)


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not here")
class Prometheus(unittest.TestCase):
    def test_it_scrapes_hecate_loads_the_rules_and_answers_the_dashboard_s_queries(self):
        with Serving({"inputs": {"hec": {"tokens": [{"name": "t", "token": TOKEN}]}}}) as hecate, \
                tempfile.TemporaryDirectory() as folder:
            config = read_yaml(DEPLOY / "prometheus/prometheus.yml")
            self.assertEqual(config["scrape_configs"][0]["static_configs"][0]["targets"], ["hecate:9464"])
            config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
            config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{hecate.admin}"]
            shutil.copy(RULES, folder)
            file = pathlib.Path(folder) / "prometheus.yml"
            file.write_text(yaml.safe_dump(config))
            with Process(["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder}/data",
                          "--web.listen-address=127.0.0.1:0"]) as prometheus:
                port = int(prometheus.await_log(r'"Listening on" address=127\.0\.0\.1:(\d+)')[1])
                prometheus.await_log("Server is ready to receive web requests")

                def query(expression):
                    status, text = get(port, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
                    self.assertEqual(status, 200, f"{expression}: {text}")
                    return json.loads(text)["data"]["result"]
                eventually(lambda: [each["value"][1] for each in query('up{job="hecate"}')] == ["1"], "up is 1")
                self.assertEqual(len(query("hecate_build_info")), 1)
                loaded = json.loads(get(port, "/api/v1/rules")[1])["data"]["groups"]
                names = {rule["name"] for group in loaded for rule in group["rules"]}
                self.assertEqual(names, {rule.get("alert") or rule["record"] for rule in rules()})
                eventually(lambda: query("hecate:events_received:rate5m"), "a recorded series")
                unwell = [rule["name"] for group in json.loads(get(port, "/api/v1/rules")[1])["data"]["groups"]
                          for rule in group["rules"] if rule["health"] == "err"]
                self.assertEqual(unwell, [])
                for target in queries():
                    query(target["expr"].replace("$instance", ".*").replace("$__rate_interval", "5m"))


if __name__ == "__main__":
    unittest.main()
