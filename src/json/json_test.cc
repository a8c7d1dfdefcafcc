#include "json/json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/random.h"
#include "json/toml.h"

namespace json {
namespace {

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Parse, ReadsEveryKindAndKeepsOrder) {
  const auto v = parse(R"({"z":1,"a":[null,true,-2.5,"x\u00e9\n"],"n":9007199254740993})");
  ASSERT_TRUE(v) << v.error().text();
  EXPECT_EQ(dump(*v), "{\"z\":1,\"a\":[null,true,-2.5,\"x\xC3\xA9\\n\"],\"n\":9007199254740993}");
  EXPECT_EQ((*v)["n"].as_int(), 9007199254740993);
  EXPECT_TRUE((*v)["absent"].is_null());
}

TEST(Parse, RefusesWhatIsNotStrict) {
  for (const char* bad : {"", "{", "{\"a\":1,\"a\":2}", "[1,]", "{'a':1}", "nul", "1 2",
                          "\xEF\xBB\xBF{}", "\"\xFF\"", "\"\\ud800\"", "1e400", "[01]", "\"a\nb\"",
                          "NaN", "{\"a\":{\"b\":1,\"b\":1}}", "123456789012345678901234567890"}) {
    const auto v = parse(bad);
    EXPECT_FALSE(v) << bad;
    if (!v) EXPECT_EQ(v.error().reason, "PARSE_STRICT") << bad;
  }
}

TEST(Parse, LimitsDepthAndSize) {
  EXPECT_TRUE(parse(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(parse(std::string(100, '[') + std::string(100, ']')));
  EXPECT_TRUE(
      parse(std::string(60, '[') + std::string(60, ']')));  // the parser is usable after an error
  EXPECT_EQ(parse("[1,2,3]", {.bytes_max = 3}).error().code, base::Code::TooLarge);
}

TEST(Number, SurvivesRoundTrip) {
  base::Rng rng(3);
  for (int i = 0; i < 20000; ++i) {
    const auto x = std::bit_cast<double>(rng.next());
    if (!std::isfinite(x)) continue;
    const std::string text = dump(x);
    const auto back = parse(text);
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(back->as_double(), x) << text;
  }
}

TEST(Canonical, FollowsTheRecordedVectors) {
  const std::filesystem::path folder = CHARTER_SOURCE_DIR "/../shared/vectors/jcs/testdata";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/vectors/jcs here";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "input")) {
    const auto value = parse(slurp(entry.path()));
    ASSERT_TRUE(value) << entry.path();
    EXPECT_EQ(canonical(*value), slurp(folder / "output" / entry.path().filename()))
        << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 6);
}

TEST(Canonical, SortsByUtf16) {
  Value v(Object{{"\xEF\xBC\xA1", 1}, {"\xF0\x9F\x99\x82", 2}, {"a", 3}});
  EXPECT_EQ(canonical(v), "{\"a\":3,\"\xF0\x9F\x99\x82\":2,\"\xEF\xBC\xA1\":1}");
}

TEST(Fields, NameWhatIsWrong) {
  const auto v = *parse(R"({"n":"x","extra":1})");
  EXPECT_EQ(get_int(v, "n").error().message, "Field 'n': expected an integer, but got string.");
  EXPECT_EQ(get_string(v, "m").error().where, "m");
  EXPECT_EQ(only_fields(v, {"n"}).error().where, "extra");
}

TEST(Toml, ReadsTheStrictSubset) {
  const auto v = parse_toml(
      "[a]\nn = 3\nt = \"x\"\nb = true\nl = [\"p\",\"q\"]\nd = 2026-11-21T10:00:00+08:00\n"
      "[[a.b2]]\nk = 1\n[[a.b2]]\nk = 2\n",
      "c.toml");
  ASSERT_TRUE(v) << v.error().text();
  EXPECT_EQ((*v)["a"]["n"].as_int(), 3);
  EXPECT_EQ((*v)["a"]["d"].as_string(), "2026-11-21T10:00:00+08:00");
  EXPECT_EQ((*v)["a"]["b2"].as_array().size(), 2u);
  for (const char* bad : {"a = 1\na = 2", "a = 1.5", "a = 1979-05-27", "a = 07:32:00",
                          "a = 1979-05-27T07:32:00", "[a", "a = 1e3", "a = \"\xFF\"",
                          "\xEF\xBB\xBF"
                          "a = 1",
                          "a = nan"}) {
    const auto refused = parse_toml(bad, "c.toml");
    EXPECT_FALSE(refused) << bad;
    if (!refused) EXPECT_EQ(refused.error().where, "c.toml");
  }
}

}  // namespace
}  // namespace json
