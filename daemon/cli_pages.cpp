#include "daemon/cli_pages.h"

#include "daemon/version.h"

#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hecate::daemon {
namespace {

// A command with the words that lead to it: `hecate state show`.
struct Named {
  std::string words;
  const CLI::App* app;
};

void gather(const CLI::App& app, const std::string& words, std::vector<Named>& commands) {
  commands.push_back({words, &app});
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    gather(*each, words + " " + each->get_name(), commands);
}

std::vector<Named> commands_of(const CLI::App& app) {
  std::vector<Named> commands;
  gather(app, app.get_name(), commands);
  return commands;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option*) { return true; });
}

std::vector<const CLI::App*> commands_below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> option_words(const CLI::Option& option) {
  std::vector<std::string> words;
  for (const std::string& name : option.get_lnames()) words.push_back("--" + name);
  for (const std::string& name : option.get_snames()) words.push_back("-" + name);
  return words;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// Text as roff shows it: no character of it is a request or a typographic mark.
std::string roff(std::string text) {
  text = replaced(std::move(text), "\\", "\\e");
  text = replaced(std::move(text), "-", "\\-");
  text = replaced(std::move(text), "`", "\\(ga");
  text = replaced(std::move(text), "'", "\\(aq");
  return text.starts_with('.') ? "\\&" + text : text;
}

void write_options(const CLI::App& app, std::string& page) {
  for (const CLI::Option* option : options_of(app)) {
    std::string names = option->nonpositional() ? fmt::format("{}", fmt::join(option_words(*option), ", "))
                                                : option->get_name(true);
    std::string value = option->nonpositional() && takes_value(*option) ? " " + option->get_type_name() : "";
    page += fmt::format(".TP\n.B {}\n{}\n", roff(names + value), roff(option->get_description()));
    if (!option->get_default_str().empty())
      page += roff(fmt::format("Default: {}.", option->get_default_str())) + "\n";
  }
}

// One line of a `case`: the words of a command, quoted.
std::string quoted(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

std::string case_of_commands(const std::vector<Named>& commands) {
  std::vector<std::string> words;
  for (const Named& each : commands)
    if (each.words.find(' ') != std::string::npos) words.push_back(quoted(each.words));
  return fmt::format("{}", fmt::join(words, "|"));
}

std::string bash_script(const std::vector<Named>& commands) {
  std::string script =
      fmt::format(R"(# bash completion of hecate: hecate completion bash > /etc/bash_completion.d/hecate
_hecate() {{
  local i at=hecate choices=
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${{COMP_WORDS[i]}}" in
      {}) at="$at ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$at" in
)",
                  case_of_commands(commands));
  for (const Named& each : commands) {
    std::vector<std::string> choices;
    for (const CLI::App* below : commands_below(*each.app)) choices.push_back(below->get_name());
    for (const CLI::Option* option : options_of(*each.app))
      for (std::string& word : option_words(*option)) choices.push_back(std::move(word));
    script += fmt::format("    {}) choices={} ;;\n", quoted(each.words),
                          quoted(fmt::format("{}", fmt::join(choices, " "))));
  }
  return script + R"(  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _hecate hecate
)";
}

std::string zsh_script(const std::vector<Named>& commands) {
  std::string script = fmt::format(R"(#compdef hecate
# zsh completion of hecate: hecate completion zsh > a folder of $fpath, named _hecate
_hecate() {{
  local word at=hecate
  local -a choices
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $word" in
      {}) at="$at $word" ;;
    esac
  done
  case "$at" in
)",
                                   case_of_commands(commands));
  for (const Named& each : commands) {
    std::vector<std::string> choices;
    auto choice = [&](const std::string& word, const std::string& help) {
      choices.push_back(quoted(replaced(word, ":", "\\:") + ":" + help));
    };
    for (const CLI::App* below : commands_below(*each.app))
      choice(below->get_name(), below->get_description());
    for (const CLI::Option* option : options_of(*each.app))
      for (const std::string& word : option_words(*option)) choice(word, option->get_description());
    script += fmt::format("    {}) choices=({}) ;;\n", quoted(each.words), fmt::join(choices, " "));
  }
  return script + R"(  esac
  _describe -o hecate choices
  _files
}
compdef _hecate hecate
)";
}

// When `command` is the one that is being completed.
std::string fish_condition(const Named& command) {
  std::string condition;
  for (std::size_t at = command.words.find(' '); at != std::string::npos;
       at = command.words.find(' ', at + 1)) {
    std::string word = command.words.substr(at + 1, command.words.find(' ', at + 1) - at - 1);
    condition += fmt::format("{}__fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ", word);
  }
  std::vector<std::string> below;
  for (const CLI::App* each : commands_below(*command.app)) below.push_back(each->get_name());
  if (!below.empty())
    condition += fmt::format("{}not __fish_seen_subcommand_from {}", condition.empty() ? "" : "; and ",
                             fmt::join(below, " "));
  return condition;
}

std::string fish_script(const std::vector<Named>& commands) {
  auto text = [](const std::string& help) {
    return "'" + replaced(replaced(help, "\\", "\\\\"), "'", "\\'") + "'";
  };
  std::string script =
      "# fish completion of hecate: hecate completion fish > ~/.config/fish/completions/hecate.fish\n";
  for (const Named& each : commands) {
    std::string start = fmt::format("complete -c hecate -n {}", text(fish_condition(each)));
    for (const CLI::App* below : commands_below(*each.app))
      script += fmt::format("{} -f -a {} -d {}\n", start, below->get_name(), text(below->get_description()));
    for (const CLI::Option* option : options_of(*each.app)) {
      if (!option->nonpositional()) continue;
      std::string names;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      script += fmt::format("{}{}{} -d {}\n", start, names, takes_value(*option) ? " -r" : "",
                            text(option->get_description()));
    }
  }
  return script;
}

}  // namespace

std::string man_page(const CLI::App& app) {
  std::string page =
      fmt::format(".TH HECATE 1 \"\" \"{}\"\n.SH NAME\nhecate \\- Splunk detections on the stream\n",
                  roff(version_line()));
  page += ".SH SYNOPSIS\n.B hecate\n.I command\n[options]\n.SH DESCRIPTION\n" + roff(app.get_description()) +
          "\n";
  page += ".SH COMMANDS\n";
  for (const Named& each : commands_of(app)) {
    if (each.app == &app) continue;
    page += fmt::format(".SS {}\n{}.\n", roff(each.words), roff(each.app->get_description()));
    write_options(*each.app, page);
    if (!each.app->get_footer().empty()) page += ".PP\n" + roff(each.app->get_footer()) + "\n";
  }
  page += ".SH OPTIONS\n";
  write_options(app, page);
  return page;
}

std::string completion_script(const CLI::App& app, std::string_view shell) {
  std::vector<Named> commands = commands_of(app);
  if (shell == "bash") return bash_script(commands);
  return shell == "zsh" ? zsh_script(commands) : fish_script(commands);
}

}  // namespace hecate::daemon
