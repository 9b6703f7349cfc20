#pragma once

namespace hecate::outputs {

// The tables of this library in the journal's database, part `outputs` of its schema. `run` points to the
// journal's table of that name: rows of a run that is not done are unseen. Times are microseconds since the
// epoch.
//   finding   what was told. `body` is the JSON of /api/findings.
//   outbox    HEC envelopes still to be posted, in the order of `seq`; `kind` is notable or risk.
//   throttle  when (scheduled time) a detection told something for a tuple of values (a JSON array).
//   parked    envelopes that the endpoint refuses by themselves, with its answer; they are out of the outbox.
inline constexpr const char* kSchema[] = {
    R"sql(
      CREATE TABLE finding (
        id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, run INTEGER NOT NULL, detection TEXT NOT NULL,
        created INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL, status TEXT NOT NULL,
        body TEXT NOT NULL);
      CREATE INDEX finding_created ON finding (created);
      CREATE INDEX finding_run ON finding (run);
      CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, finding TEXT NOT NULL, kind TEXT NOT NULL,
        queued INTEGER NOT NULL, payload TEXT NOT NULL);
      CREATE INDEX outbox_run ON outbox (run);
      CREATE TABLE throttle (
        detection TEXT NOT NULL, vals TEXT NOT NULL, told_at INTEGER NOT NULL, run INTEGER NOT NULL,
        PRIMARY KEY (detection, vals, told_at)) WITHOUT ROWID;
      CREATE INDEX throttle_run ON throttle (run);
      CREATE TABLE parked (
        seq INTEGER PRIMARY KEY, finding TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
        status INTEGER NOT NULL, code INTEGER NOT NULL, answer TEXT NOT NULL, parked_at INTEGER NOT NULL);
    )sql",
};

}  // namespace hecate::outputs
