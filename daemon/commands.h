#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hecate::daemon {

// What `hecate <command>` does, one function a command; each returns the exit code and tells errors on
// standard error. main.cpp fills in the options.

// Where detections and macros come from, for the commands that work on files.
struct ContentOptions {
  std::vector<std::string> detections;  // none: those that ship
  std::vector<std::string> macros;
  std::vector<std::string> lookups;
  std::optional<std::string> spl;  // one search given as text, instead of detections
  bool first_match = false;        // all of them emit at the first match
  bool keep_places = false;        // for explain
};

// What events to read.
struct InputOptions {
  std::string format = "auto";  // auto, json, xml, hec
  std::string source, sourcetype, host, index;
  std::vector<std::string> files;
};

struct ServeOptions {
  std::string config;  // empty: defaults, with a token of its own
};
int serve(const ServeOptions& options);

struct SearchOptions {
  ContentOptions content;
  InputOptions input;
  std::string output = "json";  // json, table
  unsigned threads = 0;         // 0: one for each CPU
};
int search(const SearchOptions& options);

struct ReplayOptions {
  ContentOptions content;
  InputOptions input;
};
int replay(const ReplayOptions& options);

struct SendOptions {
  std::string file;
  std::string url, token, ca_file;
  bool insecure = false;
  std::string format = "auto";
  std::string source, sourcetype, host, index;
  double rate = 0;  // events a second in all; 0: as fast as it goes
  int connections = 1;
  int batch = 100;     // events a request
  int repeat = 1;      // passes over the file
  double seconds = 0;  // stop after this long; 0: after the last pass
  bool now = false;
};
int send(const SendOptions& options);

struct CheckOptions {
  ContentOptions content;
  std::string config;  // its detections instead; empty: those of `content`
  bool json = false;
};
int check(const CheckOptions& options);

struct ExplainOptions {
  ContentOptions content;
  std::string name;  // a detection's, or a file of detections; empty: all of `content`
  InputOptions input;
  std::int64_t limit = 3;  // events that are shown; 0: all
  bool json = false;
};
// 0: explained; 1: a file of events could not be read; 2: there is no such detection.
int explain(const ExplainOptions& options);

struct TestOptions {
  ContentOptions content;
  std::string name;            // only this detection's
  std::string attack_data;     // a folder with the files that `attack_data` names
  bool allow_missing = false;  // a file that is not there skips its test
  std::string junit;           // the report's file; empty: none
  bool quiet = false;          // tests that pass are not named
};
// 0: all passed or were skipped; 1: some did not; 2: there were none, or the report could not be written.
int test(const TestOptions& options);

struct StateOptions {
  std::string what;  // check, show, findings, late, outbox, export, requeue
  std::string path = "/var/lib/hecate";
  std::string since, detection;       // findings
  std::int64_t limit = 100;           // findings; 0: all
  std::vector<std::int64_t> numbers;  // requeue; none: all
};
int state(const StateOptions& options);

struct StatusOptions {
  std::string address = "127.0.0.1:9464";  // the admin port
  bool json = false;
};
// 0: ready, 1: not ready, 2: no answer.
int status(const StatusOptions& options);

struct CompareOptions {
  std::vector<std::string> exports;  // of Splunk; - is standard input
  std::string path = "/var/lib/hecate";
  std::string findings;  // a file of findings, instead of the state folder's
  std::vector<std::string> detections, ignore;
  std::string earliest, latest;  // of the export; empty: as its rows say
  bool json = false;
};
// 0: both told the same, 1: they did not, 2: it could not be compared.
int compare(const CompareOptions& options);

struct TokenOptions {
  std::string name = "shippers";
  bool plain = false;  // the secret alone
};
int token(const TokenOptions& options);

}  // namespace hecate::daemon
