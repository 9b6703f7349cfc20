#pragma once

#include "pipeline/spl/row.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace hecate::testing {

// An event that is a list of fields, in order; stands for the event layer.
class FakeEvent final : public spl::FieldSource {
 public:
  explicit FakeEvent(const spl::FieldNames& names) : names_(names) {}

  void set(const std::string& name, const std::vector<std::string>& values) {
    std::vector<Value>& items = lists_.emplace_back();
    for (const std::string& value : values) items.emplace_back(std::string_view(texts_.emplace_back(value)));
    fields_.emplace_back(texts_.emplace_back(name), Value::multi(items));
  }
  void set(const std::string& name, double number) {
    fields_.emplace_back(texts_.emplace_back(name), Value(number));
  }

  Value get(spl::FieldId id) override {
    for (const auto& [name, value] : fields_) {
      if (name == names_.name(id)) return value;
    }
    return {};
  }
  void each(const spl::FieldVisitor& visit) override {
    for (const auto& [name, value] : fields_) visit(name, value);
  }

  Time time = 0;
  std::uint64_t arrival = 0;

 private:
  const spl::FieldNames& names_;
  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  std::vector<std::pair<std::string_view, Value>> fields_;
};

}  // namespace hecate::testing
