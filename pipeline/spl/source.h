#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hecate::spl {

// A place in the search as its author wrote it, counted from 1. What a macro brought in has the place of the
// macro's call.
struct Position {
  int line = 1;
  int column = 1;
  int call = 0;  // of a macro, by which it came in, as a SourceText counts them from 1; 0: none
};

// Why a search cannot be loaded: where, and in words what is wrong or not supported.
struct Diagnostic {
  Position position;
  std::string message;
};

template <typename T>
using Parsed = std::expected<T, Diagnostic>;

// One macro, as a site or a catalogue defines it: `name(a, b)` has arguments {a, b}.
struct Macro {
  std::string name;
  std::vector<std::string> arguments;
  std::string definition;
  std::string place{};   // of the definition, `file:line`, for messages
  std::string cannot{};  // why it cannot be put in; empty: it can
};

// Finds a macro by its name and number of arguments; nullptr when there is none.
using MacroLookup = std::function<const Macro*(std::string_view name, std::size_t arguments)>;

// A search after its macros were put in and its ```comments``` taken out (each reads as a blank), with the
// way back to what was written.
class SourceText {
 public:
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Position position(std::size_t offset) const;

  // Appends `piece`; its characters count on from `origin` (macro = false), or all stand at `origin`.
  void append(std::string_view piece, Position origin, bool macro);

  // A call of `macro` at `origin`: the place that what it brings in has.
  [[nodiscard]] Position called(const Macro& macro, Position origin);
  // The macros that what stands there came in by, the innermost first, with the places of their definitions;
  // empty where the author wrote it.
  [[nodiscard]] std::string macros_of(Position position) const;
  // Whether it stands in what a macro of such a name brought in.
  [[nodiscard]] bool is_by_macro(Position place, std::string_view name_end) const;
  // With the macros named in its message that what is wrong came in by, the innermost first.
  [[nodiscard]] Diagnostic with_macros(Diagnostic wrong) const;

 private:
  struct Call {
    std::string name;
    std::string macro;  // the name and where it is defined
    int by;             // the call that this one stands in; 0: none
  };
  struct Segment {
    std::size_t begin;
    Position origin;
    bool macro;
  };
  std::string text_;
  std::vector<Segment> segments_;
  std::vector<Call> calls_;
};

// Puts macros in: `name` and `name(a, "b, c")` between back quotes, nested up to 32 deep, `$arg$` replaced as
// text, nothing inside double quotes. Errors: unknown macro (with the nearest known form, if any), wrong
// number of arguments, too deep.
[[nodiscard]] Parsed<SourceText> expand_macros(std::string_view search, const MacroLookup& macros);

}  // namespace hecate::spl
