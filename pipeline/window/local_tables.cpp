#include "pipeline/window/local_tables.h"

#include "pipeline/catalogue/csv.h"

#include <fmt/format.h>

namespace hecate::window {
namespace {

Result<std::shared_ptr<const spl::LookupTable>> read(store::Database& reader, const std::string& name) {
  auto statement = reader.prepare("SELECT csv FROM lookup WHERE name = ?");
  if (!statement) return std::unexpected(statement.error());
  auto found = (*statement)->bind_text(1, name).step();
  if (!found) return std::unexpected(found.error());
  if (!*found || (*statement)->text(0).empty())
    return std::make_shared<const spl::LookupTable>(std::vector<std::string>());
  auto table = catalogue::read_table((*statement)->text(0), fmt::format("the local table `{}`", name));
  (*statement)->reset();
  return table;
}

}  // namespace

Result<void> LocalTables::take_up(const catalogue::Catalogue& catalogue, store::Database& reader) {
  std::erase_if(tables_, [](const auto& table) { return table.expired(); });
  for (const auto& table : catalogue.local_tables) {
    auto stored = read(reader, table->name());
    if (!stored) return std::unexpected(stored.error());
    table->set(*std::move(stored));
    tables_.push_back(table);
  }
  return {};
}

Result<void> LocalTables::write(store::Database& database, const Written& written) {
  for (const auto& [table, content] : written) {
    auto statement = database.prepare("INSERT OR REPLACE INTO lookup VALUES (?, ?, ?)");
    if (!statement) return std::unexpected(statement.error());
    auto put = (*statement)
                   ->bind_text(1, table->name())
                   .bind(2, static_cast<std::int64_t>(content->rows()))
                   .bind_text(3, catalogue::to_csv(*content))
                   .run();
    if (!put) return put;
  }
  return {};
}

void LocalTables::show(const Written& written) const {
  for (const auto& [table, content] : written) {
    for (const auto& each : tables_)
      if (auto known = each.lock(); known && known->name() == table->name()) known->set(content);
  }
}

}  // namespace hecate::window
