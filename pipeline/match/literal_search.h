#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hecate::match {

// Looks for texts in a raw event, all of them in one pass, ASCII letters without case; and for JSON escapes
// that may hide a letter of one (`\u0073`). Immutable, thread-safe.
class LiteralSearch {
 public:
  // Told what is there: the number of each literal, and that of no literal (how many there are) for a letter
  // in an escape. May be told a number more than once.
  class Hits {
   public:
    virtual ~Hits() = default;
    virtual void take(std::uint32_t literal) = 0;
  };
  // The memory of one thread.
  class Scratch {
   public:
    virtual ~Scratch() = default;
    // False when it could not be looked for.
    [[nodiscard]] virtual bool search(std::string_view text, Hits& hits) = 0;
  };

  virtual ~LiteralSearch() = default;
  [[nodiscard]] virtual std::unique_ptr<Scratch> make_scratch() const = 0;

  // `literals`: lower case, printable ASCII without `"` `&` `/` `<` `>` `\`, of two characters and more. By
  // the faster of the two; null when memory is short.
  [[nodiscard]] static std::unique_ptr<const LiteralSearch> make(std::span<const std::string> literals);

  // How that is done: by two rare letters of each, for so many at most (null otherwise, and where
  // hecate is built without AVX2) …
  static constexpr std::size_t kFew = 3;
  [[nodiscard]] static std::unique_ptr<const LiteralSearch> for_few(std::span<const std::string> literals);
  // … and by Hyperscan.
  [[nodiscard]] static std::unique_ptr<const LiteralSearch> for_many(std::span<const std::string> literals);
};

}  // namespace hecate::match
