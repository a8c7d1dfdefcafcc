// `charter data`: samples of the generators, as JSON lines.
#include <cstdio>
#include <optional>
#include <unordered_set>

#include "base/time.h"
#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "lab/synth/generator.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter data NAME [--count N] [--seed S] [--split SPLIT] [--out FILE]
       charter data list

Writes conversations that the computer makes: word problems whose answers the interpreter computes,
and small talk about Charter. One JSON object a line: messages, family, skeleton, and where there is
one the answer and its program. The same seed gives the same lines on every machine.

  NAME            math_en math_zh math_zh_hant chat_en chat_zh chat_zh_hant,
                  mini (the mix of these), or drill (bare sums)
  --count N       how many (10)
  --seed S        of the random numbers (1)
  --split SPLIT   train (default), held_out_skeleton or held_out_family
  --cases PREFIX  instead: cases of a suite (charter judge), each question once, with ids PREFIX-1,
                  PREFIX-2, ...; only samples that have one question and an answer
  --out FILE      into a file instead of standard output; a summary is printed then
)";

json::Value to_json(const lab::synth::Sample& sample) {
  json::Array messages;
  for (const auto& message : sample.messages) {
    messages.emplace_back(json::Object{{"role", message.role}, {"content", message.content}});
  }
  json::Value out = json::Object{
      {"messages", std::move(messages)}, {"family", sample.family}, {"skeleton", sample.skeleton}};
  if (sample.answer) out.set("answer", *sample.answer);
  if (!sample.program.empty()) out.set("program", sample.program);
  return out;
}

// The sample as a case of a suite, or nothing when it cannot be one.
std::optional<json::Value> to_case(const lab::synth::Sample& sample, const std::string& id) {
  const size_t last = sample.messages.size() - 1;
  const bool one_question = last == 1 || (last == 2 && sample.messages[0].role == "system");
  if (!one_question || !sample.answer) return std::nullopt;
  json::Array messages;
  for (size_t i = 0; i < last; ++i) {
    messages.emplace_back(
        json::Object{{"role", sample.messages[i].role}, {"content", sample.messages[i].content}});
  }
  return json::Object{{"id", id},
                      {"messages", std::move(messages)},
                      {"expect", json::Object{{"number", *sample.answer}}},
                      {"family", sample.family},
                      {"skeleton", sample.skeleton}};
}

base::Status list_names(bool as_json) {
  json::Array names;
  for (const std::string_view name : lab::synth::generator_names()) {
    if (!as_json) std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    names.emplace_back(name);
  }
  if (as_json) print_json(std::move(names));
  return {};
}

base::Status write_line(const std::string& line, std::optional<files::AtomicFile>& file) {
  if (file) return file->append(base::as_bytes(line));
  if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size()) return {};
  return base::fail(base::Code::Io, "standard output cannot be written", "stdout");
}

base::Status run(std::span<const std::string> arguments) {
  Options options("data");
  const std::string& name = options.positional("NAME");
  const int64_t& count = options.integer("--count", 10, 1, 1'000'000'000);
  const int64_t& seed = options.integer("--seed", 1, 0, INT64_MAX);
  const std::string& split_name = options.text("--split", "train");
  const std::string& cases = options.text("--cases", "");
  const std::string& out = options.text("--out", "");
  TRY_VOID(options.parse(arguments));
  if (name == "list") return list_names(options.json());
  TRY(const auto split, lab::synth::parse_split(split_name));
  TRY(const auto generator, lab::synth::find_generator(name, split));
  if (!cases.empty() && !name.starts_with("math_")) {
    return base::fail(base::Code::InvalidArgument,
                      "only the math_ generators give cases: small talk has no one answer", name);
  }
  std::optional<files::AtomicFile> file;
  if (!out.empty()) {
    TRY(file, files::AtomicFile::create(out));
  }
  base::Rng rng(static_cast<uint64_t>(seed));
  std::unordered_set<std::string> skeletons;
  std::unordered_set<std::string> questions;
  int64_t bytes = 0;
  const int64_t start_ns = base::monotonic_ns();
  for (int64_t i = 0; i < count;) {
    const lab::synth::Sample sample = generator->next(rng);
    std::optional<json::Value> value = to_json(sample);
    if (!cases.empty()) {
      value = to_case(sample, cases + '-' + std::to_string(i + 1));
      if (!value || !questions.insert(sample.messages[sample.messages.size() - 2].content).second)
        continue;
    }
    ++i;
    const std::string line = json::dump(*value) + '\n';
    TRY_VOID(write_line(line, file));
    bytes += static_cast<int64_t>(line.size());
    if (file) skeletons.insert(sample.skeleton);
  }
  if (!file) return {};
  TRY_VOID(file->commit());
  const double seconds = static_cast<double>(base::monotonic_ns() - start_ns) * 1e-9;
  const auto wordings = static_cast<int64_t>(skeletons.size());
  if (options.json()) {
    print_json(json::Object{{"out", out},
                            {"samples", count},
                            {"skeletons", wordings},
                            {"bytes", bytes},
                            {"seconds", seconds}});
  } else {
    std::printf("%s: %ld samples, %ld wordings, %ld bytes, %.1f s\n", out.c_str(), count, wordings,
                bytes, seconds);
  }
  return {};
}

}  // namespace

extern const Command kDataCommand;
const Command kDataCommand = {"data", "make training conversations: word problems and small talk",
                              kHelp, run};

}  // namespace cli
