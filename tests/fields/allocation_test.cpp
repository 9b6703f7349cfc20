#include "pipeline/decode/shape.h"
#include "pipeline/fields/event_fields.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

// Sanitizers bring their own allocator, whose pairs must not be mixed with ours: they do not count.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HECATE_COUNTS_ALLOCATIONS 1

// g++ 12 looks into the pair below where it is inlined and takes free() for the wrong partner of new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

// Counts what the whole program asks for; the test looks at the difference.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
#endif

namespace hecate::fields {
namespace {

TEST(Allocation, AnEventCostsNoneInSteadyState) {
#ifndef HECATE_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "allocations are not counted under a sanitizer";
#endif
  spl::FieldNames names;
  // Fields that `replace` makes are left out: the texts that SPL's functions build are the expression's
  // affair.
  for (const char* name : {"EventID",
                           "Image",
                           "TargetFilename",
                           "Computer",
                           "dest",
                           "dvc",
                           "file_hash",
                           "action",
                           "os",
                           "process_guid",
                           "process_id",
                           "process_path",
                           "signature",
                           "signature_id",
                           "user_id",
                           "src",
                           "vendor_product",
                           "_time",
                           "_raw",
                           "host",
                           "source",
                           "tag",
                           "site",
                           "User",
                           "Filesystem.dest",
                           "Filesystem.file_acl",
                           "datamodel::Endpoint.Filesystem",
                           "extra{}",
                           "nested.a"}) {
    names.intern(name);
  }
  auto rules = FieldRules::compile(FieldRules::builtin(), names);
  ASSERT_TRUE(rules) << rules.error().message;
  auto fields = EventFields::make(names, *rules);
  std::string json =
      R"({"SourceName":"Microsoft-Windows-Sysmon","Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"ws1",)"
      R"("EventID":11,"Message":"File created:\r\nUtcTime: 2026-04-27 13:00:00.111\r\nUser: A\\B","ProcessId":7,)"
      R"("UtcTime":"2026-04-27 13:00:00.111","Image":"C:\\a.exe","TargetFilename":"C:\\b.txt:s","extra":[1,2,3],)"
      R"("nested":{"a":"b"}})";
  std::string xml =
      "<Event><System><Provider "
      "Name='Microsoft-Windows-Sysmon'/><EventID>15</EventID><Computer>ws1</Computer></System>"
      "<EventData><Data Name='Image'>C:\\a.exe</Data><Data "
      "Name='TargetFilename'>C:\\b.txt:s</Data></EventData></Event>";
  // What is read beside the plain way: values without names, JSON and XML inside a string, heads, escapes.
  std::string inserts = R"({"ProviderName":"Microsoft-Windows-Sysmon","EventID":5,"Computer":"ws1",)"
                        R"("StringInserts":["-","2026-04-27 13:00:00.111","{g}",7,"C:\\a.exe"]})";
  std::string payload =
      R"(<14>Apr 27 13:00:00 ws1 x: {"Provider":"Microsoft-Windows-Sysmon","EventId":5,"Computer":"ws1",)"
      R"("Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"Image\",\"#text\":\"C:\\\\a.exe\"}]}}"})";
  std::string carried = R"({"host":"relay","message":")" + xml + R"("})";
  for (std::size_t at = 0; (at = carried.find("\\", at)) != std::string::npos; at += 2)
    carried.insert(at, "\\");
  std::string text =
      "<13>Apr 27 13:00:00 ws1 x: "
      "LogName=Microsoft-Windows-Sysmon/Operational#012EventCode=5#012ComputerName=ws1"
      "#012Message=Process terminated:#015#012Image: C:\\a.exe#015#012ProcessId: 7";
  EventView views[6];
  std::size_t filled = 0;
  for (const std::string* raw : {&json, &xml, &inserts, &payload, &carried, &text}) {
    views[filled].raw = *raw;
    views[filled++].shape = decode::shape_of(*raw);
  }
  views[0].fields = R"({"site":"berlin"})";
  auto run = [&] {
    std::size_t found = 0;
    for (const EventView& view : views) {
      EXPECT_TRUE(fields->reset(view, 0));
      for (spl::FieldId id = 0; id < names.size(); ++id) found += !fields->get(id).is_null();
      EXPECT_FALSE(fields->get(names.intern("Image").id).is_null()) << view.raw;
    }
    return found;
  };
  std::size_t found = run();
  EXPECT_GT(found, 100u);
  (void)run();
  std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(run(), found);
  EXPECT_EQ(allocations - before, 0u);
}

}  // namespace
}  // namespace hecate::fields
