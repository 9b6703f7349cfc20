#include "pipeline/spl/row.h"

#include "tests/spl/fake_event.h"

#include <gtest/gtest.h>

namespace hecate::spl {
namespace {

using testing::FakeEvent;

TEST(FieldNames, EachNameHasOneNumber) {
  FieldNames names;
  FieldRef image = names.intern(std::string("Image"));
  EXPECT_EQ(names.intern("Image").id, image.id);
  EXPECT_EQ(names.intern("Image").name.data(), image.name.data());
  EXPECT_NE(names.intern("image").id, image.id);
  EXPECT_EQ(names.find("Image"), image.id);
  EXPECT_EQ(names.find("User"), -1);
  EXPECT_EQ(names.name(image.id), "Image");
  EXPECT_EQ(names.size(), 2U);
}

TEST(Row, ItsOwnFieldsGoBeforeThoseOfTheEvent) {
  FieldNames names;
  FieldRef a = names.intern("a");
  FieldRef b = names.intern("b");
  FakeEvent event(names);
  event.set("a", {"event"});
  event.set("b", {"event"});
  Row row(&event);
  EXPECT_EQ(row.get(a).text(), "event");
  row.set(a.name, Value("own"));
  row.set(b.name, Value());
  EXPECT_EQ(row.get(a).text(), "own");
  EXPECT_TRUE(row.get(b).is_null()) << "null hides the event's";
  row.clear();
  EXPECT_EQ(row.get(b).text(), "event");
}

TEST(Row, ByNameAloneItDoesNotSeeTheEvent) {
  FieldNames names;
  names.intern("a");
  FakeEvent event(names);
  event.set("a", {"event"});
  event.set("unnamed", {"x"});
  Row row(&event);
  EXPECT_TRUE(row.get("a").is_null());
  Arena arena;
  row.flatten(arena);
  EXPECT_EQ(row.get("a").text(), "event");
  EXPECT_EQ(row.get("unnamed").text(), "x");
  EXPECT_EQ(row.base(), nullptr);
}

TEST(Row, FlattenKeepsWhatWasSetAndRemoved) {
  FieldNames names;
  FakeEvent event(names);
  event.set("a", {"event"});
  event.set("b", {"event"});
  event.set("c", {"event"});
  Row row(&event);
  row.set("b", Value("own"));
  row.set("c", Value());
  Arena arena;
  row.flatten(arena);
  EXPECT_EQ(row.get("a").text(), "event");
  EXPECT_EQ(row.get("b").text(), "own");
  EXPECT_TRUE(row.get("c").is_null());
}

}  // namespace
}  // namespace hecate::spl
