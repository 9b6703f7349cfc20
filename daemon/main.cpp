#include "daemon/cli_pages.h"
#include "daemon/commands.h"
#include "daemon/config.h"
#include "daemon/output.h"
#include "daemon/spl_reference.h"
#include "daemon/version.h"
#include "pipeline/base/nearest.h"

#include <functional>
#include <span>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

// hecate's command line: each command's options are declared here, what it does stands in its own file.

namespace {

using namespace hecate::daemon;

// One value each time the option stands: what follows may be a file.
void add_list(CLI::App& command, const std::string& option, std::vector<std::string>& values,
              const std::string& help) {
  command.add_option(option, values, help + "; may stand several times")->allow_extra_args(false);
}

void add_content(CLI::App& command, ContentOptions& content, bool with_search) {
  add_list(
      command, "--detections", content.detections,
      "Detection file or folder, YAML in ESCU's form or Splunk's savedsearches.conf; without it, those that "
      "ship with hecate");
  if (with_search)
    command.add_option("--spl", content.spl, "One search, given as text, instead of detections")
        ->excludes("--detections");
  add_list(command, "--macros", content.macros,
           "File or folder of macros (YAML, macros.conf); a later one replaces an earlier one");
  add_list(command, "--lookups", content.lookups,
           "File or folder of lookups (YAML, transforms.conf and CSV files)");
}

void add_metadata(CLI::App& command, std::string& source, std::string& sourcetype, std::string& host,
                  std::string& index) {
  command.add_option("--source", source,
                     "source of events that bring none; else their channel and provider tell");
  command.add_option("--sourcetype", sourcetype, "sourcetype of events that bring none");
  command.add_option("--host", host, "host of events that bring none; else their Computer");
  command.add_option("--index", index, "index of events that bring none");
}

void add_format(CLI::App& command, std::string& format) {
  command.add_option("--input", format, "Form of the files: auto, json, xml, text, hec")
      ->check(CLI::IsMember({"auto", "json", "xml", "text", "hec"}))
      ->capture_default_str();
}

void add_input(CLI::App& command, InputOptions& input) {
  add_format(command, input.format);
  add_metadata(command, input.source, input.sourcetype, input.host, input.index);
  command.add_option("FILE", input.files, "Files of events; - is standard input; .gz and .zst are unpacked")
      ->required();
}

CLI::App* add_serve(CLI::App& app, ServeOptions& options) {
  CLI::App* command = app.add_subcommand("serve", "Take events in, run the detections, post what they find");
  command->add_option(
      "-c,--config", options.config,
      "Configuration (YAML, see docs/configuration.md); without it hecate runs on its defaults with a "
      "token of its own, kept under state.path");
  command->footer(
      "SIGHUP reads detections, macros and lookups again; SIGTERM answers what is in flight and stops.");
  return command;
}

CLI::App* add_search(CLI::App& app, SearchOptions& options) {
  CLI::App* command = app.add_subcommand(
      "search", "Run detections, or one search, over files of events as one window over all time");
  add_content(*command, options.content, true);
  add_input(*command, options.input);
  command->add_option("--output", options.output, "json: one line a row; table: for people")
      ->check(CLI::IsMember({"json", "table"}))
      ->capture_default_str();
  command
      ->add_option("--threads", options.threads,
                   "Threads that read parts of large plain JSON files; 0: one for each CPU")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  command->footer(
      "Example: hecate search --spl '`sysmon` EventID=11 | stats count by Image' events.ndjson.zst\n"
      "Exit code 0: all was searched; 1: a detection or a file was left out, and why is said; 2: nothing "
      "was.");
  return command;
}

CLI::App* add_replay(CLI::App& app, ReplayOptions& options) {
  CLI::App* command = app.add_subcommand("replay",
                                         "Run files of events through the scheduled windows in event time; "
                                         "print findings as they would be posted");
  add_content(*command, options.content, false);
  add_input(*command, options.input);
  command->add_flag("--first-match", options.content.first_match,
                    "Tell each finding at its first match, not at its window's run");
  return command;
}

CLI::App* add_send(CLI::App& app, SendOptions& options) {
  CLI::App* command =
      app.add_subcommand("send", "Post a file of events to a HEC endpoint; also a load generator");
  command->add_option("FILE", options.file, "File of events; - is standard input; .gz and .zst are unpacked")
      ->required();
  command->add_option("--url", options.url, "HEC endpoint, such as http://127.0.0.1:8088")->required();
  command->add_option("--token", options.token, "HEC token")->envname("HECATE_TOKEN")->required();
  command->add_option("--ca-file", options.ca_file, "Certificates to trust (PEM), instead of the system's");
  command->add_flag("--insecure", options.insecure, "Do not verify the server's certificate");
  add_format(*command, options.format);
  add_metadata(*command, options.source, options.sourcetype, options.host, options.index);
  command->add_option("--rate", options.rate, "Events a second in all; 0: as fast as it goes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--connections", options.connections, "Connections at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--batch", options.batch, "Events a request")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--repeat", options.repeat, "Passes over the file")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--seconds", options.seconds, "Go on for this long, pass after pass")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--now", options.now, "Move all times so that the newest event happens now");
  return command;
}

CLI::App* add_check(CLI::App& app, CheckOptions& options) {
  CLI::App* command =
      app.add_subcommand("check", "Load detections and say how each will run, or why it cannot");
  CLI::Option* paths = command->add_option("PATH", options.content.detections,
                                           "Detection files or folders; without it, those that ship");
  add_list(*command, "--macros", options.content.macros, "File or folder of macros (YAML, macros.conf)");
  add_list(*command, "--lookups", options.content.lookups,
           "File or folder of lookups (YAML, transforms.conf and CSV files)");
  command
      ->add_option(
          "-c,--config", options.config,
          "This configuration: its certificates, and its detections with its macros, lookups and overrides")
      ->excludes(paths)
      ->excludes("--macros")
      ->excludes("--lookups");
  command->add_flag("--json", options.json, "One JSON object a detection");
  return command;
}

CLI::App* add_explain(CLI::App& app, ExplainOptions& options) {
  CLI::App* command = app.add_subcommand(
      "explain", "Say how a detection works, and clause by clause why events match or do not");
  command->add_option("NAME", options.name, "The detection's name, or a file of detections");
  add_content(*command, options.content, true);
  add_list(*command, "--event", options.input.files,
           "File of events; - is standard input; .gz and .zst are unpacked");
  add_format(*command, options.input.format);
  add_metadata(*command, options.input.source, options.input.sourcetype, options.input.host,
               options.input.index);
  command->add_option("--limit", options.limit, "Of many events, show so many that come nearest; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--json", options.json, "One JSON object for the detection, then one an event");
  command->footer(
      "Example: hecate explain 'Windows MsMpEng Writing to System32' --event events.xml\n"
      "Exit code 0: explained; 1: a file of events could not be read; 2: there is no such detection.");
  return command;
}

CLI::App* add_test(CLI::App& app, TestOptions& options) {
  CLI::App* command = app.add_subcommand("test", "Run the tests of detections, for CI");
  command->add_option("PATH", options.content.detections,
                      "Detection files or folders, with their tests in them or beside them (x.test.yml)");
  add_list(*command, "--macros", options.content.macros, "File or folder of macros (YAML, macros.conf)");
  add_list(*command, "--lookups", options.content.lookups,
           "File or folder of lookups (YAML, transforms.conf and CSV files)");
  command->add_option("--name", options.name, "Only the tests of this detection");
  command->add_option("--attack-data", options.attack_data,
                      "Folder with a copy of the files that `attack_data` names by URL");
  command->add_flag("--allow-missing", options.allow_missing,
                    "A test whose file is not in that folder is skipped and no error");
  command->add_option("--junit", options.junit, "Write a JUnit report (XML) to this file");
  command->add_flag("-q,--quiet", options.quiet, "Name only tests that did not pass");
  command->footer("Exit code 0: all passed or were skipped; 1: some did not; 2: there were none.");
  return command;
}

CLI::App* add_state(CLI::App& app, StateOptions& options) {
  CLI::App* command = app.add_subcommand(
      "state",
      "Look at a state folder, of a hecate that runs or of one that is stopped; only requeue changes it");
  command->require_subcommand(1);
  auto add = [&](const char* what, const char* help) {
    CLI::App* each = command->add_subcommand(what, help);
    each->add_option("--path", options.path, "The folder, as state.path names it")->capture_default_str();
    each->callback([&options, what] { options.what = what; });
    return each;
  };
  add("check", "Read all of it and say what is wrong; exit code 1 when something is");
  add("show", "How far each detection is, what is stored, what waits and what was kept aside; for people");
  CLI::App* findings =
      add("findings", "Findings, newest first, as /api/findings shows them; one JSON line each");
  findings->add_option("--since", options.since,
                       "Told at or after this: seconds since 1970, or a time such as 2026-04-27T13:00:00Z");
  findings->add_option("--limit", options.limit, "At most so many; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  findings->add_option("--detection", options.detection, "Of this detection only");
  add("late", "Events that came too late for their windows, or from the future; one JSON line each");
  add("outbox", "Findings and risk events that wait to be posted or were put aside; one JSON line each");
  add("export",
      "All findings with all their revisions, in the order in which they were told; one JSON line each");
  CLI::App* requeue = add("requeue", "Put parked envelopes back to be posted again; hecate must be stopped");
  requeue
      ->add_option("--seq", options.numbers,
                   "Only the one with this number, as `outbox` shows it; may stand several times")
      ->allow_extra_args(false);
  command->footer("Run it as the user that hecate runs as: the folder is closed to others.");
  return command;
}

CLI::App* add_status(CLI::App& app, StatusOptions& options) {
  CLI::App* command = app.add_subcommand("status", "Ask a hecate that runs how it does, on its admin port");
  command->add_option("--address", options.address, "The admin port, as admin.listen names it")
      ->capture_default_str();
  command->add_flag("--json", options.json, "One JSON object");
  command->footer("Exit code 0: ready; 1: not ready, and why is said; 2: no answer.");
  return command;
}

CLI::App* add_compare(CLI::App& app, CompareOptions& options) {
  CLI::App* command = app.add_subcommand(
      "compare", "Compare what Splunk's own scheduled searches told with what hecate told, window by window");
  command
      ->add_option("--splunk-export", options.exports,
                   "Exported notables: CSV or JSON as Splunk writes them; - is standard input")
      ->required();
  command->add_option("--path", options.path, "hecate's state folder, as state.path names it")
      ->capture_default_str();
  command->add_option("--findings", options.findings,
                      "Findings as `hecate state export` prints them, instead of a state folder");
  command->add_option("--detection", options.detections, "Only this one, by its name; may be given again");
  command->add_option("--ignore", options.ignore, "A field whose values do not count; may be given again");
  command->add_option("--earliest", options.earliest, "Where the export begins, if before its first window");
  command->add_option("--latest", options.latest, "Where it ends, if after its last window");
  command->add_flag("--json", options.json, "One JSON object");
  command->footer(
      "Exit code 0: both told the same; 1: they did not, and why is said; 2: it cannot be compared.");
  return command;
}

CLI::App* add_token(CLI::App& app, TokenOptions& options) {
  CLI::App* command = app.add_subcommand("token", "Make a HEC token and print its line of inputs.hec.tokens");
  command->add_option("--name", options.name, "What people call its sender")
      ->check([](const std::string& name) {
        bool plain = name.find_first_of("\"\\\n") == std::string::npos;
        return plain ? std::string() : std::string("a name has no quotes, backslashes or line breaks in it");
      })
      ->capture_default_str();
  command->add_flag("--plain", options.plain, "Print the secret alone, for a file of environment variables");
  return command;
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
  CLI::App* command = app.add_subcommand("completion", "Print a script that completes commands and options");
  command->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return command;
}

// Names the command that the first word was likely meant to be, where it is none of `app`'s.
void refuse_unknown_command(const CLI::App& app, std::span<char*> arguments) {
  auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty() || arguments.empty() || arguments[0][0] == '-') return;
  std::string word = arguments[0];
  std::vector<std::string> names;
  for (const CLI::App* each : commands) {
    if (each->get_name() == word) return refuse_unknown_command(*each, arguments.subspan(1));
    names.push_back(each->get_name());
  }
  std::string near(hecate::nearest(word, {names.begin(), names.end()}));
  throw CLI::ExtrasError(
      fmt::format("hecate: there is no command `{}` of {}{} There are: {}", word, app.get_name(),
                  near.empty() ? "." : ": did you mean `" + near + "`?", fmt::join(names, ", ")),
      2);
}

struct Command {
  CLI::App* app;
  std::function<int()> run;
};

int run(int argc, char** argv) {
  CLI::App app{
      "hecate runs Splunk detections on the stream: Sysmon events in over HEC, findings out over HEC.",
      "hecate"};
  app.set_version_flag("--version", "hecate " + version_line());
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  ServeOptions serve_options;
  SearchOptions search_options;
  ReplayOptions replay_options;
  SendOptions send_options;
  CheckOptions check_options;
  ExplainOptions explain_options;
  TestOptions test_options;
  StateOptions state_options;
  StatusOptions status_options;
  CompareOptions compare_options;
  TokenOptions token_options;
  std::string shell;
  auto print = [](const std::string& page) {
    fmt::print("{}", page);
    return 0;
  };
  std::vector<Command> commands{
      {add_serve(app, serve_options), [&] { return serve(serve_options); }},
      {add_search(app, search_options), [&] { return search(search_options); }},
      {add_replay(app, replay_options), [&] { return replay(replay_options); }},
      {add_send(app, send_options), [&] { return send(send_options); }},
      {add_check(app, check_options), [&] { return check(check_options); }},
      {add_explain(app, explain_options), [&] { return explain(explain_options); }},
      {add_test(app, test_options), [&] { return test(test_options); }},
      {add_state(app, state_options), [&] { return state(state_options); }},
      {add_status(app, status_options), [&] { return status(status_options); }},
      {add_compare(app, compare_options), [&] { return compare(compare_options); }},
      {add_token(app, token_options), [&] { return token(token_options); }},
      {add_completion(app, shell), [&] { return print(completion_script(app, shell)); }},
      {app.add_subcommand("man", "Print the manual page: `hecate man | man -l -`"),
       [&] { return print(man_page(app)); }},
      {app.add_subcommand("config-reference", "Print every configuration key with its default and meaning"),
       [&] { return print(config_reference()); }},
      {app.add_subcommand("spl-reference", "Print the commands and functions of SPL that are supported"),
       [&] { return print(spl_reference()); }}};

  try {
    refuse_unknown_command(app, {argv + 1, argv + argc});
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  for (const Command& each : commands)
    if (each.app->parsed()) return each.run();
  return 0;
}

}  // namespace

// Whatever went wrong that no command has told of itself is told here, in words.
int main(int argc, char** argv) {
  int code = 1;
  try {
    code = run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "hecate: {}\n", explain(error));
    return 1;
  }
  if (auto flushed = flush_output(); !flushed) {
    fmt::print(stderr, "hecate: {}\n", flushed.error().message);
    return code == 0 ? 1 : code;
  }
  return code;
}
