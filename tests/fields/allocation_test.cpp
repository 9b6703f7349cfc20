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
  EventView views[2];
  views[0].raw = json;
  views[0].shape = Shape::json;
  views[0].fields = R"({"site":"berlin"})";
  views[1].raw = xml;
  views[1].shape = Shape::xml;
  auto run = [&] {
    std::size_t found = 0;
    for (const EventView& view : views) {
      EXPECT_TRUE(fields->reset(view, 0));
      for (spl::FieldId id = 0; id < names.size(); ++id) found += !fields->get(id).is_null();
    }
    return found;
  };
  std::size_t found = run();
  EXPECT_GT(found, 40u);
  (void)run();
  std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(run(), found);
  EXPECT_EQ(allocations - before, 0u);
}

}  // namespace
}  // namespace hecate::fields
