#include "daemon/text_row.h"

#include "pipeline/spl/values.h"

namespace hecate::daemon {
namespace {

TextRow to_texts(const spl::Row& row) {
  TextRow texts;
  for (const spl::Row::Entry& entry : row.entries()) {
    for (const Value& value : entry.value.each()) {
      std::string text;
      spl::append_text(value, text);
      texts[std::string(entry.name)].push_back(std::move(text));
    }
  }
  return texts;
}

}  // namespace

std::string run_window(const spl::Plan& plan, const store::DeltaSet& deltas, const SearchTime& time,
                       const std::function<void(const TextRow&)>& row) {
  Arena arena;
  spl::EvalContext context{arena};
  context.earliest = time.earliest;
  context.latest = time.latest;
  context.now = time.now;
  auto read = [&](const spl::Scan& scan, spl::GroupVisitor visit) {
    return store::read_groups(deltas, scan, visit);
  };
  auto run = spl::run(plan, context, read, [&](const spl::ResultRow& result) { row(to_texts(result.row)); });
  return run ? context.incomplete : run.error().message;
}

}  // namespace hecate::daemon
