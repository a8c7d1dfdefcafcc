#include <gtest/gtest.h>
#include <sysexits.h>

#include "cli/commands.h"
#include "cli/exit.h"

namespace cli {
namespace {

struct Parsed {
  base::Status status;
  std::string out, first, second;
  int64_t steps = 0;
  double rate = 0;
  bool quick = false, json = false, steps_given = false;
  std::vector<std::string> inputs;
};

Parsed parse(std::vector<std::string> arguments) {
  Options options("train");
  auto& out = options.text("--out", "runs/new");
  auto& steps = options.integer("--steps", 10, 1, 100);
  auto& rate = options.real("--rate", 0.5, 0, 1);
  auto& quick = options.flag("--quick");
  auto& inputs = options.list("--input");
  auto& first = options.positional("DATA");
  auto& second = options.optional_positional("MORE");
  base::Status status = options.parse(arguments);
  return {status, out, first, second, steps, rate, quick, options.json(), options.given("--steps"),
          inputs};
}

TEST(Options, ReadsEveryKind) {
  const Parsed p = parse({"data.txt", "--out=x y", "--steps", "100", "--rate", "1e-1", "--quick",
                          "--json", "--input", "a", "--input=b", "--", "--more"});
  ASSERT_TRUE(p.status) << p.status.error().text();
  EXPECT_EQ(p.out, "x y");
  EXPECT_EQ(p.steps, 100);
  EXPECT_TRUE(p.steps_given);
  EXPECT_DOUBLE_EQ(p.rate, 0.1);
  EXPECT_TRUE(p.quick);
  EXPECT_TRUE(p.json);
  EXPECT_EQ(p.inputs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(p.first, "data.txt");
  EXPECT_EQ(p.second, "--more");
}

TEST(Options, KeepsDefaults) {
  const Parsed p = parse({"data.txt"});
  ASSERT_TRUE(p.status);
  EXPECT_EQ(p.out, "runs/new");
  EXPECT_EQ(p.steps, 10);
  EXPECT_FALSE(p.steps_given);
  EXPECT_FALSE(p.quick);
}

TEST(Options, RefusalsNameTheOption) {
  const struct {
    std::vector<std::string> arguments;
    std::string names;
  } cases[] = {
      {{}, "DATA"},
      {{"d", "e", "f"}, "\"f\""},
      {{"d", "--stepz", "3"}, "--stepz"},
      {{"d", "-x"}, "-x"},
      {{"d", "--steps"}, "--steps needs a value"},
      {{"d", "--steps", "--json"}, "--steps needs a value"},
      {{"d", "--steps", "ten"}, "whole number"},
      {{"d", "--steps", "0"}, "from 1 to 100"},
      {{"d", "--steps", "99999999999999999999"}, "--steps"},
      {{"d", "--steps", "1", "--steps", "2"}, "twice"},
      {{"d", "--rate", "nan"}, "--rate"},
      {{"d", "--rate", "2"}, "from 0 to 1"},
      {{"d", "--quick=yes"}, "takes no value"},
  };
  for (const auto& c : cases) {
    const Parsed p = parse(c.arguments);
    ASSERT_FALSE(p.status) << c.names;
    EXPECT_EQ(p.status.error().code, base::Code::InvalidArgument);
    EXPECT_NE(p.status.error().message.find(c.names), std::string::npos)
        << p.status.error().message;
    EXPECT_NE(p.status.error().message.find("charter help train"), std::string::npos);
  }
}

TEST(Commands, EachIsFoundByItsNameAndHasAPage) {
  ASSERT_FALSE(commands().empty());
  for (const Command* command : commands()) {
    EXPECT_EQ(find_command(command->name), command);
    EXPECT_FALSE(command->summary.empty()) << command->name;
    EXPECT_NE(command->help.find("usage: charter " + std::string(command->name)), std::string::npos)
        << command->name;
    EXPECT_NE(overview().find(command->name), std::string::npos);
  }
  EXPECT_EQ(find_command("no such"), nullptr);
}

TEST(Commands, EachRefusesAnUnknownOption) {
  const std::vector<std::string> arguments = {"--no-such-option"};
  for (const Command* command : commands()) {
    const base::Status status = command->run(arguments);
    ASSERT_FALSE(status) << command->name;
    EXPECT_EQ(exit_code(status.error().code), EX_USAGE)
        << command->name << ": " << status.error().text();
  }
}

}  // namespace
}  // namespace cli
