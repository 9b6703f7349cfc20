"""Renders the Helm chart where no helm is: the part of Helm's template language that the chart uses, and an error for
all else. Its rules are those of Go's text/template and of the functions of the same name in Helm."""
import hashlib
import json
import re

import yaml

ACTION = re.compile(r"\{\{(-)?\s*(.*?)\s*(-)?\}\}", re.S)
WORD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\||[^\s|"]+)')


class TemplateError(Exception):
    """What helm would refuse as well, or what this renderer does not know."""


def tokens(text):
    """Alternating literal texts and actions, blanks trimmed as `{{-` and `-}}` ask for."""
    found, at, trim = [], 0, False
    for action in ACTION.finditer(text):
        literal = text[at:action.start()]
        literal = literal.lstrip() if trim else literal
        found.append((False, literal.rstrip() if action[1] else literal))
        found.append((True, action[2]))
        at, trim = action.end(), bool(action[3])
    found.append((False, text[at:].lstrip() if trim else text[at:]))
    return found


def parse(stream, closers=()):
    """Nodes up to one of `closers`: (nodes, the closer's words)."""
    nodes = []
    for is_action, text in stream:
        if not is_action:
            nodes.append(("text", text))
            continue
        word, _, rest = text.partition(" ")
        if word in closers:
            return nodes, text
        if word in ("if", "with", "define"):
            body, closer = parse(stream, ("else", "end"))
            other = []
            if closer == "else":
                other, closer = parse(stream, ("end",))
            if closer != "end":
                raise TemplateError(f"`{text}` ends with `{closer}`")
            nodes.append((word, rest, body, other))
        elif word in ("range", "block", "template", "else", "end"):
            raise TemplateError(f"`{text}` is not known here")
        else:
            nodes.append(("value", text))
    if closers:
        raise TemplateError("an `end` is missing")
    return nodes, ""


class Chart:
    """A chart's folder and how it reads with certain values."""

    def __init__(self, folder, values=None, release="hecate", namespace="hecate"):
        self.folder = folder
        self.defines = {}
        chart = yaml.safe_load((folder / "Chart.yaml").read_text())
        self.root = {"Values": merged(yaml.safe_load((folder / "values.yaml").read_text()), values or {}),
                     "Chart": {key[0].upper() + key[1:]: value for key, value in chart.items()},
                     "Release": {"Name": release, "Namespace": namespace, "Service": "Helm"}}
        self.root["Chart"]["AppVersion"] = str(self.root["Chart"]["AppVersion"])
        self.render((folder / "templates/_helpers.tpl").read_text())

    def objects(self):
        """What would be given to Kubernetes."""
        found = []
        for file in sorted((self.folder / "templates").glob("*.yaml")):
            try:
                found += [each for each in yaml.safe_load_all(self.render(file.read_text())) if each]
            except (TemplateError, yaml.YAMLError) as error:
                raise TemplateError(f"{file.name}: {error}") from error
        return found

    def render(self, text):
        nodes, _ = parse(iter(tokens(text)))
        return self.write(nodes, self.root)

    def write(self, nodes, dot):
        out = ""
        for node in nodes:
            if node[0] == "text":
                out += node[1]
            elif node[0] == "value":
                out += shown(self.value(node[1], dot))
            elif node[0] == "define":
                self.defines[json.loads(node[1])] = node[2]
            else:
                _, condition, body, other = node
                value = self.value(condition, dot)
                out += self.write(body if value else other, value if node[0] == "with" and value else dot)
        return out

    def value(self, text, dot):
        words, piped = WORD.findall(text), []
        while words:
            step = words[:words.index("|")] if "|" in words else words
            words = words[len(step) + 1:]
            piped = [self.call(step, piped, dot)]
        return piped[0]

    def call(self, step, piped, dot):
        name, arguments = step[0], [self.operand(each, dot) for each in step[1:]] + piped
        if name.startswith((".", '"')):
            if arguments:
                raise TemplateError(f"{name} takes no arguments")
            return self.operand(name, dot)
        known = {"toYaml": lambda value: yaml.safe_dump(value, default_flow_style=False).rstrip("\n"),
                 "nindent": lambda count, value: "\n" + indent(count, value),
                 "quote": lambda value: json.dumps(shown(value)),
                 "default": lambda other, value: value or other,
                 "not": lambda value: not value,
                 "sha256sum": lambda value: hashlib.sha256(value.encode()).hexdigest(),
                 "required": required,
                 "include": lambda define, scope: self.write(self.defines[define], scope)}
        if name not in known:
            raise TemplateError(f"`{name}` is not known here")
        return known[name](*arguments)

    def operand(self, word, dot):
        if word.startswith('"'):
            return json.loads(word)
        if word.isdigit():
            return int(word)
        if not re.fullmatch(r"\.|(\.\w+)+", word):
            raise TemplateError(f"`{word}` is not known here")
        value = dot
        for name in filter(None, word.split(".")):
            if not isinstance(value, dict) or name not in value:
                raise TemplateError(f"{word}: there is no such value")
            value = value[name]
        return value


def shown(value):
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def indent(count, value):
    return "\n".join(" " * count + line for line in value.split("\n"))


def required(why, value):
    if not value:
        raise TemplateError(why)
    return value


def merged(base, over):
    """`over` laid on `base`, maps key by key, as helm lays a user's values on the chart's."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: merged(base[key], value) if key in base else value for key, value in over.items()}
