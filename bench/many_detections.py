#!/usr/bin/env python3
"""Writes detections for bench/catalogue.sh: so many of a folder's, and, where that has fewer, copies of them.
    many_detections.py FROM TO COUNT
A copy has a name and an id of its own, and each text that its first clause looks for is another: the copy's number goes
behind the third letter of each word in it, also where a macro of the folder `macros` beside brings it in. So it is a search of its own, which no event satisfies unless its original
looks for no text at all. The first of the copies come of the first of the detections. With COUNT `all`: the folder's."""
import pathlib
import re
import sys
import uuid

import yaml

# What the first clause looks for: values behind = and != and inside IN (…).
VALUE = re.compile(r'(!?=\s*)("[^"]*"|[^\s()"|,]+)|(\bIN\s*\()([^)]*)(\))', re.IGNORECASE)
OPTIONS = re.compile(r"(?:summariesonly|allow_old_summaries|fillnull_value|prestats|span|EventCode|EventID)\s*$", re.IGNORECASE)


def first_clause(search: str) -> tuple[int, int]:
    """Where it stands: of tstats what is between WHERE and BY."""
    if re.match(r"\s*\|\s*tstats\b", search):
        where = re.search(r"\bwhere\b", search, re.IGNORECASE)
        by = where and re.compile(r"\bby\b", re.IGNORECASE).search(search, where.end())
        return (where.end(), by.start()) if by else (0, 0)
    return 0, (search + "|").index("|")


def renamed(search: str, number: int, macros: dict[str, str]) -> str:
    def word(text: str) -> str:
        return re.sub(r"(?<![A-Za-z])[A-Za-z]{3}", lambda m: f"{m.group()}{number}q", text)

    begin, end = first_clause(search)
    clause = re.sub(r"`(process_\w+)`", lambda m: macros.get(m.group(1), m.group()), search[begin:end])

    def value(m: re.Match) -> str:
        if m.group(3):
            return m.group(3) + word(m.group(4)) + m.group(5)
        if OPTIONS.search(clause[: m.start()]):
            return m.group()
        return m.group(1) + word(m.group(2))

    return search[:begin] + VALUE.sub(value, clause) + search[end:]


def main() -> None:
    source, target, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    files = sorted(source.glob("*.yml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    macros = {}
    for file in (source.parent / "macros").glob("process_*.yml"):
        macro = yaml.load(file.read_text(), loader)
        macros[macro["name"]] = macro["definition"]
    target.mkdir(parents=True)
    wanted = len(files) if count == "all" else int(count)
    for i in range(wanted):
        file, copy = files[i % len(files)], i // len(files)
        if copy == 0:
            (target / file.name).write_bytes(file.read_bytes())
            continue
        detection = yaml.load(file.read_text(), loader)
        detection["name"] += f" {copy}"
        detection["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, detection["name"]))
        detection["search"] = renamed(detection["search"], copy, macros)
        (target / f"{file.stem}_{copy}.yml").write_text(yaml.dump(detection, Dumper=dumper, width=1 << 20))


main()
