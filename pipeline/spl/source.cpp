#include "pipeline/spl/source.h"

#include "fmt/format.h"

#include <algorithm>
#include <utility>

namespace hecate::spl {
namespace {

constexpr int kDeepest = 32;
constexpr std::string_view kComment = "```";

// The place `text` ends at when it begins at `position`. A column is a character, not a byte.
Position advance(Position position, std::string_view text) {
  for (char c : text) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((c & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The offset of the quote that closes the one at `at`, or the end of the text.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at, text.size());
}

// The offset of the back quote that closes the call opened at `at`, or npos.
std::size_t closing_back_quote(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '`') return at;
    if (text[at] == '"') at = closing_quote(text, at);
  }
  return std::string_view::npos;
}

// An argument as it is put in: quotes around it are only there to keep commas together.
std::string argument_text(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 || text.front() != '"' || closing_quote(text, 0) != text.size() - 1)
    return std::string(text);
  std::string inside;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && text[i + 1] == '"') ++i;
    inside += text[i];
  }
  return inside;
}

std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  if (trim(text).empty()) return arguments;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      i = closing_quote(text, i);
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    } else if (text[i] == ',' && depth == 0) {
      arguments.push_back(argument_text(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  arguments.push_back(argument_text(text.substr(begin)));
  return arguments;
}

std::string put_in(const Macro& macro, const std::vector<std::string>& arguments) {
  std::string_view definition = macro.definition;
  std::string out;
  for (std::size_t at = 0; at < definition.size();) {
    std::size_t close = definition[at] == '$' ? definition.find('$', at + 1) : std::string_view::npos;
    if (close != std::string_view::npos) {
      auto name = std::ranges::find(macro.arguments, definition.substr(at + 1, close - at - 1));
      if (name != macro.arguments.end()) {
        out += arguments[static_cast<std::size_t>(name - macro.arguments.begin())];
        at = close + 1;
        continue;
      }
    }
    out += definition[at++];
  }
  return out;
}

std::string count_of_arguments(std::size_t count) {
  return count == 1 ? "1 argument" : fmt::format("{} arguments", count);
}

class Expander {
 public:
  explicit Expander(const MacroLookup& macros) : macros_(macros) {}

  // `depth` 0 is what the author wrote; deeper texts all stand at `origin`.
  Parsed<void> expand(std::string_view text, Position origin, int depth);
  [[nodiscard]] SourceText& out() { return out_; }

 private:
  Parsed<void> call(std::string_view inside, Position origin, int depth);
  std::unexpected<Diagnostic> not_found(std::string_view name, std::size_t arguments, Position origin) const;

  const MacroLookup& macros_;
  SourceText out_;
};

Parsed<void> Expander::expand(std::string_view text, Position origin, int depth) {
  bool macro = depth > 0;
  std::size_t begin = 0;
  Position begin_position = origin;
  auto take_until = [&](std::size_t end, std::size_t next) {
    out_.append(text.substr(begin, end - begin), begin_position, macro);
    Position at = macro ? origin : advance(begin_position, text.substr(begin, end - begin));
    begin_position = macro ? origin : advance(at, text.substr(end, next - end));
    begin = next;
    return at;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      i = closing_quote(text, i) + 1;
    } else if (text.substr(i).starts_with(kComment)) {
      std::size_t close = text.find(kComment, i + kComment.size());
      std::size_t next = close == std::string_view::npos ? text.size() : close + kComment.size();
      Position at = take_until(i, next);
      if (close == std::string_view::npos) {
        return std::unexpected(Diagnostic{at, "a comment is opened here with ``` and never closed"});
      }
      out_.append(" ", at, true);
      i = next;
    } else if (text[i] == '`') {
      std::size_t close = closing_back_quote(text, i);
      std::size_t next = close == std::string_view::npos ? text.size() : close + 1;
      Position at = take_until(i, next);
      if (close == std::string_view::npos) {
        return std::unexpected(Diagnostic{at, "a macro call is opened here with ` and never closed"});
      }
      Parsed<void> done = call(text.substr(i + 1, close - i - 1), at, depth);
      if (!done) return done;
      i = next;
    } else {
      ++i;
    }
  }
  take_until(text.size(), text.size());
  return {};
}

Parsed<void> Expander::call(std::string_view inside, Position origin, int depth) {
  std::string_view name = trim(inside);
  std::vector<std::string> arguments;
  std::size_t open = name.find('(');
  if (open != std::string_view::npos) {
    if (name.back() != ')') {
      return std::unexpected(
          Diagnostic{origin, fmt::format("the macro call `{}` has no \")\" at its end", name)});
    }
    arguments = split_arguments(name.substr(open + 1, name.size() - open - 2));
    name = trim(name.substr(0, open));
  }
  if (name.empty())
    return std::unexpected(Diagnostic{origin, "a macro name is missing between the back quotes"});
  const Macro* macro = macros_ ? macros_(name, arguments.size()) : nullptr;
  if (macro == nullptr) return not_found(name, arguments.size(), origin);
  if (!macro->cannot.empty()) {
    std::string place = macro->place.empty() ? "" : fmt::format(" ({})", macro->place);
    return std::unexpected(Diagnostic{origin, fmt::format("macro `{}`{} {}", name, place, macro->cannot)});
  }
  if (depth >= kDeepest) {
    return std::unexpected(Diagnostic{
        origin, fmt::format("macro `{}` is called more than {} deep: does it call itself?", name, kDeepest)});
  }
  return expand(put_in(*macro, arguments), out_.called(*macro, origin), depth + 1);
}

std::unexpected<Diagnostic> Expander::not_found(std::string_view name, std::size_t arguments,
                                                Position origin) const {
  constexpr std::size_t kMostArguments = 16;
  for (std::size_t count = 0; macros_ && count <= kMostArguments; ++count) {
    if (macros_(name, count) == nullptr) continue;
    return std::unexpected(Diagnostic{
        origin, fmt::format("macro `{}` takes {}, not {}", name, count_of_arguments(count), arguments)});
  }
  return std::unexpected(Diagnostic{
      origin,
      fmt::format("unknown macro `{}` with {}: define it in one of the macro folders, or correct its name",
                  name, count_of_arguments(arguments))});
}

}  // namespace

void SourceText::append(std::string_view piece, Position origin, bool macro) {
  // Short segments, so that a place is found by counting few characters.
  constexpr std::size_t kSegment = 256;
  do {
    std::string_view part = piece.substr(0, macro ? piece.size() : kSegment);
    segments_.push_back({text_.size(), origin, macro});
    text_ += part;
    piece.remove_prefix(part.size());
    if (!macro) origin = advance(origin, part);
  } while (!piece.empty());
}

Position SourceText::called(const Macro& macro, Position origin) {
  std::string name = fmt::format("`{}`", macro.name);
  if (!macro.place.empty()) name += fmt::format(" ({})", macro.place);
  calls_.push_back({macro.name, std::move(name), origin.call});
  return {origin.line, origin.column, static_cast<int>(calls_.size())};
}

bool SourceText::is_by_macro(Position place, std::string_view name_end) const {
  for (int call = place.call; call > 0;) {
    const Call& in = calls_[static_cast<std::size_t>(call) - 1];
    if (in.name.ends_with(name_end)) return true;
    call = in.by;
  }
  return false;
}

std::string SourceText::macros_of(Position position) const {
  constexpr int kMost = 4;  // a macro may call itself
  std::string macros;
  std::string_view before;
  int named = 0;
  for (int call = position.call; call > 0;) {
    const Call& in = calls_[static_cast<std::size_t>(call) - 1];
    if (++named > kMost) return macros + ", …";
    macros += fmt::format("{}{}", std::exchange(before, ", called by "), in.macro);
    call = in.by;
  }
  return macros;
}

Diagnostic SourceText::with_macros(Diagnostic wrong) const {
  if (std::string macros = macros_of(wrong.position); !macros.empty())
    wrong.message += "; in macro " + macros;
  return wrong;
}

Position SourceText::position(std::size_t offset) const {
  if (segments_.empty()) return {};
  offset = std::min(offset, text_.size());
  auto behind = std::ranges::upper_bound(segments_, offset, {}, &Segment::begin);
  // What stands at the very end of a search has no character of its own: it counts with what was written
  // last.
  const Segment& segment = *std::prev(behind);
  if (segment.macro) return segment.origin;
  return advance(segment.origin, std::string_view(text_).substr(segment.begin, offset - segment.begin));
}

Parsed<SourceText> expand_macros(std::string_view search, const MacroLookup& macros) {
  Expander expander(macros);
  Parsed<void> done = expander.expand(search, Position{}, 0);
  if (!done) return std::unexpected(expander.out().with_macros(std::move(done).error()));
  return std::move(expander.out());
}

}  // namespace hecate::spl
