#pragma once

namespace hecate::outputs {

// The tables of this library in the journal's database, part `outputs` of its schema. `run` points to the
// journal's table of that name: rows of a run that is not done are unseen. Times are microseconds since the
// epoch.
//   finding   what was told, a row for each revision; the greatest visible one holds. `body` is the JSON of
//             /api/findings as it was told, `newest` as it is now where only aggregates have changed since,
//             `plain` a hash of the row's fields but aggregates (0: not known), `seen` the newest run of its
//             window that still had the row, or took it back, `rule` what it shows of its detection (0: it
//             was told by a version that did not keep it).
//   finding_id  the index of ids; `finding` is finding.seq. A table of its own, since ids come in no order:
//   those
//             of a long run are written in theirs at its end, where one by one each would cost a page.
//   rule      what all findings of a detection show of it (rule.h) as JSON, under its hash; `told`: when a
//   run
//             that told by it was evaluated last.
//   outbox    what is still to be posted, in the order of `seq`: of the revision in row `told` (finding.seq)
//   its
//             notable, or (`kind` risk) its risk event for an object. The HEC envelope is made when it is
//             posted; `payload` is one that is there already: of an older version, or posted again.
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
    R"sql(
      DROP INDEX finding_created;
      DROP INDEX finding_run;
      ALTER TABLE finding RENAME TO finding_1;
      CREATE TABLE finding (
        id TEXT NOT NULL, revision INTEGER NOT NULL, run INTEGER NOT NULL, detection TEXT NOT NULL,
        created INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL, status TEXT NOT NULL,
        plain INTEGER NOT NULL, seen INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (id, revision));
      INSERT INTO finding (id, revision, run, detection, created, earliest, latest, status, plain, seen, body)
        SELECT id, revision, run, detection, created, earliest, latest, status, 0, run,
          json_remove(body, '$.revision') FROM finding_1 ORDER BY rowid;
      DROP TABLE finding_1;
      CREATE INDEX finding_created ON finding (created);
      CREATE INDEX finding_run ON finding (run);
      CREATE INDEX finding_window ON finding (detection, earliest, latest);
      CREATE TABLE risk_object (
        finding TEXT NOT NULL, type TEXT NOT NULL, object TEXT NOT NULL, run INTEGER NOT NULL,
        PRIMARY KEY (finding, type, object)) WITHOUT ROWID;
      CREATE INDEX risk_object_run ON risk_object (run);
    )sql",
    R"sql(
      DROP INDEX finding_created;
      DROP INDEX finding_run;
      DROP INDEX finding_window;
      ALTER TABLE finding RENAME TO finding_2;
      CREATE TABLE finding (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, revision INTEGER NOT NULL,
        run INTEGER NOT NULL, detection TEXT NOT NULL, created INTEGER NOT NULL, earliest INTEGER NOT NULL,
        latest INTEGER NOT NULL, status TEXT NOT NULL, plain INTEGER NOT NULL, seen INTEGER NOT NULL,
        rule INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, newest TEXT);
      CREATE TABLE finding_id (
        id TEXT NOT NULL, revision INTEGER NOT NULL, finding INTEGER NOT NULL,
        PRIMARY KEY (id, revision)) WITHOUT ROWID;
      INSERT INTO finding (id, revision, run, detection, created, earliest, latest, status, plain, seen, body)
        SELECT id, revision, run, detection, created, earliest, latest, status, plain, seen, body
          FROM finding_2 ORDER BY rowid;
      DROP TABLE finding_2;
      INSERT INTO finding_id SELECT id, revision, seq FROM finding ORDER BY id, revision;
      CREATE INDEX finding_created ON finding (created);
      CREATE INDEX finding_run ON finding (run);
      CREATE INDEX finding_window ON finding (detection, earliest, latest);
      CREATE TRIGGER finding_removed AFTER DELETE ON finding BEGIN
        DELETE FROM finding_id WHERE id = OLD.id AND revision = OLD.revision AND finding = OLD.seq;
      END;
      CREATE TABLE rule (rule INTEGER PRIMARY KEY, told INTEGER NOT NULL, json TEXT NOT NULL);
      DROP INDEX outbox_run;
      ALTER TABLE outbox RENAME TO outbox_2;
      CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0,
        finding TEXT NOT NULL, kind TEXT NOT NULL, object_type TEXT, object TEXT, queued INTEGER NOT NULL,
        payload TEXT);
      INSERT INTO outbox (seq, run, finding, kind, queued, payload)
        SELECT seq, run, finding, kind, queued, payload FROM outbox_2 ORDER BY seq;
      DELETE FROM sqlite_sequence WHERE name = 'outbox';
      INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', seq FROM sqlite_sequence WHERE name = 'outbox_2';
      DROP TABLE outbox_2;
      DROP TABLE risk_object;
      CREATE INDEX outbox_run ON outbox (run);
      CREATE INDEX outbox_told ON outbox (told);
    )sql",
};

}  // namespace hecate::outputs
