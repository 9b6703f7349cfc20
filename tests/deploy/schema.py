"""The shapes of the Kubernetes objects that are shipped: which keys each part may and must have. Only what is used; a
field that comes into use is added here from Kubernetes' API reference."""

ANY = object()
LABELS = {"*": str}
METADATA = {"name!": str, "labels": LABELS, "annotations": LABELS}
SELECTOR = {"matchLabels!": LABELS}
PROBE = {"httpGet!": {"path!": str, "port!": ANY}, "periodSeconds": int, "timeoutSeconds": int, "failureThreshold": int}
QUANTITIES = {"cpu": str, "memory": str}
POLICY_PORTS = [{"protocol!": str, "port!": int}]
CONTAINER = {
    "name!": str, "image!": str, "imagePullPolicy": str, "args": [str],
    "envFrom": [{"secretRef!": {"name!": str}}],
    "ports": [{"name!": str, "containerPort!": int}],
    "startupProbe!": PROBE, "livenessProbe!": PROBE, "readinessProbe!": PROBE,
    "resources!": {"requests!": QUANTITIES, "limits!": QUANTITIES},
    "securityContext!": {"allowPrivilegeEscalation!": bool, "readOnlyRootFilesystem!": bool,
                         "capabilities!": {"drop!": [str]}},
    "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool}],
}
POD = {
    "automountServiceAccountToken": bool, "enableServiceLinks": bool, "terminationGracePeriodSeconds!": int,
    "imagePullSecrets": [{"name!": str}], "nodeSelector": LABELS, "tolerations": ANY, "affinity": ANY,
    "securityContext!": {"runAsNonRoot!": bool, "runAsUser!": int, "runAsGroup!": int, "fsGroup!": int,
                         "fsGroupChangePolicy": str, "seccompProfile!": {"type!": str}},
    "containers!": [CONTAINER],
    "volumes": [{"name!": str, "configMap!": {"name!": str}}],
}
SPECS = {
    ("apps/v1", "StatefulSet"): {
        "replicas!": int, "serviceName!": str, "selector!": SELECTOR,
        "template!": {"metadata!": {"labels!": LABELS, "annotations": LABELS}, "spec!": POD},
        "volumeClaimTemplates!": [{"metadata!": {"name!": str}, "spec!": {
            "accessModes!": [str], "storageClassName": str,
            "resources!": {"requests!": {"storage!": str}}}}]},
    ("v1", "Service"): {
        "type": str, "clusterIP": str, "publishNotReadyAddresses": bool, "selector!": LABELS,
        "ports!": [{"name!": str, "port!": int, "targetPort!": str}]},
    ("policy/v1", "PodDisruptionBudget"): {"maxUnavailable!": int, "selector!": SELECTOR},
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "podSelector!": SELECTOR, "policyTypes!": [str],
        "ingress!": [{"from": [{"namespaceSelector!": SELECTOR}], "ports!": POLICY_PORTS}],
        "egress!": [{"ports!": POLICY_PORTS}]},
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "jobLabel": str, "selector!": SELECTOR,
        "endpoints!": [{"port!": str, "path": str, "interval": str}]},
}
DATA = {("v1", "ConfigMap"): {"data!": LABELS}, ("v1", "Secret"): {"type": str, "stringData!": LABELS}}


def problems(value):
    """What is wrong with one object, as lines."""
    kind = (value.get("apiVersion"), value.get("kind"))
    if kind in SPECS:
        shape = {"spec!": SPECS[kind]}
    elif kind in DATA:
        shape = DATA[kind]
    else:
        return [f"{kind}: no shape is known for this kind"]
    return list(look(value, {"apiVersion!": str, "kind!": str, "metadata!": METADATA} | shape, kind[1]))


def look(value, shape, at):
    if shape is ANY:
        return
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{at}: a list is expected"
            return
        for i, each in enumerate(value):
            yield from look(each, shape[0], f"{at}[{i}]")
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{at}: a map is expected"
            return
        must = {name[:-1] for name in shape if name.endswith("!")}
        yield from (f"{at}.{name}: is missing" for name in sorted(must - set(value)))
        for name, each in value.items():
            below = shape.get(name, shape.get(name + "!", shape.get("*")))
            if below is None:
                yield f"{at}.{name}: there is no such key"
            else:
                yield from look(each, below, f"{at}.{name}")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield f"{at}: {value!r} is no {shape.__name__}"
