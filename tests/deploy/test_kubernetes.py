"""The manifests and the chart say what the binary does, what the image is, and the same as each other."""
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml

import chart
import schema
from serving import BINARY, DEPLOY, SOURCE, TOKEN, Serving, get, read_yaml, run

BASE = DEPLOY / "kubernetes/base"
TOKENS = {"HECATE_TOKEN": TOKEN, "HECATE_ADMIN_TOKEN": "admin-token", "SIEM_TOKEN": "siem-token"}


def manifests(folder):
    """The resources of a kustomization, those of what it builds on first."""
    found = []
    for name in read_yaml(folder / "kustomization.yaml")["resources"]:
        path = (folder / name).resolve()
        found += manifests(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    return found


def by_name(objects):
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def rendered(**values):
    return chart.Chart(DEPLOY / "helm/hecate",
                       {"tokens": TOKENS, "serviceMonitor": {"enabled": True}} | values).objects()


def without_labels_of_helm(value):
    """Helm marks its objects; the rest must be the same. `type` of a Service is what it is when not given."""
    if isinstance(value, list):
        return [without_labels_of_helm(each) for each in value]
    if not isinstance(value, dict):
        return value
    helms = ("app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by",
             "hecate/config", "hecate/tokens", "imagePullPolicy")
    kept = {key: without_labels_of_helm(each) for key, each in value.items() if key not in helms}
    return {key: each for key, each in kept.items() if each != {} and (key, each) != ("type", "ClusterIP")}


class Shapes(unittest.TestCase):
    def test_every_object_has_the_shape_of_its_kind(self):
        for objects in (manifests(DEPLOY / "kubernetes/monitoring"), rendered(),
                        rendered(tolerations=[{"operator": "Exists"}], nodeSelector={"disk": "ssd"},
                                 imagePullSecrets=[{"name": "r"}], podAnnotations={"a": "b"})):
            for each in objects:
                self.assertEqual(schema.problems(each), [])

    def test_a_misspelt_key_is_told(self):
        wrong = manifests(BASE)[0]
        wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 5
        self.assertIn("terminationGracePeriod: there is no such key", "".join(schema.problems(wrong)))


@unittest.skipUnless(shutil.which("kubectl"), "kubectl is not here")
class Kustomize(unittest.TestCase):
    def test_it_builds_with_tokens_and_not_without(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "kubernetes"
            shutil.copytree(DEPLOY / "kubernetes", copy)
            without = run(["kubectl", "kustomize", str(copy / "base")])
            self.assertNotEqual(without.returncode, 0)
            (copy / "base/tokens.env").write_text("".join(f"{k}={v}\n" for k, v in TOKENS.items()))
            for each in ("base", "monitoring"):
                built = run(["kubectl", "kustomize", str(copy / each)])
                self.assertEqual(built.returncode, 0, built.stderr)
                kinds = {one["kind"] for one in yaml.safe_load_all(built.stdout)}
                self.assertLessEqual({"StatefulSet", "Secret", "ConfigMap", "NetworkPolicy"}, kinds)
                self.assertEqual("ServiceMonitor" in kinds, each == "monitoring")


@unittest.skipUnless(shutil.which("helm"), "helm is not here; the chart is rendered by chart.py only")
class Helm(unittest.TestCase):
    def test_it_renders_what_the_tests_renderer_does(self):
        words = ["helm", "template", "hecate", str(DEPLOY / "helm/hecate"), "--set", "serviceMonitor.enabled=true"]
        for name, value in TOKENS.items():
            words += ["--set", f"tokens.{name}={value}"]
        made = run(words)
        self.assertEqual(made.returncode, 0, made.stderr)
        theirs = by_name(each for each in yaml.safe_load_all(made.stdout) if each)
        for each in theirs.values():
            each["metadata"].pop("namespace", None)
        self.assertEqual(without_labels_of_helm(theirs), without_labels_of_helm(by_name(rendered())))


class ChartAndManifests(unittest.TestCase):
    def test_they_are_the_same(self):
        image = read_yaml(BASE / "kustomization.yaml")["images"][0]
        plain = by_name(manifests(DEPLOY / "kubernetes/monitoring"))
        plain["StatefulSet", "hecate"]["spec"]["template"]["spec"]["containers"][0]["image"] = (
            f"{image['newName']}:{image['newTag']}")
        charts = by_name(rendered())
        self.assertEqual(yaml.safe_load(charts.pop(("ConfigMap", "hecate-config"))["data"]["hecate.yaml"]),
                         read_yaml(BASE / "hecate.yaml"))
        self.assertEqual(set(charts.pop(("Secret", "hecate-tokens"))["stringData"]), set(TOKENS))
        self.assertEqual(without_labels_of_helm(charts), without_labels_of_helm(plain))

    def test_tokens_must_be_given(self):
        for name in TOKENS:
            with self.assertRaisesRegex(chart.TemplateError, "tokens." + name):
                rendered(tokens=TOKENS | {name: ""})
        kinds = {each["kind"] for each in rendered(existingSecret="mine", tokens={})}
        self.assertNotIn("Secret", kinds)

    def test_a_secret_of_ones_own_is_used(self):
        pod = by_name(rendered(existingSecret="mine"))["StatefulSet", "hecate"]["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["envFrom"], [{"secretRef": {"name": "mine"}}])


class Workload(unittest.TestCase):
    def setUp(self):
        self.objects = by_name(manifests(DEPLOY / "kubernetes/monitoring"))
        self.set = self.objects["StatefulSet", "hecate"]
        self.pod = self.set["spec"]["template"]["spec"]
        self.container = self.pod["containers"][0]
        self.config = read_yaml(BASE / "hecate.yaml")

    def test_the_binary_takes_its_arguments_and_configuration(self):
        command, *options = self.container["args"]
        helped = run([BINARY, command, "--help"])
        self.assertEqual(helped.returncode, 0)
        for option in (each for each in options if each.startswith("-")):
            self.assertIn(option, helped.stdout)
        names = {line.partition("=")[0] for line in (BASE / "tokens.env.example").read_text().splitlines()}
        self.assertEqual(names, set(TOKENS))
        checked = run([BINARY, "check", "--config", str(BASE / "hecate.yaml")], TOKENS)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        unset = run([BINARY, "check", "--config", str(BASE / "hecate.yaml")])
        self.assertNotEqual(unset.returncode, 0)

    def test_its_probes_and_metrics_answer(self):
        with Serving(self.config, TOKENS) as hecate:
            paths = [self.container[each]["httpGet"]["path"]
                     for each in ("startupProbe", "livenessProbe", "readinessProbe")]
            paths += [each["path"] for each in self.objects["ServiceMonitor", "hecate"]["spec"]["endpoints"]]
            for path in paths:
                self.assertEqual(get(hecate.admin, path)[0], 200, path)
            self.assertEqual(hecate.send('{"event":"x"}')[0], 200)
            self.assertEqual(get(hecate.admin, "/api/findings")[0], 200)  # loopback; from elsewhere the token

    def test_its_ports_are_those_of_the_configuration(self):
        ports = {each["name"]: each["containerPort"] for each in self.container["ports"]}
        listen = {"hec": self.config["inputs"]["hec"]["listen"], "admin": self.config["admin"]["listen"]}
        self.assertEqual({name: f"0.0.0.0:{port}" for name, port in ports.items()}, listen)
        for each in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertEqual(self.container[each]["httpGet"]["port"], "admin")
        for (kind, _), each in self.objects.items():
            for port in each["spec"].get("ports", []) if kind == "Service" else []:
                self.assertEqual(ports[port["targetPort"]], port["port"])
        policy = self.objects["NetworkPolicy", "hecate"]["spec"]
        self.assertEqual({port["port"] for rule in policy["ingress"] for port in rule["ports"]}, set(ports.values()))

    def test_everything_selects_its_pod(self):
        labels = self.set["spec"]["template"]["metadata"]["labels"]
        for (kind, name), each in self.objects.items():
            if kind == "ServiceMonitor":
                labels_of_service = self.objects["Service", "hecate-admin"]["metadata"]["labels"]
                self.assertLessEqual(each["spec"]["selector"]["matchLabels"].items(), labels_of_service.items())
                continue
            selector = each["spec"].get("selector") or each["spec"]["podSelector"]
            self.assertLessEqual(selector.get("matchLabels", selector).items(), labels.items(), (kind, name))
        self.assertIn(("Service", self.set["spec"]["serviceName"]), self.objects)

    def test_what_it_writes_is_its_volume_only(self):
        mounts = {each["mountPath"]: each for each in self.container["volumeMounts"]}
        writable = [path for path, each in mounts.items() if not each.get("readOnly")]
        claims = [each["metadata"]["name"] for each in self.set["spec"]["volumeClaimTemplates"]]
        self.assertEqual([mounts[path]["name"] for path in writable], claims)
        self.assertTrue(self.config["state"]["path"].startswith(writable[0] + "/"))
        self.assertTrue(self.container["securityContext"]["readOnlyRootFilesystem"])

    def test_one_instance_as_the_image_s_user(self):
        self.assertEqual(self.set["spec"]["replicas"], 1)
        user = re.search(r"^USER (\d+):(\d+)$", (SOURCE / "Dockerfile").read_text(), re.M)
        self.assertEqual((self.pod["securityContext"]["runAsUser"], self.pod["securityContext"]["runAsGroup"]),
                         (int(user[1]), int(user[2])))


if __name__ == "__main__":
    unittest.main()
