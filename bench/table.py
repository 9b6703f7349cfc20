"""The table of bench/run.sh from its results: a line a turn of a receiver, tab between name, events sent, evaluated,
dropped, matches, planted, seconds, microseconds of CPU, peak MiB, p50 and p99 in ms; "-" where there is none. Ends with 1 when a
count is wrong and, with `--ratios yes`, when hecate costs more than the bounds below allow."""
import statistics
import sys

COLUMNS = ("name", "sent", "evaluated", "dropped", "matches", "planted", "seconds", "cpu", "peak", "p50", "p99")
PARSING = "limit: simdjson, three fields and the rule"
# What receiving alone costs, by what the names of receivers hold.
RECEIVING = {"HEC": "limit: HEC thrown away", "TCP": "limit: TCP thrown away"}
PEERS = {"rsyslog": "rsyslog, syslog TCP, JSON parsed", "syslog-ng": "syslog-ng, syslog TCP, JSON parsed"}
# Of CPU, at most, on a machine however busy: by the limit of the core, and by a peer.
MOST_BY_LIMIT = 5.0
MOST_BY_PEER = 1.0


def read(path):
    turns = {}
    with open(path) as lines:
        for line in lines:
            turn = dict(zip(COLUMNS, line.rstrip("\n").split("\t")))
            for column in COLUMNS[1:]:
                turn[column] = None if turn[column] == "-" else float(turn[column])
            turns.setdefault(turn["name"], []).append(turn)
    return turns


def wrong_counts(turns):
    for name, all_turns in turns.items():
        for turn in all_turns:
            if turn["evaluated"] is not None and turn["sent"] != turn["evaluated"] + turn["dropped"]:
                yield (f"{name}: {turn['sent']:.0f} sent, {turn['evaluated']:.0f} evaluated and "
                       f"{turn['dropped']:.0f} dropped")
            if turn["matches"] is not None and not turn["dropped"] and turn["matches"] != turn["planted"]:
                yield f"{name}: {turn['matches']:.0f} matches, {turn['planted']:.0f} planted"


def middle(all_turns, value):
    known = [value(turn) for turn in all_turns if value(turn) is not None]
    return statistics.median(known) if known else None


def cpu_an_event(turn):
    return turn["cpu"] / turn["sent"] if turn["cpu"] else None


def limit_of(name, cpu):
    """The least that an event can cost a core which receives it so and parses it."""
    receiving = [cpu.get(limit) for way, limit in RECEIVING.items() if way in name]
    if name.startswith("limit") or not receiving or not receiving[0] or not cpu.get(PARSING):
        return None
    return receiving[0] + cpu[PARSING]


def text(value, form):
    return "-" if value is None else format(value, form)


def too_dear(cpu, peers):
    for name in ("hecate, HEC, JSON", "hecate, syslog TCP, JSON"):
        limit = limit_of(name, cpu)
        if limit and cpu[name] > MOST_BY_LIMIT * limit:
            yield f"{name}: {cpu[name] / limit:.1f} times the CPU of the limit, over {MOST_BY_LIMIT}"
    ours = cpu["hecate, syslog TCP, JSON"]
    for short, peer in peers.items():
        if ours > MOST_BY_PEER * peer:
            yield f"hecate takes {ours / peer:.2f} times the CPU of {short}, over {MOST_BY_PEER}"


def main():
    turns = read(sys.argv[1])
    check_ratios = sys.argv[2:] == ["--ratios", "yes"]
    cpu = {name: middle(all_turns, cpu_an_event) for name, all_turns in turns.items()}
    peers = {short: cpu[name] for short, name in PEERS.items() if cpu.get(name)}

    print("| receiver | events/s | sent | evaluated | dropped | matches | planted | CPU s a million events | of the limit |"
          + "".join(f" times {short} |" for short in peers) + " peak MiB | p50 ms | p99 ms |")
    print("|---" * (12 + len(peers)) + "|")
    for name, all_turns in turns.items():
        total = {column: sum(turn[column] or 0 for turn in all_turns) for column in COLUMNS[1:7]}
        known = all_turns[0]["evaluated"] is not None
        cells = [name, text(middle(all_turns, lambda turn: turn["sent"] / turn["seconds"]), ",.0f"),
                 f"{total['sent']:.0f}", f"{total['evaluated']:.0f}" if known else "-", f"{total['dropped']:.0f}" if known else "-",
                 f"{total['matches']:.0f}" if known else "-", f"{total['planted']:.0f}" if known else "-",
                 text(cpu[name], ".2f"),
                 f"{100 * limit / cpu[name]:.0f} %" if (limit := limit_of(name, cpu)) else "-"]
        cells += [f"{peer / cpu[name]:.1f}" if not name.startswith("limit") else "-" for peer in peers.values()]
        cells += [text(max((turn["peak"] or 0 for turn in all_turns)) or None, ".0f"),
                  text(middle(all_turns, lambda turn: turn["p50"]), ".2f"),
                  text(middle(all_turns, lambda turn: turn["p99"]), ".2f")]
        print("| " + " | ".join(cells) + " |")

    faults = list(wrong_counts(turns))
    if check_ratios:
        faults += too_dear(cpu, peers)
    for fault in faults:
        print(f"run.sh: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
