#include "tests/outputs/outbox_fixture.h"

#include "outputs/findings.h"

#include <prometheus/text_serializer.h>

namespace hecate::testing {

void OutboxFixture::SetUp() {
  auto store = store::Store::open(folder_.path(), clock_, registry_);
  ASSERT_TRUE(store) << store.error().message;
  store_ = std::move(*store);
  ASSERT_TRUE(outputs::prepare_tables(*store_));
  auto reader = store_->reader();
  ASSERT_TRUE(reader);
  reader_ = std::move(*reader);
  add_run(1, true);
}

void OutboxFixture::execute(const std::string& sql) {
  auto written = store_->write_and_wait([&](store::Database& database) { return database.execute(sql); });
  ASSERT_TRUE(written) << written.error().message;
}

void OutboxFixture::add_run(int run, bool done) {
  execute("INSERT INTO run (run, detection, scheduled, earliest, latest, rows, done) VALUES (" +
          std::to_string(run) + ", 'N', 0, 0, 0, 0, " + (done ? "1)" : "0)"));
}

void OutboxFixture::queue(const Lines& payloads, int run) {
  std::string sql;
  for (const std::string& payload : payloads) {
    sql += "INSERT INTO outbox (run, finding, kind, queued, payload) VALUES (" + std::to_string(run) +
           ", 'id', 'notable', " + std::to_string(clock_.now() - 5 * kSecond) + ", '" + payload + "');";
  }
  execute(sql);
}

outputs::OutboxOptions OutboxFixture::options_for(const Lines& urls) {
  using std::chrono::milliseconds;
  outputs::OutboxOptions options;
  for (const std::string& url : urls) options.endpoints.push_back({.url = url, .token = "T"});
  options.back_off = {
      .first = milliseconds(1), .longest = milliseconds(4), .longest_asked = milliseconds(600'000)};
  options.ack_poll = milliseconds(1);
  options.network.environment = [](const std::string&) { return ""; };
  return options;
}

void OutboxFixture::start_outbox(const outputs::OutboxOptions& options) {
  auto outbox = outputs::Outbox::start(*store_, clock_, options, registry_);
  ASSERT_TRUE(outbox) << outbox.error().message;
  outbox_ = std::move(*outbox);
}

std::int64_t OutboxFixture::number(const std::string& sql) {
  auto statement = reader_->prepare(sql);
  EXPECT_TRUE(statement);
  EXPECT_TRUE((*statement)->step().value_or(false));
  std::int64_t value = (*statement)->integer(0);
  (*statement)->reset();
  return value;
}

bool OutboxFixture::shows(const std::string& line) {
  return prometheus::TextSerializer().Serialize(registry_.Collect()).find(line) != std::string::npos;
}

Lines many(int count) {
  Lines lines;
  for (int i = 0; i < count; ++i) lines.push_back("e" + std::to_string(i));
  return lines;
}

}  // namespace hecate::testing
